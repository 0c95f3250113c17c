package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"cached/engine/table"
	"cached/engine/value"
	"cached/internal/effects/effectstest"
)

type naive struct {
	value    string
	deadline int64
}

// A Tx agrees with a map under random operations, with time passing.
func TestAgreesWithAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	e := New(Options{Shards: 4, Databases: 3})
	model := [3]map[string]naive{{}, {}, {}}
	now := int64(1_000_000)
	var tx Tx
	get := func(db int, key string) (naive, bool) {
		n, ok := model[db][key]
		if ok && n.deadline != 0 && now > n.deadline {
			delete(model[db], key)
			return naive{}, false
		}
		return n, ok
	}
	for i := range 200000 {
		db := rng.IntN(3)
		key := fmt.Sprint("k", rng.IntN(800))
		other := fmt.Sprint("k", rng.IntN(800))
		now += int64(rng.IntN(3))
		tx.Begin(e, db, now)
		tx.LockAll()
		deadline := int64(0)
		if rng.IntN(3) == 0 {
			deadline = now + int64(rng.IntN(3000))
		}
		switch rng.IntN(12) {
		case 0, 1, 2, 3:
			v := strings.Repeat(fmt.Sprint(rng.IntN(1000)), rng.IntN(60))
			tx.SetString([]byte(key), []byte(v), deadline)
			model[db][key] = naive{v, deadline}
		case 4:
			_, want := get(db, key)
			if got := tx.Delete([]byte(key)); got != want {
				t.Fatalf("step %d: delete %q: %v", i, key, got)
			}
			delete(model[db], key)
		case 5:
			want, ok := get(db, key)
			got := tx.ExpireAt([]byte(key), now+500)
			if got != ok {
				t.Fatalf("step %d: expire %q: %v", i, key, got)
			}
			if ok {
				model[db][key] = naive{want.value, now + 500}
			}
		case 6:
			want, ok := get(db, key)
			if got := tx.Persist([]byte(key)); got != (ok && want.deadline != 0) {
				t.Fatalf("step %d: persist %q: %v", i, key, got)
			}
			if ok {
				model[db][key] = naive{want.value, 0}
			}
		case 7:
			if n, ok := get(db, key); ok && key != other {
				tx.Rename([]byte(key), []byte(other))
				delete(model[db], key)
				model[db][other] = n
			}
		case 8:
			to := (db + 1) % 3
			n, ok := get(db, key)
			_, there := get(to, key)
			if got := tx.Move([]byte(key), to); got != (ok && !there) {
				t.Fatalf("step %d: move %q: %v", i, key, got)
			} else if got {
				delete(model[db], key)
				model[to][key] = n
			}
		case 9:
			to := rng.IntN(3)
			n, ok := get(db, key)
			_, there := get(to, other)
			if to == db && key == other {
				break
			}
			if got := tx.Copy([]byte(key), []byte(other), to, i%2 == 0); got != (ok && (!there || i%2 == 0)) {
				t.Fatalf("step %d: copy %q: %v", i, key, got)
			} else if got {
				model[to][other] = n
			}
		case 10:
			want, _ := get(db, key)
			b, err := tx.GrowString([]byte(key), 30)
			if err != nil {
				t.Fatal(err)
			}
			v := want.value + strings.Repeat("\x00", max(0, 30-len(want.value)))
			if string(b) != v {
				t.Fatalf("step %d: grow %q: %q, want %q", i, key, b, v)
			}
			model[db][key] = naive{v, want.deadline}
		case 11:
			if rng.IntN(2000) == 0 {
				tx.Flush(db, i%2 == 0)
				clear(model[db])
			}
			if rng.IntN(500) == 0 {
				tx.SwapDB(0, 2)
				model[0], model[2] = model[2], model[0]
			}
		}
		want, ok := get(db, key)
		got, err := tx.String([]byte(key))
		if err != nil || (got != nil) != ok || string(got) != want.value {
			t.Fatalf("step %d: %q is %q %v, want %q %v", i, key, got, err, want.value, ok)
		}
		if d, _ := tx.Deadline([]byte(key)); d != want.deadline {
			t.Fatalf("step %d: %q expires at %d, want %d", i, key, d, want.deadline)
		}
		tx.Commit(nil)
		tx.Unlock()
		if rng.IntN(20) == 0 {
			e.Maintain(&tx, now)
		}
	}
	now += 1_000_000
	for range 5000 {
		e.Maintain(&tx, now)
	}
	for db := range model {
		want := 0
		for _, n := range model[db] {
			if n.deadline == 0 {
				want++
			}
		}
		if got := e.DBStats(nil, db, now); got.Keys != want || got.Expires != 0 {
			t.Errorf("database %d: %+v, want %d keys", db, got, want)
		}
	}
	checkEmptyAfterFlush(t, e)
}

