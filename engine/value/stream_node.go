package value

import (
	"bytes"
	"encoding/binary"

	"cached/engine/arena"
)

// A streamNode is the head of a block with a run of entries. Behind it come the
// names of the fields of the first entry, which entries with the same names do
// not repeat, then the entries. A string is its length as a uvarint and its
// bytes. An entry is
//
//	a byte        its low bits are flags, the rest is by how many ms its ID is
//	              above the one before; msLonger: a uvarint follows that says so
//	unless seqNext  a uvarint: the seq of its ID, or, in the same ms, by how much
//	              more than 1 it is above the one before
//	unless sameNames  a uvarint, the number of fields, and their names
//	the values
//
// A deleted entry stays as it is, with a flag, until its node ends.
type streamNode struct {
	first, last StreamID // the first stays even if it is deleted
	live, dead  uint32   // entries
	used, room  uint32   // bytes of the block, this head included
	start       uint32   // where entries begin
	names       uint32   // number of names in front of them
	redis       uint64   // see listpackBytes
}

var streamNodeBytes = arena.SizeOf[streamNode]()

const (
	deadEntry = 1 << iota
	sameNames
	seqNext // the seq is 0 in a new ms, or follows in the same
	msShift = iota
	// msLonger means that the difference is too large for the byte.
	msLonger = 1<<(8-msShift) - 1
)

// A streamAddr is where a node is.
type streamAddr arena.Addr

func (a streamAddr) node() *streamNode { return arena.At[streamNode](arena.Addr(a)) }

// bytes is the block, up to its room.
func (a streamAddr) bytes() []byte {
	n := a.node()
	return arena.Addr(a).Bytes(int(n.room))
}

func (a streamAddr) free(h *arena.Heap) { h.Free(arena.Addr(a), int(a.node().room)) }

// resize returns the node in a block for size bytes, at least those in use.
func (a streamAddr) resize(h *arena.Heap, size int) streamAddr {
	n := a.node()
	if block := arena.BlockBytes(size); block != int(n.room) {
		a = streamAddr(h.Resize(arena.Addr(a), int(n.room), block, int(n.used)))
		a.node().room = uint32(block)
	}
	return a
}

// newStreamNode makes a node for an entry that is to be its first.
func newStreamNode(h *arena.Heap, id StreamID, fields [][]byte) streamAddr {
	size := streamNodeBytes
	redis := listpackEnds + listpackInt(int64(len(fields)/2)) + listpackInt(0)
	for i := 0; i < len(fields); i += 2 {
		size += stringSize(fields[i])
		redis += listpackString(fields[i])
	}
	room := arena.BlockBytes(size + 64)
	a := streamAddr(h.Alloc(room))
	n := a.node()
	*n = streamNode{first: id, last: id, room: uint32(room), names: uint32(len(fields) / 2), redis: uint64(redis)}
	b, p := a.bytes(), streamNodeBytes
	for i := 0; i < len(fields); i += 2 {
		p = putString(b, p, fields[i])
	}
	n.used, n.start = uint32(p), uint32(p)
	return a
}

// append adds an entry at the end of a node.
func (a streamAddr) append(h *arena.Heap, id StreamID, fields [][]byte) streamAddr {
	n := a.node()
	same := a.hasNames(fields)
	size := 1 + 3*binary.MaxVarintLen64
	for i, b := range fields {
		if i&1 == 1 || !same {
			size += stringSize(b)
		}
	}
	if need := int(n.used) + size; need > int(n.room) {
		a = a.resize(h, max(need, min(int(n.room)*3/2, int(n.room)+1024)))
		n = a.node()
	}
	b, p := a.bytes(), int(n.used)
	p = putID(b, p, n.last, id, n.live+n.dead == 0, same)
	if !same {
		p += binary.PutUvarint(b[p:], uint64(len(fields)/2))
		for i := 0; i < len(fields); i += 2 {
			p = putString(b, p, fields[i])
		}
	}
	for i := 1; i < len(fields); i += 2 {
		p = putString(b, p, fields[i])
	}
	n.used = uint32(p)
	n.last = id
	n.live++
	n.redis += uint64(listpackEntry(n.first, id, fields, same))
	return a
}

// putID writes the part of an entry in front of its fields, relative to the ID last; the ID of a node's first entry
// is last.
func putID(b []byte, p int, last, id StreamID, first, same bool) int {
	head := byte(0)
	if same {
		head = sameNames
	}
	ms, seq := id.MS-last.MS, id.Seq
	if first {
		seq = 0
	} else if ms == 0 {
		seq -= last.Seq + 1
	}
	if seq == 0 {
		head |= seqNext
	}
	if ms < msLonger {
		b[p] = head | byte(ms)<<msShift
		p++
	} else {
		b[p] = head | msLonger<<msShift
		p++
		p += binary.PutUvarint(b[p:], ms)
	}
	if seq != 0 {
		p += binary.PutUvarint(b[p:], seq)
	}
	return p
}

func stringSize(s []byte) int {
	n := len(s) + 1
	for x := len(s); x >= 0x80; x >>= 7 {
		n++
	}
	return n
}

func putString(b []byte, p int, s []byte) int {
	p += binary.PutUvarint(b[p:], uint64(len(s)))
	return p + copy(b[p:], s)
}

// getUvarint reads a number at p and returns the position behind it.
func getUvarint(b []byte, p int) (x uint64, end int) {
	if c := b[p]; c < 0x80 {
		return uint64(c), p + 1
	}
	x, n := binary.Uvarint(b[p:])
	return x, p + n
}

