package value

import (
	"cmp"
	"encoding/binary"
	"math"

	"cached/engine/arena"
	"cached/engine/table"
	"cached/engine/tree"
)

// A stream is a root (StreamTree) of nodes, runs of entries in the order of their
// IDs. See streamRoot and streamNode.
//
// To save a stream, walk Range and read State. To rebuild it: Init, Append for
// every entry, then SetState; the result is the same but for where nodes begin
// and for traces of deleted entries.

// A StreamID names an entry of a stream and orders it.
type StreamID struct{ MS, Seq uint64 }

// MaxStreamID is above all others.
var MaxStreamID = StreamID{math.MaxUint64, math.MaxUint64}

// Compare orders IDs.
func (a StreamID) Compare(b StreamID) int {
	if a.MS != b.MS {
		return cmp.Compare(a.MS, b.MS)
	}
	return cmp.Compare(a.Seq, b.Seq)
}

// IsZero reports whether the ID is 0-0, which no entry has.
func (a StreamID) IsZero() bool { return a == StreamID{} }

// Next is the ID behind a; ok is false behind the last.
func (a StreamID) Next() (id StreamID, ok bool) {
	if a.Seq++; a.Seq == 0 {
		a.MS++
	}
	return a, !a.IsZero()
}

// Prev is the ID in front of a; ok is false in front of the first.
func (a StreamID) Prev() (id StreamID, ok bool) {
	if a.IsZero() {
		return a, false
	}
	if a.Seq == 0 {
		a.MS--
	}
	a.Seq--
	return a, true
}

// A StreamState is the state of a stream besides its entries.
type StreamState struct {
	Last       StreamID // the last ID it gave
	MaxDeleted StreamID // the largest one that Delete removed
	Added      uint64   // entries ever added
}

// A streamRoot is a stream. The last node is tail and not in the tree, so that
// an append looks at it alone; it is missing only when there are no nodes.
type streamRoot struct {
	tail   streamAddr
	nodes  tree.Tree // by first ID: the key is its MS, the refs are nodes
	count  uint64    // entries
	state  StreamState
	groups table.Table // by name: an item each, which holds the address of its block
}

var streamRootBytes = arena.SizeOf[streamRoot]()

func streamRootAddr(it table.Item) arena.Addr {
	return arena.Addr(binary.LittleEndian.Uint64(it.Value()))
}

func streamRootOf(it table.Item) *streamRoot { return arena.At[streamRoot](streamRootAddr(it)) }

func newStreamRoot(h *arena.Heap) arena.Addr {
	a := h.Alloc(streamRootBytes)
	*arena.At[streamRoot](a) = streamRoot{}
	return a
}

// A StreamRef is a stream in its item.
type StreamRef struct {
	Ref
	Limits *Limits
}

// NewStreamBytes is the size of the value of a stream, which Init fills in.
const NewStreamBytes = 8

// Init makes an empty stream of a value of NewStreamBytes.
func (s StreamRef) Init() {
	binary.LittleEndian.PutUint64(s.Bytes(), uint64(newStreamRoot(s.Heap)))
}

func (s StreamRef) root() *streamRoot { return streamRootOf(s.Item()) }

// Len is the number of entries.
func (s StreamRef) Len() int { return int(s.root().count) }

// Nodes is how many nodes the entries are in.
func (s StreamRef) Nodes() int {
	r := s.root()
	if r.tail == 0 {
		return 0
	}
	return r.nodes.Len() + 1
}

// State is the state of the stream besides its entries.
func (s StreamRef) State() StreamState { return s.root().state }

// SetState replaces it.
func (s StreamRef) SetState(st StreamState) { s.root().state = st }

// End is the ID of the first or the last entry, 0-0 of an empty stream.
func (s StreamRef) End(last bool) (id StreamID) {
	s.Range(StreamID{}, MaxStreamID, last, func(e StreamEntry) bool { id = e.ID; return false })
	return id
}

// Has reports whether there is an entry id.
func (s StreamRef) Has(id StreamID) (found bool) {
	s.Range(id, id, false, func(StreamEntry) bool { found = true; return false })
	return found
}

// Append adds an entry, whose ID is above State's Last, of names and values by
// turns, which must not alias the stream.
func (s StreamRef) Append(id StreamID, fields [][]byte) {
	r := s.root()
	if r.tail != 0 && s.isFull(r.tail.node(), fields) {
		full := r.tail.resize(s.Heap, int(r.tail.node().used))
		n := full.node()
		r.nodes.Insert(s.Heap, n.first.MS, uint64(full), nodeTie(n.first))
		r.tail = 0
	}
	if r.tail == 0 {
		r.tail = newStreamNode(s.Heap, id, fields)
	}
	r.tail = r.tail.append(s.Heap, id, fields)
	r.count++
	r.state.Last = id
	r.state.Added++
}

