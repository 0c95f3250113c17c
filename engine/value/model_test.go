package value

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	"cached/engine/arena"
	"cached/engine/table"
)

// A box is one key with one value, outside an engine.
type box struct {
	t    *testing.T
	heap *arena.Heap
	keys table.Table
}

func newBox(t *testing.T) *box { return &box{t: t, heap: arena.NewHeap(arena.NewPool())} }

var boxKey = []byte("key")

// create makes the value anew; ref finds it again.
func (b *box) create(typ Type, e Encoding, n int) Ref {
	h := table.Hash(boxKey)
	b.keys.Insert(b.heap, h, table.NewItem(b.heap, Kind(typ, e), 0, boxKey, n, 0))
	return b.ref()
}

func (b *box) ref() Ref { return Ref{Heap: b.heap, Slot: b.keys.Find(table.Hash(boxKey), boxKey)} }

// end frees the value, step by step, and checks that nothing is left; before
// that, that a copy is the same and is freed as well.
func (b *box) end(same func(it table.Item)) {
	b.t.Helper()
	it := b.ref().Item()
	c := Copy(b.heap, it, []byte("copy"), 0)
	same(c)
	if x, y := Bytes(it, 0), b.heap.LiveBytes(); x <= 0 || x > y {
		b.t.Errorf("Bytes is %d of %d live ones", x, y)
	}
	for !FreeSome(b.heap, c, 3) {
	}
	same(b.ref().Item())
	b.keys.Delete(b.heap, table.Hash(boxKey), b.ref().Slot)
	Free(b.heap, it)
	if n := b.heap.LiveBytes(); n != 0 {
		b.t.Errorf("%d bytes live after the end", n)
	}
}

// text is a random element: often an integer, sometimes long.
func text(r *rand.Rand, n int) []byte {
	switch r.IntN(12) {
	case 0:
		return []byte(strings.Repeat("x", r.IntN(100)) + fmt.Sprint(r.IntN(n)))
	case 1:
		return fmt.Appendf(nil, "%d", r.IntN(n)-n/2)
	case 2:
		return bytes.Repeat([]byte{byte(r.IntN(n))}, r.IntN(3))
	}
	return fmt.Appendf(nil, "e%d", r.IntN(n))
}

// listText makes random elements of a list, in one way for some hundred at a time:
// of one length, some of which are integers, of one or two others among them, long
// ones, and like text.
func listText(r *rand.Rand) func() []byte {
	each, left, kind := 0, 0, 0
	return func() []byte {
		if left--; left < 0 {
			each, left, kind = 1+r.IntN(24), r.IntN(600), r.IntN(8)
		}
		n := each
		switch kind {
		case 0:
			return text(r, 1000)
		case 1:
			if r.IntN(40) == 0 {
				return bytes.Repeat([]byte("long"), r.IntN(2000))
			}
			return text(r, 1000)
		case 2: // integers, most of them
			return fmt.Appendf(nil, "%d", r.Int64()>>r.IntN(64))
		case 3:
			n += r.IntN(100) / 99
		case 4:
			n += left % 2
		case 5:
			n *= 30
		}
		b := bytes.Repeat([]byte{byte('a' + r.IntN(26))}, n)
		if kind >= 6 && r.IntN(20) == 0 {
			for i := range b {
				b[i] = byte('0' + r.IntN(10))
			}
		}
		return b
	}
}

// limits are small, none or Redis's.
func someLimits(r *rand.Rand) *Limits {
	l := DefaultLimits
	switch r.IntN(3) {
	case 0:
		l = Limits{ListSize: 1}
	case 1:
		l = Limits{HashEntries: 8, HashValue: 20, SetEntries: 8, SetValue: 20, SetInts: 6, ZSetEntries: 8, ZSetValue: 20, ListSize: 10}
	}
	return &l
}

