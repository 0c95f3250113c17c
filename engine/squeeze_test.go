package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"cached/engine/codec"
	"cached/engine/table"
	"cached/engine/value"
)

// kinds of values: some that compress alone, some with a dictionary only, some not.
func squeezable(r *rand.Rand, kind int) []byte {
	switch kind {
	case 0:
		return bytes.Repeat([]byte{byte('a' + r.IntN(26)), 'x'}, 25+r.IntN(300))
	case 1:
		return fmt.Appendf(nil, `{"customer":{"id":%d,"country":"de"},"price":"EUR","sku":"%08x"}`, r.IntN(1e6), r.Uint32())
	case 2:
		return fmt.Appendf(nil, "2026-11-25T%02d:00:00Z [warning] upstream 10.0.0.%d timed out, %d", r.IntN(24), r.IntN(256), r.IntN(1e9))
	}
	b := make([]byte, r.IntN(200))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Random work on strings, beside a map, while the modes change, dictionaries come and
// go and values are compressed anew.
func TestCompressedStringsAgainstAMap(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 5))
		e := New(Options{Shards: 4, Databases: 2})
		model := [2]map[string]string{{}, {}}
		var tx Tx
		key := func() []byte { return fmt.Appendf(nil, "k:%d", r.IntN(60)) }
		kind, squeezed := 0, 0
		for n := range 12000 {
			if n%600 == 0 {
				kind = []int{1, 2, 1, 2, 0, 3}[n/600%6] // the first is learned from
				e.SetCompression([]codec.Mode{codec.Zstd, codec.Zstd, codec.S2, codec.Zstd, codec.Off}[n/600%5], r.IntN(100))
			}
			if n%150 == 0 {
				e.Train()
			}
			if n%3 == 0 {
				e.Renew()
			}
			k, k2 := key(), key()
			tx.Begin(e, r.IntN(2), 1000)
			m := model[tx.DB]
			v := squeezable(r, kind)
			if r.IntN(2) == 0 {
				tx.Prepare(k, v)
			}
			tx.LockAll()
			switch r.IntN(13) {
			default:
				tx.SetString(k, v, 0)
				m[string(k)] = string(v)
			case 1: // another than was prepared
				v = squeezable(r, kind)
				tx.SetString(k, v, KeepDeadline)
				m[string(k)] = string(v)
			case 2:
				more := r.IntN(100)
				size := max(len(m[string(k)]), more)
				b, err := tx.GrowString(k, size)
				if err != nil || len(b) != size {
					t.Fatal(err, len(b))
				}
				want := make([]byte, size)
				copy(want, m[string(k)])
				if string(b) != string(want) {
					t.Fatalf("%s grew from %q to %q", k, m[string(k)], b)
				}
				if size > 0 {
					b[size-1] = 'z'
					want[size-1] = 'z'
				}
				m[string(k)] = string(want)
			case 3:
				tx.Delete(k)
				delete(m, string(k))
			case 4:
				if _, ok := m[string(k)]; ok {
					tx.Copy(k, k2, 1-tx.DB, true)
					model[1-tx.DB][string(k2)] = m[string(k)]
				}
			case 5:
				if _, ok := m[string(k)]; ok && string(k) != string(k2) {
					tx.Rename(k, k2)
					m[string(k2)] = m[string(k)]
					delete(m, string(k))
				}
			case 6:
				if tx.Move(k, 1-tx.DB) {
					model[1-tx.DB][string(k)] = m[string(k)]
					delete(m, string(k))
				}
			case 7:
				if r.IntN(20) == 0 {
					tx.SwapDB(0, 1)
					model[0], model[1] = model[1], model[0]
				}
			case 8:
				if _, ok := m[string(k)]; ok {
					tx.ExpireAt(k, 5000)
				}
			case 9: // as a snapshot brings it
				var b value.Builder
				tx.Adopt(tx.BuildString(&b, k, v, NoOrigin), true)
				m[string(k)] = string(v)
			case 10:
				b := tx.MakeString(k, len(v), 0, value.Raw)
				copy(b, v)
				m[string(k)] = string(v)
			}
			a, errA := tx.String(k)
			b, errB := tx.String(k2) // both are good
			if errA != nil || errB != nil || string(a) != model[tx.DB][string(k)] || string(b) != model[tx.DB][string(k2)] {
				t.Fatalf("seed %d, step %d: %q and %q, want %q and %q", seed, n, a, b, model[tx.DB][string(k)], model[tx.DB][string(k2)])
			}
			text, _ := tx.Text(k)
			if text.Len() != len(a) || string(tx.AppendText([]byte("+"), text)) != "+"+string(a) {
				t.Fatalf("seed %d, step %d: a text of %d bytes, want %q", seed, n, text.Len(), a)
			}
			if n%100 == 0 {
				for db := range model {
					tx.DB = db
					if n, err := tx.Len(); n != len(model[db]) || err != nil {
						t.Fatalf("%d keys, want %d", n, len(model[db]))
					}
					tx.Each(func(it table.Item) bool {
						if it.Kind() == squeezedString {
							squeezed++
						}
						if got := e.AppendText(nil, it); string(got) != model[db][string(it.Key())] {
							t.Fatalf("seed %d, step %d: %s is %q, want %q", seed, n, it.Key(), got, model[db][string(it.Key())])
						}
						return true
					})
				}
			}
			tx.Commit(nil)
			tx.Unlock()
		}
		if s := e.Compression(); squeezed == 0 || s.Trained == 0 {
			t.Errorf("seed %d: %d values seen compressed, %+v", seed, squeezed, s)
		}
		for e.Renew() {
		}
		if n := e.Compression().Dictionaries; n > 1 {
			t.Errorf("%d dictionaries of one prefix when all is done", n)
		}
	}
}

