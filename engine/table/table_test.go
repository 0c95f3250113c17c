package table

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"cached/engine/arena"
)

// A world is a table of one shard out of 1<<skip, beside the naive map it must
// agree with.
type world struct {
	testing.TB
	h     *arena.Heap
	t     Table
	model map[string]string
	skip  int
}

func newWorld(t testing.TB, skip int) *world {
	w := &world{TB: t, h: arena.NewHeap(arena.NewPool()), model: map[string]string{}, skip: skip}
	w.t.Init(skip)
	return w
}

// shard is the part of the hash space that worlds with skipped bits live in.
const shard = 5

func (w *world) mine(key string) bool {
	return w.skip == 0 || Hash([]byte(key))>>(64-w.skip) == shard
}

func (w *world) start() uint64 {
	if w.skip == 0 {
		return 0
	}
	return shard << (cursorBits - w.skip)
}

func (w *world) stop() uint64 { return w.start() + 1<<(cursorBits-w.skip) }

func (w *world) set(key, value string, deadline int64) {
	if !w.mine(key) {
		return
	}
	k := []byte(key)
	h := Hash(k)
	if s := w.t.Find(h, k); s != nil {
		it := ItemOf(s).Reshape(w.h, len(value), deadline)
		copy(it.Value(), value)
		SetItem(s, it)
	} else {
		it := NewItem(w.h, 3, 0xABCDEF, k, len(value), deadline)
		copy(it.Value(), value)
		w.t.Insert(w.h, h, it)
	}
	w.model[key] = value
}

func (w *world) del(key string) {
	k := []byte(key)
	h := Hash(k)
	s := w.t.Find(h, k)
	_, want := w.model[key]
	if (s != nil) != want {
		w.Fatalf("find %q: %v, want %v", key, s != nil, want)
	}
	if s != nil {
		it := ItemOf(s)
		w.t.Delete(w.h, h, s)
		it.Free(w.h)
		delete(w.model, key)
	}
}

func (w *world) check() {
	w.Helper()
	if w.t.Len() != len(w.model) {
		w.Fatalf("len %d, want %d", w.t.Len(), len(w.model))
	}
	for k, v := range w.model {
		s := w.t.Find(Hash([]byte(k)), []byte(k))
		if s == nil {
			w.Fatalf("%q is lost", k)
		}
		it := ItemOf(s)
		if string(it.Key()) != k || string(it.Value()) != v || it.Kind() != 3 || it.Access() != 0xABCDEF {
			w.Fatalf("%q changed", k)
		}
	}
	seen := map[string]int{}
	cursor := w.start()
	for {
		cursor = w.t.Scan(cursor, 7, func(it Item) { seen[string(it.Key())]++ })
		if cursor == w.stop() {
			break
		}
	}
	for k := range w.model {
		if seen[k] != 1 {
			w.Fatalf("scan of a table at rest saw %q %d times", k, seen[k])
		}
	}
	if len(seen) != len(w.model) {
		w.Fatalf("scan saw %d keys, want %d", len(seen), len(w.model))
	}
}

func (w *world) end() {
	w.t.Free(w.h, func(it Item) { it.Free(w.h) })
	if w.h.LiveBytes() != 0 {
		w.Fatalf("%d bytes live after Free", w.h.LiveBytes())
	}
}

func TestAgreesWithAMapUnderRandomChange(t *testing.T) {
	for _, skip := range []int{0, 3} {
		t.Run(fmt.Sprint("skip ", skip), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, uint64(skip)))
			w := newWorld(t, skip)
			for phase := range 12 {
				grow := 3 + phase%5*2 // of 12: phases grow, shrink and hover
				for range 20000 {
					key := fmt.Sprintf("key:%d", rng.IntN(30000<<skip))
					if rng.IntN(400) == 0 {
						key += string(make([]byte, 300))
					}
					if rng.IntN(12) < grow {
						w.set(key, string(make([]byte, rng.IntN(100))), int64(rng.IntN(2)*12345))
					} else {
						w.del(key)
					}
				}
				w.check()
			}
			for k := range w.model {
				w.del(k)
			}
			if w.h.LiveBytes() != 0 {
				t.Fatalf("%d bytes live in an emptied table", w.h.LiveBytes())
			}
		})
	}
}

// A table that was made for many keys is one like others, however many there come.
func TestReservedTables(t *testing.T) {
	for _, skip := range []int{0, 3} {
		for _, reserved := range []int{0, 1, 1000, 20000, 200_000} {
			t.Run(fmt.Sprint("skip ", skip, " reserved ", reserved), func(t *testing.T) {
				w := newWorld(t, skip)
				w.t.Reserve(w.h, reserved)
				bits := w.t.bits
				for i := range 20000 << skip {
					w.set(fmt.Sprint("key:", i), "v", int64(i%2))
				}
				w.check()
				if reserved >= 20000 && w.t.bits > bits+1 {
					t.Errorf("the directory grew from %d bits to %d", bits, w.t.bits)
				}
				w.t.Reserve(w.h, 1_000_000) // for naught
				w.t.Fit(w.h)
				w.check()
				if perKey := float64(w.t.Bytes()) / float64(w.t.Len()); perKey > 13 && reserved <= 20000 || perKey > 40 {
					t.Errorf("index takes %.1f bytes a key", perKey)
				}
				for k := range w.model {
					w.del(k)
				}
				if w.h.LiveBytes() != 0 {
					t.Fatalf("%d bytes live in an emptied table", w.h.LiveBytes())
				}
			})
		}
	}
}

