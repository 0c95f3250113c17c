package tree

import "math"

const signBit = 1 << 63

// FloatKey maps numbers to keys of the same order; -0 becomes +0. NaN has no
// place in the order and must not get here.
func FloatKey(f float64) uint64 {
	b := math.Float64bits(f)
	switch {
	case b == signBit:
		return signBit
	case b&signBit != 0:
		return ^b
	}
	return b | signBit
}

// KeyFloat is the number that FloatKey mapped to key.
func KeyFloat(key uint64) float64 {
	if key&signBit != 0 {
		return math.Float64frombits(key &^ signBit)
	}
	return math.Float64frombits(^key)
}
