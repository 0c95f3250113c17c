package value

import (
	"cached/engine/arena"
	"cached/engine/packed"
)

// A chunk is a block with consecutive elements of a large list, in one of two forms. A uniform chunk holds strings
// of one length back to back, so that the place of each is computed. A packed one holds a sequence. There may be
// free room on both sides, and an edit moves the elements on the shorter side of it: none at the ends of a list.
//
// A chunk begins uniform if its first element may be so. It becomes packed with the first element of another
// length, or with integers that are smaller as entries, and stays packed: so it changes its form once at most.
type chunk arena.Addr

// A chunkHead is the beginning of a chunk's block.
type chunkHead struct {
	room  uint32 // bytes behind the head
	start uint32 // of them, those in front of the elements
	used  uint32 // of them, those of the elements, or of the sequence
	each  uint16 // bytes of each element of a uniform chunk; 0 says packed
	saved uint16 // by how much entries for a uniform chunk's integers were smaller than for other strings
}

var (
	chunkHeader = arena.SizeOf[chunkHead]()
	chunkFull   = chunkMost - chunkHeader // bytes of elements
)

const (
	chunkFirst  = 256  // the block of a new chunk
	chunkMost   = 3840 // a chunk grows no further, but an element has to fit; 17 of them fill a page of the arena to 99.6%
	uniformMost = 512  // bytes of an element, of which a few bytes for its lengths are a part worth saving
)

// An arrival is an element that is to come into a chunk.
type arrival struct {
	b    []byte
	size int // as an entry
}

func arrivalOf(b []byte) arrival { return arrival{b, packed.Size(b)} }

// saves is by how much the entry is smaller than that of another string of this
// length: 0 unless it is an integer.
func (e arrival) saves() int {
	if e.size >= len(e.b)+2 { // as that of every other string, which has two lengths beside it
		return 0
	}
	return packed.TextSize(len(e.b)) - e.size
}

// newChunk makes a chunk of one element, with room for at least least bytes.
func newChunk(h *arena.Heap, e arrival, least int) chunk {
	each, n := len(e.b), packed.HeaderBytes+e.size
	if each > uniformMost || each > n {
		each = 0
	}
	if each > 0 {
		n = each
	}
	return emptyChunk(h, each, max(n, least)).push(h, e, true)
}

// emptyChunk makes a chunk with room for n bytes of elements: of a length each, or
// if that is 0 a packed one.
func emptyChunk(h *arena.Heap, each, n int) chunk {
	block := arena.BlockBytes(chunkHeader + n)
	c := chunk(h.Alloc(block))
	*c.head() = chunkHead{room: uint32(block - chunkHeader), each: uint16(each)}
	if each == 0 {
		c.head().used = packed.HeaderBytes
		packed.Init(c.elems())
	}
	return c
}

func (c chunk) head() *chunkHead { return arena.At[chunkHead](arena.Addr(c)) }

func (c chunk) blockBytes() int { return chunkHeader + int(c.head().room) }

// storage returns all bytes behind the head.
func (c chunk) storage() []byte {
	return (arena.Addr(c) + arena.Addr(chunkHeader)).Bytes(int(c.head().room))
}

// elems returns the bytes of the elements, or the sequence, with the room behind
// them as capacity.
func (c chunk) elems() []byte {
	hd := c.head()
	return c.storage()[hd.start : hd.start+hd.used]
}

// len is the number of elements.
func (c chunk) len() int {
	hd := c.head()
	if hd.each != 0 {
		return int(hd.used / uint32(hd.each))
	}
	return packed.Len(c.elems())
}

func (c chunk) isEmpty() bool {
	hd := c.head()
	return hd.used == 0 || hd.each == 0 && hd.used == packed.HeaderBytes
}

// entryBytes is how many bytes the elements take as entries of a sequence.
func (c chunk) entryBytes() int {
	hd := c.head()
	if hd.each != 0 {
		return c.len()*packed.TextSize(int(hd.each)) - int(hd.saved)
	}
	return int(hd.used) - packed.HeaderBytes
}

// edge is the index of the first or last element.
func edge(back bool) int {
	if back {
		return -1
	}
	return 0
}

// offset returns where in elems the j-th element begins, counted from 0, or from
// the end with -1 for the last; their end if there is none.
func (c chunk) offset(j int) int {
	hd := c.head()
	switch each := int(hd.each); {
	case each != 0 && j < 0:
		return int(hd.used) + j*each
	case each != 0:
		return j * each
	}
	s := c.elems()
	p := 0
	if j == -1 {
		p = packed.Last(s)
	} else {
		p = packed.Seek(s, j)
	}
	if p == 0 {
		return len(s)
	}
	return p
}

// elem returns the j-th element, counted as for offset.
func (c chunk) elem(j int) Elem {
	hd, s, off := c.head(), c.elems(), c.offset(j)
	if hd.each == 0 {
		return elemAt(s, off)
	}
	e := Text(s[off : off+int(hd.each)])
	if hd.saved != 0 {
		return canonical(e)
	}
	return e
}

