package compat

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"cached/internal/trace"
)

var limitScale = flag.Int("limit-scale", 1, "how long the workloads of TestMaxmemoryBoundsTheProcess are, in seconds each or so")

// Bound of the resident memory: maxmemory, a twentieth of it, and the memory of an empty process and its garbage.
const (
	testLimit  = int64(48 << 20)
	testBounds = testLimit + testLimit/20 + 24<<20
)

// A load plays one workload against a server.
type load struct {
	t   *testing.T
	p   *process
	rdb *redis.Client
	rng *rand.Rand
	big string
}

// pipe sends n commands, some at a time. Refusals for want of memory are answers
// as good as others.
func (l *load) pipe(n, batch int, add func(pipe redis.Pipeliner, i int)) {
	l.t.Helper()
	for i := 0; i < n; {
		pipe := l.rdb.Pipeline()
		for j := 0; j < batch && i < n; j++ {
			add(pipe, i)
			i++
		}
		if _, err := pipe.Exec(ctx); err != nil && !strings.HasPrefix(err.Error(), "OOM ") {
			l.t.Fatal(err)
		}
	}
}

var limitLoads = []struct {
	name string
	play func(l *load, scale int)
}{
	{"small values", func(l *load, scale int) {
		l.pipe(300_000*scale, 500, func(pipe redis.Pipeliner, i int) { pipe.Set(ctx, fmt.Sprint("k", i), l.big[:l.rng.IntN(100)], 0) })
	}},
	{"large values", func(l *load, scale int) {
		l.pipe(600*scale, 10, func(pipe redis.Pipeliner, i int) { pipe.Set(ctx, fmt.Sprint("b", i), l.big[:l.rng.IntN(1<<20)], 0) })
	}},
	{"values of all sizes", func(l *load, scale int) {
		l.pipe(40_000*scale, 100, func(pipe redis.Pipeliner, i int) { pipe.Set(ctx, fmt.Sprint("m", i), l.big[:1<<l.rng.IntN(16)], 0) })
	}},
	{"growing hashes", func(l *load, scale int) {
		l.pipe(200_000*scale, 500, func(pipe redis.Pipeliner, i int) {
			pipe.HSet(ctx, fmt.Sprint("h", l.rng.IntN(50)), l.rng.IntN(20_000), l.big[:l.rng.IntN(200)])
		})
	}},
	{"streams", func(l *load, scale int) {
		l.pipe(150_000*scale, 500, func(pipe redis.Pipeliner, i int) {
			pipe.XAdd(ctx, &redis.XAddArgs{Stream: fmt.Sprint("x", i%30), Values: []string{"field", l.big[:l.rng.IntN(400)]}})
		})
	}},
	{"messages nobody takes", func(l *load, scale int) {
		for range 4 {
			defer l.deaf("SUBSCRIBE channel\r\n")()
		}
		l.pipe(6_000*scale, 20, func(pipe redis.Pipeliner, i int) { pipe.Publish(ctx, "channel", l.big[:20<<10]) })
	}},
	{"replies nobody takes", func(l *load, scale int) {
		l.pipe(20, 1, func(pipe redis.Pipeliner, i int) { pipe.Set(ctx, fmt.Sprint("reply", i), l.big[:100<<10], 0) })
		var calls strings.Builder
		for i := range 500 * scale {
			fmt.Fprintf(&calls, "GET reply%d\r\n", i%20)
		}
		for range 8 {
			defer l.deaf(calls.String())()
		}
		l.pipe(50_000*scale, 100, func(pipe redis.Pipeliner, i int) { pipe.Set(ctx, fmt.Sprint("beside", i), l.big[:500], 0) })
	}},
	{"long pipelines", func(l *load, scale int) {
		var wg sync.WaitGroup
		for c := range 8 {
			wg.Go(func() {
				rdb := redis.NewClient(&redis.Options{Addr: l.p.addr, ReadTimeout: time.Minute, WriteTimeout: time.Minute, MaxRetries: -1})
				defer rdb.Close()
				for range scale {
					pipe := rdb.Pipeline()
					for i := range 10_000 {
						pipe.Set(ctx, fmt.Sprint("p", c, i), l.big[:200], 0)
						pipe.Get(ctx, fmt.Sprint("p", c, i/2))
					}
					pipe.Exec(ctx) // a missing key is an error here
				}
			})
		}
		wg.Wait()
	}},
	{"requests without an end", func(l *load, scale int) {
		// Keys were evicted to make room for the input of such clients; cron was busy with that, and did not close
		// the clients.
		l.pipe(100_000, 500, func(pipe redis.Pipeliner, i int) { pipe.Set(ctx, fmt.Sprint("data", i), l.big[:500], 0) })
		part := "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000000\r\n" + strings.Repeat(l.big, 5)
		for range 60 * scale {
			defer l.deaf(part)()
			time.Sleep(10 * time.Millisecond)
		}
	}},
	{"storms of expiry", func(l *load, scale int) {
		for range 2 * scale {
			at := time.Now().Add(700 * time.Millisecond).Truncate(time.Second).Add(time.Second)
			l.pipe(100_000, 1000, func(pipe redis.Pipeliner, i int) {
				pipe.SetArgs(ctx, fmt.Sprint("e", i), l.big[:200], redis.SetArgs{ExpireAt: at})
			})
		}
	}},
	{"fragments", func(l *load, scale int) {
		for round := range 2 * scale {
			size := 100 + 300*round%1500
			n := 60_000_000 / (size + 50)
			name := func(i int) string { return fmt.Sprint("f", round, ":", i) }
			l.pipe(n, 500, func(pipe redis.Pipeliner, i int) { pipe.Set(ctx, name(i), l.big[:size], 0) })
			l.pipe(n, 500, func(pipe redis.Pipeliner, i int) {
				if i%8 > 0 {
					pipe.Unlink(ctx, name(i))
				} else {
					pipe.RPush(ctx, fmt.Sprint("list", i%40), l.big[:size/2])
					pipe.ZAdd(ctx, fmt.Sprint("zset", i%10), redis.Z{Score: float64(l.rng.IntN(1000)), Member: i})
				}
			})
		}
	}},
}

