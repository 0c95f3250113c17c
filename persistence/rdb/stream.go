package rdb

import (
	"encoding/binary"

	"cached/engine/table"
	"cached/engine/value"
)

// A stream is written as runs of entries, each a string with the ID that those of
// the entries are counted from and a listpack: the number of entries, that of
// deleted ones, the number of fields and their names, a 0, and then the entries.
// An entry is its flags, the differences of its ID, unless its names are those in
// front, the number of fields, then names and values or the values alone, and
// the number of these elements. Behind the runs are the other state of the stream
// and its consumer groups.
const (
	entryDeleted   = 1
	entrySameNames = 2

	nodesPerPart = 16
)

// stream appends the value of a stream.
func (e *Encoder) stream(t byte, it table.Item) {
	s := value.StreamOf(it)
	e.length(uint64(s.Nodes()))
	for cursor, more := uint64(0), s.Nodes() > 0; more; more = cursor != 0 {
		cursor = s.EachNodeFrom(cursor, nodesPerPart, e.streamNode)
	}
	e.streamTail(t, s)
}

// streamPart appends a part of a stream; see Part.
func (e *Encoder) streamPart(it table.Item, cursor uint64, access int, nowMS int64) uint64 {
	s, t := value.StreamOf(it), e.typeOf(it)
	if cursor == 0 {
		e.keyHead(it, t, access, nowMS)
		e.length(uint64(s.Nodes()))
	}
	if s.Nodes() > 0 {
		cursor = s.EachNodeFrom(cursor, nodesPerPart, e.streamNode)
	}
	if cursor == 0 {
		e.streamTail(t, s)
	}
	return cursor
}

func (e *Encoder) streamID(id value.StreamID) {
	e.B = binary.BigEndian.AppendUint64(e.B, id.MS)
	e.B = binary.BigEndian.AppendUint64(e.B, id.Seq)
}

func (e *Encoder) streamNode(n value.StreamNode) {
	base := n.First()
	e.length(16)
	e.streamID(base)
	e.beginPack()
	count := 0
	num := func(v int64) {
		e.packInt(v)
		count++
	}
	text := func(b []byte) {
		e.packText(b)
		count++
	}
	begun := false
	var names [][]byte
	n.Each(func(x value.StreamEntry) {
		if !begun {
			begun = true
			num(int64(n.Len()))
			num(0)
			num(int64(x.Len()))
			x.Each(func(name, _ []byte) {
				names = append(names, name)
				text(name)
			})
			num(0)
		}
		same, i := x.Len() == len(names), 0
		x.Each(func(name, _ []byte) {
			same = same && string(names[i]) == string(name)
			i++
		})
		flags, elements := int64(0), 2*x.Len()+1
		if same {
			flags, elements = entrySameNames, x.Len()
		}
		num(flags)
		num(int64(x.ID.MS - base.MS))
		num(int64(x.ID.Seq - base.Seq))
		if !same {
			num(int64(x.Len()))
		}
		x.Each(func(name, v []byte) {
			if !same {
				text(name)
			}
			text(v)
		})
		num(int64(elements) + 3)
	})
	e.endPack(count)
}

func (e *Encoder) streamTail(t byte, s value.StreamRef) {
	st := s.State()
	e.length(uint64(s.Len()))
	e.length(st.Last.MS)
	e.length(st.Last.Seq)
	first := s.End(false)
	e.length(first.MS)
	e.length(first.Seq)
	e.length(st.MaxDeleted.MS)
	e.length(st.MaxDeleted.Seq)
	e.length(st.Added)
	e.streamGroups(t, s)
}

// streamGroups appends the consumer groups.
func (e *Encoder) streamGroups(t byte, s value.StreamRef) {
	e.length(uint64(s.Groups()))
	s.EachGroup(func(g value.StreamGroup) bool {
		e.String(g.Name())
		e.length(g.Last().MS)
		e.length(g.Last().Seq)
		e.length(uint64(g.Read()))
		e.length(uint64(g.Pending()))
		g.EachPending(value.StreamID{}, nil, func(p value.StreamPending) bool {
			e.streamID(p.ID)
			e.time(p.DeliveredMS)
			e.length(p.Count)
			return true
		})
		e.length(uint64(g.Consumers()))
		g.EachConsumer(func(c value.StreamConsumer) bool {
			seen, active := c.Times()
			e.String(c.Name())
			e.time(seen)
			if t == typeStream3 {
				e.time(active)
			}
			e.length(uint64(c.Pending()))
			g.EachPending(value.StreamID{}, &c, func(p value.StreamPending) bool { e.streamID(p.ID); return true })
			return true
		})
		return true
	})
}

