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
)

// fillHuge makes values on which commands take some milliseconds.
func fillHuge(t *testing.T, path string) {
	t.Helper()
	conn, r := dial(t, path)
	_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
	for _, words := range []string{
		`for i=1,30000 do redis.call('zadd',KEYS[1],i,'m'..i) end" 1 z1`, `for i=1,30000 do redis.call('zadd',KEYS[1],i,'n'..i) end" 1 z2`,
		`for i=1,60000 do redis.call('rpush',KEYS[1],i*7919%60013) end" 1 list`, `for i=1,60000 do redis.call('hset',KEYS[1],'f'..i,i) end" 1 hash`,
	} {
		fmt.Fprintf(conn, "EVAL \"%s\r\n", words)
		if line, err := skipReply(r); err != nil || line != "$-1" {
			t.Fatal(line, err)
		}
	}
}

// pairScript changes two keys, with time in between in which its locks are given to others.
const pairScript = `EVAL "redis.call('incr',KEYS[1]) for i=1,tonumber(ARGV[1]) do local x=i end redis.call('incr',KEYS[2]) return 1" 2 {p}a {q}b `

// slowOrNot is a command, or several, that take long or not, on keys that all clients use.
func slowOrNot(rng *rand.Rand) (words string, replies int) {
	all := []string{
		"ZUNIONSTORE dest 2 z1 z2", "SORT list STORE sorted", "SORT list LIMIT 0 3", "HGETALL hash", "LRANGE list 0 -1", "ZRANGE z1 0 -1", "DEL dest",
		"KEYS k*", "DBSIZE", "SCAN 0", "RANDOMKEY", "MGET k0 k1 k2 hash", "MSET k0 a k1 b k2 c", "HSET hash f1 x", "ZADD z1 1 m1", "LSET list 5 7",
		"BLPOP queue 0.001", "LPUSH queue x", "LPUSH queue x", "BZPOPMIN zq 0.001", "ZADD zq 1 m",
		"EVAL \"for i=1,30000 do local x=i end return redis.call('incr',KEYS[1])\" 1 k3",
		"EVAL \"for i=1,20000 do local x=i end return redis.call('incr','k'..ARGV[1])\" 0 3",
		"FCALL slow 1 k3", "FCALL slow 1 k4",
		pairScript + fmt.Sprint(rng.IntN(100000)), pairScript + "0",
		"MULTI|INCR {p}a|HGETALL hash|LRANGE list 0 -1|INCR {q}b|EXEC", "MULTI|INCR {q}b|INCR {p}a|EXEC",
		"WATCH k3|MULTI|INCR {p}a|INCR {q}b|EXEC", "MULTI|INCR {p}a|DISCARD",
		"INFO", "MEMORY USAGE hash", "OBJECT ENCODING z1", "SUBSCRIBE", "EXEC", "RENAME k1 k2",
	}
	if rng.IntN(2) == 0 {
		all = []string{"GET k0", "INCR k4", "SET k0 x", "GET {p}a", "PING", "HGET hash f7", "ZSCORE z1 m3", "LINDEX list 9", "EXISTS dest sorted"}
	}
	call := all[rng.IntN(len(all))]
	return strings.ReplaceAll(call, "|", "\r\n"), strings.Count(call, "|") + 1
}

// pairSeen reads the reply to an MGET of the two keys that always change together.
func pairSeen(r *bufio.Reader) error {
	var got [5]string
	for i := range got {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		got[i] = strings.TrimSpace(line)
		if i == 1 && line == "$-1\r\n" {
			_, err := r.ReadString('\n') // neither is there
			return err
		}
	}
	if got[2] != got[4] {
		return fmt.Errorf("a transaction was seen in the middle: %q", got)
	}
	return nil
}

