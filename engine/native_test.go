package engine

import (
	"errors"
	"testing"

	"cached/engine/value"
)

// A block of the same length is changed where it stands; a longer one, a shorter one and
// another deadline keep the counts of keys with deadlines right.
func TestAStateIsChangedInPlace(t *testing.T) {
	e := New(Options{Shards: 1})
	var tx Tx
	key := []byte("key")
	set := func(b string, at int64) {
		t.Helper()
		s, err := tx.State(key, value.Lock)
		if err != nil {
			t.Fatal(err)
		}
		tx.SetState(&s, key, []byte(b), at)
		if got := string(s.Bytes()); got != b || !s.Exists() {
			t.Fatalf("the state is %q, not %q", got, b)
		}
	}
	tx.Begin(e, 0, 1000)
	tx.LockKey(key)
	for _, x := range []struct {
		b       string
		at      int64
		want    int64
		expires int
	}{{"one", 0, 0, 0}, {"two", 5000, 5000, 1}, {"a longer block", KeepDeadline, 5000, 1}, {"", 7000, 7000, 1}, {"x", 0, 0, 0}} {
		set(x.b, x.at)
		s, _ := tx.State(key, value.Lock)
		if n := tx.e.shards[0].dbs[0].expires; s.DeadlineMS() != x.want || n != x.expires {
			t.Errorf("%q: deadline %d, %d keys with one", x.b, s.DeadlineMS(), n)
		}
	}
	if _, err := tx.State(key, value.Limiter); !errors.Is(err, ErrWrongType) {
		t.Errorf("a lock as a limiter: %v", err)
	}
	if _, err := tx.String(key); !errors.Is(err, ErrWrongType) {
		t.Errorf("a lock as a string: %v", err)
	}
	tx.PutState(key, value.Limiter, []byte("y"), 3000)
	if s, err := tx.State(key, value.Limiter); err != nil || string(s.Bytes()) != "y" || s.DeadlineMS() != 3000 {
		t.Errorf("a limiter over a lock: %q %v", s.Bytes(), err)
	}
	b := []byte("z")
	if n := testing.AllocsPerRun(100, func() {
		s, _ := tx.State(key, value.Limiter)
		tx.SetState(&s, key, b, 3000)
	}); n != 0 {
		t.Errorf("%v allocations to change a block in place", n)
	}
	tx.NowMS = 3001
	if s, err := tx.State(key, value.Limiter); err != nil || s.Exists() || s.Bytes() != nil {
		t.Error("a state is there past its deadline")
	}
	tx.Commit(nil)
	tx.Unlock()
}
