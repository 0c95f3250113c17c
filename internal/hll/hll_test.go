package hll

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The naive form of a HyperLogLog: a byte for each register.
type naive [Registers]byte

func (n *naive) add(element []byte) bool {
	i, rank := place(element)
	raised := rank > n[i]
	n[i] = max(n[i], rank)
	return raised
}

func registersOf(t *testing.T, b []byte) (n naive) {
	t.Helper()
	if err := EachRegister(b, func(i int, rank byte) { n[i] = rank }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestBothFormsHoldWhatTheNaiveOneDoes(t *testing.T) {
	for _, sparseMax := range []int{0, 40, 3000, math.MaxInt} {
		t.Run(fmt.Sprint(sparseMax), func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, uint64(sparseMax)))
			var want naive
			b := AppendNew(nil)
			for i := range 20_000 {
				element := fmt.Appendf(nil, "%d", r.IntN(30_000))
				was := IsDense(b)
				var raised bool
				var err error
				if b, raised, err = Add(b, element, sparseMax); err != nil {
					t.Fatal(err)
				}
				if wantRaised := want.add(element); raised != wantRaised {
					t.Fatalf("Add %q: raised %v, want %v", element, raised, wantRaised)
				}
				if !IsDense(b) && len(b) > sparseMax && sparseMax > 18 {
					t.Fatalf("a sparse value of %d bytes", len(b))
				}
				if i%4000 == 0 || was != IsDense(b) {
					check(t, b, &want)
				}
			}
			check(t, b, &want)
			if d, err := ToDense(b); err != nil {
				t.Fatal(err)
			} else {
				check(t, d, &want)
			}
		})
	}
}

func check(t *testing.T, b []byte, want *naive) {
	t.Helper()
	if !Valid(b) {
		t.Fatalf("not valid: %q", b[:headerLen])
	}
	if got := registersOf(t, b); got != *want {
		t.Fatal("registers differ")
	}
	n, err := Count(b)
	if err != nil {
		t.Fatal(err)
	}
	var u Union
	if err := u.Merge(b); err != nil {
		t.Fatal(err)
	}
	if merged := u.Count(); n != merged {
		t.Fatalf("Count %d, of a union %d", n, merged)
	}
}

func TestAUnionHasTheHighestOfEachRegister(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, sparseMax := range []int{0, 3000, math.MaxInt} {
		var u Union
		var want naive
		for range 4 {
			b := AppendNew(nil)
			for range r.IntN(3000) {
				element := fmt.Appendf(nil, "%d", r.Uint32())
				want.add(element)
				var err error
				if b, _, err = Add(b, element, 3000); err != nil {
					t.Fatal(err)
				}
			}
			if err := u.Merge(b); err != nil {
				t.Fatal(err)
			}
		}
		b, err := u.MergeInto(AppendNew(nil), sparseMax)
		if err != nil {
			t.Fatal(err)
		}
		check(t, b, &want)
		if _, ok := Cached(b); ok {
			t.Error("the count of before is kept")
		}
	}
}

func TestSelfTest(t *testing.T) {
	if err := SelfTest(); err != nil {
		t.Error(err)
	}
}

// The standard error is 1.04/sqrt(16384) = 0.81%; the mean of the squares over
// many sets must not be far from it.
func TestTheErrorIsTheStandardOne(t *testing.T) {
	const sets, elements = 60, 50_000
	sum := 0.0
	for s := range sets {
		b, _ := ToDense(AppendNew(nil))
		for i := range elements {
			b, _, _ = Add(b, fmt.Appendf(nil, "%d:%d", s, i), 0)
		}
		n, err := Count(b)
		if err != nil {
			t.Fatal(err)
		}
		off := float64(n)/elements - 1
		sum += off * off
	}
	if got := math.Sqrt(sum / sets); got > 0.011 || got < 0.005 {
		t.Errorf("the standard error is %.2f%%", got*100)
	}
}

