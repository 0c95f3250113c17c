package lock

import (
	"errors"
	"sync"
	"testing"
)

// A shelf is a place for a bound that may be lost or refuse.
type shelf struct {
	mu    sync.Mutex
	n     int64
	kept  int
	fails bool
}

func (s *shelf) TokenBound() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n, nil
}

func (s *shelf) KeepTokenBound(n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails {
		return errors.New("no room")
	}
	s.n, s.kept = n, s.kept+1
	return nil
}

// A process may end at any moment, and the clock may have been set back by then: what was
// kept is enough for the next tokens to be larger. And so is the clock, if nothing was kept.
func TestTokensGrowFromLifeToLife(t *testing.T) {
	const at = originNS + 1e18
	for name, x := range map[string]struct {
		kept  bool
		clock func(life int) int64
	}{
		"kept, with the clock set back":  {true, func(life int) int64 { return at - int64(life)*1e15 }},
		"kept, with a clock before 2025": {true, func(int) int64 { return 0 }},
		"kept, with a clock that stands": {true, func(int) int64 { return at }},
		"not kept, a clock that goes on": {false, func(life int) int64 { return at + int64(life)*1e7 }},
	} {
		place, last := &shelf{}, int64(0)
		for life := range 50 {
			var c Counter
			if x.kept {
				c.Init(place, func(err error) { t.Error(err) })
			}
			c.Begin(x.clock(life))
			if first := c.First(); first < last || first <= 0 {
				t.Fatalf("%s: life %d begins at %d, behind %d", name, life, first, last)
			}
			for range 1000 {
				n := c.Next(0)
				if n <= last || n <= c.First() || n > MaxToken {
					t.Fatalf("%s: life %d: %d behind %d", name, life, n, last)
				}
				last = n
			}
		}
	}
}

// No token is above what was kept, so that the next life begins above all.
func TestNoTokenIsAboveItsBound(t *testing.T) {
	place := &shelf{}
	var c Counter
	c.Init(place, func(err error) { t.Error(err) })
	c.Begin(originNS)
	var group sync.WaitGroup
	for range 4 {
		group.Add(1)
		go func() {
			defer group.Done()
			above, last := int64(0), int64(0)
			for i := range 2000 {
				if i%100 == 0 {
					above = last + reserve/8 // as a key from elsewhere may say
				}
				n := c.Next(above)
				place.mu.Lock()
				if n > place.n {
					t.Errorf("%d is above %d", n, place.n)
				}
				place.mu.Unlock()
				if n <= last || n <= above {
					t.Errorf("%d behind %d, above %d", n, last, above)
				}
				last = n
			}
		}()
	}
	group.Wait()
	if place.kept < 2 {
		t.Errorf("the bound was kept %d times", place.kept)
	}
}

func TestTokensEnd(t *testing.T) {
	var c Counter
	c.Begin(originNS)
	if n := c.Next(MaxToken - 1); n != MaxToken {
		t.Errorf("the last token is %d", n)
	}
	if n := c.Next(0); n != 0 {
		t.Errorf("%d behind the last token", n)
	}
}

// If the bound cannot be kept, somebody hears of it, and there are tokens nevertheless.
func TestTokensAreMadeThoughTheDiskFails(t *testing.T) {
	var c Counter
	told := 0
	c.Init(&shelf{fails: true}, func(error) { told++ })
	c.Begin(originNS + 1e18)
	if a, b := c.Next(0), c.Next(0); a <= 0 || b <= a || told != 1 {
		t.Errorf("%d, %d, told %d times", a, b, told)
	}
}
