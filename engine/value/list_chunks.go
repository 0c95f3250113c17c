package value

import (
	"encoding/binary"

	"cached/engine/arena"
	"cached/engine/packed"
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

// A chunk is a block with a sequence: its length and its capacity, four bytes
// each, then the sequence.
type chunk arena.Addr

const (
	chunkHeader = 8
	chunkFirst  = 256  // the block of a new chunk
	chunkMost   = 3840 // a chunk grows no further, but an element has to fit; 17 of them fill a page of the arena to 99.6%
)

func (c chunk) head() *[2]uint32 { return arena.At[[2]uint32](arena.Addr(c)) }

// seq returns the sequence, with the capacity of its block.
func (c chunk) seq() []byte {
	h := c.head()
	return arena.Addr(c + chunkHeader).Bytes(int(h[1]))[:h[0]]
}

func (c chunk) setLen(n int) { c.head()[0] = uint32(n) }

func (c chunk) len() int { return packed.Len(c.seq()) }

// newChunk makes a chunk for a sequence of n bytes.
func newChunk(h *arena.Heap, n int) chunk {
	block := arena.BlockBytes(chunkHeader + n)
	c := chunk(h.Alloc(block))
	*c.head() = [2]uint32{packed.HeaderBytes, uint32(block - chunkHeader)}
	packed.Init(c.seq())
	return c
}

func (c chunk) free(h *arena.Heap) { h.Free(arena.Addr(c), chunkHeader+int(c.head()[1])) }

// resize returns the chunk with room for a sequence of n bytes, which is at
// least as long as the present one.
func (c chunk) resize(h *arena.Heap, n int) chunk {
	if block := arena.BlockBytes(chunkHeader + n); block != chunkHeader+int(c.head()[1]) {
		used := c.head()[0]
		c = chunk(h.Resize(arena.Addr(c), chunkHeader+int(c.head()[1]), block, chunkHeader+int(used)))
		*c.head() = [2]uint32{used, uint32(block - chunkHeader)}
	}
	return c
}

// fits reports whether an entry of n bytes may come into the chunk.
func (c chunk) fits(n int) bool {
	return int(c.head()[0])+n <= max(chunkMost-chunkHeader, int(c.head()[1]))
}

// room returns the chunk with capacity for n more bytes.
func (c chunk) room(h *arena.Heap, n int) chunk {
	need := int(c.head()[0]) + n
	if need <= int(c.head()[1]) {
		return c
	}
	return c.resize(h, max(need, min(2*need, chunkMost-chunkHeader)))
}

// tight returns the chunk without capacity that is worth saving.
func (c chunk) tight(h *arena.Heap) chunk {
	used, room := int(c.head()[0]), int(c.head()[1])
	if used+used/8 < room {
		return c.resize(h, used)
	}
	return c
}

// push adds an element at one end.
func (r *listRoot) push(h *arena.Heap, b []byte, back bool) {
	size := packed.Size(b)
	end := &r.head
	if back {
		end = &r.tail
	}
	if *end != 0 && !end.fits(size) {
		at := uint64(0)
		if back {
			at = r.chunks.Weight()
		}
		full := end.tight(h)
		r.chunks.InsertAt(h, at, uint64(full.len()), uint64(full))
		*end = 0
	}
	if *end == 0 {
		*end = newChunk(h, max(packed.HeaderBytes+size, chunkFirst-chunkHeader))
	}
	c := end.room(h, size)
	*end = c
	s := c.seq()
	if p := packed.First(s); back || p == 0 {
		s = packed.Append(s, b)
	} else {
		s = packed.Insert(s, p, b)
	}
	c.setLen(len(s))
	r.count++
	r.bytes += uint64(size)
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
	if *end == 0 { // what there is is in the other end
		if end = &r.tail; back {
			end = &r.head
		}
	}
	s := end.seq()
	p := packed.First(s)
	if back {
		p = packed.Last(s)
	}
	r.cut(h, end, p, 1)
}

// cut removes n entries from p on of an end chunk, and the chunk with the last
// of them.
func (r *listRoot) cut(h *arena.Heap, end *chunk, p, n int) {
	s := end.seq()
	before := len(s)
	s = packed.Delete(s, p, n)
	r.count -= uint64(n)
	r.bytes -= uint64(before - len(s))
	end.setLen(len(s))
	if packed.First(s) == 0 {
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
	c, j, part := r.at(i)
	size := packed.Size(b)
	if c.fits(size) {
		grown := c.room(h, size)
		s := grown.seq()
		grown.setLen(len(packed.Insert(s, packed.Seek(s, j), b)))
		r.replace(part, i, grown)
	} else {
		r.split(h, c, i, j, part, b)
	}
	r.count++
	r.bytes += uint64(size)
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
// and puts b between them, in a chunk of its own if it has to.
func (r *listRoot) split(h *arena.Heap, c chunk, i, j, part int, b []byte) {
	s := c.seq()
	size := packed.Size(b)
	var right chunk
	if j > 0 {
		p := packed.Seek(s, j)
		right = newChunk(h, packed.HeaderBytes+len(s)-p)
		left, moved := packed.Split(s, p, right.seq()[:0])
		c.setLen(len(left))
		right.setLen(len(moved))
	} else {
		right, c = c, 0
	}
	middle := chunk(0)
	switch {
	case c != 0 && c.fits(size):
		c = c.room(h, size)
		c.setLen(len(packed.Append(c.seq(), b)))
	case right.fits(size):
		right = right.room(h, size)
		rs := right.seq()
		right.setLen(len(packed.Insert(rs, packed.First(rs), b)))
	default:
		middle = newChunk(h, packed.HeaderBytes+size)
		middle.setLen(len(packed.Append(middle.seq(), b)))
	}
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
		r.cut(h, &r.head, packed.Seek(r.head.seq(), i), k)
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
			s := c.seq()
			before := len(s)
			s = packed.DeleteRange(s, int(offset), k)
			c.setLen(len(s))
			r.bytes -= uint64(before - len(s))
			r.count -= uint64(k)
			if len(s)*2 < int(c.head()[1]) {
				c = c.resize(h, len(s))
			}
			r.chunks.SetAt(uint64(i), uint64(weight-k), uint64(c))
		}
		n -= k
	}
	if n > 0 {
		i -= int(r.chunks.Weight())
		r.cut(h, &r.tail, packed.Seek(r.tail.seq(), i), n)
	}
}

// removeWhole removes the chunks that lie in the range as a whole, and returns
// how many elements they had.
func (r *listRoot) removeWhole(h *arena.Heap, i, n int) (removed int) {
	r.chunks.DeleteRange(h, uint64(i), uint64(n), func(ref uint64) {
		c := chunk(ref)
		removed += c.len()
		r.bytes -= uint64(len(c.seq()) - packed.HeaderBytes)
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
		s := c.seq()
		p := packed.Seek(s, j)
		seen := visitSeq(s, p, n, rev, visit)
		if seen < 0 {
			return
		}
		n -= seen
		if rev {
			j = -1
			switch part {
			case 1:
				part, at = 0, r.chunks.Last()
			case 0:
				at = at.Prev()
			default:
				return
			}
		} else {
			j = 0
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
	dup := func(c chunk) chunk {
		if c == 0 {
			return 0
		}
		s := c.seq()
		d := newChunk(to, len(s))
		d.setLen(len(s))
		copy(d.seq(), s)
		return d
	}
	n.head, n.tail, n.count, n.bytes = dup(r.head), dup(r.tail), r.count, r.bytes
	if r.chunks.Len() > 0 {
		for at := r.chunks.First(); at.Valid(); at = at.Next() {
			n.chunks.InsertAt(to, n.chunks.Weight(), at.Key(), uint64(dup(chunk(at.Ref()))))
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
			sum += int64(chunkHeader + c.head()[1])
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
