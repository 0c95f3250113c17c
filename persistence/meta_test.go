package persistence_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"cached/engine"
	"cached/internal/vfs"
)

// withMeta gives every sample metadata, of a named kind and of one without a name yet.
func withMeta(t *testing.T, c *redis.Client, all []sample) {
	t.Helper()
	for i, s := range all {
		m := engine.Meta{Flags: uint32(i)<<16 | 77}
		m.Set(engine.MetaVersion, uint64(i)+1<<60)
		m.Set(engine.MetaField(5), uint64(i))
		if i%2 == 0 {
			m.Tags = []string{"all", fmt.Sprint(i)}
		}
		if err := c.Do(ctx, "CACHE.SETMETA", s.key, m.Append(nil)).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func metaOf(t *testing.T, s *subject, all []sample) string {
	t.Helper()
	var b strings.Builder
	for _, x := range all {
		reply, err := s.Do(ctx, "CACHE.META", x.key).Result()
		var tx engine.Tx
		tx.Begin(s.keys, 0, 1)
		tx.LockKey([]byte(x.key))
		m, _ := tx.Meta([]byte(x.key))
		fmt.Fprintf(&b, "%s %v %v %x\n", x.key, reply, err, m.Append(nil))
		tx.Unlock()
	}
	return b.String()
}

func TestSnapshotsAndLogsKeepMetadata(t *testing.T) {
	all := samples()
	for _, args := range [][]string{nil, {"--aof-use-rdb-preamble", "no"}} {
		files := new(vfs.Mem)
		s := startOn(t, files, logged(args...)...)
		fill(t, s.Client, all[:len(all)/2])
		withMeta(t, s.Client, all[:len(all)/2])
		rewrite(t, s.Client)
		fill(t, s.Client, all[len(all)/2:])
		withMeta(t, s.Client, all[len(all)/2:])
		want, values := metaOf(t, s, all), snapshotOf(t, s.Client, all)
		if !strings.Contains(want, "77") {
			t.Fatalf("no metadata: %s", want)
		}
		for _, after := range []*subject{startOn(t, files.Copy(), logged(args...)...), s} {
			if err := after.Do(ctx, "DEBUG", "RELOAD").Err(); err != nil {
				t.Fatal(err)
			}
			if got := metaOf(t, after, all); got != want {
				t.Errorf("%v: metadata came as\n%swant\n%s", args, got, want)
			}
			checkSamples(t, after.Client, all, values)
		}
	}
}

// Redis loads snapshots, logs and payloads of keys with metadata as if there was none; here
// a payload brings it back.
func TestRedisPassesOverMetadata(t *testing.T) {
	all := samples()
	s := startSubject(t)
	fill(t, s.Client, all)
	withMeta(t, s.Client, all)
	want := metaOf(t, s, all)
	dir := t.TempDir()
	onDisk := startOn(t, inDir{vfs.OS, dir})
	r, _ := startRedis(t, t.TempDir())
	for _, x := range all {
		p, err := s.Dump(ctx, x.key).Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []*redis.Client{r, onDisk.Client} {
			if err := to.RestoreReplace(ctx, x.key, 0, p).Err(); err != nil {
				t.Fatalf("RESTORE %s: %v", x.key, err)
			}
			if got, want := contents(t, to, x.key), contents(t, s.Client, x.key); got != want {
				t.Errorf("%s came as %.200s, is %.200s", x.key, got, want)
			}
		}
	}
	if got := metaOf(t, onDisk, all); got != want {
		t.Errorf("metadata was restored as\n%swant\n%s", got, want)
	}
	if err := onDisk.Save(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	after, _ := startRedis(t, dir)
	for _, x := range all {
		if got, want := contents(t, after, x.key), contents(t, s.Client, x.key); got != want {
			t.Errorf("%s was loaded as %.200s, is %.200s", x.key, got, want)
		}
	}
}

// A value that ends like metadata is a value.
func TestAValueMayLookLikeMetadata(t *testing.T) {
	s := startSubject(t)
	m := engine.Meta{Flags: 5}
	v := string(m.Append(nil)) + "\x08\x00\x00\x00cached-meta"
	s.Set(ctx, "a", v, 0)
	p, err := s.Dump(ctx, "a").Result()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RestoreReplace(ctx, "b", 0, p).Err(); err != nil || s.Get(ctx, "b").Val() != v {
		t.Errorf("%v: %q came as %q", err, v, s.Get(ctx, "b").Val())
	}
	for _, bad := range []string{"", "x", "12345678", "\x01\x00\x00\x00\x00\x00\x00\x00", strings.Repeat("x", 4096)} {
		if err := s.Do(ctx, "CACHE.SETMETA", "b", bad).Err(); (err != nil) != (bad != "") {
			t.Errorf("metadata %q: %v", bad, err)
		}
	}
}
