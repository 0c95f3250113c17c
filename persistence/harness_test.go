package persistence_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"cached/engine"
	"cached/internal/config"
	"cached/internal/version"
	"cached/internal/vfs"
	"cached/persistence"
	"cached/replication"
	"cached/server"
)

var ctx = context.Background()

// A subject is a server of ours in this process.
type subject struct {
	*redis.Client
	disk *persistence.Disk
	keys *engine.Engine
	addr string
	stop func() // as SIGTERM does
}

func startSubject(t testing.TB, directives ...string) *subject {
	t.Helper()
	return startOn(t, new(vfs.Mem), directives...)
}

// inDir is a directory as a file system.
type inDir struct {
	vfs.FS
	dir string
}

func (d inDir) Open(name string) (vfs.File, error)   { return d.FS.Open(filepath.Join(d.dir, name)) }
func (d inDir) Create(name string) (vfs.File, error) { return d.FS.Create(filepath.Join(d.dir, name)) }
func (d inDir) Append(name string) (vfs.File, error) { return d.FS.Append(filepath.Join(d.dir, name)) }
func (d inDir) MakeDir(name string) error            { return d.FS.MakeDir(filepath.Join(d.dir, name)) }
func (d inDir) Remove(name string) error             { return d.FS.Remove(filepath.Join(d.dir, name)) }
func (d inDir) SyncDir(name string) error            { return d.FS.SyncDir(filepath.Join(d.dir, name)) }
func (d inDir) Rename(from, to string) error {
	return d.FS.Rename(filepath.Join(d.dir, from), filepath.Join(d.dir, to))
}

// startOn starts a subject that has its files in a file system.
func startOn(t testing.TB, files vfs.FS, directives ...string) *subject {
	t.Helper()
	s, loaded := startLoading(t, files, directives...)
	if err := <-loaded; err != nil {
		t.Fatal(err)
	}
	s.disk.Start()
	return s
}

// onPackageNet has a subject serve its clients from package net.
const onPackageNet = "on package net"

// startLoading starts a subject and returns while it is loading.
func startLoading(t testing.TB, files vfs.FS, directives ...string) (*subject, chan error) {
	t.Helper()
	portable := slices.Contains(directives, onPackageNet)
	directives = slices.DeleteFunc(slices.Clone(directives), func(d string) bool { return d == onPackageNet })
	cfg, err := config.New(server.Params(), persistence.Params(), replication.Params())
	if err != nil {
		t.Fatal(err)
	}
	sock := t.TempDir() + "/s"
	port := freePort(t)
	args := append([]string{"--port", port, "--bind", "127.0.0.1", "--unixsocket", sock, "--save", "", "--enable-debug-command", "yes"}, directives...)
	if err := cfg.LoadArgs(args, strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	keys := engine.New(server.EngineOptions(cfg))
	disk := persistence.New(persistence.Options{Config: cfg, Engine: keys, FS: files, Version: version.Redis})
	repl := replication.New(replication.Options{Config: cfg, Engine: keys, Disk: disk})
	srv, err := server.New(server.Options{Config: cfg, Engine: keys, Rows: append(disk.Commands(), repl.Commands()...), Persistence: disk,
		Reporters: []server.Reporter{disk}, Portable: portable})
	if err != nil {
		t.Fatal(err)
	}
	repl.SetServer(srv, func(ended func() bool) replication.Applier { return srv.Applier(ended) })
	disk.SetFunctions(srv)
	disk.SetReplayer(func(tx *engine.Tx) persistence.Replayer { return srv.Replayer(tx) })
	disk.Begin()
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() { srv.Close(); disk.Close() })
	t.Cleanup(stop)
	loaded := make(chan error, 1)
	go func() { loaded <- disk.Load() }()
	return &subject{client(t, "127.0.0.1:"+port), disk, keys, "127.0.0.1:" + port, stop}, loaded
}

func client(t testing.TB, addr string) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, DisableIdentity: true, ReadTimeout: time.Minute, WriteTimeout: time.Minute})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// tool returns the path of a program of Redis's, which a developer's machine may
// lack.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" || os.Getenv("CACHED_NEED_REFERENCE") == "1" {
		t.Fatalf("no %s on the PATH; install redis-server and redis-tools", name)
	}
	t.Skipf("no %s on the PATH", name)
	return ""
}

