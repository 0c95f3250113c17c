package commands

import (
	"math"

	"cached/engine/value"
)

// XDELEX and XACKDEL: deleting entries with a word on what groups still hold of them.

const (
	errNumIDs         = Error("ERR Number of IDs must be a positive integer")
	errNumIDsMismatch = Error("ERR The `numids` parameter must match the number of arguments")
)

// What XDELEX and XACKDEL reply for an entry.
const (
	entryMissing = -1
	entryDeleted = 1
	entryHeld    = 2
)

// An entryDeletion is XDELEX or XACKDEL with its words read.
type entryDeletion struct {
	ids  []value.StreamID
	refs string // KEEPREF, DELREF, ACKED
}

// entryDeletion reads the words from i on: the policy and the IDs, in either order.
func (c *Ctx) entryDeletion(i int) (q entryDeletion, err error) {
	a := c.Args(i)
	var words [][]byte
	for a.More() {
		switch {
		case words == nil && a.Is("IDS"):
			n, ok := value.ParseInt(a.Next())
			switch {
			case a.Err() != nil:
				return q, a.Err()
			case !ok || n < 1 || n > math.MaxInt32:
				return q, errNumIDs
			case n > int64(a.Left()):
				return q, errNumIDsMismatch
			}
			words = a.argv[a.i : a.i+int(n)]
			a.i += int(n)
		case q.refs != "":
			return q, ErrSyntax
		case a.Is("KEEPREF"):
			q.refs = "KEEPREF"
		case a.Is("DELREF"):
			q.refs = "DELREF"
		case a.Is("ACKED"):
			q.refs = "ACKED"
		default:
			return q, ErrSyntax
		}
	}
	if words == nil {
		return q, ErrSyntax
	}
	if q.refs == "" {
		q.refs = "KEEPREF"
	}
	q.ids, err = streamIDs(words)
	return q, err
}

func xdelex(c *Ctx) error {
	q, err := c.entryDeletion(2)
	if err != nil {
		return err
	}
	s, ok, err := c.stream(c.Argv[1])
	if err != nil {
		return err
	}
	c.Reply.Array(len(q.ids))
	var log entryLog
	for _, id := range q.ids {
		reply := int64(entryMissing)
		if ok {
			reply = q.remove(s, id, &log)
		}
		c.Reply.Int(reply)
	}
	log.propagate(c)
	return nil
}

// xackdel acknowledges entries in a group and deletes them. What the group does not hold
// is neither acknowledged nor deleted.
func xackdel(c *Ctx) error {
	q, err := c.entryDeletion(3)
	if err != nil {
		return err
	}
	s, ok, err := c.stream(c.Argv[1])
	if err != nil {
		return err
	}
	var g value.StreamGroup
	if ok {
		g, ok = s.Group(c.Argv[2])
	}
	c.Reply.Array(len(q.ids))
	var log entryLog
	for _, id := range q.ids {
		reply := int64(entryMissing)
		switch {
		case !ok:
		case g.Ack(id):
			log.acked(c.Argv[2], id)
			reply = q.remove(s, id, &log)
		case q.refs == "DELREF" && !s.Has(id):
			log.dropRefs(s, id)
		}
		c.Reply.Int(reply)
	}
	log.propagate(c)
	return nil
}

// remove deletes an entry as far as the policy allows, and returns the reply for it.
func (q *entryDeletion) remove(s value.StreamRef, id value.StreamID, log *entryLog) int64 {
	found := s.Has(id)
	if found && q.refs == "ACKED" && isHeld(s, id) {
		return entryHeld
	}
	if q.refs == "DELREF" { // also of what is not there any more
		log.dropRefs(s, id)
	}
	if !found {
		return entryMissing
	}
	s.Delete(id)
	log.deleted = append(log.deleted, streamIDText(id))
	return entryDeleted
}

// isHeld reports whether a group has not read an entry yet, or not acknowledged it.
func isHeld(s value.StreamRef, id value.StreamID) (held bool) {
	s.EachGroup(func(g value.StreamGroup) bool {
		held = g.Last().Compare(id) < 0
		if !held {
			_, held = g.IsPending(id)
		}
		return !held
	})
	return held
}

// An entryLog collects what was done to a stream, to be logged as commands that every
// server knows.
type entryLog struct {
	deleted [][]byte
	groups  []string // of acks, in the order in which they came
	acks    map[string][][]byte
}

func (l *entryLog) acked(group []byte, id value.StreamID) {
	name := string(group)
	if l.acks == nil {
		l.acks = map[string][][]byte{}
	}
	if l.acks[name] == nil {
		l.groups = append(l.groups, name)
	}
	l.acks[name] = append(l.acks[name], streamIDText(id))
}

// dropRefs takes an entry from all groups that hold it.
func (l *entryLog) dropRefs(s value.StreamRef, id value.StreamID) {
	s.EachGroup(func(g value.StreamGroup) bool {
		if g.Ack(id) {
			l.acked(g.Name(), id)
		}
		return true
	})
}

// propagate tells of the changes, if there were any.
func (l *entryLog) propagate(c *Ctx) {
	key := c.Argv[1]
	for _, name := range l.groups {
		c.Tx.Logged()
		c.Propagate("XACK", append([][]byte{key, []byte(name)}, l.acks[name]...)...)
	}
	if len(l.deleted) > 0 {
		c.Tx.Modified(key, eventXDel)
		c.Propagate("XDEL", append([][]byte{key}, l.deleted...)...)
	}
}
