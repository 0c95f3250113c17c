package main

import "cached/internal/trace"

// wtinylfu has a window of recent objects before a segmented LRU; an object that leaves the window enters the LRU
// if a sketch has counted it more often than the object it would replace. The size of the window follows the hit
// ratio by hill climbing.
type wtinylfu struct {
	window, probation, protected  list
	size                          []int32
	room, windowRoom, protectRoom int64
	sketch                        sketch

	hits, requests, sample int
	last, step             float64
}

func newWTinyLFU(size []int32, room int64) policy {
	l := newLists(len(size))
	mean := int64(0)
	for _, s := range size {
		mean += int64(s)
	}
	objects := max(room*int64(len(size))/max(mean, 1), 16)
	c := &wtinylfu{window: l.list(1), probation: l.list(2), protected: l.list(3), size: size, room: room,
		sketch: newSketch(int(objects)), sample: int(10 * objects), step: -0.0625 * float64(room)}
	c.setWindow(max(room/100, 1))
	return c
}

func (c *wtinylfu) setWindow(w int64) {
	c.windowRoom = min(max(w, 1), c.room*4/5)
	c.protectRoom = (c.room - c.windowRoom) * 4 / 5
}

func (c *wtinylfu) access(k int32) bool {
	size := c.size[k]
	c.sketch.add(k)
	hit := true
	switch {
	case c.window.has(k):
		c.window.remove(k, size)
		c.window.push(k, size)
	case c.protected.has(k):
		c.protected.remove(k, size)
		c.protected.push(k, size)
	case c.probation.has(k):
		c.probation.remove(k, size)
		c.protected.push(k, size)
	default:
		hit = false
		if int64(size) > c.room {
			return false
		}
		c.window.push(k, size)
	}
	c.fit()
	c.climb(hit)
	return hit
}

func (c *wtinylfu) fit() {
	for c.protected.used > c.protectRoom {
		k := c.protected.tail
		c.protected.remove(k, c.size[k])
		c.probation.push(k, c.size[k])
	}
	for c.window.used > c.windowRoom {
		k := c.window.tail
		c.window.remove(k, c.size[k])
		c.probation.push(k, c.size[k])
		for c.window.used+c.probation.used+c.protected.used > c.room {
			victim := c.probation.tail
			if victim != k && c.probation.has(k) && c.sketch.count(k) <= c.sketch.count(victim) {
				victim = k
			}
			c.probation.remove(victim, c.size[victim])
			if c.probation.used == 0 {
				break
			}
		}
	}
	for c.window.used+c.probation.used+c.protected.used > c.room {
		l := &c.probation
		if l.used == 0 {
			l = &c.protected
		}
		if l.used == 0 {
			l = &c.window
		}
		l.remove(l.tail, c.size[l.tail])
	}
}

func (c *wtinylfu) climb(hit bool) {
	c.requests++
	if hit {
		c.hits++
	}
	if c.requests < c.sample {
		return
	}
	ratio := float64(c.hits) / float64(c.requests)
	if ratio < c.last {
		c.step = -c.step
	}
	c.setWindow(c.windowRoom + int64(c.step))
	if d := ratio - c.last; d > 0.05 || d < -0.05 {
		s := 0.0625 * float64(c.room)
		if c.step < 0 {
			s = -s
		}
		c.step = s
	} else {
		c.step *= 0.98
	}
	c.last, c.hits, c.requests = ratio, 0, 0
}

// A sketch estimates how often objects were asked for: the least of four counters
// up to 15, all of which are halved now and then.
type sketch struct {
	count4      []uint8
	mask        uint64
	adds, reset int
}

func newSketch(objects int) sketch {
	n := 16
	for n < 4*objects {
		n *= 2
	}
	return sketch{make([]uint8, 4*n), uint64(n - 1), 0, 10 * objects}
}

func (s *sketch) at(k int32, row int) *uint8 {
	return &s.count4[uint64(row)*(s.mask+1)+trace.Mix(uint64(k)<<2+uint64(row))&s.mask]
}

func (s *sketch) add(k int32) {
	n := s.count(k)
	if n == 15 {
		return
	}
	for row := range 4 {
		if p := s.at(k, row); *p == n {
			*p++
		}
	}
	if s.adds++; s.adds == s.reset {
		for i := range s.count4 {
			s.count4[i] /= 2
		}
		s.adds /= 2
	}
}

func (s *sketch) count(k int32) uint8 {
	n := uint8(15)
	for row := range 4 {
		n = min(n, *s.at(k, row))
	}
	return n
}
