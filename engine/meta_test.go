package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"cached/engine/table"
	"cached/engine/value"
)

// randomMeta is metadata of any kind, also of a field that has no name yet.
func randomMeta(rng *rand.Rand) (m Meta) {
	if rng.IntN(2) == 0 {
		m.Flags = rng.Uint32()
	}
	for f := range MetaField(metaFields) {
		if rng.IntN(3) == 0 {
			m.Set(f, rng.Uint64())
		}
	}
	m.Nothing = rng.IntN(8) == 0
	for range rng.IntN(3) * rng.IntN(4) {
		if t := fmt.Sprint("tag ", rng.IntN(20)); !slices.Contains(m.Tags, t) {
			m.Tags = append(m.Tags, t)
		}
	}
	return m
}

func sameMeta(a, b Meta) bool { return bytes.Equal(a.Append(nil), b.Append(nil)) }

// Metadata stays with its key through everything that changes, moves or copies the value,
// and leaves with a value that is set anew.
func TestMetadataStaysWithItsKey(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	e := New(Options{Shards: 4})
	var tx Tx
	model := map[string]Meta{}
	key := func() string { return fmt.Sprint("k", rng.IntN(40)) }
	for i := range 20000 {
		tx.Begin(e, 0, int64(1000+i))
		tx.LockAll()
		k, to := key(), key()
		_, there := model[k]
		switch rng.IntN(12) {
		case 0, 1:
			tx.SetString([]byte(k), bytes.Repeat([]byte("x"), rng.IntN(400)), 0)
			model[k] = Meta{}
		case 2, 3:
			m := randomMeta(rng)
			if tx.SetMeta([]byte(k), &m) != there {
				t.Fatalf("%s: there %v", k, there)
			}
			if there {
				model[k] = m
			}
		case 4:
			if there && rng.IntN(2) == 0 {
				tx.ExpireAt([]byte(k), 1<<40)
			} else if there {
				tx.Persist([]byte(k))
			}
		case 5:
			if it := tx.Peek([]byte(k)); there && value.TypeOf(it) == value.String {
				if _, err := tx.GrowString([]byte(k), rng.IntN(70000)); err != nil {
					t.Fatal(err)
				}
			}
		case 6:
			if there && k != to {
				tx.Rename([]byte(k), []byte(to))
				model[to] = model[k]
				delete(model, k)
			}
		case 7:
			if there && k != to && tx.Copy([]byte(k), []byte(to), 0, true) {
				model[to] = model[k]
			}
		case 8:
			if there && rng.IntN(3) == 0 {
				tx.Delete([]byte(k))
				delete(model, k)
			}
		case 9:
			if !there {
				r := tx.Create([]byte(k), value.Hash, value.Packed, 0)
				_ = r
				tx.Delete([]byte(k))
			}
		case 10:
			if there && tx.Move([]byte(k), 1) {
				tx.DB = 1
				if !tx.Move([]byte(k), 0) {
					t.Fatal("does not come back")
				}
			}
		}
		tx.Commit(nil)
		tx.Unlock()
		e.Compact(int64(1000+i), false)
	}
	tx.Begin(e, 0, 1<<30)
	tx.LockAll()
	defer tx.Unlock()
	for k, want := range model {
		got, there := tx.Meta([]byte(k))
		if !there || !sameMeta(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", k, got, there, want)
		}
	}
}

func TestMetadataIsReadAsItIsWritten(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		m := randomMeta(rng)
		b := m.Append(nil)
		got, ok := ParseMeta(b)
		if !ok || !sameMeta(got, m) || got.Flags != m.Flags || !slices.Equal(got.Tags, m.Tags) {
			t.Fatalf("%+v came as %+v, %v", m, got, ok)
		}
		for f := range MetaField(metaFields) {
			v, ok := m.Get(f)
			if w, have := got.Get(f); v != w || ok != have {
				t.Fatalf("field %d: %d, %v; want %d, %v", f, w, have, v, ok)
			}
		}
	}
}

func FuzzParseMeta(f *testing.F) {
	m := randomMeta(rand.New(rand.NewPCG(1, 1)))
	f.Add(m.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, ok := ParseMeta(b); ok && len(b) > 0 && !bytes.Equal(m.Append(nil), b) {
			t.Errorf("%x came as %x", b, m.Append(nil))
		}
	})
}

