package value

import (
	"cached/engine/arena"
	"cached/engine/packed"
	"cached/engine/table"
)

// Deadlines of a set's members. Times are Unix milliseconds; nothing here looks at the
// clock.

// memberWidth is how many entries of a PackedTTL sequence a member has: itself and its deadline.
const memberWidth = 2

// insertDue adds a member that is not there, with its deadline or 0.
func (r *root) insertDue(h *arena.Heap, member []byte, due int64) {
	it := table.NewItem(h, 0, 0, member, 0, due)
	r.items.Insert(h, table.Hash(member), it)
	r.orderItem(h, it)
}

// timed returns the sequence of a PackedTTL set.
func (s SetRef) timed() []byte { return s.Bytes()[dueBytes:] }

// addTimed is Add for a PackedTTL set.
func (s SetRef) addTimed(b []byte) bool {
	v := s.timed()
	if packed.Find(v, packed.First(v), b, 1) != 0 {
		return false
	}
	if packed.Len(v)/2 >= s.Limits.SetEntries || len(b) > s.Limits.SetValue {
		s.toRoot()
		return s.addItem(b)
	}
	n := dueBytes + len(v)
	v = s.Resize(n + packed.Size(b) + packed.IntSize(0))[dueBytes:n]
	packed.AppendInt(packed.Append(v, b), 0)
	return true
}

// removeTimed is Remove for a PackedTTL set.
func (s SetRef) removeTimed(b []byte) bool {
	v := s.timed()
	p := packed.Find(v, packed.First(v), b, 1)
	if p == 0 {
		return false
	}
	s.Resize(dueBytes + len(packed.Delete(v, p, 2)))
	s.setDue(memberWidth)
	return true
}

// EachMember visits the members with their deadlines, 0 for none, as SetRef.Each does.
func EachMember(it table.Item, visit func(e Elem, due int64) bool) { eachMember(it, visit) }

func eachMember(it table.Item, visit func(e Elem, due int64) bool) {
	switch EncodingOf(it) {
	case Table:
		rootOf(it).items.Each(func(x table.Item) bool { return visit(Text(x.Key()), x.DeadlineMS()) })
	case PackedTTL:
		b := it.Value()[dueBytes:]
		for p := packed.First(b); p != 0; p = packed.Next(b, p) {
			e := elemAt(b, p)
			p = packed.Next(b, p)
			due, _ := elemAt(b, p).Int()
			if !visit(e, due) {
				return
			}
		}
	default:
		EachSet(it, func(e Elem) bool { return visit(e, 0) })
	}
}

// EachMemberFrom visits members with their deadlines from a cursor on, as EachSetFrom does.
func EachMemberFrom(it table.Item, cursor uint64, count int, visit func(e Elem, due int64)) uint64 {
	if !isRoot(it) {
		eachMember(it, func(e Elem, due int64) bool { visit(e, due); return true })
		return 0
	}
	return scanRoot(it, cursor, count, func(x table.Item) { visit(Text(x.Key()), x.DeadlineMS()) })
}

// Deadline returns when a member expires, 0 for never, and whether it is there.
func (s SetRef) Deadline(b []byte) (due int64, found bool) {
	switch EncodingOf(s.Item()) {
	case Table:
		slot := rootOf(s.Item()).find(b)
		if slot == nil {
			return 0, false
		}
		return table.ItemOf(slot).DeadlineMS(), true
	case PackedTTL:
		v := s.timed()
		p := packed.Find(v, packed.First(v), b, 1)
		if p == 0 {
			return 0, false
		}
		due, _ = elemAt(v, packed.Next(v, p)).Int()
		return due, true
	}
	return 0, s.Has(b)
}

// SetDeadline sets when a member expires, 0 for never, and reports whether the member is
// there.
func (s SetRef) SetDeadline(b []byte, due int64) bool {
	if !s.Has(b) {
		return false
	}
	if e := EncodingOf(s.Item()); e == IntSet || e == Packed {
		if due == 0 {
			return true
		}
		s.addDeadlines()
	}
	if isRoot(s.Item()) {
		r := rootOf(s.Item())
		r.setDeadline(s.Heap, r.find(b), due)
		s.markParts()
		return true
	}
	v := s.timed()
	s.replaceDue(packed.Next(v, packed.Find(v, packed.First(v), b, 1)), due, memberWidth)
	return true
}

// addDeadlines makes room for deadlines in a set that has none: of a small set a PackedTTL
// one, or a large one if it is too much for that.
func (s SetRef) addDeadlines() {
	small, n := true, 0
	s.Each(func(e Elem) bool {
		n++
		small = n <= s.Limits.SetEntries && e.Len() <= s.Limits.SetValue
		return small
	})
	if !small {
		s.toRoot()
		return
	}
	b := packed.Init(make([]byte, 0, dueBytes+len(s.Bytes())+n*(10+packed.IntSize(0))))
	var buf [20]byte
	s.Each(func(e Elem) bool {
		b = packed.AppendInt(packed.Append(b, e.Bytes(buf[:])), 0)
		return true
	})
	copy(s.Resize(dueBytes + len(b))[dueBytes:], b)
	s.SetEncoding(PackedTTL)
	s.setDue(memberWidth)
}

// ExpireMembers ends at most limit members whose deadline is before nowMS and passes each
// to expired first. It returns how many they were.
func (s SetRef) ExpireMembers(nowMS int64, limit int, expired func(member []byte)) (n int) {
	switch EncodingOf(s.Item()) {
	case Table:
		n = rootOf(s.Item()).expire(s.Heap, nowMS, limit, expired)
		s.markParts()
		return n
	case PackedTTL:
		return s.expirePacked(memberWidth, nowMS, limit, expired)
	}
	return 0
}