// deaf opens a connection that sends some commands and reads nothing, until the
// returned function is called. That the server closes it is as well.
func (l *load) deaf(commands string) (end func()) {
	l.t.Helper()
	conn, err := net.Dial("tcp", l.p.addr)
	if err != nil {
		l.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn.Write([]byte(commands))
	}()
	return func() { conn.Close(); <-done }
}

// The limit holds for the resident memory, whatever clients do. Where it may, the server runs in a control group
// that kills it when it takes more.
func TestMaxmemoryBoundsTheProcess(t *testing.T) {
	p := startOwn(t, subjectBin, "--maxmemory", fmt.Sprint(testLimit), "--maxmemory-policy", "allkeys-lru")
	if p.rssBytes() == 0 {
		t.Log("no /proc: nothing measured")
		return
	}
	confine(t, p, testBounds)
	rdb := redis.NewClient(&redis.Options{Addr: p.addr, ReadTimeout: time.Minute, WriteTimeout: time.Minute})
	defer rdb.Close()
	l := &load{t, p, rdb, rand.New(rand.NewPCG(1, 2)), strings.Repeat("0123456789abcdef", 1<<16)}

	var peak atomic.Int64
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			peak.Store(max(peak.Load(), p.rssBytes()))
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	for _, w := range limitLoads {
		t.Run(w.name, func(t *testing.T) {
			l.t = t
			w.play(l, *limitScale)
			got := peak.Swap(0)
			t.Logf("at most %.1f MB resident", float64(got)/(1<<20))
			if got > testBounds {
				t.Errorf("%d bytes resident, the bound is %d for a limit of %d", got, testBounds, testLimit)
			}
			if n := value(t, rdb.DBSize(ctx)); n < 10 {
				t.Errorf("%d keys are left: too much was evicted", n)
			}
		})
	}
	close(done)
	<-stopped
	if t.Failed() {
		t.Logf("%s", value(t, rdb.Info(ctx, "memory")))
	}
}

