package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"cached/engine/value"
)

// A seenSink notes which keys a snapshot has saved.
type seenSink map[string]int

func (s seenSink) Item(db int, v value.Ref) { s[fmt.Sprint(db, " ", string(v.Item().Key()))]++ }

func (s seenSink) Part(db int, v value.Ref, _ uint64) (uint64, bool) {
	s.Item(db, v)
	return 0, true
}

func (s seenSink) Full() bool { return false }

// A snapshot has the keys that there were when it began: not those that an invalidation had
// ended before and the sweep had not found yet, and all that one ended later.
func TestSnapshotsAndInvalidations(t *testing.T) {
	for range 30 {
		seed := rand.Uint64()
		rng := rand.New(rand.NewPCG(seed, 1))
		e := New(Options{Shards: 2})
		var tx Tx
		now := int64(1000)
		alive := map[string]bool{} // naively
		tags := map[string]string{}
		do := func(f func()) {
			tx.Begin(e, 0, now)
			tx.LockAll()
			f()
			tx.Commit(nil)
			tx.Unlock()
		}
		change := func() {
			now++
			key := fmt.Sprintf("%c%d", 'a'+rng.IntN(3), rng.IntN(800))
			switch n := rng.IntN(100); {
			case n < 60:
				tag := fmt.Sprint("t", rng.IntN(4))
				do(func() {
					tx.SetString([]byte(key), []byte("v"), 0)
					tx.SetMeta([]byte(key), &Meta{Tags: []string{tag}})
				})
				alive[key], tags[key] = true, tag
			case n < 80:
				do(func() { tx.SetString([]byte(key), []byte("v"), 0) })
				alive[key], tags[key] = true, ""
			case n < 90:
				do(func() { tx.Delete([]byte(key)) })
				delete(alive, key)
			case n < 92:
				tag := fmt.Sprint("t", rng.IntN(4))
				do(func() { tx.InvalidateTags([]string{tag}, 0) })
				for key := range alive {
					if tags[key] == tag {
						delete(alive, key)
					}
				}
			case n < 94:
				prefix := key[:1+rng.IntN(2)]
				do(func() {
					if err := tx.PurgePrefix([]byte(prefix), 0); err != nil {
						t.Fatal(err)
					}
				})
				for key := range alive {
					if len(key) >= len(prefix) && key[:len(prefix)] == prefix {
						delete(alive, key)
					}
				}
			default:
				e.Maintain(&tx, now)
			}
		}
		for range 3000 {
			change()
		}
		sink := seenSink{}
		want := map[string]bool{}
		snap, err := e.StartSnapshot(sink, func() {
			for key := range alive {
				want["0 "+key] = true
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for snap.Step() {
			for range rng.IntN(30) {
				change()
			}
		}
		snap.Close()
		for key := range want {
			if sink[key] != 1 {
				t.Errorf("seed %d: %s was saved %d times", seed, key, sink[key])
			}
		}
		for key := range sink {
			if !want[key] {
				t.Errorf("seed %d: %s was saved and was not there", seed, key)
			}
		}
		if t.Failed() {
			t.FailNow()
		}
	}
}

// What invalidations leave behind is gone after the sweep: items, identities, names, notes.
func TestTheSweepLeavesNothing(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 2))
	e := New(Options{Shards: 2})
	var tx Tx
	do := func(f func()) {
		tx.Begin(e, 0, 5000)
		tx.LockAll()
		f()
		tx.Commit(nil)
		tx.Unlock()
	}
	const n = 20000
	set := func(i int) {
		key := []byte(fmt.Sprintf("p%d:%d", i%2, i))
		tx.SetString(key, []byte("value"), 0)
		if i%4 < 2 {
			tx.SetMeta(key, &Meta{Tags: []string{fmt.Sprint("a", i%100), fmt.Sprint("b", i)}})
		}
	}
	for i := range n {
		do(func() { set(i) })
	}
	before := e.Memory(nil).Live
	do(func() {
		for i := range 100 {
			tx.InvalidateTags([]string{fmt.Sprint("a", i)}, 0)
		}
		if err := tx.PurgePrefix([]byte("p1:"), 0); err != nil {
			t.Fatal(err)
		}
	})
	for range 2000 {
		do(func() { set(2*rng.IntN(n/2) + 1) }) // keys of the purged prefix, while it is pending
	}
	for i := 0; i < 1<<16 && pendingAnywhere(e); i++ {
		e.Maintain(&tx, 5000)
	}
	if pendingAnywhere(e) {
		t.Fatal("the sweep does not end")
	}
	do(func() { tx.InvalidateTags([]string{"none"}, 0) })
	left := 0
	do(func() { left, _ = tx.Len() })
	for i := range n {
		do(func() { tx.Delete([]byte(fmt.Sprintf("p%d:%d", i%2, i))) })
	}
	for range 8 {
		e.Maintain(&tx, 5000)
	}
	for i := range e.shards {
		ks := &e.shards[i].dbs[0]
		p, tags := &ks.purges, &ks.tags
		if tags.all != nil || tags.names != nil || p.byPrefix != nil || p.born != nil || e.shards[i].alert != 0 {
			t.Errorf("seed %d: left behind: %d identities, %d names, %d purges, %d notes, alert %b",
				seed, len(tags.all), len(tags.names), len(p.byPrefix), len(p.born), e.shards[i].alert)
		}
	}
	if left == 0 || left > n/2 || before == 0 {
		t.Errorf("seed %d: %d keys are left of %d", seed, left, n)
	}
}

func pendingAnywhere(e *Engine) bool {
	for i := range e.shards {
		for j := range e.shards[i].dbs {
			if e.shards[i].dbs[j].pending() {
				return true
			}
		}
	}
	return false
}

// While a purge is pending and its keys are set faster than the background sweeps, writers
// sweep themselves: what is noted stays within bounds, and the purge ends.
func TestWritersHelpToSweep(t *testing.T) {
	e := New(Options{Shards: 1})
	var tx Tx
	do := func(f func()) {
		tx.Begin(e, 0, 5000)
		tx.LockAll()
		f()
		tx.Commit(nil)
		tx.Unlock()
	}
	const n = 200_000
	for i := range n {
		do(func() { tx.SetString([]byte(fmt.Sprint("k", i)), nil, 0) })
	}
	do(func() {
		if err := tx.PurgePrefix([]byte("k"), 0); err != nil {
			t.Fatal(err)
		}
	})
	most := 0
	for i := range n {
		do(func() {
			key := []byte(fmt.Sprint("k", i))
			tx.SetString(key, nil, 0)
			tx.Modified(key, EventSet)
		})
		most = max(most, len(e.shards[0].dbs[0].purges.born))
	}
	if e.shards[0].dbs[0].pending() {
		t.Error("the purge is still pending")
	}
	if most > 2*bornMost {
		t.Errorf("%d keys were noted", most)
	}
	if l, _ := func() (int, error) { tx.Begin(e, 0, 5000); tx.LockAll(); defer tx.Unlock(); return tx.Len() }(); l != n {
		t.Errorf("%d keys are there, %d were set", l, n)
	}
}

// Purges of more prefixes than are remembered are refused, and none of them is lost where
// effects are applied.
func TestThePurgesThatArePendingAreBounded(t *testing.T) {
	e := New(Options{Shards: 1})
	var tx Tx
	tx.Begin(e, 0, 5000)
	tx.LockAll()
	defer tx.Unlock()
	long := make([]byte, 2*maxPurgeLengths)
	for i := range long {
		long[i] = 'x'
		tx.SetString(long[:i+1], nil, 0)
	}
	for i := range maxPurgeLengths {
		if err := tx.PurgePrefix(long[:i+maxPurgeLengths], 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.PurgePrefix(long[:1], 0); err != ErrPurges {
		t.Errorf("one more: %v", err)
	}
	if err := tx.PurgePrefix(long[:maxPurgeLengths], 0); err != nil {
		t.Errorf("one that is pending: %v", err)
	}
	tx.Applying = true
	if err := tx.PurgePrefix(long[:1], 0); err != nil {
		t.Errorf("one that was applied: %v", err)
	}
	for i := range long {
		if tx.Exists(long[:i+1]) {
			t.Errorf("a key of %d bytes is there", i+1)
		}
	}
}

// Tags cost a key at most 12 bytes for the first and 4 for each further one.
func TestTagsCostLittle(t *testing.T) {
	e := New(Options{Shards: 1})
	var tx Tx
	tx.Begin(e, 0, 1)
	tx.LockAll()
	defer tx.Unlock()
	key := []byte("key")
	for _, set := range []func(m *Meta){
		func(*Meta) {},
		func(m *Meta) { m.Flags = 1 },
		func(m *Meta) { m.Set(MetaSoftMS, 5) },
		func(m *Meta) { m.Flags = 1; m.Set(MetaVersion, 5) },
	} {
		var m Meta
		set(&m)
		tx.SetString(key, []byte("0123456789"), 0)
		tx.SetMeta(key, &m)
		plain := tx.Peek(key).Bytes()
		for n := 1; n <= 64; n++ {
			m.Tags = append(m.Tags, fmt.Sprint("tag", n))
			tx.SetMeta(key, &m)
			if got := tx.Peek(key).Bytes() - plain; got > 12+4*(n-1) {
				t.Errorf("%d tags cost %d bytes", n, got)
			}
		}
	}
}