func TestCorruptValuesAreErrors(t *testing.T) {
	head := string(AppendNew(nil)[:headerLen])
	for _, ops := range []string{
		"",                         // no registers
		"\x7f",                     // half a run
		"\x7f\xfe",                 // one register is missing
		"\x7f\xff\x00",             // one too many
		"\x7f\xfe\x85",             // a rank over the end
		strings.Repeat("\xff", 10), // ranks only
	} {
		b := []byte(head + ops)
		if !Valid(b) {
			t.Errorf("%q: the header is not valid", ops)
		}
		if _, err := Count(b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("Count %q: %v", ops, err)
		}
		if _, err := ToDense(b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("ToDense %q: %v", ops, err)
		}
		if err := new(Union).Merge(b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("Merge %q: %v", ops, err)
		}
		if _, err := Describe(nil, b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("Describe %q: %v", ops, err)
		}
	}
	for _, bad := range []string{"", "HYLL", head[:15], "HYLX" + head[4:], "HYLL\x02" + head[5:], "HYLL\x00" + head[5:] + strings.Repeat("x", 100)} {
		if Valid([]byte(bad)) {
			t.Errorf("%q is valid", bad)
		}
	}
}

// FuzzValue gives every function a value as a client might have written it.
func FuzzValue(f *testing.F) {
	f.Add([]byte("\x7f\xff"), []byte("a"), 3000)
	f.Add([]byte("\x00\x80\x7f\xfc"), []byte("b"), 0)
	f.Add([]byte("\xff\xff\x40"), []byte("c"), 20)
	f.Fuzz(func(t *testing.T, ops, element []byte, sparseMax int) {
		sparseMax %= 4096 // a merge into a long sparse value is slow
		b := append(AppendNew(nil)[:headerLen], ops...)
		before, whole := naive{}, true
		if err := EachRegister(b, func(i int, rank byte) { before[i] = rank }); err != nil {
			whole = false
		}
		_, countErr := Count(b)
		_, denseErr := ToDense(b)
		if whole != (countErr == nil) || whole != (denseErr == nil) {
			t.Fatalf("whole %v, Count %v, ToDense %v", whole, countErr, denseErr)
		}
		var u Union
		if err := u.Merge(b); (err == nil) != whole {
			t.Fatalf("whole %v, Merge %v", whole, err)
		}
		if _, err := u.MergeInto(slices.Clone(b), sparseMax); whole && err != nil {
			t.Fatalf("MergeInto: %v", err)
		}
		b, raised, err := Add(b, element, sparseMax)
		if !whole {
			return // an Add that does not come to the fault may work
		}
		if err != nil {
			t.Fatalf("Add: %v", err)
		}
		if before.add(element) != raised || registersOf(t, b) != before {
			t.Fatal("Add: not the registers of the naive form")
		}
	})
}

// randomSparse is a sparse value with runs of every kind.
func randomSparse(r *rand.Rand) []byte {
	b := AppendNew(nil)[:headerLen]
	for left := Registers; left > 0; {
		n := min(left, 1+r.IntN(1<<r.IntN(9)))
		if rank := byte(r.IntN(5)); rank > 0 {
			n = min(n, runMax)
			b = appendRank(b, n, rank)
		} else {
			b = appendZeros(b, n)
		}
		left -= n
	}
	return b
}

// A merge goes on where the last register was; what it writes must be what it
// would write from the beginning each time.
func TestAMergeWritesWhatSingleRegistersDo(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 30 {
		into := randomSparse(r)
		var u Union
		if err := u.Merge(randomSparse(r)); err != nil {
			t.Fatal(err)
		}
		for i := range u.ranks { // few or many of them
			if r.IntN(8) > 0 {
				u.ranks[i] = 0
			}
		}
		want := slices.Clone(into)
		for i, rank := range u.ranks {
			if rank > 0 {
				want, _, _ = raise(want, i, rank, math.MaxInt, new(seat))
			}
		}
		Invalidate(want)
		got, err := u.MergeInto(slices.Clone(into), math.MaxInt)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v; %d bytes, want %d", err, len(got), len(want))
		}
	}
}
