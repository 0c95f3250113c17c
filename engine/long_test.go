package engine

import (
	"sync"
	"sync/atomic"
	"testing"
)

// Who gives up does not wait for long work, and has nothing locked then, whether it
// wants one shard or all.
func TestWhoWaitsForLongWorkGivesUp(t *testing.T) {
	e := New(Options{Shards: 4})
	var holder Tx
	holder.Begin(e, 0, 0)
	holder.BeginLong()
	if !holder.LockKey([]byte("k")) {
		t.Fatal("nobody else is there")
	}
	got := make(chan bool)
	for _, all := range []bool{false, true} {
		go func() {
			tx := Tx{GivesUp: true}
			tx.Begin(e, 0, 0)
			if !all {
				got <- tx.LockKey([]byte("k"))
				return
			}
			var l LockSet
			l.AddAll(e)
			got <- tx.Lock(&l)
		}()
	}
	for range 2 {
		if <-got {
			t.Error("it has locked what is locked")
		}
	}
	holder.Unlock()
	var tx Tx
	tx.Begin(e, 0, 0)
	tx.LockAll()
	tx.Unlock()
	if n := e.long.works.Load(); n != 0 {
		t.Errorf("%d long works are left", n)
	}
}

// A lock that was kept is given back before long work begins: it does not wait for
// those who wait for it, and stays long until it unlocks.
func TestLongWorkKeepsNothing(t *testing.T) {
	e := New(Options{Shards: 2})
	var tx Tx
	tx.Begin(e, 0, 0)
	tx.LockKey([]byte("k"))
	if !tx.Keep(Hash([]byte("k"))) {
		t.Fatal("nothing is kept")
	}
	got := make(chan bool)
	go func() {
		other := Tx{GivesUp: true}
		other.Begin(e, 0, 0)
		ok := other.LockKey([]byte("k"))
		other.Unlock()
		got <- ok
	}()
	tx.Begin(e, 0, 0)
	tx.BeginLong()
	<-got
	tx.LockAll()
	if n := e.long.works.Load(); n != 1 {
		t.Errorf("%d long works", n)
	}
	tx.Unlock()
	if n := e.long.works.Load(); n != 0 {
		t.Errorf("%d long works are left", n)
	}
}

// Long work and short work exclude each other like any two, and all of it ends.
func TestLongWorkExcludesOthers(t *testing.T) {
	e := New(Options{Shards: 2})
	keys := [][]byte{[]byte("a"), []byte("b"), []byte("c")}
	var inside [2]atomic.Int32 // works in each shard
	enter := func(tx *Tx) {
		for i := range inside {
			if tx.one == i || tx.locked.has(i) {
				if inside[i].Add(1) != 1 {
					t.Error("two are in one shard")
				}
			}
		}
	}
	leave := func(tx *Tx) {
		for i := range inside {
			if tx.one == i || tx.locked.has(i) {
				inside[i].Add(-1)
			}
		}
		tx.Unlock()
	}
	var wg sync.WaitGroup
	for n := range 6 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			tx := Tx{GivesUp: n%3 != 0}
			for i := range 2000 {
				tx.Begin(e, 0, 0)
				if n%2 == 0 && i%3 == 0 {
					tx.BeginLong()
				}
				var l LockSet
				locked := true
				switch i % 4 {
				case 0:
					l.AddAll(e)
					locked = tx.Lock(&l)
				case 1:
					l.Add(e, keys[0])
					l.Add(e, keys[n%3])
					locked = tx.Lock(&l)
				default:
					locked = tx.LockKey(keys[(i+n)%3])
				}
				if locked {
					enter(&tx)
				}
				if locked {
					leave(&tx)
				} else {
					tx.Unlock()
				}
			}
		}()
	}
	wg.Wait()
}
