package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ended reports whether a connection was closed by the server, after at most most bytes.
func ended(r *bufio.Reader, most int64) error {
	n, err := io.Copy(io.Discard, io.LimitReader(r, most+1))
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("it is still open after %d bytes", n)
	case err != nil && !errors.Is(err, syscall.ECONNRESET):
		return err
	case n > most:
		return fmt.Errorf("it got more than %d bytes", most)
	}
	return nil
}

// A reply is not made any further when it is more than its client may have.
func TestAReplyBeyondTheHardLimitEndsItsClient(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		s, path := startServer(t, portable, "--client-output-buffer-limit", "normal", "100000", "0", "0")
		c, r := dial(t, path)
		ask := func(words string) {
			t.Helper()
			fmt.Fprint(c, words+"\r\n")
			line, err := r.ReadString('\n')
			if err != nil || line[0] == '-' {
				t.Fatalf("%.60s: %q, %v", words, line, err)
			}
			if line[0] == '$' {
				_, _ = r.ReadString('\n')
			}
		}
		ask("SET large " + strings.Repeat("x", 50_000))
		ask("APPEND large " + strings.Repeat("x", 50_000))
		ask("APPEND large " + strings.Repeat("x", 50_000))
		for i := range 30 {
			ask(fmt.Sprintf("RPUSH list %s", strings.Repeat("y", 10_000)))
			ask(fmt.Sprintf("SADD set %d%s", i, strings.Repeat("y", 10_000)))
			ask(fmt.Sprintf("ZADD zset %d %d%s", i, i, strings.Repeat("y", 10_000)))
			ask(fmt.Sprintf("HSET hash %d %s", i, strings.Repeat("y", 10_000)))
			ask(fmt.Sprintf("XADD stream * f %s", strings.Repeat("y", 10_000)))
			ask(fmt.Sprintf("SET %d%s v", i, strings.Repeat("key", 3_000)))
		}
		many := "MGET" + strings.Repeat(" large", 1000)
		for _, words := range []string{
			"GET large", "GETRANGE large 0 -1", many, "GET 0\r\n" + strings.Repeat("GETRANGE large 0 9999\r\n", 12),
			"HRANDFIELD hash -999999999", "HRANDFIELD hash -4000000", "HRANDFIELD hash -4000000 WITHVALUES",
			"SRANDMEMBER set -999999999", "SRANDMEMBER set -4000000", "SRANDMEMBER set 30",
			"ZRANDMEMBER zset -999999999", "ZRANDMEMBER zset -4000000 WITHSCORES",
			"LRANGE list 0 -1", "SMEMBERS set", "SUNION set set", "SINTER set set", "SDIFF set nosuch", "SSCAN set 0 COUNT 1000",
			"HGETALL hash", "HVALS hash", "HMGET hash 0 1 2 3 4 5 6 7 8 9 10", "HSCAN hash 0 COUNT 1000",
			"ZRANGE zset 0 -1", "ZUNION 2 zset zset", "ZSCAN zset 0 COUNT 1000",
			"XRANGE stream - +", "XREVRANGE stream + -", "XREAD STREAMS stream 0", "XINFO STREAM stream FULL",
			"KEYS *", "SCAN 0 COUNT 1000", "SORT list ALPHA", "SORT list BY nosort GET # GET large",
			`EVAL "return redis.call('get','large')" 0`,
			`EVAL "return redis.call('hrandfield','hash','-100000')" 0`,
			`EVAL "local t={} for i=1,1000 do t[i]=string.rep('x',1000) end return t" 0`,
			"MULTI\r\nGETRANGE large 0 60000\r\nGETRANGE large 0 60000\r\nEXEC",
			"HELLO 3\r\nHGETALL hash",
		} {
			closed := s.overOutput.Load()
			start := time.Now()
			other, replies := dial(t, path)
			go fmt.Fprint(other, words+"\r\n")
			if err := ended(replies, 100_000); err != nil {
				t.Errorf("%.60s: %v", words, err)
			}
			if s.overOutput.Load() == closed {
				t.Errorf("%.60s: not counted", words)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%.60s: took %v", words, took)
			}
			other.Close()
		}
		// Whoever wants no replies is not closed for them, and changes are made in full.
		ask("CLIENT REPLY OFF\r\nHRANDFIELD hash -4000000\r\nGET large\r\nCLIENT REPLY ON")
		other, replies := dial(t, path)
		fmt.Fprint(other, "LPOP list 20\r\n")
		if err := ended(replies, 100_000); err != nil {
			t.Error(err)
		}
		fmt.Fprint(c, "LLEN list\r\n")
		expect(t, r, ":10\r\n")
	})
}

