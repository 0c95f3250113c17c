package server

import "testing"

func TestPaceOfCollections(t *testing.T) {
	p := gcPace{base: 100, percent: 100}
	for i, step := range []struct {
		cycles uint64
		want   int
	}{
		{0, 100}, {seldomGC, 100}, {oftenGC, 200}, {1000, 400}, {1000, 400}, {oftenGC - 1, 400}, {seldomGC, 400}, {1, 200}, {0, 100}, {0, 100},
	} {
		if p.percent = p.next(step.cycles); p.percent != step.want {
			t.Errorf("step %d: after %d collections the percentage is %d, want %d", i, step.cycles, p.percent, step.want)
		}
	}
	if p = (gcPace{base: smallGCPercent, percent: smallGCPercent}); p.next(1000) != smallGCPercent {
		t.Error("where memory is scarce the pace changed")
	}
}
