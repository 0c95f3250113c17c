package table

import (
	"cached/engine/arena"
	"cached/internal/invariants"
)

func newSegment(hp *arena.Heap, lines, depth int) segment {
	s := makeSegment(hp.Alloc(lines*lineBytes), lines, depth)
	clear(arena.Array[uint64](s.addr(), lines*lineSlots))
	return s
}

// moreLines is the size a full segment grows to: steps that fit the arena's
// classes and keep the load between 0.7 and 0.9.
func moreLines(lines int) int {
	switch {
	case lines < 4:
		return lines + 1
	case lines < 16:
		return lines + 2
	default:
		return lines + 4
	}
}

// room returns an empty slot where an entry with this tag may lie, after moving
// neighbours if need be, or nil when the segment is too full around it.
func (s segment) room(tag uint64) Slot {
	lines := s.lines()
	at := home(tag, lines)
	if slot := s.line(at).empty(); slot != nil {
		return slot
	}
	next := s.line(at + 1)
	if slot := next.empty(); slot != nil {
		return slot
	}
	// Both are full. One of the home line that belongs to the line before may
	// go back there, one of the next line may go on to the line after it.
	if at > 0 {
		if to := s.line(at - 1).empty(); to != nil {
			if from := s.visitor(at, at-1); from != nil {
				*to, *from = *from, 0
				return from
			}
		}
	}
	return s.push(at+1, 4)
}

// push frees a slot of the full line at by moving an entry that is at home
// there to the next line, which makes room the same way, at most far times.
func (s segment) push(at, far int) Slot {
	if at+1 >= s.lines() || far == 0 {
		return nil
	}
	from := s.visitor(at, at)
	if from == nil {
		return nil
	}
	to := s.line(at + 1).empty()
	if to == nil {
		to = s.push(at+1, far-1)
	}
	if to == nil {
		return nil
	}
	*to, *from = *from, 0
	return from
}

// visitor finds an entry in line at whose home is the line of.
func (s segment) visitor(at, of int) Slot {
	ln, lines := s.line(at), s.lines()
	for i := range ln {
		if e := ln[i]; e != 0 && home(e>>tagShift, lines) == of {
			return &ln[i]
		}
	}
	return nil
}

func (l *line) empty() Slot {
	for i := range l {
		if l[i] == 0 {
			return &l[i]
		}
	}
	return nil
}

// put places an entry into a segment that is known to have room, or reports
// that this one is unluckily crowded.
func (s segment) put(e uint64) bool {
	slot := s.room(e >> tagShift)
	if slot == nil {
		return false
	}
	*slot = e
	return true
}

// each calls yield for every entry, in no order within two lines.
func (s segment) each(yield func(e uint64)) {
	for _, e := range arena.Array[uint64](s.addr(), s.lines()*lineSlots) {
		if e != 0 {
			yield(e)
		}
	}
}

// count returns the entries in use.
func (s segment) count() (n int) {
	for _, e := range arena.Array[uint64](s.addr(), s.lines()*lineSlots) {
		if e != 0 {
			n++
		}
	}
	return n
}

// fitLines is a size for n entries with a little room to spare.
func fitLines(n int) int {
	lines := minLines
	for lines < maxLines && (lines-1)*lineSlots*4 < n*5 {
		lines = moreLines(lines)
	}
	return min(lines, maxLines)
}

// grow gives the full segment of h more lines, or splits it.
func (t *Table) grow(hp *arena.Heap, h uint64, s segment) {
	if s.lines() < maxLines && t.resize(hp, h, s, moreLines(s.lines())) {
		return
	}
	t.split(hp, h, s)
}

// resize moves a segment's entries to a new one of at least that many lines.
// Tags alone decide where they go: no item is looked at. It reports false when
// even maxLines are too crowded.
func (t *Table) resize(hp *arena.Heap, h uint64, s segment, lines int) bool {
	to, ok := rebuild(hp, lines, maxLines, s.depth(), s.each)
	if !ok {
		return false
	}
	t.slots += uint64(to.lines()-s.lines()) * lineSlots
	t.setDirectory(prefixOf(h, s.depth()), to)
	hp.Free(s.addr(), s.lines()*lineBytes)
	return true
}

