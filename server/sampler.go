package server

import (
	"sync/atomic"
	"time"
)

// A sampler measures rates: how many commands a second ran over the last
// seconds.
type sampler struct {
	opsPerSec     atomic.Int64
	inPerSec      atomic.Int64 // bytes
	outPerSec     atomic.Int64
	turnsPerSec   atomic.Int64
	turnNS        atomic.Int64 // how long a turn took, over the last second
	last          time.Time
	calls         int64
	in, out       int64
	turns, busyNS int64
}

// sample is called by cron, every cronSeldom.
func (p *sampler) sample(s *Server) {
	t := &s.totals
	now, calls, in, out := time.Now(), t.calls.Load(), t.netIn.Load(), t.netOut.Load()
	if !p.last.IsZero() {
		if d := now.Sub(p.last); d > 0 {
			smooth(&p.opsPerSec, grown(p.calls, calls), d)
			smooth(&p.inPerSec, grown(p.in, in), d)
			smooth(&p.outPerSec, grown(p.out, out), d)
		}
	}
	turns, busy := t.turns.Load(), s.transport.busyNS()
	if d := now.Sub(p.last); d > 0 && !p.last.IsZero() {
		more := grown(p.turns, turns)
		smooth(&p.turnsPerSec, more, d)
		// Read while a driver begins to wait, busy may be a little less than before.
		p.turnNS.Store(max(busy-p.busyNS, 0) / max(more, 1))
	}
	p.turns, p.busyNS = turns, busy
	p.last, p.calls, p.in, p.out = now, calls, in, out
}

// grown is by how much a counter has grown since it was before: CONFIG RESETSTAT may have set it to zero.
func grown(before, now int64) int64 {
	if now < before {
		return now
	}
	return now - before
}

// smooth moves a rate a quarter of the way to n in the time d.
func smooth(rate *atomic.Int64, n int64, d time.Duration) {
	now := int64(float64(n) / d.Seconds())
	rate.Store((rate.Load()*3 + now) / 4)
}
