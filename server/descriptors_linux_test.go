package server

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cached/internal/config"
)

// A logBuffer is a log that tests read while it grows.
type logBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestMaxclientsFollowsTheLimitOfOpenFiles(t *testing.T) {
	cfg, err := config.New(Params())
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.LoadArgs([]string{"--port", "0", "--unixsocket", t.TempDir() + "/s"}, strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	s, err := New(Options{Config: cfg, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s.transport.openFiles = func(wanted uint64) uint64 { return min(wanted, 32) }
	if err := s.transport.setMaxClients(cfg.Value("maxclients")); err == nil {
		t.Error("a server without a file for a client starts")
	}
	s.transport.openFiles = func(wanted uint64) uint64 { return min(wanted, 256) }
	if err := s.transport.setMaxClients(cfg.Value("maxclients")); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if n := cfg.Value("maxclients").Int(); n != 224 || !strings.Contains(log.String(), "maxclients=224") {
		t.Errorf("maxclients is %d; the log:\n%s", n, log)
	}
	c := newSpeaker(t, cfg.Value("unixsocket").String())
	const want = "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - " +
		"The operating system is not able to handle the specified number of clients, try with 224\r\n"
	if got := c.ask("CONFIG SET maxclients 225"); got != want {
		t.Errorf("got %q", got)
	}
	if got := c.ask("CONFIG SET maxclients 224\r\nCONFIG SET maxclients 100\r\nCONFIG GET maxclients"); got != "+OK\r\n+OK\r\n*2\r\n$10\r\nmaxclients\r\n$3\r\n100\r\n" {
		t.Errorf("got %q", got)
	}
}

// Connections that cannot be accepted cost neither the processor nor the log much, and are
// accepted when it is possible.
func TestRunningOutOfDescriptors(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		log := &logBuffer{}
		s, path := startWith(t, Options{Portable: portable, Log: slog.New(slog.NewTextHandler(log, nil))})
		c := newSpeaker(t, path)
		var fds []int
		for range 40 {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			fds = append(fds, fd)
			defer unix.Close(fd)
		}
		var lim unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
			t.Fatal(err)
		}
		less := lim
		less.Cur = uint64(fds[len(fds)-1] + 1)
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		free := int(less.Cur) - len(files) + 1 // below the limit
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &less); err != nil {
			t.Fatal(err)
		}
		defer unix.Setrlimit(unix.RLIMIT_NOFILE, &lim)
		for _, fd := range fds {
			if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
				t.Fatal(err)
			}
		}
		for start := time.Now(); !s.transport.acceptFails.Load(); time.Sleep(time.Millisecond) {
			if time.Since(start) > 10*time.Second {
				t.Fatalf("all of %d connections are accepted with %d descriptors", len(fds), free)
			}
		}
		turns := s.totals.turns.Load()
		time.Sleep(300 * time.Millisecond)
		if n := s.totals.turns.Load() - turns; n > 2000 {
			t.Errorf("%d turns while nothing can be accepted", n)
		}
		if n := strings.Count(log.String(), "cannot accept"); n != 1 {
			t.Errorf("%d lines:\n%.2000s", n, log)
		}
		if got := c.ask("PING"); got != "+PONG\r\n" {
			t.Errorf("a client that is there got %q", got)
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
			t.Fatal(err)
		}
		for i, fd := range fds {
			_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10})
			if _, err := unix.Write(fd, []byte("PING\r\n")); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 16)
			if n, err := unix.Read(fd, b); err != nil || string(b[:n]) != "+PONG\r\n" {
				t.Fatalf("client %d: %q, %v", i, b[:max(n, 0)], err)
			}
		}
		fmt.Fprint(c.conn, "QUIT\r\n")
	})
}
