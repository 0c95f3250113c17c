package persistence_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"cached/internal/vfs"
)

const logDir = "appendonlydir/"

// logged are the directives of a log that is not rewritten by itself.
func logged(more ...string) []string {
	return append([]string{"--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"}, more...)
}

// waitFor waits until INFO persistence has all the lines.
func waitFor(t testing.TB, c *redis.Client, lines ...string) {
	t.Helper()
	info := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		info = c.Info(ctx, "persistence").Val()
		missing := false
		for _, l := range lines {
			missing = missing || !strings.Contains(info, "\r\n"+l+"\r\n")
		}
		if !missing {
			return
		}
	}
	t.Fatalf("INFO does not come to %q:\n%s", lines, info)
}

// rewrite makes a new base and waits for it.
func rewrite(t testing.TB, c *redis.Client) {
	t.Helper()
	if err := c.Do(ctx, "BGREWRITEAOF").Err(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, c, "aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0", "aof_last_bgrewrite_status:ok")
}

// filled is whether a client has the samples.
func checkSamples(t *testing.T, c *redis.Client, all []sample, want map[string]string) {
	t.Helper()
	compare(t, snapshotOf(t, c, all), want)
	if n := c.DBSize(ctx).Val(); n != int64(len(want)) {
		t.Errorf("%d keys, want %d", n, len(want))
	}
	if ttl := c.PTTL(ctx, "string:ttl").Val(); ttl < time.Hour {
		t.Errorf("a deadline became %v", ttl)
	}
}

func TestALogHoldsEverything(t *testing.T) {
	all := samples()
	for _, args := range [][]string{nil, {"--appendfsync", "always", "--aof-timestamp-enabled", "yes"}, {"--aof-use-rdb-preamble", "no"}} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			files := new(vfs.Mem)
			s := startOn(t, files, logged(args...)...)
			fill(t, s.Client, all[:len(all)/2])
			rewrite(t, s.Client)
			fill(t, s.Client, all[len(all)/2:])
			want := snapshotOf(t, s.Client, all)
			// Everything was answered, so it was written at least.
			after := startOn(t, files.Copy(), logged(args...)...)
			checkSamples(t, after.Client, all, want)
			rewrite(t, s.Client)
			again := startOn(t, files.Copy(), logged(args...)...)
			checkSamples(t, again.Client, all, want)
		})
	}
}

// checkLog runs redis-check-aof on the log in dir.
func checkLog(t *testing.T, dir string) {
	t.Helper()
	out, err := exec.Command(tool(t, "redis-check-aof"), filepath.Join(dir, logDir, "appendonly.aof.manifest")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "All AOF files and manifest are valid") {
		t.Errorf("redis-check-aof: %v\n%s", err, out)
	}
}

func TestRedisGoesOnWithOurLogAndWeWithItsOwn(t *testing.T) {
	for _, args := range [][]string{nil, {"--aof-use-rdb-preamble", "no", "--aof-timestamp-enabled", "yes"}} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			dir, all := t.TempDir(), samples()
			first, second, third := all[:len(all)/3], all[len(all)/3:2*len(all)/3], all[2*len(all)/3:]
			s := startOn(t, inDir{vfs.OS, dir}, logged(args...)...)
			fill(t, s.Client, first)
			rewrite(t, s.Client)
			fill(t, s.Client, second)
			_, err := s.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Do(ctx, "SET", "x", 1)
				p.Do(ctx, "INCR", "x")
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			want := snapshotOf(t, s.Client, all)
			s.stop()
			checkLog(t, dir)

			r, stop := startRedis(t, dir, logged(args...)...)
			compare(t, snapshotOf(t, r, all), want)
			if x := r.Get(ctx, "x").Val(); x != "2" {
				t.Errorf("after the transaction x is %q", x)
			}
			fill(t, r, third)
			r.Do(ctx, "DEL", "x")
			rewrite(t, r)
			fill(t, r, []sample{{"late", [][]any{call("RPUSH", "late", 1, 2, 3), call("MULTI"), call("LPOP", "late"), call("LPOP", "late"), call("EXEC")}}})
			want = snapshotOf(t, r, all)
			stop()

			after := startOn(t, inDir{vfs.OS, dir}, logged(args...)...)
			compare(t, snapshotOf(t, after.Client, all), want)
			if l := after.LRange(ctx, "late", 0, -1).Val(); fmt.Sprint(l) != "[3]" || after.Exists(ctx, "x").Val() != 0 {
				t.Errorf("what Redis did last: %v", l)
			}
		})
	}
}

