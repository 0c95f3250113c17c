package engine

import (
	"fmt"
	"testing"
)

// Looking ahead for keys that exist, do not exist, in empty and other databases,
// with a shard locked, changes nothing.
func TestLookaheadIsOnlyAHint(t *testing.T) {
	e := New(Options{Shards: 4})
	var tx Tx
	set := func(i int) []byte { return fmt.Appendf(nil, "key:%d", i) }
	for i := range 1000 {
		tx.Begin(e, 0, 1)
		tx.LockKey(set(i))
		tx.SetString(set(i), set(i), 0)
		tx.Unlock()
	}
	before := e.Memory(nil)
	var l Lookahead
	tx.Begin(e, 0, 1)
	tx.LockKey(set(1))
	for i := 0; i < 4000; i++ {
		l.Add(Hash(set(i)), false, nil)
		l.Add(Hash(set(i)), true, set(i))
		if i%(MaxLookahead/2) == MaxLookahead/2-1 {
			l.Run(e, i%16)
			if l.n != 0 {
				t.Fatal("keys stay after Run")
			}
		}
	}
	tx.Unlock()
	if after := e.Memory(nil); after != before {
		t.Errorf("memory was %+v and is %+v", before, after)
	}
}
