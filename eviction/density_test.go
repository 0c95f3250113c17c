package eviction

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestAgeStepsFollowEachOther(t *testing.T) {
	start := float32(0)
	for step := range ageSteps {
		if got := ageStep(uint32(start)); got != step {
			t.Fatalf("age %v is in step %d, want %d", start, got, step)
		}
		start += stepTicks(step)
		if got := ageStep(uint32(start) - 1); got != step {
			t.Fatalf("age %v is in step %d, want %d", start-1, got, step)
		}
	}
	if got := ageStep(timeMask); got != ageSteps-1 {
		t.Errorf("the largest age is in step %d, want the last", got)
	}
}

// Ten items are asked for again at age 2 and ten are not before age 4: held from
// age 0 until the end of age 2 they give ten hits for the time of ten items that
// stay 2.5 ticks and ten that stay 3.
func TestIndexIsTheBestRateFromAnAgeOn(t *testing.T) {
	var a ages
	a.asked[2], a.lost[4] = 10, 10
	var got [ageSteps]float32
	a.indices(&got)
	for step, want := range map[int]float64{
		0: 10.0 / (10*2.5 + 10*3),
		1: 10.0 / (10*1.5 + 10*2),
		2: 10.0 / (10*0.5 + 10*1),
		3: 0, 4: 0,
	} {
		if math.Abs(float64(got[step])-want) > 1e-6 {
			t.Errorf("index at age %d is %v, want %v", step, got[step], want)
		}
	}
}

func TestAgeSurvivesAChangeOfScale(t *testing.T) {
	d := NewDensity(100)
	word := d.Insert(1)
	for range 1000 {
		d.Insert(2)
	}
	for _, objects := range []int{100, 1000, 3000, 1000, 300} {
		d.Resize(objects)
		if got := d.Idle(word); got < 1000-1000/4 || got > 1000 {
			t.Errorf("with %d objects the item is idle for %d accesses, want 1000", objects, got)
		}
	}
}

func TestWhatComesBackKeepsItsHistory(t *testing.T) {
	d := NewDensity(1000)
	w := d.Insert(42)
	if d.Count(w) != 1 {
		t.Fatalf("a new item was asked for %d times", d.Count(w))
	}
	w = d.Touch(w, 42)
	if d.Count(w) != 2 {
		t.Fatalf("an item asked for twice counts %d", d.Count(w))
	}
	d.Evicted(w, 42)
	if w = d.Insert(42); d.Count(w) != 3 {
		t.Errorf("an item that came back counts %d, want 3", d.Count(w))
	}
	if w = d.Insert(42); d.Count(w) != 1 {
		t.Errorf("an item comes back twice from one eviction")
	}
}

// A third of the requests scans keys that never come again.
func TestScannedItemsAreWorthLess(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	d := NewDensity(1000)
	words := make(map[uint64]uint32)
	scanned := uint64(1 << 40)
	for range 50000 {
		h := rng.Uint64N(1000) * 0x9E3779B97F4A7C15
		if w, ok := words[h]; ok {
			words[h] = d.Touch(w, h)
		} else {
			words[h] = d.Insert(h)
		}
		if rng.IntN(2) == 0 {
			scanned++
			d.Insert(scanned * 0x9E3779B97F4A7C15)
		}
	}
	scanned++
	fresh := d.Rank(d.Insert(scanned * 0x9E3779B97F4A7C15))
	worse := 0
	for _, w := range words {
		if d.Rank(w) <= fresh {
			worse++
		}
	}
	if worse > len(words)/10 {
		t.Errorf("%d of %d items in use are worth no more than a scanned one", worse, len(words))
	}
}

func BenchmarkTouch(b *testing.B) {
	d := NewDensity(100000)
	words := make([]uint32, 100000)
	for i := 0; b.Loop(); i++ {
		k := uint64(i*7919) % uint64(len(words))
		words[k] = d.Touch(words[k], k*0x9E3779B97F4A7C15)
	}
}
