// Package clock has what works at intervals wake up together.
package clock

import "time"

// base is what beats count from.
var base = time.Now()

// A Beat fires at whole multiples of an interval since the process began. Beats of the
// same interval, or of a multiple of it, fire at the same moment: an idle processor is
// woken once for all of them. Each waking costs more than most of what is done then.
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
