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
// (16 or 64 KiB) and the chunk (1 MiB). It is safe for concurrent use.
type Pool struct {
	mapped  atomic.Int64 // bytes handed out to heaps: slabs in use and large blocks
	live    atomic.Int64 // bytes of live blocks, as heaps last reported
	touched atomic.Int64 // bytes of mapped that have memory behind them
	kept    atomic.Int64 // bytes of free pages that still have memory behind them
	huge    atomic.Int64 // mapped bytes from which on regions ask for huge pages

	warming atomic.Bool // the memory of the next chunk is being touched

	mu      sync.Mutex // guards what follows
	warmed  Addr       // the huge page that was brought in last
	small   bool       // no region may have huge pages
	regions []*region
	fresh   []Addr            // chunks not used since they were mapped or released
	dirty   []Addr            // free chunks that still have memory behind them
	split   map[Addr]*pageSet // chunks that serve single pages
	fine    []*pageSet        // those of split with a free fine page, in no order
	open    []*pageSet        // and those with a free page of the other size
}

// A region is one mapping; it lives as long as the Pool.
type region struct {
	raw  []byte
	base Addr
}

// A pageSet is a chunk cut into pages of one size.
type pageSet struct {
	base   Addr
	page   Addr   // bytes
	free   uint64 // a bit for each page that is free
	dirty  uint64 // those of free that still have memory behind them
	openAt int    // index in Pool.fine or Pool.open, or -1
}

// all is a bit for each page.
func (s *pageSet) all() uint64 { return 1<<(chunkBytes/s.page) - 1 }

// at is where the page of a bit begins.
func (s *pageSet) at(bit int) Addr { return s.base + Addr(bit)*s.page }

// with is the list of page sets with free pages of this size.
func (p *Pool) with(page Addr) *[]*pageSet {
	if page == finePageBytes {
		return &p.fine
	}
	return &p.open
}

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

// SmallPages makes the system use small pages only, so that unused memory takes none: the system may otherwise
// spend two megabytes where some bytes are used.
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

// MappedBytes is the memory that heaps hold: slabs in use and large blocks.
func (p *Pool) MappedBytes() int64 { return p.mapped.Load() }

// LiveBytes is about the size of the live blocks of all heaps.
func (p *Pool) LiveBytes() int64 { return p.live.Load() }

// ResidentBytes is the memory that the system has provided: slabs in use up to the furthest block ever used, large
// blocks, and free pages that were kept.
func (p *Pool) ResidentBytes() int64 { return p.touched.Load() + p.kept.Load() }

// KeptBytes is memory of free pages not yet given back to the system.
func (p *Pool) KeptBytes() int64 { return p.kept.Load() }

// slab returns free memory for a slab, and whether there is memory behind it.
func (p *Pool) slab(bytes Addr) (a Addr, warm bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mapped.Add(int64(bytes))
	if bytes == chunkBytes {
		return p.chunkLocked()
	}
	return p.pageLocked(bytes)
}

// freeSlab takes a slab back from a heap.
func (p *Pool) freeSlab(a, bytes Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mapped.Add(-int64(bytes))
	if bytes == chunkBytes {
		p.freeChunkLocked(a)
		return
	}
	p.freePageLocked(a)
}

func (p *Pool) pageLocked(bytes Addr) (a Addr, warm bool) {
	sets := p.with(bytes)
	if len(*sets) == 0 {
		chunk, used := p.chunkLocked()
		s := &pageSet{base: chunk, page: bytes}
		s.free = s.all()
		if used {
			s.dirty = s.free
			p.kept.Add(chunkBytes)
		}
		p.split[s.base] = s
		p.addOpenLocked(s)
	}
	s := (*sets)[len(*sets)-1]
	pick := s.free
	if s.dirty != 0 { // memory that is there before memory that has to come
		pick = s.dirty
	}
	i := bits.TrailingZeros64(pick)
	bit := uint64(1) << i
	if s.dirty&bit != 0 {
		s.dirty &^= bit
		p.kept.Add(-int64(bytes))
		warm = true
	}
	s.free &^= bit
	if s.free == 0 {
		p.dropOpenLocked(s)
	}
	return s.at(i), warm
}

func (p *Pool) freePageLocked(a Addr) {
	s := p.split[a&^(chunkBytes-1)]
	bit := uint64(1) << ((a - s.base) / s.page)
	if s.free == 0 {
		p.addOpenLocked(s)
	}
	s.free |= bit
	if p.keepLocked(int64(s.page)) {
		s.dirty |= bit
	} else {
		release(a, int(s.page))
	}
	if s.free == s.all() {
		p.dropOpenLocked(s)
		delete(p.split, s.base)
		p.releaseLocked(s)
		p.fresh = append(p.fresh, s.base)
	}
}

// releaseLocked gives the memory of a set's free pages back to the system.
func (p *Pool) releaseLocked(s *pageSet) {
	for d := s.dirty; d != 0; d &= d - 1 {
		release(s.at(bits.TrailingZeros64(d)), int(s.page))
		p.kept.Add(-int64(s.page))
	}
	s.dirty = 0
}

func (p *Pool) freeChunkLocked(a Addr) {
	if p.keepLocked(chunkBytes) {
		p.dirty = append(p.dirty, a)
		return
	}
	release(a, chunkBytes)
	p.fresh = append(p.fresh, a)
}

// keepLocked decides whether n freed bytes are kept for reuse, and counts them. Keeping a thirty-second of the
// resident memory saves system calls for a heap that shrinks and grows again.
func (p *Pool) keepLocked(n int64) bool {
	if p.kept.Load()+n > p.touched.Load()/32 {
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
	p.aheadLocked(a)
	return a, false
}

// aheadLocked has a goroutine touch the memory of the chunk after a, the one in use now. The goroutine that
// touches the first byte of a huge page waits until the system has cleared all of it, which takes milliseconds on
// a virtual machine whose host has to find the memory first. It must not be one that holds a lock.
func (p *Pool) aheadLocked(a Addr) {
	if p.small || p.mapped.Load() < p.huge.Load() {
		return
	}
	if len(p.fresh) == 0 {
		p.growLocked()
	}
	page := p.fresh[len(p.fresh)-1] &^ (hugeBytes - 1)
	if page == a&^(hugeBytes-1) || page == p.warmed || !p.warming.CompareAndSwap(false, true) {
		return
	}
	p.warmed = page
	go func() {
		// The chunks may get an owner meanwhile: their contents stay as they are.
		populate(page, hugeBytes)
		p.warming.Store(false)
	}()
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
	sets := p.with(s.page)
	s.openAt = len(*sets)
	*sets = append(*sets, s)
}

func (p *Pool) dropOpenLocked(s *pageSet) {
	sets := p.with(s.page)
	last := (*sets)[len(*sets)-1]
	(*sets)[s.openAt] = last
	last.openAt = s.openAt
	*sets = (*sets)[:len(*sets)-1]
	s.openAt = -1
}

// Trim gives the memory of all free pages back to the system.
func (p *Pool) Trim() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.fine {
		p.releaseLocked(s)
	}
	for _, s := range p.open {
		p.releaseLocked(s)
	}
	for _, a := range p.dirty {
		release(a, chunkBytes)
		p.kept.Add(-chunkBytes)
		p.fresh = append(p.fresh, a)
	}
	p.dirty = nil
}
