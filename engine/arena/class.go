package arena

import "math/bits"

const (
	finePageBytes = 16 << 10 // a slab of fine blocks
	pageBytes     = 64 << 10 // a slab of small blocks
	chunkBytes    = 1 << 20  // a slab of medium blocks; cut into pages of either size

	maxFine   = 2 << 10   // largest block in a slab of one fine page
	maxPage   = 8 << 10   // largest block in a slab of one page
	maxSmall  = 4 << 10   // larger free blocks may have given their memory back
	maxMedium = 128 << 10 // largest block in a slab of one chunk

	fineClasses = 32                 // 8, 16 ... 256
	midClasses  = fineClasses + 16*3 // 272, 288 ... 1024
	wideClasses = midClasses + 16*4  // 1088, 1152 ... 2048, 2176 ... 16384
	numClasses  = wideClasses + 8*3
)

// classOf returns the size class of a block of size bytes, 1 to maxMedium:
// steps of 8 up to 256 and of 16 up to 1024, then sixteen steps in each doubling up to
// 16384, and eight beyond.
func classOf(size int) int {
	switch {
	case size <= 256:
		return (size+7)>>3 - 1
	case size <= 1024:
		return fineClasses + (size+15)>>4 - 17
	}
	// The top bits of size-1 select the step inside the doubling.
	n := uint(size - 1)
	top := uint(bits.Len(n))
	if size <= 16<<10 {
		shift := top - 5
		return midClasses + int(shift-6)*16 + int(n>>shift) - 16
	}
	shift := top - 4
	return wideClasses + int(shift-11)*8 + int(n>>shift) - 8
}

// classBytes is the block size of each class.
var classBytes = func() (sizes [numClasses]int) {
	for c := range sizes {
		switch {
		case c < fineClasses:
			sizes[c] = (c + 1) * 8
		case c < midClasses:
			sizes[c] = (c - fineClasses + 17) * 16
		case c < wideClasses:
			step := c - midClasses
			sizes[c] = (step%16 + 17) << (step/16 + 6)
		default:
			step := c - wideClasses
			sizes[c] = (step%8 + 9) << (step/8 + 11)
		}
	}
	return sizes
}()

// slabBytes is the size of a slab of each class: the least that blocks fill well.
// There are many classes, and the last slab of each is half empty.
var slabBytes = func() (sizes [numClasses]Addr) {
	// The part of a slab that is no block is at most one of parts.
	fills := func(slab, block, parts int) bool { return (slab-slabHeader)%block+slabHeader <= slab/parts }
	for c, block := range classBytes {
		switch {
		case block <= maxFine && fills(finePageBytes, block, 32):
			sizes[c] = finePageBytes
		case block <= maxSmall, block <= maxPage && fills(pageBytes, block, 15):
			sizes[c] = pageBytes
		default:
			sizes[c] = chunkBytes
		}
	}
	return sizes
}()

// BlockBytes returns how many bytes a block of size bytes really occupies.
// Whatever lies in between is the holder's to grow into.
func BlockBytes(size int) int {
	if size <= maxMedium {
		return classBytes[classOf(size)]
	}
	return roundUp(size, mapAlign)
}

func roundUp(n, unit int) int { return (n + unit - 1) &^ (unit - 1) }
