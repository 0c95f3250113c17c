package arena

import "cached/internal/invariants"

// A Heap allocates blocks for one owner, whose lock guards it.
type Heap struct {
	pool   *Pool
	open   [numClasses]Addr // first slab with a free block, by class
	all    Addr             // every slab, for Reset
	large  map[Addr][]byte  // blocks mapped one by one
	live   int64            // bytes of live blocks, by class size
	held   int64            // bytes of slabs and large blocks
	told   int64            // the value of live that the pool was last given
	warm   int64            // bytes of held that have memory behind them
	spare  int64            // bytes of warm that Purge can give back
	purged int              // class that was purged last

	moved, stayed int64 // by Compact
}

// A slab is a page or a chunk cut into blocks of one class. This header takes
// its first 64 bytes; blocks follow.
type slab struct {
	class    uint32
	used     uint32 // live blocks
	bump     uint32 // offset of the first block never used
	free     uint32 // offset of the first freed block, or 0; freed blocks are chained
	next     Addr   // in the class's list of slabs with a free block
	prev     Addr
	allNext  Addr // in the heap's list of all slabs
	allPrev  Addr
	capacity uint32 // blocks in all
	listed   uint32 // 1 when in the class's list
	touched  uint32 // bytes that have memory behind them
	reached  uint32 // offset up to which there had been memory
}

const slabHeader = 64

// NewHeap returns an empty heap that draws on p.
func NewHeap(p *Pool) *Heap {
	return &Heap{pool: p, large: make(map[Addr][]byte)}
}

// Pool returns the pool the heap draws on.
func (h *Heap) Pool() *Pool { return h.pool }

// LiveBytes is the sum of the blocks allocated and not freed, each counted with
// the bytes it really occupies.
func (h *Heap) LiveBytes() int64 { return h.live }

// HeldBytes is the memory that the heap has taken from the pool; free blocks and slab headers are its difference
// to LiveBytes.
func (h *Heap) HeldBytes() int64 { return h.held }

// Alloc returns a block of at least size bytes (size > 0) with undefined
// contents, aligned to 8 bytes, or to 64 when size is a multiple of 64 that is
// its own class.
func (h *Heap) Alloc(size int) Addr {
	if size > maxMedium {
		return h.allocLarge(size)
	}
	c := classOf(size)
	block := classBytes[c]
	h.count(int64(block))
	base := h.open[c]
	if base == 0 {
		base = h.newSlab(c)
	}
	s := At[slab](base)
	var a Addr
	if s.free != 0 {
		a = base + Addr(s.free)
		s.free = *At[uint32](a)
		if block > maxSmall {
			h.refill(s, a)
		}
	} else {
		a = base + Addr(s.bump)
		s.bump += uint32(block)
		if s.bump > s.reached {
			h.touch(s)
		}
	}
	s.used++
	if s.used == s.capacity {
		h.unlist(base, s)
	}
	if invariants.Enabled {
		fill(a.Bytes(block), poisonNew)
	}
	return a
}

// Free frees the block at a, which Alloc returned for a size of the same class.
func (h *Heap) Free(a Addr, size int) {
	if size > maxMedium {
		h.freeLarge(a, size)
		return
	}
	c := classOf(size)
	block := classBytes[c]
	h.count(-int64(block))
	base := slabBase(a, c)
	s := At[slab](base)
	if invariants.Enabled {
		invariants.Check(int(s.class) == c, "block freed with another size than allocated")
		invariants.Check(block < 24 || !filled(a.Bytes(block)[8:], poisonFree), "block freed twice")
		fill(a.Bytes(block), poisonFree)
	}
	*At[uint32](a) = s.free
	if block > maxSmall {
		*At[uint32](a + gapAt) = 0
		from, to := pagesInside(a, Addr(block))
		h.spare += int64(to - from)
	}
	s.free = uint32(a - base)
	s.used--
	if s.used == 0 && (s.listed == 0 || h.open[c] != base || s.next != 0) {
		// The last slab of a class stays, so that one block that is allocated and freed again and again does not
		// cost a slab each time.
		h.endSlab(base, s)
		return
	}
	if s.listed == 0 {
		h.list(base, s)
	}
}

