package limit

import (
	"bytes"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
)

// A model decides from the history of what was granted, in exact fractions and with loops.
type model struct {
	Policy
	grants []grant // those that count
	level  *big.Rat
	last   int64
	start  int64 // of the window or period
	used   int64
}

type grant struct{ at, n int64 }

func newModel(p Policy) *model { return &model{Policy: p, level: new(big.Rat)} }

func (m *model) copy() *model {
	c := *m
	c.grants = append([]grant(nil), m.grants...)
	c.level = new(big.Rat).Set(m.level)
	return &c
}

// pass lets the time now come.
func (m *model) pass(now int64) {
	switch m.Kind {
	case GCRA:
		gone := big.NewRat(now-m.last, 1)
		gone.Mul(gone, big.NewRat(m.Count, m.WindowMS))
		if m.level.Sub(m.level, gone); m.level.Sign() < 0 {
			m.level.SetInt64(0)
		}
		m.last = now
	case Bucket:
		for m.used > 0 && now-m.start >= m.WindowMS {
			m.start += m.WindowMS
			m.used = max(m.used-m.Count, 0)
		}
		if m.used == 0 {
			m.start = now
		}
	case Fixed:
		if m.used == 0 || now >= m.start+m.WindowMS {
			m.used, m.start = 0, now
		}
	}
}

// usedAt is what counts as used at now, after pass.
func (m *model) usedAt(now int64) *big.Rat {
	sum := new(big.Rat)
	switch m.Kind {
	case GCRA:
		return m.level
	case Bucket, Fixed:
		return sum.SetInt64(m.used)
	}
	slot := now / m.WindowMS
	for _, g := range m.grants {
		n := new(big.Rat).SetInt64(g.n)
		switch m.Kind {
		case Aligned:
			if g.at/m.WindowMS != slot {
				continue
			}
		case Log:
			if g.at+m.WindowMS <= now {
				continue
			}
		case Sliding:
			switch g.at / m.WindowMS {
			case slot:
			case slot - 1:
				n.Mul(n, big.NewRat((slot+1)*m.WindowMS-now, m.WindowMS))
			default:
				continue
			}
		}
		sum.Add(sum, n)
	}
	return sum
}

func (m *model) fits(now, n int64) bool {
	sum := new(big.Rat).Add(m.usedAt(now), new(big.Rat).SetInt64(n))
	return sum.Cmp(new(big.Rat).SetInt64(m.Limit)) <= 0
}

func (m *model) take(now, n int64) {
	switch m.Kind {
	case GCRA:
		m.level.Add(m.level, new(big.Rat).SetInt64(n))
	case Bucket, Fixed:
		m.used += n
	default:
		m.grants = append(m.grants, grant{now, n})
	}
}

// available is how much fits at now.
func (m *model) available(now int64) int64 {
	left := new(big.Rat).Sub(new(big.Rat).SetInt64(m.Limit), m.usedAt(now))
	if left.Sign() < 0 {
		return 0
	}
	return new(big.Int).Div(left.Num(), left.Denom()).Int64()
}

// retry is when n fits if nothing else is taken, found by waiting.
func (m *model) retry(now, n int64) int64 {
	if n > m.Limit {
		return -1
	}
	c := m.copy()
	for t := now; ; t++ {
		if c.pass(t); c.fits(t, n) {
			return t - now
		}
	}
}

// reset is when nothing counts as used, found by waiting.
func (m *model) reset(now int64) int64 {
	c := m.copy()
	for t := now; ; t++ {
		if c.pass(t); c.usedAt(t).Sign() == 0 {
			return t - now
		}
	}
}

func randomPolicy(rng *rand.Rand) Policy {
	p := Policy{Kind: Kind(1 + rng.IntN(6)), Limit: 1 + rng.Int64N(12), WindowMS: 1 + rng.Int64N(60)}
	if p.Kind == GCRA || p.Kind == Bucket {
		p.Count = 1 + rng.Int64N(7)
	}
	return p
}

