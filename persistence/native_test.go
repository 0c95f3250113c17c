package persistence_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"cached/internal/vfs"
)

// natives are keys of native types: with and without a deadline, and with blocks that look
// like a number, like the marks of payloads, and like nothing.
func natives() []sample {
	at := time.Now().Add(time.Hour).UnixMilli()
	var all []sample
	for _, t := range []string{"limiter", "lock", "semaphore"} {
		for i, b := range []string{"", "12345", "\x00\xff\r\n", strings.Repeat("x", 70000), random(300), "v\x07limiter\x0bcached-type"} {
			key := fmt.Sprintf("%s%d", t, i)
			all = append(all, sample{key, [][]any{call("CACHE.SETSTATE", key, t, b)}})
			key += ":ttl"
			all = append(all, sample{key, [][]any{call("CACHE.SETSTATE", key, t, b, "PXAT", at)}})
		}
	}
	return all
}

// nativesOf says all that clients see of native keys.
func nativesOf(t *testing.T, c *redis.Client, all []sample) string {
	t.Helper()
	var b strings.Builder
	for _, s := range all {
		digest, err := c.Do(ctx, "DEBUG", "DIGEST-VALUE", s.key).Result()
		fmt.Fprintln(&b, s.key, c.Type(ctx, s.key).Val(), c.ObjectEncoding(ctx, s.key).Val(), digest, c.PExpireTime(ctx, s.key).Val(), err)
	}
	return b.String()
}

func TestSnapshotsAndLogsKeepNativeTypes(t *testing.T) {
	all := natives()
	for _, args := range [][]string{nil, {"--aof-use-rdb-preamble", "no"}} {
		files := new(vfs.Mem)
		s := startOn(t, files, logged(args...)...)
		fill(t, s.Client, all[:len(all)/2])
		withMeta(t, s.Client, all[:3])
		rewrite(t, s.Client)
		fill(t, s.Client, all[len(all)/2:])
		want, meta := nativesOf(t, s.Client, all), metaOf(t, s, all)
		if strings.Count(want, " limiter raw ") != len(all)/3 || strings.Count(want, " semaphore raw ") != len(all)/3 {
			t.Fatalf("keys are\n%s", want)
		}
		for _, after := range []*subject{startOn(t, files.Copy(), logged(args...)...), s} {
			if err := after.Do(ctx, "DEBUG", "RELOAD").Err(); err != nil {
				t.Fatal(err)
			}
			if got := nativesOf(t, after.Client, all); got != want {
				t.Errorf("%v: keys came as\n%swant\n%s", args, got, want)
			}
			if got := metaOf(t, after, all); got != meta {
				t.Errorf("%v: metadata came as\n%swant\n%s", args, got, meta)
			}
		}
	}
}

