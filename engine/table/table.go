package table

import (
	"hash/maphash"

	"cached/engine/arena"
	"cached/internal/invariants"
)

// seed is drawn once per process, so that clients cannot choose keys that share a line.
var seed = maphash.MakeSeed()

// Hash is the hash that tables use unless their owner has chosen another. Callers pass it
// in since they often need it for more than one call.
func Hash(key []byte) uint64 { return maphash.Bytes(seed, key) }

// A HashKind is a hash that the owner of a table chooses for it. A table is kept in the
// order of its hashes, so that the choice decides which keys are neighbours.
type HashKind uint8

// Keyed is Hash.
const Keyed HashKind = 0

// hashes are the functions of the kinds.
var hashes [4]func(key []byte) uint64

// RegisterHash makes f the hash of a kind other than Keyed, for the life of the process. It is called before the
// first table of that kind is made. f is used as it is: an attacker who chooses keys must not be able to make more
// than some leading bits of their hashes agree.
func RegisterHash(k HashKind, f func(key []byte) uint64) { hashes[k] = f }

// A Table finds items by key. The zero Table is empty and ready for keys of any
// hash; see Init.
type Table struct {
	dir     arena.Addr // 1<<bits directory entries; 0: none yet
	count   uint64     // items
	slots   uint64     // entries that all segments have room for
	deepest uint32     // segments at depth bits
	bits    uint8
	skip    uint8
	kind    HashKind
	_       [1]byte
}

// A directory entry is a segment's address (48 bits), its lines (6 bits) and
// its depth (10 bits). A segment of depth d below bits has 1<<(bits-d) equal
// entries.
type segment uint64

func makeSegment(a arena.Addr, lines, depth int) segment {
	return segment(uint64(a) | uint64(lines)<<48 | uint64(depth)<<54)
}

func (s segment) addr() arena.Addr { return arena.Addr(s & addrMask) }
func (s segment) lines() int       { return int(s >> 48 & 63) }
func (s segment) depth() int       { return int(s >> 54) }

// A line is a cache line of entries. Empty entries are 0.
type line [lineSlots]uint64

const (
	lineSlots = 8
	lineBytes = 64
	minLines  = 2  // the last line is home to no entry and takes overflow only
	maxLines  = 32 // a full segment with that many lines splits
	hardLines = 63 // the most that one half of an unlucky split may take

	addrMask = 1<<48 - 1
	tagShift = 48

	// flagVolatile marks, in the free low bits of an address, an item with a
	// deadline or with parts that have one, so that a sweep need not touch the
	// others.
	flagVolatile = 1
	// The two bits next to it are a number from 0 to MaxRest, see SetRest.
	restShift = 1
	entryAddr = addrMask &^ 7
)

// MaxRest is the largest number for SetRest.
const MaxRest = 3

// A Slot is the place of an item in its table, valid until the next Insert or
// Delete there.
type Slot = *uint64

// ItemOf returns the item in a slot.
func ItemOf(s Slot) Item { return Item{arena.Addr(*s & entryAddr)} }

// SetItem puts an item with the same key in the place of the one in s: the way
// to refer to a block that moved or got another deadline. Its rest is 0 then.
func SetItem(s Slot, it Item) {
	*s = *s&^addrMask | uint64(it.a) | volatile(it)
}

// SetRest sets how rarely Sweep has to visit the item in s: its owner may know that no part of it expires for a
// while. It is 0 at first.
func SetRest(s Slot, rest int) { *s = *s&^(MaxRest<<restShift) | uint64(rest)<<restShift }

func restOf(e uint64) int { return int(e >> restShift & MaxRest) }

func volatile(it Item) uint64 { return (it.head()>>8 | it.head()>>10) & flagVolatile }

// Init makes an empty table that ignores skip leading bits of each hash, which
// are the same for all its keys.
func (t *Table) Init(skip int) { t.InitHash(skip, Keyed) }

// InitHash is Init of a table whose keys have a hash of that kind.
func (t *Table) InitHash(skip int, kind HashKind) { *t = Table{skip: uint8(skip), kind: kind} }

// hash is the hash of a key of this table.
func (t *Table) hash(key []byte) uint64 {
	if t.kind == Keyed {
		return Hash(key)
	}
	return hashes[t.kind](key)
}

// Len returns the number of items.
func (t *Table) Len() int { return int(t.count) }

// Bytes returns the size of directory and segments.
func (t *Table) Bytes() int64 {
	if t.dir == 0 {
		return 0
	}
	return int64(t.slots*8) + int64(arena.BlockBytes(8<<t.bits))
}

func (t *Table) directory() []segment { return arena.Array[segment](t.dir, 1<<t.bits) }

