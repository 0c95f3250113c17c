package value

import (
	"encoding/binary"
	"errors"
	"slices"

	"cached/engine/arena"
	"cached/engine/packed"
	"cached/engine/table"
)

// ErrDuplicate: an element was added twice that a value may have once.
var ErrDuplicate = errors.New("duplicate element")

// A Builder makes the item of a key from elements that are added one by one, for instance from a file. The item is
// in no table until it is complete, and has the form that the limits ask for. Arguments of its methods are copied.
// It is used for one item after another; the zero Builder is ready.
type Builder struct {
	heap       *arena.Heap
	limits     *Limits
	kind       Type
	key        []byte
	access     uint32
	deadlineMS int64

	slot  uint64 // of the item, once the value is a large one
	large bool
	dues  bool // a hash that comes with deadlines of fields
	first int64
	n     int     // elements of the small form
	seq   []byte  // the small form
	ints  []int64 // elements of a set that has only integers
	last  int     // position of the last member of a small sorted set
	seen  hashSet
}

// Begin begins an item of type t, not String nor Stream, in the heap of its
// key's shard.
func (b *Builder) Begin(h *arena.Heap, limits *Limits, t Type, key []byte, access uint32, deadlineMS int64) {
	b.heap, b.limits, b.kind = h, limits, t
	b.key = append(b.key[:0], key...)
	b.access, b.deadlineMS = access, deadlineMS
	b.slot, b.large, b.dues, b.first, b.n, b.last = 0, false, false, 0, 0, 0
	b.seq = packed.Init(slices.Grow(b.seq[:0], packed.HeaderBytes))
	b.ints = b.ints[:0]
	b.seen.clear()
}

// BeginString makes the item of a string at once.
func (b *Builder) BeginString(h *arena.Heap, key, v []byte, access uint32, deadlineMS int64) table.Item {
	it := table.NewItem(h, Kind(String, StringEncoding(v)), access, key, len(v), deadlineMS)
	copy(it.Value(), v)
	return it
}

// BeginNative makes the item of a value of a native type at once.
func (b *Builder) BeginNative(h *arena.Heap, t Type, key, v []byte, access uint32, deadlineMS int64) table.Item {
	it := table.NewItem(h, Kind(t, Raw), access, key, len(v), deadlineMS)
	copy(it.Value(), v)
	return it
}

// Len is the number of elements so far.
func (b *Builder) Len() int {
	if !b.large {
		return b.n
	}
	if b.kind == List {
		return int(listRootOf(b.item()).count)
	}
	return rootLen(b.item())
}

func (b *Builder) item() table.Item { return table.ItemOf(&b.slot) }

func (b *Builder) ref() Ref { return Ref{Heap: b.heap, Slot: &b.slot} }

// End returns the finished item, which has at least one element.
func (b *Builder) End() (table.Item, error) {
	if !b.large && b.kind == Set && len(b.ints) > 0 {
		if err := b.sortInts(); err != nil {
			return table.Item{}, err
		}
		b.small(IntSet, b.intSet())
	}
	if !b.large && b.slot == 0 {
		b.finishSeq()
	}
	it := b.item()
	b.slot, b.large = 0, false
	return it, nil
}

// finishSeq makes the item of a value that is a sequence.
func (b *Builder) finishSeq() {
	if b.dues {
		b.small(PackedTTL, b.seq)
		it := b.item()
		copy(it.Value()[dueBytes:], it.Value()[:len(b.seq)])
		binary.LittleEndian.PutUint64(it.Value(), uint64(b.first))
		it.SetParts(b.first != 0)
		return
	}
	b.small(Packed, b.seq)
}

// small makes an item that holds v, and for a PackedTTL has room in front.
func (b *Builder) small(e Encoding, v []byte) {
	n := len(v)
	if e == PackedTTL {
		n += dueBytes
	}
	it := table.NewItem(b.heap, Kind(b.kind, e), b.access, b.key, n, b.deadlineMS)
	copy(it.Value(), v)
	b.slot = uint64(it.Addr())
}

// Abandon frees an item that was begun and will not be needed.
func (b *Builder) Abandon() {
	if b.slot != 0 {
		Free(b.heap, b.item())
		b.slot, b.large = 0, false
	}
}

// grow turns the small form into a large one.
func (b *Builder) grow() {
	if len(b.ints) > 0 {
		b.small(IntSet, b.intSet())
	} else {
		b.finishSeq()
	}
	b.large = true
	switch r := b.ref(); b.kind {
	case List:
		ListRef{r, b.limits}.toChunks()
	case Set:
		SetRef{r, b.limits}.toRoot()
	case ZSet:
		ZSetRef{r, b.limits}.toRoot()
	case Hash:
		HashRef{r, b.limits}.toRoot()
	}
}

// intSet is the packed form of a set of integers, which are sorted.
func (b *Builder) intSet() packed.IntSet {
	set := packed.InitIntSet(make([]byte, 0, packed.IntSetHeader+8*len(b.ints)))
	for _, n := range b.ints {
		set, _ = set.Add(n)
	}
	return set
}

