package server

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cached/commands"
	"cached/engine"
)

// A fakeDisk is a log that settles late, and a disk that refuses commands now and then.
// It never fails.
type fakeDisk struct {
	Persistence // nil: for methods that no test here comes to

	logged, settled atomic.Int64
	refusal         atomic.Pointer[commands.Error]
	moved           func()
}

func (d *fakeDisk) Append(at int64, b []byte)         { d.logged.Store(at + int64(len(b))) }
func (d *fakeDisk) Logged() int64                     { return d.logged.Load() }
func (d *fakeDisk) Settled() int64                    { return d.settled.Load() }
func (d *fakeDisk) Flush()                            {}
func (d *fakeDisk) Broken() bool                      { return false }
func (d *fakeDisk) OnSettled(f func())                { d.moved = f }
func (d *fakeDisk) Synced() (int64, bool)             { return d.settled.Load(), true }
func (d *fakeDisk) LogBuffer() int64                  { return 0 }
func (d *fakeDisk) Flushed(*engine.Tx)                {}
func (d *fakeDisk) Serialized(*engine.Tx, []byte) int { return 0 }
func (d *fakeDisk) Refusing() bool                    { return d.refusal.Load() != nil }

func (d *fakeDisk) Refuse(spec *commands.Spec, flags, _ commands.Flag) error {
	if e := d.refusal.Load(); e != nil && flags&(commands.Write|commands.ReadOnly) != 0 {
		return *e
	}
	return nil
}

// settle has the log come as far as it was written.
func (d *fakeDisk) settle() {
	d.settled.Store(d.logged.Load())
	d.moved()
}

// settleEvery has the log settle at intervals until the test ends.
func (d *fakeDisk) settleEvery(t testing.TB, interval time.Duration) {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	go func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(interval):
				d.settle()
			}
		}
	}()
}

// startOnFakeDisk starts a server whose log is a fakeDisk.
func startOnFakeDisk(t testing.TB, portable bool, directives ...string) (*Server, *fakeDisk, string) {
	t.Helper()
	d := &fakeDisk{}
	keys := engine.New(engine.Options{})
	keys.Effects().Attach(d)
	s, path := startWith(t, Options{Portable: portable, Engine: keys, Persistence: d}, directives...)
	return s, d, path
}

// skipReply reads one reply of any kind and returns its first line.
func skipReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return line, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	n := 0
	if len(line) > 1 {
		fmt.Sscan(line[1:], &n)
	}
	switch line[0] {
	case '$':
		if n >= 0 {
			_, err = r.Discard(n + 2)
		}
	case '*':
		for ; n > 0 && err == nil; n-- {
			_, err = skipReply(r)
		}
	case '+', '-', ':':
	default:
		err = fmt.Errorf("not a reply: %q", line)
	}
	return line, err
}

// refusedOrNot is a command, or several, that are refused for all kinds of reasons or run;
// replies is how many they have.
func refusedOrNot(rng *rand.Rand) (words string, replies int) {
	key := fmt.Sprint("k", rng.IntN(3))
	if rng.IntN(3) == 0 {
		return fmt.Sprintf("SET %s %s", key, strings.Repeat("v", 1+rng.IntN(100))), 1 // keeps its lock
	}
	all := []string{
		"GET " + key, "INCR " + key, "APPEND " + key + " x", "STRLEN " + key,
		"GET a b", "SET", "GETRANGE a", "NOSUCH a", "CONFIG NOSUCH", "OBJECT", // arity, unknown
		"GET other:key", "SET other:key 1", "DEL " + key, "SINTER " + key + " other:key", // ACL
		"LPUSH " + key + " x", "HGET " + key + " f", "SET " + key + " x EX zero", "SET " + key + " x NX XX", // type, syntax
		"EVALSHA 0123456789012345678901234567890123456789 1 " + key, "FCALL nosuch 1 " + key,
		"EVAL \"return redis.call('get',KEYS[1])\" 1 " + key, "EVAL \"return redis.call('set','k1','x')\" 0",
		"INFO", "INFO memory", "MEMORY STATS", "MEMORY DOCTOR", "CONFIG RESETSTAT", "DBSIZE", "KEYS *", "RANDOMKEY", "SCAN 0",
		"CACHE.STATS", "MEMORY USAGE " + key, "OBJECT ENCODING " + key, "MGET k0 k1 k2", "MSET k0 a k1 b k2 c", "PING", "ECHO x",
		"CLIENT LIST", "LATENCY DOCTOR", "SLOWLOG GET", "COMMAND COUNT", "EXEC", "DISCARD", "WATCH " + key, "UNWATCH",
		"BLPOP none 0.001", "TYPE " + key, "RENAME k0 k1", "COPY k0 k1 REPLACE", "SWAPDB 0 1", "DEBUG SLEEP 0", "PUBLISH c x",
		"MULTI|SET " + key + " x|GET a b|INFO|EXEC", "MULTI|INCR " + key + "|INFO|MEMORY STATS|EXEC", "MULTI|GET other:key|EXEC",
		"MULTI|SET " + key + " 1|DISCARD", "WATCH " + key + "|MULTI|SET k0 y|SET k1 y|EXEC",
		"SETRANGE " + key + " 300000 x", "GET " + key, "SET " + key + " 1", // large replies now and then
	}
	call := all[rng.IntN(len(all))]
	return strings.ReplaceAll(call, "|", "\r\n"), strings.Count(call, "|") + 1
}

