package main

import "cached/internal/trace"

// A ranking is a heap of objects, least first.
type ranking struct {
	keys []int32
	at   []int32 // index in keys + 1, or 0
	rank []float64
	seq  []uint64 // of equal ranks, the one that got it first is less
	n    uint64
}

func newRanking(objects int) ranking {
	return ranking{at: make([]int32, objects), rank: make([]float64, objects), seq: make([]uint64, objects)}
}

func (r *ranking) less(a, b int32) bool {
	return r.rank[a] < r.rank[b] || r.rank[a] == r.rank[b] && r.seq[a] < r.seq[b]
}

func (r *ranking) put(i int, k int32) { r.keys[i], r.at[k] = k, int32(i+1) }

// set ranks an object, which is added if it is not there.
func (r *ranking) set(k int32, rank float64) {
	r.n++
	r.rank[k], r.seq[k] = rank, r.n
	if r.at[k] == 0 {
		r.keys = append(r.keys, k)
		r.at[k] = int32(len(r.keys))
	}
	r.settle(int(r.at[k] - 1))
}

// settle moves the object at i to where it belongs.
func (r *ranking) settle(i int) {
	k := r.keys[i]
	for i > 0 && r.less(k, r.keys[(i-1)/2]) {
		r.put(i, r.keys[(i-1)/2])
		i = (i - 1) / 2
	}
	for {
		child := 2*i + 1
		if child >= len(r.keys) {
			break
		}
		if child+1 < len(r.keys) && r.less(r.keys[child+1], r.keys[child]) {
			child++
		}
		if !r.less(r.keys[child], k) {
			break
		}
		r.put(i, r.keys[child])
		i = child
	}
	r.put(i, k)
}

// pop takes the least.
func (r *ranking) pop() int32 {
	k := r.keys[0]
	last := r.keys[len(r.keys)-1]
	r.keys, r.at[k] = r.keys[:len(r.keys)-1], 0
	if last != k {
		r.put(0, last)
		r.settle(0)
	}
	return k
}

// gdsf evicts the object with the fewest uses for its size; a new object starts from the rank of the last evicted
// one.
type gdsf struct {
	ranking
	size  []int32
	room  int64
	used  int64
	freq  []uint32
	floor float64
}

func newGDSF(size []int32, room int64) policy {
	return &gdsf{ranking: newRanking(len(size)), size: size, room: room, freq: make([]uint32, len(size))}
}

func (c *gdsf) access(k int32) bool {
	size := c.size[k]
	hit := c.at[k] != 0
	if hit {
		c.freq[k]++
	} else {
		if int64(size) > c.room {
			return false
		}
		for c.used+int64(size) > c.room {
			out := c.pop()
			c.floor = c.rank[out]
			c.used -= int64(c.size[out])
		}
		c.freq[k] = 1
		c.used += int64(size)
	}
	c.set(k, c.floor+float64(c.freq[k])/float64(size))
	return hit
}

// optimum is Belady's: it evicts the object that is needed last, and does not store one that is needed later than
// all others. For objects of different sizes it is not optimal, only good.
type optimum struct {
	ranking
	size []int32
	room int64
	used int64
	next []int32 // for each request, when the same object is asked for again
	now  int
}

func newOptimum(t *trace.Trace, size []int32, room int64) policy {
	c := &optimum{ranking: newRanking(len(size)), size: size, room: room, next: make([]int32, len(t.Keys))}
	seen := make([]int32, len(size))
	for i := range seen {
		seen[i] = int32(len(t.Keys))
	}
	for i := len(t.Keys) - 1; i >= 0; i-- {
		k := t.Keys[i]
		c.next[i], seen[k] = seen[k], int32(i)
	}
	return c
}

func (c *optimum) access(k int32) bool {
	hit := c.at[k] != 0
	again := c.next[c.now]
	c.now++
	if !hit {
		if int(again) == len(c.next) {
			return false
		}
		c.used += int64(c.size[k])
	}
	c.set(k, -float64(again))
	for c.used > c.room {
		c.used -= int64(c.size[c.pop()])
	}
	return hit
}
