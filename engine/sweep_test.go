package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"cached/engine/table"
	"cached/engine/value"
)

// Keys and fields end soon after their deadlines and none before, nobody asking for
// them, however deadlines and the clock change.
func TestSweepEndsWhatIsDue(t *testing.T) { testSweep(t, 3) }

// The same where those that end soon are listed by the second.
func TestSweepEndsWhatIsListed(t *testing.T) {
	defer func(n int) { soonFrom = n }(soonFrom)
	soonFrom = 0
	testSweep(t, 3+10)
}

// testSweep allows what has ended to be there for some periods still.
func testSweep(t *testing.T, late int) {
	const (
		keys   = 1000
		period = 100 // ms, in which every shard has a round and more
	)
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		e := New(Options{Shards: 2})
		now := int64(1e12)
		type state struct {
			there bool
			due   int64 // or 0
			ended int   // for how many periods it has been due
			was   bool  // due at some time, before the clock was set back
		}
		var model [keys]state
		name := func(i int) []byte { return fmt.Appendf(nil, "key %d", i) }
		var tx Tx
		change := func(i int) {
			due := now + 1 + int64(r.ExpFloat64()*float64([]int{500, 20_000, 200_000, 3_000_000}[r.IntN(4)]))
			key, m := name(i), &model[i]
			switch {
			case i%4 == 0: // a hash with one field
				if !tx.Exists(key) {
					h := value.HashRef{Ref: tx.Create(key, value.Hash, value.Packed, value.NewHashBytes), Limits: tx.Limits()}
					h.Init()
					h.Set([]byte("f"), []byte("v"), false)
				}
				ref, err := tx.Ref(key, value.Hash)
				if err != nil {
					t.Fatal(err)
				}
				if r.IntN(4) == 0 {
					due = 0
				}
				value.HashRef{Ref: ref, Limits: tx.Limits()}.SetDeadline([]byte("f"), due)
				tx.FieldsExpire(key)
			case i%4 == 1: // a set with one member
				if !tx.Exists(key) {
					s := value.SetRef{Ref: tx.Create(key, value.Set, value.IntSet, value.NewSetBytes), Limits: tx.Limits()}
					s.Init()
					s.Add(key[i%len(key):]) // a number for some of them
				}
				ref, err := tx.Ref(key, value.Set)
				if err != nil {
					t.Fatal(err)
				}
				if r.IntN(4) == 0 {
					due = 0
				}
				value.SetRef{Ref: ref, Limits: tx.Limits()}.SetDeadline(key[i%len(key):], due)
				tx.FieldsExpire(key)
			case !tx.Exists(key) || r.IntN(3) == 0:
				tx.SetString(key, []byte("v"), due)
			case r.IntN(3) == 0:
				due = 0
				tx.Persist(key)
			default:
				tx.ExpireAt(key, due)
			}
			*m = state{there: true, due: due}
		}
		for range 3000 {
			now += period
			changes := 1
			switch r.IntN(200) {
			case 0: // the clock is set, or the process stood still
				now += r.Int64N(2_000_000)
			case 1:
				now -= r.Int64N(500_000)
			case 2:
				changes = keys
			}
			tx.Begin(e, 0, now)
			tx.LockAll()
			for range changes {
				change(r.IntN(keys))
			}
			tx.Commit(nil)
			tx.Unlock()
			for range 32 {
				e.Maintain(&tx, now)
			}
			for i := range model {
				m := &model[i]
				if !m.there {
					continue
				}
				h := table.Hash(name(i))
				there := e.shards[e.shardOf(h)].dbs[0].keys.Find(h, name(i)) != nil
				switch {
				case m.due == 0 || m.due >= now:
					m.was = m.was || m.ended > 0
					m.ended = 0
					if m.there = there; !there && !m.was {
						t.Fatalf("seed %d: key %d is gone %d ms before its deadline", seed, i, m.due-now)
					}
				case !there:
					m.there = false
				default:
					if m.ended++; m.ended > late {
						t.Fatalf("seed %d: key %d ended %d ms ago and is still there", seed, i, now-m.due)
					}
				}
			}
		}
	}
}

func TestRest(t *testing.T) {
	for _, c := range []struct {
		left int64
		want int
	}{{0, 0}, {7_999, 0}, {8_000, 1}, {23_999, 1}, {24_000, 2}, {120_000, 3}, {1 << 62, 3}} {
		if got := restFor(c.left); got != c.want {
			t.Errorf("what ends in %d ms has rest %d, want %d", c.left, got, c.want)
		}
	}
	// One round a second: how often each of them visits what rests.
	var w sweep
	var visits [table.MaxRest + 1]int
	for now := int64(1e12); now < 1e12+240_000; now += 1000 {
		w.begin(now, 0)
		for rest := range w.rest + 1 {
			visits[rest]++
		}
	}
	if want := [table.MaxRest + 1]int{240, 30, 10, 2}; visits != want {
		t.Errorf("in 240 rounds there were %d visits, want %d", visits, want)
	}
}

func BenchmarkSweep(b *testing.B) {
	const keys = 1_000_000
	for _, c := range []struct {
		name  string
		due   func(i int) int64
		steps bool
	}{
		{"nothing ends", func(i int) int64 { return 20_000 + int64(i) }, false},
		{"all ends", func(int) int64 { return 500 }, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				e := New(Options{Shards: 64})
				var tx Tx
				tx.Begin(e, 0, 1)
				tx.LockAll()
				for i := range keys {
					tx.SetString(fmt.Appendf(nil, "key:%012d", i), make([]byte, 64), c.due(i))
				}
				tx.Commit(nil)
				tx.Unlock()
				round := func(nowMS int64) {
					for range len(e.shards) * (keys / 64 / 100) {
						e.Maintain(&tx, nowMS)
					}
				}
				if !c.steps {
					round(1000)
				}
				b.StartTimer()
				round(2000)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/keys, "ns/key")
		})
	}
}
