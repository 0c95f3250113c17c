package engine

// A Journal sees every effect in the order in which it happened to each key. It
// is called under shard locks, must not call back, and must not keep argv.
type Journal interface {
	Append(db int, argv ...[]byte)
}

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

// Tee returns a Journal that passes every effect to each of js in turn; nil
// ones are left out.
func Tee(js ...Journal) Journal {
	var t tee
	for _, j := range js {
		if j != nil {
			t = append(t, j)
		}
	}
	if len(t) == 0 {
		return nil
	}
	return t
}

type tee []Journal

func (t tee) Append(db int, argv ...[]byte) {
	for _, j := range t {
		j.Append(db, argv...)
	}
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

// An effect is a command that has the same outcome as what was done.
type effect struct {
	db   int
	argv [][]byte
}

// Propagate records an effect that replaces the command's own words in the
// journal: commands whose outcome depends on time or chance say what they did.
// It copies its arguments.
func (tx *Tx) Propagate(name string, args ...[]byte) {
	tx.explicit = true
	if tx.e.journal == nil {
		return
	}
	argv := make([][]byte, 1, 1+len(args))
	argv[0] = []byte(name)
	for _, a := range args {
		argv = append(argv, append([]byte(nil), a...))
	}
	tx.effects = append(tx.effects, effect{tx.DB, argv})
}

// PropagateNothing says that the command's changes need no record, because
// what they did is not worth one or was told already.
func (tx *Tx) PropagateNothing() { tx.explicit = true }

// Commit hands the effects since the last Commit to the journal: those of
// Propagate or, when there were changes and no Propagate, the command argv
// itself. It comes before Unlock. Between BeginAtomic and CommitAtomic effects
// are kept back.
func (tx *Tx) Commit(argv [][]byte) {
	if j := tx.e.journal; j != nil {
		own := tx.dirty > 0 && !tx.explicit && argv != nil
		switch {
		case !tx.atomic:
			for _, ef := range tx.effects {
				j.Append(ef.db, ef.argv...)
			}
			if own {
				j.Append(tx.DB, argv...)
			}
			clear(tx.effects)
			tx.effects = tx.effects[:0]
		case own:
			tx.effects = append(tx.effects, effect{tx.DB, copyWords(argv)})
		}
	}
	if tx.dirty > 0 {
		tx.countChanges()
	}
	tx.dirty, tx.explicit = 0, false
}

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

// CommitAtomic hands the effects of all commands since BeginAtomic to the
// journal, between MULTI and EXEC if there is more than one.
func (tx *Tx) CommitAtomic() {
	tx.atomic, tx.dirty, tx.explicit = false, 0, false
	j := tx.e.journal
	if j == nil || len(tx.effects) == 0 {
		return
	}
	first, last := tx.effects[0].db, tx.effects[len(tx.effects)-1].db
	several := len(tx.effects) > 1
	if several {
		j.Append(first, []byte("MULTI"))
	}
	for _, ef := range tx.effects {
		j.Append(ef.db, ef.argv...)
	}
	if several {
		j.Append(last, []byte("EXEC"))
	}
	clear(tx.effects)
	tx.effects = tx.effects[:0]
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

// Journaled reports whether anybody logs effects.
func (tx *Tx) Journaled() bool { return tx.e.journal != nil }

// tell passes an event on without counting a change.
func (tx *Tx) tell(key []byte, ev Event) {
	for _, w := range tx.e.watchers {
		w.Changed(tx, key, ev)
	}
}
