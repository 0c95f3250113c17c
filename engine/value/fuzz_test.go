package value

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"cached/engine/arena"
	"cached/engine/table"
)

// The fuzz tests read bytes as operations and play them to three forms of a
// value at once - one packed block, the large form from the first element on,
// and one that converts on its way - and to a naive model.

// forms are the limits of the three.
var forms = []*Limits{
	{HashEntries: 4096, HashValue: 400, SetEntries: 4096, SetValue: 400, SetInts: 4096, ZSetEntries: 4096, ZSetValue: 400, ListSize: 4096},
	{ListSize: 1},
	{HashEntries: 6, HashValue: 20, SetEntries: 6, SetValue: 20, SetInts: 4, ZSetEntries: 6, ZSetValue: 20, ListSize: 5},
}

// A tape is what is left of a fuzz test's input.
type tape []byte

// operations bounds a test's length: more only takes time.
const operations = 2000

func (t *tape) next() int {
	if len(*t) == 0 {
		return 0
	}
	c := (*t)[0]
	*t = (*t)[1:]
	return int(c)
}

var oddWords = [][]byte{
	{}, []byte("0"), []byte("-0"), []byte("01"), []byte("-1"), []byte("127"), []byte("128"), []byte("32768"), []byte("2147483648"),
	[]byte("9223372036854775807"), []byte("-9223372036854775808"), []byte("9223372036854775808"), []byte("1.5"), {0}, {255},
}

// word is an element: one of a few, so that words meet again.
func (t *tape) word() []byte {
	switch c := t.next(); {
	case c < 100:
		return fmt.Appendf(nil, "w%d", c)
	case c < 180:
		return fmt.Appendf(nil, "%d", (c-140)*(c-140)*(c-140))
	case c < 200:
		return bytes.Repeat([]byte{byte(c)}, 4*(c-180)*(c-180)/5)
	default:
		return oddWords[c%len(oddWords)]
	}
}

// run is some elements of one length, or of two: as many as fill chunks of a list.
func (t *tape) run() (all [][]byte) {
	each, n, kind := t.next()%40, t.next()%64*4, t.next()
	for i := range n {
		switch kind % 4 {
		case 0: // integers where each is small
			all = append(all, fmt.Appendf(nil, "%0*d", each, 10*i*i+kind))
		case 1:
			all = append(all, fmt.Appendf(nil, "%0*d", each+i%2, i))
		default:
			all = append(all, bytes.Repeat([]byte{byte('8' + (i+kind)%6)}, each))
		}
	}
	return all
}

func (t *tape) score() float64 {
	odd := []float64{math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 1 << 53, 1e300, 5e-324}
	if c := t.next(); c < 200 {
		return float64(c-100) / 4
	} else {
		return odd[c%len(odd)]
	}
}

// heaps are used again by run after run: a new one maps memory. A run leaves
// them empty, which box.end checks.
var heaps = []*arena.Heap{newHeap(), newHeap(), newHeap()}

func newHeap() *arena.Heap { return arena.NewHeap(arena.NewPool()) }

// boxes are one value in each form.
func boxes(t *testing.T, typ Type, e Encoding, n int) []*box {
	all := make([]*box, len(forms))
	for i := range all {
		all[i] = &box{t: t, heap: heaps[i]}
		all[i].create(typ, e, n)
	}
	return all
}

// seeds makes inputs that reach every operation.
func seeds(f *testing.F) {
	for k := range 8 {
		b := make([]byte, 300)
		x := uint32(k + 1)
		for i := range b {
			x = x*1664525 + 1013904223
			b[i] = byte(x >> 24)
		}
		f.Add(b)
	}
}