// playPipelines sends pipelines of commands, each followed by an ECHO of a number, without
// reading first, and reads the replies: as many as there were commands, in their order.
func playPipelines(conn net.Conn, rng *rand.Rand, rounds, most int) error {
	r := bufio.NewReader(conn)
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // stuck is stuck
	if _, err := io.WriteString(conn, "AUTH limited pw\r\n"); err != nil {
		return err
	}
	if line, err := skipReply(r); err != nil || line != "+OK" {
		return fmt.Errorf("AUTH: %q, %v", line, err)
	}
	for round := range rounds {
		var sent strings.Builder
		var counts []int
		for range 1 + rng.IntN(most) {
			words, replies := refusedOrNot(rng)
			fmt.Fprintf(&sent, "%s\r\nECHO token-%d-%d\r\n", words, round, len(counts))
			counts = append(counts, replies)
		}
		wrote := make(chan error, 1)
		go func(text string, pieces int) {
			var err error
			for n := len(text) / pieces; len(text) > 0 && err == nil; text = text[n:] {
				n = min(max(n, 1), len(text))
				_, err = io.WriteString(conn, text[:n])
			}
			wrote <- err
		}(sent.String(), 1+rng.IntN(3))
		if rng.IntN(4) == 0 {
			time.Sleep(time.Duration(rng.IntN(3)) * time.Millisecond) // the socket may be full meanwhile
		}
		for i, n := range counts {
			for range n {
				if _, err := skipReply(r); err != nil {
					return fmt.Errorf("reply %d of round %d: %w; sent: %q", i, round, err, sent.String())
				}
			}
			token := fmt.Sprintf("token-%d-%d", round, i)
			want := fmt.Sprintf("$%d\r\n%s\r\n", len(token), token)
			got := make([]byte, len(want))
			if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
				return fmt.Errorf("after command %d of round %d: %q, %v, want %q; sent: %q", i, round, got, err, want, sent.String())
			}
		}
		if err := <-wrote; err != nil {
			return err
		}
	}
	return nil
}

// limitedUser may use what refusedOrNot calls, but for some of its commands and keys.
const limitedUser = "ACL SETUSER limited on >pw +@all -del ~k* ~none allchannels\r\n"

// One command of a pipeline keeps its shard's lock for the next. However that one is refused,
// queued or put off, and whatever it locks itself, no lock is left behind: two commands and
// an INFO once stopped the server for ever, since GET was refused and INFO waited for the
// lock that SET had kept.
func TestRefusedCommandsLeaveNoLockBehind(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		for _, refused := range []string{"GET a b", "NOSUCH", "GETRANGE a", "ACL NOSUCH", "SUBSCRIBE", "OBJECT"} {
			for _, next := range []string{"INFO", "MEMORY STATS", "MEMORY DOCTOR", "CONFIG RESETSTAT", "DBSIZE", "CACHE.STATS"} {
				conn, r := dial(t, path)
				fmt.Fprintf(conn, "SET a 1\r\n%s\r\n%s\r\nECHO end\r\n", refused, next)
				for range 3 {
					if _, err := skipReply(r); err != nil {
						t.Fatalf("SET, %s, %s: %v", refused, next, err)
					}
				}
				expect(t, r, "$3\r\nend\r\n")
			}
		}
	})
}

// A client's replies come in the order of its commands, each once, whatever becomes of the
// commands, however late the log settles, when the socket takes no more in the middle of
// a reply, and while loops move between drivers. Replies that the log held back once came
// after those to later commands.
func TestRepliesComeInOrder(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		seed := rand.Uint64()
		t.Log("seed", seed)
		s, disk, path := startOnFakeDisk(t, portable, "--io-threads", "3", "--enable-debug-command", "yes")
		admin, ar := dial(t, path)
		fmt.Fprint(admin, limitedUser)
		expect(t, ar, "+OK\r\n")
		var all sync.WaitGroup
		var over atomic.Bool
		all.Go(func() { // time, the disk, the limit and the loops do what they like
			rng := rand.New(rand.NewPCG(seed, 99))
			refusals := []commands.Error{commands.Error("MISCONF the disk is full"), commands.Error("LOADING wait")}
			for !over.Load() {
				switch rng.IntN(12) {
				case 0:
					disk.refusal.Store(&refusals[rng.IntN(2)])
				case 1:
					fmt.Fprintf(admin, "CONFIG SET maxmemory %d\r\n", 1+rng.IntN(2)*(1<<40))
					_, _ = skipReply(ar)
				case 2:
					fmt.Fprint(admin, "CLIENT PAUSE 2 WRITE\r\n")
					_, _ = skipReply(ar)
				case 3, 4:
					disk.refusal.Store(nil)
				case 5:
					fmt.Fprint(admin, "CONFIG SET maxmemory 0\r\n")
					_, _ = skipReply(ar)
				default:
					if !portable {
						moveALoop(s, rng)
					}
				}
				time.Sleep(time.Duration(rng.IntN(300)) * time.Microsecond)
				disk.settle()
			}
			disk.refusal.Store(nil)
		})
		var clients sync.WaitGroup
		for i := range 8 {
			conn, _ := dial(t, path)
			clients.Go(func() {
				if err := playPipelines(conn, rand.New(rand.NewPCG(seed, uint64(i))), 12, 60); err != nil {
					t.Error(err)
				}
			})
		}
		clients.Wait()
		over.Store(true)
		all.Wait()
	})
}

// The same, pipeline by pipeline, from what a fuzzer finds.
func FuzzPipelines(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		_, disk, path := startOnFakeDisk(t, a%2 == 0)
		admin, r := dial(t, path)
		fmt.Fprint(admin, limitedUser)
		expect(t, r, "+OK\r\n")
		disk.settleEvery(t, time.Duration(b%7)*100*time.Microsecond)
		conn, _ := dial(t, path)
		if err := playPipelines(conn, rand.New(rand.NewPCG(a, b)), 2, 40); err != nil {
			t.Error(err)
		}
	})
}
