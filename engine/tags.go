package engine

import "maps"

// Tags. A tag has a name, and in each keyspace that has items with it an identity, a
// number of 32 bits; an item has the identities of its tags in its extension. To invalidate
// a tag takes the identity away from the name: the identity is dead then, and with it every
// item that has it, however many they are; what gets the tag from then on has another
// identity. An item knows thereby whether it was there before, without a time or a number
// of its own.
//
// A look-up that finds an item with a dead identity ends it, and the sweep ends the others
// (purge.go). With the last item that has it an identity is free again, and so is the name.
//
// A soft invalidation makes the identity stale instead of dead. It stays with its name,
// behind that of younger items, for a later invalidation to find it.

// A tag is what an identity stands for.
type tag struct {
	name  string
	count uint32 // items that have it
	// next is the next older identity of the name, or 0; of one that is free, the next
	// that is.
	next    uint32
	seq     uint64 // of the invalidation that made it dead or stale, or 0
	sinceMS int64  // since when it is stale, or negative: it is dead since the opposite
}

func (t *tag) dead() bool { return t.sinceMS < 0 }

// A tagTable has the tags of a keyspace. The lock of its shard is held.
type tagTable struct {
	names map[string]uint32 // the youngest identity of a name
	all   []tag             // by identity; 0 is none
	free  uint32            // an identity that nobody has, or 0
	used  int               // identities that somebody has
	most  int               // of names, since they were made anew

	dead, stale int // how often items have an identity that is either
}

// take appends the identities of tags that an item is given, and counts them.
func (t *tagTable) take(ids []uint32, names []string) []uint32 {
next:
	for _, name := range names {
		id := t.identity(name)
		for _, x := range ids {
			if x == id {
				continue next
			}
		}
		t.all[id].count++
		ids = append(ids, id)
	}
	return ids
}

// identity returns the identity for new items with a tag.
func (t *tagTable) identity(name string) uint32 {
	older := t.names[name]
	if older != 0 && t.all[older].seq == 0 {
		return older
	}
	id := t.free
	switch {
	case id != 0:
		t.free = t.all[id].next
	case len(t.all) == 0:
		t.all = append(t.all, tag{})
		t.names = make(map[string]uint32)
		fallthrough
	default:
		id = uint32(len(t.all))
		t.all = append(t.all, tag{})
	}
	if older != 0 {
		name = t.all[older].name
	} else {
		name = string(append([]byte(nil), name...)) // no part of a larger text
	}
	t.all[id] = tag{name: name, next: older}
	t.names[name] = id
	t.most = max(t.most, len(t.names))
	t.used++
	return id
}

// drop ends that an item has identities.
func (t *tagTable) drop(ids []uint32) {
	for _, id := range ids {
		x := &t.all[id]
		switch {
		case x.dead():
			t.dead--
		case x.seq != 0:
			t.stale--
		}
		if x.count--; x.count == 0 {
			t.release(id)
		}
	}
	if t.used == 0 && len(ids) > 0 {
		*t = tagTable{}
	}
}

// release frees an identity that nobody has.
func (t *tagTable) release(id uint32) {
	x := &t.all[id]
	if !x.dead() { // else its name has forgotten it
		if head := t.names[x.name]; head != id {
			for t.all[head].next != id {
				head = t.all[head].next
			}
			t.all[head].next = x.next
		} else if x.next != 0 {
			t.names[x.name] = x.next
		} else {
			delete(t.names, x.name)
		}
	}
	*x = tag{next: t.free}
	t.free = id
	t.used--
}

// tidy gives memory back that many names took which are gone.
func (t *tagTable) tidy() {
	if t.most > 64 && len(t.names) < t.most/4 {
		names := make(map[string]uint32, len(t.names))
		maps.Copy(names, t.names)
		t.names, t.most = names, len(names)
	}
}

// invalidate makes what has a tag dead now, or stale since a time that is not 0, and returns
// how many items there are.
func (t *tagTable) invalidate(name string, seq uint64, sinceMS, nowMS int64) (n int) {
	for id := t.names[name]; id != 0; {
		x := &t.all[id]
		next := x.next
		count := int(x.count)
		switch {
		case sinceMS == 0:
			if x.seq != 0 {
				t.stale -= count
			}
			t.dead += count
			x.seq, x.sinceMS, x.next = seq, -max(nowMS, 1), 0
			n += count
		case x.seq == 0:
			t.stale += count
			x.seq, x.sinceMS = seq, sinceMS
			n += count
		}
		id = next
	}
	if sinceMS == 0 {
		delete(t.names, name)
	}
	return n
}

// killed reports whether an item with that extension is dead, by what has happened up to seq.
func (t *tagTable) killed(ext []uint64, seq uint64) bool {
	first, rest := extTags(ext)
	if x := &t.all[first]; x.dead() && x.seq <= seq {
		return true
	}
	for _, w := range rest {
		if x := &t.all[uint32(w)]; x.dead() && x.seq <= seq {
			return true
		}
		if x := &t.all[w>>32]; x.dead() && x.seq <= seq {
			return true
		}
	}
	return false
}

// killedAlive reports whether an item with that extension and deadline became dead before
// the deadline had passed.
func (t *tagTable) killedAlive(ext []uint64, deadlineMS int64) bool {
	var room [16]uint32
	for _, id := range extIDs(room[:0], ext) {
		if x := &t.all[id]; x.dead() && (deadlineMS == 0 || -x.sinceMS <= deadlineMS) {
			return true
		}
	}
	return false
}

// staleSince is since when an item with that extension is stale by its tags, or 0.
func (t *tagTable) staleSince(ext []uint64) (sinceMS int64) {
	first, rest := extTags(ext)
	see := func(id uint32) {
		if at := t.all[id].sinceMS; at > 0 && (sinceMS == 0 || at < sinceMS) {
			sinceMS = at
		}
	}
	see(first)
	for _, w := range rest {
		see(uint32(w))
		see(uint32(w >> 32))
	}
	return sinceMS
}

// namesOf are the names of the tags in an extension.
func (t *tagTable) namesOf(ext []uint64) (names []string) {
	var room [16]uint32
	for _, id := range extIDs(room[:0], ext) {
		names = append(names, t.all[id].name)
	}
	return names
}

// has reports whether an extension has a tag.
func (t *tagTable) has(ext []uint64, name string) bool {
	var room [16]uint32
	for _, id := range extIDs(room[:0], ext) {
		if t.all[id].name == name {
			return true
		}
	}
	return false
}
