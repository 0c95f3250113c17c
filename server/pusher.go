package server

import (
	"sync/atomic"

	"cached/internal/pubsub"
)

// A Pusher sends clients what they did not ask for: messages of channels, events of keys,
// invalidations for their caches, and the commands of others to those in MONITOR.
type Pusher struct {
	*Road

	hub         *pubsub.Hub
	watching    *pubsub.Hub // its only channel is that of MONITOR
	tracked     trackingTable
	notify      atomic.Uint32 // engine.EventClass
	subscribers atomic.Int64  // clients with subscriptions
}

// A pushState is what a Pusher keeps with a client.
type pushState struct {
	subs       subscriptions
	tracking   *tracking            // or nil
	monitoring *pubsub.Subscription // or nil
}

// A pushWork is what a Pusher keeps with a worker.
type pushWork struct {
	events []keyEvent // of the command that runs, published after it
	stale  []stale

	messages     []message // for publications: what is left of a block
	messageBytes []byte    // and of one for their bytes
}

var (
	pushStates = newClientSlot[pushState]()
	pushWorks  = newWorkerSlot[pushWork]()
)

// newPusher returns the road's Pusher, and hangs it there.
func newPusher(r *Road) *Pusher {
	p := &Pusher{Road: r, hub: pubsub.New(), watching: pubsub.New()}
	p.tracked.keys = make(map[string]map[int64]struct{})
	p.tracked.bcast, p.tracked.all = make(map[*client]*tracking), make(map[int64]*client)
	on := &r.on
	on.Watchers = append(on.Watchers, &p.tracked, (*notifier)(p))
	on.After = append(on.After, p.publishEvents, p.invalidate)
	on.Leave = append(on.Leave, p.leaveAll, p.untrack, p.stopMonitor)
	on.Read, on.Ran = p.remember, p.showCommand
	return p
}
