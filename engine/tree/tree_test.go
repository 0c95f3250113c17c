package tree

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"cached/engine/arena"
)

// A world is a tree beside the slice of entries it must agree with.
type world struct {
	testing.TB
	h     *arena.Heap
	t     Tree
	model []Entry
}

func newWorld(t testing.TB, m Mode) *world {
	return &world{TB: t, h: arena.NewHeap(arena.NewPool()), t: New(m)}
}

// rankOf orders refs in another way than their numbers do.
func rankOf(ref uint64) uint64 { return ref * 0x9E3779B97F4A7C15 }

func compareRefs(a, b uint64) int { return cmp.Compare(rankOf(a), rankOf(b)) }

func tieOf(ref uint64) Tie {
	return func(other uint64) int { return compareRefs(ref, other) }
}

func compareEntries(a, b Entry) int {
	if c := cmp.Compare(a.Key, b.Key); c != 0 {
		return c
	}
	return compareRefs(a.Ref, b.Ref)
}

func (w *world) weight() (sum uint64) {
	if w.t.Mode() == Ordered {
		return uint64(len(w.model))
	}
	for _, e := range w.model {
		sum += e.Key
	}
	return sum
}

// start is the weight in front of the i-th entry.
func (w *world) start(i int) (sum uint64) {
	if w.t.Mode() == Ordered {
		return uint64(i)
	}
	for _, e := range w.model[:i] {
		sum += e.Key
	}
	return sum
}

// check compares everything.
func (w *world) check() {
	w.Helper()
	if err := w.t.Check(compareRefs); err != nil {
		w.Fatal(err)
	}
	if w.t.Len() != len(w.model) || w.t.Weight() != w.weight() {
		w.Fatalf("%d entries of weight %d, want %d of %d", w.t.Len(), w.t.Weight(), len(w.model), w.weight())
	}
	i := 0
	if len(w.model) > 0 {
		for it := w.t.First(); it.Valid(); it = it.Next() {
			if got := (Entry{it.Key(), it.Ref()}); got != w.model[i] {
				w.Fatalf("entry %d is %v, want %v", i, got, w.model[i])
			}
			i++
		}
		if i != len(w.model) {
			w.Fatalf("%d entries forwards, want %d", i, len(w.model))
		}
		for it := w.t.Last(); it.Valid(); it = it.Prev() {
			i--
			if it.Ref() != w.model[i].Ref {
				w.Fatalf("entry %d is another backwards", i)
			}
		}
	}
	if i != 0 || w.t.First().Valid() != (len(w.model) > 0) || w.t.End().Valid() {
		w.Fatal("the ends are wrong")
	}
	if int64(w.t.Bytes()) != w.h.LiveBytes() {
		w.Fatalf("Bytes is %d, the heap says %d", w.t.Bytes(), w.h.LiveBytes())
	}
}

// free ends the tree, in steps of budget if that is not 0.
func (w *world) free(budget int) {
	w.Helper()
	left := map[uint64]int{}
	for _, e := range w.model {
		left[e.Ref]++
	}
	visit := func(ref uint64) { left[ref]-- }
	if budget == 0 {
		w.t.Free(w.h, visit)
	} else {
		for !w.t.FreeSome(w.h, budget, visit) {
			if err := w.t.Check(compareRefs); err != nil {
				w.Fatal(err)
			}
		}
	}
	for ref, n := range left {
		if n > 0 || n < 0 && len(w.model) > 0 {
			w.Fatalf("ref %d was visited %d times too few", ref, n)
		}
	}
	if w.h.LiveBytes() != 0 || w.t.Len() != 0 || w.t.Weight() != 0 {
		w.Fatalf("%d bytes left behind", w.h.LiveBytes())
	}
}

// script reads random choices from fuzz input.
type script struct{ data []byte }

func (s *script) n(limit int) int {
	v := 0
	for n := limit - 1; n > 0 && len(s.data) > 0; n >>= 8 {
		v = v<<8 | int(s.data[0])
		s.data = s.data[1:]
	}
	if limit <= 0 {
		return 0
	}
	return v % limit
}

