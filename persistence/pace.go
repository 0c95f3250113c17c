package persistence

import "time"

// Saving in the background works in stretches and rests in between while there are
// clients to serve, so that it takes a third of a processor, and less where others want
// that (giveWay). Clients wait for it less than its share says: who works in short
// stretches is seldom interrupted by the system, and seldom so with a lock held. While
// nobody else in the process has much to do there is nobody to rest for.
const (
	stretch   = 250 * time.Microsecond
	rest      = 2 * stretch
	lookEvery = 5 * time.Millisecond // at what others do
	fewOthers = 10                   // the part of a processor they take at most, if there is nobody to rest for
)

// A pacer has a goroutine rest between stretches of its work.
type pacer struct {
	begun  time.Time     // of the present stretch
	looked time.Time     // at what others do
	others time.Duration // what they had done by then
	alone  bool          // they did little lately
}

func newPacer() *pacer {
	now := time.Now()
	return &pacer{begun: now, looked: now, others: othersTime()}
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
		p.alone = others >= 0 && others-p.others < since/fewOthers
		p.looked, p.others = now, others
	}
	if !p.alone {
		time.Sleep(worked * rest / stretch)
		now = time.Now()
	}
	p.begun = now
}