// A log that is one file, as Redis 6 wrote it, is put where those of Redis 7 are.
func TestAnOldLogIsUpgraded(t *testing.T) {
	const old = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
	upgraded := "file appendonly.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
	for _, half := range []bool{false, true} {
		files := new(vfs.Mem)
		files.WriteFile("appendonly.aof", []byte(old))
		if half {
			files.WriteFile(logDir+"appendonly.aof.manifest", []byte("file appendonly.aof seq 1 type b\n"))
		}
		s := startOn(t, files, logged("--appendfsync", "always")...)
		s.Set(ctx, "b", "2", 0)
		got, _ := files.ReadFile(logDir + "appendonly.aof.manifest")
		if string(got) != upgraded {
			t.Errorf("the manifest is\n%s", got)
		}
		after := startOn(t, files.AfterCrash(), logged()...)
		if v := after.MGet(ctx, "a", "b").Val(); fmt.Sprint(v) != "[1 2]" {
			t.Errorf("after the upgrade: %v", v)
		}
		for _, name := range files.List() {
			if !strings.HasPrefix(name, logDir) {
				t.Errorf("%s is left", name)
			}
		}
	}
}

// withIncrement is a log whose only increment has a text.
func withIncrement(text string) *vfs.Mem {
	files := new(vfs.Mem)
	files.WriteFile(logDir+"appendonly.aof.manifest", []byte("file appendonly.aof.1.incr.aof seq 1 type i\n"))
	files.WriteFile(logDir+"appendonly.aof.1.incr.aof", []byte(text))
	return files
}

func TestTheEndOfALogMayBeTorn(t *testing.T) {
	whole := "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
	for _, rest := range []string{"*3\r\n$3\r\nSE", "*1\r\n$5\r\nMULTI\r\n", "*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n", "#TS:17"} {
		files := withIncrement(whole + rest)
		s := startOn(t, files, logged("--appendfsync", "always")...)
		if v := s.Get(ctx, "a").Val(); v != "1" {
			t.Errorf("a is %q behind which %q is torn", v, rest)
		}
		s.Set(ctx, "b", "2", 0)
		after := startOn(t, files.AfterCrash(), logged()...)
		if v := after.MGet(ctx, "a", "b").Val(); fmt.Sprint(v) != "[1 2]" {
			t.Errorf("then: %v", v)
		}
		_, loaded := startLoading(t, withIncrement(whole+rest), logged("--aof-load-truncated", "no")...)
		want := fmt.Sprintf("load the append-only file appendonlydir/appendonly.aof.1.incr.aof: the file ends in the middle of a command, behind byte %d: redis-check-aof --fix cuts it off", len(whole))
		if err := <-loaded; err == nil || err.Error() != want {
			t.Errorf("without aof-load-truncated: %v", err)
		}
	}
}

