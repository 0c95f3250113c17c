package arena

import "cached/internal/invariants"

// A Heap allocates blocks for one owner, whose lock guards it.
type Heap struct {
	pool  *Pool
	open  [numClasses]Addr // first slab with a free block, by class
	all   Addr             // every slab, for Reset
	large map[Addr][]byte  // blocks mapped one by one
	live  int64            // bytes of live blocks, by class size
	held  int64            // bytes of slabs and large blocks
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

// HeldBytes is what the heap has taken from the pool; what exceeds LiveBytes is
// free blocks and slab headers.
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
	h.live += int64(block)
	base := h.open[c]
	if base == 0 {
		base = h.newSlab(c)
	}
	s := At[slab](base)
	var a Addr
	if s.free != 0 {
		a = base + Addr(s.free)
		s.free = *At[uint32](a)
	} else {
		a = base + Addr(s.bump)
		s.bump += uint32(block)
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

// Free ends the block at a, which Alloc returned for a size of the same class.
func (h *Heap) Free(a Addr, size int) {
	if size > maxMedium {
		h.freeLarge(a, size)
		return
	}
	c := classOf(size)
	block := classBytes[c]
	h.live -= int64(block)
	base := slabBase(a, c)
	s := At[slab](base)
	if invariants.Enabled {
		invariants.Check(int(s.class) == c, "block freed with another size than allocated")
		invariants.Check(block < 24 || !filled(a.Bytes(block)[8:], poisonFree), "block freed twice")
		fill(a.Bytes(block), poisonFree)
	}
	*At[uint32](a) = s.free
	s.free = uint32(a - base)
	s.used--
	if s.used == 0 && (s.listed == 0 || h.open[c] != base || s.next != 0) {
		// The last slab of a class stays, so that one block that comes and
		// goes does not cost a slab each time.
		h.endSlab(base, s)
		return
	}
	if s.listed == 0 {
		h.list(base, s)
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

// Reset ends all blocks at once and gives their memory back to the pool.
func (h *Heap) Reset() {
	for base := h.all; base != 0; {
		s := At[slab](base)
		next := s.allNext
		if classBytes[s.class] <= maxSmall {
			h.pool.freePage(base)
		} else {
			h.pool.freeChunk(base)
		}
		base = next
	}
	for a, b := range h.large {
		h.pool.mapped.Add(-int64(len(b)))
		unmapMemory(b)
		delete(h.large, a)
	}
	h.open = [numClasses]Addr{}
	h.all, h.live, h.held = 0, 0, 0
}

func slabBase(a Addr, class int) Addr {
	if classBytes[class] <= maxSmall {
		return a &^ (pageBytes - 1)
	}
	return a &^ (chunkBytes - 1)
}

func (h *Heap) newSlab(c int) Addr {
	var base Addr
	bytes := pageBytes
	if classBytes[c] <= maxSmall {
		base = h.pool.page()
	} else {
		base = h.pool.chunk()
		bytes = chunkBytes
	}
	h.held += int64(bytes)
	s := At[slab](base)
	*s = slab{class: uint32(c), bump: slabHeader, capacity: uint32((bytes - slabHeader) / classBytes[c]), allNext: h.all}
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
	if classBytes[s.class] <= maxSmall {
		h.held -= pageBytes
		h.pool.freePage(base)
	} else {
		h.held -= chunkBytes
		h.pool.freeChunk(base)
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
	h.live += int64(n)
	h.held += int64(n)
	h.pool.mapped.Add(int64(n))
	return a
}

func (h *Heap) freeLarge(a Addr, size int) {
	b := h.large[a]
	invariants.Check(len(b) == roundUp(size, mapAlign), "large block freed with another size than allocated")
	delete(h.large, a)
	h.live -= int64(len(b))
	h.held -= int64(len(b))
	h.pool.mapped.Add(-int64(len(b)))
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
