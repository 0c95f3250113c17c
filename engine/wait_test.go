package engine

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// Whoever is passed over a few times is let in, however often others come: the next who asks
// finds the shard reserved.
func TestNobodyIsPassedOverForEver(t *testing.T) {
	for _, all := range []bool{false, true} {
		e := New(Options{Shards: 4})
		key := []byte("k")
		woken := 0
		ticket := &Ticket{Wake: func() { woken++ }}
		others := Tx{GivesUp: true}
		own := Tx{GivesUp: true, Ticket: ticket}
		lock := func() bool {
			own.Begin(e, 0, 0)
			if !all {
				return own.LockKey(key)
			}
			var l LockSet
			l.AddAll(e)
			return own.Lock(&l)
		}
		got := false
		for n := 0; !got; n++ {
			if n > insistAfter {
				t.Fatalf("all %v: passed over %d times", all, n)
			}
			others.Begin(e, 0, 0)
			if others.LockKey(key) {
				if lock() {
					t.Fatal("it has locked what is locked")
				}
				own.Await(ticket)
				others.Unlock() // which calls it, but others come first
			}
			others.Begin(e, 0, 0)
			if others.LockKey(key) {
				others.Unlock()
				continue
			}
			got = lock()
		}
		if woken == 0 {
			t.Error("nobody was called")
		}
		own.Unlock()
		ticket.Done()
		others.Begin(e, 0, 0)
		if !others.LockKey(key) {
			t.Error("the shard stays reserved")
		}
		others.Unlock()
	}
}

// Those who wait are called in the order in which they came, also one that comes back to its
// place.
func TestWaitersAreCalledInOrder(t *testing.T) {
	e := New(Options{Shards: 1})
	key := []byte("k")
	var order []int
	var tickets []*Ticket
	for i := range 3 {
		tickets = append(tickets, &Ticket{Wake: func() { order = append(order, i) }})
	}
	holder, tx := Tx{}, Tx{GivesUp: true}
	wait := func(i int) {
		tx.Begin(e, 0, 0)
		if tx.LockKey(key) {
			t.Fatal("not locked")
		}
		tx.Await(tickets[i])
	}
	holder.Begin(e, 0, 0)
	holder.LockKey(key)
	wait(0)
	wait(1)
	holder.Unlock()
	holder.LockKey(key)
	wait(2)
	wait(1)
	wait(0)
	tickets[1].Done() // it leaves
	holder.Unlock()
	if got := fmt.Sprint(order); got != "[0 1 0 2]" {
		t.Errorf("called in the order %s", got)
	}
	if n := e.Waiting(); n != 0 {
		t.Errorf("%d are left", n)
	}
}

// A claimed key is its owner's, the other keys of its shard are not; whoever wants all
// waits, and everybody is called in the end.
func TestAClaimKeepsOnlyItsKey(t *testing.T) {
	e := New(Options{Shards: 1})
	owner, tx := Tx{}, Tx{GivesUp: true}
	owner.Begin(e, 0, 0)
	owner.LockKey([]byte("a"))
	owner.SetString([]byte("a"), []byte("1"), 0)
	owner.Commit(nil)
	if !owner.Loosen() {
		t.Fatal("not loosened")
	}
	tx.Begin(e, 0, 0)
	if !tx.LockKey([]byte("b")) {
		t.Error("another key cannot be locked")
	}
	tx.SetString([]byte("b"), []byte("2"), 0)
	tx.Commit(nil)
	tx.Unlock()
	called := 0
	ticket := &Ticket{Wake: func() { called++ }}
	for _, all := range []bool{false, true} {
		var l LockSet
		if l.Add(e, []byte("a")); all {
			l.AddAll(e)
		}
		tx.Begin(e, 0, 0)
		if tx.Lock(&l) {
			t.Fatal("the claimed key is locked")
		}
	}
	tx.Await(ticket)
	var l LockSet
	l.Add(e, []byte("a"))
	owner.Relock(&l)
	if s, err := owner.String([]byte("a")); string(s) != "1" || err != nil {
		t.Errorf("the owner sees %q, %v", s, err)
	}
	owner.Relax()
	if called != 0 {
		t.Error("called while the key is claimed")
	}
	owner.Unlock()
	if called != 1 {
		t.Errorf("called %d times", called)
	}
	tx.Begin(e, 0, 0)
	tx.LockAll()
	tx.Unlock()
}

// Work that locks, is loosened at any moment and goes on excludes others that want its keys;
// all of it ends. Run with the race detector: the counters are not atomic.
func TestLockedAndClaimedKeysAreExclusive(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	e := New(Options{Shards: 4})
	const keys = 6
	var counts [keys]int
	var sums [keys]atomic.Int64
	key := func(i int) []byte { return fmt.Appendf(nil, "key%d", i) }
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(n)))
			tx := Tx{GivesUp: true}
			called := make(chan struct{}, 1)
			ticket := &Ticket{Wake: func() { called <- struct{}{} }}
			tx.Ticket = ticket
			for range 3000 {
				var l LockSet
				var mine []int
				if rng.IntN(20) == 0 {
					l.AddAll(e)
					for i := range keys {
						mine = append(mine, i)
					}
				} else {
					for range 1 + rng.IntN(3) {
						i := rng.IntN(keys)
						l.Add(e, key(i))
						mine = append(mine, i)
					}
				}
				for {
					tx.Begin(e, 0, 0)
					if tx.Lock(&l) {
						break
					}
					tx.Await(ticket)
					<-called
				}
				ticket.Done()
				for _, i := range mine {
					counts[i]++
					sums[i].Add(1)
					if rng.IntN(3) == 0 {
						tx.Loosen()
					}
					if tx.Loose() && rng.IntN(2) == 0 {
						tx.Relock(&l)
						tx.Relax()
					}
				}
				tx.Unlock()
			}
		})
	}
	wg.Wait()
	for i := range counts {
		if int64(counts[i]) != sums[i].Load() {
			t.Errorf("key %d: %d, want %d", i, counts[i], sums[i].Load())
		}
	}
	if n := e.Waiting(); n != 0 {
		t.Errorf("%d wait", n)
	}
	for i := range e.shards {
		if s := &e.shards[i]; s.special.Load() != 0 || len(s.claims) > 0 || s.reserved.Load() != nil {
			t.Errorf("shard %d: %d special, %d claims", i, s.special.Load(), len(s.claims))
		}
	}
}
