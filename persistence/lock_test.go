package persistence_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"cached/internal/vfs"
)

// times are what goes on while one looks.
var times = regexp.MustCompile(`(ttl|free-in|retry-in) \d+`)

// locksOf says all that clients see of locks and semaphores but how long they last.
func locksOf(t *testing.T, c *redis.Client) string {
	t.Helper()
	var b strings.Builder
	for _, call := range []string{"LOCK.INFO one", "LOCK.INFO shared", "LOCK.INFO delayed", "LOCK.INFO gone", "LOCK.INFO bound", "SEM.INFO sem", "SEM.INFO free"} {
		words := strings.Fields(call)
		got, err := c.Do(ctx, words[0], words[1]).Result()
		fmt.Fprintln(&b, call, times.ReplaceAllString(strings.Trim(fmt.Sprint(got), "[]"), "$1"), err)
	}
	return b.String()
}

// Locks and semaphores come back from logs and snapshots, with their tokens, holds and times; a
// lock of a connection that has ended does not. A new token is above all that were there.
func TestLocksComeBackFromFiles(t *testing.T) {
	for _, args := range [][]string{logged(), logged("--aof-use-rdb-preamble", "no"), {"--save", "3600 1"}} {
		files := new(vfs.Mem)
		s := startOn(t, files, args...)
		s.Options().Protocol = 2
		calls := []string{"LOCK.ACQUIRE one a TTL 600000", "LOCK.ACQUIRE one a TTL 600000", "LOCK.ACQUIRE gone a TTL 600000",
			"LOCK.ACQUIRE shared a TTL 600000 SHARED", "LOCK.ACQUIRE shared b TTL 600000 SHARED DELAY 5", "LOCK.ACQUIRE delayed a TTL 1 DELAY 600000",
			"SEM.ACQUIRE sem 3 TTL 600000", "SEM.ACQUIRE sem 5 TTL 600000 ID x COST 2", "SEM.ACQUIRE free 1 TTL 600000 ID y",
			"LOCK.RELEASE gone a", "SEM.RELEASE free y", "LOCK.ACQUIRE later a TTL 600000", "LOCK.FORCE later"}
		for i, call := range calls {
			if i == len(calls)/2 && len(args) > 2 {
				rewrite(t, s.Client)
			}
			var words []any
			for _, w := range strings.Fields(call) {
				words = append(words, w)
			}
			if err := s.Do(ctx, words...).Err(); err != nil {
				t.Fatalf("%s: %v", call, err)
			}
		}
		want := ""
		for end := time.Now().Add(time.Minute); !strings.Contains(want, "mode delayed") && time.Now().Before(end); {
			want = locksOf(t, s.Client) // until the hold of a millisecond has ended
		}
		if strings.Count(want, "owner") != 3 || !strings.Contains(want, "mode delayed") || !strings.Contains(want, "limit 5 used 3") {
			t.Fatalf("there is\n%s", want)
		}
		if err := s.Do(ctx, "LOCK.ACQUIRE", "bound", "a", "TTL", 600000, "WHILE", "CONNECTED").Err(); err != nil {
			t.Fatal(err)
		}
		newest, err := s.Do(ctx, "LOCK.ACQUIRE", "last", "a", "TTL", 600000).Slice()
		if err != nil {
			t.Fatal(err)
		}
		if len(args) == 2 {
			s.Save(ctx)
		}
		after := startOn(t, files.Copy(), args...)
		after.Options().Protocol = 2
		if got := locksOf(t, after.Client); got != want {
			t.Errorf("%v: there is\n%swant\n%s", args, got, want)
		}
		next, err := after.Do(ctx, "LOCK.ACQUIRE", "next", "a", "TTL", 600000).Slice()
		if err != nil || next[3].(int64) <= newest[3].(int64) {
			t.Errorf("%v: a token %v behind %v, %v", args, next, newest, err)
		}
	}
}

// The bound of tokens is a file of its own, whole at any moment, and what is no number is told.
func TestTheBoundOfTokensIsKept(t *testing.T) {
	files := new(vfs.Mem)
	s := startOn(t, files)
	if n, err := s.disk.TokenBound(); n != 0 || err != nil {
		t.Errorf("before the first: %d, %v", n, err)
	}
	for _, n := range []int64{5, 1 << 52} {
		if err := s.disk.KeepTokenBound(n); err != nil {
			t.Fatal(err)
		}
		if got, err := s.disk.TokenBound(); got != n || err != nil {
			t.Errorf("%d: %d, %v", n, got, err)
		}
	}
	f, err := files.Create("cached-tokens")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("no number")); err != nil {
		t.Fatal(err)
	}
	if n, err := s.disk.TokenBound(); err == nil {
		t.Errorf("no number: %d", n)
	}
}
