package replication

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cached/internal/effects"
)

// The backlog is compared with a plain slice of everything that was written, while
// followers come, read, lag and leave.
func TestFollowersReadWhatWasWritten(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		origin := int64(r.IntN(1000))
		size, most := int64(r.IntN(300<<10)), int64(r.IntN(800<<10))
		b := newBacklog(origin, size)
		b.setMost(most)
		var all, plain []byte // plain is what others than ours are sent
		type reading struct {
			f    *follower
			at   int64
			left bool
		}
		var readers []*reading
		fail := func(format string, args ...any) {
			t.Fatalf("seed %d: %s", seed, fmt.Sprintf(format, args...))
		}
		for range 300 {
			end := origin + int64(len(all))
			switch n := r.IntN(10); {
			case n < 5:
				p := command(r)
				b.write(p)
				all = append(all, p...)
				if name, _, _ := commandAt(p); strings.Contains(string(name), ".") {
					p = appendFiller(nil, len(p))
				}
				plain = append(plain, p...)
			case n == 5:
				from := end - int64(r.IntN(len(all)+2))
				first, _ := b.held()
				f := b.follow(from, r.IntN(2) == 0)
				if want := from >= first && from <= end; (f != nil) != want {
					fail("follow(%d) of %d to %d: %v", from, first, end, f != nil)
				}
				if f != nil {
					readers = append(readers, &reading{f: f, at: from})
				}
			case n == 6 && len(readers) > 0:
				i := r.IntN(len(readers))
				readers[i].f.close()
				readers = append(readers[:i], readers[i+1:]...)
			case n == 7:
				size = r.Int64N(size + 1)
				b.setSize(size)
			case len(readers) > 0:
				x := readers[r.IntN(len(readers))]
				p, ok := x.f.next(1 + r.IntN(200<<10))
				if !ok {
					if end-x.at <= most {
						fail("a follower at %d of %d was ended", x.at, end)
					}
					x.left = true
					continue
				}
				text := all
				if x.f.plain {
					text = plain
				}
				if want := text[x.at-origin:]; !bytes.HasPrefix(want, p) || len(p) == 0 && len(want) > 0 {
					fail("at %d: %d bytes %.60q, want %.60q", x.at, len(p), p, want)
				}
				n := r.IntN(len(p) + 1)
				x.f.advance(n)
				x.at += int64(n)
			}
			first, last := b.held()
			if last != origin+int64(len(all)) || b.offset() != last {
				fail("ends at %d, want %d", last, origin+int64(len(all)))
			}
			if held := last - first; held < min(size, int64(len(all))) || first < origin {
				fail("%d bytes from %d", held, first)
			}
		}
	}
}

// command is a random effect.
func command(r *rand.Rand) []byte {
	value := bytes.Repeat([]byte("CACHE.\r\nCACHE."), r.IntN(1<<r.IntN(14)))
	name := []string{"SET", "DEL", "CACHE.SETMETA", "CACHE.SETSTATE"}[r.IntN(4)]
	return effects.AppendCommand(nil, []byte(name), []byte("key"), value)
}

// What was asked to be held is there, and not much more.
func TestTheBacklogHoldsItsSize(t *testing.T) {
	b := newBacklog(0, 100<<10)
	for range 1000 {
		b.write(bytes.Repeat([]byte{'x'}, 1000))
	}
	if first, end := b.held(); end != 1000000 || end-first < 100<<10 || end-first > 100<<10+2*chunkBytes {
		t.Errorf("%d to %d", first, end)
	}
	if n := b.bytes(); n > 100<<10+2*chunkBytes {
		t.Errorf("%d bytes of memory", n)
	}
}

// A follower pins what it has to read up to the limit, beyond which it is ended and told.
func TestAFollowerThatLagsIsEnded(t *testing.T) {
	b := newBacklog(5, 0)
	b.setMost(1 << 20)
	f := b.follow(5, false)
	if p, ok := f.next(1); p != nil || !ok {
		t.Fatal(p, ok)
	}
	b.write([]byte("*1\r\n$4\r\nPING\r\n"))
	<-f.wake
	for range 20 {
		b.write(bytes.Repeat([]byte{'x'}, 64<<10))
	}
	if _, ok := f.next(1); ok {
		t.Error("it goes on")
	}
	if first, end := b.held(); end-first > 2*chunkBytes {
		t.Errorf("%d bytes are held for nobody", end-first)
	}
	g := b.follow(b.offset(), false)
	b.reset(77)
	if _, ok := g.next(1); ok || b.offset() != 77 {
		t.Error("a follower survives a reset")
	}
}

// A filler has exactly the length that is asked for, and is made of PINGs.
func TestFillersHaveEveryLength(t *testing.T) {
	for size := leastFiller; size < 3000; size++ {
		b := appendFiller(nil, size)
		if len(b) != size {
			t.Fatalf("%d bytes, want %d", len(b), size)
		}
		for len(b) > 0 {
			name, n, ok := commandAt(b)
			if !ok || string(name) != "PING" {
				t.Fatalf("size %d: %q", size, b)
			}
			b = b[n:]
		}
	}
	if n := len(effects.AppendCommand(nil, []byte("CACHE.SETMETA"), []byte("k"), nil)); n < leastFiller {
		t.Errorf("a command of %d bytes cannot be replaced by %d", n, leastFiller)
	}
}

// Who may resume is decided as Redis decides it: the second name is good up to where it
// was given up.
func TestHistoriesAreCompared(t *testing.T) {
	h := History{ID: "a", ID2: noID, Second: -1}
	now := h.renamed("b", 100)
	for _, c := range []struct {
		h    History
		id   string
		next int64
		want bool
	}{{h, "a", 1, true}, {h, "b", 1, false}, {h, noID, -5, false}, {now, "b", 5000, true}, {now, "a", 101, true}, {now, "a", 102, false}} {
		if got := c.h.knows(c.id, c.next); got != c.want {
			t.Errorf("%v knows %s at %d: %v", c.h, c.id, c.next, got)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	log := newBacklog(0, 1<<20)
	p := effects.AppendCommand(nil, []byte("SET"), []byte("key:000000012345"), bytes.Repeat([]byte{'x'}, 64))
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		log.write(p)
	}
}
