package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"cached/engine/table"
	"cached/engine/value"
	"cached/eviction"
)

// evictUntil evicts until at most keys are left in database 0, or nothing can go.
func evictUntil(t *testing.T, e *Engine, keys int, nowMS int64) {
	t.Helper()
	var tx Tx
	for idle := 0; idle < e.Shards(); {
		if e.DBStats(nil, 0, nowMS).Keys <= keys {
			return
		}
		if freed, _ := e.Evict(&tx, nowMS, 1); freed > 0 {
			idle = 0
		} else {
			idle++
		}
	}
}

func set(e *Engine, key string, v []byte, nowMS, deadlineMS int64) {
	var tx Tx
	tx.Begin(e, 0, nowMS)
	tx.LockKey([]byte(key))
	tx.SetString([]byte(key), v, deadlineMS)
	tx.Modified([]byte(key), EventSet)
	tx.Commit(nil)
	tx.Unlock()
}

func get(e *Engine, key string, nowMS int64) []byte {
	var tx Tx
	tx.Begin(e, 0, nowMS)
	tx.ReadOnly, tx.Counting = true, true
	tx.LockKey([]byte(key))
	v, _ := tx.String([]byte(key))
	v = append([]byte(nil), v...)
	tx.Commit(nil)
	tx.Unlock()
	return v
}

// Pinned keys stay, whatever the policy and however many there are, and when nothing else is
// left nothing goes; those that are set anew stay pinned, and may go when they are not
// any more.
func TestPinnedKeysAreNotEvicted(t *testing.T) {
	const now = int64(1_700_000_000_000)
	for _, p := range []AccessPolicy{{Order: LRU}, {Order: LFU, LFU: true}, {Order: LRM}, {Order: Random}, {Order: TTL, Volatile: true}, {Order: Auto}} {
		for _, pinned := range []int{10, 900} {
			e := New(Options{Shards: 2})
			e.SetAccessPolicy(p)
			const n = 1000
			pin := func(on bool) {
				var tx Tx
				tx.Begin(e, 0, now)
				tx.LockAll()
				for i := range pinned {
					if changed, exists := tx.Pin(fmt.Appendf(nil, "key %d", i), on); !changed || !exists {
						t.Fatalf("key %d: changed %v, there %v", i, changed, exists)
					}
				}
				tx.Commit(nil)
				tx.Unlock()
			}
			for i := range n {
				set(e, fmt.Sprintf("key %d", i), []byte("v"), now, now+1000)
			}
			pin(true)
			for i := range pinned / 2 {
				set(e, fmt.Sprintf("key %d", i), bytes.Repeat([]byte("w"), i+1), now, now+1000+int64(i))
			}
			evictUntil(t, e, 0, now)
			if got := e.DBStats(nil, 0, now); got.Keys != pinned || got.Pinned != pinned {
				t.Errorf("%+v: %d keys are left and %d pinned, want %d", p, got.Keys, got.Pinned, pinned)
			}
			for i := range pinned {
				if get(e, fmt.Sprintf("key %d", i), now) == nil {
					t.Errorf("%+v: key %d is gone", p, i)
				}
			}
			pin(false)
			evictUntil(t, e, 0, now)
			if got := e.DBStats(nil, 0, now); got.Keys != 0 || got.Pinned != 0 {
				t.Errorf("%+v: %d keys are left and %d pinned, want none", p, got.Keys, got.Pinned)
			}
		}
	}
}