// rebuild makes a segment of the entries that fill passes to put, with as many
// lines as that takes, from lines to most.
func rebuild(hp *arena.Heap, lines, most, depth int, fill func(put func(uint64))) (segment, bool) {
	for {
		to, ok := newSegment(hp, lines, depth), true
		fill(func(e uint64) { ok = ok && to.put(e) })
		if ok {
			return to, true
		}
		hp.Free(to.addr(), to.lines()*lineBytes)
		if lines == most {
			return 0, false
		}
		lines = min(moreLines(lines), most)
	}
}

// split divides a segment by the next bit of the hash. Tags lose their leading
// bit to the directory and get a new last one, for which the keys are hashed:
// the only time that growing touches items, once for each doubling.
func (t *Table) split(hp *arena.Heap, h uint64, s segment) {
	depth := s.depth() + 1
	invariants.Check(depth+int(t.skip) <= maxDepth, "hash table deeper than its hash")
	if depth > int(t.bits) {
		t.double(hp)
	}
	var halves [2][maxLines * lineSlots]uint64
	var n [2]int
	s.each(func(e uint64) {
		it := Item{arena.Addr(e & entryAddr)}
		kh := t.hash(it.Key()) << t.skip
		side := e >> 63
		halves[side][n[side]] = e&addrMask | kh<<depth>>tagShift<<tagShift
		n[side]++
	})
	prefix := prefixOf(h, s.depth()) * 2
	var added int
	for side := range halves {
		entries := halves[side][:n[side]]
		to, ok := rebuild(hp, fitLines(len(entries)), hardLines, depth, func(put func(uint64)) {
			for _, e := range entries {
				put(e)
			}
		})
		// Twice the room of a full segment can be too crowded only when keyed
		// hashes of its items agree in most of their bits.
		if !ok {
			panic("table: hash values are not random enough to split a segment")
		}
		t.setDirectory(prefix+uint64(side), to)
		added += to.lines()
	}
	if depth == int(t.bits) {
		t.deepest += 2
	}
	t.slots += uint64(added-s.lines()) * lineSlots
	hp.Free(s.addr(), s.lines()*lineBytes)
}

// shrink makes the sparse segment of h smaller, or merges it with the other
// half of the segment they once were.
func (t *Table) shrink(hp *arena.Heap, h uint64) {
	s := t.segmentOf(h)
	n := s.count()
	prefix := prefixOf(h, s.depth())
	if s.depth() > 0 && n <= maxLines*lineSlots/4 {
		if buddy := t.directory()[int(prefix^1)<<(int(t.bits)-s.depth())]; buddy.depth() == s.depth() {
			if m := buddy.count(); n+m <= maxLines*lineSlots/2 {
				t.merge(hp, prefix, s, buddy, n+m)
				return
			}
		}
	}
	if lines := fitLines(n); lines+2 <= s.lines() {
		t.resize(hp, h, s, lines)
	}
}

// merge joins two sparse segments of the same parent: the bit that distinguished them returns from the directory
// to the front of the tags.
func (t *Table) merge(hp *arena.Heap, prefix uint64, s, buddy segment, n int) {
	low, high := s, buddy
	if prefix&1 == 1 {
		low, high = buddy, s
	}
	to, ok := rebuild(hp, fitLines(n), maxLines, s.depth()-1, func(put func(uint64)) {
		low.each(func(e uint64) { put(joinTag(e, 0)) })
		high.each(func(e uint64) { put(joinTag(e, 1)) })
	})
	if !ok {
		return
	}
	if s.depth() == int(t.bits) {
		t.deepest -= 2
	}
	t.setDirectory(prefix>>1, to)
	t.slots += uint64(to.lines()) * lineSlots
	t.slots -= uint64(low.lines()+high.lines()) * lineSlots
	hp.Free(low.addr(), low.lines()*lineBytes)
	hp.Free(high.addr(), high.lines()*lineBytes)
	t.halve(hp)
}

func joinTag(e, bit uint64) uint64 {
	return e&addrMask | (e>>tagShift>>1|bit<<15)<<tagShift
}
