package replication

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()

// quiet has go-redis not tell of servers that are down, which is part of the tests.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(quiet{}) }

var builtIn string // the directory of the program, or empty

func TestMain(m *testing.M) {
	code := m.Run()
	if builtIn != "" {
		_ = os.RemoveAll(builtIn)
	}
	os.Exit(code)
}

var raced = flag.Bool("raced", false, "build the server with the race detector")

// builtOnce is the server's program.
var builtOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cached-replication-*")
	if err != nil {
		return "", err
	}
	builtIn = dir
	binary := filepath.Join(dir, "cached")
	args := []string{"build", "-o", binary}
	if *raced {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "../../cmd/cached")...).CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return binary, nil
})

// program returns the path of a kind of server.
func program(t *testing.T, kind string) string {
	t.Helper()
	if kind == "cached" {
		path, err := builtOnce()
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	path, err := exec.LookPath(kind)
	if err != nil && kind == "valkey-server" { // where scripts/install-test-deps.sh puts it
		cache, _ := os.UserCacheDir()
		path, err = exec.LookPath(filepath.Join(cache, "cached-tests", "valkey-9.1", kind))
	}
	if err != nil {
		t.Skipf("%s is not installed: sh scripts/install-test-deps.sh", kind)
	}
	return path
}

// A server is a process of a kind that can be killed and started again in its directory.
type server struct {
	*redis.Client
	t          *testing.T
	kind, dir  string
	port       string
	file       string // of its configuration, or empty
	directives []string
	cmd        *exec.Cmd
	ended      chan struct{}
	log        *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// start starts a server that ends with the test.
func start(t *testing.T, kind string, directives ...string) *server {
	t.Helper()
	s := &server{t: t, kind: kind, dir: t.TempDir(), port: freePort(t), directives: directives, log: &lockedBuffer{}}
	s.run()
	t.Cleanup(func() {
		s.kill()
		if strings.Contains(s.log.String(), "DATA RACE") {
			t.Errorf("%s", s.log.String())
		}
		if t.Failed() {
			t.Logf("log of the %s at %s:\n%s", s.kind, s.port, last(s.log.String(), 4000))
		}
	})
	return s
}

func last(text string, n int) string { return text[max(0, len(text)-n):] }

func (s *server) addr() string { return "127.0.0.1:" + s.port }

// run starts the process and waits until it answers.
func (s *server) run() {
	s.t.Helper()
	args := append([]string{"--port", s.port, "--bind", "127.0.0.1", "--save", "", "--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes",
		"--repl-ping-replica-period", "1", "--repl-timeout", "20"}, s.directives...)
	if s.file != "" {
		args = append([]string{s.file}, args...)
	}
	s.cmd = exec.Command(program(s.t, s.kind), args...)
	s.cmd.Dir = s.dir
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(s.cmd, s.ended)
	s.Client = redis.NewClient(&redis.Options{Addr: s.addr(), Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, ReadTimeout: 30 * time.Second})
	s.until("it answers", func() bool { return s.Ping(ctx).Err() == nil })
}

// kill ends the process at once.
func (s *server) kill() {
	_ = s.Client.Close()
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// until waits for something that comes soon.
func (s *server) until(what string, done func() bool) {
	s.t.Helper()
	for end := time.Now().Add(40 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s at %s: not until now: %s\n%v", s.kind, s.port, what, s.fields())
		}
	}
}

// fields are those of INFO replication.
func (s *server) fields() map[string]string {
	text, err := s.Info(ctx, "replication").Result()
	all := map[string]string{"error": ""}
	if err != nil {
		all["error"] = err.Error()
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			all[name] = value
		}
	}
	return all
}

func (s *server) must(words ...any) any {
	s.t.Helper()
	v, err := s.Do(ctx, words...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.t.Fatalf("%s: %v: %v", s.kind, words, err)
	}
	return v
}

// follow makes the server a replica of what listens at a port.
func (s *server) follow(port string) {
	s.t.Helper()
	s.must("REPLICAOF", "127.0.0.1", port)
}

// linked waits until the link to the primary is up.
func (s *server) linked() {
	s.t.Helper()
	s.until("the link is up", func() bool { return s.fields()["master_link_status"] == "up" })
}

// syncs is how often replicas of the server have begun anew, and how often they have gone on.
func (s *server) syncs() (full, partial int64) {
	s.t.Helper()
	text := s.must("INFO", "stats").(string)
	for line := range strings.SplitSeq(text, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		n, _ := strconv.ParseInt(value, 10, 64)
		switch name {
		case "sync_full":
			full = n
		case "sync_partial_ok":
			partial = n
		}
	}
	return full, partial
}

// caughtUp waits until the server has everything that the primary has at this moment.
func (s *server) caughtUp(primary *server) {
	s.t.Helper()
	s.linked()
	want, _ := strconv.ParseInt(primary.fields()["master_repl_offset"], 10, 64)
	s.until("it has the primary's offset "+strconv.FormatInt(want, 10), func() bool {
		f := s.fields()
		got, _ := strconv.ParseInt(f["master_repl_offset"], 10, 64)
		return got >= want && f["master_link_status"] == "up"
	})
}

// A proxy is a link that can be cut.
type proxy struct {
	port string
	to   string
	mu   sync.Mutex // guards what follows
	open []net.Conn
	down bool
}

func newProxy(t *testing.T, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &proxy{to: to}
	_, p.port, _ = net.SplitHostPort(l.Addr().String())
	go func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", p.to)
			p.mu.Lock()
			if err != nil || p.down {
				_ = a.Close()
				if err == nil {
					_ = b.Close()
				}
			} else {
				p.open = append(p.open, a, b)
				go pump(a, b)
				go pump(b, a)
			}
			p.mu.Unlock()
		}
	}()
	return p
}

func pump(from, to net.Conn) {
	buf := make([]byte, 8<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			_, _ = to.Write(buf[:n])
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

// cut ends all connections; while it is down there are no new ones.
func (p *proxy) cut(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.open, p.down = nil, down
}
