package value

import (
	"encoding/binary"

	"cached/engine/arena"
	"cached/engine/table"
	"cached/engine/tree"
)

// A listRoot is a large list: a chunk at each end for pushing and popping, which
// are not in the tree, and between them a positional tree of chunks, each
// weighing its number of elements. An end chunk that is full goes into the tree,
// one that is empty is replaced from there. head and tail may be missing while
// the tree has chunks; a list has at least one element.
type listRoot struct {
	head, tail chunk
	chunks     tree.Tree
	count      uint64 // elements
	bytes      uint64 // of their entries
}

var listRootBytes = arena.SizeOf[listRoot]()

func listRootAddr(it table.Item) arena.Addr {
	return arena.Addr(binary.LittleEndian.Uint64(it.Value()))
}

func listRootOf(it table.Item) *listRoot { return arena.At[listRoot](listRootAddr(it)) }

func newListRoot(h *arena.Heap) arena.Addr {
	a := h.Alloc(listRootBytes)
	*arena.At[listRoot](a) = listRoot{chunks: tree.New(tree.Positional)}
	return a
}

// push adds an element at one end.
func (r *listRoot) push(h *arena.Heap, b []byte, back bool) {
	e := arrivalOf(b)
	end := &r.head
	if back {
		end = &r.tail
	}
	if *end != 0 && !end.takes(e, back) {
		at := uint64(0)
		if back {
			at = r.chunks.Weight()
		}
		full := end.tight(h)
		r.chunks.InsertAt(h, at, uint64(full.len()), uint64(full))
		*end = 0
	}
	if *end == 0 {
		*end = newChunk(h, e, chunkFirst-chunkHeader)
	} else {
		*end = end.push(h, e, back)
	}
	r.count++
	r.bytes += uint64(e.size)
}

// end returns the chunk with the first or last element.
func (r *listRoot) end(back bool) chunk {
	near, far := r.head, r.tail
	if back {
		near, far = r.tail, r.head
	}
	switch {
	case near != 0:
		return near
	case r.chunks.Len() == 0:
		return far
	case back:
		return chunk(r.chunks.Last().Ref())
	}
	return chunk(r.chunks.First().Ref())
}

// pop removes the first or last element.
func (r *listRoot) pop(h *arena.Heap, back bool) {
	end := &r.head
	if back {
		end = &r.tail
	}
	if *end == 0 && r.chunks.Len() > 0 {
		at := uint64(0)
		if back {
			at = r.chunks.Weight() - 1
		}
		*end = chunk(r.chunks.DeleteAt(h, at).Ref)
	}
	if *end == 0 { // all elements are in the other end
		if end = &r.tail; back {
			end = &r.head
		}
	}
	r.cut(h, end, edge(back), 1)
}

// cut removes n elements from the j-th on of an end chunk, and the chunk with the
// last of them.
func (r *listRoot) cut(h *arena.Heap, end *chunk, j, n int) {
	r.count -= uint64(n)
	r.bytes -= uint64(end.remove(j, n))
	if end.isEmpty() {
		end.free(h)
		*end = 0
	}
}

// at returns the chunk with the i-th element and its place there. part is -1 for
// the head, 1 for the tail, 0 for the tree.
func (r *listRoot) at(i int) (c chunk, j, part int) {
	if r.head != 0 {
		n := r.head.len()
		if i < n {
			return r.head, i, -1
		}
		i -= n
	}
	if n := int(r.chunks.Weight()); i >= n {
		return r.tail, i - n, 1
	}
	it, offset := r.chunks.At(uint64(i))
	return chunk(it.Ref()), int(offset), 0
}

// headLen is how many elements the head has.
func (r *listRoot) headLen() int {
	if r.head == 0 {
		return 0
	}
	return r.head.len()
}

// insert adds an element in front of the i-th, or at the end.
func (r *listRoot) insert(h *arena.Heap, i int, b []byte) {
	switch {
	case i == 0:
		r.push(h, b, false)
		return
	case i >= int(r.count):
		r.push(h, b, true)
		return
	}
	e := arrivalOf(b)
	at := i
	c, j, part := r.at(at)
	if j == 0 && !c.fits(e) { // the chunk before may have room behind its last
		if d, k, p := r.at(i - 1); d.fits(e) {
			at, c, j, part = i-1, d, k+1, p
		}
	}
	if c.fits(e) {
		r.replace(part, at, c.insert(h, j, e))
	} else {
		r.split(h, c, i, j, part, e)
	}
	r.count++
	r.bytes += uint64(e.size)
}

// set replaces the i-th element.
func (r *listRoot) set(h *arena.Heap, i int, b []byte) {
	c, j, _ := r.at(i)
	if growth, ok := c.set(j, arrivalOf(b)); ok {
		r.bytes += uint64(growth)
		return
	}
	r.remove(h, i, 1)
	r.insert(h, i, b)
}

// replace puts a chunk with one more element in the place of the one with the
// i-th.
func (r *listRoot) replace(part, i int, c chunk) {
	switch part {
	case -1:
		r.head = c
	case 1:
		r.tail = c
	default:
		r.chunks.SetAt(uint64(i-r.headLen()), uint64(c.len()), uint64(c))
	}
}

