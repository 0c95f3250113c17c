package engine

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"cached/engine/table"
	"cached/engine/value"
)

// A copySink keeps what a snapshot saves.
type copySink struct {
	t     *testing.T
	mu    sync.Mutex
	keys  map[string]string
	open  string // the key whose parts are being saved
	parts int
}

func (c *copySink) add(key, v string) {
	if _, twice := c.keys[key]; twice {
		c.t.Errorf("%q was saved twice", key)
	}
	c.keys[key] = v
}

func (c *copySink) Item(db int, v value.Ref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(fmt.Sprint(db, " ", string(v.Item().Key())), render(v.Item()))
}

// Part saves the members of a large set, some at a time.
func (c *copySink) Part(db int, v value.Ref, cursor uint64) (uint64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := fmt.Sprint(db, " ", string(v.Item().Key()))
	if cursor == 0 && c.open != "" || cursor != 0 && c.open != key {
		c.t.Errorf("part at %d of %q while %q was open", cursor, key, c.open)
	}
	c.open = key
	next := value.SetRef{Ref: v}.Scan(cursor, 500, func(value.Elem) { c.parts++ })
	if next == 0 {
		c.add(key, fmt.Sprint(c.parts, " members"))
		c.open, c.parts = "", 0
	}
	return next, next == 0
}

func render(it table.Item) string {
	if value.TypeOf(it) == value.String {
		return fmt.Sprint(string(it.Value()), " ", it.DeadlineMS())
	}
	return fmt.Sprint(value.SetLen(it), " members")
}

// contents is what a snapshot of the present moment has to save.
func contents(e *Engine) map[string]string {
	all := make(map[string]string)
	var tx Tx
	for db := range e.databases {
		tx.Begin(e, db, 0)
		tx.LockAll()
		tx.Each(func(it table.Item) bool {
			all[fmt.Sprint(db, " ", string(it.Key()))] = render(it)
			return true
		})
		tx.Unlock()
	}
	return all
}

func addMembers(tx *Tx, key []byte, from, n int) {
	r, _ := tx.Ref(key, value.Set)
	if r.IsZero() {
		r = tx.Create(key, value.Set, value.IntSet, value.NewSetBytes)
		value.SetRef{Ref: r, Limits: tx.Limits()}.Init()
	}
	set := value.SetRef{Ref: r, Limits: tx.Limits()}
	for i := range n {
		set.Add(fmt.Append(nil, "member", from+i))
	}
}

// change does something random to a few keys.
func change(rng *rand.Rand, tx *Tx, e *Engine, nowMS int64) {
	key, other := fmt.Append(nil, "k", rng.IntN(3000)), fmt.Append(nil, "k", rng.IntN(3000))
	db := rng.IntN(e.databases)
	tx.Begin(e, db, nowMS)
	var l LockSet
	l.Add(e, key)
	l.Add(e, other)
	tx.Lock(&l)
	defer tx.Unlock()
	switch rng.IntN(10) {
	case 0, 1, 2:
		tx.SetString(key, fmt.Append(nil, rng.Uint64()), int64(rng.IntN(2))*(nowMS+int64(rng.IntN(2000))))
	case 3:
		tx.Delete(key)
	case 4:
		tx.ExpireAt(key, nowMS+int64(rng.IntN(2000)))
	case 5:
		if _, ok := tx.Deadline(key); ok && string(key) != string(other) {
			tx.Rename(key, other)
		}
	case 6:
		tx.Move(key, (db+1)%e.databases)
	case 7:
		tx.Copy(key, other, (db+1)%e.databases, true)
	case 8:
		if r, err := tx.Ref(key, value.Set); err == nil && !r.IsZero() {
			addMembers(tx, key, rng.IntN(1e9), 3)
		}
	case 9:
		if b, err := tx.GrowString(key, 30); err == nil {
			b[rng.IntN(len(b))]++
		}
	}
}

// Whatever changes while it is taken, a snapshot saves every key once, as it was
// at the start.
func TestSnapshotIsOfOneMoment(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	e := New(Options{Shards: 4, Databases: 3})
	now := int64(1_000_000)
	var tx Tx
	for i := range 12000 {
		change(rng, &tx, e, now)
		if i%3000 == 0 {
			tx.Begin(e, i/3000%3, now)
			tx.LockAll()
			big := fmt.Append(nil, "big", i)
			addMembers(&tx, big, 0, 9000)
			tx.Unlock()
		}
	}
	type taking struct {
		snap *Snapshot
		sink *copySink
		want map[string]string
	}
	var all []*taking
	started, most := 0, 0
	for started < 12 || len(all) > 0 {
		if started < 12 && (len(all) == 0 || len(all) < MaxSnapshots && rng.IntN(40) == 0) {
			x := &taking{sink: &copySink{t: t, keys: make(map[string]string)}, want: contents(e)}
			var err error
			if x.snap, err = e.StartSnapshot(x.sink, nil); err != nil {
				t.Fatal(err)
			}
			started++
			all = append(all, x)
			most = max(most, len(all))
			if len(all) == MaxSnapshots {
				if _, err := e.StartSnapshot(x.sink, nil); err != ErrSnapshots {
					t.Errorf("one more snapshot: %v", err)
				}
			}
		}
		i := rng.IntN(len(all))
		x := all[i]
		more := x.snap.Step()
		now += int64(rng.IntN(4))
		for range rng.IntN(20) {
			change(rng, &tx, e, now)
		}
		if rng.IntN(30) == 0 {
			tx.Begin(e, 0, now)
			tx.LockAll()
			tx.SwapDB(rng.IntN(3), rng.IntN(3))
			tx.Unlock()
		}
		if rng.IntN(20) == 0 { // a huge value changes in the middle of its parts
			tx.Begin(e, rng.IntN(3), now)
			tx.LockAll()
			if big := fmt.Append(nil, "big", 3000*rng.IntN(4)); !tx.Peek(big).IsZero() {
				s := tx.shard(tx.hash(big))
				if waits := tx.MustWait(big); waits == ((tx.Peek(big).Marks()^s.marks)&s.taken == 0) {
					t.Errorf("MustWait(%s) = %v", big, waits)
				}
				if rng.IntN(2) == 0 {
					addMembers(&tx, big, rng.IntN(1e9), 2)
				}
			}
			tx.Unlock()
		}
		if rng.IntN(10) == 0 {
			e.Maintain(&tx, now)
		}
		if more {
			continue
		}
		all = slices.Delete(all, i, i+1)
		if err := x.snap.Err(); err != nil {
			t.Error(err)
		}
		x.snap.Close()
		if !maps.Equal(x.sink.keys, x.want) {
			for k, v := range x.want {
				if x.sink.keys[k] != v {
					t.Errorf("%q saved as %q, was %q", k, x.sink.keys[k], v)
				}
			}
			t.Fatalf("%d keys saved of %d", len(x.sink.keys), len(x.want))
		}
		if saved, total := x.snap.Progress(); saved != total || total != len(x.want) {
			t.Errorf("progress says %d of %d, there were %d", saved, total, len(x.want))
		}
	}
	if most < 3 {
		t.Errorf("at most %d snapshots at once", most)
	}
}

