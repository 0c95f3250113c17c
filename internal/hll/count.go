package hll

import (
	"encoding/binary"
	"math"
)

// A histogram says how many registers have each rank.
type histogram [registerMax + 1]int

func histogramOf(ranks *[Registers]byte) *histogram {
	// Two counters for each rank: neighbours are often equal, and one counter
	// would wait for itself.
	var h, odd histogram
	for i := 0; i < Registers; i += 2 {
		h[ranks[i]&registerMax]++
		odd[ranks[i+1]&registerMax]++
	}
	for rank := range h {
		h[rank] += odd[rank]
	}
	return &h
}

// alpha is the constant of the estimator for infinitely many registers:
// 1 / (2 ln 2).
const alpha = 0.721347520444481703680

// estimate is the improved estimator of Otmar Ertl, "New cardinality estimation
// algorithms for HyperLogLog sketches" (2017), which needs no correction for
// small and large numbers. Each step is rounded to a double, so that all
// machines give the same number.
func (h *histogram) estimate() int64 {
	m := float64(Registers)
	z := m * tau((m-float64(h[rankBits+1]))/m)
	for rank := rankBits; rank >= 1; rank-- {
		z += float64(h[rank])
		z *= 0.5
	}
	z += float64(m * sigma(float64(h[0])/m))
	n := math.Round(alpha * m * m / z)
	if n >= math.MaxInt64 {
		return math.MinInt64 // every register is higher than a rank can be
	}
	return int64(n)
}

// sigma is x + sum of x^(2^k) 2^(k-1) over k >= 1.
func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for before := math.NaN(); z != before; {
		x *= x
		before = z
		z += float64(x * y)
		y += y
	}
	return z
}

// tau is (1 - x - sum of (1 - x^(2^-k))^2 2^-k over k >= 1) / 3.
func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for before := math.NaN(); z != before; {
		x = math.Sqrt(x)
		before = z
		y *= 0.5
		z -= float64(float64((1-x)*(1-x)) * y)
	}
	return z / 3
}

// hashSeed is the seed that Redis gives the hash.
const hashSeed = 0xadc83b19

// hash is Austin Appleby's MurmurHash64A.
func hash(b []byte) uint64 {
	const m, r = 0xc6a4a7935bd1e995, 47
	h := hashSeed ^ uint64(len(b))*m
	for ; len(b) >= 8; b = b[8:] {
		k := binary.LittleEndian.Uint64(b) * m
		k ^= k >> r
		h = (h ^ k*m) * m
	}
	if len(b) > 0 {
		var tail [8]byte
		copy(tail[:], b)
		h = (h ^ binary.LittleEndian.Uint64(tail[:])) * m
	}
	h = (h ^ h>>r) * m
	return h ^ h>>r
}
