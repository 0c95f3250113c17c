package commands

import (
	"strconv"

	"cached/engine"
)

// Deadlines of parts: of a hash's fields (HEXPIRE and its kin) and of a set's members (SEXPIRE and
// its kin). Both have the same words, replies and effects under other names.

// parts are those of a value. Deadlines are Unix milliseconds, 0 for none.
type parts interface {
	Deadline(part []byte) (due int64, found bool)
	SetDeadline(part []byte, due int64) bool
	Remove(part []byte) bool
	Len() int
}

// A partKind has the names of one kind of parts.
type partKind struct {
	keyword                        string // in front of their number
	expireAt, persist, remove      string // the commands that are logged
	expires, persists, removes     engine.Event
	missing, mismatch              error // of the keyword, and of the number
	badNumber, badNumberOfDeadline error
}

// Replies about a part.
const (
	partMissing = -2
	partNoTTL   = -1 // also of PERSIST
	partRefused = 0
	partSet     = 1
	partDeleted = 2
)

// parts reads the keyword, the number of parts and the parts, which must be the last words.
func (a *Args) parts(k *partKind, badNumber error) [][]byte {
	if !a.Is(k.keyword) {
		a.Fail(k.missing)
	}
	return a.counted(1, badNumber, k.mismatch)
}

// expireParts is HEXPIRE, SEXPIRE and their kin. open returns the value at a key.
func expireParts[P parts](c *Ctx, k *partKind, open func(key []byte) (P, bool, error), unitMS int64, relative bool) error {
	at, err := c.fieldTime(c.Argv[2], unitMS, relative)
	if err != nil {
		return err
	}
	a := c.Args(3)
	cond := a.deadlineCondition()
	names := a.parts(k, k.badNumberOfDeadline)
	if err := a.End(); err != nil {
		return err
	}
	key := c.Argv[1]
	p, there, err := open(key)
	if err != nil {
		return err
	}
	c.Reply.Array(len(names))
	var set, deleted [][]byte
	for _, name := range names {
		old, found := int64(0), false
		if there {
			old, found = p.Deadline(name)
		}
		switch {
		case !found:
			c.Reply.Int(partMissing)
		case cond.refuses(old, at):
			c.Reply.Int(partRefused)
		case c.passed(at):
			p.Remove(name)
			deleted = append(deleted, name)
			there = p.Len() > 0
			c.Reply.Int(partDeleted)
		default:
			p.SetDeadline(name, at)
			set = append(set, name)
			c.Reply.Int(partSet)
		}
	}
	partsChanged(c, k, key, p, set, at, deleted)
	return nil
}

// partsChanged reports changes of parts: those that got the deadline at (0: that lost theirs), and those that
// were deleted.
func partsChanged[P parts](c *Ctx, k *partKind, key []byte, p P, set [][]byte, at int64, deleted [][]byte) {
	if len(set) > 0 {
		words := append([][]byte{[]byte(k.keyword), countText(len(set))}, set...)
		if at != 0 {
			c.Tx.FieldsExpire(key)
			c.Tx.Modified(key, k.expires)
			c.Propagate(k.expireAt, append([][]byte{key, strconv.AppendInt(nil, at, 10)}, words...)...)
		} else {
			c.Tx.Modified(key, k.persists)
			c.Propagate(k.persist, append([][]byte{key}, words...)...)
		}
	}
	if len(deleted) > 0 {
		c.Tx.Modified(key, k.removes)
		c.Propagate(k.remove, append([][]byte{key}, deleted...)...)
		c.endIfEmpty(key, p.Len())
	}
}

// eachDeadline visits the parts that the command names and that are there, for one integer to be replied for
// each. It replies for the others.
func eachDeadline[P parts](c *Ctx, k *partKind, open func(key []byte) (P, bool, error), visit func(p P, name []byte, at int64)) error {
	a := c.Args(2)
	names := a.parts(k, k.badNumber)
	if err := a.End(); err != nil {
		return err
	}
	p, there, err := open(c.Argv[1])
	if err != nil {
		return err
	}
	c.Reply.Array(len(names))
	for _, name := range names {
		at, found := int64(0), false
		if there {
			at, found = p.Deadline(name)
		}
		switch {
		case !found:
			c.Reply.Int(partMissing)
		case at == 0:
			c.Reply.Int(partNoTTL)
		default:
			visit(p, name, at)
		}
	}
	return nil
}

// partTimes replies when parts expire, rounded up to the unit.
func partTimes[P parts](c *Ctx, k *partKind, open func(key []byte) (P, bool, error), unitMS int64, relative bool) error {
	return eachDeadline(c, k, open, func(_ P, _ []byte, at int64) {
		if relative {
			at = max(at-c.NowMS, 0)
		}
		c.Reply.Int((at + unitMS - 1) / unitMS)
	})
}

// persistParts takes the deadlines of parts away.
func persistParts[P parts](c *Ctx, k *partKind, open func(key []byte) (P, bool, error)) error {
	var changed P
	var done [][]byte
	err := eachDeadline(c, k, open, func(p P, name []byte, _ int64) {
		changed = p
		p.SetDeadline(name, 0)
		done = append(done, name)
		c.Reply.Int(partSet)
	})
	partsChanged(c, k, c.Argv[1], changed, done, 0, nil)
	return err
}
