package main

import "cached/eviction"

// sampled evicts the worst of a few random objects, as Redis does: the worst of earlier samples stay in a pool of
// candidates.
type sampled struct {
	bag
	size    []int32
	room    int64
	samples int
	now     int64 // requests so far
	word    []uint64
	pool    []candidate

	touch func(word uint64, hit bool) uint64
	rank  func(k int32) float64 // the lowest is evicted first
	gone  func(rank float64)
}

type candidate struct {
	key  int32
	rank float64
}

const poolSize = 16

func newSampled(size []int32, room int64, samples int) *sampled {
	return &sampled{bag: newBag(len(size)), size: size, room: room, samples: samples, word: make([]uint64, len(size)),
		gone: func(float64) {}}
}

func (c *sampled) access(k int32) bool {
	c.now++
	if c.has(k) {
		c.word[k] = c.touch(c.word[k], true)
		return true
	}
	size := c.size[k]
	if int64(size) > c.room {
		return false
	}
	for c.used+int64(size) > c.room {
		c.evict()
	}
	c.add(k, size)
	c.word[k] = c.touch(0, false)
	return false
}

func (c *sampled) evict() {
	for {
		for range c.samples {
			c.offer(c.draw())
		}
		for len(c.pool) > 0 {
			best := c.pool[len(c.pool)-1]
			c.pool = c.pool[:len(c.pool)-1]
			if c.has(best.key) {
				c.remove(best.key, c.size[best.key])
				c.gone(best.rank)
				return
			}
		}
	}
}

// offer inserts an object into the pool, whose last entry is the worst.
func (c *sampled) offer(k int32) {
	r := c.rank(k)
	for _, p := range c.pool {
		if p.key == k {
			return
		}
	}
	if len(c.pool) == poolSize {
		if r >= c.pool[0].rank {
			return
		}
		c.pool = append(c.pool[:0], c.pool[1:]...)
	}
	i := len(c.pool)
	c.pool = append(c.pool, candidate{})
	for i > 0 && c.pool[i-1].rank < r {
		c.pool[i] = c.pool[i-1]
		i--
	}
	c.pool[i] = candidate{k, r}
}

// newRedisLRU is Redis's approximation with a perfect clock.
func newRedisLRU(size []int32, room int64) policy {
	c := newSampled(size, room, 5)
	c.touch = func(uint64, bool) uint64 { return uint64(c.now) }
	c.rank = func(k int32) float64 { return float64(c.word[k]) }
	return c
}

// newRedisLFU is Redis's, at 1000 requests a second.
func newRedisLFU(size []int32, room int64) policy {
	c := newSampled(size, room, 5)
	c.touch = func(w uint64, hit bool) uint64 {
		if !hit {
			return uint64(eviction.LFU(c.now, eviction.LFUStart))
		}
		return uint64(eviction.LFUTouch(uint32(w), c.now, 10, 1, uint32(c.random()>>32)))
	}
	c.rank = func(k int32) float64 { return float64(eviction.LFUCount(uint32(c.word[k]), c.now, 1)) }
	return c
}

// newSampledGDSF is gdsf by samples of 16, without a pool.
func newSampledGDSF(size []int32, room int64) policy {
	c := newSampled(size, room, 16)
	freq := make([]float64, len(size))
	ranks := make([]float64, len(size))
	floor := 0.0
	last := int32(0)
	c.touch = func(w uint64, hit bool) uint64 {
		if !hit {
			freq[last] = 0
		}
		freq[last]++
		ranks[last] = floor + freq[last]/float64(size[last])
		return w
	}
	c.rank = func(k int32) float64 { return ranks[k] }
	c.gone = func(r float64) { floor = max(floor, r); c.pool = c.pool[:0] }
	return policyFunc(func(k int32) bool { last = k; return c.access(k) })
}

type policyFunc func(k int32) bool

func (f policyFunc) access(k int32) bool { return f(k) }
