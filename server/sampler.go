package server

import (
	"sync/atomic"
	"time"
)

// A sampler measures rates: how many commands a second ran over the last
// seconds.
type sampler struct {
	opsPerSec atomic.Int64
	last      time.Time
	calls     int64
}

// sample is called by cron, n times since the start; it measures every tenth.
func (p *sampler) sample(s *Server, n int) {
	if n%10 != 0 {
		return
	}
	now, calls := time.Now(), s.totals.calls.Load()
	if !p.last.IsZero() {
		if d := now.Sub(p.last); d > 0 {
			rate := int64(float64(calls-p.calls) / d.Seconds())
			p.opsPerSec.Store((p.opsPerSec.Load()*7 + rate) / 8)
		}
	}
	p.last, p.calls = now, calls
}
