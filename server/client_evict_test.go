package server

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"cached/engine"
)

// The clients with the most in their buffers go, and only as many as are too many.
func TestTheLargestClientsAreEvicted(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		s, path := startServer(t, portable, "--maxmemory", "100mb", "--maxmemory-clients", "10mb")
		ask := func(conn net.Conn, r io.Reader, words string) string {
			fmt.Fprintf(conn, "%s\r\n", words)
			b := make([]byte, 64)
			n, err := r.Read(b)
			if err != nil {
				return err.Error()
			}
			return string(b[:n])
		}
		// What has arrived of a command that is not whole is in a client's buffer.
		fill := func(conn net.Conn, bytes int) {
			fmt.Fprintf(conn, "*2\r\n$4\r\nECHO\r\n$%d\r\n%s", bytes+100, strings.Repeat("x", bytes))
		}
		gone := func(r io.Reader) {
			t.Helper()
			_, err := io.Copy(io.Discard, r)
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Error("the client that takes the most is there")
			}
		}
		spared, sparedReplies := dial(t, path)
		if got := ask(spared, sparedReplies, "CLIENT NO-EVICT ON"); got != "+OK\r\n" {
			t.Fatal(got)
		}
		fill(spared, 4<<20)
		small, smallReplies := dial(t, path)
		large, largeReplies := dial(t, path)
		for _, c := range []net.Conn{small, large} {
			fill(c, 1<<20)
		}
		time.Sleep(50 * time.Millisecond)
		if n := s.memory.evictedClients.Load(); n != 0 {
			t.Fatalf("%d clients were evicted below the limit", n)
		}
		largest, largestReplies := dial(t, path)
		fill(largest, 8<<20)
		gone(largestReplies)
		for name, r := range map[string]io.Reader{"small": smallReplies, "large": largeReplies} {
			c := map[string]net.Conn{"small": small, "large": large}[name]
			fmt.Fprint(c, strings.Repeat("x", 100)+"\r\n") // the end of its command
			if n, err := io.ReadFull(r, make([]byte, len("$1048676\r\n")+1<<20+102)); err != nil {
				t.Errorf("the %s client is gone after %d bytes: %v", name, n, err)
			}
		}
		if n := s.memory.evictedClients.Load(); n != 1 {
			t.Errorf("%d clients were evicted", n)
		}
		// Also by a share of maxmemory.
		_ = largest.Close()
		if got := ask(small, smallReplies, "CONFIG SET maxmemory-clients 5%"); got != "+OK\r\n" {
			t.Errorf("CONFIG SET: %q", got)
		}
		other, otherReplies := dial(t, path)
		fill(other, 3<<20)
		gone(otherReplies)
	})
}

// What the server keeps for a client counts as its memory, as long as it is kept.
func TestWhatIsKeptForAClientIsItsMemory(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		s, path := startServer(t, portable)
		conn, r := dial(t, path)
		var names strings.Builder
		for i := range 1000 {
			fmt.Fprintf(&names, " name-%d", i)
		}
		memory := func() int64 {
			for _, c := range s.allClients() {
				return c.memory()
			}
			return 0
		}
		ask := func(words, last string) {
			t.Helper()
			fmt.Fprint(conn, words+"\r\nECHO done\r\n")
			if !readUntil(r, last) || last != "done" && !readUntil(r, "done") {
				t.Fatalf("%.40s: no reply", words)
			}
		}
		fmt.Fprint(conn, "HELLO 3\r\nECHO done\r\n")
		readUntil(r, "done")
		least := memory()
		for _, x := range []struct{ begin, end string }{
			{"WATCH" + names.String(), "UNWATCH"},
			{"WATCH" + names.String(), "MULTI\r\nEXEC"},
			{"SUBSCRIBE" + names.String(), "UNSUBSCRIBE"},
			{"PSUBSCRIBE" + names.String(), "PUNSUBSCRIBE" + names.String()},
			{"SSUBSCRIBE" + names.String(), "RESET\r\nHELLO 3"},
			{"CLIENT TRACKING ON BCAST" + strings.ReplaceAll(names.String(), " name", " PREFIX :name"), "CLIENT TRACKING OFF"},
			{"*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$200000\r\n" + strings.Repeat("n", 200_000), "CLIENT SETNAME \"\""},
		} {
			if strings.Contains(x.begin, "PREFIX") { // none may begin with another
				x.begin = strings.ReplaceAll(x.begin, "name-", "")
				for i := range 1000 {
					x.begin = strings.Replace(x.begin, fmt.Sprintf(":%d ", i), fmt.Sprintf(":%04d ", i), 1)
				}
				x.begin = strings.TrimSuffix(x.begin, ":999") + ":0999"
			}
			ask(x.begin, "done")
			if got := memory() - least; got < 100_000 || got > 400_000 {
				t.Errorf("%.30s: %d bytes", x.begin, got)
			}
			ask(x.end, "done")
			if got := memory() - least; got > 50_000 || got < 0 {
				t.Errorf("%.30s: %d bytes are left", x.begin, got)
			}
		}
		fmt.Fprint(conn, "BLPOP"+names.String()+" 0\r\n")
		for s.block.all.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		if got := memory() - least; got < 100_000 {
			t.Errorf("BLPOP: %d bytes", got)
		}
		other, otherReplies := dial(t, path)
		fmt.Fprint(other, "RPUSH name-7 x\r\n")
		expect(t, otherReplies, ":1\r\n")
		if !readUntil(r, "x") {
			t.Fatal("no element")
		}
		fmt.Fprint(conn, "WATCH"+names.String()+"\r\nECHO done\r\n")
		readUntil(r, "done")
		fmt.Fprint(other, "CONFIG SET maxmemory-clients 100000\r\n")
		expect(t, otherReplies, "+OK\r\n")
		if err := ended(r, 0); err != nil {
			t.Error(err)
		}
	})
}

// A shard that others hold while a command wants room is no lack of memory: nothing is known
// of what could be evicted there.
func TestALockedShardIsNoLackOfMemory(t *testing.T) {
	s, path := startServer(t, false, "--maxmemory", "40mb", "--maxmemory-policy", "allkeys-random")
	conn, r := dial(t, path)
	fmt.Fprintf(conn, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$200000\r\n%s\r\n", strings.Repeat("x", 200_000))
	expect(t, r, "+OK\r\n")
	if n := s.keys.Shards(); n != 1 {
		t.Fatalf("%d shards", n)
	}
	var other engine.Tx
	other.Begin(s.keys, 0, s.nowMS())
	if !other.LockKey([]byte("k")) {
		t.Fatal("the shard is not locked")
	}
	s.memory.limit.bytes.Store(1)
	tx := engine.Tx{GivesUp: true}
	if !s.memory.makeRoom(&tx, s.nowMS(), time.Millisecond, false) {
		t.Error("a command is refused for want of memory")
	}
	s.memory.limit.bytes.Store(40 << 20)
	other.Unlock()
}