// play applies the same operations to a tree and to a slice. The first byte
// chooses the mode, how many keys there are and how wide single steps are.
func play(t testing.TB, data []byte, every int) {
	s := &script{data}
	mode := Mode(s.n(2))
	w := newWorld(t, mode)
	keys := []int{1, 5, 1000, 1 << 20}[s.n(4)]
	bulk := []int{1, 20, 1500}[s.n(3)]
	for ref, step := uint64(1), 0; len(s.data) > 0; step++ {
		op, n := s.n(16), len(w.model)
		switch {
		case op < 6: // a few inserts, at random, ascending or descending
			style, at := s.n(3), s.n(n+1)
			for range 1 + s.n(bulk) {
				ref++
				if mode == Positional {
					weight := uint64(1 + s.n(4))
					w.t.InsertAt(w.h, w.start(at), weight, ref)
					w.model = slices.Insert(w.model, at, Entry{weight, ref})
					at += style & 1
					continue
				}
				key := uint64(s.n(keys))
				switch {
				case style == 1:
					key = uint64(keys) + ref
				case style == 2:
					key = math.MaxUint64 / (ref + 1)
				}
				e := Entry{key, ref}
				i, _ := slices.BinarySearchFunc(w.model, e, compareEntries)
				if !w.t.Insert(w.h, key, ref, tieOf(ref)) || w.t.Insert(w.h, key, ref, tieOf(ref)) {
					t.Fatal("Insert did not see what there is")
				}
				w.model = slices.Insert(w.model, i, e)
			}
		case op < 9 && n > 0: // a few deletes
			at, ends := s.n(n), s.n(4)
			for range min(1+s.n(bulk), n) {
				switch {
				case ends == 0:
					at = 0
				case ends == 1 || at >= len(w.model):
					at = len(w.model) - 1
				}
				e := w.model[at]
				if mode == Positional || ends == 2 {
					offset := uint64(0)
					if mode == Positional {
						offset = e.Key - 1
					}
					if got := w.t.DeleteAt(w.h, w.start(at)+offset); got != e {
						t.Fatalf("deleted %v, want %v", got, e)
					}
				} else if !w.t.Delete(w.h, e.Key, e.Ref, tieOf(e.Ref)) || w.t.Delete(w.h, e.Key, e.Ref, tieOf(e.Ref)) {
					t.Fatalf("deleting %v failed, or succeeded twice", e)
				}
				w.model = slices.Delete(w.model, at, at+1)
			}
		case op < 11: // a range by weight
			total := int(w.weight())
			from, count := s.n(total+2), s.n(total/(1+s.n(4))+2)
			i, sum := 0, 0
			size := func(i int) int { return int(w.start(i+1) - w.start(i)) }
			for ; i < n && sum < from; i++ {
				sum += size(i)
			}
			j := i
			var want []uint64
			for ; j < n && sum+size(j) <= from+count; j++ {
				sum += size(j)
				want = append(want, w.model[j].Ref)
			}
			var got []uint64
			gone := w.t.DeleteRange(w.h, uint64(from), uint64(count), func(ref uint64) { got = append(got, ref) })
			if gone != len(want) || !slices.Equal(got, want) {
				t.Fatalf("range %d+%d of %d: %d gone, want %d", from, count, total, gone, len(want))
			}
			w.model = slices.Delete(w.model, i, j)
		case op == 11 && n > 0: // another ref, or weight
			at := s.n(n)
			e := &w.model[at]
			if mode == Positional {
				ref++
				e1 := Entry{uint64(1 + s.n(6)), ref}
				w.t.SetAt(w.start(at)+e.Key-1, e1.Key, e1.Ref)
				*e = e1
			} else if !w.t.SetRef(e.Key, e.Ref, tieOf(e.Ref), e.Ref) || w.t.SetRef(e.Key, e.Ref+1<<40, tieOf(e.Ref), 0) {
				t.Fatal("SetRef missed an entry or found another")
			}
		case op == 12 && n > 0 && mode == Ordered: // another key
			at := s.n(n)
			e := w.model[at]
			key := uint64(s.n(keys))
			if s.n(2) == 0 {
				key = e.Key + 1
			}
			if !w.t.SetKey(w.h, e.Key, e.Ref, tieOf(e.Ref), key) {
				t.Fatal("SetKey missed an entry")
			}
			w.model = slices.Delete(w.model, at, at+1)
			e.Key = key
			i, _ := slices.BinarySearchFunc(w.model, e, compareEntries)
			w.model = slices.Insert(w.model, i, e)
		case op == 13 && s.n(8) == 0:
			w.free(s.n(100))
			w.model = nil
		default:
			w.look(s, keys)
		}
		if step%every == 0 {
			w.check()
		}
	}
	w.check()
	w.free(len(data) % 3 * 50)
}