// confine has the system end the process when it takes more memory than that, if
// we may say so.
func confine(t *testing.T, p *process, bytes int64) {
	t.Helper()
	for _, group := range []struct{ root, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"},
	} {
		dir := filepath.Join(group.root, fmt.Sprintf("cached-test-%d", p.cmd.Process.Pid))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			p.stop()
			os.Remove(dir)
		})
		if os.WriteFile(filepath.Join(dir, group.limit), strconv.AppendInt(nil, bytes, 10), 0o644) != nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), strconv.AppendInt(nil, int64(p.cmd.Process.Pid), 10), 0o644); err == nil {
			t.Logf("confined to %d bytes by %s", bytes, dir)
			return
		}
	}
	t.Log("no control group to confine the server to: its memory is only measured")
}

// An empty server must be as small as another empty one: a small cache lacks the memory that the empty server
// takes.
func TestAnEmptyServerIsSmall(t *testing.T) {
	const most = 8 << 20
	p := startOwn(t, subjectBin, "--maxmemory", "40mb", "--maxmemory-policy", "allkeys-lru")
	if p.rssBytes() == 0 {
		t.Log("no /proc: nothing measured")
		return
	}
	for end := time.Now().Add(10 * time.Second); p.rssBytes() > most; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are resident, want at most %d", p.rssBytes(), most)
		}
	}
	t.Logf("%.1f MB resident", float64(p.rssBytes())/(1<<20))
}

// The memory of a large value that was received or sent is returned soon, and not at the next regular collection.
func TestBuffersOfLargeValuesGoBack(t *testing.T) {
	p := startOwn(t, subjectBin, "--maxmemory", "40mb", "--maxmemory-policy", "allkeys-lru", "--maxmemory-clients", "16mb")
	rdb := redis.NewClient(&redis.Options{Addr: p.addr, ReadTimeout: time.Minute})
	defer rdb.Close()
	text := strings.Repeat("v", 8<<20)
	for range 3 {
		if err := rdb.Set(ctx, "large", text, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if got, err := rdb.Get(ctx, "large").Result(); err != nil || got != text {
			t.Fatalf("%d bytes came back, %v", len(got), err)
		}
	}
	if err := rdb.Del(ctx, "large").Err(); err != nil {
		t.Fatal(err)
	}
	p.becomesSmall(t)
}

// The same is true of the memory of clients that have disconnected or were closed.
func TestBuffersOfClientsThatLeaveGoBack(t *testing.T) {
	for _, most := range []string{"16mb", "4mb"} {
		t.Run(most, func(t *testing.T) {
			p := startOwn(t, subjectBin, "--maxmemory", "40mb", "--maxmemory-policy", "allkeys-lru", "--maxmemory-clients", most)
			for range 2 {
				conn, err := net.Dial("tcp", p.addr)
				if err != nil {
					t.Fatal(err)
				}
				part := "*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$8388608\r\n" + strings.Repeat("v", 6<<20)
				_, _ = io.WriteString(conn, part) // the server may have closed it before the end
				time.Sleep(200 * time.Millisecond)
				conn.Close()
			}
			p.becomesSmall(t)
		})
	}
}

// becomesSmall fails the test unless the server soon takes no more than an empty one
// and some megabytes that the Go runtime may keep; the buffers were several times that.
func (p *process) becomesSmall(t *testing.T) {
	t.Helper()
	if p.rssBytes() == 0 {
		t.Log("no /proc: nothing measured")
		return
	}
	const most = 16 << 20
	for end := time.Now().Add(20 * time.Second); p.rssBytes() > most; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are resident, want at most %d", p.rssBytes(), most)
		}
	}
	t.Logf("%.1f MB resident", float64(p.rssBytes())/(1<<20))
}

