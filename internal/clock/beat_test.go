package clock

import (
	"testing"
	"time"
)

// Beats fire at multiples of their interval, and so together with those of a multiple.
func TestBeatsFireAtMultiples(t *testing.T) {
	const every = 2 * time.Millisecond
	before := time.Since(base) / every
	b := NewBeat(every)
	defer b.Stop()
	for range 3 {
		<-b.C
		now := time.Since(base) / every
		if now <= before {
			t.Errorf("it fired in interval %d and in %d", before, now)
		}
		before = now
		b.Next(every)
	}
}
