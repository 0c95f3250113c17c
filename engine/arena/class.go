package arena

import "math/bits"

const (
	pageShift  = 16
	pageBytes  = 1 << pageShift // a slab of small blocks
	chunkShift = 20
	chunkBytes = 1 << chunkShift // a slab of medium blocks; 16 pages
	chunkPages = chunkBytes / pageBytes

	maxSmall  = 4 << 10   // largest block in a slab of one page
	maxMedium = 128 << 10 // largest block in a slab of one chunk

	fineClasses = 16 // 8, 16 ... 128
	numClasses  = fineClasses + 8*10
)

// classOf returns the size class of a block of size bytes, 1 to maxMedium:
// steps of 8 up to 128, then eight steps in each doubling.
func classOf(size int) int {
	if size <= 128 {
		return (size+7)>>3 - 1
	}
	// The top four bits of size-1 select the step inside the doubling.
	n := uint(size - 1)
	shift := uint(bits.Len(n)) - 4
	return fineClasses + int(shift-4)*8 + int(n>>shift) - 8
}

// classBytes is the block size of each class.
var classBytes = func() (sizes [numClasses]int) {
	for c := range sizes {
		if c < fineClasses {
			sizes[c] = (c + 1) * 8
			continue
		}
		step := c - fineClasses
		sizes[c] = (step%8 + 9) << (step/8 + 4)
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