// visit visits at most n elements from the j-th on, counted as for offset, and
// returns how many it did, or -1 when visit returned false.
func (c chunk) visit(j, n int, rev bool, visit func(Elem) bool) (seen int) {
	hd, s, off := c.head(), c.elems(), c.offset(j)
	each, ints := int(hd.each), hd.saved != 0
	if each == 0 {
		return visitSeq(s, off, n, rev, visit)
	}
	step := each
	if rev {
		step = -each
	}
	for ; seen < n && uint(off) < uint(len(s)); off += step {
		e := Text(s[off : off+each])
		if ints {
			e = canonical(e)
		}
		if !visit(e) {
			return -1
		}
		seen++
	}
	return seen
}

// saving is by how much the entries of elements of one length are smaller than
// those of other strings of it.
func saving(s []byte, each int) (n int) {
	for off := 0; off < len(s); off += each {
		n += arrivalOf(s[off : off+each]).saves()
	}
	return n
}

// with returns how many bytes the chunk uses together with e, and whether it has
// to become a packed one for it.
func (c chunk) with(e arrival) (used int, pack bool) {
	hd := c.head()
	if hd.each == 0 {
		return int(hd.used) + e.size, false
	}
	used = int(hd.used) + len(e.b)
	alike := len(e.b) == int(hd.each)
	if alike && e.saves() == 0 {
		return used, false
	}
	entries := packed.HeaderBytes + c.entryBytes() + e.size
	if alike && used <= entries {
		return used, false
	}
	return entries, true
}

// fits reports whether e may come into the chunk.
func (c chunk) fits(e arrival) bool {
	used, _ := c.with(e)
	return used <= max(chunkFull, int(c.head().room))
}

// takes reports whether e may come into the chunk at an end. It may not where
// that has no room while the other end has a little: all elements would be moved
// for each few that come.
func (c chunk) takes(e arrival, back bool) bool {
	hd := c.head()
	used, pack := c.with(e)
	room := int(hd.room)
	if pack || room < chunkFull || used > room {
		return used <= max(chunkFull, room)
	}
	beside := int(hd.start)
	if back {
		beside = room - int(hd.start+hd.used)
	}
	return beside >= used-int(hd.used) || isLoose(used, room)
}

// isLoose reports whether room exceeds used by so much that moving the elements to a smaller block is worth it.
func isLoose(used, room int) bool { return used+used/8 <= room }

// push adds e, which fits, at an end.
func (c chunk) push(h *arena.Heap, e arrival, back bool) chunk {
	c = c.welcoming(h, e)
	if back {
		return c.put(h, int(c.head().used), e)
	}
	return c.put(h, c.offset(0), e)
}

// insert adds e, which fits, in front of the j-th element.
func (c chunk) insert(h *arena.Heap, j int, e arrival) chunk {
	d := c.welcoming(h, e)
	other := d != c
	d = d.put(h, d.offset(j), e)
	if other { // elements are rarely inserted in the middle of a list: no room is kept for them
		return d.tight(h)
	}
	return d
}

// put adds e at an offset, in the form that the chunk has.
func (c chunk) put(h *arena.Heap, off int, e arrival) chunk {
	if c.head().each == 0 {
		c = c.widen(h, off, e.size)
		packed.Fill(c.elems(), off, e.b)
		return c
	}
	c = c.widen(h, off, len(e.b))
	copy(c.elems()[off:], e.b)
	c.head().saved += uint16(e.saves())
	return c
}

// welcoming returns the chunk in the form in which e may come into it.
func (c chunk) welcoming(h *arena.Heap, e arrival) chunk {
	used, pack := c.with(e)
	if !pack {
		return c
	}
	d := emptyChunk(h, 0, grown(used))
	d.head().used = uint32(len(c.appendTo(d.elems())))
	c.free(h)
	return d
}

// appendTo appends the elements to a sequence that has the room.
func (c chunk) appendTo(seq []byte) []byte {
	s := c.elems()
	each := int(c.head().each)
	if each == 0 {
		return packed.InsertSeq(seq, len(seq), s)
	}
	for off := 0; off < len(s); off += each {
		seq = packed.Append(seq, s[off:off+each])
	}
	return seq
}

// grown is the room of a chunk that has to hold used bytes.
func grown(used int) int { return max(used, min(2*used, chunkFull)) }

// widen makes n bytes free at an offset of the elements.
func (c chunk) widen(h *arena.Heap, off, n int) chunk {
	hd := c.head()
	used, room := int(hd.used), int(hd.room)
	front := off < used-off
	if front && int(hd.start) < n || !front && room-int(hd.start)-used < n {
		if room < chunkFull && !isLoose(used+n, room) {
			room = grown(used + n)
		}
		c = c.resize(h, room, !front)
		hd = c.head()
	}
	s, start := c.storage(), int(hd.start)
	if front {
		copy(s[start-n:], s[start:start+off])
		hd.start -= uint32(n)
	} else if off < used {
		copy(s[start+off+n:], s[start+off:start+used])
	}
	hd.used += uint32(n)
	return c
}

