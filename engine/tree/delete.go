package tree

import (
	"cached/engine/arena"
	"cached/internal/invariants"
)

// locate leads p to the entry with this key and ref.
func (t *Tree) locate(p *path, key, ref uint64, tie Tie) bool {
	if t.root == 0 {
		return false
	}
	s := target{key, ref, tie}
	return t.descend(&s, p) && leafAt(p.node[0]).at(p.at[0]).Ref == ref
}

// Delete removes the entry with this key and ref from an Ordered tree and says
// whether there was one. The tie is that of Insert.
func (t *Tree) Delete(h *arena.Heap, key, ref uint64, tie Tie) bool {
	var p path
	if !t.locate(&p, key, ref, tie) {
		return false
	}
	t.remove(h, &p)
	return true
}

// DeleteAt removes the entry that covers rank, which must be below Weight, and
// returns it.
func (t *Tree) DeleteAt(h *arena.Heap, rank uint64) Entry {
	invariants.Check(rank < t.weight, "tree: DeleteAt beyond the end")
	var p path
	t.descendRank(rank, &p)
	return t.remove(h, &p)
}

// SetRef gives an entry of an Ordered tree another ref, whose referent must
// compare like that of the old one, and says whether there was such an entry.
func (t *Tree) SetRef(key, ref uint64, tie Tie, newRef uint64) bool {
	var p path
	if !t.locate(&p, key, ref, tie) {
		return false
	}
	leafAt(p.node[0]).at(p.at[0]).Ref = newRef
	if p.at[0] == 0 {
		t.refirst(&p, 0)
	}
	return true
}

// SetKey moves an entry of an Ordered tree to another key and says whether
// there was such an entry. The tie decides among equal keys at both places.
func (t *Tree) SetKey(h *arena.Heap, key, ref uint64, tie Tie, newKey uint64) bool {
	var p path
	if !t.locate(&p, key, ref, tie) {
		return false
	}
	l, i := leafAt(p.node[0]), p.at[0]
	if i > 0 && i+1 < l.len() && l.at(i-1).Key < newKey && newKey < l.at(i+1).Key {
		l.at(i).Key = newKey // a small change of the key rarely changes the order
		return true
	}
	t.remove(h, &p)
	return t.Insert(h, newKey, ref, tie)
}

// SetAt gives the entry of a Positional tree that covers rank, which must be
// below Weight, another weight and ref.
func (t *Tree) SetAt(rank, weight, ref uint64) {
	invariants.Check(t.mode == Positional && weight > 0 && rank < t.weight, "tree: SetAt of nothing or to nothing")
	var p path
	t.descendRank(rank, &p)
	e := leafAt(p.node[0]).at(p.at[0])
	if delta := weight - e.Key; delta != 0 {
		t.reweigh(&p, delta)
	}
	*e = Entry{weight, ref}
	if p.at[0] == 0 {
		t.refirst(&p, 0)
	}
}

// remove takes the entry out to which p leads.
func (t *Tree) remove(h *arena.Heap, p *path) Entry {
	l, i := leafAt(p.node[0]), p.at[0]
	e := *l.at(i)
	l.remove(i, i+1)
	t.count--
	t.reweigh(p, -t.weightOf(&e))
	if n := l.len(); i == 0 && n > 0 {
		t.refirst(p, 0)
	} else if n >= leafMin && l.cap()-n < 2*unitLen {
		return e
	}
	t.mend(h, p)
	return e
}

// mend makes the nodes of p, from the leaf upwards, as full as they must be.
func (t *Tree) mend(h *arena.Heap, p *path) {
	for level := 0; ; level++ {
		if level == int(t.height) {
			t.mendRoot(h, p)
			return
		}
		again := t.mendNode(h, p, level)
		if !again {
			return
		}
	}
}

// mendNode mends p's node at level, which is not the root, and says whether
// that changed the number of its parent's children.
func (t *Tree) mendNode(h *arena.Heap, p *path, level int) bool {
	a, i := p.node[level], p.at[level+1]
	parent := innerAt(p.node[level+1])
	n := nodeLen(a, level)
	if n == 0 {
		if level == 0 {
			freeLeaf(h, a)
		} else {
			freeInner(h, a)
		}
		parent.remove(i, i+1)
		if i == 0 && parent.n > 0 {
			t.refirst(p, level+1)
		}
		return true
	}
	if short(n, level) && parent.n > 1 {
		left := max(i-1, 0)
		both := nodeLen(parent.addr(left), level) + nodeLen(parent.addr(left+1), level)
		if both <= mergeLen(level) {
			join(h, parent, left, level)
			return true
		}
		if !t.atEdge(p, level) {
			t.even(h, parent, left, level)
			return false
		}
	}
	if b := trim(h, a, level); b != a {
		t.replace(p, level, b)
	}
	return false
}

