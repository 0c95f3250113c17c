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
func (s *Server) setNotify(v *config.Value) error {
	var on engine.EventClass
	for _, r := range strings.Join(v.Strings(), "") {
		on |= notifyLetters[r]
	}
	if on&(notifyKeyspace|notifyKeyevent) == 0 {
		on = 0 // nowhere to send them
	}
	was := engine.EventClass(s.notify.Swap(uint32(on)))
	switch {
	case was == 0 && on != 0:
		s.hooks.active.Add(1)
	case was != 0 && on == 0:
		s.hooks.active.Add(-1)
	}
	return nil
}

// A keyEvent is an event that happened under a lock and is told after it.
type keyEvent struct {
	db   int
	key  string
	name string
	own  int // how much of worker.own was there before
}

// noteEvent keeps an event for tell, if somebody may want it.
func (s *Server) noteEvent(tx *engine.Tx, key []byte, ev engine.Event) {
	if engine.EventClass(s.notify.Load())&ev.Class == 0 {
		return
	}
	if w, ok := tx.Owner.(*worker); ok {
		w.events = append(w.events, keyEvent{tx.DB, string(key), ev.Name, len(w.own)})
	}
}

// publishEvents publishes what has happened under the locks just released. What c, the
// client whose command it was, or nil, has published itself keeps its place in between.
func (w *worker) publishEvents(c *client) {
	on := engine.EventClass(w.srv.notify.Load())
	events, published, taken := w.events, w.own, 0
	w.events, w.own = nil, nil
	var channel []byte
	for _, ev := range events {
		w.own = append(w.own, published[taken:ev.own]...)
		taken = ev.own
		if on&notifyKeyspace != 0 {
			channel = appendDB(append(channel[:0], "__keyspace@"...), ev.db)
			channel = append(append(channel, "__:"...), ev.key...)
			w.broadcast(pubsub.Channel, c, channel, []byte(ev.name))
		}
		if on&notifyKeyevent != 0 {
			channel = appendDB(append(channel[:0], "__keyevent@"...), ev.db)
			channel = append(append(channel, "__:"...), ev.name...)
			w.broadcast(pubsub.Channel, c, channel, []byte(ev.key))
		}
	}
	w.own = append(w.own, published[taken:]...)
	clear(events)
	w.events = events[:0]
}

// tell passes on what a command has done to keys, now that its locks are released. What
// its client, c or nil, hears of that itself comes behind the reply, as does what the
// command has published: messages and events, and then invalidations.
func (w *worker) tell(c *client) {
	if len(w.events) > 0 {
		w.publishEvents(c)
	}
	if len(w.own) > 0 {
		w.reply.B = append(w.reply.B, w.own...)
		w.own = w.own[:0]
	}
	if len(w.stale) > 0 {
		w.invalidate(c)
	}
}
