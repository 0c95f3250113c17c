package tree

import (
	"math/bits"

	"cached/engine/arena"
)

// A target is a place in an Ordered tree: where the entry is, or would be, that
// has this key and compares like this among equal keys.
type target struct {
	key, ref uint64
	tie      Tie // compares; nil: ref does
}

// compare is the Tie of s.
func (s *target) compare(ref uint64) int {
	if s.tie != nil {
		return s.tie(ref)
	}
	switch {
	case s.ref < ref:
		return -1
	case s.ref > ref:
		return 1
	}
	return 0
}

// lowerKey returns how many of the ascending keys are below key.
func lowerKey(keys []uint64, key uint64) int {
	lo, n := 0, len(keys)
	for n > 1 {
		half := n >> 1
		// The borrow instead of a branch, which would be mispredicted half of
		// the time.
		_, below := bits.Sub64(keys[lo+half-1], key, 0)
		lo += half & -int(below)
		n -= half
	}
	if n == 1 && keys[lo] < key {
		lo++
	}
	return lo
}

// lowerEntry is lowerKey in a leaf. Leaves, unlike inner nodes, are rarely in the cache, and a branch starts to
// load early even if it is mispredicted.
func lowerEntry(s []Entry, key uint64) int {
	lo, n := 0, len(s)
	for n > 1 {
		half := n >> 1
		if s[lo+half-1].Key < key {
			lo += half
		}
		n -= half
	}
	if n == 1 && s[lo].Key < key {
		lo++
	}
	return lo
}

// under returns the child of n whose subtree has the first entry not below
// key, unless that entry is the very first of the next child.
func under(n *inner, key uint64) int { return max(lowerKey(n.keys(), key)-1, 0) }

// child returns the child of n in whose subtree s is.
func (s *target) child(n *inner) int {
	keys := n.keys()
	i := lowerKey(keys, s.key)
	if i < len(keys) && keys[i] == s.key {
		// Among equal first keys, the last whose ref is not behind s.
		refs := n.refs()
		hi := len(keys)
		if keys[hi-1] != s.key {
			hi = i + lowerKey(keys[i:], s.key+1) // some key is larger: no overflow
		}
		for i < hi {
			mid := int(uint(i+hi) >> 1)
			c := s.compare(refs[mid])
			if c == 0 {
				return mid
			}
			if c > 0 {
				i = mid + 1
			} else {
				hi = mid
			}
		}
	}
	return max(i-1, 0)
}

// index returns where s is in l, or would be.
func (s *target) index(l *leaf) (i int, found bool) {
	e := l.entries(l.len())
	i = lowerEntry(e, s.key)
	if i == len(e) || e[i].Key != s.key {
		return i, false
	}
	hi := len(e)
	if e[hi-1].Key != s.key {
		hi = i + lowerEntry(e[i:], s.key+1)
	}
	for i < hi {
		mid := int(uint(i+hi) >> 1)
		c := s.compare(e[mid].Ref)
		if c == 0 {
			return mid, true
		}
		if c > 0 {
			i = mid + 1
		} else {
			hi = mid
		}
	}
	return i, false
}

// descend leads p to s and says whether the entry is there. The tree must not
// be empty.
func (t *Tree) descend(s *target, p *path) bool {
	a := t.root
	for l := int(t.height); l > 0; l-- {
		n := innerAt(a)
		i := s.child(n)
		p.node[l], p.at[l] = a, i
		a = n.addr(i)
	}
	i, found := s.index(leafAt(a))
	p.node[0], p.at[0] = a, i
	return found
}

// descendRank leads p to the entry that covers rank, or behind the last, and
// returns how much of its weight lies in front of rank.
func (t *Tree) descendRank(rank uint64, p *path) uint64 {
	a := t.root
	for l := int(t.height); l > 0; l-- {
		n := innerAt(a)
		var i int
		i, rank = n.cover(rank)
		p.node[l], p.at[l] = a, i
		a = n.addr(i)
	}
	p.node[0] = a
	p.at[0], rank = t.cover(leafAt(a), rank)
	return rank
}

