package persistence_test

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"cached/eviction"
	"cached/internal/vfs"
)

// snapshotOf is what clients see of the samples.
func snapshotOf(t *testing.T, c *redis.Client, all []sample) map[string]string {
	t.Helper()
	seen := map[string]string{}
	for _, s := range all {
		seen[s.key] = contents(t, c, s.key)
	}
	return seen
}

func compare(t *testing.T, got, want map[string]string) {
	t.Helper()
	for key, w := range want {
		if got[key] != w {
			t.Errorf("%s is %.200s, was %.200s", key, got[key], w)
		}
	}
}

// check runs redis-check-rdb on the file in dir.
func check(t *testing.T, dir string) {
	t.Helper()
	out, err := exec.Command(tool(t, "redis-check-rdb"), filepath.Join(dir, "dump.rdb")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "RDB looks OK") {
		t.Errorf("redis-check-rdb: %v\n%s", err, out)
	}
}

func TestWhatRedisLeftIsHere(t *testing.T) {
	for _, args := range [][]string{nil, {"--rdbcompression", "no", "--hash-max-listpack-entries", "0", "--list-max-listpack-size", "3",
		"--rdbchecksum", "no"}, {"--maxmemory-policy", "allkeys-lru"}, {"--maxmemory-policy", "allkeys-lfu"}} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			dir, all := t.TempDir(), samples()
			r, stop := startRedis(t, dir, args...)
			fill(t, r, all)
			want := snapshotOf(t, r, all)
			for range 2 {
				r.Do(ctx, "SELECT", 3)
			}
			if err := r.Save(ctx).Err(); err != nil {
				t.Fatal(err)
			}
			stop()
			s := startOn(t, inDir{vfs.OS, dir})
			compare(t, snapshotOf(t, s.Client, all), want)
			if n := s.DBSize(ctx).Val(); n != int64(len(want)) {
				t.Errorf("%d keys, want %d", n, len(want))
			}
			if ttl := s.PTTL(ctx, "string:ttl").Val(); ttl < time.Hour {
				t.Errorf("a deadline became %v", ttl)
			}
		})
	}
}

func TestWhatIsLeftHereRedisLoads(t *testing.T) {
	for _, how := range []string{"SAVE", "BGSAVE"} {
		for _, args := range [][]string{nil, {"--rdbcompression", "no", "--rdbchecksum", "no"}, {"--maxmemory-policy", "allkeys-lru"},
			{"--maxmemory-policy", "allkeys-lfu"}, {"--hash-max-listpack-entries", "0", "--zset-max-listpack-entries", "0",
				"--set-max-intset-entries", "0", "--list-max-listpack-size", "1"}} {
			if how == "SAVE" && args != nil {
				continue // the encoder is the same
			}
			t.Run(how+fmt.Sprint(args), func(t *testing.T) {
				dir, all := t.TempDir(), append(samples(), hugeSamples()...)
				s := startOn(t, inDir{vfs.OS, dir}, args...)
				fill(t, s.Client, all)
				s.Do(ctx, "COPY", "zequal", "copied", "DB", 9)
				want := snapshotOf(t, s.Client, all)
				if how == "SAVE" {
					if err := s.Save(ctx).Err(); err != nil {
						t.Fatal(err)
					}
				} else {
					background(t, s.Client)
				}
				check(t, dir)
				r, stop := startRedis(t, dir)
				compare(t, snapshotOf(t, r, all), want)
				if n := r.DBSize(ctx).Val(); n != int64(len(want)) {
					t.Errorf("%d keys, want %d", n, len(want))
				}
				if ks := r.Info(ctx, "keyspace").Val(); !strings.Contains(ks, "db9:keys=1") {
					t.Errorf("the other database: %q", ks)
				}
				stop()
				again := startOn(t, inDir{vfs.OS, dir})
				compare(t, snapshotOf(t, again.Client, all), want)
			})
		}
	}
}

// hugeSamples are values that a snapshot saves in parts.
func hugeSamples() (all []sample) {
	for _, kind := range []string{"RPUSH", "SADD", "HSET", "ZADD"} {
		s := sample{key: "huge:" + kind}
		for i := range 20 {
			words := call(kind, s.key)
			for j := range 500 {
				n := i*500 + j
				switch kind {
				case "HSET":
					words = append(words, fmt.Sprintf("f%d", n), n)
				case "ZADD":
					words = append(words, float64(n%77)/4, fmt.Sprintf("m%d", n))
				default:
					words = append(words, fmt.Sprintf("e%d%s", n, strings.Repeat("-", n%40)))
				}
			}
			s.calls = append(s.calls, words)
		}
		all = append(all, s)
	}
	return all
}

