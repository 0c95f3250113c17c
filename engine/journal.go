package engine

import (
	"cached/engine/table"
	"cached/internal/effects"
)

// A Watcher hears of every change, under the lock of the shard it happened in.
// It must not call back and must not keep key.
type Watcher interface {
	// Changed: a command or a deadline changed the value at key.
	Changed(tx *Tx, key []byte, ev Event)
	// Flushed: every key of db is gone; -1 stands for all databases.
	Flushed(tx *Tx, db int)
	// Swapped: two databases have changed places.
	Swapped(tx *Tx, a, b int)
}

// A RemovalWatcher is a Watcher that hears of a key before it is removed: because its
// deadline has passed, it is evicted, deleted or overwritten by a value of another kind. Not
// of keys that are flushed, or change their name or database.
type RemovalWatcher interface {
	// Removing is called under the lock of the shard. The item, with its metadata, is
	// good until it returns.
	Removing(tx *Tx, db int, it table.Item)
}

// An EventClass is one of the classes of keyspace events, a bit each, in the
// order of their letters in notify-keyspace-events.
type EventClass uint16

// The classes.
const (
	ClassGeneric EventClass = 1 << iota // g
	ClassString                         // $
	ClassList                           // l
	ClassSet                            // s
	ClassHash                           // h
	ClassZSet                           // z
	ClassExpired                        // x
	ClassEvicted                        // e
	ClassStream                         // t
	ClassMiss                           // m
	ClassNew                            // n
)

// An Event is what happened to a key, as notifications name it.
type Event struct {
	Name  string
	Class EventClass
	// Beside says that what is read at the key is as it was: those who watch, cache
	// or wait for it need not know, unless Wakes says that the last do.
	Beside, Wakes bool
}

// Events of keys and strings; those of other types stand beside their commands.
var (
	EventDel         = Event{Name: "del", Class: ClassGeneric}
	EventExpire      = Event{Name: "expire", Class: ClassGeneric}
	EventPersist     = Event{Name: "persist", Class: ClassGeneric}
	EventRenameFrom  = Event{Name: "rename_from", Class: ClassGeneric}
	EventRenameTo    = Event{Name: "rename_to", Class: ClassGeneric}
	EventMoveFrom    = Event{Name: "move_from", Class: ClassGeneric}
	EventMoveTo      = Event{Name: "move_to", Class: ClassGeneric}
	EventCopyTo      = Event{Name: "copy_to", Class: ClassGeneric}
	EventHExpired    = Event{Name: "hexpired", Class: ClassHash}
	EventSExpired    = Event{Name: "sexpired", Class: ClassSet}
	EventExpired     = Event{Name: "expired", Class: ClassExpired}
	EventEvicted     = Event{Name: "evicted", Class: ClassEvicted}
	EventMiss        = Event{Name: "keymiss", Class: ClassMiss}
	EventNew         = Event{Name: "new", Class: ClassNew}
	EventSet         = Event{Name: "set", Class: ClassString}
	EventSetRange    = Event{Name: "setrange", Class: ClassString}
	EventAppend      = Event{Name: "append", Class: ClassString}
	EventSetBit      = Event{Name: "setbit", Class: ClassString}
	EventIncrBy      = Event{Name: "incrby", Class: ClassString}
	EventIncrByFloat = Event{Name: "incrbyfloat", Class: ClassString}
)

// Propagate records an effect that replaces the command's own words in the
// stream: commands whose outcome depends on time or chance say what they did.
// It copies its arguments.
func (tx *Tx) Propagate(name string, args ...[]byte) {
	tx.explicit = true
	if !tx.Journaled() {
		return
	}
	argv := make([][]byte, 1, 1+len(args))
	argv[0] = []byte(name)
	for _, a := range args {
		argv = append(argv, append([]byte(nil), a...))
	}
	tx.effects = append(tx.effects, effects.Effect{DB: tx.DB, Argv: argv})
}

// PropagateNothing says that the command's changes need no record, because
// what they did is not worth one or was told already.
func (tx *Tx) PropagateNothing() { tx.explicit = true }