// sortInts sorts the members of a set of integers.
func (b *Builder) sortInts() error {
	if !slices.IsSorted(b.ints) {
		slices.Sort(b.ints)
	}
	for i := 1; i < len(b.ints); i++ {
		if b.ints[i] == b.ints[i-1] {
			return ErrDuplicate
		}
	}
	return nil
}

// put appends an entry to the sequence.
func (b *Builder) put(e Elem) {
	if n, ok := e.Int(); ok {
		b.seq = packed.AppendInt(slices.Grow(b.seq, packed.IntSize(n)), n)
		return
	}
	b.seq = packed.Append(slices.Grow(b.seq, packed.Size(e.b)), e.b)
}

// canonical is e as a Number if its text is an integer's.
func canonical(e Elem) Elem {
	if !e.isInt {
		if n, ok := ParseInt(e.b); ok {
			return Number(n)
		}
	}
	return e
}

// isNew notes a canonical element of the small form, and reports whether it is
// one that was not there.
func (b *Builder) isNew(e Elem, skip int) bool {
	var buf [20]byte
	text := e.Bytes(buf[:])
	return b.seen.add(table.Hash(text)) || packed.Find(b.seq, packed.First(b.seq), text, skip) == 0
}

// Element adds an element at the end of a list.
func (b *Builder) Element(e Elem) {
	var buf [20]byte
	text := e.Bytes(buf[:])
	if !b.large {
		size := packed.Size(text)
		if !b.limits.exceeds(len(b.seq)+listpackHeader+size, b.n+1) {
			b.seq = packed.Append(slices.Grow(b.seq, size), text)
			b.n++
			return
		}
		b.grow()
	}
	listRootOf(b.item()).push(b.heap, text, true)
}

// Member adds a member to a set.
func (b *Builder) Member(e Elem) error {
	e = canonical(e)
	if !b.large {
		n, isInt := e.Int()
		switch {
		case isInt && len(b.ints) == b.n && b.n < b.limits.SetInts:
			b.ints = append(b.ints, n)
			b.n++
			return nil
		case b.n >= b.limits.SetEntries || e.Len() > b.limits.SetValue:
			if len(b.ints) > 0 {
				if err := b.sortInts(); err != nil {
					return err
				}
			}
			b.grow()
		default:
			if err := b.widen(); err != nil {
				return err
			}
			if !b.isNew(e, 0) {
				return ErrDuplicate
			}
			b.put(e)
			b.n++
			return nil
		}
	}
	var buf [20]byte
	if !(SetRef{b.ref(), b.limits}).addItem(e.Bytes(buf[:])) {
		return ErrDuplicate
	}
	return nil
}

// widen makes a sequence of a set of integers.
func (b *Builder) widen() error {
	if len(b.ints) == 0 {
		return nil
	}
	if err := b.sortInts(); err != nil {
		return err
	}
	for _, n := range b.ints {
		b.isNew(Number(n), 0)
		b.put(Number(n))
	}
	b.ints = b.ints[:0]
	return nil
}

// Field adds a field to a hash. due is its deadline or 0.
func (b *Builder) Field(field, v Elem, due int64) error {
	var fbuf, vbuf [20]byte
	if !b.large {
		field = canonical(field)
		if b.n < b.limits.HashEntries && field.Len() <= b.limits.HashValue && v.Len() <= b.limits.HashValue {
			if due != 0 && !b.dues {
				b.addDues()
			}
			step := 2
			if b.dues {
				step = 3
			}
			if !b.isNew(field, step-1) {
				return ErrDuplicate
			}
			b.put(field)
			b.put(v)
			if b.dues {
				b.put(Number(due))
				if due != 0 && (b.first == 0 || due < b.first) {
					b.first = due
				}
			}
			b.n++
			return nil
		}
		b.grow()
	}
	r, f := rootOf(b.item()), field.Bytes(fbuf[:])
	hash := table.Hash(f)
	if r.items.Find(hash, f) != nil {
		return ErrDuplicate
	}
	text := v.Bytes(vbuf[:])
	it := table.NewItem(b.heap, 0, 0, f, len(text), due)
	copy(it.Value(), text)
	r.items.Insert(b.heap, hash, it)
	if due != 0 {
		r.order.Insert(b.heap, uint64(due), uint64(it.Addr()), nil)
		b.item().SetParts(true)
	}
	return nil
}

// addDues gives the fields so far a deadline of 0.
func (b *Builder) addDues() {
	b.dues = true
	if b.n == 0 {
		return
	}
	old := slices.Clone(b.seq)
	b.seq = packed.Init(b.seq)
	for p := packed.First(old); p != 0; p = packed.Skip(old, p, 2) {
		b.put(elemAt(old, p))
		b.put(elemAt(old, packed.Next(old, p)))
		b.put(Number(0))
	}
}