// background takes a snapshot in the background and waits for it.
func background(t *testing.T, c *redis.Client) {
	t.Helper()
	if err := c.BgSave(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	info := waitInfo(t, c, "rdb_bgsave_in_progress:0")
	if !strings.Contains(info, "rdb_last_bgsave_status:ok") {
		t.Fatalf("the snapshot failed: %s", info)
	}
}

func waitInfo(t *testing.T, c *redis.Client, want string) string {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if info := c.Info(ctx, "persistence").Val(); strings.Contains(info, want) {
			return info
		}
	}
	t.Fatalf("INFO never said %s: %s", want, c.Info(ctx, "persistence").Val())
	return ""
}

func TestASnapshotIsOfOneMoment(t *testing.T) {
	// Two keys always have the same number, changed together; in a snapshot
	// taken meanwhile they must have it too.
	files := new(vfs.Mem)
	s := startOn(t, files)
	fill(t, s.Client, hugeSamples())
	for i := range 20000 {
		s.Set(ctx, fmt.Sprintf("fill%d", i), i, 0)
		if i == 2000 {
			break
		}
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		c := client(t, s.addr)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			_, _ = c.TxPipelined(ctx, func(p redis.Pipeliner) error {
				for k := range 20 {
					p.Set(ctx, fmt.Sprintf("pair%d", k), i, 0)
				}
				p.RPush(ctx, "huge:RPUSH", i)
				p.HSet(ctx, "huge:HSET", "n", i)
				p.ZAdd(ctx, "huge:ZADD", redis.Z{Score: float64(i), Member: "n"})
				return nil
			})
		}
	}()
	for range 10 {
		background(t, s.Client)
		copied := startOn(t, copyOf(t, files))
		n := copied.Get(ctx, "pair0").Val()
		for k := range 20 {
			if got := copied.Get(ctx, fmt.Sprintf("pair%d", k)).Val(); got != n {
				t.Errorf("pair%d is %q, pair0 %q", k, got, n)
			}
		}
		if got := copied.HGet(ctx, "huge:HSET", "n").Val(); got != n {
			t.Errorf("the field is %q, pair0 %q", got, n)
		}
		if got := copied.LIndex(ctx, "huge:RPUSH", -1).Val(); n != "" && got != n {
			t.Errorf("the last element is %q, pair0 %q", got, n)
		}
		if got := fmt.Sprint(copied.ZScore(ctx, "huge:ZADD", "n").Val()); n != "" && got != n {
			t.Errorf("the score is %q, pair0 %q", got, n)
		}
		_ = copied.Close()
	}
	close(stop)
	<-ended
}

// copyOf is a file system with the snapshot of another.
func copyOf(t *testing.T, files *vfs.Mem) *vfs.Mem {
	t.Helper()
	b, err := files.ReadFile("dump.rdb")
	if err != nil {
		t.Fatal(err)
	}
	m := new(vfs.Mem)
	f, _ := m.Create("dump.rdb")
	_, _ = f.Write(b)
	return m
}

func TestAFailedSnapshotStopsWrites(t *testing.T) {
	files := new(vfs.Mem)
	s := startOn(t, files)
	s.ConfigSet(ctx, "save", "3600 1000000")
	s.Set(ctx, "a", "1", 0)
	background(t, s.Client)
	files.Fail(func(op, _ string) error {
		if op == "sync" {
			return errors.New("no space left")
		}
		return nil
	})
	s.BgSave(ctx)
	waitInfo(t, s.Client, "rdb_last_bgsave_status:err")
	const want = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk."
	if err := s.Set(ctx, "a", "2", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("SET: %v", err)
	}
	if err := s.Ping(ctx).Err(); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("PING: %v", err)
	}
	if err := s.Save(ctx).Err(); err == nil || strings.TrimSpace(err.Error()) != "ERR" {
		t.Errorf("SAVE: %v", err)
	}
	if got := s.Get(ctx, "a").Val(); got != "1" {
		t.Errorf("GET: %q", got)
	}
	s.ConfigSet(ctx, "stop-writes-on-bgsave-error", "no")
	if err := s.Set(ctx, "a", "3", 0).Err(); err != nil {
		t.Errorf("SET, not stopped: %v", err)
	}
	s.ConfigSet(ctx, "stop-writes-on-bgsave-error", "yes")
	files.Fail(nil)
	if err := s.Save(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(ctx, "a", "4", 0).Err(); err != nil {
		t.Errorf("SET after a good snapshot: %v", err)
	}
	if n := files.Names(); n != 1 {
		t.Errorf("%d files are left", n)
	}
}

