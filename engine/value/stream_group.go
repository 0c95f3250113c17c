package value

import (
	"cmp"
	"encoding/binary"
	"slices"

	"cached/engine/arena"
	"cached/engine/table"
	"cached/engine/tree"
)

// Consumer groups. A stream's groups, and a group's consumers, are tables by name
// whose items hold the address of a block. An entry that was delivered and not
// acknowledged is a block too, which the trees of its group and of its consumer
// refer to.
//
// To save groups, walk EachGroup, and for each EachConsumer and EachPending. To
// rebuild them: CreateGroup, CreateConsumer, Deliver.

// NoRead is the number of entries read of a group that does not know it.
const NoRead = -1

type streamGroup struct {
	last      StreamID // the last ID delivered
	read      int64    // entries read so far, or NoRead
	pending   tree.Tree
	consumers table.Table
}

type streamConsumer struct {
	seenMS, activeMS int64 // last asked, last given something; activeMS may be -1
	pending          tree.Tree
	name             arena.Addr // its item
}

type streamPending struct {
	id          StreamID
	consumer    arena.Addr
	deliveredMS int64
	count       uint64
}

var (
	streamGroupBytes    = arena.SizeOf[streamGroup]()
	streamConsumerBytes = arena.SizeOf[streamConsumer]()
	streamPendingBytes  = arena.SizeOf[streamPending]()
)

// blockOf is the block whose address an item holds.
func blockOf(it table.Item) arena.Addr { return arena.Addr(binary.LittleEndian.Uint64(it.Value())) }

// putBlock adds a name with a block to a table.
func putBlock(h *arena.Heap, t *table.Table, name []byte, block arena.Addr) table.Item {
	it := table.NewItem(h, 0, 0, name, 8, 0)
	binary.LittleEndian.PutUint64(it.Value(), uint64(block))
	t.Insert(h, table.Hash(name), it)
	return it
}

// named returns the items of a table in the order of their names.
func named(t *table.Table) []table.Item {
	items := make([]table.Item, 0, t.Len())
	t.Each(func(it table.Item) bool { items = append(items, it); return true })
	slices.SortFunc(items, func(a, b table.Item) int { return cmp.Compare(string(a.Key()), string(b.Key())) })
	return items
}

// pendingTie looks for the pending entry id.
func pendingTie(id StreamID) tree.Tie {
	return func(ref uint64) int { return cmp.Compare(id.Seq, arena.At[streamPending](arena.Addr(ref)).id.Seq) }
}

// A StreamGroup is a consumer group in its item. It is valid as long as the group exists.
type StreamGroup struct {
	h  *arena.Heap
	it table.Item
}

func (g StreamGroup) block() *streamGroup { return arena.At[streamGroup](blockOf(g.it)) }

// Groups is how many groups the stream has.
func (s StreamRef) Groups() int { return s.root().groups.Len() }

// EachGroup visits the groups in the order of their names. visit may change the
// group, but not end it.
func (s StreamRef) EachGroup(visit func(StreamGroup) bool) {
	for _, it := range named(&s.root().groups) {
		if !visit(StreamGroup{s.Heap, it}) {
			return
		}
	}
}

// Group returns the group of that name.
func (s StreamRef) Group(name []byte) (StreamGroup, bool) {
	slot := s.root().groups.Find(table.Hash(name), name)
	if slot == nil {
		return StreamGroup{}, false
	}
	return StreamGroup{s.Heap, table.ItemOf(slot)}, true
}

// CreateGroup makes a group that has been given the entries up to last; created
// is false if there is one of that name.
func (s StreamRef) CreateGroup(name []byte, last StreamID, read int64) (g StreamGroup, created bool) {
	if g, ok := s.Group(name); ok {
		return g, false
	}
	a := s.Heap.Alloc(streamGroupBytes)
	*arena.At[streamGroup](a) = streamGroup{last: last, read: read}
	return StreamGroup{s.Heap, putBlock(s.Heap, &s.root().groups, name, a)}, true
}

