package commands

import (
	"bytes"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// The naive form of a bitmap is a slice with an element for each bit.
func bitsOf(s []byte) []byte {
	out := make([]byte, 0, len(s)*8)
	for _, x := range s {
		for i := 7; i >= 0; i-- {
			out = append(out, x>>i&1)
		}
	}
	return out
}

// randomBytes makes strings with long stretches of equal bits.
func randomBytes(r *rand.Rand, n int) []byte {
	s := make([]byte, n)
	fill := byte(0)
	for i := range s {
		if r.IntN(12) == 0 {
			fill = byte(r.IntN(3)) * 0xff
		}
		if s[i] = fill; fill == 0xfe { // twice 0xff
			s[i] = byte(r.Uint32())
		}
	}
	return s
}

func TestRangesOfBitsAgainstSlices(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 30_000 {
		s := randomBytes(r, r.IntN(90))
		all := bitsOf(s)
		n := int64(len(s))
		byBit := r.IntN(2) == 0
		if byBit {
			n *= 8
		}
		ends := [2]int64{r.Int64N(3*n+4) - n - 2, r.Int64N(3*n+4) - n - 2}
		for i := range ends {
			switch r.IntN(40) {
			case 0:
				ends[i] = math.MaxInt64
			case 1:
				ends[i] = math.MinInt64
			}
		}
		span := spanOf(ends[0], ends[1], byBit, len(s))

		// What the range means, in the words of the documentation.
		first, last := ends[0], ends[1]
		if first < 0 {
			first = max(0, first+n)
		}
		if last < 0 {
			last = max(0, last+n)
		}
		last = min(last, n-1)
		var want []byte
		if first <= last {
			if byBit {
				want = all[first : last+1]
			} else {
				want, first = all[first*8:last*8+8], first*8
			}
		}
		if got := countBits(s, span); got != int64(bytes.Count(want, []byte{1})) {
			t.Fatalf("countBits %x %v bit=%v: %d, want %d", s, ends, byBit, got, bytes.Count(want, []byte{1}))
		}
		if len(want) == 0 {
			if span.first <= span.last {
				t.Fatalf("spanOf %v bit=%v of %d bytes: %v, want nothing", ends, byBit, len(s), span)
			}
			continue
		}
		for bit := range byte(2) {
			pos := int64(bytes.IndexByte(want, bit))
			if pos >= 0 {
				pos += first
			}
			if got := findBit(s, span, bit == 1); got != pos {
				t.Fatalf("findBit %d in %x %v bit=%v: %d, want %d", bit, s, ends, byBit, got, pos)
			}
		}
	}
}

func TestBitOperationsAgainstBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 3000 {
		dst := randomBytes(r, r.IntN(70))
		src := randomBytes(r, r.IntN(len(dst)+1))
		for name, op := range map[string]struct {
			wide  func(dst, src []byte)
			naive func(x, y byte) byte
		}{
			"AND": {andBytes, func(x, y byte) byte { return x & y }},
			"OR":  {orBytes, func(x, y byte) byte { return x | y }},
			"XOR": {xorBytes, func(x, y byte) byte { return x ^ y }},
			"NOT": {func(dst, _ []byte) { notBytes(dst) }, func(x, _ byte) byte { return ^x }},
		} {
			got, want := bytes.Clone(dst), bytes.Clone(dst)
			op.wide(got, src)
			for i := range want {
				y := byte(0)
				if i < len(src) {
					y = src[i]
				}
				want[i] = op.naive(want[i], y)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%s %x %x: %x, want %x", name, dst, src, got, want)
			}
		}
	}
}

// span is the smallest and the largest number of a type.
func (t intType) span() (least, most *big.Int) {
	one := big.NewInt(1)
	if !t.signed {
		return new(big.Int), new(big.Int).Sub(new(big.Int).Lsh(one, t.width), one)
	}
	edge := new(big.Int).Lsh(one, t.width-1)
	return new(big.Int).Neg(edge), new(big.Int).Sub(edge, one)
}

