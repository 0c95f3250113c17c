package value

import (
	"encoding/binary"

	"cached/engine/arena"
	"cached/engine/table"
	"cached/engine/tree"
)

// A root holds the elements of a large hash, set or sorted set. The key's item holds nothing but the address of
// its block.
type root struct {
	items table.Table // fields, members: an item each
	// order is a sorted set's items by score and member, or a hash's or a set's items
	// with a deadline by it. The refs are addresses of items.
	order   tree.Tree
	freeing bool // freeRoot has begun with items
}

var rootBytes = arena.SizeOf[root]()

// rootOf returns the root of a large value.
func rootOf(it table.Item) *root { return arena.At[root](rootAddr(it)) }

func rootAddr(it table.Item) arena.Addr { return arena.Addr(binary.LittleEndian.Uint64(it.Value())) }

// newRoot makes an empty root.
func newRoot(h *arena.Heap) arena.Addr {
	a := h.Alloc(rootBytes)
	r := arena.At[root](a)
	*r = root{}
	r.items.Init(0)
	return a
}

// setRoot makes the root at a the value.
func (r Ref) setRoot(a arena.Addr, e Encoding) {
	binary.LittleEndian.PutUint64(r.Resize(8), uint64(a))
	r.SetEncoding(e)
}

// isRoot reports whether a value is a root.
func isRoot(it table.Item) bool {
	e := EncodingOf(it)
	return e == Table || e == SkipList
}

// find returns the slot of a field or member.
func (r *root) find(key []byte) table.Slot { return r.items.Find(table.Hash(key), key) }

// IsLarge reports whether an item, or none, is a hash, set or sorted set whose
// fields or members are items.
func IsLarge(it table.Item) bool { return !it.IsZero() && isRoot(it) }

// Prefetch has the processor load where a field or member belongs in a large value,
// and returns its hash.
func Prefetch(it table.Item, part []byte) (hash uint64) {
	hash = table.Hash(part)
	rootOf(it).items.Prefetch(hash)
	return hash
}

// PrefetchPart loads the field or member itself, after the memory of Prefetch has been loaded.
func PrefetchPart(it table.Item, hash uint64) { rootOf(it).items.PrefetchItem(hash) }

// rootLen is how many items a large value has.
func rootLen(it table.Item) int { return rootOf(it).items.Len() }

// freeRoot frees about budget elements of a large value and reports whether that
// was all.
func freeRoot(h *arena.Heap, it table.Item, budget int) bool {
	if !isRoot(it) {
		return true
	}
	r := rootOf(it)
	if !r.freeing {
		if r.order.Len() > 0 && !r.order.FreeSome(h, budget, nil) {
			return false
		}
		r.items.BeginFree()
		r.freeing = true
	}
	if !r.items.FreeFrom(h, budget, func(x table.Item) { x.Free(h) }) {
		return false
	}
	h.Free(rootAddr(it), rootBytes)
	return true
}

// rootEffort is about how many blocks a value has.
func rootEffort(it table.Item) int {
	if !isRoot(it) {
		return 1
	}
	return rootLen(it)
}

// copyRoot gives the copy c of a large value items of its own. order inserts one
// of them into the order of the copy, or is nil.
func copyRoot(to *arena.Heap, it, c table.Item, order func(r *root, x table.Item)) {
	if !isRoot(it) {
		return
	}
	a := newRoot(to)
	r := arena.At[root](a)
	rootOf(it).items.Each(func(x table.Item) bool {
		y := table.NewItemLike(to, x, x.Key(), x.DeadlineMS())
		copy(y.Value(), x.Value())
		r.items.Insert(to, table.Hash(y.Key()), y)
		if order != nil {
			order(r, y)
		}
		return true
	})
	binary.LittleEndian.PutUint64(c.Value(), uint64(a))
}

// rootMemory is the memory of a large value's blocks; with samples, it is estimated from that many items.
func rootMemory(it table.Item, samples int) int64 {
	if !isRoot(it) {
		return 0
	}
	r := rootOf(it)
	sum, seen := int64(0), 0
	r.items.Each(func(x table.Item) bool {
		sum += int64(arena.BlockBytes(x.Bytes()))
		seen++
		return samples <= 0 || seen < samples
	})
	if seen > 0 {
		sum = sum / int64(seen) * int64(r.items.Len())
	}
	order := int64(0)
	if n := r.order.Len(); n > 0 {
		if samples <= 0 {
			order = int64(r.order.Bytes())
		} else {
			order = int64(n) * 18
		}
	}
	return sum + r.items.Bytes() + order + int64(arena.BlockBytes(rootBytes))
}
