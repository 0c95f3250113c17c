package persistence

import "time"

// Saving in the background works in stretches and rests in between while there are clients to serve, so that it
// takes a third of a processor, and less where other threads want it (giveWay). Clients wait for it less than its
// share suggests: the system rarely interrupts a goroutine that works in short stretches, and rarely while it
// holds a lock. It rests little while the rest of the process has little to do.
const (
	stretch   = 250 * time.Microsecond
	rest      = 2                    // times as long as it has worked, at most
	lookEvery = 5 * time.Millisecond // interval of measuring the use of processors by other threads
	// restFor is by how much the rest grows with the processors that other threads use, up to rest; below
	// fewOthers there is no rest.
	restFor   = 4
	fewOthers = 0.1
)

// A pacer has a goroutine rest between stretches of its work.
type pacer struct {
	begun  time.Time     // of the present stretch
	looked time.Time     // when the use by other threads was last measured
	others time.Duration // processor time of other threads until then
	share  float64       // of a processor that they took lately
}

func newPacer() *pacer {
	now := time.Now()
	return &pacer{begun: now, looked: now, others: othersTime(), share: 1}
}

// rest rests if the stretch has been long enough and there are others to rest for.
func (p *pacer) rest() {
	now := time.Now()
	worked := now.Sub(p.begun)
	if worked < stretch {
		return
	}
	if since := now.Sub(p.looked); since > lookEvery {
		others := othersTime()
		if p.share = 1; others >= 0 {
			p.share = float64(others-p.others) / float64(since)
		}
		p.looked, p.others = now, others
	}
	if pause := restAfter(worked, p.share); pause > 0 {
		time.Sleep(pause)
		now = time.Now()
	}
	p.begun = now
}

// restAfter is the length of the rest after work of the given duration, when other threads use that share of a
// processor.
func restAfter(worked time.Duration, share float64) time.Duration {
	if share <= fewOthers {
		return 0
	}
	return time.Duration(float64(worked) * min(restFor*share, rest))
}
