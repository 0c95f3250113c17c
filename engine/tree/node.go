package tree

import (
	"unsafe"

	"cached/engine/arena"
)

const (
	entryBytes = 16
	leafHeader = 16
	leafUnit   = 128 // step by which the block of a leaf grows
	unitLen    = leafUnit / entryBytes
	leafMax    = 8*unitLen - 1   // entries; 1 KiB with the header
	leafMin    = leafMax*2/5 + 1 // fewer are an occasion to merge
	leafMerge  = leafMax - unitLen

	innerHeader = 32
	innerMax    = 31 // children; 1 KiB with the header
	innerMin    = innerMax*2/5 + 1
	innerMerge  = innerMax - 4

	// maxLevels bounds the height: twelve levels of half-filled nodes hold more
	// than memory does.
	maxLevels = 12

	addrBits = 48
	addrMask = 1<<addrBits - 1
)

// An Entry is an element of a tree.
type Entry struct {
	Key uint64
	Ref uint64
}

// A leaf is a block of these two words and its entries. The words hold the
// addresses of the neighbours, or 0, and above them 16 bits: the number of
// entries beside next, the number of units of the block beside prev.
type leaf struct {
	nextLen   uint64
	prevUnits uint64
}

func leafAt(a arena.Addr) *leaf { return arena.At[leaf](a) }

func (l *leaf) len() int         { return int(l.nextLen >> addrBits) }
func (l *leaf) units() int       { return int(l.prevUnits >> addrBits) }
func (l *leaf) cap() int         { return l.units()*unitLen - 1 }
func (l *leaf) next() arena.Addr { return arena.Addr(l.nextLen & addrMask) }
func (l *leaf) prev() arena.Addr { return arena.Addr(l.prevUnits & addrMask) }

func (l *leaf) setLen(n int)         { l.nextLen = l.nextLen&addrMask | uint64(n)<<addrBits }
func (l *leaf) setNext(a arena.Addr) { l.nextLen = l.nextLen&^addrMask | uint64(a) }
func (l *leaf) setPrev(a arena.Addr) { l.prevUnits = l.prevUnits&^addrMask | uint64(a) }
func (l *leaf) setUnits(n int)       { l.prevUnits = l.prevUnits&addrMask | uint64(n)<<addrBits }

// at returns the i-th entry, for which there must be room.
func (l *leaf) at(i int) *Entry {
	return (*Entry)(unsafe.Add(unsafe.Pointer(l), leafHeader+i*entryBytes))
}

// entries returns the first n entries, for which there must be room.
func (l *leaf) entries(n int) []Entry { return unsafe.Slice(l.at(0), n) }

// insert puts e at i; there must be room.
func (l *leaf) insert(i int, e Entry) {
	n := l.len()
	s := l.entries(n + 1)
	copy(s[i+1:], s[i:n])
	s[i] = e
	l.setLen(n + 1)
}

// remove takes the entries from i to j out.
func (l *leaf) remove(i, j int) {
	n := l.len()
	s := l.entries(n)
	copy(s[i:], s[j:])
	l.setLen(n - (j - i))
}

// leafUnits is the size, in units, of a block for n entries.
func leafUnits(n int) int { return (n + unitLen) / unitLen }

func newLeaf(h *arena.Heap, n int) arena.Addr {
	u := leafUnits(n)
	a := h.Alloc(u * leafUnit)
	*leafAt(a) = leaf{prevUnits: uint64(u) << addrBits}
	return a
}

// freeLeaf unlinks a leaf and frees its block.
func freeLeaf(h *arena.Heap, a arena.Addr) {
	l := leafAt(a)
	next, prev := l.next(), l.prev()
	if next != 0 {
		leafAt(next).setPrev(prev)
	}
	if prev != 0 {
		leafAt(prev).setNext(next)
	}
	h.Free(a, l.units()*leafUnit)
}

// link puts the new leaf b behind a.
func link(a, b arena.Addr) {
	la, lb := leafAt(a), leafAt(b)
	next := la.next()
	lb.setPrev(a)
	lb.setNext(next)
	la.setNext(b)
	if next != 0 {
		leafAt(next).setPrev(b)
	}
}

// resizeLeaf gives a leaf a block for n entries and returns its address, which the caller enters in the parent.
func resizeLeaf(h *arena.Heap, a arena.Addr, n int) arena.Addr {
	l := leafAt(a)
	from, to := l.units(), leafUnits(n)
	if from == to {
		return a
	}
	b := h.Resize(a, from*leafUnit, to*leafUnit, leafHeader+l.len()*entryBytes)
	l = leafAt(b)
	l.setUnits(to)
	if next := l.next(); next != 0 {
		leafAt(next).setPrev(b)
	}
	if prev := l.prev(); prev != 0 {
		leafAt(prev).setNext(b)
	}
	return b
}

