package rdb

import (
	"fmt"
	"math"
	"testing"

	"cached/engine"
	"cached/engine/table"
	"cached/engine/value"
)

// A payload with deadlines of members is whole, or what is wrong with it is an error: any
// bit of it may be another, and it may end anywhere.
func TestSpoiltDeadlinesOfMembersAreErrors(t *testing.T) {
	e := engine.New(engine.Options{Shards: 1})
	var tx engine.Tx
	tx.Begin(e, 0, testNowMS)
	tx.LockAll()
	defer tx.Unlock()
	for _, n := range []int{3, 200} {
		key := fmt.Appendf(nil, "set%d", n)
		s := value.SetRef{Ref: tx.Create(key, value.Set, value.IntSet, value.NewSetBytes), Limits: tx.Limits()}
		s.Init()
		for i := range n {
			m := fmt.Appendf(nil, "m%d", i)
			s.Add(m)
			if i%2 == 0 {
				s.SetDeadline(m, testNowMS+int64(i))
			}
		}
		var enc Encoder
		enc.Dump(tx.Peek(key))
		var d Decoder
		undump := func(p []byte) (err error) {
			it, _, err := d.Undump(&tx, []byte("other"), p, engine.NoOrigin)
			if err == nil {
				check(t, it)
				tx.Discard(it)
			}
			return err
		}
		if err := undump(enc.B); err != nil {
			t.Fatal(err)
		}
		live, _ := e.InUse()
		for i := range enc.B {
			bad := append([]byte(nil), enc.B...)
			for bit := range 8 {
				bad[i] ^= 1 << bit
				_ = undump(bad)
				bad[i] ^= 1 << bit
			}
			if i >= payloadTail {
				_ = undump(enc.B[:i])
			}
		}
		if now, _ := e.InUse(); now != live {
			t.Errorf("%d bytes in use, before it were %d", now, live)
		}
	}
}

// check reads all of a set that was restored.
func check(t *testing.T, it table.Item) {
	t.Helper()
	if value.TypeOf(it) != value.Set {
		return
	}
	n, first := 0, int64(math.MaxInt64)
	value.EachMember(it, func(_ value.Elem, due int64) bool {
		n++
		if due != 0 {
			first = min(first, due)
		}
		return true
	})
	if due := value.FieldsDue(it); n != value.SetLen(it) || due != 0 && due != first || it.HasParts() != (due != 0) {
		t.Errorf("%d members of %d, the first due at %d and not %d", n, value.SetLen(it), first, due)
	}
}