func eachSeed(t *testing.T, f func(t *testing.T, r *rand.Rand)) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { f(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func TestListsAreLikeSlices(t *testing.T) {
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		b := newBox(t)
		lim := someLimits(r)
		list := func() ListRef { return ListRef{b.ref(), lim} }
		b.create(List, Packed, NewListBytes)
		list().Init()
		var model [][]byte
		same := func(it table.Item) {
			t.Helper()
			i := 0
			EachList(it, func(e Elem) bool {
				if i >= len(model) || !e.Equal(model[i]) {
					t.Fatalf("element %d is %q", i, e.Append(nil))
				}
				i++
				return true
			})
			if i != len(model) || ListLen(it) != len(model) {
				t.Fatalf("%d elements and a length of %d, want %d", i, ListLen(it), len(model))
			}
			checkChunks(t, it)
		}
		grow := r.IntN(3)
		elem := listText(r)
		for step := range 3000 {
			e := elem()
			n := len(model)
			switch op := r.IntN(12 + 4*grow); {
			case op >= 9 || n == 0:
				back := r.IntN(3) > 0
				list().Room(len(e), 1)
				list().Push(e, back)
				if back {
					model = append(model, e)
				} else {
					model = slices.Insert(model, 0, e)
				}
			case op < 2:
				back := op == 0
				if got := list().End(back); !got.Equal(model[map[bool]int{false: 0, true: n - 1}[back]]) {
					t.Fatalf("the end is %q", got.Append(nil))
				}
				list().Pop(back)
				if back {
					model = model[:n-1]
				} else {
					model = model[1:]
				}
			case op == 2:
				i := r.IntN(n)
				list().Room(len(e), 0)
				list().Set(i, e)
				model[i] = e
			case op == 3 || op == 4:
				i := r.IntN(n + 1)
				list().Room(len(e), 1)
				list().Insert(i, e)
				model = slices.Insert(slices.Clone(model), i, e)
			case op == 5:
				i := r.IntN(n)
				k := min(r.IntN(1+r.IntN(200)), n-i)
				list().Remove(i, k)
				model = slices.Delete(slices.Clone(model), i, i+k)
			case op == 6:
				i := r.IntN(n)
				if got := list().Index(i); !got.Equal(model[i]) {
					t.Fatalf("index %d is %q, want %q", i, got.Append(nil), model[i])
				}
			default:
				i, rev := r.IntN(n), op == 7
				k := r.IntN(n)
				at := i
				list().Range(i, k, rev, func(e Elem) bool {
					if !e.Equal(model[at]) {
						t.Fatalf("range from %d at %d is %q, want %q", i, at, e.Append(nil), model[at])
					}
					if at++; rev {
						at -= 2
					}
					return true
				})
			}
			if step%100 == 0 {
				same(list().Item())
				list().Compact(10, r.Uint64())
			}
		}
		b.end(same)
	})
}

func TestHashesAreLikeMaps(t *testing.T) {
	type entry struct {
		v   string
		due int64
	}
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		b := newBox(t)
		lim := someLimits(r)
		hash := func() HashRef { return HashRef{b.ref(), lim} }
		b.create(Hash, Packed, NewHashBytes)
		hash().Init()
		model := map[string]entry{}
		same := func(it table.Item) {
			t.Helper()
			n := 0
			EachHash(it, func(f, v Elem, due int64) bool {
				n++
				want, ok := model[string(f.Append(nil))]
				if !ok || string(v.Append(nil)) != want.v || due != want.due {
					t.Fatalf("%q is %q due %d, want %+v", f.Append(nil), v.Append(nil), due, want)
				}
				return true
			})
			first := int64(0)
			for _, e := range model {
				if e.due != 0 && (first == 0 || e.due < first) {
					first = e.due
				}
			}
			if n != len(model) || HashLen(it) != n || FieldsDue(it) != first || it.HasParts() != (first != 0) {
				t.Fatalf("%d fields, length %d, due %d %v; want %d, due %d", n, HashLen(it), FieldsDue(it), it.HasParts(), len(model), first)
			}
		}
		deadlines := r.IntN(2) == 0
		for step := range 2000 {
			f := text(r, 40)
			switch op := r.IntN(8); {
			case op < 3:
				v, keep := text(r, 1000), r.IntN(3) == 0
				old, was := model[string(f)]
				if created := hash().Set(f, v, keep); created == was {
					t.Fatalf("Set of %q: created %v", f, created)
				}
				e := entry{v: string(v)}
				if keep {
					e.due = old.due
				}
				model[string(f)] = e
			case op == 3:
				_, was := model[string(f)]
				if hash().Remove(f) != was {
					t.Fatalf("Delete of %q: want %v", f, was)
				}
				delete(model, string(f))
			case op == 4 && deadlines:
				due := int64(r.IntN(100))
				e, was := model[string(f)]
				if hash().SetDeadline(f, due) != was {
					t.Fatalf("SetDeadline of %q: want %v", f, was)
				}
				if was {
					model[string(f)] = entry{e.v, due}
				}
			case op == 5 && deadlines:
				now := int64(r.IntN(60))
				limit := 1 + r.IntN(5)
				if step%3 == 0 {
					limit = 1000
				}
				n := hash().ExpireFields(now, limit, func(f []byte) {
					if e, ok := model[string(f)]; !ok || e.due == 0 || e.due >= now {
						t.Fatalf("%q expired at %d: %+v %v", f, now, e, ok)
					}
					delete(model, string(f))
				})
				for f, e := range model {
					if limit == 1000 && e.due != 0 && e.due < now {
						t.Fatalf("%q stayed after %d expired at %d: %+v", f, n, now, e)
					}
				}
			default:
				e, was := model[string(f)]
				v, found := hash().Get(f)
				due, there := hash().Deadline(f)
				if found != was || there != was || was && (string(v.Append(nil)) != e.v || due != e.due) {
					t.Fatalf("%q is %q due %d %v, want %+v %v", f, v.Append(nil), due, found, e, was)
				}
				if len(model) > 0 {
					if f, _ := hash().Random(); model[string(f.Append(nil))] == (entry{}) && !hasKey(model, f) {
						t.Fatalf("random field %q", f.Append(nil))
					}
				}
			}
			if step%50 == 0 {
				same(hash().Item())
			}
		}
		b.end(same)
	})
}

