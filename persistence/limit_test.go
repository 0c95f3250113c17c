package persistence_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cached/internal/vfs"
)

// takes are calls that change limiters of all kinds, some of them at random.
func takes(rng *rand.Rand) []any {
	key := fmt.Sprint("limiter", rng.IntN(6))
	id := fmt.Sprint("id", rng.IntN(5))
	switch rng.IntN(9) {
	case 0:
		return call("CL.THROTTLE", "cell", 1000, 3, 10)
	case 1:
		return call("LIMIT.TAKE", key, "GCRA", 10, 1, "7h", "ATMOST", "COST", 3)
	case 2:
		return call("LIMIT.TAKE", key, "BUCKET", 10, 3, "1d", "SLIDING", 100, "1h", "ID", id)
	case 3:
		return call("LIMIT.TAKE", key, "LOG", 50, "2h", "FIXED", 100, "1h", "POLICY", "named")
	case 4:
		return call("LIMIT.TAKE", key, "GCRA", 10, 7, "1d", "FORCE", "ID", id)
	case 5:
		return call("LIMIT.REFUND", key, "ID", id)
	case 6:
		return call("LIMIT.REFUND", key, 2)
	case 7:
		return call("INCREX", "counter", "BYINT", rng.IntN(5), "UBOUND", 100, "SATURATE", "EX", 1000)
	default:
		return call("LIMIT.TAKE", key, "FIXED", 1000, "1d", "ALIGNED")
	}
}

// The log and the snapshot have the states and the named policies, and not the commands:
// whoever reads them comes to the same.
func TestFilesKeepLimitersAndTheirPolicies(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 3))
	for _, args := range [][]string{nil, {"--aof-use-rdb-preamble", "no"}} {
		files := new(vfs.Mem)
		s := startOn(t, files, logged(args...)...)
		do := func(words ...any) {
			t.Helper()
			if err := s.Do(ctx, words...).Err(); err != nil {
				t.Fatalf("seed %d: %v: %v", seed, words, err)
			}
		}
		do("LIMIT.POLICY", "SET", "named", "FIXED", 500, "1d", "ALIGNED", "GCRA", 50, 10, "90s")
		do("LIMIT.POLICY", "SET", "gone", "LOG", 5, 100)
		for range 200 {
			do(takes(rng)...)
		}
		rewrite(t, s.Client)
		do("LIMIT.POLICY", "SET", "later", "SLIDING", 5, "1h")
		do("LIMIT.POLICY", "DEL", "gone")
		for range 200 {
			do(takes(rng)...)
		}
		state := func(s *subject) string {
			return fmt.Sprint(s.Do(ctx, "DEBUG", "DIGEST").Val(), s.Do(ctx, "LIMIT.POLICY", "LIST").Val(), s.DBSize(ctx).Val())
		}
		want := state(s)
		if !strings.Contains(want, "named FIXED 500 1d ALIGNED GCRA 50 10 90s") || strings.Contains(want, "gone") {
			t.Fatalf("the state is %s", want)
		}
		for _, name := range files.List() {
			if b, err := files.ReadFile(name); err == nil && bytes.Contains(b, []byte("LIMIT.TAKE")) {
				t.Errorf("%s has a command instead of what it did", name)
			}
		}
		for _, after := range []*subject{startOn(t, files.Copy(), logged(args...)...), s} {
			if got := state(after); got != want {
				t.Errorf("seed %d: %v: came as\n%s, want\n%s", seed, args, got, want)
			}
			if err := after.Do(ctx, "DEBUG", "RELOAD").Err(); err != nil {
				t.Fatal(err)
			}
			if got := state(after); got != want {
				t.Errorf("seed %d: %v: reloaded as\n%s, want\n%s", seed, args, got, want)
			}
		}
	}
}

// Policies are in a snapshot that has no keys, and Redis passes over them.
func TestPoliciesNeedNoKeys(t *testing.T) {
	dir := t.TempDir()
	s := startOn(t, inDir{vfs.OS, dir})
	s.Do(ctx, "LIMIT.POLICY", "SET", "named", "LOG", 5, "1h")
	for _, words := range [][]any{call("SAVE"), call("BGSAVE")} {
		if err := s.Do(ctx, words...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	s.stop()
	if got := fmt.Sprint(startOn(t, inDir{vfs.OS, dir}).Do(ctx, "LIMIT.POLICY", "LIST").Val()); got != "[named LOG 5 1h]" {
		t.Errorf("policies came as %s", got)
	}
	r, _ := startRedis(t, dir)
	if err := r.Ping(ctx).Err(); err != nil {
		t.Error(err)
	}
}

// However many clients take at once, no limiter grants one too many, nor one too few.
func TestManyClientsAreNotGrantedOneTooMany(t *testing.T) {
	s := startSubject(t, "--io-threads", "4")
	const clients, each = 16, 60
	for _, x := range []struct {
		words []any
		limit int64
	}{
		{call("LIMIT.TAKE", "a", "GCRA", 300, 1, "30d"), 300},
		{call("LIMIT.TAKE", "b", "BUCKET", 301, 1, "30d"), 301},
		{call("LIMIT.TAKE", "c", "FIXED", 302, "30d"), 302},
		{call("LIMIT.TAKE", "d", "SLIDING", 303, "3650d"), 303},
		{call("LIMIT.TAKE", "e", "LOG", 304, "30d"), 304},
		{call("LIMIT.TAKE", "f", "FIXED", 305, "30d", "LOG", 400, "30d", "GCRA", 1000, 1, "30d"), 305},
		{call("LIMIT.TAKE", "g", "FIXED", 306, "30d", "COST", 7, "ATMOST"), 306},
		{call("CL.THROTTLE", "h", 306, 1, 10000000), 307},
	} {
		var granted atomic.Int64
		var all sync.WaitGroup
		for range clients {
			all.Go(func() {
				c := client(t, s.addr)
				for range each / 10 {
					p := c.Pipeline()
					for range 10 {
						p.Do(ctx, x.words...)
					}
					replies, err := p.Exec(ctx)
					if err != nil {
						t.Error(err)
						return
					}
					for _, r := range replies {
						v := r.(interface{ Val() any }).Val().([]any)
						if x.words[0] == "CL.THROTTLE" {
							granted.Add(1 - v[0].(int64))
						} else {
							granted.Add(v[3].(int64))
						}
					}
				}
			})
		}
		all.Wait()
		if n := granted.Load(); n != x.limit {
			t.Errorf("%v: %d were granted, not %d", x.words, n, x.limit)
		}
	}
}
