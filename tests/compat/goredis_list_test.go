//lint:file-ignore SA1019 what Redis calls deprecated has to work as well

package compat

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestListsThroughTheClientLibrary(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.LPushX(ctx, "l", "x"), 0)
		eq(t, rdb.RPushX(ctx, "l", "x"), 0)
		eq(t, rdb.RPush(ctx, "l", "b", "c"), 2)
		eq(t, rdb.LPush(ctx, "l", "a"), 3)
		eq(t, rdb.RPushX(ctx, "l", "d"), 4)
		eq(t, rdb.LPushX(ctx, "l", "z"), 5)
		eq(t, rdb.LRange(ctx, "l", 0, -1), []string{"z", "a", "b", "c", "d"})
		eq(t, rdb.LRange(ctx, "none", 0, -1), []string{})
		eq(t, rdb.LLen(ctx, "l"), 5)
		eq(t, rdb.LIndex(ctx, "l", -1), "d")
		isNil(t, rdb.LIndex(ctx, "l", 9))
		eq(t, rdb.LSet(ctx, "l", 0, "b"), "OK")
		fails(t, rdb.LSet(ctx, "l", 9, "b"), "ERR index out of range")
		eq(t, rdb.LInsert(ctx, "l", "BEFORE", "a", "1"), 6)
		eq(t, rdb.LInsertBefore(ctx, "l", "none", "1"), -1)
		eq(t, rdb.LInsertAfter(ctx, "l", "d", "b"), 7) // b 1 a b c d b
		eq(t, rdb.LPos(ctx, "l", "b", redis.LPosArgs{Rank: 2}), 3)
		isNil(t, rdb.LPos(ctx, "l", "none", redis.LPosArgs{}))
		eq(t, rdb.LPosCount(ctx, "l", "b", 0, redis.LPosArgs{Rank: -1}), []int64{6, 3, 0})
		eq(t, rdb.LRem(ctx, "l", -2, "b"), 2)
		eq(t, rdb.LTrim(ctx, "l", 1, -1), "OK") // 1 a c d
		eq(t, rdb.LPop(ctx, "l"), "1")
		eq(t, rdb.RPop(ctx, "l"), "d")
		eq(t, rdb.RPopLPush(ctx, "l", "m"), "c")
		eq(t, rdb.LMove(ctx, "l", "m", "LEFT", "RIGHT"), "a")
		isNil(t, rdb.LMove(ctx, "l", "m", "LEFT", "RIGHT"))
		isNil(t, rdb.LPop(ctx, "l"))
		eq(t, rdb.LPopCount(ctx, "m", 1), []string{"c"})
		eq(t, rdb.RPopCount(ctx, "m", 5), []string{"a"})
		isNil(t, rdb.RPopCount(ctx, "m", 5))

		value(t, rdb.RPush(ctx, "l", "1", "2", "3", "4", "5", "6", "7", "8"))
		popped := func(cmd *redis.KeyValuesCmd, want ...string) {
			t.Helper()
			if key, got, err := cmd.Result(); err != nil || key != "l" || len(got) != len(want) || got[0] != want[0] {
				t.Errorf("%s: %q %q %v, want %q", cmd, key, got, err, want)
			}
		}
		popped(rdb.LMPop(ctx, "left", 2, "none", "l"), "1", "2")
		popped(rdb.BLMPop(ctx, time.Minute, "right", 1, "none", "l"), "8")
		eq(t, rdb.BLPop(ctx, time.Minute, "none", "l"), []string{"l", "3"})
		eq(t, rdb.BRPop(ctx, time.Minute, "l"), []string{"l", "7"})
		eq(t, rdb.BRPopLPush(ctx, "l", "m", time.Minute), "6")
		eq(t, rdb.BLMove(ctx, "l", "m", "LEFT", "LEFT", time.Minute), "4")
		eq(t, rdb.LRange(ctx, "m", 0, -1), []string{"4", "6"})
	})
}
