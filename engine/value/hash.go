package value

import (
	"math"
	"math/rand/v2"

	"cached/engine/arena"
	"cached/engine/packed"
	"cached/engine/table"
)

// A small hash is a sequence field, value, field, value ... (Packed). With
// deadlines of fields it is field, value, deadline ... behind eight bytes with
// the earliest of them (PackedTTL); a deadline of 0 is none. A large one is a
// root whose items are the fields (Table), in order those with a deadline.

const dueBytes = 8 // in front of a PackedTTL sequence

// A HashRef is a hash in its item. Times are Unix milliseconds; it never reads the clock.
type HashRef struct {
	Ref
	Limits *Limits
}

// sequence returns the packed form, and how many entries a field has.
func (h HashRef) sequence() (b []byte, step int) {
	b = h.Bytes()
	if EncodingOf(h.Item()) == PackedTTL {
		return b[dueBytes:], 3
	}
	return b, 2
}

func (h HashRef) isRoot() bool { return isRoot(h.Item()) }

// NewHashBytes is the size of the value of an empty hash, which Init fills in.
const NewHashBytes = packed.HeaderBytes

// Init makes an empty hash of a value of NewHashBytes.
func (h HashRef) Init() { packed.Init(h.Bytes()) }

// Len is the number of fields.
func (h HashRef) Len() int { return HashLen(h.Item()) }

// HashLen is the number of fields of a hash.
func HashLen(it table.Item) int {
	switch EncodingOf(it) {
	case Table:
		return rootLen(it)
	case PackedTTL:
		return packed.Len(it.Value()[dueBytes:]) / 3
	}
	return packed.Len(it.Value()) / 2
}

// Get returns the value of a field.
func (h HashRef) Get(field []byte) (Elem, bool) { return HashGet(h.Item(), field) }

// HashGet returns the value of a field of a hash.
func HashGet(it table.Item, field []byte) (Elem, bool) {
	if isRoot(it) {
		slot := rootOf(it).find(field)
		if slot == nil {
			return Elem{}, false
		}
		return Text(table.ItemOf(slot).Value()), true
	}
	b, step := it.Value(), 2
	if EncodingOf(it) == PackedTTL {
		b, step = b[dueBytes:], 3
	}
	p := packed.Find(b, packed.First(b), field, step-1)
	if p == 0 {
		return Elem{}, false
	}
	return elemAt(b, packed.Next(b, p)), true
}

// Set gives a field a value and takes its deadline away unless keep is set. It
// reports whether the field is new. field and v must not alias the hash.
func (h HashRef) Set(field, v []byte, keep bool) (created bool) {
	if !h.isRoot() && (len(field) > h.Limits.HashValue || len(v) > h.Limits.HashValue) {
		h.toRoot()
	}
	if h.isRoot() {
		return h.setItem(field, v, keep)
	}
	b, step := h.sequence()
	head := len(h.Bytes()) - len(b)
	p := packed.Find(b, packed.First(b), field, step-1)
	if p == 0 {
		if packed.Len(b)/step >= h.Limits.HashEntries {
			h.toRoot()
			return h.setItem(field, v, keep)
		}
		n := len(b)
		grow := packed.Size(field, v)
		if step == 3 {
			grow += packed.IntSize(0)
		}
		b = h.Resize(head + n + grow)[head : head+n]
		b = packed.Append(b, field, v)
		if step == 3 {
			packed.AppendInt(b, 0)
		}
		return true
	}
	n := len(b)
	vp := packed.Next(b, p)
	if d := packed.ReplaceGrowth(b, vp, v); d > 0 {
		b = h.Resize(head + n + d)[head : head+n]
	}
	b = packed.Replace(b, vp, v)
	h.Resize(head + len(b))
	if step == 3 && !keep {
		h.SetDeadline(field, 0)
	}
	return false
}

