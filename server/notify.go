package server

import (
	"strings"

	"cached/engine"
	"cached/internal/config"
	"cached/internal/pubsub"
)

// What notify-keyspace-events asks for beside classes of events.
const (
	notifyKeyspace engine.EventClass = 1 << (15 - iota) // K: a channel for each key
	notifyKeyevent                                      // E: a channel for each event
)

// notifyLetters are the letters of the classes.
var notifyLetters = map[rune]engine.EventClass{
	'g': engine.ClassGeneric, '$': engine.ClassString, 'l': engine.ClassList, 's': engine.ClassSet,
	'h': engine.ClassHash, 'z': engine.ClassZSet, 'x': engine.ClassExpired, 'e': engine.ClassEvicted,
	't': engine.ClassStream, 'm': engine.ClassMiss, 'n': engine.ClassNew, 'd': 0,
	'K': notifyKeyspace, 'E': notifyKeyevent,
	'A': engine.ClassGeneric | engine.ClassString | engine.ClassList | engine.ClassSet | engine.ClassHash |
		engine.ClassZSet | engine.ClassExpired | engine.ClassEvicted | engine.ClassStream,
}

// setNotify follows notify-keyspace-events.
func (p *Pusher) setNotify(v *config.Value) error {
	var on engine.EventClass
	for _, r := range strings.Join(v.Strings(), "") {
		on |= notifyLetters[r]
	}
	if on&(notifyKeyspace|notifyKeyevent) == 0 {
		on = 0 // nowhere to send them
	}
	was := engine.EventClass(p.notify.Swap(uint32(on)))
	switch {
	case was == 0 && on != 0:
		p.hooks.active.Add(1)
	case was != 0 && on == 0:
		p.hooks.active.Add(-1)
	}
	return nil
}

// A keyEvent is an event that happened under a lock and is published after it.
type keyEvent struct {
	db   int
	key  string
	name string
	own  int // how much of worker.own was there before
}

// noteEvent keeps an event for publishEvents, if somebody may want it.
func (p *Pusher) noteEvent(tx *engine.Tx, key []byte, ev engine.Event) {
	if engine.EventClass(p.notify.Load())&ev.Class == 0 {
		return
	}
	if w := workerOfTx(tx); w != nil {
		work := pushWorks.of(w)
		work.events = append(work.events, keyEvent{tx.DB, string(key), ev.Name, len(w.own)})
		w.due = true
	}
}

// publishEvents publishes what has happened under the locks just released. What c, the
// client whose command it was, or nil, has published itself keeps its place in between.
func (p *Pusher) publishEvents(w *worker, c *client) {
	on := engine.EventClass(p.notify.Load())
	work := pushWorks.of(w)
	if len(work.events) == 0 {
		return
	}
	events, published, taken := work.events, w.own, 0
	work.events, w.own = nil, nil
	var channel []byte
	for _, ev := range events {
		w.own = append(w.own, published[taken:ev.own]...)
		taken = ev.own
		if on&notifyKeyspace != 0 {
			channel = appendDB(append(channel[:0], "__keyspace@"...), ev.db)
			channel = append(append(channel, "__:"...), ev.key...)
			p.broadcast(w, pubsub.Channel, c, channel, []byte(ev.name))
		}
		if on&notifyKeyevent != 0 {
			channel = appendDB(append(channel[:0], "__keyevent@"...), ev.db)
			channel = append(append(channel, "__:"...), ev.name...)
			p.broadcast(w, pubsub.Channel, c, channel, []byte(ev.key))
		}
	}
	w.own = append(w.own, published[taken:]...)
	clear(events)
	work.events = events[:0]
}

// A notifier has events of keys published.
type notifier Pusher

// Changed hears of an event, under the lock of the key's shard.
func (n *notifier) Changed(tx *engine.Tx, key []byte, ev engine.Event) {
	(*Pusher)(n).noteEvent(tx, key, ev)
}

// Flushed and Swapped are no events of a key.
func (n *notifier) Flushed(*engine.Tx, int) {}

// Swapped does nothing, as Flushed.
func (n *notifier) Swapped(*engine.Tx, int, int) {}