func TestASavePointSaves(t *testing.T) {
	files := new(vfs.Mem)
	s := startOn(t, files)
	s.ConfigSet(ctx, "save", "1 2")
	s.Set(ctx, "a", "1", 0)
	s.Set(ctx, "b", "1", 0)
	waitInfo(t, s.Client, "rdb_changes_since_last_save:0")
	if _, err := files.ReadFile("dump.rdb"); err != nil {
		t.Error(err)
	}
}

func TestKeysDoNotComeBackAfterFlushall(t *testing.T) {
	files := new(vfs.Mem)
	s := startOn(t, files)
	s.ConfigSet(ctx, "save", "3600 1000000")
	s.Set(ctx, "a", "1", 0)
	if err := s.Save(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	s.FlushAll(ctx) // the server may end as soon as this is answered
	if n := startOn(t, copyOf(t, files)).DBSize(ctx).Val(); n != 0 {
		t.Errorf("%d keys", n)
	}
}

func TestReloadKeepsEverything(t *testing.T) {
	s := startSubject(t)
	all := append(samples(), hugeSamples()...)
	fill(t, s.Client, all)
	want := snapshotOf(t, s.Client, all)
	encodings := map[string]string{}
	for _, x := range all {
		encodings[x.key] = s.ObjectEncoding(ctx, x.key).Val()
	}
	if err := s.Do(ctx, "DEBUG", "RELOAD").Err(); err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		// A number that was appended to is one again.
		if got := s.ObjectEncoding(ctx, x.key).Val(); got != encodings[x.key] && x.key != "string:appended" {
			t.Errorf("%s is a %s, was a %s", x.key, got, encodings[x.key])
		}
	}
	compare(t, snapshotOf(t, s.Client, all), want)

	s.Set(ctx, "another", "kept", 0)
	s.Set(ctx, "string0", "replaced", 0)
	if err := s.Do(ctx, "DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "MERGE").Err(); err != nil {
		t.Fatal(err)
	}
	want["another"] = "string:kept"
	compare(t, snapshotOf(t, s.Client, append(all, sample{key: "another"})), want)
}

// Under auto, which keeps no times, files had weeks for what was used a second ago.
func TestFilesSayWhenKeysWereUsed(t *testing.T) {
	for _, from := range []string{"auto", "classic"} {
		for policy, ask := range map[string]string{"allkeys-lru": "IDLETIME", "allkeys-lfu": "FREQ"} {
			directives := []string{"--maxmemory", "1gb", "--maxmemory-policy", policy, "--eviction-algorithm"}
			files := new(vfs.Mem)
			s := startOn(t, files, append(directives, from)...)
			s.Set(ctx, "new", "1", 0)
			dump := s.Dump(ctx, "new").Val()
			want := map[string]int64{"new": 0}
			if ask == "FREQ" {
				want["new"] = eviction.LFUStart
			}
			if from == "classic" {
				s.Do(ctx, "RESTORE", "restored", 0, dump, ask, 200)
				want["restored"] = 200
			}
			if err := s.Save(ctx).Err(); err != nil {
				t.Fatal(err)
			}
			to := startOn(t, copyOf(t, files), append(directives, "classic")...)
			for key, n := range want {
				got, err := to.Do(ctx, "OBJECT", ask, key).Int64()
				if err != nil || got < n-1 || got > n+5 { // a counter decays when a minute ends
					t.Errorf("%s, %s: %s of %s: %d, %v, want %d", from, policy, ask, key, got, err, n)
				}
			}
		}
	}
}

// Both wrote to one file.
func TestReloadMeetsASnapshotInTheBackground(t *testing.T) {
	files := new(vfs.Mem)
	s := startOn(t, files)
	s.Set(ctx, "a", "1", 0)
	held, release := make(chan struct{}), make(chan struct{})
	hold := sync.OnceFunc(func() { close(held); <-release })
	files.Fail(func(op, _ string) error {
		if op != "sync" {
			return nil
		}
		select {
		case <-held: // the one of the reloading
		default:
			hold()
		}
		return nil
	})
	s.BgSave(ctx)
	<-held
	err := s.Do(ctx, "DEBUG", "RELOAD").Err()
	close(release)
	if err != nil || s.Get(ctx, "a").Val() != "1" {
		t.Errorf("%v, a is %q", err, s.Get(ctx, "a").Val())
	}
	if info := waitInfo(t, s.Client, "rdb_bgsave_in_progress:0"); !strings.Contains(info, "rdb_last_bgsave_status:ok") {
		t.Error(info)
	}
	if n := files.Names(); n != 1 {
		t.Errorf("files: %v", files.List())
	}
}

