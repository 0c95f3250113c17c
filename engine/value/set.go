package value

import (
	"math/rand/v2"

	"cached/engine/arena"
	"cached/engine/packed"
	"cached/engine/table"
)

// A set of integers is a packed.IntSet (IntSet), another small one a sequence of
// its members (Packed), a large one a root whose items are the members (Table). With
// deadlines of members a small one is member, deadline, member ... behind eight bytes with
// the earliest of them (PackedTTL), a deadline of 0 being none; see set_deadline.go.

// A SetRef is a set in its item.
type SetRef struct {
	Ref
	Limits *Limits
}

// NewSetBytes is the size of the value of an empty set of integers, as which a
// set begins; Init fills it in.
const NewSetBytes = packed.IntSetHeader

// Init makes an empty set of a value of NewSetBytes with the encoding IntSet.
func (s SetRef) Init() { packed.InitIntSet(s.Bytes()) }

// Len is the number of members.
func (s SetRef) Len() int { return SetLen(s.Item()) }

// SetLen is the number of members of a set.
func SetLen(it table.Item) int {
	switch EncodingOf(it) {
	case IntSet:
		return packed.IntSet(it.Value()).Len()
	case Packed:
		return packed.Len(it.Value())
	case PackedTTL:
		return packed.Len(it.Value()[dueBytes:]) / 2
	}
	return rootLen(it)
}

// Has reports whether b is a member.
func (s SetRef) Has(b []byte) bool { return SetHas(s.Item(), b) }

// SetHas reports whether b is a member of a set.
func SetHas(it table.Item, b []byte) bool {
	switch EncodingOf(it) {
	case IntSet:
		n, ok := ParseInt(b)
		return ok && packed.IntSet(it.Value()).Contains(n)
	case Packed:
		v := it.Value()
		return packed.Find(v, packed.First(v), b, 0) != 0
	case PackedTTL:
		v := it.Value()[dueBytes:]
		return packed.Find(v, packed.First(v), b, 1) != 0
	}
	return rootOf(it).find(b) != nil
}

// Add adds a member, which must not alias the set, and reports whether it is
// new. One that is there keeps its deadline.
func (s SetRef) Add(b []byte) bool {
	switch EncodingOf(s.Item()) {
	case IntSet:
		n, ok := ParseInt(b)
		if ok {
			return s.addInt(n)
		}
		s.widen(len(b))
		return s.Add(b)
	case Packed:
		v := s.Bytes()
		if packed.Find(v, packed.First(v), b, 0) != 0 {
			return false
		}
		if packed.Len(v) >= s.Limits.SetEntries || len(b) > s.Limits.SetValue {
			s.toRoot()
			return s.addItem(b)
		}
		n := len(v)
		packed.Append(s.Resize(n + packed.Size(b))[:n], b)
		return true
	case PackedTTL:
		return s.addTimed(b)
	}
	return s.addItem(b)
}

func (s SetRef) addInt(n int64) bool {
	set := packed.IntSet(s.Bytes())
	if set.Contains(n) {
		return false
	}
	if set.Len() >= s.Limits.SetInts {
		s.toRoot()
		var buf [20]byte
		return s.addItem(Number(n).Bytes(buf[:]))
	}
	was := len(set)
	set = packed.IntSet(s.Resize(set.AddSize(n))[:was])
	set.Add(n)
	return true
}

// widen turns a set of integers into one that takes a member of n bytes. The longest
// integer, which is the first or the last, is held to the limit as well.
func (s SetRef) widen(n int) {
	set := packed.IntSet(s.Bytes())
	if l := set.Len(); l > 0 {
		var buf [20]byte
		n = max(n, len(Number(set.At(0)).Bytes(buf[:])), len(Number(set.At(l-1)).Bytes(buf[:])))
	}
	if set.Len() >= s.Limits.SetEntries || n > s.Limits.SetValue {
		s.toRoot()
		return
	}
	b := packed.Init(make([]byte, 0, packed.HeaderBytes+set.Len()*10))
	for i := range set.Len() {
		b = packed.AppendInt(b, set.At(i))
	}
	copy(s.Resize(len(b)), b)
	s.SetEncoding(Packed)
}