// A snapshot begins at an offset of the stream of effects: what it has, with the effects from
// there on, is the keyspace.
func TestASnapshotKnowsItsPlaceInTheStream(t *testing.T) {
	var r effectLines
	e := New(Options{Shards: 2})
	e.Effects().Attach(&r.Recorder)
	set(e, "a", []byte("1"), 1000, 0)
	var at int64
	snap, err := e.StartSnapshot(&copySink{t: t, keys: make(map[string]string)}, func() { at = e.Effects().End() })
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	set(e, "b", []byte("2"), 1000, 0)
	if snap.Offset() != at || snap.Offset() > e.Effects().End() {
		t.Errorf("the snapshot begins at %d, the stream was at %d and is at %d", snap.Offset(), at, e.Effects().End())
	}
}

// A flush interrupts a snapshot, and the next one saves everything again.
func TestFlushInterruptsASnapshot(t *testing.T) {
	e := New(Options{Shards: 2, Databases: 2})
	var tx Tx
	for i := range 5000 {
		tx.Begin(e, i%2, 0)
		key := fmt.Append(nil, "k", i)
		tx.LockKey(key)
		tx.SetString(key, key, 0)
		tx.Unlock()
	}
	snap, err := e.StartSnapshot(&copySink{t: t, keys: make(map[string]string)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	snap.Step()
	tx.Begin(e, 0, 0)
	tx.LockAll()
	tx.Flush(1, false)
	tx.Unlock()
	if snap.Err() != ErrFlushed {
		t.Error("a flush left the snapshot as it was")
	}
	snap.Close()
	want := contents(e)
	sink := &copySink{t: t, keys: make(map[string]string)}
	if snap, err = e.StartSnapshot(sink, nil); err != nil {
		t.Fatal(err)
	}
	for snap.Step() {
	}
	snap.Close()
	if !maps.Equal(sink.keys, want) {
		t.Errorf("%d keys saved of %d", len(sink.keys), len(want))
	}
}

// Writers on all shards go on while snapshots are taken one after the other.
func TestSnapshotsAmongWriters(t *testing.T) {
	e := New(Options{Shards: 4, Databases: 2})
	stop := make(chan struct{})
	var group sync.WaitGroup
	for i := range 3 {
		group.Add(1)
		go func() {
			defer group.Done()
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			var tx Tx
			for now := int64(1); ; now++ {
				select {
				case <-stop:
					return
				default:
					change(rng, &tx, e, now)
				}
			}
		}()
	}
	for range 20 {
		sink := &copySink{t: t, keys: make(map[string]string)}
		var want int
		snap, err := e.StartSnapshot(sink, func() {
			for i := range e.shards {
				for j := range e.shards[i].dbs {
					want += e.shards[i].dbs[j].keys.Len()
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for snap.Step() {
		}
		snap.Close()
		if len(sink.keys) != want {
			t.Errorf("%d keys saved of %d", len(sink.keys), want)
		}
	}
	close(stop)
	group.Wait()
}

func (*copySink) Full() bool { return false }

// A fullSink has no room.
type fullSink struct{ copySink }

func (*fullSink) Full() bool { return true }

func TestCommandsComeBackLaterWhenASnapshotHasNoRoom(t *testing.T) {
	e := New(Options{Shards: 1})
	var tx Tx
	tx.Begin(e, 0, 0)
	key, other := []byte("key"), []byte("other")
	tx.LockAll()
	tx.SetString(key, []byte("v"), 0)
	tx.Unlock()
	snap, err := e.StartSnapshot(&fullSink{copySink{t: t, keys: map[string]string{}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	waits := func(k []byte) bool {
		tx.LockAll()
		defer tx.Unlock()
		return tx.MustWait(k)
	}
	if !waits(key) {
		t.Error("a key that is not saved can be changed")
	}
	if waits(other) {
		t.Error("a key that is not there cannot be made")
	}
	for snap.Step() {
	}
	if waits(key) {
		t.Error("a key that is saved cannot be changed")
	}
	snap.Close()
}