func (h HashRef) setItem(field, v []byte, keep bool) (created bool) {
	r, hash := rootOf(h.Item()), table.Hash(field)
	slot := r.items.Find(hash, field)
	if slot == nil {
		it := table.NewItem(h.Heap, 0, 0, field, len(v), 0)
		copy(it.Value(), v)
		r.items.Insert(h.Heap, hash, it)
		return true
	}
	it := table.ItemOf(slot)
	due := it.DeadlineMS()
	if due != 0 {
		r.order.Delete(h.Heap, uint64(due), uint64(it.Addr()), nil)
		if !keep {
			due = 0
		}
	}
	it = it.Reshape(h.Heap, len(v), due)
	table.SetItem(slot, it)
	copy(it.Value(), v)
	if due != 0 {
		r.order.Insert(h.Heap, uint64(due), uint64(it.Addr()), nil)
	}
	h.markParts()
	return false
}

// Remove removes a field and reports whether there was one.
func (h HashRef) Remove(field []byte) bool {
	if h.isRoot() {
		r, hash := rootOf(h.Item()), table.Hash(field)
		slot := r.items.Find(hash, field)
		if slot == nil {
			return false
		}
		r.removeItem(h.Heap, hash, slot)
		h.markParts()
		return true
	}
	b, step := h.sequence()
	head := len(h.Bytes()) - len(b)
	p := packed.Find(b, packed.First(b), field, step-1)
	if p == 0 {
		return false
	}
	b = packed.Delete(b, p, step)
	h.Resize(head + len(b))
	if step == 3 {
		h.setDue(fieldWidth)
	}
	return true
}

// toRoot turns a small hash into a large one.
func (h HashRef) toRoot() {
	a := newRoot(h.Heap)
	r := arena.At[root](a)
	b, step := h.sequence()
	var fbuf, vbuf [20]byte
	for p := packed.First(b); p != 0; {
		field := elemAt(b, p).Bytes(fbuf[:])
		p = packed.Next(b, p)
		v := elemAt(b, p).Bytes(vbuf[:])
		due := int64(0)
		if step == 3 {
			p = packed.Next(b, p)
			due, _ = elemAt(b, p).Int()
		}
		it := table.NewItem(h.Heap, 0, 0, field, len(v), due)
		copy(it.Value(), v)
		r.items.Insert(h.Heap, table.Hash(field), it)
		if due != 0 {
			r.order.Insert(h.Heap, uint64(due), uint64(it.Addr()), nil)
		}
		p = packed.Next(b, p)
	}
	h.setRoot(a, Table)
	h.markParts()
}

// Each visits the fields until visit returns false. due is a field's deadline or
// 0. visit must not change the hash.
func (h HashRef) Each(visit func(field, v Elem, due int64) bool) { EachHash(h.Item(), visit) }

// EachHash visits the fields of a hash as HashRef.Each does.
func EachHash(it table.Item, visit func(field, v Elem, due int64) bool) {
	if isRoot(it) {
		rootOf(it).items.Each(func(x table.Item) bool {
			return visit(Text(x.Key()), Text(x.Value()), x.DeadlineMS())
		})
		return
	}
	b, step := it.Value(), 2
	if EncodingOf(it) == PackedTTL {
		b, step = b[dueBytes:], 3
	}
	for p := packed.First(b); p != 0; {
		field := elemAt(b, p)
		p = packed.Next(b, p)
		v := elemAt(b, p)
		due := int64(0)
		if step == 3 {
			p = packed.Next(b, p)
			due, _ = elemAt(b, p).Int()
		}
		if !visit(field, v, due) {
			return
		}
		p = packed.Next(b, p)
	}
}

// Scan visits fields from cursor on and returns the next cursor, 0 at the end: all fields at once if the hash is
// small, otherwise with the guarantees of table.Table.Scan.
func (h HashRef) Scan(cursor uint64, count int, visit func(field, v Elem)) uint64 {
	if !h.isRoot() {
		h.Each(func(f, v Elem, _ int64) bool { visit(f, v); return true })
		return 0
	}
	return scanRoot(h.Item(), cursor, count, func(x table.Item) { visit(Text(x.Key()), Text(x.Value())) })
}