func FuzzLists(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		all := boxes(t, List, Packed, NewListBytes)
		at := func(i int) ListRef { return ListRef{all[i].ref(), forms[i]} }
		for i := range all {
			at(i).Init()
		}
		var model [][]byte
		collect := func(got *[][]byte) func(Elem) bool {
			return func(e Elem) bool { *got = append(*got, e.Append(nil)); return true }
		}
		same := func(it table.Item) {
			t.Helper()
			var got [][]byte
			EachList(it, collect(&got))
			if !slices.EqualFunc(got, model, bytes.Equal) || ListLen(it) != len(model) {
				t.Fatalf("%q with a length of %d, want %q", got, ListLen(it), model)
			}
			checkChunks(t, it)
		}
		in = in[:min(len(in), operations/2)]
		for tp := tape(in); len(tp) > 0; {
			op, n := tp.next()%11, len(model)
			if n == 0 && op != 8 && op != 9 {
				op %= 2
			}
			var e []byte
			if op < 2 || op == 4 || op == 5 {
				e = tp.word()
			}
			var run [][]byte
			if op == 8 || op == 9 {
				run = tp.run()
			}
			i, k := 0, 0
			if n > 0 {
				i = tp.next() * (1 + tp.next()) % n
				k = tp.next()
				k = min(k*k/64, n-i)
			}
			for b := range all {
				switch l := at(b); op {
				case 0, 1:
					l.Room(len(e), 1)
					at(b).Push(e, op == 1)
				case 2, 3:
					l.Pop(op == 3)
				case 4:
					l.Room(len(e), 1)
					at(b).Insert(i, e)
				case 5:
					l.Room(len(e), 0)
					at(b).Set(i, e)
				case 6:
					l.Remove(i, k)
				case 8, 9:
					for _, e := range run {
						at(b).Room(len(e), 1)
						at(b).Push(e, op == 9)
					}
				case 10:
					l.Compact(1+k, uint64(i))
				default:
					var fore, back [][]byte
					l.Range(i, k, false, collect(&fore))
					l.Range(i+max(k-1, 0), k, true, collect(&back))
					slices.Reverse(back)
					if want := model[i : i+k]; !slices.EqualFunc(fore, want, bytes.Equal) || !slices.EqualFunc(back, want, bytes.Equal) {
						t.Fatalf("%d from %d: %q and %q, want %q", k, i, fore, back, want)
					}
				}
			}
			switch op {
			case 0:
				model = slices.Insert(model, 0, e)
			case 1:
				model = append(model, e)
			case 2:
				model = model[1:]
			case 3:
				model = model[:n-1]
			case 4:
				model = slices.Insert(slices.Clone(model), i, e)
			case 5:
				model = slices.Clone(model)
				model[i] = e
			case 6:
				model = slices.Delete(slices.Clone(model), i, i+k)
			case 8:
				slices.Reverse(run)
				model = append(run, model...)
			case 9:
				model = append(model, run...)
			}
			if len(tp)%64 == 0 {
				for b := range all {
					same(at(b).Item())
				}
			}
		}
		for _, b := range all {
			b.end(same)
		}
	})
}