// A key without metadata pays nothing, one with client flags one word.
func TestMetadataCostsWhatThereIs(t *testing.T) {
	e := New(Options{Shards: 1})
	var tx Tx
	tx.Begin(e, 0, 1)
	tx.LockAll()
	defer tx.Unlock()
	key := []byte("key")
	tx.SetString(key, []byte("0123456789"), 0)
	plain := tx.Peek(key).Bytes()
	for _, c := range []struct {
		change func(m *Meta)
		words  int
	}{
		{func(m *Meta) {}, 0},
		{func(m *Meta) { m.Flags = 7 }, 1},
		{func(m *Meta) { m.Flags = 0; m.Set(MetaVersion, 1) }, 2},
		{func(m *Meta) { m.Tags = []string{"a", "b", "c"} }, 3},
		{func(m *Meta) { m.Flags = 1 }, 4},
		{func(m *Meta) { m.Clear(MetaVersion); m.Flags, m.Tags = 0, nil }, 0},
		{func(m *Meta) { m.Nothing = true }, 1},
		{func(m *Meta) { m.Nothing = false; m.Tags = []string{"a"} }, 1},
		{func(m *Meta) { m.Tags = []string{"a", "b"} }, 2},
		{func(m *Meta) { m.Tags = []string{"a", "b", "c", "d", "e"} }, 3},
		{func(m *Meta) { m.Flags = 1 }, 4},
	} {
		m, _ := tx.Meta(key)
		c.change(&m)
		tx.SetMeta(key, &m)
		if got := tx.Peek(key).Bytes() - plain; got != 8*c.words {
			t.Errorf("%+v takes %d bytes, want %d words", m, got, c.words)
		}
	}
}

// A removals notes what is removed, with the client flags it had.
type removals struct {
	quiet
	seen []string
}

func (r *removals) Removing(_ *Tx, db int, it table.Item) {
	m := metaOf(it.Ext())
	r.seen = append(r.seen, fmt.Sprint(db, " ", string(it.Key()), " ", m.Flags))
}

type quiet struct{}

func (quiet) Changed(*Tx, []byte, Event) {}
func (quiet) Flushed(*Tx, int)           {}
func (quiet) Swapped(*Tx, int, int)      {}

func TestWatchersHearOfAKeyBeforeItIsRemoved(t *testing.T) {
	r := &removals{}
	e := New(Options{Shards: 1})
	e.Watch(r)
	var tx Tx
	flags := uint32(0)
	begin := func(db int, nowMS int64) { tx.Begin(e, db, nowMS); tx.LockAll() }
	end := func() { tx.Commit(nil); tx.Unlock() }
	make1 := func(key string, deadlineMS int64) {
		tx.SetString([]byte(key), []byte("v"), deadlineMS)
		flags++
		tx.SetMeta([]byte(key), &Meta{Flags: flags})
	}
	begin(2, 1000)
	make1("deleted", 0)
	make1("unlinked", 0)
	make1("expired", 1500)
	make1("overwritten", 0)
	make1("renamed", 0)
	make1("target", 0)
	make1("moved", 0)
	tx.SetString([]byte("overwritten in place"), []byte("v"), 0)
	tx.SetString([]byte("overwritten in place"), []byte("longer"), 0)
	tx.Delete([]byte("deleted"))
	tx.Unlink([]byte("unlinked"))
	tx.Replace([]byte("overwritten"), value.Hash, value.Packed, 0)
	tx.Delete([]byte("overwritten"))
	tx.Rename([]byte("renamed"), []byte("target"))
	tx.Move([]byte("moved"), 3)
	end()
	begin(2, 2000)
	tx.Exists([]byte("expired"))
	end()
	e.SetAccessPolicy(AccessPolicy{Order: Random})
	for freed := int64(1); freed > 0; {
		freed, _ = e.Evict(&tx, 2000, 1<<20)
	}
	slices.Sort(r.seen[6:]) // evicted in any order
	want := []string{"2 deleted 1", "2 unlinked 2", "2 overwritten 4", "2 overwritten 0", "2 target 6", "2 expired 3",
		"2 overwritten in place 0", "2 target 5", "3 moved 7"}
	if !slices.Equal(r.seen, want) {
		t.Errorf("heard of %q, want %q", r.seen, want)
	}
}
