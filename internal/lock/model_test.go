package lock

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// seed is that of a test, printed when it fails.
func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

// A naive lock is written down as the documentation says it: by owner, with times.
type naive struct {
	holds map[string]*naiveHold
	last  int64
}

type naiveHold struct {
	token, until, delay int64
	count               int32
	shared              bool
}

// free reports whether nobody stands in the way of a request by an owner who has no hold.
func (n *naive) free(now int64, shared bool) bool {
	for _, h := range n.holds {
		if h.until > now && !(h.shared && shared) || h.until <= now && h.until+h.delay > now {
			return false
		}
	}
	return true
}

func (n *naive) live(owner string, now int64) *naiveHold {
	if h := n.holds[owner]; h != nil && h.until > now {
		return h
	}
	return nil
}

// A lock does what a naive one does, whatever is asked of it at whatever time, and its block
// keeps all of it.
func TestALockIsAsANaiveOne(t *testing.T) {
	rnd := seeded(t)
	for range 100 {
		n := &naive{holds: map[string]*naiveHold{}}
		var block []byte
		now := int64(1_000_000)
		for step := range 200 {
			now += rnd.Int64N(40)
			var l Lock
			if err := l.Parse(block); err != nil {
				t.Fatal(err)
			}
			l.Tidy(now, 0, nil)
			owner := string(rune('a' + rnd.IntN(4)))
			what := ""
			switch rnd.IntN(6) {
			case 0, 1, 2:
				r := Request{Owner: []byte(owner), NowMS: now, TTLMS: 1 + rnd.Int64N(100), DelayMS: rnd.Int64N(3) * 10,
					Shared: rnd.IntN(2) == 0, Holds: int32(max(rnd.IntN(6)-3, 0)), Behind: rnd.IntN(8) == 0}
				what = fmt.Sprintf("acquire %+v", r)
				g, err := l.Acquire(&r, func(above int64) int64 {
					n.last = max(n.last, above) + 1
					return n.last
				})
				n.acquired(t, what, owner, &r, g, err)
			case 3:
				h := n.live(owner, now)
				token := int64(0)
				if h != nil && rnd.IntN(3) > 0 {
					token = h.token + rnd.Int64N(2)
				}
				holds, all := int32(max(rnd.IntN(5)-2, 0)), rnd.IntN(4) == 0
				what = fmt.Sprintf("release %s %d %d %v", owner, token, holds, all)
				got, left := l.Release([]byte(owner), token, now, holds, all)
				if h == nil || token != 0 && token != h.token || !all && holds > h.count {
					if got != Gone {
						t.Fatalf("%s: %v, but there is no such hold", what, got)
					}
					break
				}
				switch {
				case all:
					h.count = 0
				case holds > 0:
					h.count = holds - 1
				default:
					h.count--
				}
				if left != h.count || (got == Released) != (h.count == 0) || got == Gone {
					t.Fatalf("%s: %v, %d left of %d", what, got, left, h.count)
				}
				if h.count == 0 {
					delete(n.holds, owner)
				}
			case 4:
				what = "renew " + owner
				got, want := l.Of([]byte(owner), 0, now), n.live(owner, now)
				if (got == nil) != (want == nil) {
					t.Fatalf("%s: %v, want %v", what, got, want)
				}
				if got != nil {
					got.UntilMS, want.until = now+50, now+50
				}
			case 5:
				if rnd.IntN(10) == 0 {
					what = "force"
					l.Force(nil, now, func(Hold) {})
					clear(n.holds)
				}
			}
			block = l.Append(block[:0:0])
			n.same(t, fmt.Sprintf("step %d, at %d, %s", step, now, what), block, now)
		}
	}
}

