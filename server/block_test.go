package server

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A speaker sends commands to a server and reads their replies.
type speaker struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	id   string
	n    int // of calls of ask
}

func newSpeaker(t *testing.T, path string) *speaker {
	t.Helper()
	conn, r := dial(t, path)
	s := &speaker{t: t, conn: conn, r: r}
	s.id = strings.Trim(s.ask("CLIENT ID"), ":\r\n")
	return s
}

func (s *speaker) send(words string) { fmt.Fprint(s.conn, words+"\r\n") }

// ask sends commands and returns their replies and pushes, all that comes before the reply to
// a last one.
func (s *speaker) ask(words string) string {
	s.t.Helper()
	s.n++
	end := fmt.Sprintf("end-%06d", s.n)
	s.send(words + "\r\nECHO " + end)
	return strings.TrimSuffix(s.until(end), "$10\r\n"+end+"\r\n")
}

// until returns what comes, to the end of a line of that text.
func (s *speaker) until(text string) string {
	s.t.Helper()
	var b strings.Builder
	for {
		line, err := s.r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			s.t.Fatalf("no %q: %q, %v", text, b.String(), err)
		}
		if strings.TrimSpace(line) == text {
			return b.String()
		}
	}
}

// field is a line of INFO.
func (s *speaker) field(name string) string {
	s.t.Helper()
	for line := range strings.Lines(s.ask("INFO everything")) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// block sends a command that has to wait, and returns when it does.
func (s *speaker) block(srv *Server, words string) {
	s.t.Helper()
	waiting := srv.block.all.Load()
	s.send(words)
	for start := time.Now(); srv.block.all.Load() == waiting; time.Sleep(time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			s.t.Fatalf("%s does not wait", words)
		}
	}
}

// A command that has waited is asked again whether it may run.
func TestAWokenCommandNeedsItsRights(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		srv, path := startServer(t, portable)
		admin := newSpeaker(t, path)
		for _, x := range []struct{ setup, command, wake, look, kept string }{
			{"", "BLPOP k 0", "RPUSH k v", "LRANGE k 0 -1", "*1\r\n$1\r\nv\r\n"},
			{"", "BRPOP k 0", "RPUSH k v", "LRANGE k 0 -1", "*1\r\n$1\r\nv\r\n"},
			{"", "BLMPOP 0 2 x k LEFT", "RPUSH k v", "LRANGE k 0 -1", "*1\r\n$1\r\nv\r\n"},
			{"", "BLMOVE k x LEFT LEFT 0", "RPUSH k v", "LRANGE k 0 -1", "*1\r\n$1\r\nv\r\n"},
			{"", "BRPOPLPUSH k x 0", "RPUSH k v", "LRANGE k 0 -1", "*1\r\n$1\r\nv\r\n"},
			{"", "BZPOPMIN k 0", "ZADD k 1 v", "ZRANGE k 0 -1", "*1\r\n$1\r\nv\r\n"},
			{"", "BZPOPMAX k 0", "ZADD k 1 v", "ZRANGE k 0 -1", "*1\r\n$1\r\nv\r\n"},
			{"", "BZMPOP 0 1 k MIN", "ZADD k 1 v", "ZRANGE k 0 -1", "*1\r\n$1\r\nv\r\n"},
			{"", "XREAD BLOCK 0 STREAMS k $", "XADD k 1-1 f v", "XLEN k", ":1\r\n"},
			{"XGROUP CREATE k g $ MKSTREAM", "XREADGROUP GROUP g c BLOCK 0 STREAMS k >", "XADD k 1-1 f v", "XPENDING k g", "*4\r\n:0\r\n$-1\r\n$-1\r\n*-1\r\n"},
			{"XGROUP CREATE k g $ MKSTREAM", "XREADGROUP GROUP g c BLOCK 0 STREAMS k >", "DEL k", "EXISTS k", ":0\r\n"},
		} {
			for _, loss := range []string{"resetkeys", "-@all"} {
				admin.ask("FLUSHALL\r\nCONFIG RESETSTAT\r\n" + x.setup + "\r\nACL SETUSER u on nopass ~* +@all")
				c := newSpeaker(t, path)
				c.ask("AUTH u x")
				c.block(srv, x.command)
				admin.ask("ACL SETUSER u " + loss + "\r\n" + x.wake)
				if line, err := c.r.ReadString('\n'); !strings.HasPrefix(line, "-NOPERM ") {
					t.Errorf("%s without rights: %q, %v", x.command, line, err)
				}
				if got := admin.ask(x.look); got != x.kept {
					t.Errorf("after %s without rights: %q, want %q", x.command, got, x.kept)
				}
				name := strings.ToLower(strings.Fields(x.command)[0])
				for field, want := range map[string]string{"errorstat_NOPERM": "count=1", "cmdstat_" + name: "rejected_calls=1,failed_calls=0", "total_error_replies": "1"} {
					if got := admin.field(field); !strings.HasSuffix(got, want) {
						t.Errorf("%s without rights: %s is %q, want %q", x.command, field, got, want)
					}
				}
				if !strings.Contains(admin.ask("ACL LOG 1"), "\r\nu\r\n") {
					t.Errorf("%s without rights: nothing in ACL LOG", x.command)
				}
				c.conn.Close()
			}
		}
	})
}

