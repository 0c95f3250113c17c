package limit

import (
	"encoding/binary"
	"math/big"
)

// A state is a policy and what it has counted. roll comes first with each time; what
// others take for now is that time.
type state struct {
	Policy

	// used is what was used and has not come back: of Bucket, of Fixed in the window, of
	// Log in all entries, and of Sliding in this window.
	used int64
	// startMS is where the window begins, or the period of Bucket.
	startMS int64
	// before is what was used in the window before, of Sliding.
	before int64
	// level is what was used of GCRA at the time of roll, times WindowMS. Count of it goes
	// away each millisecond.
	level wide
	// sinceMS is when GCRA or Bucket was last full: what was taken before can come back no
	// more.
	sinceMS int64

	// log are the entries of Log, the oldest first: for each how much later than the one
	// before it was, in milliseconds, and how much was granted. The first is at firstMS.
	log             []byte
	entries         int
	firstMS, lastMS int64
}

// maxEntries bounds the entries of a Log; only what is forced can come to that many.
const maxEntries = 2 * MaxLog

// floor is the multiple of w at or below t.
func floor(t, w int64) int64 {
	r := t % w
	if r < 0 {
		r += w
	}
	return t - r
}

// fresh makes s a policy that has counted nothing.
func (s *state) fresh(p Policy, now int64) {
	*s = state{Policy: p, startMS: now, sinceMS: now, log: s.log[:0]}
	if p.Kind == Aligned || p.Kind == Sliding {
		s.startMS = floor(now, p.WindowMS)
	}
}

// roll brings s to the time now: what has come back by then is no longer used.
func (s *state) roll(now int64) {
	switch s.Kind {
	case GCRA: // level is as of now
		if s.level.isZero() {
			s.sinceMS = now
		}
	case Bucket:
		if k := (now - s.startMS) / s.WindowMS; k > 0 {
			s.used = int64(wide{0, uint64(s.used)}.minus(mul(k, s.Count)).lo)
			s.startMS += k * s.WindowMS
		}
		if s.used == 0 {
			s.startMS, s.sinceMS = now, now
		}
	case Fixed:
		if s.used == 0 || now-s.startMS >= s.WindowMS {
			s.used, s.startMS = 0, now
		}
	case Aligned:
		start := floor(now, s.WindowMS)
		if start > s.startMS {
			s.used = 0
		}
		s.startMS = max(start, s.startMS)
	case Sliding:
		switch start := floor(now, s.WindowMS); {
		case start <= s.startMS:
		case start == s.startMS+s.WindowMS:
			s.before, s.used, s.startMS = s.used, 0, start
		default:
			s.before, s.used, s.startMS = 0, 0, start
		}
	case Log:
		s.drop(now)
	}
}

// change gives s, as of now, other numbers of the same kind. What was used stays used.
func (s *state) change(p Policy, now int64) {
	old := s.Policy
	s.Policy = p
	switch p.Kind {
	case GCRA:
		if p.WindowMS != old.WindowMS && !s.level.isZero() {
			s.level = scaled(s.level, p.WindowMS, old.WindowMS)
		}
	case Aligned:
		if p.WindowMS != old.WindowMS {
			if start := floor(now, p.WindowMS); start > s.startMS {
				s.used = 0
			}
			s.startMS = floor(now, p.WindowMS)
		}
	case Sliding:
		if p.WindowMS != old.WindowMS {
			s.Policy = old
			used := s.weighted(now).overUp(old.WindowMS)
			s.Policy = p
			s.used, s.before, s.startMS = used, 0, floor(now, p.WindowMS)
		}
	}
}

// scaled is a*n/d, rounded up.
func scaled(a wide, n, d int64) wide {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	x := new(big.Int).SetBytes(b[:])
	x.Mul(x, big.NewInt(n)).Add(x, big.NewInt(d-1)).Div(x, big.NewInt(d))
	if x.BitLen() > 120 {
		return wide{1 << 55, 0}
	}
	x.FillBytes(b[:])
	return wide{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])}
}

// weighted is what Sliding counts as used at now, times WindowMS.
func (s *state) weighted(now int64) wide {
	left := min(max(s.WindowMS-(now-s.startMS), 0), s.WindowMS)
	return mul(s.used, s.WindowMS).plus(mul(s.before, left))
}

