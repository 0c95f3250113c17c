package server

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var sessions = flag.Int("sessions", 25, "how many connections each client of TestClientsComeAndGo makes")

// Clients that do all kinds of things and go at any moment take nothing with them and
// leave nothing behind.
func TestClientsComeAndGo(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable, "--io-threads", "3", "--maxmemory", "200mb", "--maxmemory-policy", "allkeys-lru")
		var group sync.WaitGroup
		for i := range 12 {
			group.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(i), 7))
				for range *sessions {
					session(path, rng)
				}
			})
		}
		group.Wait()
		// What was sent last may still run, and kill who asks.
		ask := func(command string) string {
			conn, r := dial(t, path)
			defer conn.Close()
			fmt.Fprint(conn, command)
			line, _ := r.ReadString('\n')
			n, _ := strconv.Atoi(strings.Trim(line, "$\r\n"))
			text := make([]byte, n)
			_, _ = io.ReadFull(r, text)
			return line + string(text)
		}
		info := func(section string) string {
			ask("CLIENT UNPAUSE\r\n")
			return ask("INFO " + section + "\r\n")
		}
		for _, want := range []string{"connected_clients:1", "blocked_clients:0", "tracking_clients:0", "pubsub_clients:0", "watching_clients:0",
			"clients_in_timeout_table:0", "pubsub_channels:0", "pubsub_patterns:0", "pubsubshard_channels:0"} {
			for end := time.Now().Add(time.Minute); !strings.Contains(info("all"), "\n"+want+"\r"); time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("not %s in the end: %s", want, info("all"))
				}
			}
		}
	})
}

// session is one connection. What it is answered is of no interest.
func session(path string, rng *rand.Rand) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if rng.IntN(4) > 0 { // others do not read
		go func() { _, _ = io.Copy(io.Discard, conn) }()
	}
	var sent []byte
	for range 1 + rng.IntN(60) {
		sent = append(sent, anyCommand(rng)...)
	}
	sent = sent[:len(sent)-rng.IntN(2)*rng.IntN(min(len(sent), 300_000))]
	for len(sent) > 0 {
		n := min(len(sent), 1+rng.IntN(1+rng.IntN(400_000)))
		if _, err := conn.Write(sent[:n]); err != nil {
			return
		}
		if sent = sent[n:]; rng.IntN(3) == 0 {
			time.Sleep(time.Duration(rng.IntN(2000)) * time.Microsecond)
		}
	}
	if rng.IntN(3) == 0 {
		_ = conn.(*net.UnixConn).CloseWrite()
	}
	time.Sleep(time.Duration(rng.IntN(10)) * time.Millisecond)
}

// anyCommand is a command on one of a few keys.
func anyCommand(rng *rand.Rand) string {
	key := func(kind string) string { return fmt.Sprint(kind, rng.IntN(4)) }
	value := strings.Repeat("0123456789", 1+rng.IntN([]int{2, 2, 2, 2000, 40_000}[rng.IntN(5)]))
	words := func(w ...string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "*%d\r\n", len(w))
		for _, x := range w {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(x), x)
		}
		return b.String()
	}
	all := []func() string{
		func() string { return words("SET", key("s"), value) },
		func() string { return words("GET", key("s")) },
		func() string { return words("APPEND", key("s"), value[:10]) },
		func() string { return words("MGET", key("s"), key("s"), key("s")) },
		func() string { return words("RPUSH", key("l"), value, value) },
		func() string { return words("LRANGE", key("l"), "0", "-1") },
		func() string { return words("LTRIM", key("l"), "0", "20") },
		func() string { return words("BLPOP", key("l"), key("l"), "0.01") },
		func() string { return words("BLMOVE", key("l"), key("l"), "LEFT", "RIGHT", "0") },
		func() string { return words("BZPOPMIN", key("z"), "0") },
		func() string { return words("XREAD", "BLOCK", "0", "STREAMS", key("x"), "$") },
		func() string { return words("XADD", key("x"), "MAXLEN", "100", "*", "f", value) },
		func() string { return words("HSET", key("h"), value[:10], value) },
		func() string { return words("HGETALL", key("h")) },
		func() string { return words("ZADD", key("z"), "1", value[:10]) },
		func() string { return words("SADD", key("m"), fmt.Sprint(rng.IntN(1000))) },
		func() string { return words("SUNIONSTORE", key("m"), key("m"), key("m")) },
		func() string { return words("DEL", key("l"), key("h"), key("x"), key("z")) },
		func() string { return words("PEXPIRE", key("s"), "3") },
		func() string { return words("SUBSCRIBE", key("c"), key("c")) },
		func() string { return words("PSUBSCRIBE", "c*") },
		func() string { return words("SSUBSCRIBE", key("c")) },
		func() string { return words("UNSUBSCRIBE") },
		func() string { return words("PUBLISH", key("c"), value) },
		func() string { return words("SPUBLISH", key("c"), value) },
		func() string { return words("MULTI") },
		func() string { return words("EXEC") },
		func() string { return words("DISCARD") },
		func() string { return words("WATCH", key("s"), key("l")) },
		func() string {
			return words("EVAL", "for i=1,20 do redis.call('rpush',KEYS[1],ARGV[1]) end return redis.call('lrange',KEYS[1],0,-1)", "1", key("l"), value[:10])
		},
		func() string { return words("EVAL", "local n = 0 for i=1,500000 do n = n + i end return n", "0") },
		func() string { return words("HELLO", fmt.Sprint(2+rng.IntN(2))) },
		func() string { return words("CLIENT", "TRACKING", "ON", "BCAST") },
		func() string { return words("CLIENT", "TRACKING", []string{"ON", "OFF"}[rng.IntN(2)]) },
		func() string { return words("CLIENT", "REPLY", []string{"ON", "OFF", "SKIP"}[rng.IntN(3)]) },
		func() string { return words("CLIENT", "PAUSE", "3", []string{"ALL", "WRITE"}[rng.IntN(2)]) },
		func() string { return words("CLIENT", "KILL", "TYPE", []string{"normal", "pubsub"}[rng.IntN(2)]) },
		func() string { return words("CLIENT", "LIST") },
		func() string { return words("CLIENT", "UNBLOCK", fmt.Sprint(1+rng.IntN(100))) },
		func() string { return words("MONITOR") },
		func() string { return words("RESET") },
		func() string { return words("SCRIPT", []string{"KILL", "FLUSH"}[rng.IntN(2)]) },
		func() string { return words([]string{"FLUSHALL", "FLUSHDB"}[rng.IntN(2)]) },
		func() string { return words("SWAPDB", "0", "1") },
		func() string { return words("SELECT", fmt.Sprint(rng.IntN(2))) },
		func() string { return words("DEBUG", "SLEEP", "0.002") },
		func() string { return words("QUIT") },
		func() string { return "PING\r\n" },
		func() string { return "*1\r\n$-5\r\n" },
	}
	return all[rng.IntN(len(all))]()
}
