package persistence

import (
	"log/slog"
	"testing"

	"cached/internal/config"
	"cached/internal/effects"
)

// A nowhere is a file that takes everything.
type nowhere struct{}

func (nowhere) Read([]byte) (int, error)    { return 0, nil }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) Close() error                { return nil }
func (nowhere) Sync() error                 { return nil }
func (nowhere) Size() (int64, error)        { return 0, nil }
func (nowhere) Truncate(int64) error        { return nil }

func newTestJournal(t testing.TB, policy string) *journal {
	cfg, err := config.New(Params())
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.Set([]config.Pair{{Name: "appendfsync", Value: policy}}, true); err != nil {
		t.Fatal(err)
	}
	j := newJournal(cfg, slog.New(slog.DiscardHandler), func() bool { return false })
	j.start(nowhere{}, 0, 0)
	return j
}

func TestLoggingAllocatesNothing(t *testing.T) {
	for _, policy := range []string{"everysec", "no"} {
		j := newTestJournal(t, policy)
		stream := new(effects.Stream)
		stream.Attach(j)
		argv := [][]byte{[]byte("SET"), []byte("key"), make([]byte, 100)}
		turn := func() {
			for range 10 {
				stream.Append(0, argv...)
			}
			j.flush()
		}
		for range 10 { // buffers grow
			turn()
		}
		if n := testing.AllocsPerRun(100, turn); n > 0 {
			t.Errorf("appendfsync %s: ten commands and a write allocate %v times", policy, n)
		}
		if settled, logged := j.settled(), j.logged.Load(); settled != logged {
			t.Errorf("appendfsync %s: %d of %d are settled", policy, settled, logged)
		}
	}
}

func BenchmarkLogging(b *testing.B) {
	j := newTestJournal(b, "no")
	stream := new(effects.Stream)
	stream.Attach(j)
	argv := [][]byte{[]byte("SET"), []byte("key:000000000001"), make([]byte, 64)}
	for i := 0; b.Loop(); i++ {
		stream.Append(0, argv...)
		if i%16 == 15 {
			j.flush()
		}
	}
}
