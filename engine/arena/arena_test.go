package arena

import (
	"math/rand/v2"
	"testing"
)

func TestClassesStepByAtMostAnEighth(t *testing.T) {
	for size := 1; size <= maxMedium; size++ {
		c := classOf(size)
		if c < 0 || c >= numClasses {
			t.Fatalf("size %d: class %d out of range", size, c)
		}
		if classBytes[c] < size {
			t.Fatalf("size %d does not fit its class of %d", size, classBytes[c])
		}
		if c > 0 && classBytes[c-1] >= size {
			t.Fatalf("size %d would fit the smaller class of %d", size, classBytes[c-1])
		}
		if size > 64 && float64(classBytes[c]-size) > 0.125*float64(size) {
			t.Fatalf("size %d wastes %d", size, classBytes[c]-size)
		}
	}
	if classBytes[numClasses-1] != maxMedium {
		t.Fatalf("largest class is %d", classBytes[numClasses-1])
	}
}

// Of a full slab hardly anything is lost: in a block, by its class, and beside the blocks,
// by the size of the slab.
func TestLittleIsLostAtAnySize(t *testing.T) {
	for size := 1; size <= maxMedium; size++ {
		c := classOf(size)
		block, slab := classBytes[c], int(slabBytes[c])
		blocks := (slab - slabHeader) / block
		most := 7 // bytes of a block that its contents leave free
		switch {
		case size > 16<<10:
			most = block / 9
		case size > 1024:
			most = block * 6 / 100
		case size > 256:
			most = 15
		}
		if block-size > most {
			t.Errorf("size %d is in a block of %d", size, block)
		}
		share := 4 // that is lost beside the blocks; of a large slab no memory comes there
		switch {
		case size <= 2048:
			share = 31
		case size <= 16<<10:
			share = 15
		}
		if slab-blocks*block > slab/share {
			t.Errorf("%d blocks of %d leave %d of a slab of %d", blocks, block, slab-blocks*block, slab)
		}
		if block >= leastTrimmed && blocks > mostTrimmed {
			t.Errorf("%d blocks of %d in a slab are too many to trim", blocks, block)
		}
	}
	if c := classOf(8 + 24 + 1024); classBytes[c] != 1088 || slabBytes[c] != finePageBytes {
		t.Errorf("an item of 24+1024 bytes is in a block of %d in a slab of %d", classBytes[c], slabBytes[c])
	}
}

// A testBlock holds bytes that follow from seed.
type testBlock struct {
	a    Addr
	size int
	seed byte
}

func (b testBlock) check(t *testing.T) {
	t.Helper()
	for i, x := range b.a.Bytes(b.size) {
		if x != b.seed+byte(i) {
			t.Fatalf("block of %d at %#x changed at %d", b.size, b.a, i)
		}
	}
}

// write fills the block from a byte on.
func (b testBlock) write(from int) {
	for i := from; i < b.size; i++ {
		b.a.Bytes(b.size)[i] = b.seed + byte(i)
	}
}

// Blocks of random sizes keep their contents, do not overlap, and leave nothing
// behind: after the last Free the heap is at zero live bytes.
func TestRandomBlocksKeepTheirContents(t *testing.T) {
	t.Run("small pages", func(t *testing.T) { keepContents(t, NewPool()) })
	t.Run("huge pages", func(t *testing.T) {
		p := NewPool()
		p.HugePagesFrom(1 << 20)
		keepContents(t, p)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.warmed == 0 {
			t.Error("no memory was brought in ahead of its use")
		}
		if len(p.regions) > 4 {
			t.Errorf("%d regions are mapped", len(p.regions))
		}
	})
}