func FuzzHashes(f *testing.F) {
	seeds(f)
	type field struct {
		v   string
		due int64
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		all := boxes(t, Hash, Packed, NewHashBytes)
		at := func(i int) HashRef { return HashRef{all[i].ref(), forms[i]} }
		for i := range all {
			at(i).Init()
		}
		model := map[string]field{}
		same := func(it table.Item) {
			t.Helper()
			n, first := 0, int64(0)
			EachHash(it, func(f, v Elem, due int64) bool {
				n++
				if want, ok := model[string(f.Append(nil))]; !ok || want != (field{string(v.Append(nil)), due}) {
					t.Fatalf("%q is %q due %d, want %+v %v", f.Append(nil), v.Append(nil), due, want, ok)
				}
				if due != 0 && (first == 0 || due < first) {
					first = due
				}
				return true
			})
			if n != len(model) || HashLen(it) != n || FieldsDue(it) != first {
				t.Fatalf("%d fields, a length of %d, due %d; want %d, due %d", n, HashLen(it), FieldsDue(it), len(model), first)
			}
		}
		in = in[:min(len(in), 3*operations)]
		for tp := tape(in); len(tp) > 0; {
			op, f := tp.next()%8, tp.word()
			old, was := model[string(f)]
			var v []byte
			due := int64(0)
			switch op {
			case 0, 1, 2:
				v = tp.word()
			case 3, 4:
				due = int64(tp.next())
			}
			for b := range all {
				h := at(b)
				switch op {
				case 0, 1, 2:
					if h.Set(f, v, op == 2) == was {
						t.Fatalf("form %d: Set of %q: there before: %v", b, f, was)
					}
				case 3:
					if h.SetDeadline(f, due) != was {
						t.Fatalf("form %d: SetDeadline of %q: there: %v", b, f, was)
					}
				case 4:
					h.ExpireFields(due, math.MaxInt, func(f []byte) {
						if e := model[string(f)]; e.due == 0 || e.due >= due {
							t.Fatalf("form %d: %q expired at %d: %+v", b, f, due, e)
						}
					})
				case 5:
					if h.Remove(f) != was {
						t.Fatalf("form %d: Delete of %q: there: %v", b, f, was)
					}
				default:
					got, found := h.Get(f)
					at, there := h.Deadline(f)
					if found != was || there != was || was && (field{string(got.Append(nil)), at}) != old {
						t.Fatalf("form %d: %q is %q due %d %v, want %+v %v", b, f, got.Append(nil), at, found, old, was)
					}
				}
			}
			switch op {
			case 0, 1:
				model[string(f)] = field{v: string(v)}
			case 2:
				model[string(f)] = field{string(v), old.due}
			case 3:
				if was {
					model[string(f)] = field{old.v, due}
				}
			case 4:
				for f, e := range model {
					if e.due != 0 && e.due < due {
						delete(model, f)
					}
				}
			case 5:
				delete(model, string(f))
			}
			if len(tp)%16 == 0 || op == 4 {
				for b := range all {
					same(at(b).Item())
				}
			}
		}
		for _, b := range all {
			b.end(same)
		}
	})
}

func FuzzSets(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		all := boxes(t, Set, IntSet, NewSetBytes)
		at := func(i int) SetRef { return SetRef{all[i].ref(), forms[i]} }
		for i := range all {
			at(i).Init()
		}
		model := map[string]bool{}
		same := func(it table.Item) {
			t.Helper()
			seen := map[string]bool{}
			EachSet(it, func(e Elem) bool {
				if m := string(e.Append(nil)); !model[m] || seen[m] {
					t.Fatalf("%q is there; before: %v", m, seen[m])
				} else {
					seen[m] = true
				}
				return true
			})
			if len(seen) != len(model) || SetLen(it) != len(model) {
				t.Fatalf("%d members and a length of %d, want %d", len(seen), SetLen(it), len(model))
			}
		}
		in = in[:min(len(in), 2*operations)]
		for tp := tape(in); len(tp) > 0; {
			op, m := tp.next()%5, tp.word()
			was := model[string(m)]
			for b := range all {
				s := at(b)
				switch op {
				case 0, 1, 2:
					if s.Add(m) == was {
						t.Fatalf("form %d: Add of %q: there before: %v", b, m, was)
					}
				case 3:
					if s.Remove(m) != was {
						t.Fatalf("form %d: Remove of %q: there: %v", b, m, was)
					}
				default:
					if s.Has(m) != was {
						t.Fatalf("form %d: Has %q, want %v", b, m, was)
					}
					if len(model) > 0 && !model[string(s.Random().Append(nil))] {
						t.Fatalf("form %d: a random member is none", b)
					}
				}
			}
			switch op {
			case 0, 1, 2:
				model[string(m)] = true
			case 3:
				delete(model, string(m))
			}
			if len(tp)%16 == 0 {
				for b := range all {
					same(at(b).Item())
				}
			}
		}
		for _, b := range all {
			b.end(same)
		}
	})
}