// Of a thousand keys half are good by the policy's order; half are evicted. Enough
// samples make nearly all of what stays good.
func TestEachOrderKeepsWhatItShould(t *testing.T) {
	const n, now = 1000, int64(1_700_000_000_000)
	const hour = 3_600_000
	for _, c := range []struct {
		name   string
		policy AccessPolicy
		good   func(e *Engine, key string)
		bad    func(e *Engine, key string)
	}{
		{"lru", AccessPolicy{Order: LRU},
			func(e *Engine, k string) { set(e, k, nil, now-hour, 0); get(e, k, now) },
			func(e *Engine, k string) { set(e, k, nil, now-hour, 0) }},
		{"lrm", AccessPolicy{Order: LRM},
			func(e *Engine, k string) { set(e, k, nil, now-hour/2, 0) },
			func(e *Engine, k string) { set(e, k, nil, now-hour, 0); get(e, k, now) }},
		{"lfu", AccessPolicy{Order: LFU, LFU: true, DecayMinutes: 1},
			func(e *Engine, k string) {
				set(e, k, nil, now, 0)
				for range 20 {
					get(e, k, now)
				}
			},
			func(e *Engine, k string) { set(e, k, nil, now, 0) }},
		{"ttl", AccessPolicy{Order: TTL, Volatile: true},
			func(e *Engine, k string) { set(e, k, nil, now, now+2*hour) },
			func(e *Engine, k string) { set(e, k, nil, now, now+hour) }},
		{"volatile random", AccessPolicy{Order: Random, Volatile: true},
			func(e *Engine, k string) { set(e, k, nil, now, 0) },
			func(e *Engine, k string) { set(e, k, nil, now, now+hour) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := New(Options{Shards: 4})
			c.policy.Samples = 20
			e.SetAccessPolicy(c.policy)
			for i := range n {
				if i%2 == 0 {
					c.good(e, fmt.Sprint("good", i))
				} else {
					c.bad(e, fmt.Sprint("bad", i))
				}
			}
			evictUntil(t, e, n/2, now)
			var tx Tx
			tx.Begin(e, 0, now)
			tx.LockAll()
			good := 0
			tx.Each(func(it table.Item) bool {
				if bytes.HasPrefix(it.Key(), []byte("good")) {
					good++
				}
				return true
			})
			left, _ := tx.Len()
			tx.Unlock()
			if left > n/2 || left < n/2-evictMost {
				t.Fatalf("%d keys are left, want about %d", left, n/2)
			}
			if good < left*9/10 {
				t.Errorf("%d of the %d keys that are left are good", good, left)
			}
			if st := e.Stats(nil); st.Evicted != int64(n-left) || st.EvictedBytes <= 0 {
				t.Errorf("counted %d keys of %d bytes evicted, want %d", st.Evicted, st.EvictedBytes, n-left)
			}
		})
	}
}

func TestKeysWithoutDeadlineStayUnderVolatilePolicies(t *testing.T) {
	e := New(Options{Shards: 2})
	e.SetAccessPolicy(AccessPolicy{Order: LRU, Volatile: true})
	for i := range 3000 {
		set(e, fmt.Sprint("keep", i), nil, 1000, 0)
	}
	for i := range 5 { // hard to find
		set(e, fmt.Sprint("go", i), nil, 1000, 1_000_000)
	}
	evictUntil(t, e, 0, 1000)
	if d := e.DBStats(nil, 0, 1000); d.Keys != 3000 || d.Expires != 0 {
		t.Errorf("%d keys are left, %d of them with a deadline; want 3000 and none", d.Keys, d.Expires)
	}
	e.SetAccessPolicy(AccessPolicy{})
	evictUntil(t, e, 0, 1000)
	if d := e.DBStats(nil, 0, 1000); d.Keys != 3000 {
		t.Errorf("noeviction leaves %d keys of 3000", d.Keys)
	}
}

func TestEvictionIsToldAndJournaled(t *testing.T) {
	var watch recorder
	var journal effectLines
	e := New(Options{Shards: 1})
	e.Effects().Attach(&journal.Recorder)
	e.Watch(&watch)
	e.SetAccessPolicy(AccessPolicy{Order: Random})
	set(e, "k", []byte("v"), 1000, 0)
	watch.expect(t, "0 new:k", "0 set:k")
	journal.expect(t)
	var tx Tx
	if freed, _ := e.Evict(&tx, 1000, 1); freed <= 0 {
		t.Error("nothing was freed")
	}
	watch.expect(t, "0 evicted:k")
	journal.expect(t, "0 DEL k")
}

// Writers, readers and evictions run at once; whatever is read is what was written
// last by the key's only writer, or has been evicted.
func TestEvictionAmongWriters(t *testing.T) {
	for _, p := range []AccessPolicy{{Order: Auto}, {Order: LRU}, {Order: LFU, LFU: true}} {
		e := New(Options{Shards: 4})
		e.SetAccessPolicy(p)
		const limit = 1 << 20
		var wg sync.WaitGroup
		for w := range 3 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(w), 5))
				last := make(map[string][]byte)
				var tx Tx
				for i := range 12000 {
					key := fmt.Sprintf("w%d:%d", w, rng.IntN(4000))
					now := int64(1_000_000 + i)
					if rng.IntN(2) == 0 {
						v := bytes.Repeat([]byte{byte(i)}, rng.IntN(1500))
						set(e, key, v, now, 0)
						last[key] = v
					} else if v := get(e, key, now); len(v) > 0 && !bytes.Equal(v, last[key]) {
						t.Errorf("%s has %d bytes, want %d", key, len(v), len(last[key]))
						return
					}
					if live, _ := e.InUse(); live > limit {
						e.Evict(&tx, now, live-limit)
					}
					if i%16 == 0 {
						e.Compact(now, false)
					}
				}
			})
		}
		wg.Wait()
		if live, _ := e.InUse(); live > limit+limit/4 {
			t.Errorf("%d bytes live, with a limit of %d", live, limit)
		}
		if e.Stats(nil).Evicted == 0 {
			t.Error("nothing was evicted")
		}
	}
}