// remove removes n elements, which are there, from the j-th on, counted as for
// offset. It returns how many bytes they took as entries.
func (c chunk) remove(j, n int) (size int) {
	hd, s, off := c.head(), c.elems(), c.offset(j)
	each := int(hd.each)
	if each == 0 {
		end := packed.Skip(s, off, n)
		if end == 0 {
			end = len(s)
		}
		c.close(off, end-off)
		packed.Drop(c.elems(), n)
		return end - off
	}
	size = n * packed.TextSize(each)
	if hd.saved != 0 {
		less := saving(s[off:off+n*each], each)
		hd.saved -= uint16(less)
		size -= less
	}
	c.close(off, n*each)
	return size
}

// close takes n bytes at an offset out of the elements.
func (c chunk) close(off, n int) {
	hd, s := c.head(), c.elems()
	if off < len(s)-off-n {
		copy(s[n:], s[:off])
		hd.start += uint32(n)
	} else if off+n < len(s) {
		copy(s[off:], s[off+n:])
	}
	hd.used -= uint32(n)
}

// set puts e in the place of the j-th element if it takes as much room there, and
// returns by how much its entry is larger.
func (c chunk) set(j int, e arrival) (growth int, ok bool) {
	hd, s, off := c.head(), c.elems(), c.offset(j)
	each := int(hd.each)
	switch {
	case each == 0:
		if packed.EntrySize(s, off) != e.size {
			return 0, false
		}
		packed.Replace(s, off, e.b)
		return 0, true
	case len(e.b) != each || e.saves() != 0:
		return 0, false
	}
	old := s[off : off+each]
	if hd.saved != 0 {
		growth = saving(old, each)
		hd.saved -= uint16(growth)
	}
	copy(old, e.b)
	return growth, true
}

// split moves the elements from the j-th on, not the first, into a chunk of their
// own.
func (c chunk) split(h *arena.Heap, j int) (right chunk) {
	hd, s, off := c.head(), c.elems(), c.offset(j)
	if hd.each == 0 {
		right = emptyChunk(h, 0, packed.HeaderBytes+len(s)-off)
		left, moved := packed.Split(s, off, right.elems()[:0])
		hd.used, right.head().used = uint32(len(left)), uint32(len(moved))
		return right
	}
	right = emptyChunk(h, int(hd.each), len(s)-off)
	rh := right.head()
	rh.used = uint32(copy(right.storage(), s[off:]))
	hd.used = uint32(off)
	if hd.saved != 0 {
		rh.saved = uint16(saving(s[off:], int(hd.each)))
		hd.saved -= rh.saved
	}
	return right
}

// resize returns the chunk with room for n bytes, including its elements; the free room is behind them, or in
// front.
func (c chunk) resize(h *arena.Heap, n int, behind bool) chunk {
	d, s := c, c.elems()
	if arena.BlockBytes(chunkHeader+n) != c.blockBytes() {
		d = c.another(h, n)
	}
	start := 0
	if !behind {
		start = int(d.head().room) - len(s)
	}
	copy(d.storage()[start:], s)
	d.head().start = uint32(start)
	if d != c {
		c.free(h)
	}
	return d
}

// another returns a chunk with the head of this one and room for n bytes, which
// the elements are to be copied to the beginning of.
func (c chunk) another(h *arena.Heap, n int) chunk {
	block := arena.BlockBytes(chunkHeader + n)
	d := chunk(h.Alloc(block))
	*d.head() = *c.head()
	d.head().room, d.head().start = uint32(block-chunkHeader), 0
	return d
}

// tight returns the chunk without room that is worth saving.
func (c chunk) tight(h *arena.Heap) chunk {
	hd := c.head()
	if used := int(hd.used); used+used/8 < int(hd.room) {
		return c.resize(h, used, true)
	}
	return c
}

// shrunk returns the chunk without room if that is more than half.
func (c chunk) shrunk(h *arena.Heap) chunk {
	hd := c.head()
	if hd.used*2 < hd.room {
		return c.resize(h, int(hd.used), true)
	}
	return c
}

func (c chunk) free(h *arena.Heap) { h.Free(arena.Addr(c), c.blockBytes()) }

// copyTo returns a copy of a chunk, or of none, in another heap.
func (c chunk) copyTo(to *arena.Heap) chunk {
	if c == 0 {
		return 0
	}
	s := c.elems()
	d := c.another(to, len(s))
	copy(d.storage(), s)
	return d
}

// compact moves a chunk, or none, to where the arena would have it, and returns
// it.
func (c chunk) compact(h *arena.Heap) chunk {
	if c == 0 {
		return c
	}
	if a := h.Compact(arena.Addr(c), c.blockBytes()); a != 0 {
		c.free(h)
		return chunk(a)
	}
	return c
}
