package server

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// answer reads the reply of CACHE.GET: status, value and token.
func answer(t *testing.T, r *bufio.Reader) (status, value, token string) {
	t.Helper()
	line := func() string {
		s, err := r.ReadString('\n')
		if err != nil {
			t.Errorf("no reply: %v", err)
		}
		return strings.TrimSuffix(s, "\r\n")
	}
	bulk := func() string {
		if head := line(); head == "$-1" {
			return ""
		}
		return line()
	}
	if head := line(); head != "*3" {
		t.Errorf("replied %q", head)
		return head, "", ""
	}
	return bulk(), bulk(), bulk()
}

func (s *speaker) answer() (status, value, token string) {
	s.t.Helper()
	return answer(s.t, s.r)
}

// Of many clients that want a key which is not there one gets a token, and the value reaches
// all others.
func TestAStampedeGivesOneToken(t *testing.T) {
	clients := 1000
	if testing.Short() {
		clients = 200
	}
	onBothTransports(t, func(t *testing.T, portable bool) {
		srv, path := startServer(t, portable)
		type result struct{ status, value, token string }
		results := make([]result, clients)
		var all sync.WaitGroup
		won := make(chan string, clients)
		conns := make([]net.Conn, clients)
		readers := make([]*bufio.Reader, clients)
		for i := range clients {
			conns[i], readers[i] = dial(t, path)
			fmt.Fprint(conns[i], "PING\r\n") // the queue of connections is short
			expect(t, readers[i], "+PONG\r\n")
		}
		for i := range clients {
			all.Add(1)
			go func() {
				defer all.Done()
				fmt.Fprint(conns[i], "CACHE.GET k LEASE 60000 WAIT 60000\r\n")
				r := &results[i]
				if r.status, r.value, r.token = answer(t, readers[i]); r.token != "" {
					won <- r.token
				}
			}()
		}
		for start := time.Now(); srv.block.all.Load() != int32(clients-1); time.Sleep(time.Millisecond) {
			if time.Since(start) > 40*time.Second {
				t.Fatalf("%d clients wait", srv.block.all.Load())
			}
		}
		filler := newSpeaker(t, path)
		if got := filler.ask("CACHE.SET k v TTL 60000 TOKEN " + <-won); got != "+OK\r\n" {
			t.Fatalf("the fill: %q", got)
		}
		all.Wait()
		tokens := 0
		for _, r := range results {
			switch {
			case r.status == "miss" && r.token != "":
				tokens++
			case r != result{"hit", "v", ""}:
				t.Errorf("a client was told %v", r)
			}
		}
		if tokens != 1 {
			t.Errorf("%d tokens", tokens)
		}
	})
}

// When the client with the token does not fill, the lease runs out, and a client that waits
// gets the next.
func TestTheLeaseOfADeadClientRunsOut(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		a, b := newSpeaker(t, path), newSpeaker(t, path)
		a.send("CACHE.GET k LEASE 200")
		if status, _, token := a.answer(); status != "miss" || token == "" {
			t.Fatalf("the first: %s %s", status, token)
		}
		a.conn.Close()
		b.send("CACHE.GET k LEASE 60000 WAIT 60000") // and if it comes late, it need not wait
		if status, _, token := b.answer(); status != "miss" || token == "" {
			t.Errorf("the next: %s %s", status, token)
		}
	})
}

// When a time is over for which a key rests, the first of the clients that still wait gets the
// lease, and the others its value.
func TestClientsLookAgainInTheirOrder(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		srv, path := startServer(t, portable)
		a, b, c, d := newSpeaker(t, path), newSpeaker(t, path), newSpeaker(t, path), newSpeaker(t, path)
		a.send("CACHE.GET k LEASE 60000")
		_, _, token := a.answer()
		d.block(srv, "CACHE.GET k LEASE 60000 WAIT 60000")
		b.block(srv, "CACHE.GET k LEASE 60000 WAIT 60000")
		c.block(srv, "CACHE.GET k WAIT 60000")
		d.conn.Close() // it is first, and goes
		for start := time.Now(); srv.block.all.Load() != 2; time.Sleep(time.Millisecond) {
			if time.Since(start) > 10*time.Second {
				t.Fatal("a client that is gone waits")
			}
		}
		if got := a.ask("CACHE.FAIL k " + token + " RETRY 100"); got != ":1\r\n" {
			t.Fatalf("CACHE.FAIL: %q", got)
		}
		status, _, token := b.answer()
		if status != "miss" || token == "" {
			t.Fatalf("the next: %s %s", status, token)
		}
		if got := b.ask("CACHE.SET k v TTL 60000 TOKEN " + token); got != "+OK\r\n" {
			t.Fatalf("the fill: %q", got)
		}
		if status, value, _ := c.answer(); status != "hit" || value != "v" {
			t.Errorf("the last: %s %s", status, value)
		}
	})
}

