package persistence_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"cached/engine"
	"cached/internal/vfs"
)

// timedSets makes sets with deadlines of members: small ones, one of integers, one that is
// written in parts, one with metadata besides; and returns their keys.
func timedSets(t *testing.T, c *redis.Client) (keys []string) {
	t.Helper()
	do := func(words ...any) {
		if err := c.Do(ctx, words...).Err(); err != nil {
			t.Fatalf("%v: %v", words[:2], err)
		}
	}
	for _, n := range []int{1, 3, 100, 500, 6000} {
		key := fmt.Sprintf("timed:%d", n)
		keys = append(keys, key)
		for from := 0; from < n; from += 1000 {
			add, expire := []any{"SADD", key}, []any{"SPEXPIREAT", key, 33177117420000 + n, "MEMBERS"}
			var some []any
			for i := from; i < min(n, from+1000); i++ {
				m := fmt.Sprintf("member%d", i)
				add = append(add, m)
				if i%3 == 0 {
					some = append(some, m)
				}
			}
			do(add...)
			do(append(append(expire, len(some)), some...)...)
		}
	}
	keys = append(keys, "timed:ints", "timed:meta", "timed:none")
	do("SADD", "timed:ints", 1, 22, 333, -4444444444)
	do("SEXPIREAT", "timed:ints", 33177117420, "MEMBERS", 2, 22, -4444444444)
	do("SADD", "timed:meta", "a", "b", strings.Repeat("long", 1000))
	do("SEXPIREAT", "timed:meta", 33177117421, "MEMBERS", 2, "a", strings.Repeat("long", 1000))
	do("PEXPIREAT", "timed:meta", 33177117500000)
	m := engine.Meta{Flags: 77, Tags: []string{"four", "five"}}
	do("CACHE.SETMETA", "timed:meta", m.Append(nil))
	do("SADD", "timed:none", "a", "b")
	do("SEXPIREAT", "timed:none", 33177117421, "MEMBERS", 1, "a")
	do("SPERSIST", "timed:none", "MEMBERS", 1, "a")
	return keys
}

// duesOf is the sets at keys with the deadlines of their members.
func duesOf(t *testing.T, c *redis.Client, keys []string) string {
	t.Helper()
	var b strings.Builder
	for _, key := range keys {
		members, err := c.Sort(ctx, key, &redis.Sort{Alpha: true}).Result()
		if err != nil {
			t.Fatal(err)
		}
		ask := []any{"SPEXPIRETIME", key, "MEMBERS", len(members)}
		for _, m := range members {
			ask = append(ask, m)
		}
		if len(members) == 0 {
			fmt.Fprintf(&b, "%s is empty\n", key)
			continue
		}
		dues, err := c.Do(ctx, ask...).Slice()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s", key)
		for i, m := range members {
			fmt.Fprintf(&b, " %.20s %v", m, dues[i])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestSnapshotsAndLogsKeepDeadlinesOfMembers(t *testing.T) {
	for _, args := range [][]string{nil, {"--aof-use-rdb-preamble", "no"}} {
		files := new(vfs.Mem)
		s := startOn(t, files, logged(args...)...)
		keys := timedSets(t, s.Client)
		want := duesOf(t, s.Client, keys)
		if strings.Count(want, "33177117420500") != 167 {
			t.Fatalf("deadlines are missing: %s", want)
		}
		digest := s.Do(ctx, "DEBUG", "DIGEST").String()
		for i, reload := range []string{"LOADAOF", "RELOAD", "LOADAOF"} {
			if i == 2 {
				rewrite(t, s.Client)
			}
			for _, after := range []*subject{startOn(t, files.Copy(), logged(args...)...), s} {
				if err := after.Do(ctx, "DEBUG", reload).Err(); err != nil {
					t.Fatal(err)
				}
				if got := duesOf(t, after.Client, keys); got != want {
					t.Errorf("%v, %s: deadlines came as\n%.2000s\nwant\n%.2000s", args, reload, got, want)
				}
				if got := after.Do(ctx, "DEBUG", "DIGEST").String(); got != digest {
					t.Errorf("%v, %s: the digest is another", args, reload)
				}
			}
		}
	}
}

// Redis loads snapshots and payloads of such sets as if there were no deadlines; here a
// payload brings them back.
func TestRedisPassesOverDeadlinesOfMembers(t *testing.T) {
	dir := t.TempDir()
	s := startOn(t, inDir{vfs.OS, dir})
	keys := timedSets(t, s.Client)
	want := duesOf(t, s.Client, keys)
	r, _ := startRedis(t, t.TempDir())
	other := startSubject(t)
	for _, key := range keys {
		p, err := s.Dump(ctx, key).Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []*redis.Client{r, other.Client} {
			if err := to.RestoreReplace(ctx, key, 0, p).Err(); err != nil {
				t.Fatalf("RESTORE %s: %v", key, err)
			}
			if got, want := contents(t, to, key), contents(t, s.Client, key); got != want {
				t.Errorf("%s came as %.200s, is %.200s", key, got, want)
			}
		}
	}
	if got := duesOf(t, other.Client, keys); got != want {
		t.Errorf("deadlines were restored as\n%.2000s\nwant\n%.2000s", got, want)
	}
	if err := s.Save(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	after, _ := startRedis(t, dir)
	for _, key := range keys {
		if got, want := contents(t, after, key), contents(t, s.Client, key); got != want {
			t.Errorf("%s was loaded as %.200s, is %.200s", key, got, want)
		}
	}
}