// cover returns the child that covers rank, or the last one for a rank beyond all, and the rank inside it.
func (n *inner) cover(rank uint64) (int, uint64) {
	w := n.weights()
	for i := range len(w) - 1 {
		if rank < w[i] {
			return i, rank
		}
		rank -= w[i]
	}
	return len(w) - 1, rank
}

// cover returns the entry that covers rank, or one behind the last, and the
// rank inside it.
func (t *Tree) cover(l *leaf, rank uint64) (int, uint64) {
	e := l.entries(l.len())
	if t.mode == Ordered {
		if rank >= uint64(len(e)) {
			return len(e), 0
		}
		return int(rank), 0
	}
	for i := range e {
		if rank < e[i].Key {
			return i, rank
		}
		rank -= e[i].Key
	}
	return len(e), 0
}

// Find returns the entry of an Ordered tree with this key for which tie is 0, or the place where it would be. With
// a nil tie it finds the first entry with the key.
func (t *Tree) Find(key uint64, tie Tie) (Iter, bool) {
	if t.root == 0 {
		return Iter{}, false
	}
	if tie == nil {
		it := t.LowerBound(key)
		return it, it.Valid() && it.Key() == key
	}
	s := target{key: key, tie: tie}
	a := t.root
	for l := int(t.height); l > 0; l-- {
		n := innerAt(a)
		a = n.addr(s.child(n))
	}
	i, found := s.index(leafAt(a))
	return iterAt(a, i), found
}

// LowerBound returns the first entry of an Ordered tree whose key is not below
// key.
func (t *Tree) LowerBound(key uint64) Iter {
	a := t.root
	if a == 0 {
		return Iter{}
	}
	for l := int(t.height); l > 0; l-- {
		n := innerAt(a)
		a = n.addr(under(n, key))
	}
	l := leafAt(a)
	return iterAt(a, lowerEntry(l.entries(l.len()), key))
}

// UpperBound returns the first entry of an Ordered tree whose key is above key.
func (t *Tree) UpperBound(key uint64) Iter {
	if key+1 == 0 {
		return t.End()
	}
	return t.LowerBound(key + 1)
}

// Seek returns the first entry for which before is false. There must be no
// entry behind it for which it is true.
func (t *Tree) Seek(before func(key, ref uint64) bool) Iter {
	it, _ := t.seek(before, false)
	return it
}

// RankWhere is the weight of the entries for which before is true, under the
// conditions of Seek.
func (t *Tree) RankWhere(before func(key, ref uint64) bool) uint64 {
	_, rank := t.seek(before, true)
	return rank
}