// through writes and reads the bytes of l as its key would be: gone past the deadline.
func through(t *testing.T, l *Limiter, block *[]byte, deadline *int64, now int64, policies []Policy) {
	t.Helper()
	if *deadline == 0 || now > *deadline {
		l.Clear()
	} else if err := l.Decode(*block, *deadline, now); err != nil {
		t.Fatalf("%x: %v", *block, err)
	}
	l.Fit(policies, now)
}

// Every verdict is that of the model, with one and with several policies, and the bytes keep
// all there is, also where the key expires in between.
func TestVerdictsAreThoseOfTheModel(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	var l Limiter
	for round := range 100 {
		var policies []Policy
		var models []*model
		for range 1 + rng.IntN(3)*rng.IntN(2) {
			p := randomPolicy(rng)
			policies = append(policies, p)
			models = append(models, newModel(p))
		}
		var block []byte
		deadline, now := int64(0), 1000+rng.Int64N(1000)
		forces := rng.IntN(4) == 0
		for step := range 60 {
			now += rng.Int64N(4) * rng.Int64N(8)
			q := Request{Cost: 1 + rng.Int64N(4), AtMost: rng.IntN(4) == 0, Force: forces && rng.IntN(4) == 0}
			if rng.IntN(10) == 0 {
				q.Cost = 1 + rng.Int64N(14)
			}
			through(t, &l, &block, &deadline, now, policies)
			least, retry := int64(MaxLimit), int64(0)
			for _, m := range models {
				m.pass(now)
				least = min(least, m.available(now))
			}
			granted, need := q.Cost, q.Cost
			if q.AtMost {
				granted, need = min(q.Cost, least), 1
			}
			want := Verdict{Allowed: true, Granted: granted, Refused: -1}
			if granted > least || granted == 0 {
				for i, m := range models {
					if w := m.retry(now, need); w < 0 || w > retry && retry >= 0 {
						if retry >= 0 {
							retry, want.Refused = w, i
						}
					}
				}
				want.Allowed, want.Granted, want.RetryMS = q.Force, 0, retry
				if q.Force {
					want.Granted = q.Cost
				}
			}
			for _, m := range models {
				if want.Granted > 0 {
					m.take(now, want.Granted)
				}
				want.ResetMS = max(want.ResetMS, m.reset(now))
			}
			want.Remaining = MaxLimit
			for _, m := range models {
				want.Remaining = min(want.Remaining, m.available(now))
			}
			got, changed := l.Take(q)
			if got != want || changed != (want.Granted > 0) {
				t.Fatalf("seed %d, round %d, step %d: %v at %d: %+v: got %+v, want %+v", seed, round, step, policies, now, q, got, want)
			}
			if changed {
				block, deadline = l.Append(block[:0])
			}
		}
	}
}

// A policy whose numbers change keeps what was used: what is left is that of the new limit.
func TestWhatWasUsedStaysUsedUnderOtherNumbers(t *testing.T) {
	for _, x := range []struct{ from, to Policy }{
		{Policy{GCRA, 10, 10, 1000}, Policy{GCRA, 100, 100, 1000}},
		{Policy{GCRA, 10, 10, 1000}, Policy{GCRA, 100, 1, 7000}},
		{Policy{Bucket, 10, 10, 1000}, Policy{Bucket, 100, 3, 9000}},
		{Policy{Fixed, 10, 0, 1000}, Policy{Fixed, 100, 0, 5000}},
		{Policy{Aligned, 10, 0, 1000}, Policy{Aligned, 100, 0, 5000}},
		{Policy{Sliding, 10, 0, 1000}, Policy{Sliding, 100, 0, 5000}},
		{Policy{Log, 10, 0, 1000}, Policy{Log, 100, 0, 5000}},
	} {
		var l Limiter
		l.Fit([]Policy{x.from}, 10_000)
		l.Take(Request{Cost: 10})
		block, deadline := l.Append(nil)
		if err := l.Decode(block, deadline, 10_000); err != nil {
			t.Fatal(err)
		}
		other := Policy{Fixed, 1, 0, 1}
		if x.to.Kind == Fixed {
			other.Kind = Log
		}
		l.Fit([]Policy{other, x.to}, 10_000)
		if _, left, _, _ := l.Policy(1); left != 90 {
			t.Errorf("%v, and then %v: %d left", x.from, x.to, left)
		}
		l.Fit([]Policy{x.from}, 10_000)
		if v, _ := l.Take(Request{Cost: 1}); v.Allowed {
			t.Errorf("%v, and then %v and back: one too many", x.from, x.to)
		}
	}
}