// acquired compares a grant with what the naive lock says, and follows it.
func (n *naive) acquired(t *testing.T, what, owner string, r *Request, g Grant, err error) {
	t.Helper()
	h := n.live(owner, r.NowMS)
	switch {
	case h != nil && h.shared && !r.Shared:
		if !errors.Is(err, ErrShared) {
			t.Fatalf("%s: %v", what, err)
		}
	case h == nil && r.Holds > 1, h != nil && r.Holds > h.count+1:
		if !errors.Is(err, ErrNested) {
			t.Fatalf("%s: %v", what, err)
		}
	case err != nil:
		t.Fatalf("%s: %v", what, err)
	case h != nil:
		if r.Holds == 0 {
			h.count++
		} else {
			h.count = max(h.count, r.Holds)
		}
		h.until, h.delay = max(h.until, r.NowMS+r.TTLMS), max(h.delay, r.DelayMS)
		if g.Hold == nil || g.New || g.Hold.Token != h.token {
			t.Fatalf("%s: not taken again: %+v", what, g)
		}
	case r.Behind || !n.free(r.NowMS, r.Shared):
		if g.Hold != nil {
			t.Fatalf("%s: granted: %+v", what, g.Hold)
		}
		if b := g.Blocker; b != nil && b.FreeMS() <= r.NowMS {
			t.Fatalf("%s: what has ended stands in the way: %+v", what, b)
		}
	default:
		if g.Hold == nil || !g.New || g.Hold.Token != n.last {
			t.Fatalf("%s: not granted: %+v", what, g)
		}
		n.holds[owner] = &naiveHold{n.last, r.NowMS + r.TTLMS, r.DelayMS, 1, r.Shared}
	}
}