// A retired dictionary is not forgotten while a value of it hides from the pass.
func TestADictionaryStaysWhileValuesMove(t *testing.T) {
	for name, swap := range map[string]bool{"MOVE": false, "SWAPDB": true} {
		t.Run(name, func(t *testing.T) { hideFromThePass(t, swap) })
	}
}

func hideFromThePass(t *testing.T, swap bool) {
	r := rand.New(rand.NewPCG(1, 1))
	e := New(Options{Shards: 4, Databases: 3})
	e.SetCompression(codec.Zstd, 0)
	var tx Tx
	with := func(db int, do func()) {
		tx.Begin(e, db, 1)
		tx.LockAll()
		do()
		tx.Commit(nil)
		tx.Unlock()
	}
	set := func(key string, v []byte) { with(0, func() { tx.SetString([]byte(key), v, 0) }) }
	for range 600 {
		set("k:x", squeezable(r, 1))
	}
	if !e.Train() || e.Compression().Trained != 1 {
		t.Fatal("no dictionary")
	}
	v := squeezable(r, 1)
	set("k:old", v)
	for range 20000 {
		set("k:x", squeezable(r, 2))
	}
	if !e.Train() || e.Compression().Trained != 2 {
		t.Fatal("no second dictionary")
	}
	// During the first pass it is never in the database where the pass is.
	at, passes := 0, 0
	for more := true; more; {
		if passes == 0 && at == e.renewal.db {
			with(at, func() {
				if swap {
					tx.SwapDB(at, (at+1)%3)
				} else if !tx.Move([]byte("k:old"), (at+1)%3) {
					t.Fatal("not moved")
				}
			})
			at = (at + 1) % 3
		}
		if more = e.Renew(); !e.renewal.running {
			passes++
		}
		with(at, func() {
			if got, _ := tx.String([]byte("k:old")); string(got) != string(v) {
				t.Fatalf("pass %d: %q, want %q", passes, got, v)
			}
		})
	}
	if passes != 2 {
		t.Errorf("%d passes", passes)
	}
	with(at, func() {
		if got, _ := tx.String([]byte("k:old")); string(got) != string(v) {
			t.Fatalf("%q, want %q", got, v)
		}
	})
	if n := e.Compression().Dictionaries; n != 1 {
		t.Errorf("%d dictionaries", n)
	}
}