func FuzzSortedSets(f *testing.F) {
	seeds(f)
	type pair struct {
		m string
		f float64
	}
	byScore := func(a, b pair) int { return cmp.Or(cmp.Compare(a.f, b.f), cmp.Compare(a.m, b.m)) }
	f.Fuzz(func(t *testing.T, in []byte) {
		all := boxes(t, ZSet, Packed, NewZSetBytes)
		at := func(i int) ZSetRef { return ZSetRef{all[i].ref(), forms[i]} }
		for i := range all {
			at(i).Init()
		}
		var model []pair // in order
		same := func(it table.Item) {
			t.Helper()
			var got []pair
			EachZSet(it, func(m Elem, f float64) bool { got = append(got, pair{string(m.Append(nil)), f}); return true })
			if !slices.Equal(got, model) || ZSetLen(it) != len(model) {
				t.Fatalf("%v with a length of %d, want %v", got, ZSetLen(it), model)
			}
		}
		in = in[:min(len(in), 3*operations)]
		for tp := tape(in); len(tp) > 0; {
			op, m, f := tp.next()%7, tp.word(), tp.score()
			rank := slices.IndexFunc(model, func(p pair) bool { return p.m == string(m) })
			first, k := 0, 0
			if n := len(model); n > 0 && op >= 4 {
				first = tp.next() % n
				k = min(tp.next()%10, n-first)
			}
			for b := range all {
				z := at(b)
				switch op {
				case 0, 1, 2:
					if z.Set(m, f) != (rank < 0) {
						t.Fatalf("form %d: Set of %q: rank before: %d", b, m, rank)
					}
				case 3:
					if z.Remove(m) != (rank >= 0) {
						t.Fatalf("form %d: Remove of %q: rank %d", b, m, rank)
					}
				case 4:
					if k > 0 {
						z.RemoveRange(first, k)
					}
				case 5:
					g, found := z.Score(m)
					r, h, there := z.Rank(m)
					if found != (rank >= 0) || there != found || found && (r != rank || g != model[rank].f || h != g) {
						t.Fatalf("form %d: %q has %v %v, rank %d %v %v; want rank %d", b, m, g, found, r, h, there, rank)
					}
					below, _ := slices.BinarySearchFunc(model, f, func(p pair, f float64) int { return cmp.Compare(p.f, f) })
					upTo := below
					for upTo < len(model) && model[upTo].f == f {
						upTo++
					}
					if x, y := z.Below(f, false), z.Below(f, true); x != below || y != upTo {
						t.Fatalf("form %d: below %v: %d and %d, want %d and %d", b, f, x, y, below, upTo)
					}
				default:
					var fore, back []pair
					if k > 0 {
						z.Range(first, k, false, func(m Elem, f float64) bool { fore = append(fore, pair{string(m.Append(nil)), f}); return true })
						z.Range(first+k-1, k, true, func(m Elem, f float64) bool { back = append(back, pair{string(m.Append(nil)), f}); return true })
					}
					slices.Reverse(back)
					if want := model[first : first+k]; !slices.Equal(fore, want) || !slices.Equal(back, want) {
						t.Fatalf("form %d: %d from %d: %v and %v, want %v", b, k, first, fore, back, want)
					}
				}
			}
			switch op {
			case 0, 1, 2:
				if rank >= 0 {
					model = slices.Delete(model, rank, rank+1)
				}
				i, _ := slices.BinarySearchFunc(model, pair{string(m), f}, byScore)
				model = slices.Insert(model, i, pair{string(m), f})
			case 3:
				if rank >= 0 {
					model = slices.Delete(model, rank, rank+1)
				}
			case 4:
				model = slices.Delete(model, first, first+k)
			}
			if len(tp)%16 == 0 {
				for b := range all {
					same(at(b).Item())
				}
			}
		}
		for _, b := range all {
			b.end(same)
		}
	})
}
