package compat

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestHashesThroughTheClientLibrary(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.HSet(ctx, "h", "a", "1", "b", "2"), 2)
		eq(t, rdb.HSet(ctx, "h", map[string]any{"a": "x"}), 0)
		eq(t, rdb.HMSet(ctx, "h", "c", "3"), true)
		eq(t, rdb.HSetNX(ctx, "h", "c", "4"), false)
		eq(t, rdb.HGet(ctx, "h", "a"), "x")
		isNil(t, rdb.HGet(ctx, "h", "none"))
		eq(t, rdb.HGetAll(ctx, "h"), map[string]string{"a": "x", "b": "2", "c": "3"})
		eq(t, rdb.HGetAll(ctx, "none"), map[string]string{})
		eq(t, rdb.HMGet(ctx, "h", "a", "none", "c"), []any{"x", nil, "3"})
		eq(t, rdb.HExists(ctx, "h", "a"), true)
		eq(t, rdb.HExists(ctx, "h", "none"), false)
		eq(t, rdb.HLen(ctx, "h"), 3)
		eq(t, rdb.HStrLen(ctx, "h", "a"), 1)
		eq(t, rdb.HIncrBy(ctx, "h", "b", 40), 42)
		eq(t, rdb.HIncrByFloat(ctx, "h", "c", 0.25), 3.25)
		sorted(t, rdb.HKeys(ctx, "h"), "a", "b", "c")
		sorted(t, rdb.HVals(ctx, "h"), "3.25", "42", "x")
		eq(t, rdb.HDel(ctx, "h", "b", "c", "none"), 2)
		eq(t, rdb.HRandField(ctx, "h", -2), []string{"a", "a"})
		eq(t, rdb.HRandFieldWithValues(ctx, "h", 2), []redis.KeyValue{{Key: "a", Value: "x"}})
		scanned(t, rdb.HScan(ctx, "h", 0, "*", 10), "a", "x")
		fails(t, rdb.HIncrBy(ctx, "h", "a", 1), "ERR hash value is not an integer")
	})
}

func TestFieldsWithoutValues(t *testing.T) {
	since(t, "7.4")
	both(t, func(t *testing.T, rdb *redis.Client) {
		value(t, rdb.HSet(ctx, "h", "a", "1", "b", "2"))
		scanned(t, rdb.HScanNoValues(ctx, "h", 0, "", 0), "a", "b")
	})
}

func TestDeadlinesOfFieldsThroughTheClientLibrary(t *testing.T) {
	since(t, "8.0")
	both(t, func(t *testing.T, rdb *redis.Client) {
		at := time.Now().Add(time.Hour).Truncate(time.Second)
		value(t, rdb.HSet(ctx, "h", "a", "1", "b", "2", "c", "3"))
		eq(t, rdb.HExpire(ctx, "h", time.Hour, "a", "none"), []int64{1, -2})
		eq(t, rdb.HExpireWithArgs(ctx, "h", time.Hour, redis.HExpireArgs{NX: true}, "a", "b"), []int64{0, 1})
		eq(t, rdb.HPExpire(ctx, "h", time.Hour, "a"), []int64{1})
		eq(t, rdb.HPExpireWithArgs(ctx, "h", time.Hour, redis.HExpireArgs{XX: true}, "a", "c"), []int64{1, 0})
		eq(t, rdb.HExpireAt(ctx, "h", at, "a"), []int64{1})
		eq(t, rdb.HExpireAtWithArgs(ctx, "h", at, redis.HExpireArgs{GT: true}, "a", "c"), []int64{0, 0})
		eq(t, rdb.HPExpireAt(ctx, "h", at, "a"), []int64{1})
		eq(t, rdb.HPExpireAtWithArgs(ctx, "h", at, redis.HExpireArgs{LT: true}, "a", "c"), []int64{0, 1})
		eq(t, rdb.HExpireTime(ctx, "h", "a", "none"), []int64{at.Unix(), -2})
		eq(t, rdb.HPExpireTime(ctx, "h", "c"), []int64{at.UnixMilli()})
		for _, ttl := range value(t, rdb.HTTL(ctx, "h", "a", "b")) {
			if ttl < 3000 || ttl > 3600 {
				t.Errorf("HTTL: %d", ttl)
			}
		}
		for _, ttl := range value(t, rdb.HPTTL(ctx, "h", "a", "b")) {
			if ttl < 3_000_000 || ttl > 3_600_000 {
				t.Errorf("HPTTL: %d", ttl)
			}
		}
		eq(t, rdb.HPersist(ctx, "h", "a", "a", "none"), []int64{1, -1, -2})
		eq(t, rdb.HExpireAt(ctx, "h", time.Unix(1, 0), "a"), []int64{2})
		eq(t, rdb.HGetEX(ctx, "h", "b"), []string{"2"})
		eq(t, rdb.HGetEXWithArgs(ctx, "h", &redis.HGetEXOptions{ExpirationType: redis.HGetEXExpirationPERSIST}, "b"), []string{"2"})
		eq(t, rdb.HTTL(ctx, "h", "b"), []int64{-1})
		eq(t, rdb.HSetEX(ctx, "h", "b", "5", "d", "6"), 1)
		eq(t, rdb.HSetEXWithArgs(ctx, "h", &redis.HSetEXOptions{Condition: redis.HSetEXFNX, ExpirationType: redis.HSetEXExpirationEX, ExpirationVal: 100}, "b", "7"), 0)
		eq(t, rdb.HSetEXWithArgs(ctx, "h", &redis.HSetEXOptions{Condition: redis.HSetEXFXX, ExpirationType: redis.HSetEXExpirationEXAT, ExpirationVal: at.Unix()}, "b", "7"), 1)
		eq(t, rdb.HExpireTime(ctx, "h", "b"), []int64{at.Unix()})
		eq(t, rdb.HGetDel(ctx, "h", "b", "c", "d"), []string{"7", "3", "6"})
		eq(t, rdb.Exists(ctx, "h"), 0)
	})
}

// sorted checks strings that may come in any order.
func sorted(t *testing.T, cmd result[[]string], want ...string) {
	t.Helper()
	got := slices.Sorted(slices.Values(value(t, cmd)))
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", cmd, got, want)
	}
}

// scanned checks the result of a scan that took one call.
func scanned(t *testing.T, cmd *redis.ScanCmd, want ...string) {
	t.Helper()
	got, cursor, err := cmd.Result()
	if slices.Sort(got); err != nil || cursor != 0 || !slices.Equal(got, want) {
		t.Errorf("%s: got %q, cursor %d, %v, want %q", cmd, got, cursor, err, want)
	}
}
