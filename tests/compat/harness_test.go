package compat

import (
	"bytes"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	updateFlag  = flag.Bool("update", false, "record the scripts' replies from the reference server")
	seedFlag    = flag.Int64("seed", 0, "seed of the random calls; 0 takes one from the clock")
	callsFlag   = flag.Int("calls", 4000, "random calls per group of commands")
	squeezeFlag = flag.String("compression", "", "value-compression of the subject, for all strings that it may concern")
	groupsFlag  = flag.String("groups", "", "groups of commands for the random calls, by comma; empty: all that the subject has")
)

// subjectBin is set by TestMain.
var subjectBin string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "compat")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if subjectBin, err = findSubject(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	older.find("redis-server")
	if dir, err := os.UserCacheDir(); err == nil { // as in scripts/install-test-deps.sh
		newer.find(filepath.Join(dir, "cached-tests", "valkey-9.1", "valkey-server"))
	}
	defer stopShared()
	return m.Run()
}

func findSubject(dir string) (string, error) {
	if name := os.Getenv("CACHED_BIN"); name != "" {
		return exec.LookPath(name)
	}
	bin := filepath.Join(dir, "cached")
	build := exec.Command("go", "build", "-o", bin, "cached/cmd/cached")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build cached: %w\n%s", err, out)
	}
	return bin, nil
}

func (o *oracle) find(name string) {
	if other := os.Getenv(o.env); other != "" {
		name = other
	}
	o.bin, _ = exec.LookPath(name)
}

// need skips the test when there is no such server; where it must be there it fails
// the test instead.
func (o *oracle) need(t testing.TB) {
	t.Helper()
	switch {
	case o.bin != "":
	case o.nowhere:
		t.Skipf("there is no %s for this system", o.name)
	case os.Getenv("CI") == "true" || os.Getenv("CACHED_NEED_REFERENCE") == "1":
		t.Fatalf("no %s; install it with\n\tsh scripts/install-test-deps.sh", o.name)
	default:
		t.Skipf("no %s, nothing to compare with; install it with\n\tsh scripts/install-test-deps.sh", o.name)
	}
}

// process is the one that most tests share.
func (o *oracle) process(t testing.TB) *process {
	t.Helper()
	o.need(t)
	return sharedProcess(t, &shared.oracles[slices.Index(oracles, o)], o.bin, o.args...)
}

// start starts one for a single test.
func (o *oracle) start(t testing.TB, args ...string) *process {
	t.Helper()
	o.need(t)
	return startOwn(t, o.bin, slices.Concat(o.args, args)...)
}

// eachOracle compares with every reference there is.
func eachOracle(t *testing.T, compare func(t *testing.T, o *oracle)) {
	for _, o := range oracles {
		t.Run(o.name, func(t *testing.T) {
			o.need(t)
			compare(t, o)
		})
	}
}

// needReference returns the path of the older reference, or skips the test.
func needReference(t testing.TB) string {
	t.Helper()
	older.need(t)
	return older.bin
}

// A process is a server under test or the reference.
type process struct {
	bin  string
	addr string // host:port
	port int
	unix string // path of its unix socket
	dir  string
	cmd  *exec.Cmd
	log  syncBuffer
	done chan struct{} // closed when it has been reaped
}

// startProcess starts a server on a free port and waits until it answers.
func startProcess(bin string, args ...string) (*process, error) {
	var err error
	// Another process may take the free port before the server binds it.
	for range 3 {
		var p *process
		if p, err = tryStart(bin, args); err == nil {
			return p, nil
		}
	}
	return nil, err
}

