package table

import "cached/engine/arena"

// cursorBits is the precision of a cursor: enough that a table of billions does
// not repeat itself, few enough for clients that keep cursors in a double.
const cursorBits = 48

// Scan visits items in the order of their hashes, from cursor on, and returns
// where to go on, or 0 after the last. It stops after the item that makes count
// full, but never between items whose hashes share their leading 48 bits. An
// item that stays in the table from the first call to the last is visited,
// whatever is added and deleted in between; one may be visited twice only if
// the table shrank.
//
// Cursors are positions in the whole hash space: those of a table with skipped
// bits begin with these bits, taken from cursor. visit must not change the
// table.
func (t *Table) Scan(cursor uint64, count int, visit func(Item)) uint64 {
	prefix := uint64(0)
	if t.skip > 0 {
		prefix = cursor >> (cursorBits - t.skip)
	}
	end := (prefix + 1) << (cursorBits - t.skip) // of this table's part
	if t.dir == 0 {
		return end
	}
	pos := cursor << (64 - cursorBits) << t.skip // position among shifted hashes
	for {
		s := t.segmentOf(pos)
		start := prefixOf(pos, s.depth()) << (64 - s.depth())
		tag := pos << s.depth() >> tagShift
		next, seen := s.visitFrom(tag, count, visit)
		count -= seen
		if next <= 0xFFFF { // stopped inside
			shifted := start | next<<tagShift>>s.depth()
			return prefix<<(cursorBits-t.skip) | shifted>>t.skip>>(64-cursorBits)
		}
		last := prefixOf(pos, s.depth())+1 == 1<<s.depth()
		if last {
			return end
		}
		pos = start + 1<<(64-s.depth())
		if count <= 0 {
			return prefix<<(cursorBits-t.skip) | pos>>t.skip>>(64-cursorBits)
		}
	}
}

// visitFrom visits entries with tags from tag on until count are seen and the
// tag changes; it returns the tag to go on with, or 1<<16 at the end.
func (s segment) visitFrom(tag uint64, count int, visit func(Item)) (next uint64, seen int) {
	lines := s.lines()
	// An entry lies in its home line or the next, so the tags at home in line
	// l are all in l and l+1. Their tags are sorted per home line.
	for l := home(tag, lines); l < lines-1; l++ {
		var tags [2 * lineSlots]uint64
		n := 0
		for _, e := range arena.Array[uint64](s.addr()+arena.Addr(l*lineBytes), 2*lineSlots) {
			if t := e >> tagShift; e != 0 && t >= tag && home(t, lines) == l {
				i := n
				for ; i > 0 && tags[i-1]>>tagShift > t; i-- {
					tags[i] = tags[i-1]
				}
				tags[i] = e
				n++
			}
		}
		for i := range n {
			t := tags[i] >> tagShift
			if seen >= count && (i == 0 || tags[i-1]>>tagShift != t) {
				return t, seen
			}
			visit(Item{arena.Addr(tags[i] & entryAddr)})
			seen++
		}
	}
	return 1 << 16, seen
}

// Random returns an item such that each is as likely as any other; the table is
// not empty. rnd returns 64 random bits.
func (t *Table) Random(rnd func() uint64) Item {
	dir := t.directory()
	for {
		r := rnd()
		i := int(r >> 32 & uint64(len(dir)-1))
		s := dir[i]
		// A shallow segment has several directory entries; only the first
		// counts, so that every slot is as likely.
		if i&(1<<(int(t.bits)-s.depth())-1) != 0 {
			continue
		}
		slot := int(r & 0x1FF) // hardLines*lineSlots is just below
		if slot >= s.lines()*lineSlots {
			continue
		}
		if e := *s.addr().Word(slot); e != 0 {
			return Item{arena.Addr(e & entryAddr)}
		}
	}
}

// Each visits every item, in no order, until visit returns false. visit must
// not change the table, but may change values in place.
func (t *Table) Each(visit func(Item) bool) {
	t.eachSegment(func(s segment) bool {
		return s.eachSlot(func(slot Slot) bool { return visit(ItemOf(slot)) })
	})
}

