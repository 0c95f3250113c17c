package commands

import (
	"strconv"

	"cached/engine"
	"cached/engine/value"
)

// Deadlines of a set's members: SEXPIRE and its kin, SPERSIST, SADDEX. The conventions
// are those of HEXPIRE.

// The errors of members' deadlines.
const (
	errMembersMissing  = Error("ERR Mandatory argument MEMBERS is missing or not at the right position")
	errNumMembers      = Error("ERR Number of members must be a positive integer")
	errNumMembersTimed = Error("ERR Parameter `numMembers` should be greater than 0") // SEXPIRE's
	errMemberMismatch  = Error("ERR The `nummembers` parameter must match the number of arguments")
	errOneMCondition   = Error("ERR Only one of MXX or MNX arguments can be specified")
)

var (
	eventSExpire  = engine.Event{Name: "sexpire", Class: engine.ClassSet}
	eventSPersist = engine.Event{Name: "spersist", Class: engine.ClassSet}
)

// members takes "MEMBERS nummembers member ...", which must be all that is left.
func (a *Args) members(badNumber error) [][]byte {
	if !a.Is("MEMBERS") {
		a.Fail(errMembersMissing)
	}
	return a.counted(1, badNumber, errMemberMismatch)
}

func sexpire(c *Ctx) error    { return c.sexpire(1000, true) }
func spexpire(c *Ctx) error   { return c.sexpire(1, true) }
func sexpireat(c *Ctx) error  { return c.sexpire(1000, false) }
func spexpireat(c *Ctx) error { return c.sexpire(1, false) }

func (c *Ctx) sexpire(unitMS int64, relative bool) error {
	at, err := c.fieldTime(c.Argv[2], unitMS, relative)
	if err != nil {
		return err
	}
	a := c.Args(3)
	cond := a.deadlineCondition()
	members := a.members(errNumMembersTimed)
	if err := a.End(); err != nil {
		return err
	}
	key := c.Argv[1]
	s, there, err := c.set(key)
	if err != nil {
		return err
	}
	c.Reply.Array(len(members))
	var set, deleted [][]byte
	for _, m := range members {
		old, found := int64(0), false
		if there {
			old, found = s.Deadline(m)
		}
		switch {
		case !found:
			c.Reply.Int(fieldMissing)
		case cond.refuses(old, at):
			c.Reply.Int(fieldRefused)
		case c.passed(at):
			s.Remove(m)
			deleted = append(deleted, m)
			there = s.Len() > 0
			c.Reply.Int(fieldDeleted)
		default:
			s.SetDeadline(m, at)
			set = append(set, m)
			c.Reply.Int(fieldSet)
		}
	}
	c.membersChanged(key, s, set, at, deleted)
	return nil
}

// membersChanged tells of members that got the deadline at (0: that lost theirs) and of
// those that were deleted.
func (c *Ctx) membersChanged(key []byte, s value.SetRef, set [][]byte, at int64, deleted [][]byte) {
	if len(set) > 0 {
		words := append([][]byte{[]byte("MEMBERS"), countText(len(set))}, set...)
		if at != 0 {
			c.Tx.FieldsExpire(key)
			c.Tx.Modified(key, eventSExpire)
			c.Propagate("SPEXPIREAT", append([][]byte{key, strconv.AppendInt(nil, at, 10)}, words...)...)
		} else {
			c.Tx.Modified(key, eventSPersist)
			c.Propagate("SPERSIST", append([][]byte{key}, words...)...)
		}
	}
	if len(deleted) > 0 {
		c.Tx.Modified(key, eventSRem)
		c.Propagate("SREM", append([][]byte{key}, deleted...)...)
		c.endIfEmpty(key, s.Len())
	}
}

func sttl(c *Ctx) error         { return c.memberTimes(1000, true) }
func spttl(c *Ctx) error        { return c.memberTimes(1, true) }
func sexpiretime(c *Ctx) error  { return c.memberTimes(1000, false) }
func spexpiretime(c *Ctx) error { return c.memberTimes(1, false) }

// memberTimes replies when members expire, rounded up to the unit.
func (c *Ctx) memberTimes(unitMS int64, relative bool) error {
	return c.eachMemberDeadline(func(_ value.SetRef, _ []byte, at int64) {
		if at == 0 {
			c.Reply.Int(fieldNoTTL)
			return
		}
		if relative {
			at = max(at-c.NowMS, 0)
		}
		c.Reply.Int((at + unitMS - 1) / unitMS)
	})
}

