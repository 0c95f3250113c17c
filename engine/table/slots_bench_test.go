package table

import (
	"fmt"
	"hash/crc32"
	"testing"

	"cached/engine/arena"
)

// Two ways to keep the keys of a cluster's slot together: the slot in front of the hash, so
// that its keys are a range of one table, or a table for each slot. Measured for a million
// keys in all slots alike, and in one slot, as a hash tag that everybody uses has it.
//
//	go test ./engine/table -bench Slots -benchtime 1x
//
// docs/architecture.md says what follows from it.
func BenchmarkSlots(b *testing.B) {
	const keys = 1_000_000
	RegisterHash(slotFirst, func(key []byte) uint64 { return slotOf(key)<<50 | Hash(key)>>14 })
	for _, spread := range []string{"all slots", "half in one slot"} {
		key := func(i int) []byte {
			if spread == "half in one slot" && i%2 == 0 {
				return fmt.Appendf(nil, "{tag}:%09d", i)
			}
			return fmt.Appendf(nil, "key:%09d", i)
		}
		b.Run("slot first, "+spread, func(b *testing.B) {
			for b.Loop() {
				h := arena.NewHeap(arena.NewPool())
				var t Table
				t.InitHash(0, slotFirst)
				for i := range keys {
					k := key(i)
					t.Insert(h, t.hash(k), NewItem(h, 0, 0, k, 8, 0))
				}
				b.ReportMetric(float64(t.Bytes())/keys, "index-bytes/key")
				find(b, keys, func(i int) bool { k := key(i); return t.Find(t.hash(k), k) != nil })
				t.Free(h, func(it Item) { it.Free(h) })
			}
		})
		b.Run("a table for each slot, "+spread, func(b *testing.B) {
			for b.Loop() {
				h := arena.NewHeap(arena.NewPool())
				t := make([]Table, 1<<14)
				for i := range keys {
					k := key(i)
					t[slotOf(k)].Insert(h, Hash(k), NewItem(h, 0, 0, k, 8, 0))
				}
				bytes := int64(len(t)) * 32
				for i := range t {
					bytes += t[i].Bytes()
				}
				b.ReportMetric(float64(bytes)/keys, "index-bytes/key")
				find(b, keys, func(i int) bool { k := key(i); return t[slotOf(k)].Find(Hash(k), k) != nil })
				for i := range t {
					t[i].Free(h, func(it Item) { it.Free(h) })
				}
			}
		})
		b.Run("no slots, "+spread, func(b *testing.B) {
			for b.Loop() {
				h := arena.NewHeap(arena.NewPool())
				var t Table
				for i := range keys {
					k := key(i)
					t.Insert(h, Hash(k), NewItem(h, 0, 0, k, 8, 0))
				}
				b.ReportMetric(float64(t.Bytes())/keys, "index-bytes/key")
				find(b, keys, func(i int) bool { k := key(i); return t.Find(Hash(k), k) != nil })
				t.Free(h, func(it Item) { it.Free(h) })
			}
		})
	}
}

const slotFirst HashKind = 1

// slotOf is a stand-in for the slot of a cluster: 14 bits of a checksum, of the tag alone if
// there is one.
func slotOf(key []byte) uint64 {
	if key[0] == '{' {
		key = key[:5]
	}
	return uint64(crc32.ChecksumIEEE(key)) & (1<<14 - 1)
}

func find(b *testing.B, keys int, found func(i int) bool) {
	start := b.Elapsed()
	for i := range keys {
		if !found(i * 7919 % keys) {
			b.Fatal("a key is lost")
		}
	}
	b.ReportMetric(float64((b.Elapsed()-start).Nanoseconds())/float64(keys), "ns/find")
}

// A table whose owner has chosen the hash agrees with a map like any other.
func TestATableOfAnotherHash(t *testing.T) {
	RegisterHash(slotFirst, func(key []byte) uint64 { return slotOf(key)<<50 | Hash(key)>>14 })
	h := arena.NewHeap(arena.NewPool())
	var tb Table
	tb.InitHash(0, slotFirst)
	const keys = 20000
	key := func(i int) []byte { return fmt.Appendf(nil, "key:%d", i) }
	for i := range keys {
		tb.Insert(h, tb.hash(key(i)), NewItem(h, 0, 0, key(i), 0, 0))
	}
	for i := range keys {
		k := key(i)
		s := tb.Find(tb.hash(k), k)
		if s == nil {
			t.Fatalf("%s is lost", k)
		}
		if i%3 == 0 {
			it := ItemOf(s)
			tb.Delete(h, tb.hash(k), s)
			it.Free(h)
		}
	}
	// The keys of a slot are neighbours.
	last, seen := uint64(0), 0
	tb.Scan(0, keys, func(it Item) {
		if slot := slotOf(it.Key()); slot < last {
			t.Fatalf("slot %d behind slot %d", slot, last)
		} else {
			last = slot
		}
		seen++
	})
	if seen != keys-(keys+2)/3 || tb.Len() != seen {
		t.Errorf("%d keys, %d seen", tb.Len(), seen)
	}
	tb.Free(h, func(it Item) { it.Free(h) })
	if h.LiveBytes() != 0 {
		t.Errorf("%d bytes live", h.LiveBytes())
	}
}