func (t *Tree) seek(before func(key, ref uint64) bool, ranked bool) (it Iter, rank uint64) {
	a := t.root
	if a == 0 {
		return Iter{}, 0
	}
	for l := int(t.height); l > 0; l-- {
		n := innerAt(a)
		keys, refs := n.keys(), n.refs()
		lo, hi := 1, len(keys) // the first child is the answer if no other is
		for lo < hi {
			mid := (lo + hi) >> 1
			if before(keys[mid], refs[mid]) {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		if ranked {
			rank += n.before(lo - 1)
		}
		a = n.addr(lo - 1)
	}
	l := leafAt(a)
	e := l.entries(l.len())
	lo, hi := 0, len(e)
	for lo < hi {
		mid := (lo + hi) >> 1
		if before(e[mid].Key, e[mid].Ref) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if ranked {
		rank += t.leafWeight(l, lo)
	}
	return iterAt(a, lo), rank
}

// before is the weight of the first i children.
func (n *inner) before(i int) uint64 {
	sum := uint64(0)
	for _, w := range n.weights()[:i] {
		sum += w
	}
	return sum
}

// Rank is the number of entries in front of the one with this key for which tie is 0, or in front of the place
// where it would be; with a nil tie, of the first entry with the key.
func (t *Tree) Rank(key uint64, tie Tie) (rank uint64, found bool) {
	a := t.root
	if a == 0 {
		return 0, false
	}
	if tie == nil {
		it := t.LowerBound(key)
		return t.RankKey(key), it.Valid() && it.Key() == key
	}
	s := target{key: key, tie: tie}
	for l := int(t.height); l > 0; l-- {
		n := innerAt(a)
		i := s.child(n)
		rank += n.before(i)
		a = n.addr(i)
	}
	i, found := s.index(leafAt(a))
	return rank + uint64(i), found
}

// RankKey is the number of entries of an Ordered tree whose key is below key.
func (t *Tree) RankKey(key uint64) (rank uint64) {
	a := t.root
	if a == 0 {
		return 0
	}
	for l := int(t.height); l > 0; l-- {
		n := innerAt(a)
		i := under(n, key)
		rank += n.before(i)
		a = n.addr(i)
	}
	l := leafAt(a)
	return rank + uint64(lowerEntry(l.entries(l.len()), key))
}

// At returns the entry that covers rank and how much of its weight lies in
// front of rank, or End. In an Ordered tree that is the rank-th entry, from 0.
func (t *Tree) At(rank uint64) (it Iter, offset uint64) {
	if rank >= t.weight {
		return t.End(), 0
	}
	a := t.root
	for l := int(t.height); l > 0; l-- {
		n := innerAt(a)
		var i int
		i, rank = n.cover(rank)
		a = n.addr(i)
	}
	i, rank := t.cover(leafAt(a), rank)
	return Iter{a, i}, rank
}

// An Iter is a place in a tree: an entry, or one of both ends. It is invalid after the next change of the tree.
type Iter struct {
	leaf arena.Addr
	i    int // -1 in front of the first entry of all, the leaf's length behind the last
}

// iterAt is the place i of the leaf a; the end of a leaf is the start of the next one.
func iterAt(a arena.Addr, i int) Iter {
	if l := leafAt(a); i == l.len() && l.next() != 0 {
		return Iter{l.next(), 0}
	}
	return Iter{a, i}
}

// First returns the first entry.
func (t *Tree) First() Iter {
	a := t.root
	for l := int(t.height); l > 0; l-- {
		a = innerAt(a).addr(0)
	}
	return Iter{a, 0}
}

// Last returns the last entry.
func (t *Tree) Last() Iter { return t.End().Prev() }

// End returns the place behind the last entry.
func (t *Tree) End() Iter {
	a := t.root
	if a == 0 {
		return Iter{}
	}
	for l := int(t.height); l > 0; l-- {
		n := innerAt(a)
		a = n.addr(n.len() - 1)
	}
	return Iter{a, leafAt(a).len()}
}

// Valid says whether it is at an entry.
func (it Iter) Valid() bool {
	return it.leaf != 0 && uint(it.i) < uint(leafAt(it.leaf).len())
}

// Key returns the key of the entry at it, which must be valid.
func (it Iter) Key() uint64 { return leafAt(it.leaf).at(it.i).Key }

// Ref returns the ref of the entry at it, which must be valid.
func (it Iter) Ref() uint64 { return leafAt(it.leaf).at(it.i).Ref }

// Next returns the place behind it; behind the last entry that is the end.
func (it Iter) Next() Iter {
	if it.leaf == 0 {
		return it
	}
	l := leafAt(it.leaf)
	if n := l.len(); it.i+1 < n {
		it.i++
	} else if a := l.next(); a != 0 {
		return Iter{a, 0}
	} else {
		it.i = n
	}
	return it
}

// Prev returns the place in front of it; in front of the first entry that is a
// place whose Next is the first entry.
func (it Iter) Prev() Iter {
	if it.leaf == 0 {
		return it
	}
	if it.i > 0 {
		it.i--
	} else if a := leafAt(it.leaf).prev(); a != 0 {
		return Iter{a, leafAt(a).len() - 1}
	} else {
		it.i = -1
	}
	return it
}
