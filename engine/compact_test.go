package engine

import (
	"bytes"
	"fmt"
	"testing"

	"cached/engine/value"
)

// Lists and streams that grew side by side, of which most go, leave slabs in which
// each has some blocks. Those that stay are moved together and are what they were.
func TestCompactionMovesChunksAndNodes(t *testing.T) {
	const now, keys, elements = 1000, 40, 1500
	e := New(Options{Shards: 2})
	var tx Tx
	text := func(k, i int) []byte { return fmt.Appendf(nil, "%d of %d, and some more to be a little longer", i, k) }
	key := func(kind string, k int) []byte { return fmt.Append(nil, kind, k) }
	list := func(k int) value.ListRef {
		ref, err := tx.Ref(key("list", k), value.List)
		if err != nil {
			t.Fatal(err)
		}
		return value.ListRef{Ref: ref, Limits: tx.Limits()}
	}
	stream := func(k int) value.StreamRef {
		ref, err := tx.Ref(key("stream", k), value.Stream)
		if err != nil {
			t.Fatal(err)
		}
		return value.StreamRef{Ref: ref, Limits: tx.Limits()}
	}
	id := func(i int) value.StreamID { return value.StreamID{MS: uint64(i/3 + 1), Seq: uint64(i)} }
	tx.Begin(e, 0, now)
	tx.LockAll()
	for k := range keys {
		tx.Create(key("list", k), value.List, value.Packed, value.NewListBytes)
		list(k).Init()
		tx.Create(key("stream", k), value.Stream, value.StreamTree, value.NewStreamBytes)
		stream(k).Init()
	}
	for i := range elements {
		for k := range keys {
			l := list(k)
			l.Room(len(text(k, i)), 1)
			l.Push(text(k, i), i%5 > 0)
			stream(k).Append(id(i), [][]byte{[]byte("field"), text(k, i)})
		}
	}
	var before [keys][][]byte
	for k := range keys {
		if k%8 > 0 {
			tx.Delete(key("list", k))
			tx.Delete(key("stream", k))
			continue
		}
		for i := 0; i < elements; i += 100 {
			stream(k).Delete(id(i))
		}
		before[k] = elementsOf(list(k), stream(k))
	}
	tx.Commit(nil)
	tx.Unlock()
	_, full := e.InUse()
	for range 4 { // a step moves a part of a large value
		e.CompactAll(now)
	}
	// An eighth is left, and in each shard a slab of each size.
	if live, resident := e.InUse(); resident > full/5 {
		t.Errorf("%d bytes are resident for %d in use, of %d before", resident, live, full)
	}
	tx.Begin(e, 0, now)
	tx.LockAll()
	defer tx.Unlock()
	for k := 0; k < keys; k += 8 {
		after := elementsOf(list(k), stream(k))
		if len(after) != len(before[k]) {
			t.Fatalf("%d: %d elements, want %d", k, len(after), len(before[k]))
		}
		for i := range after {
			if !bytes.Equal(after[i], before[k][i]) {
				t.Fatalf("%d: element %d is %q, want %q", k, i, after[i], before[k][i])
			}
		}
		// They go on as they were.
		l, s := list(k), stream(k)
		n := l.Len()
		l.Remove(100, 1200)
		if l.Len() != n-1200 || s.Trim(value.StreamTrim{MaxLen: 10}) == 0 || s.Len() != 10 || !s.Delete(id(elements-1)) {
			t.Errorf("%d: %d elements are left of %d, %d entries", k, l.Len(), n, s.Len())
		}
	}
}

// elementsOf are the elements of a list and the entries of a stream, by every way
// that leads to them.
func elementsOf(l value.ListRef, s value.StreamRef) (all [][]byte) {
	for i := 0; i < l.Len(); i += 7 {
		all = append(all, l.Index(i).Append(nil))
	}
	for _, rev := range []bool{false, true} {
		l.Range(0, l.Len(), rev, func(e value.Elem) bool {
			all = append(all, e.Append(nil))
			return true
		})
		s.Range(value.StreamID{}, value.StreamID{MS: 1 << 62}, rev, func(e value.StreamEntry) bool {
			all = append(all, fmt.Append(nil, e.ID, e))
			return true
		})
	}
	return all
}

// What compaction could not close is not held against the data for longer than it
// is there: blocks that come fill gaps, and slabs become empty.
func TestGapsThatAreFilledAreForgotten(t *testing.T) {
	const now, keys = 1000, 20_000
	e := New(Options{Shards: 1})
	var tx Tx
	each := func(do func(key []byte, k int)) {
		tx.Begin(e, 0, now)
		tx.LockAll()
		for k := range keys {
			do(fmt.Append(nil, "key", k), k)
		}
		tx.Commit(nil)
		tx.Unlock()
	}
	fill := func(key []byte, k int) { tx.SetString(key, bytes.Repeat([]byte("x"), 150), 0) }
	each(fill)
	each(func(key []byte, k int) {
		if k%8 > 0 {
			tx.Delete(key)
		}
	})
	s := &e.shards[0]
	s.settle(e, s.gaps(), 0, 0) // as if a round had ended that could move nothing
	if left := e.LeastGaps(); left < 1<<20 {
		t.Fatalf("%d bytes are gaps, want more", left)
	}
	each(fill)
	e.Compact(now, false)
	live, resident := e.InUse()
	if got := e.LeastGaps(); got > resident-live+tolerated {
		t.Errorf("%d bytes count as gaps that stay, %d of %d are free", got, resident-live, resident)
	}
}

// tolerated is by how much the pool's count of live bytes is behind a heap's, and what
// one step of compaction gives back.
const tolerated = 256 << 10
