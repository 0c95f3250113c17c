package tree

import (
	"cached/engine/arena"
	"cached/internal/invariants"
)

// A Mode determines the place of an entry in a tree and its weight.
type Mode uint8

const (
	Ordered    Mode = iota // by key and tie; each entry weighs 1
	Positional             // where it was put; an entry weighs its key, at least 1
)

// A Tree is the header of one. The zero value is an empty Ordered tree.
type Tree struct {
	root   arena.Addr // a leaf if height is 0; 0 if the tree is empty
	count  uint64     // entries
	weight uint64     // of all of them
	height uint8      // levels of inner nodes
	mode   Mode
}

// A Tie compares the entry that is searched with the referent of ref: negative if the former is first, 0 if they
// are the same. It decides between equal keys. It is only called during the call that it is an argument of, so a
// closure costs no allocation.
type Tie func(ref uint64) int

// New returns an empty tree.
func New(m Mode) Tree { return Tree{mode: m} }

// Len is the number of entries.
func (t *Tree) Len() int { return int(t.count) }

// Weight is the weight of all entries; of an Ordered tree, their number.
func (t *Tree) Weight() uint64 { return t.weight }

// Mode returns the mode the tree was made with.
func (t *Tree) Mode() Mode { return t.mode }

func (t *Tree) weightOf(e *Entry) uint64 {
	if t.mode == Ordered {
		return 1
	}
	return e.Key
}

// leafWeight is the weight of the first n entries of l.
func (t *Tree) leafWeight(l *leaf, n int) uint64 {
	if t.mode == Ordered {
		return uint64(n)
	}
	sum := uint64(0)
	for i := range l.entries(n) {
		sum += l.at(i).Key
	}
	return sum
}

func (t *Tree) nodeWeight(a arena.Addr, level int) uint64 {
	if level == 0 {
		return t.leafWeight(leafAt(a), leafAt(a).len())
	}
	return innerAt(a).total()
}

// A path is the way from the root to an entry: at each level a node and the
// index in it, of a child above level 0, of the entry at level 0.
type path struct {
	node [maxLevels]arena.Addr
	at   [maxLevels]int
}

// replace enters the new address of the node at level in its parent, or in the tree.
func (t *Tree) replace(p *path, level int, a arena.Addr) {
	p.node[level] = a
	if level == int(t.height) {
		t.root = a
	} else {
		innerAt(p.node[level+1]).setAddr(p.at[level+1], a)
	}
}

// refirst copies the first entry of the node at level to the inner nodes that
// keep it. Whatever changes the first entry of a node must end here.
func (t *Tree) refirst(p *path, level int) {
	e := firstOf(p.node[level], level)
	for l := level + 1; l <= int(t.height); l++ {
		innerAt(p.node[l]).setFirst(p.at[l], e)
		if p.at[l] != 0 {
			return
		}
	}
}

// reweigh adds delta to the weight of everything on the path.
func (t *Tree) reweigh(p *path, delta uint64) {
	t.weight += delta
	for l := 1; l <= int(t.height); l++ {
		*innerAt(p.node[l]).weight(p.at[l]) += delta
	}
}

// growRoot puts a new root above the old one.
func (t *Tree) growRoot(h *arena.Heap, p *path) {
	level := int(t.height)
	invariants.Check(level+1 < maxLevels, "tree: too high")
	a := newInner(h, 2)
	e := firstOf(t.root, level)
	innerAt(a).insert(0, child{e.Key, e.Ref, t.weight, t.root})
	t.root = a
	t.height++
	p.node[level+1], p.at[level+1] = a, 0
}

// Insert adds an entry to an Ordered tree. It adds nothing and returns false if
// there is one with this key for which tie is 0, or with this key and ref if
// tie is nil: then ties are ordered by ref, which must never change.
func (t *Tree) Insert(h *arena.Heap, key, ref uint64, tie Tie) bool {
	var p path
	if t.root == 0 {
		t.begin(h, Entry{key, ref})
		return true
	}
	s := target{key, ref, tie}
	if t.descend(&s, &p) {
		return false
	}
	t.insert(h, &p, Entry{key, ref})
	return true
}