func TestDeadlinesOfFieldsComeBack(t *testing.T) {
	files := new(vfs.Mem)
	s := startOn(t, files)
	s.HSet(ctx, "small", "a", 1, "b", 2, "c", 3)
	s.HPExpire(ctx, "small", time.Hour, "b")
	s.HPExpire(ctx, "small", 2*time.Hour, "a")
	words := call("HSET", "large")
	for i := range 1000 {
		words = append(words, fmt.Sprintf("f%d", i), i)
	}
	s.Do(ctx, words...)
	s.HPExpire(ctx, "large", time.Hour, "f1", "f2")
	for _, key := range []string{"small", "large"} {
		if err := s.RestoreReplace(ctx, "restored:"+key, 0, s.Dump(ctx, key).Val()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	background(t, s.Client)
	if b, _ := files.ReadFile("dump.rdb"); string(b[:9]) != "REDIS0012" {
		t.Errorf("the file begins with %q", b[:9])
	}
	again := startOn(t, copyOf(t, files))
	for _, key := range []string{"small", "large", "restored:small", "restored:large"} {
		fields := map[bool][]string{true: {"a", "b", "c"}, false: {"f0", "f1", "f2", "f999"}}[strings.HasSuffix(key, "small")]
		got, want := again.HPExpireTime(ctx, key, fields...).Val(), s.HPExpireTime(ctx, key, fields...).Val()
		if fmt.Sprint(got) != fmt.Sprint(want) || len(want) != len(fields) {
			t.Errorf("deadlines of %s: %v, want %v", key, got, want)
		}
		if got, want := contents(t, again.Client, key), contents(t, s.Client, key); got != want {
			t.Errorf("%s: %.200s, want %.200s", key, got, want)
		}
	}
}

// A slowFile lets a loading go on when it is told to.
type slowFile struct {
	vfs.File
	goOn chan struct{}
}

func (f slowFile) Read(b []byte) (int, error) {
	<-f.goOn
	return f.File.Read(b)
}

type slowFS struct {
	vfs.FS
	goOn chan struct{}
}

func (s slowFS) Open(name string) (vfs.File, error) {
	f, err := s.FS.Open(name)
	return slowFile{f, s.goOn}, err
}

func TestWhoAsksWhileKeysAreLoadedIsToldSo(t *testing.T) {
	files := new(vfs.Mem)
	startOn(t, files).Do(ctx, "SAVE")
	goOn := make(chan struct{})
	s, loaded := startLoading(t, slowFS{files, goOn})
	const want = "LOADING Redis is loading the dataset in memory"
	for _, words := range [][]any{call("GET", "a"), call("SET", "a", "b"), call("PING"), call("SAVE"), call("BGSAVE"), call("MULTI")} {
		err := s.Do(ctx, words...).Err()
		if words[0] == "MULTI" {
			if err != nil {
				t.Errorf("%v: %v", words, err)
			}
			s.Do(ctx, "DISCARD")
		} else if err == nil || err.Error() != want {
			t.Errorf("%v: %v", words, err)
		}
	}
	info := s.Info(ctx, "persistence").Val()
	for _, line := range []string{"loading:1", "loading_total_bytes:", "loading_loaded_perc:0.00", "loading_eta_seconds:"} {
		if !strings.Contains(info, "\r\n"+line) {
			t.Errorf("INFO has no %s:\n%s", line, info)
		}
	}
	close(goOn)
	if err := <-loaded; err != nil {
		t.Fatal(err)
	}
	if err := s.Set(ctx, "a", "b", 0).Err(); err != nil {
		t.Error(err)
	}
	if info := s.Info(ctx, "persistence").Val(); !strings.Contains(info, "\r\nloading:0") || strings.Contains(info, "loading_eta") {
		t.Errorf("INFO after loading: %s", info)
	}
}

func TestACorruptFileIsNotLoaded(t *testing.T) {
	files := new(vfs.Mem)
	f, _ := files.Create("dump.rdb")
	_, _ = f.Write([]byte("REDIS0010\x00\x01k\x01v\xFF12345678"))
	s, loaded := startLoading(t, files)
	if err := <-loaded; err == nil || !strings.Contains(err.Error(), "dump.rdb") || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("loading: %v", err)
	}
	if n := s.DBSize(ctx).Val(); n != 0 {
		t.Errorf("%d keys", n)
	}
}
