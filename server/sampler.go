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
			smooth(&p.opsPerSec, calls-p.calls, d)
			smooth(&p.inPerSec, in-p.in, d)
			smooth(&p.outPerSec, out-p.out, d)
		}
	}
	turns, busy := t.turns.Load(), s.transport.busyNS()
	if d := now.Sub(p.last); d > 0 && !p.last.IsZero() {
		smooth(&p.turnsPerSec, turns-p.turns, d)
		p.turnNS.Store((busy - p.busyNS) / max(turns-p.turns, 1))
	}
	p.turns, p.busyNS = turns, busy
	p.last, p.calls, p.in, p.out = now, calls, in, out
}

// smooth moves a rate a quarter of the way to n in the time d.
func smooth(rate *atomic.Int64, n int64, d time.Duration) {
	now := int64(float64(n) / d.Seconds())
	rate.Store((rate.Load()*3 + now) / 4)
}