// InsertAt adds an entry to a Positional tree in front of the one that covers
// rank, or at the end if rank is Weight.
func (t *Tree) InsertAt(h *arena.Heap, rank, weight, ref uint64) {
	invariants.Check(t.mode == Positional && weight > 0, "tree: InsertAt with weight 0 or in an Ordered tree")
	if t.root == 0 {
		t.begin(h, Entry{weight, ref})
		return
	}
	var p path
	t.descendRank(rank, &p)
	t.insert(h, &p, Entry{weight, ref})
}

func (t *Tree) begin(h *arena.Heap, e Entry) {
	t.root = newLeaf(h, 3)
	leafAt(t.root).insert(0, e)
	t.count, t.weight = 1, t.weightOf(&e)
}

// insert puts e where p leads.
func (t *Tree) insert(h *arena.Heap, p *path, e Entry) {
	t.count++
	t.reweigh(p, t.weightOf(&e))
	l := leafAt(p.node[0])
	if n := l.len(); n == l.cap() {
		if n == leafMax {
			t.splitLeaf(h, p, e)
			return
		}
		t.replace(p, 0, resizeLeaf(h, p.node[0], n+1))
		l = leafAt(p.node[0])
	}
	l.insert(p.at[0], e)
	if p.at[0] == 0 {
		t.refirst(p, 0)
	}
}

// The edge of the tree at which a node splits, if any.
const (
	leftEdge = iota - 1
	noEdge
	rightEdge
)

// splitLeaf puts e into the full leaf where p leads, and half of the leaf into
// a new one behind it; at the edges of the tree the new one gets e alone. The
// weights on the path count e already.
func (t *Tree) splitLeaf(h *arena.Heap, p *path, e Entry) {
	if t.height == 0 {
		t.growRoot(h, p)
	}
	a, i := p.node[0], p.at[0]
	l := leafAt(a)
	if i == 0 && l.prev() == 0 {
		// The new leaf takes the place of the old one, which comes behind it.
		b := newLeaf(h, 1)
		leafAt(b).insert(0, e)
		leafAt(b).setNext(a)
		l.setPrev(b)
		t.replace(p, 0, b)
		t.insertChild(h, p, 1, a, leftEdge)
		t.refirst(p, 0)
		return
	}
	if i == leafMax && l.next() == 0 {
		b := newLeaf(h, 1)
		leafAt(b).insert(0, e)
		link(a, b)
		t.insertChild(h, p, 1, b, rightEdge)
		return
	}
	cut := (leafMax + 1) / 2 // entries that stay, e among them if it belongs there
	from := cut
	if i < cut {
		from--
	}
	b := newLeaf(h, leafMax+1-cut)
	r := leafAt(b)
	r.setLen(copy(r.entries(leafMax-from), l.entries(leafMax)[from:]))
	l.setLen(from)
	link(a, b)
	if i < cut {
		l.insert(i, e)
	} else {
		r.insert(i-from, e)
	}
	a = resizeLeaf(h, a, cut)
	t.replace(p, 0, a)
	if i == 0 {
		t.refirst(p, 0)
	}
	t.insertChild(h, p, 1, b, noEdge)
}

// insertChild puts b behind the child of p's node at level that it was split
// from, and moves its weight from there.
func (t *Tree) insertChild(h *arena.Heap, p *path, level int, b arena.Addr, edge int) {
	e := firstOf(b, level-1)
	c := child{e.Key, e.Ref, t.nodeWeight(b, level-1), b}
	a, i := p.node[level], p.at[level]+1
	n := innerAt(a)
	*n.weight(i - 1) -= c.weight
	if n.n < n.max {
		n.insert(i, c)
		return
	}
	if n.n < innerMax {
		a = resizeInner(h, a, n.len()+1)
		t.replace(p, level, a)
		innerAt(a).insert(i, c)
		return
	}
	if level == int(t.height) {
		t.growRoot(h, p)
	}
	cut := (innerMax + 1) / 2 // children that stay, c among them if it belongs there
	switch edge {
	case leftEdge:
		cut = 1
	case rightEdge:
		cut = innerMax
	}
	from := cut
	if i < cut {
		from--
	}
	d := newInner(h, innerMax+1-cut)
	m := innerAt(d)
	n.move(from, innerMax-from, m, 0)
	if i < cut {
		n.insert(i, c)
	} else {
		m.insert(i-from, c)
	}
	t.replace(p, level, resizeInner(h, a, cut))
	t.insertChild(h, p, level+1, d, edge)
}
