package lua

import (
	"math"
	"math/bits"

	glua "github.com/yuin/gopher-lua"
)

// bitArg is an argument of the bit library: a number modulo 2^32.
func bitArg(l *glua.LState, i int) uint32 {
	f := argNumber(l, i)
	if f != f || math.IsInf(f, 0) {
		return 0
	}
	// The sum has the rounded integer in its low bits, as the C library's result has for numbers that are too
	// large.
	return uint32(math.Float64bits(f + 1<<52 + 1<<51))
}

func pushBits(l *glua.LState, n uint32) int {
	l.Push(glua.LNumber(int32(n)))
	return 1
}

// bitTable is the bit library.
func (s *State) bitTable() *glua.LTable {
	t := s.l.NewTable()
	fold := func(name string, f func(a, b uint32) uint32) {
		s.set(t, name, func(l *glua.LState) int {
			n := bitArg(l, 1)
			for i := 2; i <= l.GetTop(); i++ {
				n = f(n, bitArg(l, i))
			}
			return pushBits(l, n)
		})
	}
	fold("band", func(a, b uint32) uint32 { return a & b })
	fold("bor", func(a, b uint32) uint32 { return a | b })
	fold("bxor", func(a, b uint32) uint32 { return a ^ b })
	shift := func(name string, f func(a uint32, n int) uint32) {
		s.set(t, name, func(l *glua.LState) int { return pushBits(l, f(bitArg(l, 1), int(bitArg(l, 2)&31))) })
	}
	shift("lshift", func(a uint32, n int) uint32 { return a << n })
	shift("rshift", func(a uint32, n int) uint32 { return a >> n })
	shift("arshift", func(a uint32, n int) uint32 { return uint32(int32(a) >> n) })
	shift("rol", bits.RotateLeft32)
	shift("ror", func(a uint32, n int) uint32 { return bits.RotateLeft32(a, -n) })
	s.set(t, "tobit", func(l *glua.LState) int { return pushBits(l, bitArg(l, 1)) })
	s.set(t, "bnot", func(l *glua.LState) int { return pushBits(l, ^bitArg(l, 1)) })
	s.set(t, "bswap", func(l *glua.LState) int { return pushBits(l, bits.ReverseBytes32(bitArg(l, 1))) })
	s.set(t, "tohex", func(l *glua.LState) int {
		n, width, digits := bitArg(l, 1), 8, "0123456789abcdef"
		if l.GetTop() > 1 {
			width = int(int32(bitArg(l, 2)))
		}
		if width < 0 {
			width, digits = -width, "0123456789ABCDEF"
		}
		width = min(max(width, 0), 8)
		out := make([]byte, width)
		for i := width - 1; i >= 0; i-- {
			out[i] = digits[n&15]
			n >>= 4
		}
		l.Push(glua.LString(out))
		return 1
	})
	return t
}
