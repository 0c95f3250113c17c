package lzf

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestWhatIsPackedUnpacksToItself(t *testing.T) {
	var p Packer
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		src := make([]byte, r.IntN(2000))
		letters := 1 + r.IntN(20)
		for i := range src {
			src[i] = byte(r.IntN(letters))
		}
		roundTrip(t, &p, src)
	}
	roundTrip(t, &p, []byte(strings.Repeat("a", 1<<20)))
	roundTrip(t, &p, []byte(strings.Repeat(strings.Repeat("x", 8191)+"yz0", 5)))
}

func roundTrip(t *testing.T, p *Packer, src []byte) {
	t.Helper()
	out, ok := p.Append(nil, src, len(src))
	if !ok {
		return
	}
	got := make([]byte, len(src), len(src)+len(src)%2*Room) // with and without room
	if err := Unpack(got, out); err != nil || !bytes.Equal(got, src) {
		t.Fatalf("%q packed to %q: %v", src, out, err)
	}
	if len(src) > len(out)*MaxRatio {
		t.Fatalf("a ratio of %d/%d is beyond MaxRatio", len(src), len(out))
	}
}

func TestRepetitionGetsShort(t *testing.T) {
	var p Packer
	src := []byte(strings.Repeat("hello world ", 100))
	if out, ok := p.Append(nil, src, len(src)); !ok || len(out) > 50 {
		t.Errorf("1200 bytes became %d, %v", len(out), ok)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte{0, 'a', 0xE0, 10, 0}, 20)
	f.Add([]byte{2, 'a', 'b', 'c', 0x20, 2}, 6)
	f.Fuzz(func(t *testing.T, src []byte, n int) {
		if n < 0 || n > 1<<16 {
			return
		}
		// It must not panic, and comes to the same with room and without.
		tight, roomy := make([]byte, n), make([]byte, n, n+Room)
		err := Unpack(tight, src)
		if again := Unpack(roomy, src); again != err || err == nil && !bytes.Equal(tight, roomy) {
			t.Fatalf("%q: %v %q, with room %v %q", src, err, tight, again, roomy)
		}
		var p Packer
		roundTrip(t, &p, src)
	})
}

func BenchmarkUnpack(b *testing.B) {
	var p Packer
	// A document as caches have them.
	src := []byte(`{"id":73910284,"name":"4f2a 9bc01d","email":"77de1@example.com","created_at":"2026-01-17T10:31:00Z",` +
		`"updated_at":"2026-02-03T11:42:00Z","status":"active","roles":["user","editor"],"address":{"street":"d81f3c",` +
		`"city":"3aa9","country":"DE"},"score":48211,"tags":["4f2a","c01d"]}              `)
	out, _ := p.Append(nil, src, len(src))
	dst := make([]byte, len(src), len(src)+Room)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		_ = Unpack(dst, out)
	}
}

// What does not get shorter leaves no garbage.
func TestWhatDoesNotPackAllocatesNothing(t *testing.T) {
	src := make([]byte, 64)
	for i := range src {
		src[i] = byte(i * 37)
	}
	var p Packer
	var dst []byte
	got := testing.AllocsPerRun(100, func() {
		var ok bool
		if dst, ok = p.Append(dst[:0], src, len(src)-4); ok {
			t.Fatal("it was packed")
		}
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}
