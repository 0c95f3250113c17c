package engine

import (
	"fmt"
	"maps"
	"testing"
)

// A keyspace that was filled beside another takes its place: keys, deadlines and counts are
// there, the next snapshot has all of them, one that was being taken ends, and no memory of
// the old one stays, also where values were waiting to be freed.
func TestAKeyspaceTakesThePlaceOfAnother(t *testing.T) {
	for _, snapshots := range []int{0, 1, 2} {
		e := New(Options{Shards: 4, Databases: 3})
		fill := func(e *Engine, name string, n int) {
			var tx Tx
			for i := range n {
				tx.Begin(e, i%3, 0)
				key := fmt.Append(nil, name, i)
				tx.LockKey(key)
				tx.SetString(key, key, int64(i%2)*1e12)
				tx.Unlock()
			}
		}
		fill(e, "old", 3000)
		for range snapshots { // each changes the meaning of marks
			snap, err := e.StartSnapshot(&copySink{t: t, keys: make(map[string]string)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for snap.Step() {
			}
			snap.Close()
		}
		var tx Tx
		tx.Begin(e, 1, 0)
		tx.LockAll()
		tx.Flush(1, true) // leaves something to Maintain
		tx.Unlock()
		open, err := e.StartSnapshot(&copySink{t: t, keys: make(map[string]string)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		open.Step()

		beside := e.Beside()
		fill(beside, "new", 2000)
		want := contents(beside)
		tx.Begin(e, 0, 0)
		tx.LockAll()
		if n := tx.ReplaceAll(beside); n != 2000 {
			t.Errorf("%d keys were there, want 2000", n)
		}
		tx.Unlock()
		if open.Err() != ErrFlushed {
			t.Error("a snapshot goes on")
		}
		open.Close()
		if got := contents(e); !maps.Equal(got, want) {
			t.Errorf("%d keys, want %d", len(got), len(want))
		}
		if st := e.DBStats(nil, 1, 1); st.Keys != 667 || st.Expires == 0 {
			t.Errorf("database 1: %+v", st)
		}
		sink := &copySink{t: t, keys: make(map[string]string)}
		snap, err := e.StartSnapshot(sink, nil)
		if err != nil {
			t.Fatal(err)
		}
		for snap.Step() {
		}
		snap.Close()
		if !maps.Equal(sink.keys, want) {
			t.Errorf("a snapshot has %d keys of %d", len(sink.keys), len(want))
		}
		fill(e, "more", 100)
		for e.Unfreed() {
			e.Maintain(&tx, 1)
		}
		checkEmptyAfterFlush(t, e)
	}
}

// What was filled beside and is not used leaves no memory.
func TestAKeyspaceBesideIsDiscarded(t *testing.T) {
	e := New(Options{Shards: 2})
	before := e.Memory(nil).Live
	beside := e.Beside()
	set(beside, "a", make([]byte, 1<<20), 0, 0)
	beside.Discard()
	if now := e.Memory(nil).Live; now != before {
		t.Errorf("%d bytes, %d before", now, before)
	}
}