// scanRoot scans the items of a large value.
func scanRoot(it table.Item, cursor uint64, count int, visit func(table.Item)) uint64 {
	const end = 1 << 48
	if cursor >= end {
		return 0
	}
	if cursor = rootOf(it).items.Scan(cursor, count, visit); cursor >= end {
		return 0
	}
	return cursor
}

// Random returns a field such that each is as likely as any other, and its
// value; the hash is not empty.
func (h HashRef) Random() (field, v Elem) {
	if h.isRoot() {
		x := rootOf(h.Item()).items.Random(rand.Uint64)
		return Text(x.Key()), Text(x.Value())
	}
	b, step := h.sequence()
	p := packed.Seek(b, rand.IntN(packed.Len(b)/step)*step)
	return elemAt(b, p), elemAt(b, packed.Next(b, p))
}

func freeHash(h *arena.Heap, it table.Item, budget int) bool { return freeRoot(h, it, budget) }

func hashEffort(it table.Item) int { return rootEffort(it) }

func copyHash(to *arena.Heap, it, c table.Item) {
	copyRoot(to, it, c, func(r *root, x table.Item) { r.orderItem(to, x) })
}

func hashBytes(it table.Item, samples int) int64 { return rootMemory(it, samples) }

// Deadlines of fields.

// Deadline returns when a field expires, 0 for never, and whether it is there.
func (h HashRef) Deadline(field []byte) (due int64, found bool) {
	if h.isRoot() {
		slot := rootOf(h.Item()).find(field)
		if slot == nil {
			return 0, false
		}
		return table.ItemOf(slot).DeadlineMS(), true
	}
	b, step := h.sequence()
	p := packed.Find(b, packed.First(b), field, step-1)
	if p == 0 {
		return 0, false
	}
	if step == 3 {
		due, _ = elemAt(b, packed.Skip(b, p, 2)).Int()
	}
	return due, true
}

// SetDeadline sets when a field expires, 0 for never, and reports whether the
// field is there.
func (h HashRef) SetDeadline(field []byte, due int64) bool {
	if h.isRoot() {
		r := rootOf(h.Item())
		slot := r.find(field)
		if slot == nil {
			return false
		}
		r.setDeadline(h.Heap, slot, due)
		h.markParts()
		return true
	}
	b, step := h.sequence()
	p := packed.Find(b, packed.First(b), field, step-1)
	if p == 0 {
		return false
	}
	if step == 2 {
		if due == 0 {
			return true
		}
		h.addDeadlines()
		b, _ = h.sequence()
		p = packed.Find(b, packed.First(b), field, 2)
	}
	h.replaceDue(packed.Skip(b, p, 2), due, fieldWidth)
	return true
}

// addDeadlines turns a Packed hash into a PackedTTL one.
func (h HashRef) addDeadlines() {
	old := append([]byte(nil), h.Bytes()...)
	n := packed.Len(old) / 2
	b := h.Resize(dueBytes + len(old) + n*packed.IntSize(0))
	copy(b[dueBytes:], old)
	s := b[dueBytes : dueBytes+len(old)]
	for p := packed.First(s); p != 0; {
		p = packed.Skip(s, p, 2)
		if p == 0 {
			packed.AppendInt(s, 0)
			break
		}
		s = packed.InsertInt(s, p, 0)
		p = packed.Next(s, p)
	}
	h.SetEncoding(PackedTTL)
}

// fieldWidth is how many entries of a PackedTTL sequence a field has: itself, its value and its deadline.
const fieldWidth = 3

// ExpireFields removes fields whose deadline is before nowMS and calls expired with each before: at most limit of a
// large hash, and all of a small one. It returns their number.
func (h HashRef) ExpireFields(nowMS int64, limit int, expired func(field []byte)) (n int) {
	if h.isRoot() {
		n = rootOf(h.Item()).expire(h.Heap, nowMS, limit, expired)
		h.markParts()
		return n
	}
	if EncodingOf(h.Item()) != PackedTTL {
		return 0
	}
	return h.expirePacked(fieldWidth, nowMS, math.MaxInt, expired)
}