// A fill with small values, most of which go at random, leaves all slabs nearly
// empty; collections are part of it.
func TestCompactionGivesMemoryBack(t *testing.T) {
	e := New(Options{Shards: 2})
	const now = 1000
	rng := rand.New(rand.NewPCG(8, 9))
	var tx Tx
	want := make(map[string]string)
	for i := range 60000 {
		k, v := fmt.Sprint("k", i), fmt.Sprint("value of ", i, "  and then some to make it longer")
		set(e, k, []byte(v), now, 0)
		want[k] = v
	}
	fields := make(map[string]string)
	tx.Begin(e, 0, now)
	tx.LockAll()
	hash := func() value.HashRef {
		ref, err := tx.Ref([]byte("hash"), value.Hash)
		if err != nil {
			t.Fatal(err)
		}
		return value.HashRef{Ref: ref, Limits: tx.Limits()}
	}
	zset := func() value.ZSetRef {
		ref, err := tx.Ref([]byte("zset"), value.ZSet)
		if err != nil {
			t.Fatal(err)
		}
		return value.ZSetRef{Ref: ref, Limits: tx.Limits()}
	}
	tx.Create([]byte("hash"), value.Hash, value.Packed, value.NewHashBytes)
	hash().Init()
	tx.Create([]byte("zset"), value.ZSet, value.Packed, value.NewZSetBytes)
	zset().Init()
	for i := range 3000 {
		f, v := fmt.Sprint("f", i), fmt.Sprint("v", i)
		hash().Set([]byte(f), []byte(v), false)
		if i%3 == 0 {
			hash().SetDeadline([]byte(f), now+1_000_000+int64(i))
		}
		zset().Set([]byte(f), float64(i))
		fields[f] = v
	}
	for k := range want {
		if rng.IntN(10) > 0 {
			tx.Delete([]byte(k))
			delete(want, k)
		}
	}
	for f := range fields {
		if rng.IntN(2) > 0 {
			hash().Remove([]byte(f))
			zset().Remove([]byte(f))
			delete(fields, f)
		}
	}
	tx.Commit(nil)
	tx.Unlock()
	_, before := e.InUse()
	e.CompactAll(now)
	live, after := e.InUse()
	if after-live > (before-live)/4 {
		t.Errorf("%d bytes in gaps before, %d after", before-live, after-live)
	}
	for k, v := range want {
		if got := get(e, k, now); string(got) != v {
			t.Fatalf("%s is %q, want %q", k, got, v)
		}
	}
	tx.Begin(e, 0, now)
	tx.LockAll()
	defer tx.Unlock()
	h, z := hash(), zset()
	if h.Len() != len(fields) || z.Len() != len(fields) {
		t.Fatalf("%d fields and %d members, want %d", h.Len(), z.Len(), len(fields))
	}
	last := -1.0
	z.Each(func(m value.Elem, score float64) bool {
		if score < last {
			t.Errorf("score %v comes after %v", score, last)
		}
		last = score
		return true
	})
	for f, v := range fields {
		if got, ok := h.Get([]byte(f)); !ok || string(got.Append(nil)) != v {
			t.Fatalf("field %s is %q, want %q", f, got.Append(nil), v)
		}
		if s, ok := z.Score([]byte(f)); !ok || fmt.Sprint("f", s) != f {
			t.Fatalf("member %s has the score %v", f, s)
		}
	}
}

func TestIdleTimeUnderAuto(t *testing.T) {
	e := New(Options{Shards: 1})
	e.SetAccessPolicy(AccessPolicy{Order: Auto})
	now := int64(1_000_000)
	set(e, "old", nil, now, 0)
	for i := range 600 { // ten minutes of an access each second
		now += 1000
		set(e, fmt.Sprint("k", i%50), nil, now, 0)
		var tx Tx
		e.Maintain(&tx, now)
	}
	var tx Tx
	tx.Begin(e, 0, now)
	tx.LockAll()
	defer tx.Unlock()
	idle := time.Duration(tx.IdleMS([]byte("old"), tx.Peek([]byte("old")))) * time.Millisecond
	if idle < 9*time.Minute || idle > 11*time.Minute {
		t.Errorf("idle for %v, want ten minutes", idle)
	}
	if f := tx.Frequency([]byte("old"), tx.Peek([]byte("old"))); f != 1 {
		t.Errorf("used %d times, want once", f)
	}
	if ms, count := e.Used(tx.Peek([]byte("old")), now); ms/1000 != int64(idle/time.Second) || count != eviction.LFUStart {
		t.Errorf("a file says %d ms and %d", ms, count)
	}
}
