package arena

import (
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
)

const (
	regionBytes = 64 << 20
	mapAlign    = 4 << 10
	hugeBytes   = 2 << 20
)

// A Pool maps regions from the system and shares them out to Heaps by the page
// (64 KiB) and the chunk (1 MiB). It is safe for concurrent use.
type Pool struct {
	mapped  atomic.Int64 // bytes handed out to heaps: slabs in use and large blocks
	live    atomic.Int64 // bytes of live blocks, as heaps have told
	touched atomic.Int64 // bytes of mapped that have memory behind them
	kept    atomic.Int64 // bytes of free pages that still have memory behind them
	huge    atomic.Int64 // mapped bytes from which on regions ask for huge pages

	mu      sync.Mutex // guards what follows
	small   bool       // no region shall have huge pages
	regions []*region
	fresh   []Addr            // chunks nobody has used since they were mapped or released
	dirty   []Addr            // free chunks that still have memory behind them
	split   map[Addr]*pageSet // chunks that serve single pages
	open    []*pageSet        // those of split with a free page, in no order
}

// A region is one mapping; it lives as long as the Pool.
type region struct {
	raw  []byte
	base Addr
}

// A pageSet is a chunk cut into pages.
type pageSet struct {
	base   Addr
	free   uint16 // a bit for each page nobody uses
	dirty  uint16 // those of free that still have memory behind them
	openAt int    // index in Pool.open, or -1
}

const allPages = 1<<chunkPages - 1

// NewPool returns an empty pool; nothing is mapped before the first block.
func NewPool() *Pool {
	p := &Pool{split: make(map[Addr]*pageSet)}
	p.huge.Store(1 << 62)
	return p
}

// HugePagesFrom asks for huge pages in regions mapped once heaps hold more than
// bytes. They save address translation on large heaps and cost small ones
// memory, since a page is resident whole.
func (p *Pool) HugePagesFrom(bytes int64) { p.huge.Store(bytes) }

// SmallPages has memory come in small pages only, so that what is not in use takes
// none: the system may otherwise give two megabytes where some bytes are used.
func (p *Pool) SmallPages() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.small {
		return
	}
	p.small = true
	p.huge.Store(1 << 62)
	for _, r := range p.regions {
		adviseSmall(r.base, regionBytes)
	}
}

// MappedBytes is what heaps hold: slabs in use and large blocks.
func (p *Pool) MappedBytes() int64 { return p.mapped.Load() }

// LiveBytes is about what the blocks of all heaps occupy.
func (p *Pool) LiveBytes() int64 { return p.live.Load() }

// ResidentBytes is what the system has given memory for: slabs in use as far as
// they were ever filled, large blocks, and free pages that were kept.
func (p *Pool) ResidentBytes() int64 { return p.touched.Load() + p.kept.Load() }

// KeptBytes is memory of free pages not yet given back to the system.
func (p *Pool) KeptBytes() int64 { return p.kept.Load() }

// page returns a free page for a small slab, and whether it has memory behind it.
func (p *Pool) page() (a Addr, warm bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.open) == 0 {
		chunk, used := p.chunkLocked()
		s := &pageSet{base: chunk, free: allPages}
		if used {
			s.dirty = allPages
			p.kept.Add(chunkBytes)
		}
		p.split[s.base] = s
		p.addOpenLocked(s)
	}
	s := p.open[len(p.open)-1]
	pick := s.free
	if s.dirty != 0 { // memory that is there before memory that has to come
		pick = s.dirty
	}
	i := bits.TrailingZeros16(pick)
	bit := uint16(1) << i
	if s.dirty&bit != 0 {
		s.dirty &^= bit
		p.kept.Add(-pageBytes)
		warm = true
	}
	s.free &^= bit
	if s.free == 0 {
		p.dropOpenLocked(s)
	}
	p.mapped.Add(pageBytes)
	return s.base + Addr(i)<<pageShift, warm
}

