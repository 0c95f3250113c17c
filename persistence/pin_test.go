package persistence_test

import (
	"fmt"
	"slices"
	"testing"

	"cached/internal/vfs"
)

// Keys that are blessed are so after a restart, from a snapshot or a log.
func TestSnapshotsAndLogsKeepWhatIsBlessed(t *testing.T) {
	for _, args := range [][]string{nil, {"--aof-use-rdb-preamble", "no"}} {
		files := new(vfs.Mem)
		s := startOn(t, files, logged(args...)...)
		do := func(words ...any) {
			t.Helper()
			if err := s.Do(ctx, words...).Err(); err != nil {
				t.Fatal(err)
			}
		}
		var want []string
		for i := range 200 {
			key := fmt.Sprintf("key:%03d", i)
			switch i % 4 {
			case 0:
				do("SET", key, "v")
			case 1:
				do("SADD", key, "a", "b")
			case 2:
				do("RPUSH", key, "a")
			default:
				do("SET", key, "v", "EX", 1000)
			}
			if i%3 != 0 {
				do("BLESS", "SET", key, "NO-EVICT")
				if i%3 == 2 {
					do("SET", key, "again")
				}
				want = append(want, key)
			}
			if i%7 == 1 && i%3 != 0 {
				do("BLESS", "CLEAR", key, "NO-EVICT")
				want = want[:len(want)-1]
			}
			if i == 100 {
				rewrite(t, s.Client)
			}
		}
		blessed := func(s *subject) (keys []string) {
			cursor := "0"
			for {
				r, err := s.Do(ctx, "BLESS", "SCAN", cursor, "NO-EVICT", "COUNT", 10).Slice()
				if err != nil {
					t.Fatal(err)
				}
				for _, k := range r[1].([]any) {
					keys = append(keys, k.(string))
				}
				if cursor = r[0].(string); cursor == "0" {
					slices.Sort(keys)
					return slices.Compact(keys)
				}
			}
		}
		for _, reload := range []string{"LOADAOF", "RELOAD"} {
			for _, after := range []*subject{startOn(t, files.Copy(), logged(args...)...), s} {
				if err := after.Do(ctx, "DEBUG", reload).Err(); err != nil {
					t.Fatal(err)
				}
				if got := blessed(after); !slices.Equal(got, want) {
					t.Errorf("%v, %s: blessed are %v, want %v", args, reload, got, want)
				}
			}
		}
	}
}