func hasKey[V any](m map[string]V, e Elem) bool {
	_, ok := m[string(e.Append(nil))]
	return ok
}

func TestSetsAreLikeMaps(t *testing.T) {
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		b := newBox(t)
		lim := someLimits(r)
		set := func() SetRef { return SetRef{b.ref(), lim} }
		b.create(Set, IntSet, NewSetBytes)
		set().Init()
		model := map[string]int64{} // deadlines, 0 for none
		same := func(it table.Item) {
			t.Helper()
			n, first := 0, int64(0)
			EachMember(it, func(e Elem, due int64) bool {
				n++
				if want, ok := model[string(e.Append(nil))]; !ok || due != want {
					t.Fatalf("%q is there, due %d, want %d %v", e.Append(nil), due, want, ok)
				}
				if due != 0 && (first == 0 || due < first) {
					first = due
				}
				return true
			})
			m := 0
			EachSet(it, func(e Elem) bool {
				m++
				if !hasKey(model, e) {
					t.Fatalf("%q is there", e.Append(nil))
				}
				return true
			})
			if n != len(model) || m != n || SetLen(it) != n || FieldsDue(it) != first || it.HasParts() != (first != 0) {
				t.Fatalf("%d and %d members, a length of %d, due %d %v; want %d, due %d", n, m, SetLen(it), FieldsDue(it), it.HasParts(), len(model), first)
			}
		}
		ints, deadlines := r.IntN(3) > 0, r.IntN(3)*5
		for step := range 2000 {
			m := text(r, 300)
			if ints && step < 1000 {
				m = fmt.Appendf(nil, "%d", r.Int64()>>r.IntN(64))
				if r.IntN(2) == 0 {
					m = fmt.Appendf(nil, "%d", r.IntN(20))
				}
			}
			old, was := model[string(m)]
			switch op := r.IntN(5 + deadlines); {
			case op < 2:
				if set().Add(m) == was {
					t.Fatalf("Add of %q: was there %v", m, was)
				}
				model[string(m)] = old
			case op == 2:
				if set().Remove(m) != was {
					t.Fatalf("Remove of %q: want %v", m, was)
				}
				delete(model, string(m))
			case op == 5 || op == 6:
				due := int64(r.IntN(100))
				if set().SetDeadline(m, due) != was {
					t.Fatalf("SetDeadline of %q: want %v", m, was)
				}
				if was {
					model[string(m)] = due
				}
			case op == 7:
				now, limit := int64(r.IntN(60)), 1+r.IntN(5)
				if step%3 == 0 {
					limit = 1000
				}
				n, told := set().ExpireMembers(now, limit, func(m []byte) {
					if due, ok := model[string(m)]; !ok || due == 0 || due >= now {
						t.Fatalf("%q expired at %d: due %d %v", m, now, due, ok)
					}
					delete(model, string(m))
				}), 0
				for _, due := range model {
					if due != 0 && due < now {
						told++
					}
				}
				if n > limit || n < limit && told > 0 {
					t.Fatalf("%d expired at %d with a limit of %d, and %d did not", n, now, limit, told)
				}
			default:
				due, there := set().Deadline(m)
				if set().Has(m) != was || there != was || due != old {
					t.Fatalf("%q: there %v, due %d; want %v, %d", m, there, due, was, old)
				}
				if len(model) > 0 && !hasKey(model, set().Random()) {
					t.Fatal("a random member is none")
				}
			}
			if step%50 == 0 {
				same(set().Item())
				set().Compact(10, r.Uint64())
			}
		}
		b.end(same)
	})
}