// mendRoot drops roots that have one child, or nothing.
func (t *Tree) mendRoot(h *arena.Heap, p *path) {
	for t.height > 0 && innerAt(t.root).n == 1 {
		a := t.root
		t.root = innerAt(a).addr(0)
		t.height--
		freeInner(h, a)
	}
	level := int(t.height)
	if nodeLen(t.root, level) > 0 {
		t.root = trim(h, t.root, level)
		return
	}
	if level == 0 {
		freeLeaf(h, t.root)
	} else {
		freeInner(h, t.root)
	}
	t.root, t.height = 0, 0
}

// short says whether a node of n entries or children is too small to stay.
func short(n, level int) bool {
	if level == 0 {
		return n < leafMin
	}
	return n < innerMin
}

// mergeLen is the largest length of two nodes together that are merged. It is less than the capacity, so that the
// merged node does not split at the next insert.
func mergeLen(level int) int {
	if level == 0 {
		return leafMerge
	}
	return innerMerge
}

// atEdge says whether p's node at level is the first or the last of its level.
func (t *Tree) atEdge(p *path, level int) bool {
	first, last := true, true
	for l := level + 1; l <= int(t.height); l++ {
		first = first && p.at[l] == 0
		last = last && p.at[l] == innerAt(p.node[l]).len()-1
	}
	return first || last
}

// join moves all of the child behind i into the child i.
func join(h *arena.Heap, parent *inner, i, level int) {
	a, b := parent.addr(i), parent.addr(i+1)
	if level == 0 {
		n, m := leafAt(a).len(), leafAt(b).len()
		if leafAt(a).cap() < n+m {
			a = resizeLeaf(h, a, n+m)
		}
		l := leafAt(a)
		copy(l.entries(n + m)[n:], leafAt(b).entries(m))
		l.setLen(n + m)
		freeLeaf(h, b)
	} else {
		n, m := innerAt(a).len(), innerAt(b).len()
		if int(innerAt(a).max) < n+m {
			a = resizeInner(h, a, n+m)
		}
		innerAt(b).move(0, m, innerAt(a), n)
		freeInner(h, b)
	}
	parent.setAddr(i, a)
	*parent.weight(i) += *parent.weight(i + 1)
	parent.remove(i+1, i+2)
}

// even makes the child i and the one behind it equally long.
func (t *Tree) even(h *arena.Heap, parent *inner, i, level int) {
	a, b := parent.addr(i), parent.addr(i+1)
	n, m := nodeLen(a, level), nodeLen(b, level)
	half := (n + m) / 2
	if level == 0 {
		if n < half {
			a = resizeLeaf(h, a, half)
		} else if leafAt(b).cap() < n+m-half {
			b = resizeLeaf(h, b, n+m-half)
		}
		l, r := leafAt(a), leafAt(b)
		if n < half {
			copy(l.entries(half)[n:], r.entries(half-n))
			r.remove(0, half-n)
			l.setLen(half)
		} else {
			s := r.entries(n + m - half)
			copy(s[n-half:], s[:m])
			copy(s, l.entries(n)[half:])
			r.setLen(n + m - half)
			l.setLen(half)
		}
	} else {
		if n < half {
			a = resizeInner(h, a, half)
			innerAt(b).move(0, half-n, innerAt(a), n)
		} else {
			b = resizeInner(h, b, n+m-half)
			innerAt(a).move(half, n-half, innerAt(b), 0)
		}
	}
	a, b = trim(h, a, level), trim(h, b, level)
	parent.setAddr(i, a)
	parent.setAddr(i+1, b)
	parent.setFirst(i+1, firstOf(b, level))
	both := *parent.weight(i) + *parent.weight(i + 1)
	*parent.weight(i) = t.nodeWeight(a, level)
	*parent.weight(i + 1) = both - *parent.weight(i)
}
