package server

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// What is added to an output leaves in that order, whatever is copied, taken over and sent
// in between, and takes little more memory than it has bytes.
func TestOutputKeepsOrderAndMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var o output
	var want, got []byte
	next := byte(0)
	make1 := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			next++
			b[i] = next
		}
		return b
	}
	check := func() {
		t.Helper()
		size := 0
		for _, c := range o.chunks {
			size += len(c)
		}
		if size != o.size || size != len(want)-len(got) {
			t.Fatalf("size %d, chunks of %d, %d unsent", o.size, size, len(want)-len(got))
		}
		if most := 3*o.size + 2*chunkBytes; o.memory() > most {
			t.Fatalf("%d bytes unsent take %d", o.size, o.memory())
		}
	}
	for range 3000 {
		switch rng.IntN(4) {
		case 0:
			b := make1(rng.IntN(1 + rng.IntN(1<<rng.IntN(20))))
			want = append(want, b...)
			o.add(b)
			clear(b)
		case 1:
			b := make1(1 + rng.IntN(1<<rng.IntN(20)))
			want = append(want, b...)
			if !o.keep(b, rng.IntN(2) == 0) {
				clear(b) // copied: it may be used again
			}
		default:
			for n := rng.IntN(1 << 20); n > 0 && o.size > 0; {
				take := min(n, 1+rng.IntN(len(o.head())))
				got = append(got, o.head()[:take]...)
				o.sent(take)
				n -= take
			}
		}
		check()
	}
	for o.size > 0 {
		got = append(got, o.head()...)
		o.sent(len(o.head()))
	}
	if !bytes.Equal(got, want) || o.chunks != nil || o.memory() != 0 {
		t.Errorf("%d bytes came of %d, %d chunks are left", len(got), len(want), len(o.chunks))
	}
}

// Replies that nobody reads take as much memory as they have bytes.
func TestReplesOfAMegabyteAreNotMultiplied(t *testing.T) {
	var o output
	reply := make([]byte, 1<<20)
	for range 100 {
		o.keep(reply, false)
	}
	if o.memory() > o.size+o.size/50 {
		t.Errorf("%d bytes take %d", o.size, o.memory())
	}
}