// PrefetchFree loads into the processor's cache what Free of a block will change outside of it.
func (h *Heap) PrefetchFree(a Addr, size int) {
	if size <= maxMedium {
		slabBase(a, classOf(size)).Prefetch()
	}
}

// tellEvery is the change of a heap's live bytes after which it updates the pool's counter: rarely enough that
// heaps do not compete for its cache line.
const tellEvery = 16 << 10

// count adds to the live bytes.
func (h *Heap) count(bytes int64) {
	h.live += bytes
	if d := h.live - h.told; d > tellEvery || d < -tellEvery {
		h.told = h.live
		h.pool.live.Add(d)
	}
}

// SpareBytes is how much of ResidentBytes Purge can give back without moving anything:
// pages inside free blocks.
func (h *Heap) SpareBytes() int64 { return h.spare }

// ResidentBytes is how much of HeldBytes has memory behind it: slabs as far as
// they were ever filled, and large blocks.
func (h *Heap) ResidentBytes() int64 { return h.warm }

func (h *Heap) warmed(bytes int64) {
	h.warm += bytes
	h.pool.touched.Add(bytes)
}

// touch counts the memory of a slab up to its last block as used.
func (h *Heap) touch(s *slab) {
	n := uint32(roundUp(int(s.bump), mapAlign))
	s.touched += n - s.reached
	h.warmed(int64(n - s.reached))
	s.reached = n
}

// Compact returns a better place for the block at a, allocated for size bytes: in
// a slab that is fuller than its own, so that slabs with few blocks become
// empty, or nearer to the beginning of its slab, so that the end becomes empty. The
// contents are copied; the caller changes the one referrer and frees the old block.
// 0 means that the block stays.
func (h *Heap) Compact(a Addr, size int) Addr {
	if size > maxMedium {
		return 0
	}
	c := classOf(size)
	h.stayed++
	base, to := slabBase(a, c), h.open[c]
	if to == 0 {
		return 0
	}
	s := At[slab](base)
	if s.used == s.capacity {
		return 0
	}
	switch {
	case to == base:
		if !s.lowerFirst(base, a) {
			return 0
		}
	case At[slab](to).used < s.used:
		// The fullest slab that was met is the one to fill.
		h.unlist(base, s)
		h.list(base, s)
		return 0
	}
	h.stayed--
	h.moved++
	b := h.Alloc(size)
	copy(b.Bytes(size), a.Bytes(size))
	return b
}

// lowerFirst makes a free block among the first of a slab, as many as are in use, the
// next to be allocated, if the block at a is not one of those. It looks through the free
// blocks, so slabs of many blocks, which are the smallest, stay as they are.
func (s *slab) lowerFirst(base, a Addr) bool {
	block := uint32(classBytes[s.class])
	end := slabHeader + s.used*block
	if block < leastTrimmed || uint32(a-base) < end {
		return false
	}
	for link := &s.free; *link != 0; link = At[uint32](base + Addr(*link)) {
		if off := *link; off < end {
			next := At[uint32](base + Addr(off))
			*link = *next
			*next, s.free = s.free, off
			return true
		}
	}
	return false
}

// Compacted returns the numbers of blocks that Compact has moved and not moved so far.
func (h *Heap) Compacted() (moved, stayed int64) { return h.moved, h.stayed }

// A free block of a medium class begins with the offset of the next one and, at
// gapAt, how many of its bytes were given back to the system.
const gapAt = 4

// pagesInside is where the pages that are wholly inside a free block begin and end.
func pagesInside(a, block Addr) (from, to Addr) {
	from = (a + 8 + mapAlign - 1) &^ (mapAlign - 1)
	return from, max(from, (a+block)&^(mapAlign-1))
}

