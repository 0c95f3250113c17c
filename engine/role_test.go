package engine

import "testing"

// A replica's clients do not see a key past its deadline, and the primary's effects still
// find it, until an effect ends it. Nothing that is applied is added to the stream.
func TestAReplicaWaitsToBeToldThatKeysEnd(t *testing.T) {
	var journal effectLines
	e := New(Options{Shards: 1})
	e.Effects().Attach(&journal.Recorder)
	e.SetRole(Replica)
	var tx Tx
	begin := func(nowMS int64, applying bool) {
		tx.Begin(e, 0, nowMS)
		tx.LockAll()
		tx.ReadOnly, tx.Applying = !applying, applying
	}
	end := func() { tx.Commit([][]byte{[]byte("X")}); tx.Unlock() }
	k := []byte("k")

	begin(1000, true)
	tx.SetString(k, []byte("v"), 2000)
	tx.Modified(k, EventSet)
	end()
	begin(3000, false)
	if tx.Exists(k) {
		t.Error("a client sees a key past its deadline")
	}
	end()
	for range 10 {
		e.Maintain(&tx, 3000)
		e.Evict(&tx, 3000, 1<<20)
	}
	if d := e.DBStats(nil, 0, 3000); d.Keys != 1 {
		t.Errorf("the replica has ended the key: %d keys", d.Keys)
	}
	begin(3000, true)
	if !tx.Exists(k) {
		t.Error("an effect does not find the key as the primary had it")
	}
	tx.Persist(k)
	tx.Modified(k, EventPersist)
	end()
	begin(4000, false)
	if v, err := tx.String(k); string(v) != "v" || err != nil {
		t.Errorf("%q, %v after PERSIST", v, err)
	}
	end()
	journal.expect(t)

	// As a primary it ends keys itself, and says so.
	begin(4000, true)
	tx.ExpireAt(k, 5000)
	end()
	e.SetRole(Primary)
	begin(6000, false)
	if tx.Exists(k) {
		t.Error("a client sees a key past its deadline")
	}
	end()
	journal.expect(t, "0 DEL k")
}
