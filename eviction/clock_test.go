package eviction

import (
	"math/rand/v2"
	"testing"
)

func TestIdleTimeIsMeasuredAcrossTheWrap(t *testing.T) {
	for _, start := range []int64{0, 1_700_000_000_000, (1<<24)<<tickShift - 1000} {
		for _, idle := range []int64{0, 256, 1024, 3_600_000, 40 * 86_400_000} {
			got := IdleMS(LRU(start), start+idle)
			if got < idle-256 || got > idle+256 {
				t.Errorf("idle %d at %d: %d", idle, start, got)
			}
		}
	}
}

func TestAKeyIdleForLongIsNotNew(t *testing.T) {
	const now, day = int64(1_700_000_000_000), int64(86_400_000)
	for idle, want := range map[int64]int64{0: 0, 40 * day: 40 * day, 60 * day: 45 * day, 1 << 50: 45 * day} {
		if got := IdleMS(LRUIdle(now, idle), now); got < want-256 || got > want+256 {
			t.Errorf("idle %d: %d", idle, got)
		}
	}
}

func TestCounterDecaysByTheMinute(t *testing.T) {
	const now = int64(1_700_000_040_000)
	a := LFU(now, 10)
	for _, c := range []struct {
		minutes int64
		decay   int
		want    uint8
	}{{0, 1, 10}, {3, 1, 7}, {3, 2, 9}, {100, 1, 0}, {100, 0, 10}} {
		if got := LFUCount(a, now+c.minutes*60000, c.decay); got != c.want {
			t.Errorf("after %d minutes with decay %d: %d, want %d", c.minutes, c.decay, got, c.want)
		}
	}
}

// The figures are those of Redis's documentation for a log factor of 10: about
// 10 after 100 hits, 18 after 1000, 142 after 100k.
func TestCounterGrowsLogarithmically(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ hits, low, high int }{{100, 8, 14}, {1000, 16, 24}, {100000, 125, 160}} {
		a := LFU(0, LFUStart)
		for range c.hits {
			a = LFUTouch(a, 0, 10, 1, rng.Uint32())
		}
		if got := int(LFUCount(a, 0, 1)); got < c.low || got > c.high {
			t.Errorf("%d hits count %d, want %d to %d", c.hits, got, c.low, c.high)
		}
	}
}