// startRedis starts a redis-server in dir.
func startRedis(t testing.TB, dir string, args ...string) (c *redis.Client, stop func()) {
	t.Helper()
	bin := tool(t, "redis-server")
	for range 3 { // the port may be taken in between
		port := freePort(t)
		cmd := exec.Command(bin, append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
			"--dir", dir, "--enable-debug-command", "yes"}, args...)...)
		var out strings.Builder
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		stop = func() { _ = cmd.Process.Kill(); <-ended }
		c = client(t, "127.0.0.1:"+port)
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if c.Ping(ctx).Err() == nil {
				t.Cleanup(stop)
				return c, stop
			}
			select {
			case <-ended:
				end = time.Time{}
			default:
			}
		}
		stop()
		t.Logf("redis-server did not start: %s", out.String())
	}
	t.Fatal("no redis-server")
	return nil, nil
}

// contents is what a client sees of a key, in an order of its own.
func contents(t testing.TB, c *redis.Client, key string) string {
	t.Helper()
	var b strings.Builder
	kind := c.Type(ctx, key).Val()
	fmt.Fprintf(&b, "%s:", kind)
	var err error
	switch kind {
	case "string":
		var s string
		s, err = c.Get(ctx, key).Result()
		b.WriteString(s)
	case "list":
		var l []string
		l, err = c.LRange(ctx, key, 0, -1).Result()
		fmt.Fprintf(&b, "%q", l)
	case "set":
		var l []string
		l, err = c.SMembers(ctx, key).Result()
		slices.Sort(l)
		fmt.Fprintf(&b, "%q", l)
	case "zset":
		var l []redis.Z
		l, err = c.ZRangeWithScores(ctx, key, 0, -1).Result()
		for _, z := range l {
			// The score, not its text, which is another one since Redis 7.2. A small sorted
			// set forgets the sign of a zero, a large one does not.
			fmt.Fprintf(&b, "%q %v,", z.Member, z.Score+0)
		}
	case "hash":
		var m map[string]string
		m, err = c.HGetAll(ctx, key).Result()
		var l []string
		for k, v := range m {
			l = append(l, k+"\x00"+v)
		}
		slices.Sort(l)
		fmt.Fprintf(&b, "%q", l)
	case "stream":
		b.WriteString(streamContents(t, c, key))
	}
	if err != nil {
		t.Fatalf("read %s %q: %v", kind, key, err)
	}
	return b.String()
}

func streamContents(t testing.TB, c *redis.Client, key string) string {
	t.Helper()
	text := ""
	for _, call := range [][]any{{"XRANGE", key, "-", "+"}, {"XLEN", key}, {"XINFO", "GROUPS", key}, {"XPENDING", key, "readers"},
		{"XPENDING", key, "readers", "-", "+", 100}} {
		r, err := c.Do(ctx, call...).Result()
		if err != nil && !strings.HasPrefix(err.Error(), "NOGROUP") { // a stream without groups
			t.Fatal(err)
		}
		if l, ok := r.([]any); ok && len(call) > 3 && call[0] == "XPENDING" {
			for _, p := range l {
				p.([]any)[2] = nil // grows with time
			}
		}
		text += fmt.Sprintf("%q\n", r)
	}
	return text
}

// A sample is a key and the calls that make it.
type sample struct {
	key   string
	calls [][]any
}

func call(words ...any) []any { return words }