// What ends a lease has the next client try: a refused fill, a failure, DEL of a key that is
// not there, FLUSHDB.
func TestWhatEndsALeaseWakesTheNext(t *testing.T) {
	srv, path := startServer(t, false)
	a, b := newSpeaker(t, path), newSpeaker(t, path)
	for _, x := range []struct{ before, end, reply string }{
		{"TAG.INVALIDATE t", "CACHE.SET k v TAGS 1 t TOKEN %s", "$-1\r\n"},
		{"SET x v\r\nTAG.ADD x t\r\nTAG.INVALIDATE t", "CACHE.SET k v TAGS 1 t TOKEN %s", "$-1\r\n"},
		{"", "CACHE.FAIL k %s RETRY 20", ":1\r\n"},
		{"", "DEL k", ":0\r\n"},
		{"", "UNLINK k", ":0\r\n"},
		{"", "FLUSHDB", "+OK\r\n"},
		{"", "CACHE.PURGE PREFIX k", ":0\r\n"},
		{"", "SWAPDB 0 1", "+OK\r\n"},
	} {
		a.ask("FLUSHALL")
		a.send("CACHE.GET k LEASE 60000")
		_, _, token := a.answer()
		b.block(srv, "CACHE.GET k LEASE 60000 WAIT 60000")
		a.ask(x.before)
		end := x.end
		if strings.Contains(end, "%s") {
			end = fmt.Sprintf(end, token)
		}
		if got := a.ask(end); got != x.reply {
			t.Fatalf("%s: %q", end, got)
		}
		if status, _, next := b.answer(); status != "miss" || next == "" || next == token {
			t.Errorf("after %s the next got %s %s", end, status, next)
		}
	}
}

// WAIT ends with busy, and inside MULTI and scripts there is no waiting.
func TestWaitingForALeaseEnds(t *testing.T) {
	_, path := startServer(t, false)
	a := newSpeaker(t, path)
	a.ask("CACHE.GET k LEASE 60000")
	const busy = "*3\r\n$4\r\nbusy\r\n$-1\r\n$-1\r\n"
	for _, x := range []struct{ call, want string }{
		{"CACHE.GET k WAIT 10", busy},
		{"CACHE.GET k LEASE 10 WAIT 10 STALE", busy},
		{"MULTI\r\nCACHE.GET k WAIT 60000\r\nEXEC", "+OK\r\n+QUEUED\r\n*1\r\n" + busy},
		{"EVAL \"return redis.call('CACHE.GET',KEYS[1],'WAIT','60000')[1]\" 1 k", "$4\r\nbusy\r\n"},
		{"CONFIG SET cache-max-waiters 1", "+OK\r\n"},
	} {
		if got := a.ask(x.call); got != x.want {
			t.Errorf("%s: %q, want %q", x.call, got, x.want)
		}
	}
}

func TestWaitersOfAKeyAreBounded(t *testing.T) {
	srv, path := startServer(t, false)
	a, b := newSpeaker(t, path), newSpeaker(t, path)
	a.ask("CONFIG SET cache-max-waiters 1\r\nCACHE.GET k LEASE 60000\r\nCACHE.GET other LEASE 60000")
	b.block(srv, "CACHE.GET k WAIT 60000")
	if got := a.ask("CACHE.GET k WAIT 10"); got != "-ERR WAIT: too many clients wait for this key\r\n" {
		t.Errorf("one more: %q", got)
	}
	if got := a.ask("CACHE.GET other WAIT 10"); !strings.Contains(got, "busy") {
		t.Errorf("another key: %q", got)
	}
	a.ask("SET k v")
	if status, value, _ := b.answer(); status != "hit" || value != "v" {
		t.Errorf("the one that waits: %s %s", status, value)
	}
}