// Scored adds a member to a sorted set. score is not NaN.
func (b *Builder) Scored(member Elem, score float64) error {
	var buf, sbuf [20]byte
	if !b.large {
		member = canonical(member)
		if b.n < b.limits.ZSetEntries && member.Len() <= b.limits.ZSetValue {
			if !b.isNew(member, 1) {
				return ErrDuplicate
			}
			b.insertScored(member.Bytes(buf[:]), score, scoreEntry(score, sbuf[:]))
			b.n++
			return nil
		}
		b.grow()
	}
	z, r := ZSetRef{b.ref(), b.limits}, rootOf(b.item())
	m := member.Bytes(buf[:])
	hash := table.Hash(m)
	if r.items.Find(hash, m) != nil {
		return ErrDuplicate
	}
	z.addItem(r, hash, m, score)
	return nil
}

// insertScored puts a member where it belongs in the sequence, which is usually
// the end.
func (b *Builder) insertScored(member []byte, score float64, text []byte) {
	score = canonicalScore(text, score)
	at := len(b.seq)
	if b.last != 0 && !b.precedes(b.last, member, score) {
		for p := packed.First(b.seq); p != 0; p = packed.Skip(b.seq, p, 2) {
			if !b.precedes(p, member, score) {
				at = p
				break
			}
		}
	}
	size := packed.Size(member, text)
	appended := at == len(b.seq)
	b.seq = packed.Insert(slices.Grow(b.seq, size), at, member, text)
	if appended {
		b.last = at
	} else {
		b.last += size
	}
}

// canonicalScore is the score of an entry: -0 becomes 0.
func canonicalScore(text []byte, score float64) float64 {
	if n, ok := ParseInt(text); ok {
		return float64(n)
	}
	return score
}

// precedes reports whether the member at p comes before another.
func (b *Builder) precedes(p int, member []byte, score float64) bool {
	s := scoreAt(b.seq, packed.Next(b.seq, p))
	return s < score || s == score && packed.Get(b.seq, p).Compare(member) < 0
}

// A hashSet is a set of hashes, for as many as a small collection has.
type hashSet struct {
	slots []uint64 // 0 is free; a power of two of them, at most half in use
	n     int
}

func (s *hashSet) clear() {
	clear(s.slots)
	s.n = 0
	if len(s.slots) > 4096 {
		s.slots = nil
	}
}

// add reports whether h was not there.
func (s *hashSet) add(h uint64) bool {
	if 2*(s.n+1) > len(s.slots) {
		old := s.slots
		s.slots = make([]uint64, max(32, 2*len(old)))
		s.n = 0
		for _, x := range old {
			if x != 0 {
				s.add(x)
			}
		}
	}
	h |= 1
	mask := uint64(len(s.slots) - 1)
	for i := h >> 32 & mask; ; i = (i + 1) & mask {
		switch s.slots[i] {
		case 0:
			s.slots[i] = h
			s.n++
			return true
		case h:
			return false
		}
	}
}

// EachHashFrom, EachSetFrom, EachZSetFrom and EachListFrom visit about count
// elements of a value from a cursor on, which is 0 at first, and return the next
// cursor, 0 at the end. While the value does not change every element is visited
// once.

// EachHashFrom visits fields.
func EachHashFrom(it table.Item, cursor uint64, count int, visit func(field, v Elem, due int64)) uint64 {
	if !isRoot(it) {
		EachHash(it, func(f, v Elem, due int64) bool { visit(f, v, due); return true })
		return 0
	}
	return scanRoot(it, cursor, count, func(x table.Item) { visit(Text(x.Key()), Text(x.Value()), x.DeadlineMS()) })
}

// EachSetFrom visits members.
func EachSetFrom(it table.Item, cursor uint64, count int, visit func(Elem)) uint64 {
	if !isRoot(it) {
		EachSet(it, func(e Elem) bool { visit(e); return true })
		return 0
	}
	return scanRoot(it, cursor, count, func(x table.Item) { visit(Text(x.Key())) })
}

// EachZSetFrom visits members in ascending order.
func EachZSetFrom(it table.Item, cursor uint64, count int, visit func(member Elem, score float64)) uint64 {
	if !isRoot(it) {
		EachZSet(it, func(m Elem, f float64) bool { visit(m, f); return true })
		return 0
	}
	order := &rootOf(it).order
	at, _ := order.At(cursor)
	for ; count > 0 && at.Valid(); count-- {
		x := table.ItemAt(arena.Addr(at.Ref()))
		visit(Text(x.Key()), itemScore(x))
		cursor++
		at = at.Next()
	}
	if cursor >= uint64(order.Len()) {
		return 0
	}
	return cursor
}

// EachListFrom visits elements in order.
func EachListFrom(it table.Item, cursor uint64, count int, visit func(Elem)) uint64 {
	n := uint64(ListLen(it))
	if EncodingOf(it) != Chunks {
		EachList(it, func(e Elem) bool { visit(e); return true })
		return 0
	}
	listRootOf(it).visit(int(cursor), min(count, int(n-cursor)), false, func(e Elem) bool { visit(e); return true })
	if cursor += uint64(count); cursor >= n {
		return 0
	}
	return cursor
}