// look compares every way to find an entry with the model.
func (w *world) look(s *script, keys int) {
	w.Helper()
	n := len(w.model)
	at := func(what string, it Iter, want int) {
		w.Helper()
		if it.Valid() != (want < n) || it.Valid() && it.Ref() != w.model[want].Ref {
			w.Fatalf("%s: not entry %d of %d", what, want, n)
		}
		if prev := it.Prev(); prev.Valid() != (want > 0) || prev.Valid() && prev.Ref() != w.model[want-1].Ref {
			w.Fatalf("%s: wrong entry in front of %d", what, want)
		} else if n > 0 && want < n && prev.Next() != it {
			w.Fatalf("%s: Prev and Next do not return", what)
		}
	}
	i := s.n(n + 1)
	if i < n {
		it, offset := w.t.At(w.start(i))
		at("At", it, i)
		if w.t.Mode() == Positional {
			last, o := w.t.At(w.start(i+1) - 1)
			if last != it || offset != 0 || o != w.model[i].Key-1 {
				w.Fatalf("offsets %d and %d", offset, o)
			}
		}
	} else if it, _ := w.t.At(w.weight()); it.Valid() {
		w.Fatal("At found something behind the end")
	}
	if w.t.Mode() == Positional {
		return
	}
	if i < n {
		e := w.model[i]
		it, ok := w.t.Find(e.Key, tieOf(e.Ref))
		rank, ok2 := w.t.Rank(e.Key, tieOf(e.Ref))
		if at("Find", it, i); !ok || !ok2 || rank != uint64(i) {
			w.Fatalf("Rank of %d is %d", i, rank)
		}
	}
	e := Entry{uint64(s.n(keys)), 1<<50 + uint64(s.n(100))}
	if i < n && s.n(2) == 0 {
		e.Key = w.model[i].Key
	}
	first := func(e Entry, equal int) int { // past all that are below e, or equal if that is 1
		k, _ := slices.BinarySearchFunc(w.model, e, func(a, b Entry) int {
			if c := cmp.Compare(a.Key, b.Key); c != 0 {
				return c
			}
			return -equal
		})
		return k
	}
	low, high := first(e, 0), first(e, 1)
	for low > 0 && w.model[low-1].Key == e.Key { // the search stops anywhere among equals
		low--
	}
	at("LowerBound", w.t.LowerBound(e.Key), low)
	at("UpperBound", w.t.UpperBound(e.Key), high)
	if rank := w.t.RankKey(e.Key); rank != uint64(low) {
		w.Fatalf("RankKey is %d, want %d", rank, low)
	}
	it, found := w.t.Find(e.Key, nil)
	rank, _ := w.t.Rank(e.Key, nil)
	if at("Find nil", it, low); found != (low < high) || rank != uint64(low) {
		w.Fatalf("first of a key: %v", found)
	}
	k, _ := slices.BinarySearchFunc(w.model, e, compareEntries)
	it, found = w.t.Find(e.Key, tieOf(e.Ref))
	rank, _ = w.t.Rank(e.Key, tieOf(e.Ref))
	if at("Find absent", it, k); found || rank != uint64(k) {
		w.Fatalf("an absent entry has rank %d, want %d", rank, k)
	}
	before := func(key, ref uint64) bool { return compareEntries(Entry{key, ref}, e) < 0 }
	at("Seek", w.t.Seek(before), k)
	if rank := w.t.RankWhere(before); rank != uint64(k) {
		w.Fatalf("RankWhere is %d, want %d", rank, k)
	}
}

func TestRandomOperationsAgreeWithASlice(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for round := range 400 {
		data := make([]byte, 200+rng.IntN(3000))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		play(t, data, 1+round%3)
	}
}

func FuzzTree(f *testing.F) {
	f.Add([]byte("\x00\x01\x01\x00\x00\x20\x01\x02\x09\x01\x04"))
	f.Add([]byte("\x01\x02\x02\x00\x01\x00\xff\x01\x02\x09\x01\x04"))
	f.Fuzz(func(t *testing.T, data []byte) { play(t, data, 1) })
}