// split cuts the chunk c with the i-th element, its j-th, in two in front of it
// and puts e between them, in a chunk of its own if it has to.
func (r *listRoot) split(h *arena.Heap, c chunk, i, j, part int, e arrival) {
	var right, middle chunk
	if j > 0 {
		right = c.split(h, j)
	} else {
		right, c = c, 0
	}
	switch {
	case c != 0 && c.fits(e):
		c = c.push(h, e, true)
	case right.fits(e):
		right = right.push(h, e, false)
	default:
		middle = newChunk(h, e, 0)
	}
	if c != 0 {
		c = c.tight(h)
	}
	right = right.tight(h)
	// The pieces in order; an end chunk keeps the outer one.
	pieces := [3]chunk{c, middle, right}
	at := uint64(0)
	switch part {
	case -1:
		for k := range pieces {
			if pieces[k] != 0 {
				r.head, pieces[k] = pieces[k], 0
				break
			}
		}
	case 1:
		at = r.chunks.Weight()
		r.tail, pieces[2] = pieces[2], 0
	default:
		at = uint64(i - r.headLen() - j)
		r.chunks.DeleteAt(h, at)
	}
	for _, piece := range pieces {
		if piece != 0 {
			n := uint64(piece.len())
			r.chunks.InsertAt(h, at, n, uint64(piece))
			at += n
		}
	}
}

// remove removes n elements from the i-th on.
func (r *listRoot) remove(h *arena.Heap, i, n int) {
	if hl := r.headLen(); i < hl {
		k := min(n, hl-i)
		r.cut(h, &r.head, i, k)
		i, n = 0, n-k // the rest is at the front of the tree
	} else {
		i -= hl
	}
	for n > 0 && i < int(r.chunks.Weight()) {
		it, offset := r.chunks.At(uint64(i))
		c, weight := chunk(it.Ref()), int(it.Key())
		k := min(n, weight-int(offset))
		if k == weight {
			k = r.removeWhole(h, i, n)
		} else {
			r.bytes -= uint64(c.remove(int(offset), k))
			r.count -= uint64(k)
			r.chunks.SetAt(uint64(i), uint64(weight-k), uint64(c.shrunk(h)))
		}
		n -= k
	}
	if n > 0 {
		i -= int(r.chunks.Weight())
		r.cut(h, &r.tail, i, n)
	}
}

// removeWhole removes the chunks that lie in the range as a whole, and returns
// how many elements they had.
func (r *listRoot) removeWhole(h *arena.Heap, i, n int) (removed int) {
	r.chunks.DeleteRange(h, uint64(i), uint64(n), func(ref uint64) {
		c := chunk(ref)
		removed += c.len()
		r.bytes -= uint64(c.entryBytes())
		c.free(h)
	})
	r.count -= uint64(removed)
	return removed
}

// visit visits n elements from the i-th on, backwards if rev.
func (r *listRoot) visit(i, n int, rev bool, visit func(Elem) bool) {
	c, j, part := r.at(i)
	var at tree.Iter
	if part == 0 {
		at, _ = r.chunks.At(uint64(i - r.headLen()))
	}
	for n > 0 && c != 0 {
		seen := c.visit(j, n, rev, visit)
		if seen < 0 {
			return
		}
		n -= seen
		j = edge(rev)
		if rev {
			switch part {
			case 1:
				part, at = 0, r.chunks.Last()
			case 0:
				at = at.Prev()
			default:
				return
			}
		} else {
			switch part {
			case -1:
				part, at = 0, r.chunks.First()
			case 0:
				at = at.Next()
			default:
				return
			}
		}
		switch {
		case r.chunks.Len() > 0 && at.Valid():
			c = chunk(at.Ref())
		case rev:
			c, part = r.head, -1
		default:
			c, part = r.tail, 1
		}
	}
}

func freeList(h *arena.Heap, it table.Item, budget int) bool {
	if EncodingOf(it) != Chunks {
		return true
	}
	r := listRootOf(it)
	if r.chunks.Len() > 0 && !r.chunks.FreeSome(h, max(budget/8, 1), func(ref uint64) { chunk(ref).free(h) }) {
		return false
	}
	for _, c := range []chunk{r.head, r.tail} {
		if c != 0 {
			c.free(h)
		}
	}
	h.Free(listRootAddr(it), listRootBytes)
	return true
}

func listEffort(it table.Item) int {
	if EncodingOf(it) != Chunks {
		return 1
	}
	return listRootOf(it).chunks.Len() + 3
}

func copyList(to *arena.Heap, it, c table.Item) {
	if EncodingOf(it) != Chunks {
		return
	}
	r := listRootOf(it)
	a := newListRoot(to)
	n := arena.At[listRoot](a)
	n.head, n.tail, n.count, n.bytes = r.head.copyTo(to), r.tail.copyTo(to), r.count, r.bytes
	if r.chunks.Len() > 0 {
		for at := r.chunks.First(); at.Valid(); at = at.Next() {
			n.chunks.InsertAt(to, n.chunks.Weight(), at.Key(), uint64(chunk(at.Ref()).copyTo(to)))
		}
	}
	binary.LittleEndian.PutUint64(c.Value(), uint64(a))
}

func listBytes(it table.Item, samples int) int64 {
	if EncodingOf(it) != Chunks {
		return 0
	}
	r := listRootOf(it)
	sum, seen := int64(0), 0
	add := func(c chunk) {
		if c != 0 {
			sum += int64(c.blockBytes())
		}
	}
	if n := r.chunks.Len(); n > 0 {
		for at := r.chunks.First(); at.Valid() && (samples <= 0 || seen < samples); at = at.Next() {
			add(chunk(at.Ref()))
			seen++
		}
		sum = sum / int64(seen) * int64(n)
		if samples <= 0 {
			sum += int64(r.chunks.Bytes())
		} else {
			sum += int64(n) * 18
		}
	}
	add(r.head)
	add(r.tail)
	return sum + int64(arena.BlockBytes(listRootBytes))
}