// What was reserved and not used goes back.
func TestFitGivesBackWhatWasReserved(t *testing.T) {
	for _, n := range []int{0, 1, 500, 5000} {
		w := newWorld(t, 0)
		w.t.Reserve(w.h, 1_000_000)
		for i := range n {
			w.set(fmt.Sprint(i), "v", int64(i%2))
		}
		w.t.Fit(w.h)
		w.check()
		if most := int64(256 + 16*n); w.t.Bytes() > most {
			t.Errorf("%d keys: %d bytes of index, want at most %d", n, w.t.Bytes(), most)
		}
		w.end()
	}
}

// Items that are there during a whole scan are seen, whatever grows and shrinks
// around them between two calls.
func TestScanSeesWhatStays(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 30 {
		w := newWorld(t, 0)
		stay := map[string]bool{}
		for i := range 3000 {
			k := fmt.Sprintf("stay:%d:%d", round, i)
			stay[k] = true
			w.set(k, "v", 0)
		}
		extra, next := []string{}, 0
		for range rng.IntN(2) * 40000 {
			k := fmt.Sprint("extra:", next)
			w.set(k, "v", 0)
			extra, next = append(extra, k), next+1
		}
		growing := rng.IntN(2) == 0
		seen := map[string]bool{}
		for cursor, calls := uint64(0), 0; ; calls++ {
			cursor = w.t.Scan(cursor, 1+rng.IntN(50), func(it Item) { seen[string(it.Key())] = true })
			if cursor >= 1<<cursorBits {
				break
			}
			for range rng.IntN(30) {
				if growing {
					w.set(fmt.Sprint("extra:", next), "v", 0)
					next++
				} else if n := len(extra); n > 0 {
					w.del(extra[n-1])
					extra = extra[:n-1]
				}
			}
			if calls > 1e6 {
				t.Fatal("scan does not end")
			}
		}
		for k := range stay {
			if !seen[k] {
				t.Fatalf("round %d: scan missed %q", round, k)
			}
		}
		w.end()
	}
}