// getString reads a string at p and returns the position behind it.
func getString(b []byte, p int) (s []byte, end int) {
	n, p := getUvarint(b, p)
	end = p + int(n)
	return b[p:end:end], end
}

// hasNames reports whether an entry has the names of the node.
func (a streamAddr) hasNames(fields [][]byte) bool {
	n := a.node()
	if len(fields)/2 != int(n.names) {
		return false
	}
	b, p := a.bytes(), streamNodeBytes
	for i := 0; i < len(fields); i += 2 {
		var s []byte
		if s, p = getString(b, p); !bytes.Equal(s, fields[i]) {
			return false
		}
	}
	return true
}

// A streamCursor walks over the entries of a node.
type streamCursor struct {
	b      []byte // the block, as far as it is used
	names  []byte // of the node
	common int    // how many they are
	at     int    // the entry
	body   int    // its names, if it has some, and values
	fields int
	end    int
	id     StreamID
	begun  bool
}

// entries returns a cursor in front of the first entry.
func (a streamAddr) entries() streamCursor {
	n := a.node()
	b := a.bytes()[:n.used]
	return streamCursor{b: b, names: b[streamNodeBytes:n.start], common: int(n.names), end: int(n.start), id: n.first}
}

// next moves to the next entry and reports whether there is one.
func (c *streamCursor) next() bool {
	if c.end >= len(c.b) {
		return false
	}
	c.at = c.end
	head, p := c.b[c.at], c.at+1
	ms, seq := uint64(head>>msShift), uint64(0)
	if ms == msLonger {
		ms, p = getUvarint(c.b, p)
	}
	if head&seqNext == 0 {
		seq, p = getUvarint(c.b, p)
	}
	switch {
	case ms > 0:
		c.id = StreamID{c.id.MS + ms, seq}
	case c.begun:
		c.id.Seq += seq + 1
	}
	c.begun = true
	c.fields, c.body = c.common, p
	strings := c.fields
	if head&sameNames == 0 {
		var k uint64
		k, c.body = getUvarint(c.b, p)
		c.fields = int(k)
		strings = 2 * c.fields
	}
	p = c.body
	for range strings {
		var n uint64
		n, p = getUvarint(c.b, p)
		p += int(n)
	}
	c.end = p
	return true
}

func (c *streamCursor) isDead() bool { return c.b[c.at]&deadEntry != 0 }

// kill marks the entry, which is of node n, as deleted.
func (c *streamCursor) kill(n *streamNode) {
	c.b[c.at] |= deadEntry
	n.live--
	n.dead++
}

func (c *streamCursor) entry() StreamEntry {
	e := StreamEntry{ID: c.id, n: c.fields, names: c.names, values: c.b[c.body:c.end]}
	if c.b[c.at]&sameNames == 0 {
		e.names = e.values
		p := 0
		for range e.n {
			_, p = getString(e.values, p)
		}
		e.values = e.values[p:]
	}
	return e
}

// A StreamEntry is an entry of a stream. It aliases the stream.
type StreamEntry struct {
	ID            StreamID
	n             int
	names, values []byte
}

// Len is the number of fields.
func (e StreamEntry) Len() int { return e.n }

// Each visits the fields in their order.
func (e StreamEntry) Each(visit func(name, value []byte)) {
	p, q := 0, 0
	for range e.n {
		var name, value []byte
		name, p = getString(e.names, p)
		value, q = getString(e.values, q)
		visit(name, value)
	}
}

// The following functions compute how many bytes Redis's node would have: that size decides when the next one
// begins.

// listpackEnds are the bytes around the entries of a listpack.
const listpackEnds = 7

// listpackBytes is the size of Redis's node. The number of live and dead entries
// in it is not in redis since it changes.
func (n *streamNode) listpackBytes() int {
	return int(n.redis) + listpackInt(int64(n.live)) + listpackInt(int64(n.dead))
}

// listpackEntry is the size of an entry of such a node.
func listpackEntry(first, id StreamID, fields [][]byte, same bool) int {
	strings, flags := len(fields)/2, int64(2)
	size := 0
	for i, b := range fields {
		if i&1 == 1 || !same {
			size += listpackString(b)
		}
	}
	if !same {
		size += listpackInt(int64(strings))
		strings, flags = 2*strings+1, 0
	}
	return size + listpackInt(flags) + listpackInt(int64(id.MS-first.MS)) + listpackInt(int64(id.Seq-first.Seq)) +
		listpackInt(int64(strings+3))
}

// listpackInt is the size of an integer in a listpack.
func listpackInt(v int64) int {
	switch {
	case v >= 0 && v < 1<<7:
		return 2
	case v >= -1<<12 && v < 1<<12:
		return 3
	case v >= -1<<15 && v < 1<<15:
		return 4
	case v >= -1<<23 && v < 1<<23:
		return 5
	case v >= -1<<31 && v < 1<<31:
		return 6
	}
	return 10
}

// listpackString is the size of a string in a listpack.
func listpackString(s []byte) int {
	if len(s) <= 20 {
		if v, ok := ParseInt(s); ok {
			return listpackInt(v)
		}
	}
	n := len(s)
	switch {
	case n < 1<<6:
		n++
	case n < 1<<12:
		n += 2
	default:
		n += 5
	}
	back := 1
	for x := n; x >= 0x80; x >>= 7 {
		back++
	}
	return n + back
}
