package value

import (
	"cached/engine/table"
)

// Stream begins a stream, for a Builder that was begun with that type; End
// returns the item.
func (b *Builder) Stream() StreamRef {
	b.slot = uint64(table.NewItem(b.heap, Kind(Stream, StreamTree), b.access, b.key, NewStreamBytes, b.deadlineMS).Addr())
	b.large = true
	s := StreamRef{b.ref(), b.limits}
	s.Init()
	return s
}

// StreamOf views the item of a stream, for reading.
func StreamOf(it table.Item) StreamRef {
	slot := uint64(it.Addr())
	return StreamRef{Ref: Ref{Slot: &slot}}
}

// A StreamNode is a run of entries that are stored together.
type StreamNode struct{ at streamAddr }

// First is the ID that those of the entries are counted from: that of the first,
// which may have been deleted.
func (n StreamNode) First() StreamID { return n.at.node().first }

// Len is the number of entries.
func (n StreamNode) Len() int { return int(n.at.node().live) }

// Each visits the entries.
func (n StreamNode) Each(visit func(StreamEntry)) {
	for c := n.at.entries(); c.next(); {
		if !c.isDead() {
			visit(c.entry())
		}
	}
}

// EachNodeFrom visits about count nodes from a cursor on, which is 0 at first, and
// returns the next cursor, 0 at the end.
func (s StreamRef) EachNodeFrom(cursor uint64, count int, visit func(StreamNode)) uint64 {
	r := s.root()
	n := uint64(r.nodes.Len())
	at, _ := r.nodes.At(cursor)
	for ; count > 0 && cursor < n; count-- {
		visit(StreamNode{streamAddr(at.Ref())})
		at = at.Next()
		cursor++
	}
	if cursor < n {
		return cursor
	}
	if r.tail != 0 {
		visit(StreamNode{r.tail})
	}
	return 0
}