// The largest numbers do not overflow: after all was taken nothing is left, and it is back
// when the verdict says, not a millisecond before.
func TestTheLargestNumbers(t *testing.T) {
	const now = 1_800_000_000_000
	for _, p := range []Policy{
		{GCRA, MaxLimit, MaxLimit, 1}, {GCRA, MaxLimit, MaxLimit, MaxWindowMS}, {GCRA, MaxLimit, 1e15, 1}, {GCRA, 1, 1, MaxWindowMS}, {GCRA, 7, MaxLimit, 1},
		{Bucket, MaxLimit, MaxLimit, MaxWindowMS}, {Bucket, MaxLimit, 1e6, 1}, {Bucket, MaxLimit, 999_999_999_999, 60_000},
		{Fixed, MaxLimit, 0, MaxWindowMS}, {Aligned, MaxLimit, 0, MaxWindowMS}, {Sliding, MaxLimit, 0, MaxWindowMS}, {Sliding, MaxLimit, 0, 1},
		{Log, MaxLog, 0, MaxWindowMS},
	} {
		if err := p.Check(); err != nil {
			t.Errorf("%v: %v", p, err)
			continue
		}
		var l Limiter
		var block []byte
		var deadline int64
		take := func(at, n int64) (Verdict, bool) {
			through(t, &l, &block, &deadline, at, []Policy{p})
			v, changed := l.Take(Request{Cost: n})
			if changed {
				block, deadline = l.Append(block[:0])
			}
			return v, v.Allowed
		}
		if v, ok := take(now, p.Limit); !ok || v.Remaining != 0 {
			t.Errorf("%v: all at once: %+v", p, v)
		}
		v, ok := take(now, 1)
		if ok || v.RetryMS < 1 {
			t.Errorf("%v: one more: %+v", p, v)
		}
		if _, ok := take(now+v.RetryMS-1, 1); ok {
			t.Errorf("%v: granted %d ms early", p, 1)
		}
		if v, ok := take(now+v.RetryMS, 1); !ok {
			t.Errorf("%v: not granted when it was promised: %+v", p, v)
		}
		// A debt as large as can be is no credit.
		for range 5 {
			through(t, &l, &block, &deadline, now, []Policy{p})
			l.Take(Request{Cost: MaxLimit, Force: true})
			block, deadline = l.Append(block[:0])
		}
		if v, ok := take(now, 1); ok || v.RetryMS < 1 || v.ResetMS < 1 || v.Remaining != 0 {
			t.Errorf("%v: in debt: %+v", p, v)
		}
	}
	for _, p := range []Policy{{}, {GCRA, 0, 1, 1}, {GCRA, 1, 0, 1}, {GCRA, 1, 1, 0}, {GCRA, 1, 1, MaxWindowMS + 1}, {GCRA, MaxLimit + 1, 1, 1}, {GCRA, MaxLimit, 1, 1000},
		{Bucket, -1, 1, 1}, {Bucket, 2, 1, MaxWindowMS}, {Fixed, 0, 0, 1}, {Fixed, 1, 0, -1}, {Sliding, 1, 0, 0}, {Log, MaxLog + 1, 0, 1}, {Log, 0, 0, 1}, {Kind: 7, Limit: 1, WindowMS: 1}} {
		if p.Check() == nil {
			t.Errorf("%v is accepted", p)
		}
	}
}