func TestRandomPicksAreUniform(t *testing.T) {
	w := newWorld(t, 0)
	const n, picks = 1000, 400000
	for i := range n {
		w.set(fmt.Sprint(i), "", 0)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	got := map[string]int{}
	for range picks {
		got[string(w.t.Random(rng.Uint64).Key())]++
	}
	// Chi-square with 999 degrees of freedom: mean 999, deviation 45.
	var chi float64
	for i := range n {
		d := float64(got[fmt.Sprint(i)]) - picks/n
		chi += d * d / (picks / n)
	}
	if math.Abs(chi-(n-1)) > 6*math.Sqrt(2*n) {
		t.Fatalf("chi-square %.0f, want about %d", chi, n-1)
	}
}

func TestSweepSeesDeadlinesOnly(t *testing.T) {
	w := newWorld(t, 0)
	want := 0
	for i := range 5000 {
		deadline := int64(0)
		if i%3 == 0 {
			deadline = int64(i + 1)
			want++
		}
		w.set(fmt.Sprint(i), "v", deadline)
		if i%9 == 0 { // loses its deadline again
			w.set(fmt.Sprint(i), "v", 0)
			want--
		}
	}
	sweep := func(most int, visit func(Slot)) (n int) {
		for cursor := uint64(0); ; {
			if cursor = w.t.Sweep(cursor, most, func(s Slot) { n++; visit(s) }); cursor == 0 {
				return n
			}
		}
	}
	rests := [MaxRest + 1]int{}
	got := sweep(0, func(s Slot) {
		d := ItemOf(s).DeadlineMS()
		if d == 0 {
			t.Fatal("swept an item without deadline")
		}
		SetRest(s, int(d)%(MaxRest+1))
		rests[int(d)%(MaxRest+1)]++
	})
	if got != want {
		t.Fatalf("swept %d, want %d", got, want)
	}
	// What rests is left out, wherever the table has moved it since.
	for i := range 20000 {
		w.set(fmt.Sprint("more", i), "v", 0)
	}
	want = 0
	for rest, n := range rests {
		want += n
		got := sweep(rest, func(s Slot) {
			if d := ItemOf(s).DeadlineMS(); int(d)%(MaxRest+1) > rest {
				t.Fatal("swept an item that rests")
			}
		})
		if got != want {
			t.Fatalf("with rest %d %d are swept, want %d", rest, got, want)
		}
	}
	// What changes rests no more.
	for i := range 5000 {
		if i%3 == 0 && i%9 != 0 {
			w.set(fmt.Sprint(i), "v", int64(i+1))
		}
	}
	if got := sweep(0, func(Slot) {}); got != want {
		t.Fatalf("%d are swept after they were set, want %d", got, want)
	}
}

func TestFreeInSteps(t *testing.T) {
	w := newWorld(t, 0)
	for i := range 20000 {
		w.set(fmt.Sprint(i), "value", 0)
	}
	steps := 0
	w.t.BeginFree()
	for !w.t.FreeFrom(w.h, 100, func(it Item) { it.Free(w.h) }) {
		steps++
	}
	if steps < 50 {
		t.Fatalf("20000 items were freed in %d steps", steps)
	}
	if w.h.LiveBytes() != 0 {
		t.Fatalf("%d bytes live", w.h.LiveBytes())
	}
}

func TestItemKeepsValueThroughReshape(t *testing.T) {
	h := arena.NewHeap(arena.NewPool())
	rng := rand.New(rand.NewPCG(8, 9))
	for range 3000 {
		key := make([]byte, rng.IntN(600))
		value := make([]byte, rng.IntN(1<<rng.IntN(18)))
		for i := range value {
			value[i] = byte(rng.Uint32())
		}
		deadline := int64(rng.IntN(2)) * rng.Int64()
		it := NewItem(h, 9, 77, key, len(value), deadline)
		it.SetMarks(9)
		copy(it.Value(), value)
		var ext []uint64
		for range 6 {
			n := len(value)
			switch rng.IntN(3) {
			case 0: // another extension, or none
				ext = make([]uint64, rng.IntN(2)*rng.IntN(1+rng.IntN(MaxExt+1)))
				for i := range ext {
					ext[i] = rng.Uint64()
				}
				if len(ext) > 0 {
					ext[0] = ext[0]&^0xFF | uint64(len(ext))
				}
				it = it.Extend(h, ext)
			case 1: // a copy
				like := NewItemLike(h, it, key, deadline)
				copy(like.Value(), it.Value())
				like.SetMarks(it.Marks())
				it.Free(h)
				it = like
			default:
				n = rng.IntN(len(value)*2 + 20)
				deadline = int64(rng.IntN(2)) * rng.Int64()
				it = it.Reshape(h, n, deadline)
			}
			keep := min(n, len(value))
			if string(it.Value()[:keep]) != string(value[:keep]) || string(it.Key()) != string(key) || it.Marks() != 9 ||
				it.DeadlineMS() != deadline || it.Kind() != 9 || it.Access() != 77 || it.ValueLen() != n || !slices.Equal(it.Ext(), ext) {
				t.Fatalf("item of %d+%d bytes and %d words changed by a reshape to %d", len(key), len(value), len(ext), n)
			}
			value = append(value[:keep], make([]byte, n-keep)...)
			copy(it.Value(), value)
		}
		it.Free(h)
	}
	if h.LiveBytes() != 0 {
		t.Fatalf("%d bytes live", h.LiveBytes())
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte("abcabcaaaabbbb"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		w := newWorld(t, 0)
		for i := 0; i+1 < len(ops); i += 2 {
			for j := range int(ops[i]) { // a run of keys makes segments grow
				key := fmt.Sprint(int(ops[i+1])*64 + j)
				if ops[i]&1 == 0 {
					w.set(key, key, int64(ops[i]&2))
				} else {
					w.del(key)
				}
			}
		}
		w.check()
		w.end()
	})
}

func BenchmarkTable(b *testing.B) {
	const n = 1 << 20
	h := arena.NewHeap(arena.NewPool())
	var t Table
	key := make([]byte, 16)
	mk := func(i int) []byte { binary.BigEndian.PutUint64(key[8:], uint64(i)); return key }
	for i := range n {
		k := mk(i)
		t.Insert(h, Hash(k), NewItem(h, 0, 0, k, 64, 0))
	}
	b.Run("Find", func(b *testing.B) {
		b.ReportMetric(float64(t.Bytes())/n, "index-bytes/key")
		b.ReportMetric(float64(h.HeldBytes())/n-80, "overhead-bytes/key")
		rng := rand.New(rand.NewPCG(1, 1))
		for b.Loop() {
			k := mk(rng.IntN(n))
			if t.Find(Hash(k), k) == nil {
				b.Fatal("lost")
			}
		}
	})
	b.Run("InsertDelete", func(b *testing.B) {
		i := n
		for b.Loop() {
			k := mk(i)
			t.Insert(h, Hash(k), NewItem(h, 0, 0, k, 64, 0))
			k = mk(i - n)
			hk := Hash(k)
			s := t.Find(hk, k)
			it := ItemOf(s)
			t.Delete(h, hk, s)
			it.Free(h)
			i++
		}
	})
}

func TestIndexStaysSmallAtEverySize(t *testing.T) {
	w := newWorld(t, 0)
	worst := 0.0
	for i := range 200000 {
		w.set(fmt.Sprint(i), "", 0)
		if i > 1000 && i%1000 == 0 {
			worst = max(worst, float64(w.t.Bytes())/float64(w.t.Len()))
		}
	}
	t.Logf("at most %.1f index bytes a key", worst)
	if worst > 13 {
		t.Errorf("index takes %.1f bytes a key", worst)
	}
}
