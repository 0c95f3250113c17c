package server

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// onlyClient waits until the loop has the one client and stops the loop's turns, which
// the test takes itself until it calls goOn.
func onlyClient(t *testing.T, s *Server, conn net.Conn) (l *loop, c *loopConn, goOn func()) {
	t.Helper()
	fmt.Fprint(conn, "PING\r\n")
	if _, err := io.ReadFull(conn, make([]byte, len("+PONG\r\n"))); err != nil {
		t.Fatal(err)
	}
	l = s.transport.all[0]
	for {
		l.turn.Lock()
		for _, c = range l.clients {
			if len(l.clients) == 1 && c.shown.last.Load() != nil {
				return l, c, l.turn.Unlock
			}
		}
		l.turn.Unlock()
		runtime.Gosched()
	}
}

// A loop that is moved between its events and the end of its turn may read a client twice
// before it writes. The log, or a full socket, holds the first replies back: what the
// client is sent later must not leave before them, and must not stand in front of them.
func TestAClientReadTwiceInATurnGetsItsRepliesInOrder(t *testing.T) {
	large := strings.Repeat("x", 4<<20)
	for _, first := range []string{"first", large} {
		s, disk, path := startOnFakeDisk(t, false, "--io-threads", "1")
		setup, r := dial(t, path)
		fmt.Fprintf(setup, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s\r\n", len(first), first)
		for s.keys.Changes(nil) == 0 {
			runtime.Gosched()
		}
		disk.settle()
		expect(t, r, "+OK\r\n")
		setup.Close()
		conn, _ := dial(t, path)
		l, c, goOn := onlyClient(t, s, conn)

		fmt.Fprint(conn, "SET a 1\r\nGET k\r\n")
		l.read(c)
		fmt.Fprint(conn, "SET a 2\r\nECHO second\r\n")
		l.read(c)
		c.add([]byte("+push\r\n"))
		c.resume()
		l.finish()
		goOn()
		disk.settleEvery(t, time.Millisecond)

		got := make([]byte, len(fmt.Sprintf("+OK\r\n$%d\r\n%s\r\n", len(first), first)))
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != fmt.Sprintf("+OK\r\n$%d\r\n%s\r\n", len(first), first) {
			t.Fatalf("%d bytes: %v, %.100q; want +OK and the first reply", len(first), err, got)
		}
		then := "+OK\r\n$6\r\nsecond\r\n+push\r\n"
		if first == large {
			then = "+push\r\n+OK\r\n$6\r\nsecond\r\n" // the client went no further while it was held
		}
		rest := make([]byte, len(then))
		if _, err := io.ReadFull(conn, rest); err != nil || string(rest) != then {
			t.Fatalf("got %q, %v; want %q", rest, err, then)
		}
	}
}