// DUMP and RESTORE, RENAME and COPY keep the type, the block and the metadata.
func TestNativeTypesSurviveWhatMovesKeys(t *testing.T) {
	all := natives()
	s := startSubject(t)
	fill(t, s.Client, all)
	withMeta(t, s.Client, all[:5])
	want, meta := nativesOf(t, s.Client, all), metaOf(t, s, all)
	for _, x := range all {
		p, err := s.Dump(ctx, x.key).Result()
		if err != nil {
			t.Fatal(err)
		}
		ttl := time.Duration(0)
		if at := s.PExpireTime(ctx, x.key).Val(); at > 0 {
			ttl = at
		}
		s.Del(ctx, x.key)
		if err := s.Do(ctx, "RESTORE", x.key, ttl.Milliseconds(), p, "ABSTTL").Err(); err != nil {
			t.Fatalf("RESTORE %s: %v", x.key, err)
		}
		s.Copy(ctx, x.key, "copy", 0, true)
		s.Del(ctx, x.key)
		if err := s.Rename(ctx, "copy", x.key).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if got := nativesOf(t, s.Client, all); got != want {
		t.Errorf("keys came as\n%swant\n%s", got, want)
	}
	if got := metaOf(t, s, all); got != meta {
		t.Errorf("metadata came as\n%swant\n%s", got, meta)
	}
}

// Redis loads a snapshot with native types, and finds strings.
func TestRedisLoadsNativeTypesAsStrings(t *testing.T) {
	all := natives()
	dir := t.TempDir()
	s := startOn(t, inDir{vfs.OS, dir})
	fill(t, s.Client, all)
	withMeta(t, s.Client, all[:5])
	s.Set(ctx, "plain", "v", 0)
	if err := s.Save(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	r, _ := startRedis(t, dir)
	for _, x := range all {
		words := x.calls[0]
		if got := r.Get(ctx, x.key).Val(); got != words[3].(string) {
			t.Errorf("%s was loaded as %.100q, is %.100q", x.key, got, words[3])
		}
		if got, want := r.PExpireTime(ctx, x.key).Val(), s.PExpireTime(ctx, x.key).Val(); got != want {
			t.Errorf("%s expires at %v, not %v", x.key, got, want)
		}
		p, err := s.Dump(ctx, x.key).Result()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.RestoreReplace(ctx, x.key, 0, p).Err(); err != nil || r.Get(ctx, x.key).Val() != words[3].(string) {
			t.Errorf("RESTORE %s: %v", x.key, err)
		}
	}
	if r.Get(ctx, "plain").Val() != "v" || r.DBSize(ctx).Val() != int64(len(all)+1) {
		t.Error("other keys did not come")
	}
}

// A key of a native type is of no other type, and a payload that lies about it is refused.
func TestNativeTypesAreTypesOfTheirOwn(t *testing.T) {
	s := startSubject(t)
	s.Do(ctx, "CACHE.SETSTATE", "k", "lock", "block")
	for _, words := range [][]any{call("GET", "k"), call("APPEND", "k", "x"), call("INCR", "k"), call("LPUSH", "k", "x"), call("HGET", "k", "x"),
		call("STRLEN", "k"), call("PFADD", "k", "x"), call("BITCOUNT", "k"), call("SORT", "k"), call("XLEN", "k"), call("GETSET", "k", "v")} {
		if err := s.Do(ctx, words...).Err(); err == nil || !strings.HasPrefix(err.Error(), "WRONGTYPE ") {
			t.Errorf("%v: %v", words, err)
		}
	}
	if v, err := s.Do(ctx, "SCAN", 0, "TYPE", "lock").Result(); err != nil || fmt.Sprint(v) != "[0 [k]]" {
		t.Errorf("SCAN TYPE lock: %v %v", v, err)
	}
	if n := s.MemoryUsage(ctx, "k").Val(); n < 8 {
		t.Errorf("MEMORY USAGE: %d", n)
	}
	for _, words := range [][]any{call("CACHE.SETSTATE", "k", "string", "x"), call("CACHE.SETSTATE", "k", "limiter", "x", "PXAT", 0),
		call("CACHE.SETSTATE", "k", "limiter", "x", "PXAT"), call("CACHE.SETSTATE", "k", "limiter", "x", "y")} {
		if err := s.Do(ctx, words...).Err(); err == nil || s.Type(ctx, "k").Val() != "lock" {
			t.Errorf("%v: %v", words, err)
		}
	}
	if err := s.Do(ctx, "CACHE.SETSTATE", "k", "limiter", "x", "PXAT", 1).Err(); err != nil || s.Exists(ctx, "k").Val() != 0 {
		t.Errorf("a state whose deadline has passed: %v", err)
	}
	s.RPush(ctx, "k", "x")
	if err := s.Do(ctx, "CACHE.SETSTATE", "k", "limiter", "x").Err(); err != nil || s.Type(ctx, "k").Val() != "limiter" {
		t.Errorf("a state over a list: %v", err)
	}
	if err := s.Set(ctx, "k", "text", 0).Err(); err != nil || s.Get(ctx, "k").Val() != "text" {
		t.Errorf("SET over a limiter: %v", err)
	}
}