// trimLeaf frees spare room of a leaf when there are two steps of it, and keeps half a step, so that inserting and
// deleting one entry in turn costs no copy.
func trimLeaf(h *arena.Heap, a arena.Addr) arena.Addr {
	l := leafAt(a)
	if n := l.len(); l.cap()-n >= 2*unitLen {
		return resizeLeaf(h, a, n+unitLen/2)
	}
	return a
}

// An inner is a block of this header and four arrays of cap words each: first
// keys, first refs, weights and addresses of the children.
type inner struct {
	n   uint32
	max uint32
}

// A child is an inner node's record of one of its children.
type child struct {
	key, ref uint64 // of the first entry in the subtree
	weight   uint64
	addr     arena.Addr
}

func innerAt(a arena.Addr) *inner { return arena.At[inner](a) }

func (n *inner) len() int { return int(n.n) }

// array returns the used part of the i-th array.
func (n *inner) array(i int) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Add(unsafe.Pointer(n), innerHeader+i*8*int(n.max))), int(n.n))
}

func (n *inner) word(array, i int) *uint64 {
	return (*uint64)(unsafe.Add(unsafe.Pointer(n), innerHeader+8*(array*int(n.max)+i)))
}

func (n *inner) keys() []uint64              { return n.array(0) }
func (n *inner) refs() []uint64              { return n.array(1) }
func (n *inner) weights() []uint64           { return n.array(2) }
func (n *inner) weight(i int) *uint64        { return n.word(2, i) }
func (n *inner) addr(i int) arena.Addr       { return arena.Addr(*n.word(3, i)) }
func (n *inner) setAddr(i int, a arena.Addr) { *n.word(3, i) = uint64(a) }

func (n *inner) setFirst(i int, e Entry) {
	*n.word(0, i) = e.Key
	*n.word(1, i) = e.Ref
}

func (n *inner) first() Entry { return Entry{*n.word(0, 0), *n.word(1, 0)} }

func (n *inner) total() uint64 {
	sum := uint64(0)
	for _, w := range n.weights() {
		sum += w
	}
	return sum
}

// insert puts c at i; there must be room.
func (n *inner) insert(i int, c child) {
	n.n++
	for k, v := range [4]uint64{c.key, c.ref, c.weight, uint64(c.addr)} {
		s := n.array(k)
		copy(s[i+1:], s[i:])
		s[i] = v
	}
}

// remove takes the children from i to j out.
func (n *inner) remove(i, j int) {
	for k := range 4 {
		s := n.array(k)
		copy(s[i:], s[j:])
	}
	n.n -= uint32(j - i)
}

// move takes count children from i on out of n and puts them into m at j;
// there must be room.
func (n *inner) move(i, count int, m *inner, j int) {
	m.n += uint32(count)
	for k := range 4 {
		from, to := n.array(k), m.array(k)
		copy(to[j+count:], to[j:])
		copy(to[j:], from[i:i+count])
	}
	n.remove(i, i+count)
}

// innerCap is the number of children a block has room for that must hold n:
// 7, 15 or 31, which make 256, 512 or 1024 bytes.
func innerCap(n int) int {
	switch {
	case n <= 7:
		return 7
	case n <= 15:
		return 15
	}
	return innerMax
}

func innerBytes(max int) int { return innerHeader + 32*max }

func newInner(h *arena.Heap, n int) arena.Addr {
	a := h.Alloc(innerBytes(innerCap(n)))
	*innerAt(a) = inner{max: uint32(innerCap(n))}
	return a
}

func freeInner(h *arena.Heap, a arena.Addr) { h.Free(a, innerBytes(int(innerAt(a).max))) }

// resizeInner gives an inner node a block for n children and returns its address, which the caller enters in the
// parent.
func resizeInner(h *arena.Heap, a arena.Addr, n int) arena.Addr {
	from := innerAt(a)
	if innerCap(n) == int(from.max) {
		return a
	}
	b := newInner(h, n)
	to := innerAt(b)
	to.n = from.n
	for k := range 4 {
		copy(to.array(k), from.array(k))
	}
	freeInner(h, a)
	return b
}

// trimInner is trimLeaf for an inner node.
func trimInner(h *arena.Heap, a arena.Addr) arena.Addr {
	if n := innerAt(a); n.len()*5 < int(n.max)*2 {
		return resizeInner(h, a, n.len())
	}
	return a
}

// trim is trimLeaf or trimInner.
func trim(h *arena.Heap, a arena.Addr, level int) arena.Addr {
	if level == 0 {
		return trimLeaf(h, a)
	}
	return trimInner(h, a)
}

// nodeLen is the number of entries or children.
func nodeLen(a arena.Addr, level int) int {
	if level == 0 {
		return leafAt(a).len()
	}
	return innerAt(a).len()
}

// firstOf is the first entry in the subtree of a.
func firstOf(a arena.Addr, level int) Entry {
	if level == 0 {
		return *leafAt(a).at(0)
	}
	return innerAt(a).first()
}
