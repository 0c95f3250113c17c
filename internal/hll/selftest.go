package hll

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// selfTestElements is how many elements SelfTest counts: enough to leave no
// register empty, and a few hundredths of a second of work.
const selfTestElements = 1_000_000

// SelfTest checks that dense registers do not touch each other, and that counts
// of known sets are as exact as 16384 registers allow: the standard error is
// 1.04/sqrt(16384), or 0.81%, and six times that does not happen by chance.
func SelfTest() error {
	if err := testRegisters(); err != nil {
		return err
	}
	b := AppendNew(nil)
	next := 1
	for n := 1; n <= selfTestElements; n++ {
		var element [8]byte
		binary.LittleEndian.PutUint64(element[:], uint64(n))
		var err error
		if b, _, err = Add(b, element[:], 3000); err != nil {
			return err
		}
		if n < next {
			continue
		}
		next *= 10
		count, err := Count(b)
		if err != nil {
			return err
		}
		if off := math.Abs(float64(count - int64(n))); off > math.Ceil(6*1.04/math.Sqrt(Registers)*float64(n)) {
			return fmt.Errorf("%d elements are counted as %d", n, count)
		}
	}
	return nil
}

// testRegisters writes and raises dense registers in a scattered order, does the same in an array of bytes, and
// compares all of them.
func testRegisters() error {
	regs := make([]byte, denseLen-headerLen)
	var want, got [Registers]byte
	for n := range 2 * Registers {
		h := hash(binary.LittleEndian.AppendUint64(nil, uint64(n)))
		i, rank := int(h%Registers), byte(h>>32&registerMax)
		if raised := raiseDense(regs, i, rank); raised != (rank > want[i]) {
			return fmt.Errorf("register %d of %d is raised to %d: %v", i, want[i], rank, raised)
		}
		want[i] = max(want[i], rank)
	}
	unpackDense(&got, regs)
	if !slices.Equal(got[:], want[:]) {
		return fmt.Errorf("dense registers run into each other")
	}
	return nil
}