// available is how much can be granted at now.
func (s *state) available(now int64) int64 {
	switch s.Kind {
	case GCRA:
		return mul(s.Limit, s.WindowMS).minus(s.level).over(s.WindowMS)
	case Sliding:
		return mul(s.Limit, s.WindowMS).minus(s.weighted(now)).over(s.WindowMS)
	}
	return max(s.Limit-s.used, 0)
}

// retryMS is how long it takes from now until n can be granted if nothing else is taken: -1
// for never.
func (s *state) retryMS(now, n int64) int64 {
	if n > s.Limit {
		return -1
	}
	if n <= s.available(now) {
		return 0
	}
	rest := s.Limit - n // what may still be used then
	switch s.Kind {
	case GCRA:
		return s.level.minus(mul(rest, s.WindowMS)).overUp(s.Count)
	case Bucket:
		k := (s.used-rest-1)/s.Count + 1
		return s.startMS + s.spans(k) - now
	case Sliding:
		into := now - s.startMS
		if s.used <= rest { // within this window, or at its end
			return s.WindowMS - mul(rest-s.used, s.WindowMS).over(s.before) - into
		}
		return s.WindowMS - into + s.WindowMS - mul(rest, s.WindowMS).over(s.used)
	case Log:
		need := s.used - rest
		at := s.firstMS
		s.each(func(t, n int64) bool {
			at = t
			need -= n
			return need > 0
		})
		return at + s.WindowMS - now
	}
	return s.startMS + s.WindowMS - now
}

// spans is the length of k periods, at most twice MaxWindowMS.
func (s *state) spans(k int64) int64 { return min(mul(k, s.WindowMS).over(1), 2*MaxWindowMS) }

// add counts n as used.
func (s *state) add(now, n int64) {
	switch s.Kind {
	case GCRA:
		s.level = s.level.plus(mul(n, s.WindowMS))
		if most := mul(2*MaxWindowMS, s.Count); most.less(s.level) {
			s.level = most
		}
		return
	case Log:
		s.append(now, n)
	}
	s.used = min(s.used+n, maxUsed)
}

// sub gives back n of what was used, and returns how much that was.
func (s *state) sub(n int64) int64 {
	switch s.Kind {
	case GCRA:
		n = min(n, s.level.overUp(s.WindowMS))
		s.level = s.level.minus(mul(n, s.WindowMS))
		return n
	case Log:
		n = min(n, s.used)
		s.cut(n, -1)
	case Sliding:
		if n > s.used { // then of the window before
			older := min(n-s.used, s.before)
			s.before -= older
			n = s.used
			s.used = 0
			return n + older
		}
	default:
		n = min(n, s.used)
	}
	s.used -= n
	return n
}

// subOf gives back n of what was taken at the time at, as far as it still counts.
func (s *state) subOf(n, at int64) int64 {
	switch s.Kind {
	case GCRA, Bucket:
		if at < s.sinceMS {
			return 0
		}
	case Fixed, Aligned:
		if at < s.startMS {
			return 0
		}
	case Sliding:
		if at < s.startMS {
			if at < s.startMS-s.WindowMS {
				return 0
			}
			n = min(n, s.before)
			s.before -= n
			return n
		}
		n = min(n, s.used)
	case Log:
		n = s.cut(n, at)
		s.used -= n
		return n
	}
	return s.sub(n)
}

// resetMS is how long it takes from now until nothing is used any more.
func (s *state) resetMS(now int64) int64 {
	switch s.Kind {
	case GCRA:
		return s.level.overUp(s.Count)
	case Sliding:
		switch {
		case s.used > 0:
			return s.startMS + 2*s.WindowMS - now
		case s.before > 0:
			return s.startMS + s.WindowMS - now
		}
		return 0
	}
	if s.used == 0 {
		return 0
	}
	switch s.Kind {
	case Bucket:
		return s.startMS + s.spans((s.used-1)/s.Count+1) - now
	case Log:
		return s.lastMS + s.WindowMS - now
	}
	return s.startMS + s.WindowMS - now
}
