package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// read asks for a key as a command that only reads does.
func read(e *Engine, db int, key string, nowMS int64) bool {
	var tx Tx
	tx.Begin(e, db, nowMS)
	tx.Counting = true
	tx.LockKey([]byte(key))
	defer tx.Unlock()
	defer tx.Commit(nil)
	return tx.Exists([]byte(key))
}

func withAll(e *Engine, nowMS int64, f func(tx *Tx)) {
	var tx Tx
	tx.Begin(e, 0, nowMS)
	tx.LockAll()
	f(&tx)
	tx.Commit(nil)
	tx.Unlock()
}

func TestMissesSayWhatBecameOfTheKey(t *testing.T) {
	const now = int64(1_700_000_000_000)
	e := New(Options{Shards: 4})
	e.SetAccessPolicy(AccessPolicy{SoonSeconds: 10, Order: Random})
	for _, k := range []string{"deleted", "unlinked", "renamed", "again"} {
		set(e, k, []byte("v"), now, 0)
	}
	set(e, "short", []byte("v"), now, now+1000)
	withAll(e, now, func(tx *Tx) {
		tx.Delete([]byte("deleted"))
		tx.Unlink([]byte("unlinked"))
		tx.Rename([]byte("renamed"), []byte("new name"))
		tx.Delete([]byte("again"))
	})
	set(e, "again", []byte("v"), now, now+1000)
	later := now + 5000
	for _, k := range []string{"deleted", "unlinked", "renamed", "short", "again", "never"} {
		if read(e, 0, k, later) {
			t.Errorf("%s is there", k)
		}
	}
	if read(e, 1, "deleted", later) { // another database's key of the same name
		t.Error("deleted is in database 1")
	}
	if !read(e, 0, "new name", later) {
		t.Error("the new name is not there")
	}
	if got, want := e.Stats(nil).Why, (Reasons{Expired: 2, Deleted: 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}

	set(e, "evicted", []byte("v"), later, 0)
	evictUntil(t, e, 0, later)
	e.ResetStats(nil)
	read(e, 0, "evicted", later+10_000)
	read(e, 0, "evicted", later+11_000)
	if got, want := e.Stats(nil).Why, (Reasons{Evicted: 2, EvictedSoon: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Two hours later nobody remembers; what is remembered meanwhile is nearly always
// right.
func TestReasonsAreForgottenInTime(t *testing.T) {
	var g gone
	rng := rand.New(rand.NewPCG(1, 2))
	const start = int64(1_700_000_000)
	for range 1000 {
		g.add(rng.Uint64(), wasEvicted, start, 100_000)
	}
	known := 0
	rng = rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		if why, ago := g.find(rng.Uint64(), start+100); why == wasEvicted && ago == 100 {
			known++
		}
	}
	if known < 950 {
		t.Errorf("%d of 1000 are known, with room for 25000", known)
	}
	wrong := 0
	for range 100_000 {
		if why, _ := g.find(rng.Uint64(), start); why != neverSeen {
			wrong++
		}
	}
	if wrong > 100 {
		t.Errorf("%d of 100000 strangers are taken for somebody", wrong)
	}
	for range len(g.entries) {
		g.forgetOld(start + goneForget + 1)
	}
	for i, entry := range g.entries {
		if entry != 0 {
			t.Fatalf("entry %d is still there", i)
		}
	}
}

func TestGoneIsBounded(t *testing.T) {
	var g gone
	rng := rand.New(rand.NewPCG(3, 4))
	for range 1_000_000 {
		g.add(rng.Uint64(), wasDeleted, 1000, 100_000_000)
	}
	if len(g.entries) != goneMost {
		t.Errorf("%d entries, want %d", len(g.entries), goneMost)
	}
}

func TestPrefixesAreCountedApart(t *testing.T) {
	const now = int64(1_700_000_000_000)
	e := New(Options{Shards: 4})
	policy := AccessPolicy{Prefixes: NewPrefixes([]string{"user:", "user:admin:", "post:", "user:", "\xff"})}
	e.SetAccessPolicy(policy)
	for i := range 20 {
		set(e, fmt.Sprint("user:", i), nil, now, 0)
		set(e, fmt.Sprint("user:admin:", i), nil, now, now+1)
	}
	for i := range 20 {
		read(e, 0, fmt.Sprint("user:", i), now)
		read(e, 0, fmt.Sprint("user:admin:", i), now+10)
		read(e, 0, fmt.Sprint("post:", i), now)
		read(e, 0, fmt.Sprint("use", i), now)
		read(e, 0, "", now)
	}
	want := map[string]PrefixStats{
		"user:":       {Prefix: "user:", Hits: 20},
		"user:admin:": {Prefix: "user:admin:", Misses: 20, Why: Reasons{Expired: 20}},
		"post:":       {Prefix: "post:", Misses: 20},
		"\xff":        {Prefix: "\xff"},
	}
	all := e.PrefixStats(nil)
	for _, p := range all {
		if p != want[p.Prefix] {
			t.Errorf("%+v, want %+v", p, want[p.Prefix])
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d prefixes, want %d", len(all), len(want))
	}
	e.ResetStats(nil)
	for _, p := range e.PrefixStats(nil) {
		if p != (PrefixStats{Prefix: p.Prefix}) {
			t.Errorf("after a reset: %+v", p)
		}
	}
}