func keepContents(t *testing.T, p *Pool) {
	rng := rand.New(rand.NewPCG(1, 2))
	h := NewHeap(p)
	var blocks []testBlock
	for range 60000 {
		switch r := rng.IntN(10); {
		case r < 5 || len(blocks) == 0:
			size := 1 + rng.IntN(1<<rng.IntN(14))
			if rng.IntN(500) == 0 {
				size = 1 + rng.IntN(400<<10)
			}
			b := testBlock{h.Alloc(size), size, byte(rng.Uint32())}
			if b.a%8 != 0 {
				t.Fatalf("block at %#x is not aligned", b.a)
			}
			b.write(0)
			blocks = append(blocks, b)
		case r < 6:
			i := rng.IntN(len(blocks))
			b := &blocks[i]
			b.check(t)
			to := 1 + rng.IntN(2*b.size+16)
			keep := min(to, b.size)
			b.a = h.Resize(b.a, b.size, to, keep)
			b.size = to
			b.write(keep)
			b.check(t)
		default:
			i := rng.IntN(len(blocks))
			blocks[i].check(t)
			h.Free(blocks[i].a, blocks[i].size)
			blocks[i] = blocks[len(blocks)-1]
			blocks = blocks[:len(blocks)-1]
		}
	}
	var want int64
	for _, b := range blocks {
		b.check(t)
		want += int64(BlockBytes(b.size))
	}
	if h.LiveBytes() != want {
		t.Fatalf("live bytes %d, want %d", h.LiveBytes(), want)
	}
	for _, b := range blocks {
		h.Free(b.a, b.size)
	}
	if h.LiveBytes() != 0 {
		t.Fatalf("live bytes %d after the last free", h.LiveBytes())
	}
	h.Reset()
	if p.MappedBytes() != 0 || h.HeldBytes() != 0 {
		t.Fatalf("pool holds %d, heap %d after reset", p.MappedBytes(), h.HeldBytes())
	}
	p.Trim()
	if p.KeptBytes() != 0 {
		t.Fatalf("pool keeps %d after trim", p.KeptBytes())
	}
}

// Blocks that are left of many move together, to the beginning of their slab too,
// and what they leave behind is given back. They keep their contents, also when
// blocks come and go in between.
func TestCompactionLeavesLittleFree(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	p := NewPool()
	h := NewHeap(p)
	var blocks []testBlock
	add := func() {
		b := testBlock{size: 1 + rng.IntN(1<<(4+rng.IntN(14))), seed: byte(rng.Uint32())}
		b.a = h.Alloc(b.size)
		b.write(0)
		blocks = append(blocks, b)
	}
	drop := func() {
		i := rng.IntN(len(blocks))
		blocks[i].check(t)
		h.Free(blocks[i].a, blocks[i].size)
		blocks[i] = blocks[len(blocks)-1]
		blocks = blocks[:len(blocks)-1]
	}
	for range 3 {
		for range 4000 {
			add()
		}
		for len(blocks) > 500 {
			drop()
		}
		for round := range 12 {
			for i := range blocks {
				b := &blocks[i]
				if to := h.Compact(b.a, b.size); to != 0 {
					h.Free(b.a, b.size)
					b.a = to
				}
				b.check(t)
			}
			for range numClasses {
				h.Purge(0)
			}
			if round < 4 {
				add()
				drop()
			}
		}
		h.DropEmpty()
		// A page for each class, where a slab's last block ends in it, and as much for
		// classes of few large blocks; slabs of small blocks stay whole.
		small := classOf(leastTrimmed) * finePageBytes
		most := int64(small + (numClasses-classOf(leastTrimmed))*2*mapAlign)
		if free := h.ResidentBytes() - h.LiveBytes(); free < 0 || free > most {
			t.Errorf("%d bytes of %d are free, want at most %d", free, h.ResidentBytes(), most)
		}
	}
	for len(blocks) > 0 {
		drop()
	}
	h.DropEmpty()
	p.Trim()
	if h.LiveBytes() != 0 || h.ResidentBytes() != 0 || p.ResidentBytes() != 0 {
		t.Errorf("%d bytes live, %d resident, %d in the pool when all are freed", h.LiveBytes(), h.ResidentBytes(), p.ResidentBytes())
	}
}

// The slabs whose end is given back have no more blocks than trim has bits for.
func TestTrimmedSlabsHaveFewBlocks(t *testing.T) {
	for c, block := range classBytes {
		if n := (int(slabBytes[c]) - slabHeader) / block; block >= leastTrimmed && n > mostTrimmed {
			t.Errorf("a slab has %d blocks of %d", n, block)
		}
	}
}

func TestBlocksOfWholeLinesAreLineAligned(t *testing.T) {
	h := NewHeap(NewPool())
	for _, size := range []int{64, 128, 192, 256, 512, 1024, 1536, 2048} {
		for range 3 {
			if a := h.Alloc(size); a%64 != 0 {
				t.Errorf("block of %d at %#x", size, a)
			}
		}
	}
}

func BenchmarkAllocFree(b *testing.B) {
	h := NewHeap(NewPool())
	ring := make([]Addr, 1024)
	for i := range ring {
		ring[i] = h.Alloc(96)
	}
	i := 0
	for b.Loop() {
		h.Free(ring[i&1023], 96)
		ring[i&1023] = h.Alloc(96)
		i++
	}
}
