package persistence

import (
	"testing"
	"time"
)

// Nobody is rested for who is not there, and nobody gets more rest than there is work.
func TestRestGrowsWithWhatOthersDo(t *testing.T) {
	last := time.Duration(0)
	for _, share := range []float64{0, fewOthers, 0.2, 0.4, 0.5, 1, 2} {
		got := restAfter(stretch, share)
		if share <= fewOthers && got != 0 || share > fewOthers && got == 0 || got < last || got > rest*stretch {
			t.Errorf("the rest is %v when others take %.1f of a processor, and was %v", got, share, last)
		}
		last = got
	}
	if last != rest*stretch {
		t.Errorf("the longest rest is %v", last)
	}
}