// eachSlot visits the slots with items until visit returns false, and reports whether it visited all. Items are
// prefetched some ahead.
func (s segment) eachSlot(visit func(Slot) bool) bool {
	entries := arena.Array[uint64](s.addr(), s.lines()*lineSlots)
	for i := range entries {
		if i+lineSlots < len(entries) {
			arena.Addr(entries[i+lineSlots] & entryAddr).Prefetch()
		}
		if entries[i] != 0 && !visit(&entries[i]) {
			return false
		}
	}
	return true
}

// Walk visits all items of the segment at cursor and returns the cursor of the
// next segment, or 0 after the last. An item that stays in the table from the
// first call to the last is visited, whatever happens in between; one may be
// visited twice if segments merge. Cursors are those of Sweep. visit must not
// change the table, but may change values in place.
func (t *Table) Walk(cursor uint64, visit func(Slot)) uint64 {
	if t.dir == 0 {
		return 0
	}
	s := t.segmentOf(cursor)
	s.eachSlot(func(slot Slot) bool {
		visit(slot)
		return true
	})
	return s.after(cursor)
}

// after is the cursor behind the segment at cursor.
func (s segment) after(cursor uint64) uint64 {
	if s.depth() == 0 {
		return 0
	}
	return (prefixOf(cursor, s.depth()) + 1) << (64 - s.depth())
}

// Sweep visits the items in the segment at cursor that have a deadline, or parts with one, and a rest of at most
// most; skipping the others costs next to nothing. It returns the cursor of the next segment, or 0 after the last.
// visit must not change the table, but may call SetRest.
func (t *Table) Sweep(cursor uint64, most int, visit func(Slot)) uint64 {
	if t.dir == 0 {
		return 0
	}
	s := t.segmentOf(cursor)
	entries := arena.Array[uint64](s.addr(), s.lines()*lineSlots)
	// The items are anywhere in memory: their loading is begun some ahead.
	const ahead = 8
	var slots [hardLines * lineSlots]uint16
	n := 0
	for i, e := range entries {
		if e&flagVolatile != 0 && restOf(e) <= most {
			slots[n] = uint16(i)
			if n++; n <= ahead {
				arena.Addr(e & entryAddr).Prefetch()
			}
		}
	}
	for i := range n {
		if i+ahead < n {
			arena.Addr(entries[slots[i+ahead]] & entryAddr).Prefetch()
		}
		visit(&entries[slots[i]])
	}
	return s.after(cursor)
}

// Sample visits about n items that follow a random place in the order of hashes:
// with volatile, only those that Sweep visits. It looks at no more than most
// entries. rnd is 64 random bits; visit must not change the table.
func (t *Table) Sample(rnd uint64, n, most int, volatile bool, visit func(Slot)) {
	if t.dir == 0 {
		return
	}
	mask := uint64(addrMask)
	if volatile {
		mask = flagVolatile
	}
	cursor := rnd
	s := t.segmentOf(cursor)
	at := int(rnd & 0xFFFF * uint64(s.lines()*lineSlots) >> 16)
	for n > 0 && most > 0 {
		entries := arena.Array[uint64](s.addr(), s.lines()*lineSlots)
		// The items are anywhere in memory: their loading is begun some ahead.
		for _, e := range entries[at:min(at+min(lineSlots, n), len(entries))] {
			arena.Addr(e & entryAddr).Prefetch()
		}
		for ; at < len(entries) && n > 0; at++ {
			most--
			if next := at + lineSlots; next < len(entries) && n > lineSlots {
				arena.Addr(entries[next] & entryAddr).Prefetch()
			}
			if entries[at]&mask != 0 {
				visit(&entries[at])
				n--
			}
		}
		at = 0
		if cursor = s.after(cursor); cursor == 0 && s.depth() == 0 {
			if int(t.count) <= n { // it was the only segment, and has no more
				return
			}
		}
		s = t.segmentOf(cursor)
	}
}

// CompactSegment moves the segment at cursor to a better place, if there is one.
func (t *Table) CompactSegment(hp *arena.Heap, cursor uint64) {
	if t.dir == 0 {
		return
	}
	s := t.segmentOf(cursor)
	if a := hp.Compact(s.addr(), s.lines()*lineBytes); a != 0 {
		t.setDirectory(prefixOf(cursor, s.depth()), makeSegment(a, s.lines(), s.depth()))
		hp.Free(s.addr(), s.lines()*lineBytes)
	}
}