// Large trees, with several levels of inner nodes, lose and gain ranges.
func TestRangesOfLargeTrees(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, mode := range []Mode{Ordered, Positional} {
		for _, n := range []int{3000, 200_000} {
			w := newWorld(t, mode)
			for i := range n {
				e := Entry{uint64(i), uint64(i)}
				if mode == Ordered {
					w.t.Insert(w.h, e.Key, e.Ref, nil)
				} else {
					e.Key = 1
					w.t.InsertAt(w.h, uint64(i), 1, e.Ref)
				}
				w.model = append(w.model, e)
			}
			w.model = slices.Clone(w.model)
			for len(w.model) > 0 {
				from := rng.IntN(len(w.model))
				k := min(rng.IntN(1+len(w.model)/3)+1, len(w.model)-from)
				w.t.DeleteRange(w.h, uint64(from), uint64(k), nil)
				w.model = slices.Delete(w.model, from, from+k)
				if err := w.t.Check(nil); err != nil {
					t.Fatal(err)
				}
				if it, _ := w.t.At(uint64(from)); it.Valid() != (from < len(w.model)) || it.Valid() && it.Ref() != w.model[from].Ref {
					t.Fatalf("wrong entry at %d", from)
				}
			}
			w.free(0)
		}
	}
}

func TestBuildingInOrderFillsNodes(t *testing.T) {
	const n = 100_000
	for name, key := range map[string]func(i int) uint64{
		"ascending":  func(i int) uint64 { return uint64(i) },
		"descending": func(i int) uint64 { return uint64(n - i) },
	} {
		w := newWorld(t, Ordered)
		for i := range n {
			w.t.Insert(w.h, key(i), uint64(i), nil)
		}
		if err := w.t.Check(nil); err != nil {
			t.Fatal(err)
		}
		if perEntry := float64(w.h.LiveBytes()) / n; perEntry > 17 {
			t.Errorf("%s: %.2f bytes per entry", name, perEntry)
		}
		for w.t.Len() > 0 { // a queue
			w.t.DeleteAt(w.h, 0)
		}
		w.free(0)
	}
}

func TestSmallTreesAreSmall(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, n := range []int{1, 7, 40, 130, 1000} {
		w := newWorld(t, Ordered)
		for i := range n {
			w.t.Insert(w.h, rng.Uint64(), uint64(i), nil)
		}
		if got, limit := w.h.LiveBytes(), int64(n*16*5/4+400); got > limit {
			t.Errorf("%d entries in %d bytes, want at most %d", n, got, limit)
		}
		w.free(10)
	}
}

func TestFloatKeysKeepTheOrder(t *testing.T) {
	list := []float64{math.Inf(-1), -math.MaxFloat64, -2.5, -1, -math.SmallestNonzeroFloat64, 0,
		math.SmallestNonzeroFloat64, 1, 2.5, math.MaxFloat64, math.Inf(1)}
	for i, f := range list {
		if KeyFloat(FloatKey(f)) != f {
			t.Errorf("%v comes back as %v", f, KeyFloat(FloatKey(f)))
		}
		if i > 0 && FloatKey(list[i-1]) >= FloatKey(f) {
			t.Errorf("%v is not in front of %v", list[i-1], f)
		}
	}
	if FloatKey(math.Copysign(0, -1)) != FloatKey(0) {
		t.Error("-0 is not 0")
	}
}

func TestOperationsDoNotAllocate(t *testing.T) {
	w := newWorld(t, Ordered)
	p := New(Positional)
	for i := range uint64(5000) {
		w.t.Insert(w.h, i*7919%1000, i, tieOf(i))
		p.InsertAt(w.h, i, 1, i)
	}
	ref, sum := uint64(6000), uint64(0)
	allocs := testing.AllocsPerRun(1000, func() {
		ref++
		tie := func(other uint64) int { return compareRefs(ref, other) }
		w.t.Insert(w.h, ref%1000, ref, tie)
		w.t.SetKey(w.h, ref%1000, ref, tie, 77)
		w.t.SetRef(77, ref, tie, ref)
		rank, _ := w.t.Rank(77, tie)
		it, _ := w.t.At(rank)
		sum += it.Next().Ref() + w.t.LowerBound(50).Ref()
		it, _ = w.t.Find(77, tie)
		sum += it.Prev().Ref()
		w.t.Seek(func(key, other uint64) bool { return key < 10 || key == 10 && compareRefs(other, ref) < 0 })
		w.t.Delete(w.h, 77, ref, tie)
		w.t.DeleteRange(w.h, rank, 2, func(r uint64) { sum += r })
		p.InsertAt(w.h, ref%100, 3, ref)
		p.SetAt(ref%100, 4, ref)
		p.DeleteAt(w.h, ref%100)
	})
	if allocs != 0 {
		t.Fatalf("%v allocations", allocs)
	}
	w.t.FreeSome(w.h, 1000, nil)
}
