package engine

import (
	"container/list"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"cached/engine/value"
)

// exactLRU is the hit ratio of a cache of so many bytes.
func exactLRU(keys []int, size func(int) int64, bytes int64) float64 {
	order, at := list.New(), map[int]*list.Element{}
	var used int64
	hits := 0
	for _, k := range keys {
		if e := at[k]; e != nil {
			hits++
			order.MoveToFront(e)
			continue
		}
		at[k] = order.PushFront(k)
		used += size(k)
		for used > bytes {
			e := order.Back()
			out := order.Remove(e).(int)
			delete(at, out)
			used -= size(out)
		}
	}
	return float64(hits) / float64(len(keys))
}

// The curve is asked for the sizes of caches that are then played through exactly.
// A few of the keys get a third of the requests: whether the sample has them must
// not matter.
func TestMissCurveIsNearTheExactOne(t *testing.T) {
	const now = int64(1_700_000_000_000)
	for _, c := range []struct {
		objects, requests int
		tolerance         float64
	}{{20_000, 200_000, 0.12}, {100_000, 500_000, 0.08}} {
		e := New(Options{Shards: 4})
		rng := rand.New(rand.NewPCG(7, 8))
		zipf := rand.NewZipf(rng, 1.05, 8, uint64(c.objects))
		length := func(k int) int { return 20 + k*7919%200 }
		keys := make([]int, c.requests)
		var tx Tx
		var key []byte
		for i := range keys {
			keys[i] = int(zipf.Uint64())
			key = strconv.AppendInt(key[:0], int64(keys[i]), 10)
			tx.Begin(e, 0, now)
			tx.ReadOnly, tx.Counting = true, true
			tx.LockKey(key)
			hit := tx.Exists(key)
			tx.ReadOnly, tx.Counting = false, false
			if !hit {
				tx.SetString(key, make([]byte, length(keys[i])), 0)
			}
			tx.Commit(nil)
			tx.Unlock()
		}
		size := func(k int) int64 {
			tx.Begin(e, 0, now)
			k2 := []byte(strconv.Itoa(k))
			tx.LockKey(k2)
			defer tx.Unlock()
			it := tx.Peek(k2)
			return value.Bytes(it, 1) + indexBytes
		}
		sizes := map[int]int64{}
		for _, k := range keys {
			if sizes[k] == 0 {
				sizes[k] = size(k)
			}
		}
		m, ok := e.MissCurve(nil, "")
		if !ok || m.Requests != float64(c.requests) {
			t.Fatalf("%v requests, want %d", m.Requests, c.requests)
		}
		live, _ := e.InUse()
		for _, share := range []int64{16, 8, 4, 2, 1} {
			want := exactLRU(keys, func(k int) int64 { return sizes[k] }, live/share)
			if got := m.Ratio(live / share); got < want-c.tolerance || got > want+c.tolerance {
				t.Errorf("%d objects, 1/%d of the memory: %.3f, exactly %.3f, from %d keys", c.objects, share, got, want, m.SampledKeys)
			}
		}
	}
}

// What is deleted or has expired is no hit in any memory.
func TestMissCurveKnowsThatKeysEnd(t *testing.T) {
	const now = int64(1_700_000_000_000)
	e := New(Options{Shards: 2})
	for i := range 100_000 {
		k := fmt.Sprint(i)
		set(e, k, []byte("v"), now, now+int64(1000*(i%2))) // half of them expire
	}
	withAll(e, now, func(tx *Tx) {
		for i := 0; i < 100_000; i += 2 {
			tx.Delete([]byte(fmt.Sprint(i)))
		}
	})
	for i := range 100_000 {
		read(e, 0, fmt.Sprint(i), now+2000)
	}
	if m, _ := e.MissCurve(nil, ""); m.Ratio(1<<40) > 0.15 || m.Requests != 100_000 {
		t.Errorf("a hit ratio of %.3f with endless memory for %v requests, want 0, but for who is in the sample", m.Ratio(1<<40), m.Requests)
	}
}

func TestMissCurveIsBounded(t *testing.T) {
	var c missCurve
	c.init()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3_000_000 {
		if h := rng.Uint64(); c.follows(h) {
			c.stored(h, 100, 0)
			c.missed(h, nil, nil, 0)
		}
	}
	if len(c.at) > mrcMost || len(c.entries) > mrcMost || len(c.order) > 4*mrcMost {
		t.Errorf("%d keys, %d entries, %d positions", len(c.at), len(c.entries), len(c.order))
	}
	if c.below.Load() == 0 {
		t.Error("nothing is followed any more")
	}
}

