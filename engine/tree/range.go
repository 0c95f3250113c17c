package tree

import (
	"math"

	"cached/engine/arena"
)

// DeleteRange removes the entries that lie in full between the weights from
// and from+n, calls visit, which may be nil, with the ref of each, and returns
// how many there were. An entry that reaches beyond an end of the range stays.
// Refs are visited in order and may be freed at once.
func (t *Tree) DeleteRange(h *arena.Heap, from, n uint64, visit func(ref uint64)) int {
	if n > t.weight {
		n = t.weight
	}
	if from >= t.weight || n == 0 {
		return 0
	}
	count := t.count
	if from == 0 && n == t.weight {
		t.Free(h, visit)
		return int(count)
	}
	// The seam is the place of the first removed entry, where the next remaining one is in the end.
	it, offset := t.At(from)
	seam := from
	if offset > 0 {
		seam += it.Key() - offset
	}
	t.weight -= t.cut(h, t.root, int(t.height), from, from+min(n, t.weight-from), visit)
	if t.count == count {
		return 0
	}
	if seam > 0 {
		t.mendAt(h, seam-1)
	}
	if seam < t.weight {
		t.mendAt(h, seam)
	}
	return int(count - t.count)
}

// cut removes the entries that lie completely between two weights in the subtree of a and returns their weight.
// Some of the subtree remains, but its nodes may have fewer entries than the minimum.
func (t *Tree) cut(h *arena.Heap, a arena.Addr, level int, from, to uint64, visit func(ref uint64)) (gone uint64) {
	if level == 0 {
		l := leafAt(a)
		i, offset := t.cover(l, from)
		if offset > 0 {
			from += l.at(i).Key - offset
			i++
		}
		j := i
		for n := l.len(); j < n; j++ {
			w := t.weightOf(l.at(j))
			if from+gone+w > to {
				break
			}
			gone += w
			if visit != nil {
				visit(l.at(j).Ref)
			}
		}
		l.remove(i, j)
		t.count -= uint64(j - i)
		return gone
	}
	n := innerAt(a)
	i, j := 0, 0 // the children that go entirely
	start := uint64(0)
	for k := 0; k < n.len() && start < to; k++ {
		w := *n.weight(k)
		end := start + w
		switch {
		case end <= from:
		case start >= from && end <= to:
			if j == 0 {
				i = k
			}
			j = k + 1
			t.freeSubtree(h, n.addr(k), level-1, visit)
			gone += w
		default:
			part := t.cut(h, n.addr(k), level-1, max(from, start)-start, min(to, end)-start, visit)
			*n.weight(k) -= part
			n.setFirst(k, firstOf(n.addr(k), level-1))
			gone += part
		}
		start = end
	}
	n.remove(i, j)
	return gone
}

// freeSubtree frees all nodes under a, and a.
func (t *Tree) freeSubtree(h *arena.Heap, a arena.Addr, level int, visit func(ref uint64)) {
	if level == 0 {
		l := leafAt(a)
		t.count -= uint64(l.len())
		if visit != nil {
			for i := range l.len() {
				visit(l.at(i).Ref)
			}
		}
		freeLeaf(h, a)
		return
	}
	n := innerAt(a)
	for i := range n.len() {
		t.freeSubtree(h, n.addr(i), level-1, visit)
	}
	freeInner(h, a)
}

// mendAt mends every node on the way to rank. It starts at the top, because a
// node can only be mended by its neighbours under the same parent, and starts
// again after each change, because a parent may have lost a child.
func (t *Tree) mendAt(h *arena.Heap, rank uint64) {
	var p path
again:
	t.mendRoot(h, &p)
	t.descendRank(rank, &p)
	for level := int(t.height) - 1; level >= 0; level-- {
		n := nodeLen(p.node[level], level)
		if t.mendNode(h, &p, level) || n != nodeLen(innerAt(p.node[level+1]).addr(p.at[level+1]), level) {
			goto again
		}
	}
}

// Free removes everything and calls visit, which may be nil, with every ref.
func (t *Tree) Free(h *arena.Heap, visit func(ref uint64)) {
	if t.root != 0 {
		t.freeSubtree(h, t.root, int(t.height), visit)
	}
	*t = Tree{mode: t.mode}
}

// FreeSome removes at least budget entries from the end, or all there are, and at most a leaf more; done says that
// the tree is empty. visit is called with the ref of each and may be nil. The remaining tree is valid.
func (t *Tree) FreeSome(h *arena.Heap, budget int, visit func(ref uint64)) (done bool) {
	for budget > 0 && t.root != 0 {
		var p path
		t.descendRank(math.MaxUint64, &p)
		a := p.node[0]
		l := leafAt(a)
		n := l.len()
		budget -= n
		if visit != nil {
			for i := range n {
				visit(l.at(i).Ref)
			}
		}
		t.count -= uint64(n)
		t.reweigh(&p, -t.leafWeight(l, n))
		l.setLen(0)
		t.mend(h, &p)
	}
	return t.root == 0
}
