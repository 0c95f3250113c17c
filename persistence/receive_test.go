package persistence

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/internal/config"
)

func newDisk(t *testing.T) *Disk {
	cfg, err := config.New(Params(), []config.Param{{Name: "maxmemory-policy", Kind: config.String, Default: "noeviction"},
		{Name: "key-load-delay", Kind: config.Int, Default: "0"}, {Name: "rdb-key-save-delay", Kind: config.Int, Default: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Config: cfg, Engine: engine.New(engine.Options{Shards: 4}), Version: "7.4.0"})
}

func (d *Disk) alone(f func(*engine.Tx)) {
	var tx engine.Tx
	tx.Begin(d.keys, 0, time.Now().UnixMilli())
	tx.LockAll()
	defer tx.Unlock()
	f(&tx)
}

func fill(d *Disk, name string, n int) {
	d.alone(func(tx *engine.Tx) {
		for i := range n {
			tx.SetString(fmt.Append(nil, name, i), []byte("value"), 0)
		}
	})
}

// A snapshot takes the place of the old data when it is whole and has the right end. Beside
// the old data, that stays after an error; where memory does not suffice, nothing is left, and
// commands are refused while it comes.
func TestASnapshotIsReceived(t *testing.T) {
	from := newDisk(t)
	fill(from, "new", 1000)
	from.SetPosition(func() (Position, bool) {
		return Position{ID: string(bytes.Repeat([]byte{'a'}, 40)), Offset: 77, DB: 3}, true
	})
	var snapshot bytes.Buffer
	if err := from.Stream(&snapshot, StreamOptions{Keys: true, Gone: func() bool { return false }}); err != nil {
		t.Fatal(err)
	}
	whole := append(snapshot.Bytes(), "END and the stream"...)
	for _, crowded := range []bool{false, true} {
		for name, c := range map[string]struct {
			sent []byte
			ok   bool
		}{"whole": {whole, true}, "cut off": {whole[:snapshot.Len()/2], false}, "another end": {append(snapshot.Bytes()[:snapshot.Len():snapshot.Len()], "DNE"...), false},
			"garbage": {[]byte("hello"), false}} {
			d := newDisk(t)
			d.crowded = crowded
			fill(d, "old", 500)
			var placed []bool
			refused := false
			got, err := d.Receive(bytes.NewReader(c.sent), ReceiveOptions{Alone: d.alone,
				End: func(rest []byte) ([]byte, error) {
					refused = d.Refuse(&commands.Spec{}, 0, ^commands.Flag(0)) != nil
					if !bytes.HasPrefix(rest, []byte("END")) {
						return nil, errors.New("no end")
					}
					return rest[3:], nil
				},
				Placed: func(whole bool, at *Position) { placed = append(placed, whole) }})
			want, places := 500, "[]"
			switch {
			case c.ok && crowded:
				want, places = 1000, "[false true]"
			case c.ok:
				want, places = 1000, "[true]"
			case crowded:
				want, places = 0, "[false]"
			}
			if n := d.keys.DBStats(nil, 0, 1).Keys; n != want || (err == nil) != c.ok || fmt.Sprint(placed) != places {
				t.Errorf("%s, crowded %v: %d keys, want %d; %v; placed %v", name, crowded, n, want, err, placed)
			}
			if c.ok && (string(got.Rest) != " and the stream" || got.At == nil || got.At.Offset != 77 || got.At.DB != 3) {
				t.Errorf("%s: %q, %+v", name, got.Rest, got.At)
			}
			if name != "garbage" && name != "cut off" && refused != crowded {
				t.Errorf("%s: commands are refused: %v", name, refused)
			}
			if d.Refusing() {
				t.Errorf("%s: commands are refused afterwards", name)
			}
		}
	}
}

// Several snapshots are streamed at once, and beside one that is saved.
func TestSnapshotsAreStreamedAtOnce(t *testing.T) {
	d := newDisk(t)
	fill(d, "k", 2000)
	d.saving.Store(true) // as while BGSAVE runs
	begun, done := make(chan struct{}), make(chan error, engine.MaxSnapshots)
	for i := range engine.MaxSnapshots {
		go func() {
			w := writer(func(b []byte) (int, error) {
				if i > 0 {
					<-begun
				}
				return len(b), nil
			})
			done <- d.Stream(w, StreamOptions{Keys: true, Gone: func() bool { return false }, Begin: func() {
				if d.keys.Snapshotting() && i == 0 {
					close(begun)
				}
			}})
		}()
	}
	for range engine.MaxSnapshots {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