// toRoot turns a small set into a large one.
func (s SetRef) toRoot() {
	a := newRoot(s.Heap)
	r := arena.At[root](a)
	var buf [20]byte
	eachMember(s.Item(), func(e Elem, due int64) bool {
		r.insertDue(s.Heap, e.Bytes(buf[:]), due)
		return true
	})
	s.setRoot(a, Table)
	s.markParts()
}

func (s SetRef) addItem(b []byte) bool {
	r, hash := rootOf(s.Item()), table.Hash(b)
	if r.items.Find(hash, b) != nil {
		return false
	}
	r.items.Insert(s.Heap, hash, table.NewItem(s.Heap, 0, 0, b, 0, 0))
	return true
}

// Remove removes a member and reports whether it was one. b may alias it.
func (s SetRef) Remove(b []byte) bool {
	switch EncodingOf(s.Item()) {
	case IntSet:
		n, ok := ParseInt(b)
		if !ok {
			return false
		}
		set, removed := packed.IntSet(s.Bytes()).Remove(n)
		if removed {
			s.Resize(len(set))
		}
		return removed
	case Packed:
		v := s.Bytes()
		p := packed.Find(v, packed.First(v), b, 0)
		if p == 0 {
			return false
		}
		s.Resize(len(packed.Delete(v, p, 1)))
		return true
	case PackedTTL:
		return s.removeTimed(b)
	}
	r, hash := rootOf(s.Item()), table.Hash(b)
	slot := r.items.Find(hash, b)
	if slot == nil {
		return false
	}
	timed := table.ItemOf(slot).DeadlineMS() != 0
	r.removeItem(s.Heap, hash, slot)
	if timed {
		s.markParts()
	}
	return true
}

// Each visits the members until visit returns false; visit must not change the
// set.
func (s SetRef) Each(visit func(Elem) bool) { EachSet(s.Item(), visit) }

// EachSet visits the members of a set as SetRef.Each does: integers in ascending
// order, those of a small set in the order they were added.
func EachSet(it table.Item, visit func(Elem) bool) {
	switch EncodingOf(it) {
	case IntSet:
		set := packed.IntSet(it.Value())
		for i := range set.Len() {
			if !visit(Number(set.At(i))) {
				return
			}
		}
	case Packed:
		v := it.Value()
		for p := packed.First(v); p != 0; p = packed.Next(v, p) {
			if !visit(elemAt(v, p)) {
				return
			}
		}
	case PackedTTL:
		eachMember(it, func(e Elem, _ int64) bool { return visit(e) })
	default:
		rootOf(it).items.Each(func(x table.Item) bool { return visit(Text(x.Key())) })
	}
}

// Scan visits members from cursor on, as HashRef.Scan does.
func (s SetRef) Scan(cursor uint64, count int, visit func(Elem)) uint64 {
	if !isRoot(s.Item()) {
		s.Each(func(e Elem) bool { visit(e); return true })
		return 0
	}
	return scanRoot(s.Item(), cursor, count, func(x table.Item) { visit(Text(x.Key())) })
}

// Random returns a member such that each is as likely as any other; the set is
// not empty.
func (s SetRef) Random() Elem {
	v := s.Bytes()
	switch EncodingOf(s.Item()) {
	case IntSet:
		set := packed.IntSet(v)
		return Number(set.At(rand.IntN(set.Len())))
	case Packed:
		return elemAt(v, packed.Seek(v, rand.IntN(packed.Len(v))))
	case PackedTTL:
		v = v[dueBytes:]
		return elemAt(v, packed.Seek(v, rand.IntN(packed.Len(v)/2)*2))
	}
	return Text(rootOf(s.Item()).items.Random(rand.Uint64).Key())
}

func freeSet(h *arena.Heap, it table.Item, budget int) bool { return freeRoot(h, it, budget) }

func setEffort(it table.Item) int { return rootEffort(it) }

func copySet(to *arena.Heap, it, c table.Item) {
	copyRoot(to, it, c, func(r *root, x table.Item) { r.orderItem(to, x) })
}

func setBytes(it table.Item, samples int) int64 { return rootMemory(it, samples) }
