package main

// A policy is a cache of a certain size that decides which objects it holds.
type policy interface {
	// access asks for an object, stores it if it is missing, and reports
	// whether it was there.
	access(key int32) bool
}

// lists are doubly linked lists of objects; an object is in at most one of them.
type lists struct {
	next, prev []int32
	in         []uint8 // the list an object is in, or 0
}

func newLists(objects int) *lists {
	return &lists{make([]int32, objects), make([]int32, objects), make([]uint8, objects)}
}

// A list of objects by age: objects enter at the head.
type list struct {
	*lists
	id         uint8 // from 1
	head, tail int32
	used       int64 // the sum of the sizes
}

func (l *lists) list(id uint8) list { return list{lists: l, id: id, head: -1, tail: -1} }

func (l *list) has(k int32) bool { return l.in[k] == l.id }

func (l *list) push(k int32, size int32) {
	l.in[k] = l.id
	l.next[k], l.prev[k] = l.head, -1
	if l.head >= 0 {
		l.prev[l.head] = k
	} else {
		l.tail = k
	}
	l.head = k
	l.used += int64(size)
}

func (l *list) remove(k int32, size int32) {
	if p := l.prev[k]; p >= 0 {
		l.next[p] = l.next[k]
	} else {
		l.head = l.next[k]
	}
	if n := l.next[k]; n >= 0 {
		l.prev[n] = l.prev[k]
	} else {
		l.tail = l.prev[k]
	}
	l.in[k] = 0
	l.used -= int64(size)
}

// A bag is a set of objects from which random ones can be drawn.
type bag struct {
	keys []int32
	at   []int32 // index in keys + 1, or 0
	used int64
	rnd  uint64
}

func newBag(objects int) bag { return bag{at: make([]int32, objects), rnd: 88172645463325252} }

func (b *bag) has(k int32) bool { return b.at[k] != 0 }

func (b *bag) add(k int32, size int32) {
	b.keys = append(b.keys, k)
	b.at[k] = int32(len(b.keys))
	b.used += int64(size)
}

func (b *bag) remove(k int32, size int32) {
	last := b.keys[len(b.keys)-1]
	b.keys[b.at[k]-1], b.at[last] = last, b.at[k]
	b.keys, b.at[k] = b.keys[:len(b.keys)-1], 0
	b.used -= int64(size)
}

func (b *bag) random() uint64 {
	b.rnd ^= b.rnd << 13
	b.rnd ^= b.rnd >> 7
	b.rnd ^= b.rnd << 17
	return b.rnd
}

func (b *bag) draw() int32 { return b.keys[(b.random()>>32)*uint64(len(b.keys))>>32] }
