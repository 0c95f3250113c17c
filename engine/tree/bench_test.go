package tree

import (
	"math/rand/v2"
	"testing"

	"cached/engine/arena"
)

const million = 1_000_000

// scatter maps numbers one to one to others that look random.
func scatter(i uint64) uint64 {
	i = (i ^ i>>30) * 0xBF58476D1CE4E5B9
	i = (i ^ i>>27) * 0x94D049BB133111EB
	return i ^ i>>31
}

// build fills a tree with a million entries, whose keys are a permutation of
// their numbers if shuffled.
func build(h *arena.Heap, shuffled bool) Tree {
	t := New(Ordered)
	for i := range uint64(million) {
		key := i
		if shuffled {
			key = scatter(i)
		}
		t.Insert(h, key, i, nil)
	}
	return t
}

func benchInsert(b *testing.B, shuffled bool) {
	h := arena.NewHeap(arena.NewPool())
	for b.Loop() {
		t := build(h, shuffled)
		b.StopTimer()
		b.ReportMetric(float64(h.LiveBytes())/million, "B/entry")
		b.ReportMetric(float64(h.HeldBytes())/million, "held-B/entry")
		t.Free(h, nil)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/million, "ns/entry")
}

func BenchmarkInsertMillionRandom(b *testing.B)     { benchInsert(b, true) }
func BenchmarkInsertMillionSequential(b *testing.B) { benchInsert(b, false) }

func random(b *testing.B, do func(t *Tree, h *arena.Heap, i, key uint64)) {
	h := arena.NewHeap(arena.NewPool())
	t := build(h, true)
	rng := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		i := rng.Uint64N(million)
		do(&t, h, i, scatter(i))
	}
	b.ReportMetric(float64(h.LiveBytes())/million, "B/entry")
}

var sink uint64

func BenchmarkRank(b *testing.B) {
	random(b, func(t *Tree, _ *arena.Heap, i, key uint64) {
		rank, _ := t.Rank(key, func(ref uint64) int { return int(i - ref) })
		sink += rank
	})
}

func BenchmarkFind(b *testing.B) {
	random(b, func(t *Tree, _ *arena.Heap, i, key uint64) {
		it, _ := t.Find(key, func(ref uint64) int { return int(i - ref) })
		sink += it.Ref()
	})
}

func BenchmarkAt(b *testing.B) {
	random(b, func(t *Tree, _ *arena.Heap, i, _ uint64) {
		it, _ := t.At(i)
		sink += it.Ref()
	})
}

func BenchmarkDeleteInsert(b *testing.B) {
	random(b, func(t *Tree, h *arena.Heap, i, key uint64) {
		t.Delete(h, key, i, nil)
		t.Insert(h, key, i, nil)
	})
}

func BenchmarkIterate(b *testing.B) {
	h := arena.NewHeap(arena.NewPool())
	t := build(h, true)
	it := t.First()
	for b.Loop() {
		sink += it.Ref()
		if it = it.Next(); !it.Valid() {
			it = t.First()
		}
	}
}

func BenchmarkPushPopPositional(b *testing.B) {
	h := arena.NewHeap(arena.NewPool())
	t := New(Positional)
	for i := range uint64(1000) {
		t.InsertAt(h, t.Weight(), 100, i)
	}
	for b.Loop() {
		t.InsertAt(h, 0, 100, 1)
		t.SetAt(t.Weight()-1, 100, 2)
		t.DeleteAt(h, t.Weight()-1)
	}
}