// samples are keys of every type, encoding and size.
func samples() []sample {
	var all []sample
	add := func(key string, calls ...[]any) { all = append(all, sample{key, calls}) }
	texts := []string{"", "a", "0", "-1", "127", "128", "-128", "-129", "32767", "32768", "-32768", "65536", "2147483647", "2147483648",
		"-2147483648", "-2147483649", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "007", "+5", "1.5", "-0", " 1",
		strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("ab", 5000), strings.Repeat("q", 70000), random(4000),
		random(16377), random(16378), random(16379), random(16380), random(16383), random(2097150), "\x00\xff\r\n"}
	for i, s := range texts {
		add(fmt.Sprintf("string%d", i), call("SET", fmt.Sprintf("string%d", i), s))
	}
	add("string:ttl", call("SET", "string:ttl", "v", "PX", 100000000))
	add("string:appended", call("SET", "string:appended", "12"), call("APPEND", "string:appended", "3"))
	elements := func(n, from int, name string) (words []any) {
		for i := range n {
			words = append(words, fmt.Sprintf("%s%d", name, from+i))
		}
		return words
	}
	for _, n := range []int{1, 3, 100, 130, 600, 3000} {
		k := func(kind string) string { return fmt.Sprintf("%s:%d", kind, n) }
		add(k("list"), append(call("RPUSH", k("list")), elements(n, 0, "element")...))
		add(k("numbers"), append(call("RPUSH", k("numbers")), elements(n, -50, "")...))
		add(k("set"), append(call("SADD", k("set")), elements(n, 0, "member")...))
		add(k("ints"), append(call("SADD", k("ints")), elements(n, 0, "")...))
		add(k("ints32"), append(call("SADD", k("ints32")), elements(n, 100000, "-")...))
		add(k("ints64"), append(call("SADD", k("ints64"), "-9223372036854775808"), elements(n, 0, "99999999999")...))
		add(k("mixed"), append(append(call("SADD", k("mixed")), elements(n, 0, "")...), "x"))
		var pairs, zpairs, fpairs []any
		for i := range n {
			pairs = append(pairs, fmt.Sprintf("field%d", i), fmt.Sprintf("value%d", i*i))
			zpairs = append(zpairs, i-5, fmt.Sprintf("member%d", i))
			fpairs = append(fpairs, float64(i)/3, fmt.Sprintf("m%d", i))
		}
		add(k("hash"), append(call("HSET", k("hash")), pairs...))
		add(k("zset"), append(call("ZADD", k("zset")), zpairs...))
		add(k("zfloat"), append(append(call("ZADD", k("zfloat")), fpairs...), "inf", "above", "-inf", "below", "-0", "zero", "1e300", "large",
			"9007199254740993", "odd"))
	}
	add("zequal", call("ZADD", "zequal", 1, "b", 1, "a", 1, "c", 1, "10", 1, "9"))
	for i, s := range texts {
		if len(s) > 100000 {
			continue
		}
		add(fmt.Sprintf("l%d", i), call("RPUSH", fmt.Sprintf("l%d", i), "first", s, "last"))
		add(fmt.Sprintf("h%d", i), call("HSET", fmt.Sprintf("h%d", i), s, "v", "f", s))
		add(fmt.Sprintf("s%d", i), call("SADD", fmt.Sprintf("s%d", i), "first", s))
		add(fmt.Sprintf("z%d", i), call("ZADD", fmt.Sprintf("z%d", i), "2.5", s, 1, "other"))
	}
	return append(all, streamSamples()...)
}

// random is n bytes that do not compress, the same each time.
func random(n int) string {
	b := make([]byte, n)
	x := uint64(n)*2654435761 + 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x >> 32)
	}
	return string(b)
}

func fill(t testing.TB, c *redis.Client, all []sample) {
	t.Helper()
	for _, s := range all {
		for calls := s.calls; len(calls) > 0; {
			n := min(len(calls), 1000)
			_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
				for _, words := range calls[:n] {
					p.Do(ctx, words...)
				}
				return nil
			})
			if err != nil {
				t.Fatalf("%s: %v", s.key, err)
			}
			calls = calls[n:]
		}
	}
}

// streamSamples are streams, small and large, with deleted entries.
func streamSamples() (all []sample) {
	for _, n := range []int{1, 5, 99, 250, 12000} {
		key := fmt.Sprintf("stream:%d", n)
		s := sample{key: key}
		for i := range n {
			words := call("XADD", key, fmt.Sprintf("%d-%d", 1000+i/3, i%3+1), "name", i, "text", fmt.Sprintf("value %d", i))
			if i%10 == 3 {
				words = append(words, "further", "")
			}
			s.calls = append(s.calls, words)
		}
		if n > 4 {
			s.calls = append(s.calls, call("XDEL", key, "1001-1", "1001-2"),
				call("XGROUP", "CREATE", key, "readers", "0"), call("XGROUP", "CREATE", key, "new", "$"),
				call("XGROUP", "CREATECONSUMER", key, "new", "idle"),
				call("XREADGROUP", "GROUP", "readers", "ann", "COUNT", 2, "STREAMS", key, ">"),
				call("XREADGROUP", "GROUP", "readers", "bob", "COUNT", 40, "STREAMS", key, ">"),
				call("XCLAIM", key, "readers", "ann", "0", "1001-3", "RETRYCOUNT", 9, "TIME", 12345),
				call("XACK", key, "readers", "1000-2"))
		}
		all = append(all, s)
	}
	all = append(all, sample{"stream:empty", [][]any{call("XADD", "stream:empty", "5-5", "a", "b"), call("XDEL", "stream:empty", "5-5")}},
		sample{"stream:far", [][]any{call("XADD", "stream:far", "1-18446744073709551615", "a", "b"), call("XADD", "stream:far", "9223372036854775808-0", "a", "c")}})
	return all
}