func TestSortedSetsAreLikeSortedSlices(t *testing.T) {
	type pair struct {
		m string
		f float64
	}
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		b := newBox(t)
		lim := someLimits(r)
		zset := func() ZSetRef { return ZSetRef{b.ref(), lim} }
		b.create(ZSet, Packed, NewZSetBytes)
		zset().Init()
		scores := map[string]float64{}
		var order []pair
		sorted := func() []pair {
			if order == nil {
				for m, f := range scores {
					order = append(order, pair{m, f})
				}
				sort.Slice(order, func(i, j int) bool {
					return order[i].f < order[j].f || order[i].f == order[j].f && order[i].m < order[j].m
				})
			}
			return order
		}
		same := func(it table.Item) {
			t.Helper()
			i, want := 0, sorted()
			EachZSet(it, func(m Elem, f float64) bool {
				if i >= len(want) || string(m.Append(nil)) != want[i].m || f != want[i].f {
					t.Fatalf("at rank %d is %q %v", i, m.Append(nil), f)
				}
				i++
				return true
			})
			if i != len(want) || ZSetLen(it) != i {
				t.Fatalf("%d members and a length of %d, want %d", i, ZSetLen(it), len(want))
			}
		}
		some := []float64{0, 1, -1, 2, 0.5, 1e300, math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 1 << 53, 3.14}
		score := func() float64 {
			if r.IntN(2) == 0 {
				return some[r.IntN(len(some))]
			}
			return float64(r.IntN(200)) / 4
		}
		for step := range 2000 {
			m := text(r, 60)
			old, was := scores[string(m)]
			switch r.IntN(9) {
			case 0, 1, 2:
				f := score()
				if zset().Set(m, f) == was {
					t.Fatalf("Set of %q: was there %v", m, was)
				}
				scores[string(m)], order = f, nil
			case 3:
				if zset().Remove(m) != was {
					t.Fatalf("Remove of %q: want %v", m, was)
				}
				delete(scores, string(m))
				order = nil
			case 4:
				if n := len(scores); n > 0 && r.IntN(8) == 0 {
					first := r.IntN(n)
					k := min(r.IntN(10), n-first)
					for _, p := range sorted()[first : first+k] {
						delete(scores, p.m)
					}
					zset().RemoveRange(first, k)
					order = nil
				}
			case 5:
				f, found := zset().Score(m)
				rank, g, there := zset().Rank(m)
				want := slices.Index(sorted(), pair{string(m), old})
				if found != was || there != was || was && (f != old || g != old || rank != want) {
					t.Fatalf("%q: %v %v, rank %d %v %v; want %v %v rank %d", m, f, found, rank, g, there, old, was, want)
				}
			case 6:
				f := score()
				below, upTo := 0, 0
				for _, p := range sorted() {
					if p.f < f {
						below++
					}
					if p.f <= f {
						upTo++
					}
				}
				if x, y := zset().Below(f, false), zset().Below(f, true); x != below || y != upTo {
					t.Fatalf("below %v: %d and %d, want %d and %d", f, x, y, below, upTo)
				}
			default:
				want := sorted()
				if len(want) == 0 {
					continue
				}
				i, rev := r.IntN(len(want)), r.IntN(2) == 0
				at := i
				zset().Range(i, 1+r.IntN(20), rev, func(m Elem, f float64) bool {
					if string(m.Append(nil)) != want[at].m || f != want[at].f {
						t.Fatalf("range from %d at %d: %q %v, want %v", i, at, m.Append(nil), f, want[at])
					}
					if at++; rev {
						at -= 2
					}
					return true
				})
				if m, f := zset().Random(); scores[string(m.Append(nil))] != f {
					t.Fatalf("random %q %v", m.Append(nil), f)
				}
			}
			if step%50 == 0 {
				same(zset().Item())
			}
		}
		b.end(same)
	})
}

// In a set whose scores are all the same, members are found by their bytes.
func TestRangesOfMembers(t *testing.T) {
	for _, entries := range []int{0, 1000} {
		b := newBox(t)
		lim := &Limits{ZSetEntries: entries, ZSetValue: 64}
		b.create(ZSet, Packed, NewZSetBytes)
		z := func() ZSetRef { return ZSetRef{b.ref(), lim} }
		z().Init()
		for i := range 500 {
			z().Set(fmt.Appendf(nil, "m%03d", i*2), 1)
		}
		for i := range 1000 {
			m := fmt.Appendf(nil, "m%03d", i)
			if x, y := z().Before(m, false), z().Before(m, true); x != (i+1)/2 || y != i/2+1 {
				t.Fatalf("before %s: %d and %d", m, x, y)
			}
		}
	}
}
