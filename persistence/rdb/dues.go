package rdb

import (
	"encoding/binary"
	"math"

	"cached/engine"
	"cached/engine/table"
	"cached/engine/value"
)

// Deadlines of a set's members have no place in the format. They stand in auxiliary fields
// in front of the key, or behind the value of a payload, where Redis passes over them: it
// has the members, without their deadlines. Of each member that has one there are eight
// bytes of the deadline in Unix milliseconds, the length of the member, the member.
const (
	duesAux  = "cached-dues"
	duesMark = "cached-dues"
)

// duesPhase marks cursors of Part under which the deadlines are written that come in front
// of a huge set, keyPhase the one under which the set begins. Other cursors are smaller.
const (
	duesPhase = 1 << 63
	keyPhase  = 1 << 62
)

// hasDues reports whether an item is a set with deadlines of members.
func hasDues(it table.Item) bool { return value.TypeOf(it) == value.Set && value.FieldsDue(it) != 0 }

// due notes the deadline of a member in e.words.
func (e *Encoder) due(m value.Elem, due int64) {
	if due != 0 {
		e.words = binary.LittleEndian.AppendUint64(e.words, uint64(due))
		e.words = binary.AppendUvarint(e.words, uint64(m.Len()))
		e.words = m.Append(e.words)
	}
}

// memberDues appends the deadlines of a set's members, if there are any.
func (e *Encoder) memberDues(it table.Item) {
	if !hasDues(it) {
		return
	}
	for cursor, more := uint64(0), true; more; more = cursor != 0 {
		cursor = e.someDues(it, cursor)
	}
}

// someDues appends some of the deadlines from a cursor on, and returns the next.
func (e *Encoder) someDues(it table.Item, cursor uint64) (next uint64) {
	e.words = e.words[:0]
	next = value.EachMemberFrom(it, cursor, PartElements, e.due)
	if len(e.words) > 0 {
		e.B = append(e.B, opAux)
		e.String([]byte(duesAux))
		e.String(e.words)
	}
	return next
}

// dumpDues appends what stands behind the value of a payload.
func (e *Encoder) dumpDues(it table.Item) {
	if !hasDues(it) {
		return
	}
	e.words = e.words[:0]
	value.EachMember(it, func(m value.Elem, due int64) bool { e.due(m, due); return true })
	e.B = append(e.B, e.words...)
	e.B = binary.LittleEndian.AppendUint64(e.B, uint64(len(e.words)))
	e.B = append(e.B, duesMark...)
}

// cutDues cuts what may be deadlines of members from the end of a payload.
func cutDues(p []byte) (rest, dues []byte, ok bool) {
	end := len(p) - len(duesMark) - 8
	if end < 0 || string(p[end+8:]) != duesMark {
		return nil, nil, false
	}
	n := binary.LittleEndian.Uint64(p[end:])
	if n == 0 || n > uint64(end) {
		return nil, nil, false
	}
	return p[:end-int(n)], p[end-int(n) : end], true
}

// setDues gives the members of a set that was built, and is in no table yet, their
// deadlines. It returns the item and what is wrong with the deadlines, or "".
func setDues(tx *engine.Tx, it table.Item, dues []byte) (table.Item, string) {
	if value.TypeOf(it) != value.Set {
		return it, "deadlines of members in front of what is no set"
	}
	slot := uint64(it.Addr())
	set := tx.BuiltSet(it.Key(), &slot)
	for len(dues) > 0 {
		if len(dues) < 8 {
			return set.Item(), "deadlines of members end too soon"
		}
		due := binary.LittleEndian.Uint64(dues)
		n, size := binary.Uvarint(dues[8:])
		if size <= 0 || n > uint64(len(dues)-8-size) {
			return set.Item(), "deadlines of members end too soon"
		}
		if due == 0 || due > math.MaxInt64 {
			return set.Item(), "a deadline is out of range"
		}
		from := 8 + size
		member := dues[from : from+int(n)]
		if !set.SetDeadline(member, int64(due)) {
			return set.Item(), "a deadline of a member that the set does not have"
		}
		dues = dues[from+int(n):]
	}
	return set.Item(), ""
}
