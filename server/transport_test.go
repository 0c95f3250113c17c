package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"cached/engine"
	"cached/internal/config"
)

// startServer starts a server on a unix socket, with further directives, on one
// of the two transports, and ends it with the test.
func startServer(t testing.TB, portable bool, directives ...string) (s *Server, path string) {
	t.Helper()
	return startWith(t, Options{Portable: portable}, directives...)
}

// startServerOn is startServer with a keyspace of the test's own.
func startServerOn(t *testing.T, keys *engine.Engine) (s *Server, path string) {
	t.Helper()
	return startWith(t, Options{Engine: keys})
}

func startWith(t testing.TB, o Options, directives ...string) (s *Server, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s")
	cfg, err := config.New(Params())
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"--port", "0", "--unixsocket", path}, directives...)
	if err := cfg.LoadArgs(args, strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	o.Config = cfg
	s, err = New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, path
}

// dial connects to a unix socket; what is sent or read takes at most a minute.
func dial(t *testing.T, path string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c, bufio.NewReader(c)
}

// onBothTransports runs a test with the event loops and with package net.
func onBothTransports(t *testing.T, f func(t *testing.T, portable bool)) {
	for _, portable := range []bool{false, true} {
		t.Run(map[bool]string{false: "loops", true: "net"}[portable], func(t *testing.T) { f(t, portable) })
	}
}

func expect(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("got %q (%v), want %q", got[:n], err, want)
	}
}

func TestPipelinesOfAnyLengthAreAnsweredInOrder(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		c, r := dial(t, path)
		const n = 20000
		go func() {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%d\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", len(fmt.Sprint(i)), i)
			}
			_, _ = io.WriteString(c, b.String())
		}()
		for i := range n {
			expect(t, r, fmt.Sprintf("+OK\r\n$%d\r\n%d\r\n", len(fmt.Sprint(i)), i))
		}
	})
}

func TestRequestsMayBeSplitAnywhere(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		c, r := dial(t, path)
		for _, b := range []byte("*3\r\n$3\r\nSET\r\n$2\r\nkk\r\n$5\r\nva\r\nu\r\nGET kk\r\nECHO \"a b\"\r\n") {
			if _, err := c.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
			runtime.Gosched()
		}
		expect(t, r, "+OK\r\n$5\r\nva\r\nu\r\n$3\r\na b\r\n")
	})
}

// A reply beyond what a socket takes at once comes whole, also when the client
// begins to read late.
func TestLongRepliesComeWhole(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		c, r := dial(t, path)
		const size = 8 << 20
		fmt.Fprintf(c, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s\r\n", size, strings.Repeat("x", size))
		expect(t, r, "+OK\r\n")
		fmt.Fprint(c, "GET k\r\nPING\r\nGET k\r\nQUIT\r\n")
		time.Sleep(20 * time.Millisecond)
		for range 2 {
			expect(t, r, fmt.Sprintf("$%d\r\n", size))
			if n, err := io.CopyN(io.Discard, r, size+2); err != nil {
				t.Fatalf("%v after %d bytes", err, n)
			}
			if b, _ := r.Peek(1); len(b) == 1 && b[0] == '+' {
				if b, _ := r.Peek(2); b[1] == 'P' {
					expect(t, r, "+PONG\r\n")
				}
			}
		}
		expect(t, r, "+OK\r\n")
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("after QUIT: %v, want the end", err)
		}
	})
}

func TestMalformedInputEndsTheConnectionWithAWord(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		c, r := dial(t, path)
		fmt.Fprint(c, "PING\r\n*1\r\n$-5\r\nPING\r\n")
		expect(t, r, "+PONG\r\n-ERR Protocol error: invalid bulk length\r\n")
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("got %v, want the end", err)
		}
	})
}

func TestNoGoroutineIsLeftAfterClose(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		before := runtime.NumGoroutine()
		s, path := startServer(t, portable)
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				c, err := net.Dial("unix", path)
				if err != nil {
					t.Error(err)
					return
				}
				r := bufio.NewReader(c)
				fmt.Fprint(c, "PING\r\n")
				if line, err := r.ReadString('\n'); line != "+PONG\r\n" {
					t.Errorf("got %q, %v", line, err)
				}
				if i%2 == 0 {
					c.Close()
				} else {
					t.Cleanup(func() { c.Close() })
				}
			})
		}
		all.Wait()
		s.Close()
		for range 200 {
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		buf := make([]byte, 64<<10)
		t.Errorf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
	})
}