// An ID counts once, may be given back once, and gives nothing back that has come back by
// itself.
func TestIDsCountOnce(t *testing.T) {
	for _, p := range []Policy{{GCRA, 5, 5, 100}, {Bucket, 5, 5, 100}, {Fixed, 5, 0, 100}, {Aligned, 5, 0, 100}, {Sliding, 5, 0, 100}, {Log, 5, 0, 100}} {
		var l Limiter
		var block []byte
		var deadline int64
		at := func(now int64) { through(t, &l, &block, &deadline, now, []Policy{p}) }
		keep := func() { block, deadline = l.Append(block[:0]) }
		take := func(now, n int64, id string) Verdict {
			at(now)
			v, changed := l.Take(Request{Cost: n, ID: []byte(id)})
			if changed {
				keep()
			}
			return v
		}
		refund := func(now int64, id string) int64 {
			at(now)
			n, known := l.RefundID([]byte(id))
			if known {
				keep()
			}
			return n
		}
		if v := take(1000, 3, "a"); !v.Allowed || v.Repeated || v.Remaining != 2 {
			t.Errorf("%v: first: %+v", p, v)
		}
		if v := take(1000, 3, "a"); !v.Allowed || !v.Repeated || v.Granted != 3 || v.Remaining != 2 {
			t.Errorf("%v: again: %+v", p, v)
		}
		if v := take(1000, 3, "b"); v.Allowed {
			t.Errorf("%v: another: %+v", p, v)
		}
		if n := refund(1000, "a"); n != 3 {
			t.Errorf("%v: %d given back", p, n)
		}
		if n := refund(1000, "a"); n != 0 {
			t.Errorf("%v: %d given back twice", p, n)
		}
		if v := take(1000, 5, "a"); !v.Allowed || v.Repeated || v.Remaining != 0 {
			t.Errorf("%v: after the refund: %+v", p, v)
		}
		// All has come back and was taken by others. What a had is no credit.
		if v := take(1300, 5, "c"); !v.Allowed {
			t.Errorf("%v: later: %+v", p, v)
		}
		if n := refund(1300, "a"); n != 0 {
			t.Errorf("%v: %d given back that had come back", p, n)
		}
		if v := take(1300, 1, "d"); v.Allowed {
			t.Errorf("%v: one too many: %+v", p, v)
		}
		if v := take(1300+IDKeepMS-1, 1, "c"); !v.Repeated {
			t.Errorf("%v: an ID was forgotten early", p)
		}
		if v := take(1300+IDKeepMS, 1, "c"); v.Repeated {
			t.Errorf("%v: an ID was not forgotten", p)
		}
	}
	var l Limiter
	l.Fit([]Policy{{Fixed, 1000, 0, 1000}}, 5000)
	for i := range MaxIDs + 1 {
		l.Take(Request{Cost: 1, ID: fmt.Append(nil, i)})
	}
	if v, _ := l.Take(Request{Cost: 1, ID: []byte("1")}); !v.Repeated || l.IDs() != MaxIDs {
		t.Error("the last IDs are not remembered")
	}
	if v, _ := l.Take(Request{Cost: 1, ID: []byte("0")}); v.Repeated {
		t.Error("more IDs than the bound are remembered")
	}
}

// A refund gives back what is used and no more.
func TestRefundsAreBounded(t *testing.T) {
	for _, p := range []Policy{{GCRA, 5, 5, 100}, {Bucket, 5, 5, 100}, {Fixed, 5, 0, 100}, {Aligned, 5, 0, 100}, {Sliding, 5, 0, 100}, {Log, 5, 0, 100}} {
		var l Limiter
		l.Fit([]Policy{p}, 1000)
		l.Take(Request{Cost: 2})
		l.Take(Request{Cost: 1})
		if n := l.Refund(2); n != 2 {
			t.Errorf("%v: %d of 2", p, n)
		}
		if n := l.Refund(MaxLimit); n != 1 {
			t.Errorf("%v: %d of the one that is left", p, n)
		}
		if v, _ := l.Take(Request{Cost: 6}); v.Allowed || v.RetryMS != -1 || v.Remaining != 5 {
			t.Errorf("%v: %+v", p, v)
		}
	}
}