func checkEmptyAfterFlush(t *testing.T, e *Engine) {
	t.Helper()
	var tx Tx
	tx.Begin(e, 0, 1)
	tx.LockAll()
	tx.Flush(-1, false)
	tx.Unlock()
	for range 100 * len(e.shards) {
		e.Maintain(&tx, 1)
	}
	if m := e.Memory(nil); m.Live != 0 || m.Held != 0 || m.Kept != 0 {
		t.Errorf("after FLUSHALL: %+v", m)
	}
}

// Clients that write their own number to all keys of a pair under one lock
// never see a pair of different numbers.
func TestSeveralKeysAreSeenTogether(t *testing.T) {
	e := New(Options{Shards: 8})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(uint64(g), 1))
			var tx Tx
			for i := range 20000 {
				a := []byte(fmt.Sprint("a", rng.IntN(50)))
				b := []byte(fmt.Sprint("b", string(a[1:])))
				var l LockSet
				l.Add(e, a)
				l.Add(e, b)
				tx.Begin(e, 0, int64(i))
				tx.Lock(&l)
				va, _ := tx.String(a)
				vb, _ := tx.String(b)
				if !bytes.Equal(va, vb) {
					t.Errorf("%s is %q, %s is %q", a, va, b, vb)
				}
				v := []byte(fmt.Sprint(g, " ", i))
				tx.SetString(a, v, 0)
				tx.SetString(b, v, 0)
				tx.Commit(nil)
				tx.Unlock()
			}
		}()
	}
	wg.Wait()
}

type recorder struct{ log []string }

func (r *recorder) Changed(tx *Tx, key []byte, ev Event) {
	r.log = append(r.log, fmt.Sprintf("%d %s:%s", tx.DB, ev.Name, key))
}

// effectLines compares what was added to the stream.
type effectLines struct{ effectstest.Recorder }