func TestBitFieldsAgainstSlicesAndBigNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 60_000 {
		typ := intType{signed: r.IntN(2) == 0, width: uint(r.IntN(63) + 1)}
		if typ.signed && r.IntN(8) == 0 {
			typ.width = 64
		}
		s := randomBytes(r, 20)
		off := r.Int64N(int64(len(s)*8) - int64(typ.width) + 1)

		// The number is its bits, the first of which counts negative if signed.
		all := bitsOf(s)
		want := new(big.Int)
		for _, b := range all[off : off+int64(typ.width)] {
			want.Lsh(want, 1).Or(want, big.NewInt(int64(b)))
		}
		least, most := typ.span()
		size := new(big.Int).Lsh(big.NewInt(1), typ.width)
		if want.Cmp(most) > 0 {
			want.Sub(want, size)
		}
		old := typ.get(s, off)
		if big.NewInt(old).Cmp(want) != 0 {
			t.Fatalf("get %+v at %d of %x: %d, want %v", typ, off, s, old, want)
		}

		by := int64(r.Uint64()) >> r.IntN(64)
		sum := new(big.Int).Add(want, big.NewInt(by))
		fits := sum.Cmp(least) >= 0 && sum.Cmp(most) <= 0
		for _, mode := range []overflowMode{overflowWrap, overflowSat, overflowFail} {
			n, ok := typ.add(old, by, mode)
			if ok != fits {
				t.Fatalf("%+v: %d + %d fits: %v, want %v", typ, old, by, ok, fits)
			}
			if mode == overflowFail && !fits {
				continue
			}
			sum := new(big.Int).Set(sum)
			switch {
			case mode == overflowSat && sum.Cmp(most) > 0:
				sum.Set(most)
			case mode == overflowSat && sum.Cmp(least) < 0:
				sum.Set(least)
			default: // the number of the type that is as much modulo its size
				sum.Sub(sum, least).Mod(sum, size).Add(sum, least)
			}
			if big.NewInt(n).Cmp(sum) != 0 {
				t.Fatalf("%+v: %d + %d in mode %d: %d, want %v", typ, old, by, mode, n, sum)
			}
			c := bytes.Clone(s)
			typ.set(c, off, n)
			if got := typ.get(c, off); got != n {
				t.Fatalf("%+v at %d: %d was set, %d is got", typ, off, n, got)
			}
			// Nothing around the field has changed.
			after := bitsOf(c)
			copy(after[off:off+int64(typ.width)], all[off:])
			if !bytes.Equal(after, all) {
				t.Fatalf("set %+v at %d of %x to %d: %x", typ, off, s, n, c)
			}
		}
	}
}

// A field may lie partly or wholly beyond the end, where all bits are zero.
func TestBitFieldsBeyondTheEnd(t *testing.T) {
	s := []byte{0xff, 0xff}
	for _, c := range []struct {
		typ  intType
		off  int64
		want int64
	}{
		{intType{false, 8}, 12, 0xf0},
		{intType{true, 8}, 12, -16},
		{intType{false, 63}, 15, 1 << 62},
		{intType{true, 64}, 16, 0},
		{intType{false, 8}, 1 << 40, 0},
	} {
		if got := c.typ.get(s, c.off); got != c.want {
			t.Errorf("get %+v at %d: %d, want %d", c.typ, c.off, got, c.want)
		}
	}
}

func FuzzBitFieldType(f *testing.F) {
	f.Add([]byte("u8"))
	f.Add([]byte("i64"))
	f.Fuzz(func(t *testing.T, b []byte) {
		typ, err := parseIntType(b)
		if err == nil && (typ.width < 1 || typ.width > 64 || typ.width == 64 && !typ.signed) {
			t.Errorf("%q is %+v", b, typ)
		}
	})
}