// The counters of Redis's defragmentation count the work of compaction.
func TestDefragmentationIsCounted(t *testing.T) {
	p := startOwn(t, subjectBin, "--activedefrag", "yes")
	rdb := redis.NewClient(&redis.Options{Addr: p.addr, ReadTimeout: time.Minute})
	defer rdb.Close()
	l := &load{t: t, rdb: rdb}
	value := strings.Repeat("v", 200)
	l.pipe(50_000, 1000, func(pipe redis.Pipeliner, i int) { pipe.Set(ctx, fmt.Sprint(i), value, 0) })
	l.pipe(50_000, 1000, func(pipe redis.Pipeliner, i int) {
		if i%10 > 0 {
			pipe.Del(ctx, fmt.Sprint(i))
		} else {
			pipe.Get(ctx, fmt.Sprint(i))
		}
	})
	counter := func(name string) int {
		info, err := rdb.Info(ctx, "stats").Result()
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(info, name+":")
		line, _, _ := strings.Cut(rest, "\r\n")
		n, err := strconv.Atoi(line)
		if err != nil {
			t.Fatalf("INFO stats has %q for %s", line, name)
		}
		return n
	}
	for end := time.Now().Add(20 * time.Second); counter("active_defrag_hits") < 1000 || counter("active_defrag_key_hits") < 1000; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d blocks were moved, of %d keys: want a thousand", counter("active_defrag_hits"), counter("active_defrag_key_hits"))
		}
	}
	if n := counter("active_defrag_misses"); n == 0 {
		t.Error("no block stayed where it was")
	}
}

// A trace replayed as to a look-aside cache: the limit holds, and of the requests
// more are answered than by the reference with the same maxmemory.
func TestReplayedTraceStaysWithinTheLimit(t *testing.T) {
	const limit = int64(16 << 20)
	tr := trace.Synthetic(60_000)
	sizes, err := trace.ParseSizes("etc*16")
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(trace.Mix(uint64(i)))
	}
	replay := func(p *process) (hits int) {
		rdb := redis.NewClient(&redis.Options{Addr: p.addr})
		defer rdb.Close()
		for _, k := range tr.Keys {
			key := strconv.Itoa(int(k))
			err := rdb.Get(ctx, key).Err()
			if err == nil {
				hits++
				continue
			}
			if err != redis.Nil {
				t.Fatal(err)
			}
			if err := rdb.Set(ctx, key, noise[:sizes(k, 0)], 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		return hits
	}
	args := []string{"--maxmemory", fmt.Sprint(limit), "--maxmemory-policy", "allkeys-lru", "--save", ""}
	p := startOwn(t, subjectBin, args...)
	ours := replay(p)
	if rss, most := p.rssBytes(), limit+limit/20+24<<20; rss > most {
		t.Errorf("%d bytes are resident, want at most %d", rss, most)
	}
	theirs := replay(older.start(t, args...))
	t.Logf("%d and %d of %d requests hit", ours, theirs, len(tr.Keys))
	if ours <= theirs {
		t.Errorf("%d of %d requests hit, %d at the reference", ours, len(tr.Keys), theirs)
	}
}

// The memory of scripts stayed with the runtime.
func TestPurgeGivesBackWhatScriptsTook(t *testing.T) {
	p := startOwn(t, subjectBin)
	w := dial(t, p)
	if p.rssBytes() == 0 {
		t.Log("no /proc: nothing measured")
		return
	}
	for i := range 1000 {
		w.do(t, "SCRIPT", "LOAD", fmt.Sprintf("return '%d%s'", i, strings.Repeat("x", 20<<10)))
	}
	w.do(t, "SCRIPT", "FLUSH")
	before := p.rssBytes()
	w.want(t, "OK", "MEMORY", "PURGE")
	if after := p.rssBytes(); after > before-20<<20 {
		t.Errorf("%d bytes resident, %d before", after, before)
	}
}
