package persistence_test

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"
)

// exchange dumps every sample on one server, restores it on the other and
// compares what clients see.
func exchange(t *testing.T, from, to *redis.Client) {
	t.Helper()
	all := samples()
	fill(t, from, all)
	for _, s := range all {
		p, err := from.Dump(ctx, s.key).Result()
		if err != nil {
			t.Fatalf("DUMP %s: %v", s.key, err)
		}
		if err := to.RestoreReplace(ctx, s.key, 0, p).Err(); err != nil {
			t.Errorf("RESTORE %s of %d bytes: %v", s.key, len(p), err)
			continue
		}
		if got, want := contents(t, to, s.key), contents(t, from, s.key); got != want {
			t.Errorf("%s came as %.200s, is %.200s", s.key, got, want)
		}
	}
}

func TestPayloadsOfRedisAreRestored(t *testing.T) {
	r, _ := startRedis(t, t.TempDir())
	exchange(t, r, startSubject(t).Client)
}

func TestPayloadsOfRedisWithOtherEncodingsAreRestored(t *testing.T) {
	r, _ := startRedis(t, t.TempDir(), "--hash-max-listpack-entries", "0", "--zset-max-listpack-entries", "0", "--set-max-intset-entries", "0",
		"--list-max-listpack-size", "1", "--rdbcompression", "no")
	exchange(t, r, startSubject(t).Client)
}

func TestRedisRestoresOurPayloads(t *testing.T) {
	for _, directives := range [][]string{nil, {"--rdbcompression", "no"}, {"--hash-max-listpack-entries", "0", "--zset-max-listpack-entries",
		"0", "--set-max-intset-entries", "0", "--set-max-listpack-entries", "0", "--list-max-listpack-size", "1"}} {
		t.Run(fmt.Sprint(directives), func(t *testing.T) {
			r, _ := startRedis(t, t.TempDir())
			exchange(t, startSubject(t, directives...).Client, r)
		})
	}
}

func TestOurPayloadsAreRestoredHere(t *testing.T) {
	exchange(t, startSubject(t).Client, startSubject(t, "--hash-max-listpack-entries", "5", "--hash-max-listpack-value", "10",
		"--set-max-intset-entries", "10", "--zset-max-listpack-value", "3").Client)
}