// freePage takes back a page of page.
func (p *Pool) freePage(a Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.split[a&^(chunkBytes-1)]
	bit := uint16(1) << (a & (chunkBytes - 1) >> pageShift)
	p.mapped.Add(-pageBytes)
	if s.free == 0 {
		p.addOpenLocked(s)
	}
	s.free |= bit
	if p.keepLocked(pageBytes) {
		s.dirty |= bit
	} else {
		release(a, pageBytes)
	}
	if s.free == allPages {
		p.dropOpenLocked(s)
		delete(p.split, s.base)
		for d := s.dirty; d != 0; d &= d - 1 {
			release(s.base+Addr(bits.TrailingZeros16(d))<<pageShift, pageBytes)
			p.kept.Add(-pageBytes)
		}
		p.fresh = append(p.fresh, s.base)
	}
}

// chunk returns a free chunk for a medium slab, and whether it has memory behind
// it.
func (p *Pool) chunk() (a Addr, warm bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mapped.Add(chunkBytes)
	return p.chunkLocked()
}

// freeChunk takes back a chunk of chunk.
func (p *Pool) freeChunk(a Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mapped.Add(-chunkBytes)
	if p.keepLocked(chunkBytes) {
		p.dirty = append(p.dirty, a)
		return
	}
	release(a, chunkBytes)
	p.fresh = append(p.fresh, a)
}

// keepLocked decides whether n freed bytes stay at hand, and counts them: a
// thirty-second of what is in use saves the system calls of a heap that
// breathes.
func (p *Pool) keepLocked(n int64) bool {
	if p.kept.Load()+n > p.mapped.Load()/32 {
		return false
	}
	p.kept.Add(n)
	return true
}

func (p *Pool) chunkLocked() (a Addr, warm bool) {
	if n := len(p.dirty); n > 0 {
		a = p.dirty[n-1]
		p.dirty = p.dirty[:n-1]
		p.kept.Add(-chunkBytes)
		return a, true
	}
	if len(p.fresh) == 0 {
		p.growLocked()
	}
	a = p.fresh[len(p.fresh)-1]
	p.fresh = p.fresh[:len(p.fresh)-1]
	return a, false
}

// growLocked maps one more region and lists its chunks, lowest address last so
// that it is used first.
func (p *Pool) growLocked() {
	raw, err := mapMemory(regionBytes + hugeBytes)
	if err != nil {
		// There is no memory to serve a request that was already admitted;
		// the Go heap gives the same answer.
		panic(fmt.Sprintf("arena: map %d bytes: %v", regionBytes, err))
	}
	r := &region{raw: raw, base: (addressOf(raw) + hugeBytes - 1) &^ (hugeBytes - 1)}
	p.regions = append(p.regions, r)
	switch {
	case p.small:
		adviseSmall(r.base, regionBytes)
	case p.mapped.Load() >= p.huge.Load():
		adviseHuge(r.base, regionBytes)
	}
	for off := regionBytes - chunkBytes; off >= 0; off -= chunkBytes {
		p.fresh = append(p.fresh, r.base+Addr(off))
	}
}

func (p *Pool) addOpenLocked(s *pageSet) {
	s.openAt = len(p.open)
	p.open = append(p.open, s)
}

func (p *Pool) dropOpenLocked(s *pageSet) {
	last := p.open[len(p.open)-1]
	p.open[s.openAt] = last
	last.openAt = s.openAt
	p.open = p.open[:len(p.open)-1]
	s.openAt = -1
}

// Trim gives the memory of all free pages back to the system.
func (p *Pool) Trim() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.open {
		for d := s.dirty; d != 0; d &= d - 1 {
			release(s.base+Addr(bits.TrailingZeros16(d))<<pageShift, pageBytes)
		}
		s.dirty = 0
	}
	for _, a := range p.dirty {
		release(a, chunkBytes)
		p.fresh = append(p.fresh, a)
	}
	p.dirty = nil
	p.kept.Store(0)
}