// segmentOf returns the segment for a shifted hash; the table is not empty.
func (t *Table) segmentOf(h uint64) segment {
	return segment(*t.dir.Word(int(h >> (64 - t.bits))))
}

// home returns the line where a tag belongs, by order.
func home(tag uint64, lines int) int { return int(tag * uint64(lines-1) >> 16) }

func (s segment) line(i int) *line { return arena.At[line](s.addr() + arena.Addr(i*lineBytes)) }

// Find returns the slot of key, or nil.
func (t *Table) Find(hash uint64, key []byte) Slot {
	if t.dir == 0 {
		return nil
	}
	h := hash << t.skip
	s := t.segmentOf(h)
	tag := h << s.depth() >> tagShift
	at := home(tag, s.lines())
	two := arena.At[[2 * lineSlots]uint64](s.addr() + arena.Addr(at*lineBytes))
	for i := range two {
		if e := two[i]; e>>tagShift == tag && e != 0 {
			if (Item{arena.Addr(e & entryAddr)}).hasKey(key) {
				return &two[i]
			}
		}
	}
	return nil
}

// FindItem returns the slot of the item at addr, whose key hashes to hash, or nil.
func (t *Table) FindItem(hash uint64, addr arena.Addr) Slot {
	if t.dir == 0 {
		return nil
	}
	h := hash << t.skip
	s := t.segmentOf(h)
	tag := h << s.depth() >> tagShift
	two := arena.At[[2 * lineSlots]uint64](s.addr() + arena.Addr(home(tag, s.lines())*lineBytes))
	for i := range two {
		if two[i]>>tagShift == tag && arena.Addr(two[i]&entryAddr) == addr {
			return &two[i]
		}
	}
	return nil
}

// Prefetch has the processor load the lines where hash belongs, so that a later
// PrefetchItem or Find need not wait for them.
func (t *Table) Prefetch(hash uint64) {
	if t.dir == 0 {
		return
	}
	h := hash << t.skip
	s := t.segmentOf(h)
	at := home(h<<s.depth()>>tagShift, s.lines())
	a := s.addr() + arena.Addr(at*lineBytes)
	a.Prefetch()
	(a + lineBytes).Prefetch()
}

// PrefetchItem has the processor load the beginning of the item that hash
// leads to, if there is one.
func (t *Table) PrefetchItem(hash uint64) {
	if it := t.Likely(hash); !it.IsZero() {
		it.a.Prefetch()
		(it.a + lineBytes).Prefetch()
	}
}

// Likely returns the item that hash leads to without a look at it, or the zero
// Item: another one with these bits of its hash is possible.
func (t *Table) Likely(hash uint64) Item {
	if t.dir == 0 {
		return Item{}
	}
	h := hash << t.skip
	s := t.segmentOf(h)
	tag := h << s.depth() >> tagShift
	two := arena.At[[2 * lineSlots]uint64](s.addr() + arena.Addr(home(tag, s.lines())*lineBytes))
	for _, e := range two {
		if e>>tagShift == tag && e != 0 {
			return Item{arena.Addr(e & entryAddr)}
		}
	}
	return Item{}
}

// Insert adds an item whose key is not in the table and returns its slot.
func (t *Table) Insert(hp *arena.Heap, hash uint64, it Item) Slot {
	if t.dir == 0 {
		t.dir = hp.Alloc(8)
		t.bits, t.deepest = 0, 1
		t.directory()[0] = newSegment(hp, minLines, 0)
		t.slots = minLines * lineSlots
	}
	h := hash << t.skip
	for {
		s := t.segmentOf(h)
		tag := h << s.depth() >> tagShift
		if slot := s.room(tag); slot != nil {
			*slot = tag<<tagShift | uint64(it.a) | volatile(it)
			t.count++
			return slot
		}
		t.grow(hp, h, s)
	}
}

// Reserve makes an empty table that about n items will be added to as large as they
// need, which spares it growing step by step. It does nothing if there are items.
func (t *Table) Reserve(hp *arena.Heap, n int) {
	const most = maxLines * lineSlots * 3 / 4 // a segment, on the mean: few will split
	if t.dir != 0 || n <= most {
		return
	}
	bits := 0
	for n>>bits > most && bits+int(t.skip) < maxDepth {
		bits++
	}
	t.dir = hp.Alloc(8 << bits)
	t.bits, t.deepest = uint8(bits), 1<<bits
	lines := fitLines(n >> bits)
	dir := t.directory()
	for i := range dir {
		dir[i] = newSegment(hp, lines, bits)
	}
	t.slots = uint64(len(dir) * lines * lineSlots)
}