// What was prepared for one unit of work is not taken for another's, however the first
// has ended: the words of two commands may lie in the same place.
func TestWhatIsPreparedIsForOneUnitOfWork(t *testing.T) {
	e := New(Options{Shards: 4, Databases: 1})
	e.SetCompression(codec.S2, 0)
	var tx Tx
	key, word := []byte("k"), make([]byte, 300)
	for name, end := range map[string]func(){
		"unlocked":     tx.Unlock,
		"kept":         func() { tx.Keep(table.Hash(key)) },
		"never locked": func() {},
	} {
		copy(word, bytes.Repeat([]byte("a"), 300))
		tx.Begin(e, 0, 1)
		tx.Prepare(key, word)
		if name != "never locked" {
			tx.LockKey(key)
			tx.SetString(key, word, 0)
			tx.Commit(nil)
		}
		end()
		copy(word, bytes.Repeat([]byte("b"), 300))
		tx.Begin(e, 0, 1)
		tx.LockKey(key)
		tx.SetString(key, word, 0)
		if got, _ := tx.String(key); string(got) != string(word) {
			t.Errorf("%s: another value is set: %.20q", name, got)
		}
		tx.Commit(nil)
		tx.Unlock()
	}
}

// A script may set and read any number of values in one unit of work.
func TestRoomForCompressionIsBounded(t *testing.T) {
	e := New(Options{Shards: 1, Databases: 1})
	e.SetCompression(codec.S2, 0)
	r := rand.New(rand.NewPCG(1, 7))
	var tx Tx
	tx.Begin(e, 0, 1)
	tx.LockAll()
	for i := range 20000 {
		k := fmt.Appendf(nil, "k:%d", i%10)
		tx.SetString(k, squeezable(r, 0), 0)
		if _, err := tx.String(k); err != nil {
			t.Fatal(err)
		}
	}
	if cap(tx.packed) > 16<<10 || cap(tx.text) > keptRoom {
		t.Errorf("%d and %d bytes of room", cap(tx.packed), cap(tx.text))
	}
	tx.Commit(nil)
	tx.Unlock()
}

// Many set and read at once while dictionaries are learned, replaced and forgotten.
func TestCompressionWithManyAtWork(t *testing.T) {
	e := New(Options{Shards: 4, Databases: 1})
	e.SetCompression(codec.Zstd, 0)
	end := time.Now().Add(time.Minute)
	var workers, background sync.WaitGroup
	quit := make(chan struct{})
	background.Add(1)
	go func() {
		defer background.Done()
		for {
			select {
			case <-quit:
				return
			default:
			}
			if !e.Train() && !e.Renew() {
				runtime.Gosched()
			}
		}
	}()
	for w := range 4 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			r := rand.New(rand.NewPCG(uint64(w), 6))
			var tx Tx
			model := map[string]string{}
			for n := 0; ; n++ {
				// What is set changes with each dictionary, so that it needs another one.
				trained := int(e.Compression().Trained)
				if trained >= 3 && n > 1000 {
					return
				}
				if n%100 == 0 && time.Now().After(end) {
					t.Errorf("%d dictionaries after %d values", trained, n)
					return
				}
				k := fmt.Appendf(nil, "k:%d:%d", w, r.IntN(30))
				v := squeezable(r, 1+trained%2)
				tx.Begin(e, 0, 1)
				tx.Prepare(k, v)
				tx.LockKey(k)
				if got, _ := tx.String(k); string(got) != model[string(k)] {
					t.Errorf("%s is %q, want %q", k, got, model[string(k)])
				}
				tx.SetString(k, v, 0)
				model[string(k)] = string(v)
				tx.Commit(nil)
				tx.Unlock()
			}
		}()
	}
	workers.Wait()
	close(quit)
	background.Wait()
}