// Commit hands the effects since the last Commit to the stream: those of
// Propagate or, when there were changes and no Propagate, the command argv
// itself. It comes before Unlock. Between BeginAtomic and CommitAtomic effects
// are kept back. What one command did is seen whole; without argv, each effect
// stands for itself.
func (tx *Tx) Commit(argv [][]byte) {
	own := tx.dirty > 0 && !tx.explicit && argv != nil
	if own || len(tx.effects) > 0 {
		tx.commitEffects(argv, own)
	}
	if tx.dirty > 0 {
		tx.countChanges()
	}
	tx.dirty, tx.explicit = 0, false
}

func (tx *Tx) commitEffects(argv [][]byte, own bool) {
	switch {
	case !tx.Journaled():
		tx.dropEffects()
	case tx.atomic:
		if own {
			tx.effects = append(tx.effects, effects.Effect{DB: tx.DB, Argv: copyWords(argv)})
		}
	case len(tx.effects) == 0:
		tx.e.effects.Append(tx.DB, argv...)
		tx.told = true
	default:
		if own {
			tx.effects = append(tx.effects, effects.Effect{DB: tx.DB, Argv: argv})
		}
		tx.tellEffects(argv != nil)
	}
}

// tellEffects passes all effects on.
func (tx *Tx) tellEffects(whole bool) {
	if whole && len(tx.effects) > 1 {
		tx.e.effects.AppendAll(tx.effects)
	} else {
		for _, ef := range tx.effects {
			tx.e.effects.Append(ef.DB, ef.Argv...)
		}
	}
	tx.told = true
	tx.dropEffects()
}

func (tx *Tx) dropEffects() {
	clear(tx.effects)
	tx.effects = tx.effects[:0]
}

// Told reports whether anything was added to the stream since Begin.
func (tx *Tx) Told() bool { return tx.told }

// countChanges adds the changes to the count of one of the shards they were in.
func (tx *Tx) countChanges() {
	i := tx.one
	if i < 0 {
		if i = tx.locked.first(); i < 0 {
			return
		}
	}
	tx.e.shards[i].changes += int64(tx.dirty)
}

// BeginAtomic has what several commands do journaled as one, with the locks of
// all of them held.
func (tx *Tx) BeginAtomic() { tx.atomic = true }

// Atomic reports whether what is done is one of several commands between BeginAtomic and
// CommitAtomic.
func (tx *Tx) Atomic() bool { return tx.atomic }

// CommitAtomic hands the effects of all commands since BeginAtomic to the
// stream, to be seen whole.
func (tx *Tx) CommitAtomic() {
	tx.atomic, tx.dirty, tx.explicit = false, 0, false
	if len(tx.effects) == 0 {
		return
	}
	if tx.Journaled() {
		tx.tellEffects(true)
	} else {
		tx.dropEffects()
	}
}

func copyWords(argv [][]byte) [][]byte {
	words := make([][]byte, len(argv))
	for i, a := range argv {
		words[i] = append([]byte(nil), a...)
	}
	return words
}

// Dirty is the number of changes since the last Commit.
func (tx *Tx) Dirty() int { return tx.dirty }

// Modified tells that a command changed the value at key. It is called once
// for each key a command changed, after the change.
func (tx *Tx) Modified(key []byte, ev Event) {
	tx.dirty++
	tx.tell(key, ev)
}

// Logged counts a change that logs and replicas have to know of, and nobody else:
// it is no event, and no change to those who watch the key.
func (tx *Tx) Logged() { tx.dirty++ }

// Journaled reports whether effects of the Tx are added to the stream: something follows
// it, and what is done here is not applied from such a stream itself.
func (tx *Tx) Journaled() bool { return !tx.Applying && tx.e.effects.Active() }

// tell passes an event on without counting a change.
func (tx *Tx) tell(key []byte, ev Event) {
	for _, w := range tx.e.watchers {
		w.Changed(tx, key, ev)
	}
}