func (r *effectLines) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := r.Take(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func (r *recorder) Flushed(tx *Tx, db int)   { r.log = append(r.log, fmt.Sprint("flushed ", db)) }
func (r *recorder) Swapped(tx *Tx, a, b int) { r.log = append(r.log, fmt.Sprint("swapped ", a, b)) }

func (r *recorder) expect(t *testing.T, want ...string) {
	t.Helper()
	if strings.Join(r.log, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", r.log, want)
	}
	r.log = nil
}

// Watchers hear of each change at once, the journal of its effect at Commit.
func TestHookAndJournalSeeEveryChange(t *testing.T) {
	var watch recorder
	var journal effectLines
	e := New(Options{Shards: 2})
	e.Effects().Attach(&journal.Recorder)
	e.Watch(&watch)
	var tx Tx
	k := []byte("k")
	tx.Begin(e, 3, 1000)
	tx.LockAll()

	tx.SetString(k, []byte("v"), 2000)
	tx.Modified(k, EventSet)
	watch.expect(t, "3 new:k", "3 set:k")
	journal.expect(t)
	tx.Commit([][]byte{[]byte("SET"), k, []byte("v")})
	journal.expect(t, "3 SET k v")

	tx.ExpireAt(k, 5000)
	tx.Modified(k, EventExpire)
	tx.Propagate("PEXPIREAT", k, []byte("5000"))
	tx.Commit([][]byte{[]byte("EXPIRE"), k, []byte("4")})
	watch.expect(t, "3 expire:k")
	journal.expect(t, "3 PEXPIREAT k 5000")

	tx.Commit([][]byte{[]byte("GET"), k})
	journal.expect(t)

	// An access past the deadline ends the key, in front of the command's own
	// effect.
	tx.NowMS = 5001
	if v, _ := tx.String(k); v != nil {
		t.Error("an expired key is visible")
	}
	tx.Commit(nil)
	watch.expect(t, "3 expired:k")
	journal.expect(t, "3 DEL k")

	tx.SwapDB(0, 3)
	tx.Flush(-1, false)
	watch.expect(t, "swapped 0 3", "flushed -1")
	tx.Commit(nil)
	tx.Unlock()
}

func TestScanSkipsWhatExpired(t *testing.T) {
	e := New(Options{})
	var tx Tx
	tx.Begin(e, 0, 1000)
	tx.LockAll()
	for i := range 1000 {
		tx.SetString([]byte(fmt.Sprint(i)), nil, int64(i%2)*1500)
	}
	tx.NowMS = 2000
	seen, cursor := 0, uint64(0)
	for {
		cursor, _ = tx.Scan(cursor, 10, func(table.Item) { seen++ })
		if cursor == 0 {
			break
		}
	}
	tx.Unlock()
	if seen != 500 {
		t.Errorf("scan saw %d keys, want 500", seen)
	}
}

func TestGetAndSetDoNotAllocate(t *testing.T) {
	e := New(Options{})
	var tx Tx
	k, v := []byte("key"), []byte("value")
	argv := [][]byte{[]byte("SET"), k, v}
	n := testing.AllocsPerRun(1000, func() {
		tx.Begin(e, 0, 1000)
		tx.LockKey(k)
		tx.SetString(k, v, 0)
		tx.Modified(k, EventSet)
		_, _ = tx.String(k)
		tx.Commit(argv)
		tx.Unlock()
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A lock that is kept is used by the next work on its shard, given back before
// any other lock is taken, and free after Unlock.
func TestKeptLock(t *testing.T) {
	e := New(Options{Shards: 4})
	var tx Tx
	free := func(key string) bool {
		s := &e.shards[e.shardOf(Hash([]byte(key)))]
		if !s.mu.TryLock() {
			return false
		}
		s.mu.Unlock()
		return true
	}
	here := []byte("a")
	var other []byte // on another shard
	for i := 0; other == nil; i++ {
		if k := fmt.Appendf(nil, "k%d", i); e.shardOf(Hash(k)) != e.shardOf(Hash(here)) {
			other = k
		}
	}
	begin := func() { tx.Begin(e, 0, 1) }

	begin()
	tx.LockKey(here)
	if tx.Keep(Hash(other)) {
		t.Fatal("kept for a key of another shard")
	}
	if !tx.Keep(Hash(here)) || !tx.kept || free("a") {
		t.Fatal("not kept")
	}
	begin()
	tx.LockKey(here)
	if tx.kept || free("a") {
		t.Fatal("the next work on the shard does not hold it")
	}
	tx.SetString(here, other, 0)
	if !tx.Keep(Hash(here)) {
		t.Fatal("not kept a second time")
	}
	begin()
	tx.LockKey(other)
	if !free("a") || free(string(other)) {
		t.Fatal("the lock of one shard is held along with another's")
	}
	tx.Keep(Hash(other))
	begin()
	tx.LockAll()
	if free("a") || free(string(other)) {
		t.Fatal("LockAll does not hold all")
	}
	tx.Unlock()
	if !free("a") || !free(string(other)) || tx.kept {
		t.Fatal("a lock is left")
	}
	if tx.Keep(Hash(here)) {
		t.Fatal("kept what is not locked")
	}
}

// A hash that got another name in the same shard lost the mark of its deadlines: its
// fields stayed for ever.
func TestFieldsEndAfterTheirHashWasRenamed(t *testing.T) {
	for _, shards := range []int{1, 16} {
		e := New(Options{Shards: shards})
		var tx Tx
		tx.Begin(e, 0, 1)
		tx.LockAll()
		for i := range 64 {
			from, to := fmt.Appendf(nil, "from %d", i), fmt.Appendf(nil, "to %d", i)
			h := value.HashRef{Ref: tx.Create(from, value.Hash, value.Packed, value.NewHashBytes), Limits: tx.Limits()}
			h.Init()
			h.Set([]byte("f"), []byte("v"), false)
			h.Set([]byte("stays"), []byte("v"), false)
			h.SetDeadline([]byte("f"), 1000)
			tx.FieldsExpire(from)
			tx.Rename(from, to)
		}
		if got := e.DBStats(&tx, 0, 1).Subexpiry; got != 64 {
			t.Errorf("%d shards: %d hashes have deadlines of fields, want 64", shards, got)
		}
		tx.Commit(nil)
		tx.Unlock()
		tx.Begin(e, 0, 2000)
		tx.LockAll()
		for i := range 64 {
			to := fmt.Appendf(nil, "to %d", i)
			if r, err := tx.Ref(to, value.Hash); err != nil || (value.HashRef{Ref: r, Limits: tx.Limits()}).Len() != 1 {
				t.Errorf("%d shards: %s has a field past its deadline", shards, to)
			}
		}
		tx.Commit(nil)
		tx.Unlock()
	}
}

// A hash was forgotten when the last segment of its table had no deadline: only
// a look-up ended its fields.
func TestFieldsEndWhereverTheirHashIs(t *testing.T) {
	e := New(Options{Shards: 1})
	var tx Tx
	const hashes = 20
	tx.Begin(e, 0, 1)
	tx.LockAll()
	for i := range 20000 {
		tx.SetString(fmt.Appendf(nil, "string %d", i), []byte("v"), 0)
	}
	for i := range hashes {
		key := fmt.Appendf(nil, "hash %d", i)
		h := value.HashRef{Ref: tx.Create(key, value.Hash, value.Packed, value.NewHashBytes), Limits: tx.Limits()}
		h.Init()
		h.Set([]byte("f"), []byte("v"), false)
		h.SetDeadline([]byte("f"), 1000)
		tx.FieldsExpire(key)
	}
	tx.Commit(nil)
	tx.Unlock()
	for range 2000 { // rounds in which nothing has ended
		e.Maintain(&tx, 500)
	}
	for range 2000 {
		e.Maintain(&tx, 2000)
	}
	if got := e.DBStats(nil, 0, 500).Keys; got != 20000 {
		t.Errorf("%d keys, want 20000: the hashes ended with their last fields", got)
	}
}

// A member that has expired is logged as one that was removed, by whoever meets it: a
// look-up or Maintain. And files need the format of fields for hashes alone.
func TestMembersEndAsRemovals(t *testing.T) {
	j := &effectstest.Recorder{}
	e := New(Options{Shards: 1})
	e.Effects().Attach(j)
	var tx Tx
	tx.Begin(e, 0, 1)
	tx.LockAll()
	for _, key := range []string{"met", "swept"} {
		s := value.SetRef{Ref: tx.Create([]byte(key), value.Set, value.IntSet, value.NewSetBytes), Limits: tx.Limits()}
		s.Init()
		s.Add([]byte("1"))
		s.Add([]byte("m"))
		s.SetDeadline([]byte("1"), 1000)
		s.SetDeadline([]byte("m"), 2000)
		tx.FieldsExpire([]byte(key))
	}
	tx.Commit(nil)
	tx.Unlock()
	if e.FieldDeadlines() {
		t.Error("deadlines of members count as those of fields")
	}
	tx.Begin(e, 0, 1500)
	tx.LockAll()
	tx.Exists([]byte("met"))
	tx.Commit(nil)
	tx.Unlock()
	for range 100 {
		e.Maintain(&tx, 1500)
	}
	for range 100 {
		e.Maintain(&tx, 20000)
	}
	want := "0 SREM met 1|0 SREM swept 1|0 SREM met m|0 SREM swept m"
	got := strings.Join(j.Lines(), "|")
	if other := "0 SREM met 1|0 SREM swept 1|0 SREM swept m|0 SREM met m"; got != want && got != other {
		t.Errorf("logged: %s, want: %s", got, want)
	}
	if n := e.DBStats(nil, 0, 1).Keys; n != 0 {
		t.Errorf("%d keys, want none", n)
	}
}

// Work on all keys locks one shard after the other: somebody who holds a shard holds up that
// part of it only, and what has expired is removed on the way.
func TestWorkOnAllKeysLocksShardAfterShard(t *testing.T) {
	e := New(Options{Shards: 8})
	for i := range 1000 {
		set(e, fmt.Sprint("k", i), []byte("v"), 1000, int64(i%2)*1500)
	}
	var holder, tx Tx
	holder.Begin(e, 0, 1000)
	key, before := []byte("k0"), 0
	for i := range 1000 { // the key of the last shard that has one
		if k := fmt.Append(nil, "k", i); e.shardOf(table.Hash(k)) > e.shardOf(table.Hash(key)) {
			key = k
		}
	}
	held := e.shardOf(table.Hash(key))
	for i := range 1000 {
		if i%2 == 0 && e.shardOf(table.Hash(fmt.Append(nil, "k", i))) < held {
			before++
		}
	}
	holder.LockKey(key)
	tx.Begin(e, 0, 2000)
	visited := make(chan int, 1000)
	go func() {
		defer close(visited)
		if err := tx.Each(func(it table.Item) bool {
			visited <- e.shardOf(table.Hash(it.Key()))
			return true
		}); err != nil {
			t.Error(err)
		}
	}()
	for range before { // all in front of the shard that is locked
		if i := <-visited; i >= held {
			t.Fatalf("shard %d was visited while shard %d was locked", i, held)
		}
	}
	holder.Unlock()
	for range visited {
	}
	cursor, seen := uint64(0), 0
	for first := true; first || cursor != 0; first = false {
		var err error
		if cursor, err = tx.Scan(cursor, 10, func(table.Item) { seen++ }); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := tx.Len(); seen != 500 || n != 500 || err != nil {
		t.Errorf("%d keys seen, %d are left (%v), want 500", seen, n, err)
	}
	if key, err := tx.RandomKey(); len(key) == 0 || err != nil {
		t.Errorf("a random key: %q, %v", key, err)
	}
	if tx.one >= 0 || tx.locked != (shardSet{}) {
		t.Error("a lock is left")
	}
}

// The empty key is a key.
func TestARandomKeyMayBeEmpty(t *testing.T) {
	e := New(Options{Shards: 2})
	set(e, "", []byte("v"), 1000, 0)
	var tx Tx
	tx.Begin(e, 0, 1000)
	if key, err := tx.RandomKey(); key == nil || len(key) != 0 || err != nil {
		t.Errorf("got %q, %v", key, err)
	}
}
