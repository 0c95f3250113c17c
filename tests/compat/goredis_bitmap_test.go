package compat

import (
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestBitmapsThroughTheClientLibrary(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.SetBit(ctx, "b", 7, 1), 0)
		eq(t, rdb.SetBit(ctx, "b", 7, 0), 1)
		eq(t, rdb.SetBit(ctx, "b", 20, 1), 0)
		eq(t, rdb.GetBit(ctx, "b", 20), 1)
		eq(t, rdb.GetBit(ctx, "b", 1000), 0)
		eq(t, rdb.Get(ctx, "b"), "\x00\x00\x08")
		eq(t, rdb.Set(ctx, "s", "foobar", 0), "OK")
		eq(t, rdb.BitCount(ctx, "s", nil), 26)
		eq(t, rdb.BitCount(ctx, "s", &redis.BitCount{Start: 1, End: 1}), 6)
		eq(t, rdb.BitCount(ctx, "s", &redis.BitCount{Start: 5, End: 30, Unit: redis.BitCountIndexBit}), 17)
		eq(t, rdb.BitPos(ctx, "s", 1), 1)
		eq(t, rdb.BitPos(ctx, "s", 0, 2), 16)
		eq(t, rdb.BitPosSpan(ctx, "s", 1, 10, 20, "bit"), 10)
		eq(t, rdb.Set(ctx, "t", "abcdef", 0), "OK")
		eq(t, rdb.BitOpAnd(ctx, "d", "s", "t"), 6)
		eq(t, rdb.Get(ctx, "d"), "`bc`ab")
		eq(t, rdb.BitOpOr(ctx, "d", "s", "t"), 6)
		eq(t, rdb.Get(ctx, "d"), "goofev")
		eq(t, rdb.BitOpXor(ctx, "d", "s", "t"), 6)
		eq(t, rdb.Get(ctx, "d"), "\x07\r\x0c\x06\x04\x14")
		eq(t, rdb.BitOpNot(ctx, "d", "s"), 6)
		eq(t, rdb.BitCount(ctx, "d", nil), 48-26)
		eq(t, rdb.LPush(ctx, "l", "x"), 1)
		fails(t, rdb.SetBit(ctx, "l", 1, 1), wrongType)
		fails(t, rdb.SetBit(ctx, "b", 1<<32, 1), "ERR bit offset is not an integer or out of range")
	})
}

func TestBitFieldsThroughTheClientLibrary(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.BitField(ctx, "f", "INCRBY", "i5", 100, 1, "GET", "u4", 0), []int64{1, 0})
		eq(t, rdb.BitField(ctx, "f", "SET", "u8", "#1", 255, "GET", "i8", 8, "GET", "u4", 12), []int64{0, -1, 15})
		for _, want := range [][]int64{{1, 1}, {2, 2}, {3, 3}, {0, 3}} {
			eq(t, rdb.BitField(ctx, "o", "INCRBY", "u2", 100, 1, "OVERFLOW", "SAT", "INCRBY", "u2", 102, 1), want)
		}
		eq(t, rdb.Do(ctx, "BITFIELD", "o", "OVERFLOW", "FAIL", "INCRBY", "u2", 102, 1, "GET", "u2", 102), any([]any{nil, int64(3)}))
		eq(t, rdb.BitFieldRO(ctx, "f", "u8", 8, "i8", 8), []int64{255, -1})
		fails(t, rdb.BitField(ctx, "f", "GET", "u64", 0),
			"ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.")
	})
}