// It was on, and what was changed was in no file.
func TestALogThatCannotBeMadeIsNotTurnedOn(t *testing.T) {
	files := new(vfs.Mem)
	s := startOn(t, files)
	for _, failing := range []string{"mkdir", "create"} {
		files.Fail(func(op, _ string) error {
			if op == failing {
				return errors.New("no room")
			}
			return nil
		})
		err := s.ConfigSet(ctx, "appendonly", "yes").Err()
		const want = "ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on AOF. Check server logs."
		if err == nil || err.Error() != want {
			t.Errorf("%s fails: %v", failing, err)
		}
		if got := s.ConfigGet(ctx, "appendonly").Val()["appendonly"]; got != "no" {
			t.Errorf("%s fails: appendonly is %q", failing, got)
		}
		waitInfo(t, s.Client, "aof_enabled:0")
	}
	files.Fail(nil)
	if err := s.ConfigSet(ctx, "appendonly", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	waitInfo(t, s.Client, "aof_rewrites:1")
	if err := s.Set(ctx, "a", "1", 0).Err(); err != nil {
		t.Error(err)
	}
	for _, name := range files.List() {
		if strings.Contains(name, "temp-") {
			t.Errorf("%s is left", name)
		}
	}
}

func TestABrokenLogIsNotLoaded(t *testing.T) {
	whole := "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
	const path = "load the append-only file appendonlydir/appendonly.aof.1.incr.aof: "
	for text, want := range map[string]string{
		whole + "nonsense\r\n" + whole:                                               path + "at byte 27: not the beginning of a command",
		whole + "*1\r\n$4\r\nNONE\r\n" + whole:                                       path + "at byte 27: unknown command 'NONE'",
		"*1\r\n$5\r\nMULTI\r\n" + whole + "*1\r\n$4\r\nNONE\r\n*1\r\n$4\r\nEXEC\r\n": path + "at byte 42: unknown command 'NONE'",
		"REDIS0010\xFE\x00\x63\x01a\x01b\x00\x00":                                    path + "at offset 14: unknown type of value 99",
	} {
		s, loaded := startLoading(t, withIncrement(text), logged()...)
		if err := <-loaded; err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
		_ = s
	}
	files := new(vfs.Mem)
	files.WriteFile(logDir+"appendonly.aof.manifest", []byte("file appendonly.aof.1.incr.aof seq 1 type i\nfile appendonly.aof.2.incr.aof seq 2 type i\n"))
	files.WriteFile(logDir+"appendonly.aof.1.incr.aof", []byte(whole[:20]))
	files.WriteFile(logDir+"appendonly.aof.2.incr.aof", []byte(whole))
	_, loaded := startLoading(t, files, logged()...)
	if err := <-loaded; err == nil || !strings.Contains(err.Error(), "the file ends in the middle of a command, behind byte 0") {
		t.Errorf("a torn file in the middle: %v", err)
	}
	files = new(vfs.Mem)
	files.WriteFile(logDir+"appendonly.aof.manifest", []byte("file appendonly.aof.1.incr.aof seq 1 type i\n"))
	_, loaded = startLoading(t, files, logged()...)
	if err := <-loaded; !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is missing: %v", err)
	}
	files.WriteFile(logDir+"appendonly.aof.manifest", []byte("file appendonly.aof.1.incr.aof\n"))
	_, loaded = startLoading(t, files, logged()...)
	if err := <-loaded; err == nil || err.Error() != "read appendonlydir/appendonly.aof.manifest: line 1: Invalid AOF manifest file format" {
		t.Errorf("a broken manifest: %v", err)
	}
}

// What happens to a key whose deadline passes between two commands of the log is
// what happened then.
func TestDeadlinesThatPassedMeanwhile(t *testing.T) {
	const text = "*5\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n5\r\n$4\r\nPXAT\r\n$4\r\n1000\r\n" + // a has gone since
		"*2\r\n$4\r\nINCR\r\n$1\r\na\r\n" + // and was there
		"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n5\r\n*3\r\n$9\r\nPEXPIREAT\r\n$1\r\nb\r\n$4\r\n1000\r\n*2\r\n$4\r\nINCR\r\n$1\r\nb\r\n" +
		"*4\r\n$4\r\nHSET\r\n$1\r\nh\r\n$1\r\nf\r\n$1\r\n1\r\n*6\r\n$10\r\nHPEXPIREAT\r\n$1\r\nh\r\n$4\r\n1000\r\n$6\r\nFIELDS\r\n$1\r\n1\r\n$1\r\nf\r\n" +
		"*4\r\n$7\r\nHINCRBY\r\n$1\r\nh\r\n$1\r\nf\r\n$1\r\n1\r\n" +
		"*3\r\n$3\r\nSET\r\n$1\r\nc\r\n$1\r\n7\r\n"
	s := startOn(t, withIncrement(text), logged()...)
	if v := s.Get(ctx, "c").Val(); v != "7" {
		t.Errorf("c is %q", v)
	}
	for _, key := range []string{"a", "b", "h"} {
		if s.Exists(ctx, key).Val() != 0 {
			t.Errorf("%s is there", key)
		}
	}
}