// refill counts the memory of a free block that is about to be used again.
func (h *Heap) refill(s *slab, a Addr) {
	if n := *At[uint32](a + gapAt); n > 0 {
		s.touched += n
		h.warmed(int64(n))
		return
	}
	from, to := pagesInside(a, Addr(classBytes[s.class]))
	h.spare -= int64(to - from)
}

// purgeBlocks is how many free blocks one Purge looks at, and the rest of a class.
const purgeBlocks = 64

// leastTrimmed is the smallest block of slabs whose end is given back, mostTrimmed
// more blocks than any of them has.
const (
	leastTrimmed = 128
	mostTrimmed  = 192
)

// Purge gives the memory of free blocks back to the system, in the slabs of some
// classes, or of fewer when no more than keep bytes are left to give; calls go round the
// classes.
func (h *Heap) Purge(keep int64) {
	for classes, looked := 0, 0; classes < numClasses-classOf(leastTrimmed) && looked < purgeBlocks; classes++ {
		if keep > 0 && h.spare <= keep {
			return
		}
		if h.purged++; h.purged >= numClasses || classBytes[h.purged] < leastTrimmed {
			h.purged = classOf(leastTrimmed)
		}
		looked += h.purge(h.purged)
	}
}

// purge is Purge of one class; it returns how many blocks it has looked at.
func (h *Heap) purge(class int) (looked int) {
	block := Addr(classBytes[class])
	for base := h.open[class]; base != 0; base = At[slab](base).next {
		s := At[slab](base)
		looked += h.trim(base, s)
		if block <= maxSmall {
			continue
		}
		for off := s.free; off != 0; {
			a := base + Addr(off)
			from, to := pagesInside(a, block)
			if gap := At[uint32](a + gapAt); *gap == 0 && from < to {
				*gap = uint32(to - from)
				h.spare -= int64(*gap)
				s.touched -= *gap
				h.warmed(-int64(*gap))
				release(from, int(to-from))
			}
			off = *At[uint32](a)
		}
	}
	return looked
}

// trim has the free blocks at the end of a slab count as never used, and gives their
// memory back. It returns how many free blocks there were.
func (h *Heap) trim(base Addr, s *slab) (looked int) {
	block := uint32(classBytes[s.class])
	index := func(off uint32) uint32 { return (off - slabHeader) / block }
	var free [mostTrimmed / 64]uint64 // a bit for each block
	for off := s.free; off != 0; off = *At[uint32](base + Addr(off)) {
		free[index(off)/64] |= 1 << (index(off) % 64)
		looked++
	}
	for s.bump > slabHeader {
		last := index(s.bump - block)
		if free[last/64]>>(last%64)&1 == 0 {
			break
		}
		s.bump -= block
	}
	for link := &s.free; *link != 0; {
		a := base + Addr(*link)
		if *link < s.bump {
			link = At[uint32](a)
			continue
		}
		if block > maxSmall {
			h.refill(s, a) // counts as memory in use up to its end, which is given back below
		}
		*link = *At[uint32](a)
	}
	if n := uint32(roundUp(int(s.bump), mapAlign)); n < s.reached {
		s.touched -= s.reached - n
		h.warmed(int64(n) - int64(s.reached))
		release(base+Addr(n), int(s.reached-n))
		s.reached = n
	}
	return looked
}

// DropEmpty gives back the slabs that stay for blocks to come and hold none now.
func (h *Heap) DropEmpty() {
	for c := range h.open {
		for base := h.open[c]; base != 0; {
			s := At[slab](base)
			next := s.next
			if s.used == 0 {
				h.endSlab(base, s)
			}
			base = next
		}
	}
}

// Resize returns a block for to bytes that begins with the first keep bytes of
// the block at a, which was allocated for from bytes and may be the same one.
func (h *Heap) Resize(a Addr, from, to, keep int) Addr {
	if BlockBytes(from) == BlockBytes(to) {
		return a
	}
	b := h.Alloc(to)
	copy(b.Bytes(keep), a.Bytes(keep))
	h.Free(a, from)
	return b
}

