package persistence_test

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"
)

// digests are those of everything and of each key.
func digests(t *testing.T, c *redis.Client, keys ...any) []string {
	t.Helper()
	all, err := c.Do(ctx, "DEBUG", "DIGEST").Text()
	if err != nil {
		t.Fatal(err)
	}
	each, err := c.Do(ctx, append([]any{"DEBUG", "DIGEST-VALUE"}, keys...)...).StringSlice()
	if err != nil {
		t.Fatal(err)
	}
	return append(each, all)
}

func TestDigestsAreRedis(t *testing.T) {
	for _, compression := range []string{"off", "s2"} {
		t.Run(compression, func(t *testing.T) { testDigests(t, compression) })
	}
}

func testDigests(t *testing.T, compression string) {
	r, _ := startRedis(t, t.TempDir())
	s := startSubject(t, "--value-compression", compression)
	keys := []any{"missing"}
	compareNow := func(what string) {
		t.Helper()
		got, want := digests(t, s.Client, keys...), digests(t, r, keys...)
		for i := range want {
			if got[i] != want[i] {
				name := "everything"
				if i < len(keys) {
					name = fmt.Sprint(keys[i])
				}
				t.Errorf("%s: the digest of %s is %s, Redis's is %s", what, name, got[i], want[i])
			}
		}
	}
	compareNow("nothing")
	all := samples()
	for _, x := range all {
		keys = append(keys, x.key)
	}
	fill(t, s.Client, all)
	fill(t, r, all)
	for _, c := range []*redis.Client{s.Client, r} {
		c.Do(ctx, "COPY", "list:3", "elsewhere", "DB", 5)
	}
	compareNow("samples")
}
