package value

import (
	"encoding/binary"

	"cached/engine/arena"
	"cached/engine/packed"
	"cached/engine/table"
)

// What deadlines of a hash's fields and those of a set's members have in common: a small
// one is a sequence behind the earliest deadline (PackedTTL), a large one keeps those that
// have a deadline in order.

// markParts tells the keyspace's table whether there are deadlines of fields or members.
func (r Ref) markParts() {
	it := r.Item()
	if on, was := FieldsDue(it) != 0, it.HasParts(); on || was {
		switch {
		case r.Marked == nil:
		case on && !was:
			*r.Marked++
		case was && !on:
			*r.Marked--
		}
		it.SetParts(on)
		table.SetItem(r.Slot, it) // also when there were some: one may end sooner now
	}
}

// FieldsDue returns the earliest deadline of a field of a hash or a member of a set, 0 if
// none has one.
func FieldsDue(it table.Item) int64 {
	switch EncodingOf(it) {
	case PackedTTL:
		return int64(binary.LittleEndian.Uint64(it.Value()))
	case Table:
		if r := rootOf(it); r.order.Len() > 0 {
			return int64(r.order.First().Key())
		}
	}
	return 0
}

// setDue writes the earliest deadline in front of a PackedTTL sequence, each part of which has width entries, the
// last of them its deadline.
func (r Ref) setDue(width int) {
	first := int64(0)
	b := r.Bytes()[dueBytes:]
	for p := packed.First(b); p != 0; p = packed.Skip(b, p, width) {
		if due, _ := elemAt(b, packed.Skip(b, p, width-1)).Int(); due != 0 && (first == 0 || due < first) {
			first = due
		}
	}
	binary.LittleEndian.PutUint64(r.Bytes(), uint64(first))
	r.markParts()
}

// replaceDue replaces the deadline at p in the sequence of a PackedTTL value.
func (r Ref) replaceDue(p int, due int64, width int) {
	b := r.Bytes()[dueBytes:]
	n := len(b)
	if grow := packed.IntSize(due) - packed.EntrySize(b, p); grow > 0 {
		b = r.Resize(dueBytes + n + grow)[dueBytes : dueBytes+n]
	}
	b = packed.ReplaceInt(b, p, due)
	r.Resize(dueBytes + len(b))
	r.setDue(width)
}

// expirePacked removes at most limit parts of a PackedTTL sequence whose deadline is before nowMS and passes each to
// expired before. It returns their number.
func (r Ref) expirePacked(width int, nowMS int64, limit int, expired func(part []byte)) (n int) {
	b := r.Bytes()[dueBytes:]
	var buf [20]byte
	for p := packed.First(b); p != 0 && n < limit; {
		if due, _ := elemAt(b, packed.Skip(b, p, width-1)).Int(); due == 0 || due >= nowMS {
			p = packed.Skip(b, p, width)
			continue
		}
		expired(elemAt(b, p).Bytes(buf[:]))
		b = packed.Delete(b, p, width)
		n++
		if p == len(b) {
			break
		}
	}
	if n > 0 {
		r.Resize(dueBytes + len(b))
		r.setDue(width)
	}
	return n
}

// orderItem notes an item that has a deadline in the order.
func (r *root) orderItem(h *arena.Heap, it table.Item) {
	if due := it.DeadlineMS(); due != 0 {
		r.order.Insert(h, uint64(due), uint64(it.Addr()), nil)
	}
}

// removeItem ends a field or member.
func (r *root) removeItem(h *arena.Heap, hash uint64, slot table.Slot) {
	it := table.ItemOf(slot)
	if due := it.DeadlineMS(); due != 0 {
		r.order.Delete(h, uint64(due), uint64(it.Addr()), nil)
	}
	r.items.Delete(h, hash, slot)
	it.Free(h)
}

// setDeadline gives a field or member a deadline, or takes it away (0).
func (r *root) setDeadline(h *arena.Heap, slot table.Slot, due int64) {
	it := table.ItemOf(slot)
	if old := it.DeadlineMS(); old != 0 {
		r.order.Delete(h, uint64(old), uint64(it.Addr()), nil)
	}
	it = it.Reshape(h, it.ValueLen(), due)
	table.SetItem(slot, it)
	r.orderItem(h, it)
}

// expire ends at most limit fields or members whose deadline is before nowMS and passes
// each to expired first. It returns how many they were.
func (r *root) expire(h *arena.Heap, nowMS int64, limit int, expired func(part []byte)) (n int) {
	for ; n < limit && r.order.Len() > 0; n++ {
		first := r.order.First()
		if int64(first.Key()) >= nowMS {
			break
		}
		part := table.ItemAt(arena.Addr(first.Ref())).Key()
		expired(part)
		hash := table.Hash(part)
		r.removeItem(h, hash, r.items.Find(hash, part))
	}
	return n
}