// Reset frees all blocks at once and returns their memory to the pool.
func (h *Heap) Reset() {
	for base := h.all; base != 0; {
		s := At[slab](base)
		next := s.allNext
		h.warmed(-int64(s.touched))
		h.pool.freeSlab(base, slabBytes[s.class])
		base = next
	}
	for a, b := range h.large {
		h.pool.mapped.Add(-int64(len(b)))
		h.warmed(-int64(len(b)))
		unmapMemory(b)
		delete(h.large, a)
	}
	h.pool.live.Add(-h.told)
	h.told = 0
	h.open = [numClasses]Addr{}
	h.all, h.live, h.held, h.spare = 0, 0, 0, 0
}

func slabBase(a Addr, class int) Addr { return a &^ (slabBytes[class] - 1) }

func (h *Heap) newSlab(c int) Addr {
	bytes := slabBytes[c]
	base, warm := h.pool.slab(bytes)
	h.held += int64(bytes)
	s := At[slab](base)
	*s = slab{class: uint32(c), bump: slabHeader, capacity: (uint32(bytes) - slabHeader) / uint32(classBytes[c]), allNext: h.all}
	if warm {
		s.touched, s.reached = uint32(bytes), uint32(bytes)
		h.warmed(int64(bytes))
	}
	if h.all != 0 {
		At[slab](h.all).allPrev = base
	}
	h.all = base
	h.list(base, s)
	return base
}

func (h *Heap) endSlab(base Addr, s *slab) {
	if s.listed != 0 {
		h.unlist(base, s)
	}
	if s.allPrev != 0 {
		At[slab](s.allPrev).allNext = s.allNext
	} else {
		h.all = s.allNext
	}
	if s.allNext != 0 {
		At[slab](s.allNext).allPrev = s.allPrev
	}
	h.warmed(-int64(s.touched))
	h.forgetSpare(base, s)
	bytes := slabBytes[s.class]
	h.held -= int64(bytes)
	h.pool.freeSlab(base, bytes)
}

// forgetSpare subtracts the spare memory of a slab that is being closed.
func (h *Heap) forgetSpare(base Addr, s *slab) {
	if block := Addr(classBytes[s.class]); block > maxSmall {
		for off := s.free; off != 0; off = *At[uint32](base + Addr(off)) {
			if *At[uint32](base + Addr(off) + gapAt) == 0 {
				from, to := pagesInside(base+Addr(off), block)
				h.spare -= int64(to - from)
			}
		}
	}
}

func (h *Heap) list(base Addr, s *slab) {
	s.prev, s.next, s.listed = 0, h.open[s.class], 1
	if s.next != 0 {
		At[slab](s.next).prev = base
	}
	h.open[s.class] = base
}

func (h *Heap) unlist(base Addr, s *slab) {
	if s.prev != 0 {
		At[slab](s.prev).next = s.next
	} else {
		h.open[s.class] = s.next
	}
	if s.next != 0 {
		At[slab](s.next).prev = s.prev
	}
	s.prev, s.next, s.listed = 0, 0, 0
}

func (h *Heap) allocLarge(size int) Addr {
	n := roundUp(size, mapAlign)
	b, err := mapMemory(n)
	if err != nil {
		panic("arena: map a large block: " + err.Error())
	}
	a := addressOf(b)
	h.large[a] = b
	h.count(int64(n))
	h.held += int64(n)
	h.pool.mapped.Add(int64(n))
	h.warmed(int64(n))
	return a
}

func (h *Heap) freeLarge(a Addr, size int) {
	b := h.large[a]
	invariants.Check(len(b) == roundUp(size, mapAlign), "large block freed with another size than allocated")
	delete(h.large, a)
	h.count(-int64(len(b)))
	h.held -= int64(len(b))
	h.pool.mapped.Add(-int64(len(b)))
	h.warmed(-int64(len(b)))
	unmapMemory(b)
}

const (
	poisonNew  = 0xCD
	poisonFree = 0xDB
)

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

func filled(b []byte, v byte) bool {
	for _, x := range b {
		if x != v {
			return false
		}
	}
	return true
}
