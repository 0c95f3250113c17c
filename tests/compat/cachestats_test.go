package compat

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// CACHE.STATS and INFO after some misses of each kind.
func TestMissesAreCountedByReason(t *testing.T) {
	p := startOwn(t, subjectBin, "--stats-prefixes", "user: post:")
	rdb := redis.NewClient(&redis.Options{Addr: p.addr, Protocol: 3})
	defer rdb.Close()
	rdb.Set(ctx, "user:1", "v", 0)
	rdb.Set(ctx, "user:2", "v", time.Millisecond)
	rdb.Set(ctx, "post:1", "v", 0)
	rdb.Del(ctx, "post:1")
	for end := time.Now().Add(10 * time.Second); value(t, rdb.DBSize(ctx)) > 1; {
		if time.Now().After(end) {
			t.Fatal("user:2 does not expire")
		}
		time.Sleep(time.Millisecond)
	}
	rdb.ConfigResetStat(ctx)
	for _, k := range []string{"user:1", "user:1", "user:2", "user:3", "post:1", "other"} {
		rdb.Get(ctx, k)
	}
	stats := func(args ...any) map[any]any {
		reply, err := rdb.Do(ctx, append([]any{"CACHE.STATS"}, args...)...).Result()
		if err != nil {
			t.Fatal(err)
		}
		return reply.(map[any]any)
	}
	check := func(what string, got map[any]any, want string) {
		t.Helper()
		text := fmt.Sprint(got["hits"], got["misses"], got["misses_never_seen"], got["misses_expired"], got["misses_evicted"], got["misses_deleted"])
		if text != want {
			t.Errorf("%s: %s, want %s: hits, misses, never seen, expired, evicted, deleted", what, text, want)
		}
	}
	all := stats()
	check("all", all, "2 4 2 1 0 1")
	if r := all["hit_ratio"]; r != 2.0/6 {
		t.Errorf("hit_ratio %v, want 1/3", r)
	}
	check("user:", stats("user:"), "2 2 1 1 0 0")
	check("post:", stats("post:"), "0 1 0 0 0 1")
	check("post: in all", all["prefixes"].(map[any]any)["post:"].(map[any]any), "0 1 0 0 0 1")
	info := value(t, rdb.Info(ctx, "cachestats"))
	for _, line := range []string{"cache_hits:2", "cache_misses:4", "cache_misses_expired:1", "cache_misses_deleted:1",
		"cache_prefix1:prefix=user:,hits=2,misses=2,hit_ratio=0.5000,never_seen=1,expired=1,evicted=0,deleted=0,evicted_within_window=0"} {
		if !strings.Contains(info, line+"\r\n") {
			t.Errorf("INFO cachestats has no line %s:\n%s", line, info)
		}
	}

	if err := rdb.Do(ctx, "CACHE.STATS", "nosuch:").Err(); err == nil || err.Error() != "ERR no such prefix, see CONFIG GET stats-prefixes" {
		t.Errorf("a prefix nobody counts: %v", err)
	}
	if err := rdb.Do(ctx, "CACHE.STATS", "user:", "post:").Err(); err == nil || err.Error() != "ERR syntax error" {
		t.Errorf("two prefixes: %v", err)
	}
	// Inside a transaction that has locks of its own.
	pipe := rdb.TxPipeline()
	pipe.Get(ctx, "user:1")
	pipe.ConfigSet(ctx, "stats-prefixes", "other")
	got := pipe.Do(ctx, "CACHE.STATS", "other")
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	check("other", got.Val().(map[any]any), "0 0 0 0 0 0")
	if err := rdb.ConfigSet(ctx, "stats-prefixes", strings.Repeat("p ", 65)).Err(); err == nil {
		t.Error("65 prefixes are accepted")
	}
}

// A loop over more than there is memory for hits nothing, and would hit all with
// twice the memory.
func TestMissRatioCurve(t *testing.T) {
	p := startOwn(t, subjectBin, "--stats-prefixes", "loop: other:")
	rdb := redis.NewClient(&redis.Options{Addr: p.addr, Protocol: 3})
	defer rdb.Close()
	for range 3 {
		pipe := rdb.Pipeline()
		for i := range 20000 {
			key := fmt.Sprint("loop:", i)
			pipe.Get(ctx, key)
			pipe.Set(ctx, key, "a value of some bytes", 0)
		}
		pipe.Exec(ctx) // whose error is that of the first GET: there was no such key
	}
	points := func(args ...any) (ratios map[any]float64, requests any) {
		reply, err := rdb.Do(ctx, append([]any{"CACHE.MRC"}, args...)...).Result()
		if err != nil {
			t.Fatal(err)
		}
		m := reply.(map[any]any)
		ratios = map[any]float64{}
		last := 0.0
		for _, p := range m["points"].([]any) {
			p := p.(map[any]any)
			r := p["hit_ratio"].(float64)
			if r < last || r > 1 {
				t.Errorf("hit ratio %v after %v", r, last)
			}
			ratios[p["memory"]], last = r, r
		}
		return ratios, m["requests"]
	}
	for _, args := range [][]any{nil, {"loop:"}} {
		ratios, requests := points(args...)
		if requests != int64(60000) || ratios[2.0] < 2.0/3-0.1 || ratios[0.25] > 0.25 {
			t.Errorf("%v of %v requests, want 0 with a quarter of the memory and 2/3 with twice as much", ratios, requests)
		}
	}
	if ratios, requests := points("other:"); requests != int64(0) || ratios[8.0] != 0 {
		t.Errorf("%v of %v requests for keys that nobody asked for", ratios, requests)
	}
	if err := rdb.Do(ctx, "CACHE.MRC", "nosuch:").Err(); err == nil || err.Error() != "ERR no such prefix, see CONFIG GET stats-prefixes" {
		t.Errorf("a prefix nobody counts: %v", err)
	}
}