// Caches of clients, watched keys and subscribers of events hear of invalidations.
func TestInvalidationsReachWhoMustKnow(t *testing.T) {
	_, path := startServer(t, false)
	admin := newSpeaker(t, path)
	fill := "FLUSHALL\r\nSET a:1 v\r\nTAG.ADD a:1 t\r\nSET b:1 v\r\nTAG.ADD b:1 u"
	push := func(key string) string {
		return fmt.Sprintf(">2\r\n$10\r\ninvalidate\r\n*1\r\n$%d\r\n%s\r\n", len(key), key)
	}
	const flush = ">2\r\n$10\r\ninvalidate\r\n_\r\n"
	for _, x := range []struct{ mode, command, want string }{
		{"", "TAG.INVALIDATE t", push("a:1")},
		{"", "TAG.INVALIDATE SOFT t", push("a:1")},
		{"", "CACHE.PURGE PREFIX b:", push("b:1")},
		{"", "CACHE.PURGE PREFIX b: SOFT", push("b:1")},
		{"", "TAG.INVALIDATE nobody", ""},
		{"", "CACHE.PURGE PREFIX c", ""},
		{" BCAST PREFIX a:", "TAG.INVALIDATE t", flush},
		{" BCAST PREFIX a:", "CACHE.PURGE PREFIX a", flush},
		{" BCAST PREFIX a:", "CACHE.PURGE PREFIX b", ""},
	} {
		admin.ask(fill)
		c := newSpeaker(t, path)
		c.ask("HELLO 3\r\nCLIENT TRACKING ON" + x.mode + "\r\nGET a:1\r\nGET b:1\r\nGET a:end")
		admin.ask(x.command + "\r\nSET a:end v")
		got := strings.TrimSuffix(c.until("a:end"), push("a:end"))
		if got != x.want && !(x.want == flush && strings.HasPrefix(got, flush)) {
			t.Errorf("%s with tracking%s: %q, want %q", x.command, x.mode, got, x.want)
		}
		c.conn.Close()
	}
	for _, x := range []struct {
		command string
		fails   bool
	}{
		{"TAG.INVALIDATE t", true}, {"CACHE.PURGE PREFIX a", true}, {"CACHE.PURGE PREFIX b", false},
		{"TAG.INVALIDATE u", false}, {"TAG.INVALIDATE SOFT t", false},
	} {
		admin.ask(fill)
		c := newSpeaker(t, path)
		c.ask("WATCH a:1")
		admin.ask(x.command)
		if got := c.ask("MULTI\r\nEXEC"); strings.HasSuffix(got, "*-1\r\n") != x.fails {
			t.Errorf("EXEC after %s: %q", x.command, got)
		}
		c.conn.Close()
	}
	admin.ask(fill + "\r\nCONFIG SET notify-keyspace-events KEA")
	sub := newSpeaker(t, path)
	sub.ask("HELLO 3\r\nSUBSCRIBE __keyevent@0__:del __keyevent@0__:tagadd")
	admin.ask("TAG.ADD b:1 w\r\nTAG.INVALIDATE t\r\nEXISTS a:1")
	for _, want := range []string{"b:1", "a:1"} {
		sub.until(want)
	}
}

// With many keys in the caches of clients all of them drop what they have.
func TestManyTrackedKeysAreDroppedTogether(t *testing.T) {
	_, path := startServer(t, false)
	admin, c := newSpeaker(t, path), newSpeaker(t, path)
	c.ask("HELLO 3\r\nCLIENT TRACKING ON")
	admin.ask("SET k v\r\nTAG.ADD k t")
	var all strings.Builder
	for i := range purgeLook + 1 {
		fmt.Fprintf(&all, "GET key%d\r\n", i)
	}
	c.ask(all.String())
	admin.ask("TAG.INVALIDATE t")
	for _, want := range []string{"invalidate", "_"} { // and no key
		if got := c.until(want); strings.Contains(got, "$1\r\nk\r\n") {
			t.Errorf("heard %q", got)
		}
	}
}