// nodeMost is the most bytes of a node of Redis, whatever its limits say.
const nodeMost = 1 << 30

// isFull reports whether Redis would begin another node for an entry, so that trimming by whole nodes removes the
// same entries.
func (s StreamRef) isFull(n *streamNode, fields [][]byte) bool {
	size := 0
	for _, b := range fields {
		size += len(b)
	}
	most := s.Limits.StreamNodeBytes
	if most <= 0 || most > nodeMost {
		most = nodeMost
	}
	items := s.Limits.StreamNodeItems
	return n.listpackBytes()+size >= most || items > 0 && int(n.live+n.dead) >= items
}

// nodeTie looks for the node that begins with id.
func nodeTie(id StreamID) tree.Tie {
	return func(ref uint64) int { return cmp.Compare(id.Seq, streamAddr(ref).node().first.Seq) }
}

// Range visits the entries between two IDs, both included, backwards if rev,
// until visit returns false. visit must not change the stream.
func (s StreamRef) Range(from, to StreamID, rev bool, visit func(StreamEntry) bool) {
	s.root().visit(from, to, rev, visit)
}

func (r *streamRoot) visit(from, to StreamID, rev bool, visit func(StreamEntry) bool) {
	if r.tail == 0 || from.Compare(to) > 0 {
		return
	}
	if rev {
		r.visitBack(from, to, visit)
		return
	}
	for p := r.seek(from); p.ok; p = p.next(r) {
		for c := p.node.entries(); c.next(); {
			switch {
			case c.id.Compare(to) > 0:
				return
			case c.isDead() || c.id.Compare(from) < 0:
			case !visit(c.entry()):
				return
			}
		}
	}
}

// visitBack is visit backwards. Entries only lead to the next one, so it notes the places of a node's entries on
// the way through.
func (r *streamRoot) visitBack(from, to StreamID, visit func(StreamEntry) bool) {
	var noted []StreamEntry
	for p := r.seek(to); p.ok; p = p.prev(r) {
		noted = noted[:0]
		for c := p.node.entries(); c.next() && c.id.Compare(to) <= 0; {
			if !c.isDead() {
				noted = append(noted, c.entry())
			}
		}
		for i := len(noted) - 1; i >= 0; i-- {
			if noted[i].ID.Compare(from) < 0 || !visit(noted[i]) {
				return
			}
		}
	}
}

// A nodePlace is a node on the way through a stream.
type nodePlace struct {
	node streamAddr
	at   tree.Iter // unless it is the tail
	tail bool
	ok   bool
}

// seek returns the last node that begins at or before id, or the first one.
func (r *streamRoot) seek(id StreamID) nodePlace {
	if r.nodes.Len() == 0 || r.tail.node().first.Compare(id) <= 0 {
		return nodePlace{node: r.tail, tail: true, ok: true}
	}
	at := r.nodes.Seek(func(key, ref uint64) bool {
		return key < id.MS || key == id.MS && streamAddr(ref).node().first.Seq <= id.Seq
	}).Prev()
	if !at.Valid() {
		at = r.nodes.First()
	}
	return nodePlace{node: streamAddr(at.Ref()), at: at, ok: true}
}

func (p nodePlace) next(r *streamRoot) nodePlace {
	if p.tail {
		return nodePlace{}
	}
	if p.at = p.at.Next(); p.at.Valid() {
		p.node = streamAddr(p.at.Ref())
		return p
	}
	return nodePlace{node: r.tail, tail: true, ok: true}
}

func (p nodePlace) prev(r *streamRoot) nodePlace {
	switch {
	case !p.tail:
		p.at = p.at.Prev()
	case r.nodes.Len() == 0:
		return nodePlace{}
	default:
		p.at, p.tail = r.nodes.Last(), false
	}
	if !p.at.Valid() {
		return nodePlace{}
	}
	p.node = streamAddr(p.at.Ref())
	return p
}

// Delete removes the entry id and reports whether it was there.
func (s StreamRef) Delete(id StreamID) bool {
	r := s.root()
	if r.tail == 0 {
		return false
	}
	n := r.seek(id).node
	for c := n.entries(); c.next(); {
		if c.id != id || c.isDead() { // after XSETID a dead one may have the ID of one alive
			continue
		}
		c.kill(n.node())
		r.count--
		if n.node().live == 0 {
			r.drop(s.Heap, n)
		}
		if id.Compare(r.state.MaxDeleted) > 0 {
			r.state.MaxDeleted = id
		}
		return true
	}
	return false
}

