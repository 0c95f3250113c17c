package main

import (
	"slices"

	"cached/eviction"
	"cached/internal/trace"
)

// auto is the server's own policy, with the samples and candidates of
// engine/evict.go.
type auto struct {
	bag
	size  []int32
	room  int64
	word  []uint32
	d     *eviction.Density
	found []candidate // kept from one eviction to the next, and the samples of this one
}

const (
	autoSamples = 16
	autoKept    = 8
)

func newAuto(size []int32, room int64) policy {
	return &auto{bag: newBag(len(size)), size: size, room: room, word: make([]uint32, len(size)), d: eviction.NewDensity(1)}
}

func keyHash(k int32) uint64 { return trace.Mix(uint64(k)) }

func (c *auto) access(k int32) bool {
	if c.has(k) {
		c.word[k] = c.d.Touch(c.word[k], keyHash(k))
		return true
	}
	size := c.size[k]
	if int64(size) > c.room {
		return false
	}
	c.d.Resize(len(c.keys))
	for c.used+int64(size) > c.room {
		c.evict()
	}
	c.add(k, size)
	c.word[k] = c.d.Insert(keyHash(k))
	if len(c.found) > autoKept {
		c.found = c.found[:autoKept]
	}
	c.consider(k) // a new object may have the lowest rank
	return false
}

func (c *auto) consider(k int32) {
	if !slices.ContainsFunc(c.found, func(x candidate) bool { return x.key == k }) {
		c.found = append(c.found, candidate{key: k})
	}
}

func (c *auto) evict() {
	c.found = slices.DeleteFunc(c.found, func(x candidate) bool { return !c.has(x.key) })
	for range autoSamples {
		c.consider(c.draw())
	}
	for i := range c.found {
		x := &c.found[i]
		x.rank = float64(c.d.Rank(c.word[x.key])) / float64(c.size[x.key])
	}
	slices.SortFunc(c.found, func(a, b candidate) int {
		switch {
		case a.rank < b.rank:
			return -1
		case a.rank > b.rank:
			return 1
		}
		return 0
	})
	k := c.found[0].key
	c.found = c.found[1:min(len(c.found), autoKept+1)]
	c.remove(k, c.size[k])
	c.d.Evicted(c.word[k], keyHash(k))
}