// The reply that a blocked client is waiting for is bounded as well.
func TestABlockedClientEndsWithAReplyBeyondTheHardLimit(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		s, path := startServer(t, portable, "--client-output-buffer-limit", "normal", "100000", "0", "0")
		waiting, replies := dial(t, path)
		fmt.Fprint(waiting, "XREAD BLOCK 0 STREAMS stream $\r\n")
		for s.block.all.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		c, r := dial(t, path)
		fmt.Fprintf(c, "*5\r\n$4\r\nXADD\r\n$6\r\nstream\r\n$1\r\n*\r\n$1\r\nf\r\n$150000\r\n%s\r\nPING\r\n", strings.Repeat("x", 150_000))
		if !readUntil(r, "+PONG") {
			t.Fatal("no reply")
		}
		if err := ended(replies, 100_000); err != nil {
			t.Error(err)
		}
	})
}

// Without a limit of the configuration there is one of sense.
func TestARepetitionOfElementsHasALimit(t *testing.T) {
	s, path := startServer(t, false)
	s.mostReply.Store(1 << 20)
	c, r := dial(t, path)
	fmt.Fprint(c, "HSET h f v\r\nSADD s m\r\nZADD z 1 m\r\nEVAL \"return redis.pcall('hrandfield','h',-900000)\" 0\r\n")
	expect(t, r, ":1\r\n:1\r\n:1\r\n-"+errReplyTooLong)
	for _, words := range []string{"HRANDFIELD h -900000", "SRANDMEMBER s -999999999", "ZRANDMEMBER z -150000"} {
		other, replies := dial(t, path)
		fmt.Fprint(other, words+"\r\n")
		if err := ended(replies, 1<<20); err != nil {
			t.Errorf("%s: %v", words, err)
		}
	}
	s.mostReply.Store(1 << 40)
	c, r = dial(t, path)
	fmt.Fprint(c, "HRANDFIELD h -999999999\r\nSRANDMEMBER s -100000000\r\n")
	expect(t, r, strings.Repeat("-ERR value is out of range\r\n", 2))
}

// The soft limit ends clients to which nothing more is written.
func TestAClientOverTheSoftLimitIsClosedWhenTheTimeIsOver(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		s, path := startServer(t, portable, "--client-output-buffer-limit", "normal", "0", "100000", "1", "pubsub", "0", "100000", "1")
		sub, subReplies := dial(t, path)
		fmt.Fprint(sub, "SUBSCRIBE ch\r\n")
		if !readUntil(subReplies, ":1") {
			t.Fatal("not subscribed")
		}
		c, r := dial(t, path)
		large := strings.Repeat("x", 8<<20)
		fmt.Fprintf(c, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s\r\n*3\r\n$7\r\nPUBLISH\r\n$2\r\nch\r\n$%d\r\n%s\r\n", len(large), large, len(large), large)
		expect(t, r, "+OK\r\n:1\r\n")
		reader, readerReplies := dial(t, path)
		fmt.Fprint(reader, "GET k\r\n")
		for start := time.Now(); s.overOutput.Load() < 2; time.Sleep(10 * time.Millisecond) {
			if time.Since(start) > 9*time.Second {
				t.Fatalf("%d clients are closed", s.overOutput.Load())
			}
		}
		for name, r := range map[string]*bufio.Reader{"reader": readerReplies, "subscriber": subReplies} {
			if err := ended(r, int64(len(large))); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		fmt.Fprint(c, "PING\r\n")
		expect(t, r, "+PONG\r\n")
	})
}

// A client that has not authenticated does not take memory by asking and not reading.
func TestUnauthenticatedClientsThatDoNotReadAreClosed(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		s, path := startServer(t, portable, "--requirepass", "secret")
		conn, _ := dial(t, path)
		ask := strings.Repeat("SET x 5\r\n", 1000)
		for s.overOutput.Load() == 0 {
			if _, err := io.WriteString(conn, ask); err != nil {
				break
			}
		}
		other, r := dial(t, path)
		fmt.Fprint(other, "AUTH secret\r\nPING\r\n")
		expect(t, r, "+OK\r\n+PONG\r\n")
		if s.overOutput.Load() != 1 {
			t.Errorf("%d clients were closed for their output", s.overOutput.Load())
		}
	})
}

// A client that is closed for the size of its replies gets no more of them, also if a
// goroutine is in the middle of writing one that the client does not take.
func TestAClientThatIsCutOffIsNotWrittenTo(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable, "--client-output-buffer-limit", "normal 8mb 0 0", "--io-threads", "1")
		other := newSpeaker(t, path)
		other.ask("SETRANGE k 6000000 x")
		conn, r := dial(t, path)
		fmt.Fprint(conn, "GET k\r\n")
		for !strings.Contains(other.ask("CLIENT LIST"), "cmd=get ") {
		}
		fmt.Fprint(conn, "GET k\r\n")
		for strings.Contains(other.ask("CLIENT LIST"), "cmd=get ") {
		}
		if n, _ := io.Copy(io.Discard, r); n > 5<<20 {
			t.Errorf("%d bytes of a reply came after the client had been closed", n)
		}
	})
}