// A command that waits is counted when it is served, or ends with an error, and not before.
func TestAWaitingCommandIsCountedAtItsEnd(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		srv, path := startServer(t, portable, "--slowlog-log-slower-than", "0")
		a, b := newSpeaker(t, path), newSpeaker(t, path)
		counted := func(what, command, calls, failed, errors string) {
			t.Helper()
			got := b.field("cmdstat_" + command)
			if calls == "" && got != "" || calls != "" && (!strings.HasPrefix(got, "calls="+calls+",") || !strings.HasSuffix(got, ",failed_calls="+failed)) {
				t.Errorf("%s: %s: %q, want %s calls, %s failed", what, command, got, calls, failed)
			}
			if got := b.field("total_error_replies"); got != errors {
				t.Errorf("%s: %s errors, want %s", what, got, errors)
			}
		}
		b.ask("CONFIG RESETSTAT\r\nSLOWLOG RESET")
		a.block(srv, "BLPOP k 0")
		counted("waiting", "blpop", "", "", "0")
		b.ask("RPUSH k v")
		a.until("v")
		counted("served", "blpop", "1", "0", "0")
		if log := b.ask("SLOWLOG GET 100"); strings.Count(log, "$5\r\nBLPOP\r\n") != 1 || strings.Index(log, "BLPOP") > strings.Index(log, "RPUSH") {
			t.Errorf("SLOWLOG: %q", log)
		}
		a.send("BLPOP k 0.01")
		a.until("*-1")
		counted("in vain", "blpop", "1", "0", "0")
		a.block(srv, "BLPOP k 0")
		b.ask("CLIENT UNBLOCK " + a.id + " ERROR")
		a.until("-" + errUnblocked)
		counted("unblocked", "blpop", "2", "1", "1")
		if got := b.field("errorstat_UNBLOCKED"); got != "count=1" {
			t.Errorf("errorstat_UNBLOCKED: %q", got)
		}
		b.ask("XGROUP CREATE s g $ MKSTREAM")
		a.block(srv, "XREADGROUP GROUP g x BLOCK 0 STREAMS s >")
		b.ask("XGROUP DESTROY s g")
		if line, _ := a.r.ReadString('\n'); !strings.HasPrefix(line, "-NOGROUP") {
			t.Errorf("got %q", line)
		}
		counted("without a group", "xreadgroup", "1", "1", "2")
	})
}

// While CLIENT PAUSE lasts, clients that wait for its end are blocked, nothing expires, and
// UNPAUSE is a command like others.
func TestWhatWaitsForTheEndOfAPause(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		srv, path := startServer(t, portable)
		a, b := newSpeaker(t, path), newSpeaker(t, path)
		b.ask("SET k v PX 1\r\nHSET h f v\r\nCLIENT PAUSE 60000 WRITE")
		time.Sleep(5 * time.Millisecond)
		a.block(srv, "SET x 1")
		if got := b.field("blocked_clients"); got != "1" {
			t.Errorf("%s blocked clients", got)
		}
		if got := b.ask("CLIENT LIST ID " + a.id); !strings.Contains(got, "flags=bU") || !strings.Contains(got, "cmd=set ") {
			t.Errorf("CLIENT LIST: %q", got)
		}
		if got := b.ask("GET k\r\nEXISTS k\r\nTTL k\r\nKEYS k*\r\nDBSIZE"); got != "$-1\r\n:0\r\n:-2\r\n*0\r\n:2\r\n" {
			t.Errorf("an expired key in a pause: %q", got)
		}
		if got := b.field("expired_keys"); got != "0" {
			t.Errorf("%s keys have expired in a pause", got)
		}
		b.ask("CLIENT UNPAUSE")
		a.until("+OK")
		if got := b.field("blocked_clients"); got != "0" {
			t.Errorf("%s blocked clients after the pause", got)
		}
		b.ask("GET k")
		if got := b.field("expired_keys"); got != "1" {
			t.Errorf("%s keys have expired after the pause", got)
		}
		b.send("CLIENT PAUSE 300 WRITE\r\nCLIENT PAUSE 300")
		for !srv.pause.holds(srv.nowMS(), 0) {
			time.Sleep(time.Millisecond)
		}
		start := time.Now()
		if a.ask("CLIENT UNPAUSE"); time.Since(start) < 100*time.Millisecond {
			t.Error("CLIENT UNPAUSE does not wait while all commands do")
		}
	})
}

// Time may be over, or a client go, while another worker looks whether it can serve the
// client; if it cannot, that is no reason to forget of it.
func TestAClientThatCannotBeServedIsNotForgotten(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		srv, path := startServer(t, portable)
		a, b := newSpeaker(t, path), newSpeaker(t, path)
		waiterOf := func(s *speaker) *waiter {
			id, _ := strconv.ParseInt(s.id, 10, 64)
			srv.mu.Lock()
			c := srv.clients[id]
			srv.mu.Unlock()
			is := make(chan *waiter)
			c.conn.post(func(_ *worker, c *client) { is <- c.waiting })
			return <-is
		}
		a.block(srv, "BLPOP k 0.02")
		wt := waiterOf(a)
		wt.state.Store(serving)
		time.Sleep(60 * time.Millisecond)
		wt.state.Store(waiting)
		a.until("*-1")
		a.block(srv, "BLPOP k 0")
		wt = waiterOf(a)
		wt.state.Store(serving)
		a.conn.Close()
		time.Sleep(20 * time.Millisecond)
		wt.state.Store(waiting)
		for start := time.Now(); b.field("connected_clients") != "1"; time.Sleep(time.Millisecond) {
			if time.Since(start) > 10*time.Second {
				t.Fatal("the client is still there")
			}
		}
	})
}
