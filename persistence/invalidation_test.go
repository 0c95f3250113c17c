package persistence_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cached/internal/vfs"
)

// What tags and prefixes have ended stays ended, and what was set since stays, over a log that
// is replayed, a base that is written meanwhile, and a snapshot.
func TestInvalidationsSurviveRestarts(t *testing.T) {
	for _, args := range [][]string{nil, {"--aof-use-rdb-preamble", "no"}} {
		files := new(vfs.Mem)
		s := startOn(t, files, logged(args...)...)
		do := func(words ...any) {
			t.Helper()
			if err := s.Do(ctx, words...).Err(); err != nil {
				t.Fatalf("%v: %v", words, err)
			}
		}
		fill := func(what string) {
			for i := range 300 {
				do("CACHE.SET", fmt.Sprint("tagged:", i), what, "TAGS", 2, fmt.Sprint("t", i%10), "all", "TTL", 100_000_000)
				do("SET", fmt.Sprint("plain:", i), what)
			}
		}
		invalidate := func(n int) {
			do("TAG.INVALIDATE", fmt.Sprint("t", n))
			do("TAG.INVALIDATE", "SOFT", fmt.Sprint("t", n+1))
			do("CACHE.PURGE", "PREFIX", fmt.Sprint("plain:", n))
			do("CACHE.PURGE", "PREFIX", fmt.Sprint("plain:", n+1), "SOFT")
			do("SET", fmt.Sprint("plain:", n, "1"), "again")
			do("CACHE.SET", fmt.Sprint("tagged:", n), "again", "TAGS", 1, fmt.Sprint("t", n))
		}
		look := func(s *subject) string {
			var b strings.Builder
			keys, err := s.Keys(ctx, "*").Result()
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(keys)
			for _, key := range keys {
				v, _ := s.Get(ctx, key).Result()
				tags, _ := s.Do(ctx, "TAG.OF", key).StringSlice()
				status, err := s.Do(ctx, "CACHE.GET", key).Slice()
				if err != nil { // a map
					m, err := s.Do(ctx, "CACHE.GET", key).Result()
					if err != nil {
						t.Fatal(err)
					}
					status = []any{fmt.Sprint(m)}
				}
				fmt.Fprintln(&b, key, v, tags, status)
			}
			return b.String()
		}
		fill("first")
		invalidate(1)
		rewrite(t, s.Client)
		invalidate(3)
		fill("second")
		invalidate(5)
		want := look(s)
		if n := strings.Count(want, "\n"); n < 400 || n > 599 {
			t.Fatalf("%d keys: %.300s", n, want)
		}
		for _, after := range []*subject{startOn(t, files.Copy(), logged(args...)...), s} {
			if got := look(after); got != want {
				t.Errorf("%v: after the replay\n%s", args, difference(got, want))
			}
			if err := after.Do(ctx, "DEBUG", "RELOAD").Err(); err != nil {
				t.Fatal(err)
			}
			if got := look(after); got != want {
				t.Errorf("%v: after a snapshot\n%s", args, difference(got, want))
			}
			if err := after.Do(ctx, "TAG.INVALIDATE", "all").Err(); err != nil {
				t.Fatal(err)
			}
			if got := look(after); strings.Contains(got, "second") && strings.Contains(got, "tagged:7 ") {
				t.Errorf("%v: a tag that was loaded has no effect", args)
			}
		}
	}
}

// difference is the first lines that are only in one of two texts.
func difference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is %q, was %q", i, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines, were %d", len(a), len(b))
}
