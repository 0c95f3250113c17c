package main

// lru evicts the least recently used object.
type lru struct {
	list
	size []int32
	room int64
}

func newLRU(size []int32, room int64) policy {
	return &lru{newLists(len(size)).list(1), size, room}
}

func (c *lru) access(k int32) bool {
	size := c.size[k]
	if c.has(k) {
		c.remove(k, size)
		c.push(k, size)
		return true
	}
	if int64(size) > c.room {
		return false
	}
	for c.used+int64(size) > c.room {
		c.remove(c.tail, c.size[c.tail])
	}
	c.push(k, size)
	return false
}

// sieve keeps objects in the order of their insertion; a hand moves from the oldest to the newest and evicts an
// object that was not used since it last passed.
type sieve struct {
	list
	size    []int32
	room    int64
	visited []bool
	hand    int32
}

func newSieve(size []int32, room int64) policy {
	return &sieve{newLists(len(size)).list(1), size, room, make([]bool, len(size)), -1}
}

func (c *sieve) access(k int32) bool {
	if c.has(k) {
		c.visited[k] = true
		return true
	}
	size := c.size[k]
	if int64(size) > c.room {
		return false
	}
	for c.used+int64(size) > c.room {
		h := c.hand
		if h < 0 {
			h = c.tail
		}
		for c.visited[h] {
			c.visited[h] = false
			if h = c.prev[h]; h < 0 {
				h = c.tail
			}
		}
		c.hand = c.prev[h]
		c.remove(h, c.size[h])
	}
	c.push(k, size)
	c.visited[k] = false
	return false
}

// s3fifo has a small queue for new objects, a main one for objects that were used there or requested again soon,
// and remembers objects evicted from the small one.
type s3fifo struct {
	small, main, ghost                   list
	size                                 []int32
	freq                                 []uint8
	room, smallRoom, mainRoom, ghostRoom int64
}

func newS3FIFO(size []int32, room int64) policy {
	l := newLists(len(size))
	small := room / 10
	return &s3fifo{small: l.list(1), main: l.list(2), ghost: l.list(3), size: size, freq: make([]uint8, len(size)),
		room: room, smallRoom: small, mainRoom: room - small, ghostRoom: room * 9 / 10}
}

func (c *s3fifo) access(k int32) bool {
	if c.small.has(k) || c.main.has(k) {
		c.freq[k] = min(c.freq[k]+1, 3)
		return true
	}
	size := c.size[k]
	back := c.ghost.has(k)
	if back {
		c.ghost.remove(k, size)
	}
	if int64(size) > c.room || !back && int64(size) >= c.smallRoom && c.smallRoom > 1 {
		return false
	}
	for c.small.used+c.main.used+int64(size) > c.room {
		c.evict()
	}
	c.freq[k] = 0
	if back {
		c.main.push(k, size)
	} else {
		c.small.push(k, size)
	}
	return false
}

func (c *s3fifo) evict() {
	if c.main.used > c.mainRoom || c.small.used == 0 {
		for {
			k := c.main.tail
			c.main.remove(k, c.size[k])
			if c.freq[k] == 0 {
				return
			}
			c.freq[k]--
			c.main.push(k, c.size[k])
		}
	}
	for c.small.used > 0 {
		k := c.small.tail
		c.small.remove(k, c.size[k])
		if c.freq[k] >= 2 {
			c.freq[k] = 0
			c.main.push(k, c.size[k])
			continue
		}
		for c.ghost.used+int64(c.size[k]) > c.ghostRoom && c.ghost.used > 0 {
			c.ghost.remove(c.ghost.tail, c.size[c.ghost.tail])
		}
		if int64(c.size[k]) <= c.ghostRoom {
			c.ghost.push(k, c.size[k])
		}
		return
	}
}