// DestroyGroup removes a group and reports whether it existed.
func (s StreamRef) DestroyGroup(name []byte) bool {
	t, hash := &s.root().groups, table.Hash(name)
	slot := t.Find(hash, name)
	if slot == nil {
		return false
	}
	it := table.ItemOf(slot)
	t.Delete(s.Heap, hash, slot)
	freeGroup(s.Heap, it)
	return true
}

// freeGroup frees a group that is in no table.
func freeGroup(h *arena.Heap, it table.Item) {
	g := arena.At[streamGroup](blockOf(it))
	g.consumers.Free(h, func(x table.Item) {
		c := arena.At[streamConsumer](blockOf(x))
		if c.pending.Len() > 0 {
			c.pending.Free(h, nil)
		}
		h.Free(blockOf(x), streamConsumerBytes)
		x.Free(h)
	})
	if g.pending.Len() > 0 {
		g.pending.Free(h, func(ref uint64) { h.Free(arena.Addr(ref), streamPendingBytes) })
	}
	h.Free(blockOf(it), streamGroupBytes)
	it.Free(h)
}

// Name is the group's name; it aliases the stream.
func (g StreamGroup) Name() []byte { return g.it.Key() }

// Last is the last ID that was delivered to a consumer.
func (g StreamGroup) Last() StreamID { return g.block().last }

// Read is how many entries were read, or NoRead.
func (g StreamGroup) Read() int64 { return g.block().read }

// SetLast changes both.
func (g StreamGroup) SetLast(id StreamID, read int64) { g.block().last, g.block().read = id, read }

// Consumers is how many consumers the group has.
func (g StreamGroup) Consumers() int { return g.block().consumers.Len() }

// A StreamConsumer is a consumer of a group in its item.
type StreamConsumer struct {
	h *arena.Heap
	a arena.Addr
}

func (c StreamConsumer) block() *streamConsumer { return arena.At[streamConsumer](c.a) }

// Name is the consumer's name; it aliases the stream.
func (c StreamConsumer) Name() []byte { return table.ItemAt(c.block().name).Key() }

// Times are when the consumer last asked, and was last given something (-1:
// never), in Unix milliseconds.
func (c StreamConsumer) Times() (seenMS, activeMS int64) { return c.block().seenMS, c.block().activeMS }

// SetTimes changes them.
func (c StreamConsumer) SetTimes(seenMS, activeMS int64) {
	c.block().seenMS, c.block().activeMS = seenMS, activeMS
}

// Pending is how many entries wait for the consumer's acknowledgement.
func (c StreamConsumer) Pending() int { return c.block().pending.Len() }

// EachConsumer visits the consumers in the order of their names.
func (g StreamGroup) EachConsumer(visit func(StreamConsumer) bool) {
	for _, it := range named(&g.block().consumers) {
		if !visit(StreamConsumer{g.h, blockOf(it)}) {
			return
		}
	}
}

// Consumer returns the consumer of that name.
func (g StreamGroup) Consumer(name []byte) (StreamConsumer, bool) {
	slot := g.block().consumers.Find(table.Hash(name), name)
	if slot == nil {
		return StreamConsumer{}, false
	}
	return StreamConsumer{g.h, blockOf(table.ItemOf(slot))}, true
}

// CreateConsumer makes a consumer; created is false if there is one of that name.
func (g StreamGroup) CreateConsumer(name []byte, seenMS int64) (c StreamConsumer, created bool) {
	if c, ok := g.Consumer(name); ok {
		return c, false
	}
	a := g.h.Alloc(streamConsumerBytes)
	*arena.At[streamConsumer](a) = streamConsumer{seenMS: seenMS, activeMS: -1}
	it := putBlock(g.h, &g.block().consumers, name, a)
	arena.At[streamConsumer](a).name = it.Addr()
	return StreamConsumer{g.h, a}, true
}