// time appends milliseconds as streams have them.
func (e *Encoder) time(ms int64) { e.B = binary.LittleEndian.AppendUint64(e.B, uint64(ms)) }

// A streamDecoder reads the runs of a stream.
type streamDecoder struct {
	to     value.StreamRef
	done   bool // the part behind the runs was read
	base   value.StreamID
	names  [][]byte
	fields [][]byte
	texts  []byte // integers written out
}

// stream decodes a piece of a stream.
func (d *Decoder) stream(c *cursor) error {
	for c.left() > 0 && d.left > 0 {
		if err := d.streamNode(c); err != nil {
			return err
		}
		d.left--
	}
	if d.left > 0 || c.left() == 0 {
		return nil
	}
	if d.str.done {
		return c.fail("more than the value needs")
	}
	d.str.done = true
	if err := d.streamTail(c); err != nil {
		return err
	}
	if c.left() > 0 {
		return c.fail("more than the value needs")
	}
	return nil
}

func (d *Decoder) streamNode(c *cursor) error {
	key, err := c.bytes(&d.a)
	if err != nil {
		return err
	}
	if len(key) != 16 {
		return c.fail("the ID of a run of entries has another length than 16")
	}
	d.str.base = value.StreamID{MS: binary.BigEndian.Uint64(key), Seq: binary.BigEndian.Uint64(key[8:])}
	b, err := c.bytes(&d.b)
	if err != nil {
		return err
	}
	d.elems = d.elems[:0]
	ok, _ := eachListpack(b, func(e value.Elem) error {
		d.elems = append(d.elems, e)
		return nil
	})
	if !ok || !d.str.entries(d.elems) {
		return c.fail("a run of entries is corrupt")
	}
	return nil
}

// entries adds the entries of a run, and reports false if it is not one.
func (s *streamDecoder) entries(elems []value.Elem) bool {
	s.texts = s.texts[:0]
	number := func() (int64, bool) {
		if len(elems) == 0 {
			return 0, false
		}
		n, ok := elems[0].Int()
		elems = elems[1:]
		return n, ok
	}
	text := func() []byte {
		e := elems[0]
		elems = elems[1:]
		if _, ok := e.Int(); !ok {
			return e.Bytes(nil)
		}
		at := len(s.texts)
		s.texts = e.Append(s.texts)
		return s.texts[at:len(s.texts):len(s.texts)]
	}
	live, ok1 := number()
	dead, ok2 := number()
	fields, ok3 := number()
	if !ok1 || !ok2 || !ok3 || live < 0 || dead < 0 || fields < 0 || fields > int64(len(elems)) {
		return false
	}
	s.names = s.names[:0]
	for range fields {
		s.names = append(s.names, text())
	}
	if zero, ok := number(); !ok || zero != 0 {
		return false
	}
	for live+dead > 0 && len(elems) > 0 {
		flags, ok1 := number()
		ms, ok2 := number()
		seq, ok3 := number()
		if !ok1 || !ok2 || !ok3 {
			return false
		}
		n, want := fields, fields+3
		if flags&entrySameNames == 0 {
			var ok bool
			if n, ok = number(); !ok {
				return false
			}
			want = 2*n + 4
		}
		if n < 0 || n > int64(len(elems)) || flags&entrySameNames == 0 && 2*n > int64(len(elems)) {
			return false
		}
		s.fields = s.fields[:0]
		for i := range n {
			if flags&entrySameNames != 0 {
				s.fields = append(s.fields, s.names[i])
			} else {
				s.fields = append(s.fields, text())
			}
			s.fields = append(s.fields, text())
		}
		if k, ok := number(); !ok || k != want {
			return false
		}
		if flags&entryDeleted != 0 {
			dead--
			continue
		}
		live--
		id := value.StreamID{MS: s.base.MS + uint64(ms), Seq: s.base.Seq + uint64(seq)}
		if id.Compare(s.to.State().Last) <= 0 || n == 0 {
			return false
		}
		s.to.Append(id, s.fields)
	}
	return live == 0 && dead == 0 && len(elems) == 0
}