// playSlow sends pipelines and checks that each command has its replies, in order.
func playSlow(conn net.Conn, r *bufio.Reader, rng *rand.Rand, rounds int) error {
	for round := range rounds {
		var sent strings.Builder
		var counts []int
		for i := range 1 + rng.IntN(12) {
			words, replies := slowOrNot(rng)
			fmt.Fprintf(&sent, "%s\r\nMGET {p}a {q}b\r\nECHO token-%d-%d\r\n", words, round, i)
			counts = append(counts, replies)
		}
		_ = conn.SetDeadline(time.Now().Add(2 * time.Minute)) // stuck is stuck
		wrote := make(chan error, 1)
		go func() { _, err := io.WriteString(conn, sent.String()); wrote <- err }()
		for i, n := range counts {
			for range n {
				if _, err := skipReply(r); err != nil {
					return fmt.Errorf("reply %d of round %d: %w", i, round, err)
				}
			}
			if err := pairSeen(r); err != nil {
				return err
			}
			token := fmt.Sprintf("token-%d-%d", round, i)
			want := fmt.Sprintf("$%d\r\n%s\r\n", len(token), token)
			got := make([]byte, len(want))
			if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
				return fmt.Errorf("after command %d of round %d: %q, %v, want %q; sent %q", i, round, got, err, want, sent.String())
			}
		}
		if err := <-wrote; err != nil {
			return err
		}
	}
	return nil
}

// Commands that take long, hot keys, transactions, scripts, clients that wait and clients
// that go away: each client has its replies in the order of its commands, what belongs together
// is seen together, and in the end nobody waits for a lock.
func TestSlowCommandsMixWithAllOthers(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		seed := rand.Uint64()
		t.Log("seed", seed)
		s, disk, path := startOnFakeDisk(t, portable, "--io-threads", "2")
		disk.settleEvery(t, 200*time.Microsecond)
		fillHuge(t, path)
		admin, ar := dial(t, path)
		fmt.Fprint(admin, "FUNCTION LOAD \"#!lua name=lib\\nredis.register_function('slow', function(k, a) "+
			"for i=1,20000 do local x=i end return redis.call('incr', k[1]) end)\"\r\n")
		if line, err := skipReply(ar); err != nil || line[0] != '$' {
			t.Fatal(line, err)
		}
		var over atomic.Bool
		var others, clients sync.WaitGroup
		for i := range 2 { // clients that go away in the middle
			others.Go(func() {
				rng := rand.New(rand.NewPCG(seed, uint64(100+i)))
				for n := 0; n < 25 && !over.Load(); n++ {
					conn, err := net.Dial("unix", path)
					if err != nil {
						return
					}
					for range 5 {
						words, _ := slowOrNot(rng)
						if strings.HasPrefix(words, "MULTI") || strings.HasPrefix(words, "WATCH") {
							continue
						}
						fmt.Fprintf(conn, "%s\r\n", words)
					}
					time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
					_ = conn.Close()
				}
			})
		}
		if !portable {
			others.Go(func() {
				rng := rand.New(rand.NewPCG(seed, 99))
				for !over.Load() {
					s.transport.move(s.transport.all[rng.IntN(2)], s.transport.drivers[rng.IntN(2)])
					time.Sleep(time.Millisecond)
				}
			})
		}
		for i := range 10 {
			conn, r := dial(t, path)
			clients.Go(func() {
				if err := playSlow(conn, r, rand.New(rand.NewPCG(seed, uint64(i))), 3); err != nil {
					t.Error(err)
				}
			})
		}
		clients.Wait()
		over.Store(true)
		others.Wait()
		if !portable && s.transport.slow.times.Load() == 0 {
			t.Error("no command took so long that its loop was lent")
		}
		for deadline := time.Now().Add(time.Minute); s.keys.Waiting() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d still wait for locks", s.keys.Waiting())
			}
		}
		_ = admin.SetDeadline(time.Now().Add(time.Minute))
		fmt.Fprint(admin, "FLUSHALL\r\n") // needs all locks
		if line, err := skipReply(ar); line != "+OK" {
			t.Errorf("FLUSHALL: %q, %v; %d wait", line, err, s.keys.Waiting())
		}
	})
}