func TestTimesAreReadAndWritten(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "250": 250, "250ms": 250, "1s": 1000, "5m": 300_000, "1h": 3_600_000, "1d": 86_400_000, "7D": 7 * 86_400_000, "3MS": 3} {
		if ms, ok := ParseTime([]byte(text)); !ok || ms != want {
			t.Errorf("%s is %d, %v", text, ms, ok)
		}
	}
	for _, text := range []string{"", "s", "ms", "m", "-1", "1.5s", "1 s", "1w", "9999999999999999999", "999999999999999999d", "s1", "1mms"} {
		if ms, ok := ParseTime([]byte(text)); ok {
			t.Errorf("%q is %d", text, ms)
		}
	}
	p := Policy{GCRA, 10, 3, 90_000}
	if s := string(p.AppendText(nil)); s != "GCRA 10 3 90s" {
		t.Error(s)
	}
	p = Policy{Aligned, 10, 0, 86_400_000}
	if s := string(p.AppendText(nil)); s != "FIXED 10 1d ALIGNED" {
		t.Error(s)
	}
	all := []Policy{p, {GCRA, 1, 2, 3}, {Log, 5, 0, 6001}}
	if got, ok := ReadPolicies(string(AppendPolicies(nil, all)), nil); !ok || fmt.Sprint(got) != fmt.Sprint(all) {
		t.Error(got)
	}
}

// The most common limiter is small.
func TestALimiterIsSmall(t *testing.T) {
	for _, p := range []Policy{{GCRA, 10, 100, 60_000}, {GCRA, 100, 1000, 3_600_000}, {GCRA, 5000, 10_000, 86_400_000}} {
		var l Limiter
		l.Fit([]Policy{p}, 1_800_000_000_123)
		l.Take(Request{Cost: 1})
		if b, _ := l.Append(nil); len(b) > 8 {
			t.Errorf("%v takes %d bytes", p, len(b))
		}
	}
}

// Whatever bytes are read, nothing fails but Decode, and what is written reads the same.
func FuzzDecode(f *testing.F) {
	for _, p := range []Policy{{GCRA, 5, 5, 100}, {Bucket, 5, 5, 100}, {Fixed, 5, 0, 100}, {Aligned, 5, 0, 100}, {Sliding, 5, 0, 100}, {Log, 5, 0, 100}} {
		var l Limiter
		l.Fit([]Policy{p}, 1000)
		l.Take(Request{Cost: 2})
		b, at := l.Append(nil)
		f.Add(b, at, int64(1000))
		l.Take(Request{Cost: 1, ID: []byte("id")})
		b, at = l.Append(nil)
		f.Add(b, at, int64(1001))
	}
	f.Fuzz(func(t *testing.T, b []byte, deadline, now int64) {
		var l, again Limiter
		now &= 1<<43 - 1
		if l.Decode(b, deadline&(1<<60-1), now) != nil {
			return
		}
		l.Fit(nil, now)
		first, at := l.Append(nil)
		if at != 0 {
			if err := again.Decode(first, at, now); err != nil {
				t.Fatalf("%x: written as %x: %v", b, first, err)
			}
			again.Fit(nil, now)
			if second, at2 := again.Append(nil); !bytes.Equal(first, second) || at != at2 {
				t.Fatalf("%x: written as %x %d, and then as %x %d", b, first, at, second, at2)
			}
		}
		for range 3 {
			v, _ := l.Take(Request{Cost: 1})
			if v.Allowed && v.Granted != 1 || !v.Allowed && v.RetryMS == 0 || v.Remaining < 0 || v.ResetMS < 0 {
				t.Fatalf("%x: %+v", b, v)
			}
			l.Refund(2)
			l.RefundID([]byte("id"))
			l.Take(Request{Cost: MaxLimit, Force: true, ID: []byte("id")})
			now += 7
			l.Fit(nil, now)
		}
	})
}
