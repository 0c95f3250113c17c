// Package clock has timers that let periodic work of the process wake up together.
package clock

import "time"

// base is the time that beats are relative to.
var base = time.Now()

// A Beat fires at whole multiples of an interval since the process began. Beats of the same interval, or of a
// multiple of it, fire at the same moment: an idle processor is woken once for all of them. Each wake-up costs
// more than most of the work that is done then.
type Beat struct {
	C     <-chan time.Time
	timer *time.Timer
}

// NewBeat returns a Beat that fires once, at the next multiple of every.
func NewBeat(every time.Duration) *Beat {
	t := time.NewTimer(Until(every))
	return &Beat{t.C, t}
}

// Next has the beat fire once more, at the next multiple of every.
func (b *Beat) Next(every time.Duration) { b.timer.Reset(Until(every)) }

// Stop has the beat fire no more.
func (b *Beat) Stop() { b.timer.Stop() }

// Until is how long it is until the next multiple of every since the process began, at
// which beats of that interval fire.
func Until(every time.Duration) time.Duration { return every - time.Since(base)%every }