// While a log is begun the keys go on changing, and what was there before counts.
func TestALogMayBeginAndEndLater(t *testing.T) {
	files := new(vfs.Mem)
	old := withIncrement("*3\r\n$3\r\nSET\r\n$3\r\nold\r\n$1\r\n1\r\n")
	for _, name := range old.List() {
		b, _ := old.ReadFile(name)
		files.WriteFile(name, b)
	}
	s := startOn(t, files, "--auto-aof-rewrite-percentage", "0")
	all := samples()
	fill(t, s.Client, all)
	if err := s.ConfigSet(ctx, "appendonly", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	s.Set(ctx, "during", "1", 0)
	waitFor(t, s.Client, "aof_enabled:1", "aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0", "aof_rewrites:1")
	s.Set(ctx, "behind", "2", 0)
	want := snapshotOf(t, s.Client, all)
	after := startOn(t, files.Copy(), logged()...)
	compare(t, snapshotOf(t, after.Client, all), want)
	if v := after.MGet(ctx, "during", "behind", "old").Val(); fmt.Sprint(v) != "[1 2 <nil>]" {
		t.Errorf("%v", v)
	}
	got, _ := files.ReadFile(logDir + "appendonly.aof.manifest")
	if want := "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n"; string(got) != want {
		t.Errorf("the manifest is\n%s", got)
	}
	if n := len(files.List()); n != 3 {
		t.Errorf("files: %q", files.List())
	}
	// It ends, and begins anew.
	if err := s.ConfigSet(ctx, "appendonly", "no").Err(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, s.Client, "aof_enabled:0")
	s.Set(ctx, "unlogged", "1", 0)
	if after := startOn(t, files.Copy(), logged()...); after.Exists(ctx, "unlogged").Val() != 0 || after.Exists(ctx, "behind").Val() != 1 {
		t.Error("what was done after the end is in the log, or what was done before is not")
	}
	if err := s.ConfigSet(ctx, "appendonly", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, s.Client, "aof_enabled:1", "aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0", "aof_rewrites:2")
	if after := startOn(t, files.Copy(), logged()...); after.Exists(ctx, "unlogged").Val() != 1 {
		t.Error("what was done before the log began anew is not in it")
	}
}

// The base is as the log was at one moment: of two keys that change together, one
// shard after the other, neither is ahead.
func TestARewriteIsOfOneMoment(t *testing.T) {
	files := new(vfs.Mem)
	s := startOn(t, files, logged("--appendfsync", "no")...)
	fill(t, s.Client, hugeSamples())
	stop, ended := make(chan struct{}), make(chan int)
	for w := range 4 {
		go func() {
			c, n := client(t, s.addr), 0
			for ; ; n++ {
				select {
				case <-stop:
					ended <- n
					return
				default:
				}
				_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
					p.Incr(ctx, fmt.Sprintf("count%d", w))
					p.RPush(ctx, fmt.Sprintf("all%d", w), n)
					p.HIncrBy(ctx, "big:hash", "field1", 1)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for range 3 {
		rewrite(t, s.Client)
	}
	close(stop)
	total := 0
	for range 4 {
		total += <-ended
	}
	after := startOn(t, files.Copy(), logged()...)
	sum := 0
	for w := range 4 {
		n, _ := after.Get(ctx, fmt.Sprintf("count%d", w)).Int()
		list := after.LRange(ctx, fmt.Sprintf("all%d", w), 0, -1).Val()
		if len(list) != n {
			t.Errorf("%d pushed, counted %d", len(list), n)
		}
		for i, v := range list {
			if v != fmt.Sprint(i) {
				t.Fatalf("element %d is %s", i, v)
			}
		}
		sum += n
	}
	if sum != total {
		t.Errorf("%d counted, %d were answered", sum, total)
	}
}

// FLUSHALL ends a rewrite that is under way: it begins anew, and what was logged
// meanwhile stays in the log.
func TestAFlushDuringARewrite(t *testing.T) {
	files := new(vfs.Mem)
	s := startOn(t, files, logged()...)
	fill(t, s.Client, hugeSamples())
	if err := s.Do(ctx, "BGREWRITEAOF").Err(); err != nil {
		t.Fatal(err)
	}
	s.FlushAll(ctx)
	s.Set(ctx, "a", "1", 0)
	waitFor(t, s.Client, "aof_rewrite_in_progress:0", "aof_last_bgrewrite_status:ok")
	after := startOn(t, files.Copy(), logged()...)
	if keys := after.Keys(ctx, "*").Val(); fmt.Sprint(keys) != "[a]" {
		t.Errorf("keys %v", keys)
	}
}

func TestALogThatGrewIsRewritten(t *testing.T) {
	s := startOn(t, new(vfs.Mem), "--appendonly", "yes", "--auto-aof-rewrite-min-size", "20kb")
	for range 100 {
		s.Set(ctx, "a", strings.Repeat("x", 1000), 0)
	}
	waitFor(t, s.Client, "aof_rewrites:1", "aof_rewrite_in_progress:0")
}

// Both emptied the keyspace and answered OK where there was no file.
func TestDebugLoadsNothingWhereThereIsNoFile(t *testing.T) {
	s := startOn(t, new(vfs.Mem), "--save", "")
	for _, c := range []struct{ call, want string }{
		{"DEBUG LOADAOF", "ERR Error trying to load the AOF files, check server logs."},
		{"DEBUG RELOAD NOSAVE", "ERR Error trying to load the RDB dump, check server logs."},
	} {
		var words []any
		for _, w := range strings.Fields(c.call) {
			words = append(words, w)
		}
		if err := s.Do(ctx, words...).Err(); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.call, err, c.want)
		}
	}
	if err := s.Do(ctx, "DEBUG", "RELOAD").Err(); err != nil {
		t.Errorf("it saves first, and says %v", err)
	}
}

func TestLoadaofLoadsWhatWasLogged(t *testing.T) {
	for _, args := range [][]string{nil, {"--aof-use-rdb-preamble", "no"}} {
		files := new(vfs.Mem)
		s := startOn(t, files, logged(args...)...)
		all := samples()
		fill(t, s.Client, all[:40])
		rewrite(t, s.Client)
		fill(t, s.Client, all[40:])
		s.Do(ctx, "EVAL", "redis.call('SET', 'by script', 1) redis.call('SET', 'other', 2)", 0)
		s.Do(ctx, "COPY", "list:3", "elsewhere", "DB", 5)
		before := digests(t, s.Client, "list:3", "by script")
		for range 2 {
			if err := s.Do(ctx, "DEBUG", "LOADAOF").Err(); err != nil {
				t.Fatal(err)
			}
			if now := digests(t, s.Client, "list:3", "by script"); fmt.Sprint(now) != fmt.Sprint(before) {
				t.Errorf("digests %v became %v", before, now)
			}
		}
		s.Set(ctx, "then", 1, 0)
		after := startOn(t, files.Copy(), logged()...)
		s.Do(ctx, "DEL", "none")
		if a, b := digests(t, after.Client, "then"), digests(t, s.Client, "then"); fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("in the log is %v, in memory %v", a, b)
		}
	}
}

// Keys that expire or are evicted end in the log too.
func TestWhatEndsByItselfIsLogged(t *testing.T) {
	files := new(vfs.Mem)
	s := startOn(t, files, logged()...)
	s.Do(ctx, "SET", "a", 1, "PX", 1)
	s.Do(ctx, "SET", "b", 1)
	s.Do(ctx, "HSET", "h", "f", 1, "g", 2)
	s.Do(ctx, "HPEXPIRE", "h", 1, "FIELDS", 1, "f")
	has := func(want string) func() bool {
		return func() bool {
			b, _ := files.ReadFile(logDir + "appendonly.aof.1.incr.aof")
			return strings.Contains(string(b), want)
		}
	}
	poll(t, "no DEL of a key whose deadline passed", has("*2\r\n$3\r\nDEL\r\n$1\r\na\r\n"))
	poll(t, "no HDEL of a field whose deadline passed", has("*3\r\n$4\r\nHDEL\r\n$1\r\nh\r\n$1\r\nf\r\n"))
	s.ConfigSet(ctx, "maxmemory-policy", "allkeys-random")
	s.ConfigSet(ctx, "maxmemory", "1")
	poll(t, "no DEL of a key that was evicted", has("*2\r\n$3\r\nDEL\r\n$1\r\nb\r\n"))
}

// BenchmarkLoadLog loads an increment of a million SETs.
func BenchmarkLoadLog(b *testing.B) {
	var text []byte
	const n = 1_000_000
	for i := range n {
		text = fmt.Appendf(text, "*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$64\r\n%064d\r\n", i, i)
	}
	files := withIncrement(string(text))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s := startOn(b, files.Copy(), logged()...)
		s.stop()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/command")
}

func TestWaitaofWaitsForTheDisk(t *testing.T) {
	off := startSubject(t)
	const noLog = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."
	if err := off.Do(ctx, "WAITAOF", 1, 0, 0).Err(); err == nil || err.Error() != noLog {
		t.Errorf("without a log: %v", err)
	}
	for _, policy := range []string{"always", "everysec"} {
		files := new(vfs.Mem)
		s := startOn(t, files, logged("--appendfsync", policy)...)
		conn := s.Conn()
		for n := range 3 {
			if err := conn.Set(ctx, "a", n, 0).Err(); err != nil {
				t.Fatal(err)
			}
			if r, err := conn.Do(ctx, "WAITAOF", 1, 0, 0).Slice(); fmt.Sprint(r) != "[1 0]" {
				t.Errorf("%s: %v, %v", policy, r, err)
			}
			after := startOn(t, files.AfterCrash(), logged()...)
			if v := after.Get(ctx, "a").Val(); v != fmt.Sprint(n) {
				t.Errorf("%s: after WAITAOF and a power cut there is %q, want %d", policy, v, n)
			}
			after.stop()
		}
		if r, err := conn.Do(ctx, "WAITAOF", 1, 1, 10).Slice(); fmt.Sprint(r) != "[1 0]" {
			t.Errorf("%s, for a replica: %v, %v", policy, r, err)
		}
		_ = conn.Close()
	}
	// When nothing is synced it waits, and its time ends.
	s := startOn(t, new(vfs.Mem), logged("--appendfsync", "no")...)
	conn := s.Conn()
	conn.Set(ctx, "a", 1, 0)
	if r, err := conn.Do(ctx, "WAITAOF", 1, 0, 20).Slice(); fmt.Sprint(r) != "[0 0]" {
		t.Errorf("without syncs: %v, %v", r, err)
	}
	_ = conn.Close()
}

// Only deadlines of fields need a version that Redis 7.0 does not load; when they are
// gone with all keys, files do not need it either.
func TestVersionsAfterAFlush(t *testing.T) {
	files := new(vfs.Mem)
	s := startOn(t, files, logged()...)
	version := func() string {
		rewrite(t, s.Client)
		for _, name := range files.List() {
			if strings.HasSuffix(name, ".base.rdb") {
				b, _ := files.ReadFile(name)
				return string(b[:9])
			}
		}
		return "no base"
	}
	s.Do(ctx, "HSET", "h", "f", 1)
	s.Do(ctx, "HEXPIRE", "h", 1000, "FIELDS", 1, "f")
	if v := version(); v != "REDIS0012" {
		t.Errorf("with a deadline of a field: %s", v)
	}
	s.FlushAll(ctx)
	if v := version(); v != "REDIS0010" {
		t.Errorf("after FLUSHALL: %s", v)
	}
}