// same compares a block with the naive lock.
func (n *naive) same(t *testing.T, what string, block []byte, now int64) {
	t.Helper()
	var l Lock
	if err := l.Parse(block); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if got := l.Append(nil); !bytes.Equal(got, block) {
		t.Fatalf("%s: the block changes when it is read", what)
	}
	var got, want []string
	exclusive, shared := 0, 0
	for _, h := range l.Holds {
		if h.UntilMS <= now {
			continue
		}
		got = append(got, fmt.Sprint(string(h.Owner), h.Token, h.UntilMS, h.DelayMS, h.Count, h.Shared))
		if h.Shared {
			shared++
		} else {
			exclusive++
		}
		if !l.Has(h.Token, now) || l.Has(h.Token, h.UntilMS) {
			t.Fatalf("%s: a token is not there for as long as its hold", what)
		}
	}
	for owner, h := range n.holds {
		if h.until > now {
			want = append(want, fmt.Sprint(owner, h.token, h.until, h.delay, h.count, h.shared))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%s: holds\n%v, want\n%v", what, got, want)
	}
	if exclusive > 1 || exclusive > 0 && shared > 0 {
		t.Fatalf("%s: %d exclusive holds, %d shared ones", what, exclusive, shared)
	}
}

// The end of a hold is told of once, and holds of connections of an earlier life end at once.
func TestAHoldIsLostOnce(t *testing.T) {
	var l Lock
	told := map[int64]int{}
	lost := func(h Hold) { told[h.Token]++ }
	for i, r := range []Request{{Owner: []byte("a"), TTLMS: 10, DelayMS: 100}, {Owner: []byte("b"), TTLMS: 50}, {Owner: []byte("c"), TTLMS: 1000, Bound: true}} {
		r.Shared, r.NowMS = true, 0
		if g, err := l.Acquire(&r, func(int64) int64 { return int64(i + 1) }); err != nil || g.Hold == nil {
			t.Fatal(g, err)
		}
	}
	for _, x := range []struct{ now, born, told1, told2, told3, left int64 }{
		{9, 0, 0, 0, 0, 3}, {10, 0, 1, 0, 0, 3}, {49, 0, 1, 0, 0, 3}, {50, 0, 1, 1, 0, 2}, {109, 0, 1, 1, 0, 2}, {110, 0, 1, 1, 0, 1},
		{111, 2, 1, 1, 0, 1}, {111, 3, 1, 1, 1, 0}, {2000, 3, 1, 1, 1, 0},
	} {
		b := l.Append(nil)
		if err := l.Parse(b); err != nil {
			t.Fatal(err)
		}
		l.Tidy(x.now, x.born, lost)
		if told[1] != int(x.told1) || told[2] != int(x.told2) || told[3] != int(x.told3) || len(l.Holds) != int(x.left) {
			t.Errorf("at %d: told %v, %d holds", x.now, told, len(l.Holds))
		}
	}
}

// A semaphore never gives out more than its limit at the time, whatever is asked of it.
func TestASemaphoreIsAsANaiveOne(t *testing.T) {
	type naivePermit struct{ cost, until int64 }
	rnd := seeded(t)
	for range 100 {
		permits := map[string]naivePermit{}
		var block []byte
		number, now, limit := int64(0), int64(1_000_000), int64(3)
		for step := range 200 {
			now += rnd.Int64N(30)
			if rnd.IntN(20) == 0 {
				limit = 1 + rnd.Int64N(5)
			}
			var s Semaphore
			if err := s.Parse(block); err != nil {
				t.Fatal(err)
			}
			s.Tidy(now)
			s.Limit = limit
			used := int64(0)
			for id, p := range permits {
				if p.until <= now {
					delete(permits, id)
				} else {
					used += p.cost
				}
			}
			if got := s.Used(); got != used {
				t.Fatalf("step %d: %d in use, want %d", step, got, used)
			}
			what := fmt.Sprintf("step %d, at %d, limit %d, used %d", step, now, limit, used)
			switch rnd.IntN(5) {
			case 0, 1, 2:
				r := PermitRequest{NowMS: now, TTLMS: 1 + rnd.Int64N(100), Cost: 1 + rnd.Int64N(3), Behind: rnd.IntN(8) == 0}
				if rnd.IntN(2) == 0 {
					r.ID = []byte{byte('a' + rnd.IntN(3))}
				}
				free := s.FreeMS(r.Cost)
				p, err := s.Acquire(&r, func() int64 { number++; return number })
				had, ok := permits[string(r.ID)]
				switch {
				case len(r.ID) > 0 && ok && had.cost != r.Cost:
					if !errors.Is(err, ErrOther) {
						t.Fatalf("%s: %+v: %v", what, r, err)
					}
				case len(r.ID) > 0 && ok:
					had.until = max(had.until, now+r.TTLMS)
					permits[string(r.ID)] = had
					if p == nil || p.UntilMS != had.until || err != nil {
						t.Fatalf("%s: %+v: not given again: %+v, %v", what, r, p, err)
					}
				case r.Cost > limit:
					if !errors.Is(err, ErrCost) {
						t.Fatalf("%s: %+v: %v", what, r, err)
					}
				case r.Behind || used+r.Cost > limit:
					if p != nil || err != nil {
						t.Fatalf("%s: %+v: granted %+v, %v", what, r, p, err)
					}
					if used+r.Cost > limit {
						checkFree(t, what, &s, r.Cost, free, now)
					}
				default:
					if p == nil || err != nil {
						t.Fatalf("%s: %+v: refused, %v", what, r, err)
					}
					permits[string(p.AppendID(nil))] = naivePermit{r.Cost, now + r.TTLMS}
				}
			case 3:
				for id := range permits {
					if !s.Release([]byte(id)) || s.Release([]byte(id)) {
						t.Fatalf("%s: %q is not released once", what, id)
					}
					delete(permits, id)
					break
				}
			case 4:
				if s.Release([]byte("none")) {
					t.Fatal("released what is not there")
				}
			}
			block = s.Append(block[:0:0])
		}
	}
}

// checkFree checks when there is room by waiting.
func checkFree(t *testing.T, what string, s *Semaphore, cost, free, now int64) {
	t.Helper()
	for at := now; at < now+200; at++ {
		left := s.Limit
		for _, p := range s.Permits {
			if p.UntilMS > at {
				left -= p.Cost
			}
		}
		if left >= cost {
			if free != at {
				t.Fatalf("%s: there is room for %d at %d, not at %d", what, cost, at, free)
			}
			return
		}
	}
}

// Blocks are read as they were written or not at all, and nothing is read beyond them.
func FuzzBlocks(f *testing.F) {
	var l Lock
	l.Holds = []Hold{{Owner: []byte("owner"), Token: 7, UntilMS: 8, DelayMS: 9, Client: 10, Count: 11, Shared: true}}
	f.Add(l.Append(nil))
	s := Semaphore{Limit: 3, Permits: []Permit{{ID: []byte("x"), Number: 1, Cost: 2, UntilMS: 3}}}
	f.Add(s.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var l Lock
		if l.Parse(b) == nil && len(b) > 0 {
			if got := l.Append(nil); !bytes.Equal(got, b) {
				t.Errorf("a lock comes back as %x", got)
			}
		}
		var s Semaphore
		if s.Parse(b) == nil && len(b) > 0 {
			if got := s.Append(nil); !bytes.Equal(got, b) {
				t.Errorf("a semaphore comes back as %x", got)
			}
		}
		MarkTold(bytes.Clone(b))
	})
}