// DeleteConsumer removes a consumer and its pending entries, and returns how many entries those were.
func (g StreamGroup) DeleteConsumer(name []byte) (pending int) {
	t, hash := &g.block().consumers, table.Hash(name)
	slot := t.Find(hash, name)
	if slot == nil {
		return 0
	}
	it := table.ItemOf(slot)
	c := StreamConsumer{g.h, blockOf(it)}
	for c.Pending() > 0 {
		g.Ack(arena.At[streamPending](arena.Addr(c.block().pending.First().Ref())).id)
		pending++
	}
	t.Delete(g.h, hash, slot)
	g.h.Free(c.a, streamConsumerBytes)
	it.Free(g.h)
	return pending
}

// A StreamPending is an entry that was delivered and not acknowledged.
type StreamPending struct {
	ID          StreamID
	Consumer    StreamConsumer
	DeliveredMS int64 // last, in Unix milliseconds
	Count       uint64
}

func (g StreamGroup) pendingAt(ref uint64) StreamPending {
	p := arena.At[streamPending](arena.Addr(ref))
	return StreamPending{p.id, StreamConsumer{g.h, p.consumer}, p.deliveredMS, p.count}
}

// Pending is how many entries were delivered and not acknowledged.
func (g StreamGroup) Pending() int { return g.block().pending.Len() }

// IsPending returns the pending entry id.
func (g StreamGroup) IsPending(id StreamID) (p StreamPending, ok bool) {
	at, ok := g.block().pending.Find(id.MS, pendingTie(id))
	if !ok {
		return p, false
	}
	return g.pendingAt(at.Ref()), true
}

// EachPending visits pending entries from one ID on in their order, of all
// consumers or of one, until visit returns false. visit must not change which
// there are.
func (g StreamGroup) EachPending(from StreamID, of *StreamConsumer, visit func(StreamPending) bool) {
	t := &g.block().pending
	if of != nil {
		t = &of.block().pending
	}
	if t.Len() == 0 {
		return
	}
	at := t.Seek(func(key, ref uint64) bool {
		return key < from.MS || key == from.MS && arena.At[streamPending](arena.Addr(ref)).id.Seq < from.Seq
	})
	for ; at.Valid(); at = at.Next() {
		if !visit(g.pendingAt(at.Ref())) {
			return
		}
	}
}

// LastPending is the last pending entry; there is one.
func (g StreamGroup) LastPending() StreamID { return g.pendingAt(g.block().pending.Last().Ref()).ID }

// Deliver makes an entry pending for a consumer, from whom it is taken that had
// it, and sets when it was delivered and how often.
func (g StreamGroup) Deliver(id StreamID, c StreamConsumer, deliveredMS int64, count uint64) {
	b := g.block()
	at, ok := b.pending.Find(id.MS, pendingTie(id))
	if !ok {
		a := g.h.Alloc(streamPendingBytes)
		*arena.At[streamPending](a) = streamPending{id, c.a, deliveredMS, count}
		b.pending.Insert(g.h, id.MS, uint64(a), pendingTie(id))
		c.block().pending.Insert(g.h, id.MS, uint64(a), pendingTie(id))
		return
	}
	p := arena.At[streamPending](arena.Addr(at.Ref()))
	if p.consumer != c.a {
		arena.At[streamConsumer](p.consumer).pending.Delete(g.h, id.MS, at.Ref(), pendingTie(id))
		c.block().pending.Insert(g.h, id.MS, at.Ref(), pendingTie(id))
		p.consumer = c.a
	}
	p.deliveredMS, p.count = deliveredMS, count
}

// Ack forgets a pending entry and reports whether it was one.
func (g StreamGroup) Ack(id StreamID) bool {
	b := g.block()
	at, ok := b.pending.Find(id.MS, pendingTie(id))
	if !ok {
		return false
	}
	ref := at.Ref()
	p := arena.At[streamPending](arena.Addr(ref))
	arena.At[streamConsumer](p.consumer).pending.Delete(g.h, id.MS, ref, pendingTie(id))
	b.pending.Delete(g.h, id.MS, ref, pendingTie(id))
	g.h.Free(arena.Addr(ref), streamPendingBytes)
	return true
}

