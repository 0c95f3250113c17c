package commands

import (
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

// memberParts are the names about a set's members.
var memberParts = partKind{
	keyword: "MEMBERS", expireAt: "SPEXPIREAT", persist: "SPERSIST", remove: "SREM",
	expires: eventSExpire, persists: eventSPersist, removes: eventSRem,
	missing: errMembersMissing, mismatch: errMemberMismatch, badNumber: errNumMembers, badNumberOfDeadline: errNumMembersTimed,
}

func sexpire(c *Ctx) error    { return expireParts(c, &memberParts, c.set, 1000, true) }
func spexpire(c *Ctx) error   { return expireParts(c, &memberParts, c.set, 1, true) }
func sexpireat(c *Ctx) error  { return expireParts(c, &memberParts, c.set, 1000, false) }
func spexpireat(c *Ctx) error { return expireParts(c, &memberParts, c.set, 1, false) }

func sttl(c *Ctx) error         { return partTimes(c, &memberParts, c.set, 1000, true) }
func spttl(c *Ctx) error        { return partTimes(c, &memberParts, c.set, 1, true) }
func sexpiretime(c *Ctx) error  { return partTimes(c, &memberParts, c.set, 1000, false) }
func spexpiretime(c *Ctx) error { return partTimes(c, &memberParts, c.set, 1, false) }

func spersist(c *Ctx) error { return persistParts(c, &memberParts, c.set) }

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
	q.members = a.parts(&memberParts, errNumMembers)
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
	partsChanged(c, &memberParts, key, s, timed, q.at, nil)
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
	partsChanged(c, &memberParts, key, s, nil, 0, deleted)
}
