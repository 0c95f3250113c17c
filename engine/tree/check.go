package tree

import (
	"errors"
	"fmt"

	"cached/engine/arena"
)

// Bytes is the size of the nodes. It visits all of them.
func (t *Tree) Bytes() int {
	if t.root == 0 {
		return 0
	}
	return bytesOf(t.root, int(t.height))
}

func bytesOf(a arena.Addr, level int) int {
	if level == 0 {
		return leafAt(a).units() * leafUnit
	}
	n := innerAt(a)
	sum := innerBytes(int(n.max))
	for i := range n.len() {
		sum += bytesOf(n.addr(i), level-1)
	}
	return sum
}

// Check returns an error if the tree is inconsistent: order, counts, weights, copies of first entries, links and
// how full nodes are. compare orders the referents of refs under one key; nil compares the refs themselves. It
// visits the whole tree and is for tests.
func (t *Tree) Check(compare func(a, b uint64) int) error {
	if t.root == 0 {
		if t.count != 0 || t.weight != 0 || t.height != 0 {
			return fmt.Errorf("empty, but with %d entries, weight %d, height %d", t.count, t.weight, t.height)
		}
		return nil
	}
	c := checker{t: t, compare: compare}
	weight, err := c.node(t.root, int(t.height), true, true)
	switch {
	case err != nil:
		return err
	case c.count != t.count || weight != t.weight:
		return fmt.Errorf("%d entries of weight %d, header says %d and %d", c.count, weight, t.count, t.weight)
	case leafAt(c.leaf).next() != 0:
		return errors.New("last leaf is linked to another")
	case t.height > 0 && innerAt(t.root).n < 2:
		return errors.New("root with a single child")
	}
	return nil
}

type checker struct {
	t       *Tree
	compare func(a, b uint64) int
	leaf    arena.Addr // the one visited last
	last    Entry
	count   uint64
}

func (c *checker) node(a arena.Addr, level int, first, last bool) (weight uint64, err error) {
	n := nodeLen(a, level)
	if n == 0 {
		return 0, fmt.Errorf("empty node at level %d", level)
	}
	if short(n, level) && !first && !last {
		return 0, fmt.Errorf("only %d in a node at level %d", n, level)
	}
	if level == 0 {
		return c.leafNode(a)
	}
	in := innerAt(a)
	if in.n > in.max || int(in.max) != innerCap(int(in.max)) {
		return 0, fmt.Errorf("inner node holds %d of %d", in.n, in.max)
	}
	for i := range n {
		w, err := c.node(in.addr(i), level-1, first && i == 0, last && i == n-1)
		if err != nil {
			return 0, err
		}
		if w != *in.weight(i) {
			return 0, fmt.Errorf("weight of a child is %d, not %d", w, *in.weight(i))
		}
		if e := firstOf(in.addr(i), level-1); c.t.mode == Ordered && e != (Entry{in.keys()[i], in.refs()[i]}) {
			return 0, fmt.Errorf("first entry of a child is %v, its copy %d %d", e, in.keys()[i], in.refs()[i])
		}
		weight += w
	}
	return weight, nil
}

func (c *checker) leafNode(a arena.Addr) (weight uint64, err error) {
	l := leafAt(a)
	if l.prev() != c.leaf || c.leaf != 0 && leafAt(c.leaf).next() != a {
		return 0, errors.New("leaves are not linked in order")
	}
	if l.len() > l.cap() || l.cap() > leafMax || l.cap()-l.len() > 3*unitLen {
		return 0, fmt.Errorf("leaf holds %d of %d", l.len(), l.cap())
	}
	for i, e := range l.entries(l.len()) {
		if c.t.mode == Ordered && (c.leaf != 0 || i > 0) {
			less := c.last.Key < e.Key
			if c.last.Key == e.Key {
				less = c.last.Ref < e.Ref
				if c.compare != nil {
					less = c.compare(c.last.Ref, e.Ref) < 0
				}
			}
			if !less {
				return 0, fmt.Errorf("entry %v in front of %v", c.last, e)
			}
		}
		c.last = e
		c.count++
		weight += c.t.weightOf(&e)
	}
	c.leaf = a
	return weight, nil
}
