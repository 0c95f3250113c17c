package server

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// Data lie outside the Go heap, and most commands leave no garbage there: it is so
// small that messages and scripts, which do, would have it collected dozens of times a
// second. Where that happens and memory is not scarce, it may grow larger in between.

const (
	mostGCPercent = 400 // lets the smallest heap grow to 16 MB
	oftenGC       = 8   // collections a second
	seldomGC      = 2
)

// A gcPace is how often garbage is collected.
type gcPace struct {
	mu      sync.Mutex // guards what follows
	base    int        // GC percentage that the limit of memory asks for
	percent int        // that of now
	cycles  uint64     // collections until the last look
}

// set makes percent the pace to begin with; memory is scarce when it is below 100.
func (p *gcPace) set(percent int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.base, p.percent = percent, percent
	debug.SetGCPercent(percent)
}

// follow adapts the pace to what happened in the last second. Cron calls it.
func (p *gcPace) follow() {
	sample := []metrics.Sample{{Name: "/gc/cycles/automatic:gc-cycles"}}
	metrics.Read(sample)
	p.mu.Lock()
	defer p.mu.Unlock()
	cycles := sample[0].Value.Uint64()
	next := p.next(cycles - p.cycles)
	p.cycles = cycles
	if next != p.percent {
		p.percent = next
		debug.SetGCPercent(next)
	}
}

// next is the percentage after a second with so many collections.
func (p *gcPace) next(cycles uint64) int {
	switch {
	case p.base < 100:
		return p.base
	case cycles >= oftenGC:
		return min(2*p.percent, mostGCPercent)
	case cycles < seldomGC:
		return max(p.percent/2, p.base)
	}
	return p.percent
}