// drop frees a node. The last one of the tree takes the place of a removed tail.
func (r *streamRoot) drop(h *arena.Heap, n streamAddr) {
	if n != r.tail {
		first := n.node().first
		r.nodes.Delete(h, first.MS, uint64(n), nodeTie(first))
		n.free(h)
		return
	}
	r.tail.free(h)
	r.tail = 0
	if k := r.nodes.Len(); k > 0 {
		r.tail = streamAddr(r.nodes.DeleteAt(h, uint64(k-1)).Ref)
	}
}

// A StreamTrim determines which of the oldest entries are removed.
type StreamTrim struct {
	ByID   bool
	MinID  StreamID // ByID: those below it
	MaxLen uint64   // otherwise: entries beyond that number
	Approx bool     // only whole nodes
	Limit  uint64   // no more entries than that go, except 0
}

// Trim removes entries and returns how many.
func (s StreamRef) Trim(t StreamTrim) (removed uint64) {
	r := s.root()
	for r.tail != 0 && (t.ByID || r.count > t.MaxLen) {
		n := r.seek(StreamID{}).node
		live := uint64(n.node().live)
		if t.Limit > 0 && removed+live > t.Limit {
			break
		}
		if t.ByID && n.node().last.Compare(t.MinID) < 0 || !t.ByID && r.count-live >= t.MaxLen {
			r.count -= live
			removed += live
			r.drop(s.Heap, n)
			continue
		}
		if !t.Approx {
			removed += r.trimNode(n, t)
		}
		break
	}
	return removed
}

// trimNode trims the first node, some of whose entries stay.
func (r *streamRoot) trimNode(n streamAddr, t StreamTrim) (removed uint64) {
	for c := n.entries(); c.next(); {
		if t.ByID && c.id.Compare(t.MinID) >= 0 || !t.ByID && r.count <= t.MaxLen {
			break
		}
		if !c.isDead() {
			c.kill(n.node())
			r.count--
			removed++
		}
	}
	return removed
}

// freeStream frees about budget elements that the item refers to and reports
// whether that was all.
func freeStream(h *arena.Heap, it table.Item, budget int) bool {
	r := streamRootOf(it)
	if r.nodes.Len() > 0 && !r.nodes.FreeSome(h, max(budget/8, 1), func(ref uint64) { streamAddr(ref).free(h) }) {
		return false
	}
	if r.tail != 0 {
		r.tail.free(h)
	}
	r.groups.Free(h, func(g table.Item) { freeGroup(h, g) })
	h.Free(streamRootAddr(it), streamRootBytes)
	return true
}

// streamEffort is about how many blocks the item refers to.
func streamEffort(it table.Item) int { return streamRootOf(it).nodes.Len() + 2 }

// copyStream gives the item c, which is a copy of it, its own copies of the blocks
// that it refers to, in the heap to.
func copyStream(to *arena.Heap, it, c table.Item) {
	r, a := streamRootOf(it), newStreamRoot(to)
	n := arena.At[streamRoot](a)
	n.count, n.state = r.count, r.state
	dup := func(from streamAddr) streamAddr {
		room := int(from.node().room)
		d := streamAddr(to.Alloc(room))
		copy(arena.Addr(d).Bytes(room), from.bytes()[:from.node().used])
		return d
	}
	if r.tail != 0 {
		n.tail = dup(r.tail)
	}
	if r.nodes.Len() > 0 {
		for at := r.nodes.First(); at.Valid(); at = at.Next() {
			d := dup(streamAddr(at.Ref()))
			n.nodes.Insert(to, at.Key(), uint64(d), nodeTie(d.node().first))
		}
	}
	r.copyGroups(to, n)
	binary.LittleEndian.PutUint64(c.Value(), uint64(a))
}

// streamBytes is the memory of the blocks the item refers to.
func streamBytes(it table.Item, samples int) int64 {
	r := streamRootOf(it)
	sum, seen := int64(0), 0
	if n := r.nodes.Len(); n > 0 {
		for at := r.nodes.First(); at.Valid() && (samples <= 0 || seen < samples); at = at.Next() {
			sum += int64(streamAddr(at.Ref()).node().room)
			seen++
		}
		sum = sum / int64(seen) * int64(n)
		if samples <= 0 {
			sum += int64(r.nodes.Bytes())
		} else {
			sum += int64(n) * 18
		}
	}
	if r.tail != 0 {
		sum += int64(r.tail.node().room)
	}
	return sum + r.groupBytes() + int64(arena.BlockBytes(streamRootBytes))
}
