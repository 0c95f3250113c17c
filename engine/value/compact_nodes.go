package value

import (
	"cached/engine/arena"
	"cached/engine/table"
)

// compactMoves is the most nodes of one value that are moved in one step.
const compactMoves = 128

// compactNodes moves chunks of a large list or nodes of a stream, at most few of
// which it looks at, from the place rnd on; it returns how many.
func (r Ref) compactNodes(it table.Item, few int, rnd uint64) (looked int) {
	switch {
	case TypeOf(it) == Stream:
		return streamRootOf(it).compact(r.Heap, few, rnd)
	case EncodingOf(it) == Chunks:
		return listRootOf(it).compact(r.Heap, few, rnd)
	}
	return 0
}

func (r *listRoot) compact(h *arena.Heap, few int, rnd uint64) (looked int) {
	r.head, r.tail = r.head.compact(h), r.tail.compact(h)
	all := r.chunks.Weight()
	if all == 0 {
		return 2
	}
	moves := 0
	at := uint64(0) // an element of the chunk
	if r.chunks.Len() > few {
		at = rnd % all
	}
	for ; looked < few && at < all && moves < compactMoves; looked++ {
		it, offset := r.chunks.At(at)
		c, weight := chunk(it.Ref()), it.Key()
		if to := c.compact(h); to != c {
			r.chunks.SetAt(at, weight, uint64(to))
			moves++
		}
		at += weight - offset
	}
	return looked + 2
}

func (r *streamRoot) compact(h *arena.Heap, few int, rnd uint64) (looked int) {
	move := func(n streamAddr, moved func(to streamAddr)) bool {
		a := h.Compact(arena.Addr(n), int(n.node().room))
		if a == 0 {
			return false
		}
		moved(streamAddr(a))
		n.free(h)
		return true
	}
	if r.tail != 0 {
		move(r.tail, func(to streamAddr) { r.tail = to })
	}
	all := uint64(r.nodes.Len())
	at := uint64(0)
	if all > uint64(few) {
		at = rnd % all
	}
	moves := 0
	for ; looked < few && at < all && moves < compactMoves; looked++ {
		it, _ := r.nodes.At(at)
		n := streamAddr(it.Ref())
		if move(n, func(to streamAddr) {
			first := n.node().first
			r.nodes.SetRef(first.MS, uint64(n), nodeTie(first), uint64(to))
		}) {
			moves++
		}
		at++
	}
	return looked + 1
}