// eachMemberDeadline visits the members that the command names behind MEMBERS and that
// are there, to be replied to with one integer each; for the others it replies itself.
func (c *Ctx) eachMemberDeadline(visit func(s value.SetRef, m []byte, at int64)) error {
	a := c.Args(2)
	members := a.members(errNumMembers)
	if err := a.End(); err != nil {
		return err
	}
	s, there, err := c.set(c.Argv[1])
	if err != nil {
		return err
	}
	c.Reply.Array(len(members))
	for _, m := range members {
		at, found := int64(0), false
		if there {
			at, found = s.Deadline(m)
		}
		if !found {
			c.Reply.Int(fieldMissing)
			continue
		}
		visit(s, m, at)
	}
	return nil
}

func spersist(c *Ctx) error {
	var set value.SetRef
	var done [][]byte
	err := c.eachMemberDeadline(func(s value.SetRef, m []byte, at int64) {
		if at == 0 {
			c.Reply.Int(persistNoneAt)
			return
		}
		set = s
		s.SetDeadline(m, 0)
		done = append(done, m)
		c.Reply.Int(fieldSet)
	})
	if len(done) > 0 {
		c.membersChanged(c.Argv[1], set, done, 0, nil)
	}
	return err
}

// A saddexCall is SADDEX with its words read.
type saddexCall struct {
	mnx, mxx bool
	exp      expiry
	at       int64 // the deadline; 0 when there is none
	members  [][]byte
}

// parseSAddEx reads the options in any order, and then the members.
func (c *Ctx) parseSAddEx() (q saddexCall, err error) {
	a := c.Args(2)
	for a.More() && !equalFold(a.Peek(), "MEMBERS") {
		var e expiry
		switch mnx := a.Is("MNX"); {
		case mnx || a.Is("MXX"):
			if q.mnx || q.mxx {
				return q, errOneMCondition
			}
			q.mnx, q.mxx = mnx, !mnx
		case e.take(&a, "EX", "PX", "EXAT", "PXAT", "KEEPTTL"):
			if q.exp.unit != "" {
				return q, errOneExpiry
			}
			q.exp = e
			if q.at, err = c.fieldDeadline(e); err != nil {
				return q, err
			}
		case a.Err() != nil:
			return q, a.Err()
		default:
			return q, Error("ERR unknown argument: " + string(a.Next()))
		}
	}
	q.members = a.members(errNumMembers)
	return q, a.End()
}

// saddex adds members with one deadline, or replies 0 if the condition is not met. What
// is logged is which members were added, and which deadlines they have now.
func saddex(c *Ctx) error {
	q, err := c.parseSAddEx()
	if err != nil {
		return err
	}
	key := c.Argv[1]
	s, there, err := c.set(key)
	if err != nil {
		return err
	}
	for _, m := range q.members {
		if has := there && s.Has(m); q.mnx && has || q.mxx && !has {
			c.Reply.Int(0)
			return nil
		}
	}
	if q.at != 0 && c.passed(q.at) {
		c.removeMembers(key, s, there, q.members)
		c.Reply.Int(1)
		return nil
	}
	if !there {
		if s, err = c.makeSet(key); err != nil {
			return err
		}
	}
	var added, timed [][]byte // timed: those whose deadline changes
	for _, m := range q.members {
		if s.Add(m) {
			added = append(added, m)
		}
		if old, _ := s.Deadline(m); q.exp.unit != "KEEPTTL" && old != q.at {
			s.SetDeadline(m, q.at)
			timed = append(timed, m)
		}
	}
	if len(added) > 0 {
		c.Tx.Modified(key, eventSAdd)
		c.Propagate("SADD", append([][]byte{key}, added...)...)
	}
	c.membersChanged(key, s, timed, q.at, nil)
	c.Reply.Int(1)
	return nil
}

// removeMembers removes members of which the deadline has passed before they came.
func (c *Ctx) removeMembers(key []byte, s value.SetRef, there bool, members [][]byte) {
	var deleted [][]byte
	for _, m := range members {
		if there && s.Remove(m) {
			deleted = append(deleted, m)
			there = s.Len() > 0
		}
	}
	c.membersChanged(key, s, nil, 0, deleted)
}