// copyGroups gives the stream n its own copies of r's groups.
func (r *streamRoot) copyGroups(to *arena.Heap, n *streamRoot) {
	r.groups.Each(func(it table.Item) bool {
		from := StreamGroup{nil, it}
		a := to.Alloc(streamGroupBytes)
		*arena.At[streamGroup](a) = streamGroup{last: from.Last(), read: from.Read()}
		g := StreamGroup{to, putBlock(to, &n.groups, it.Key(), a)}
		from.block().consumers.Each(func(x table.Item) bool {
			old := StreamConsumer{nil, blockOf(x)}
			c, _ := g.CreateConsumer(x.Key(), 0)
			c.SetTimes(old.Times())
			return true
		})
		from.EachPending(StreamID{}, nil, func(p StreamPending) bool {
			c, _ := g.Consumer(p.Consumer.Name())
			g.Deliver(p.ID, c, p.DeliveredMS, p.Count)
			return true
		})
		return true
	})
}

// groupBytes is the memory of the groups' blocks.
func (r *streamRoot) groupBytes() (n int64) {
	if r.groups.Len() == 0 {
		return 0
	}
	n = r.groups.Bytes()
	r.groups.Each(func(it table.Item) bool {
		g := arena.At[streamGroup](blockOf(it))
		n += int64(arena.BlockBytes(it.Bytes()) + arena.BlockBytes(streamGroupBytes))
		n += int64(g.pending.Len()*arena.BlockBytes(streamPendingBytes)) + int64(g.pending.Bytes()) + g.consumers.Bytes()
		g.consumers.Each(func(x table.Item) bool {
			n += int64(arena.BlockBytes(x.Bytes())+arena.BlockBytes(streamConsumerBytes)) +
				int64(arena.At[streamConsumer](blockOf(x)).pending.Bytes())
			return true
		})
		return true
	})
	return n
}

// EntriesReadAt estimates how many entries were added up to id since the stream began, or returns NoRead if that
// is unknown.
func (s StreamRef) EntriesReadAt(id StreamID) int64 {
	st := s.State()
	first, n := s.End(false), int64(s.Len())
	switch {
	case st.Added == 0:
		return 0
	case n == 0 && id.Compare(st.Last) < 1:
		return int64(st.Added)
	case id == st.Last:
		return int64(st.Added)
	case id.Compare(st.Last) > 0:
		return NoRead
	}
	if st.MaxDeleted.IsZero() || st.MaxDeleted.Compare(first) < 0 {
		switch c := id.Compare(first); {
		case c < 0:
			return int64(st.Added) - n
		case c == 0:
			return int64(st.Added) - n + 1
		}
	}
	return NoRead
}

// DeletedFrom reports whether an entry at or behind id was deleted, so that counting from id does not give the
// number of added entries.
func (s StreamRef) DeletedFrom(id StreamID) bool {
	st := s.State()
	return s.Len() > 0 && !st.MaxDeleted.IsZero() && id.Compare(st.MaxDeleted) <= 0
}

// Lag is how many entries the group has not been given yet, if that is known.
func (s StreamRef) Lag(g StreamGroup) (n int64, known bool) {
	added := int64(s.State().Added)
	read := g.Read()
	if added == 0 || s.Len() == 0 {
		return 0, true
	}
	if first := s.End(false); s.Len() > 0 && g.Last().Compare(first) < 0 && s.State().MaxDeleted.Compare(first) < 0 {
		return int64(s.Len()), true // all that are there come behind, without gaps
	}
	if read == NoRead || s.DeletedFrom(g.Last()) {
		if read = s.EntriesReadAt(g.Last()); read == NoRead {
			return 0, false
		}
	}
	return added - read, true
}

// Advance notes that the group was given the entry id, if it is behind the last.
func (s StreamRef) Advance(g StreamGroup, id StreamID) {
	if id.Compare(g.Last()) <= 0 {
		return
	}
	read := g.Read()
	switch {
	case read != NoRead && g.Last().Compare(s.End(false)) >= 0 && !s.DeletedFrom(g.Last()):
		read++
	case s.State().Added > 0:
		read = s.EntriesReadAt(id)
	}
	g.SetLast(id, read)
}