// Fit gives back the room of Reserve that was not used: it enters all items again in a new table if this one is
// mostly empty.
func (t *Table) Fit(hp *arena.Heap) {
	if t.count*4 >= t.slots {
		return
	}
	old := *t
	t.InitHash(int(old.skip), old.kind)
	t.Reserve(hp, int(old.count))
	old.Each(func(it Item) bool {
		t.Insert(hp, t.hash(it.Key()), it)
		return true
	})
	old.drop(hp)
}

// Delete clears a slot of Find; the item's block is the caller's to free. The
// slot's key hashes to hash.
func (t *Table) Delete(hp *arena.Heap, hash uint64, slot Slot) {
	invariants.Check(*slot != 0, "deleted slot is empty")
	*slot = 0
	t.count--
	if t.count == 0 {
		t.drop(hp)
		return
	}
	// Every sixteenth deletion in a sparse table checks whether its segment can shrink. The cost is bounded by the
	// size of a segment.
	if t.count&15 == 0 && t.count*2 < t.slots {
		t.shrink(hp, hash<<t.skip)
	}
}

// drop frees directory and segments of a table without items.
func (t *Table) drop(hp *arena.Heap) {
	t.eachSegment(func(s segment) bool {
		hp.Free(s.addr(), s.lines()*lineBytes)
		return true
	})
	hp.Free(t.dir, 8<<t.bits)
	t.InitHash(int(t.skip), t.kind)
}

// Free frees the table and its items; free is called with each item, and frees the memory that the item refers to
// and the item itself.
func (t *Table) Free(hp *arena.Heap, free func(Item)) {
	t.deepest = 0
	t.FreeFrom(hp, 1<<62, free)
}

// FreeFrom frees about budget items of a table that is no longer used otherwise, and reports whether those were
// all. BeginFree is called before the first call.
func (t *Table) FreeFrom(hp *arena.Heap, budget int, free func(Item)) bool {
	if t.dir == 0 {
		return true
	}
	dir := t.directory()
	i := int(t.deepest) // used as the position now: the segments before it were freed
	for ; i < len(dir) && budget > 0; budget-- {
		s := dir[i]
		for _, e := range arena.Array[uint64](s.addr(), s.lines()*lineSlots) {
			if e != 0 {
				free(Item{arena.Addr(e & entryAddr)})
				budget--
			}
		}
		i += 1 << (int(t.bits) - s.depth())
		hp.Free(s.addr(), s.lines()*lineBytes)
	}
	t.deepest = uint32(i)
	if i < len(dir) {
		return false
	}
	hp.Free(t.dir, 8<<t.bits)
	t.InitHash(int(t.skip), t.kind)
	return true
}

// BeginFree turns the table into one that only FreeFrom may see.
func (t *Table) BeginFree() { t.deepest = 0 }

func (t *Table) eachSegment(yield func(segment) bool) {
	if t.dir == 0 {
		return
	}
	dir := t.directory()
	for i := 0; i < len(dir); {
		s := dir[i]
		if !yield(s) {
			return
		}
		i += 1 << (int(t.bits) - s.depth())
	}
}

// prefixOf returns the leading bits of h that select a segment of that depth.
func prefixOf(h uint64, depth int) uint64 {
	if depth == 0 {
		return 0
	}
	return h >> (64 - depth)
}

// setDirectory points all entries of the segment with that prefix to s.
func (t *Table) setDirectory(prefix uint64, s segment) {
	n := 1 << (int(t.bits) - s.depth())
	first := int(prefix) * n
	dir := t.directory()
	for i := first; i < first+n; i++ {
		dir[i] = s
	}
}

// double makes room in the directory for one more bit.
func (t *Table) double(hp *arena.Heap) {
	old := t.directory()
	a := hp.Alloc(16 << t.bits)
	dir := arena.Array[segment](a, 2<<t.bits)
	for i, s := range old {
		dir[2*i], dir[2*i+1] = s, s
	}
	hp.Free(t.dir, 8<<t.bits)
	t.dir = a
	t.bits++
	t.deepest = 0
}

// halve takes a bit from the directory; no segment needs it.
func (t *Table) halve(hp *arena.Heap) {
	for t.bits > 0 && t.deepest == 0 {
		old := t.directory()
		a := hp.Alloc(4 << t.bits)
		dir := arena.Array[segment](a, 1<<(t.bits-1))
		for i := range dir {
			dir[i] = old[2*i]
		}
		hp.Free(t.dir, 8<<t.bits)
		t.dir = a
		t.bits--
		t.eachSegment(func(s segment) bool {
			if s.depth() == int(t.bits) {
				t.deepest++
			}
			return true
		})
	}
}

// maxDepth bounds the directory: deeper, sixteen tag bits would run out of a
// 64-bit hash.
const maxDepth = 40

// Skip returns the value given to Init.
func (t *Table) Skip() uint8 { return t.skip }