// streamTail reads the part behind the runs.
func (d *Decoder) streamTail(c *cursor) error {
	numbers := 3
	if d.typ != typeStream {
		numbers = 8
	}
	var n [8]uint64
	for i := range numbers {
		var err error
		if n[i], err = c.length(); err != nil {
			return err
		}
	}
	s := d.str.to
	if n[0] != uint64(s.Len()) {
		return c.fail("a stream has another number of entries than it says")
	}
	st := value.StreamState{Last: value.StreamID{MS: n[1], Seq: n[2]}, MaxDeleted: value.StreamID{MS: n[5], Seq: n[6]}, Added: n[7]}
	if d.typ == typeStream {
		st.Added = n[0]
	}
	if st.Last.Compare(s.State().Last) < 0 {
		return c.fail("the last ID of a stream is not its largest")
	}
	s.SetState(st)
	return d.streamGroups(c)
}

// streamGroups reads the consumer groups.
func (d *Decoder) streamGroups(c *cursor) error {
	n, err := c.length()
	for ; n > 0 && err == nil; n-- {
		err = d.streamGroup(c)
	}
	return err
}

// A delivery is a pending entry of a group whose consumer is not known yet.
type delivery struct {
	ms    int64
	count uint64
}

func (d *Decoder) streamGroup(c *cursor) error {
	name, err := c.bytes(&d.a)
	if err != nil {
		return err
	}
	unread := int64(value.NoRead)
	n := [3]uint64{2: uint64(unread)}
	numbers := 2
	if d.typ != typeStream {
		numbers = 3
	}
	for i := range numbers {
		if n[i], err = c.length(); err != nil {
			return err
		}
	}
	g, created := d.str.to.CreateGroup(name, value.StreamID{MS: n[0], Seq: n[1]}, int64(n[2]))
	if !created {
		return c.fail("two groups of one name")
	}
	if d.typ == typeStream { // this type does not have the group's entries-read
		g.SetLast(g.Last(), d.str.to.EntriesReadAt(g.Last()))
	}
	count, err := c.length()
	if err != nil {
		return err
	}
	pending := make(map[value.StreamID]delivery)
	for range count {
		id, err := streamIDAt(c)
		if err != nil {
			return err
		}
		at, err := timeAt(c)
		if err != nil {
			return err
		}
		times, err := c.length()
		if err != nil {
			return err
		}
		if _, twice := pending[id]; twice {
			return c.fail("an entry is pending twice")
		}
		pending[id] = delivery{at, times}
	}
	if count, err = c.length(); err != nil {
		return err
	}
	for range count {
		if err := d.streamConsumer(c, g, pending); err != nil {
			return err
		}
	}
	if len(pending) > 0 {
		return c.fail("a pending entry without a consumer")
	}
	return nil
}

// streamConsumer reads a consumer and which of the group's pending entries are
// his.
func (d *Decoder) streamConsumer(c *cursor, g value.StreamGroup, pending map[value.StreamID]delivery) error {
	name, err := c.bytes(&d.a)
	if err != nil {
		return err
	}
	consumer, created := g.CreateConsumer(name, 0)
	if !created {
		return c.fail("two consumers of one name")
	}
	seen, err := timeAt(c)
	if err != nil {
		return err
	}
	active := seen // older types do not have it
	if d.typ == typeStream3 {
		if active, err = timeAt(c); err != nil {
			return err
		}
	}
	consumer.SetTimes(seen, active)
	n, err := c.length()
	if err != nil {
		return err
	}
	for range n {
		id, err := streamIDAt(c)
		if err != nil {
			return err
		}
		p, ok := pending[id]
		if !ok {
			return c.fail("a consumer has an entry that is not pending")
		}
		delete(pending, id)
		g.Deliver(id, consumer, p.ms, p.count)
	}
	return nil
}

func streamIDAt(c *cursor) (value.StreamID, error) {
	b, err := c.take(16)
	if err != nil {
		return value.StreamID{}, err
	}
	return value.StreamID{MS: binary.BigEndian.Uint64(b), Seq: binary.BigEndian.Uint64(b[8:])}, nil
}

func timeAt(c *cursor) (int64, error) {
	b, err := c.take(8)
	if err != nil {
		return 0, err
	}
	return int64(binary.LittleEndian.Uint64(b)), nil
}
