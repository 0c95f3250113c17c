package engine

import (
	"cached/engine/table"
	"cached/internal/effects"
)

// A Watcher is notified of every change, under the lock of the shard in which it happened. It must not call back
// into the engine and must not keep key.
type Watcher interface {
	// Changed: a command or a deadline changed the value at key.
	Changed(tx *Tx, key []byte, ev Event)
	// Flushed: all keys of db were removed; -1 stands for all databases.
	Flushed(tx *Tx, db int)
	// Swapped: two databases have changed places.
	Swapped(tx *Tx, a, b int)
}

// A RemovalWatcher is a Watcher that is notified before a key is removed: because its deadline has passed, it is
// evicted, deleted or overwritten by a value of another kind. It is not notified of keys that are flushed, renamed
// or moved to another database.
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
	// Beside says that the value that clients read at the key is unchanged: clients that watch, cache or wait for
	// the key need no notification. With Wakes, those that wait for it do.
	Beside, Wakes bool
}

// Events of keys and strings; those of other types are in the files of their commands.
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

// Propagate adds an effect to the stream in place of the command itself: a command whose outcome depends on time
// or chance records the outcome. It copies its arguments.
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

// PropagateNothing says that the command's changes are not recorded, because they need no record or were recorded
// already.
func (tx *Tx) PropagateNothing() { tx.explicit = true }

// Commit adds the effects since the last Commit to the stream: those of Propagate or, when there were changes and
// no Propagate, the command argv itself. It is called before Unlock. Between BeginAtomic and CommitAtomic effects
// are kept back. The effects of one command form one transaction in the stream; without argv, each effect stands
// alone.
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
	s := &tx.e.shards[i]
	s.changes += int64(tx.dirty)
	if s.alert&alertBacklog != 0 {
		tx.helpSweep(s)
	}
}

// BeginAtomic begins several commands whose effects form one transaction in the stream. The Tx holds the locks of
// all of them.
func (tx *Tx) BeginAtomic() { tx.atomic = true }

// Atomic reports whether the Tx is between BeginAtomic and CommitAtomic.
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

// Modified reports a change of the value at key to all watchers and counts it. A command calls it once for each
// key it has changed, after the change.
func (tx *Tx) Modified(key []byte, ev Event) {
	tx.dirty++
	if tx.e.minded.Load() {
		tx.minds(key, ev)
	}
	tx.tell(key, ev)
}

// Logged counts a change that only logs and replicas need: it is no event, and clients that watch the key are not
// notified.
func (tx *Tx) Logged() { tx.dirty++ }

// Journaled reports whether effects of the Tx are added to the stream: the stream has a sink, and the Tx does not
// itself apply effects of a log or a primary.
func (tx *Tx) Journaled() bool { return !tx.Applying && tx.e.effects.Active() }

// tell notifies the watchers of an event without counting a change.
func (tx *Tx) tell(key []byte, ev Event) {
	for _, w := range tx.e.watchers {
		w.Changed(tx, key, ev)
	}
}