func TestMissCurveOfPrefixes(t *testing.T) {
	const now = int64(1_700_000_000_000)
	e := New(Options{Shards: 2})
	e.SetAccessPolicy(AccessPolicy{Prefixes: NewPrefixes([]string{"hot:", "cold:"})})
	for i := range 60_000 {
		set(e, fmt.Sprint("hot:", i), []byte("v"), now, 0)
	}
	for range 3 {
		for i := range 60_000 {
			read(e, 0, fmt.Sprint("hot:", i), now)
		}
	}
	for i := range 60_000 {
		read(e, 0, fmt.Sprint("cold:", i), now)
	}
	hot, _ := e.MissCurve(nil, "hot:")
	cold, _ := e.MissCurve(nil, "cold:")
	if r := hot.Ratio(1 << 40); r < 0.9 || hot.Requests != 180_000 {
		t.Errorf("hot: %.3f of %v requests, want 1 of 180000", r, hot.Requests)
	}
	if r := cold.Ratio(1 << 40); r > 0.2 || cold.Requests != 60_000 {
		t.Errorf("cold: %.3f of %v requests, want 0 of 60000", r, cold.Requests)
	}
	// A loop over 60000 keys needs memory for all of them. What the sample has too
	// few of counts as hits: it has some nine hundred keys, give or take thirty.
	if r := hot.Ratio(300 << 10); r > 0.2 {
		t.Errorf("hot: %.3f with a tenth of the memory, want 0", r)
	}
	if _, ok := e.MissCurve(nil, "nosuch:"); ok {
		t.Error("a prefix nobody counts has a curve")
	}
}

// What a look-up costs with the curve, and without: keys of a small keyspace, all there.
func BenchmarkLookUp(b *testing.B) {
	e := New(Options{Shards: 4})
	keys := make([][]byte, 10_000)
	for i := range keys {
		keys[i] = []byte(strconv.Itoa(i))
		set(e, string(keys[i]), []byte("v"), 1, 0)
	}
	for _, rate := range []uint64{0, 1 << 60} {
		b.Run(fmt.Sprint("sampled=", rate > 0), func(b *testing.B) {
			e.curve.below.Store(rate)
			var tx Tx
			for i := 0; b.Loop(); i++ {
				tx.Begin(e, 0, 1)
				tx.ReadOnly, tx.Counting = true, true
				tx.LockKey(keys[i%len(keys)])
				tx.Exists(keys[i%len(keys)])
				tx.Unlock()
			}
		})
	}
}

// The size of a collection that is asked for again and again is not added up each
// time, but the curve follows its growth.
func TestTheCurveFollowsGrowingCollections(t *testing.T) {
	e := New(Options{Shards: 1})
	e.curve.below.Store(math.MaxUint64)
	var tx Tx
	key := []byte("hash")
	hash := func() value.HashRef {
		tx.Begin(e, 0, 1)
		tx.ReadOnly, tx.Counting = true, true
		tx.LockKey(key)
		ref, err := tx.Ref(key, value.Hash)
		if err != nil {
			t.Fatal(err)
		}
		if ref.Slot == nil {
			h := value.HashRef{Ref: tx.Create(key, value.Hash, value.Packed, value.NewHashBytes), Limits: tx.Limits()}
			h.Init()
			return h
		}
		return value.HashRef{Ref: ref, Limits: tx.Limits()}
	}
	for fields := 1; fields <= 1<<14; fields *= 4 {
		h := hash()
		for i := range fields {
			h.Set(fmt.Appendf(nil, "field:%d", i), []byte("v"), false)
		}
		tx.Unlock()
		for range mrcRemeasure {
			hash()
			tx.Unlock()
		}
		want := mrcSize(hash().Item())
		tx.Unlock()
		if got := e.curve.entries[0].size; got != want {
			t.Errorf("%d bytes with %d fields, want %d", got, fields, want)
		}
	}
}

// A key that Create makes has no value yet when it is counted.
func TestKeysAreCountedBeforeTheyHaveAValue(t *testing.T) {
	e := New(Options{Shards: 1})
	var tx Tx
	tx.Begin(e, 0, 0)
	for i := range 20000 {
		key := fmt.Appendf(nil, "key%d", i)
		tx.LockKey(key)
		// What was in the block before looks like an address.
		tx.SetString(key, []byte("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x0F"), 0)
		tx.Delete(key)
		s := value.StreamRef{Ref: tx.Create(key, value.Stream, value.StreamTree, value.NewStreamBytes)}
		s.Init()
		tx.Delete(key)
		tx.Commit(nil)
		tx.Unlock()
	}
}