func tryStart(bin string, args []string) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "compat-server")
	if err != nil {
		return nil, err
	}
	p := &process{bin: bin, port: port, dir: dir, unix: filepath.Join(dir, "s.sock"),
		addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), done: make(chan struct{})}
	base := []string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--unixsocket", p.unix,
		"--save", "", "--appendonly", "no", "--dir", dir, "--enable-debug-command", "yes"}
	if *squeezeFlag != "" && bin == subjectBin {
		base = append(base, "--value-compression", *squeezeFlag, "--value-compression-min-size", "0")
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "--") {
		base, args = append(args[:1:1], base...), args[1:] // a configuration file comes first
	}
	p.cmd = exec.Command(bin, append(base, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.Dir = dir
	if err := startTied(p.cmd); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("start %s: %w", bin, err)
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	if err := p.waitReady(10 * time.Second); err != nil {
		p.stop()
		return nil, fmt.Errorf("%w; its output:\n%s", err, p.log.String())
	}
	return p, nil
}

func (p *process) waitReady(limit time.Duration) error {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %v", p.bin, p.cmd.ProcessState)
		default:
		}
		conn, err := net.DialTimeout("tcp", p.addr, time.Second)
		if err != nil {
			continue
		}
		conn.SetDeadline(time.Now().Add(time.Second))
		conn.Write([]byte("PING\r\n"))
		buf := make([]byte, 64)
		n, _ := conn.Read(buf)
		conn.Close()
		if n > 0 && (buf[0] == '+' || bytes.HasPrefix(buf[:n], []byte("-NOAUTH"))) {
			return nil
		}
	}
	return fmt.Errorf("%s did not answer PING on %s", p.bin, p.addr)
}

// stop stops the server and waits until it has exited. A server that ignores SIGTERM is killed.
func (p *process) stop() {
	p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
	case <-time.After(2 * time.Second):
		p.cmd.Process.Kill()
		<-p.done
	}
	os.RemoveAll(p.dir)
}

// rssBytes is the resident memory of the server, or 0 where /proc has none.
func (p *process) rssBytes() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize())
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// startOwn starts a server for one test alone; its output is printed when the
// test fails.
func startOwn(t testing.TB, bin string, args ...string) *process {
	t.Helper()
	p, err := startProcess(bin, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("the output of %s:\n%s", bin, p.log.tail(8<<10))
		}
	})
	return p
}

// Most tests share one subject and one of each reference, and leave them as they were.
var shared struct {
	sync.Mutex
	subject *process
	oracles [2]*process // in the order of oracles
}

func stopShared() {
	for _, p := range []*process{shared.subject, shared.oracles[0], shared.oracles[1]} {
		if p != nil {
			p.stop()
		}
	}

}

func subject(t testing.TB) *process {
	t.Helper()
	return sharedProcess(t, &shared.subject, subjectBin)
}

func sharedProcess(t testing.TB, at **process, bin string, args ...string) *process {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if p := *at; p != nil {
		select {
		case <-p.done:
			t.Logf("%s ended: %v; its output:\n%s", bin, p.cmd.ProcessState, p.log.tail(8<<10))
			*at = nil
		default:
		}
	}
	if *at == nil {
		p, err := startProcess(bin, args...)
		if err != nil {
			t.Fatal(err)
		}
		*at = p
	}
	p := *at
	t.Cleanup(func() {
		select {
		case <-p.done:
			t.Errorf("%s ended during the test: %v; its output:\n%s", bin, p.cmd.ProcessState, p.log.tail(8<<10))
		default:
			if t.Failed() && p == shared.subject {
				t.Logf("the end of the output of %s:\n%s", bin, p.log.tail(2<<10))
			}
		}
	})
	return p
}

// subjectIsReference is true when the tests run against the older reference itself. Tests of newer features are
// skipped then.
func subjectIsReference() bool {
	return sameFile(subjectBin, older.bin)
}

func sameFile(a, b string) bool {
	a, errA := filepath.EvalSymlinks(a)
	b, errB := filepath.EvalSymlinks(b)
	return errA == nil && errB == nil && a == b
}

func since(t testing.TB, version string) {
	t.Helper()
	if subjectIsReference() {
		t.Skipf("the reference is older than %s", version)
	}
}

// startTied starts a command that the kernel kills when this process exits, where it can.
func startTied(cmd *exec.Cmd) error {
	// The parent's death is the death of the starting thread, so it must stay.
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		tie(cmd)
		started <- cmd.Start()
		select {} // for the life of the tests
	}()
	return <-started
}

// A syncBuffer keeps the last megabyte written to it.
type syncBuffer struct {
	mu  sync.Mutex
	buf []byte
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf = append(b.buf, p...)
	if over := len(b.buf) - 1<<20; over > 0 {
		b.buf = append(b.buf[:0], b.buf[over:]...)
	}
	return len(p), nil
}

func (b *syncBuffer) String() string { return b.tail(1 << 20) }

func (b *syncBuffer) tail(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.buf[max(0, len(b.buf)-n):])
}
