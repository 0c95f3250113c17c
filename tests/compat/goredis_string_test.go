//lint:file-ignore SA1019 what Redis calls deprecated has to work as well

package compat

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestSetAndGet(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		isNil(t, rdb.Get(ctx, "k"))
		eq(t, rdb.Set(ctx, "k", "v", 0), "OK")
		eq(t, rdb.Get(ctx, "k"), "v")
		binary := "\x00\xff\r\n" + strings.Repeat("z", 100_000)
		eq(t, rdb.Set(ctx, binary[:10], binary, 0), "OK")
		eq(t, rdb.Get(ctx, binary[:10]), binary)
		eq(t, rdb.Set(ctx, "k", "v", time.Hour), "OK")
		near(t, rdb.TTL(ctx, "k"), time.Hour)
		eq(t, rdb.Set(ctx, "k", "w", redis.KeepTTL), "OK")
		near(t, rdb.TTL(ctx, "k"), time.Hour)
		eq(t, rdb.Set(ctx, "k", "w", 0), "OK")
		eq(t, rdb.TTL(ctx, "k"), -1)
		eq(t, rdb.SetNX(ctx, "k", "x", 0), false)
		eq(t, rdb.SetNX(ctx, "n", "x", time.Hour), true)
		near(t, rdb.TTL(ctx, "n"), time.Hour)
		eq(t, rdb.SetXX(ctx, "none", "x", 0), false)
		eq(t, rdb.SetXX(ctx, "k", "x", time.Hour), true)
		eq(t, rdb.SetArgs(ctx, "k", "y", redis.SetArgs{Get: true}), "x")
		isNil(t, rdb.SetArgs(ctx, "k2", "y", redis.SetArgs{Get: true, Mode: "NX"}))
		at := time.Now().Add(time.Hour).Truncate(time.Second)
		eq(t, rdb.SetArgs(ctx, "k", "y", redis.SetArgs{ExpireAt: at}), "OK")
		eq(t, rdb.ExpireTime(ctx, "k"), time.Duration(at.Unix())*time.Second)
		fails(t, rdb.Do(ctx, "SET", "k", "v", "EX", "0"), "ERR invalid expire time in 'set' command")
		fails(t, rdb.Do(ctx, "SET", "k", "v", "NX", "XX"), syntax)
		fails(t, rdb.Do(ctx, "SET", "k"), "ERR wrong number of arguments for 'set' command")
	})
}

func TestSetExAndPSetEx(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.SetEx(ctx, "k", "v", time.Hour), "OK")
		near(t, rdb.TTL(ctx, "k"), time.Hour)
		eq(t, rdb.Do(ctx, "PSETEX", "k", "3600000", "w"), any("OK"))
		near(t, rdb.PTTL(ctx, "k"), time.Hour)
		fails(t, rdb.Do(ctx, "SETEX", "k", "0", "v"), "ERR invalid expire time in 'setex' command")
		fails(t, rdb.Do(ctx, "PSETEX", "k", "-1", "v"), "ERR invalid expire time in 'psetex' command")
		eq(t, rdb.Do(ctx, "SETNX", "k", "v"), any(int64(0)))
		eq(t, rdb.Do(ctx, "SETNX", "new", "v"), any(int64(1)))
	})
}

func TestAKeyIsGoneAtItsDeadline(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.Set(ctx, "k", "v", 30*time.Millisecond), "OK")
		eq(t, rdb.Get(ctx, "k"), "v")
		time.Sleep(50 * time.Millisecond)
		isNil(t, rdb.Get(ctx, "k"))
		eq(t, rdb.Exists(ctx, "k"), 0)
		// The sweep removes keys without any access.
		for i := range 100 {
			value(t, rdb.Set(ctx, "sweep"+string(rune('a'+i)), "v", 20*time.Millisecond))
		}
		for end := time.Now().Add(5 * time.Second); value(t, rdb.DBSize(ctx)) > 0; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d keys are still counted after their deadline", value(t, rdb.DBSize(ctx)))
			}
		}
	})
}

func TestGetSetGetDelGetEx(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		isNil(t, rdb.GetSet(ctx, "k", "v"))
		eq(t, rdb.GetSet(ctx, "k", "w"), "v")
		eq(t, rdb.GetEx(ctx, "k", time.Hour), "w")
		near(t, rdb.TTL(ctx, "k"), time.Hour)
		eq(t, rdb.GetEx(ctx, "k", 0), "w") // PERSIST
		eq(t, rdb.TTL(ctx, "k"), -1)
		isNil(t, rdb.GetEx(ctx, "none", time.Hour))
		eq(t, rdb.GetDel(ctx, "k"), "w")
		isNil(t, rdb.GetDel(ctx, "k"))
		fails(t, rdb.Do(ctx, "GETEX", "k", "EX"), syntax)
	})
}

func TestMSetMSetNXMGet(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.MSet(ctx, "a", 1, "b", 2), "OK")
		eq(t, rdb.MGet(ctx, "a", "none", "b"), []any{"1", nil, "2"})
		eq(t, rdb.MSetNX(ctx, "b", 3, "c", 4), false)
		eq(t, rdb.MSetNX(ctx, "c", 3, "d", 4), true)
		eq(t, rdb.MGet(ctx, "b", "c", "d"), []any{"2", "3", "4"})
		fails(t, rdb.Do(ctx, "MSET", "a"), "ERR wrong number of arguments for 'mset' command")
		fails(t, rdb.Do(ctx, "MSET", "a", "1", "b"), "ERR wrong number of arguments for 'mset' command")
	})
}

func TestAppendStrLenGetRangeSetRange(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.Append(ctx, "k", "Hello"), 5)
		eq(t, rdb.Append(ctx, "k", " World"), 11)
		eq(t, rdb.StrLen(ctx, "k"), 11)
		eq(t, rdb.StrLen(ctx, "none"), 0)
		eq(t, rdb.GetRange(ctx, "k", 0, 4), "Hello")
		eq(t, rdb.GetRange(ctx, "k", -5, -1), "World")
		eq(t, rdb.GetRange(ctx, "k", 5, 1), "")
		eq(t, rdb.Do(ctx, "SUBSTR", "k", "0", "1"), any("He"))
		eq(t, rdb.SetRange(ctx, "k", 6, "Redis"), 11)
		eq(t, rdb.Get(ctx, "k"), "Hello Redis")
		eq(t, rdb.SetRange(ctx, "pad", 3, "x"), 4)
		eq(t, rdb.Get(ctx, "pad"), "\x00\x00\x00x")
		fails(t, rdb.SetRange(ctx, "k", -1, "x"), "ERR offset is out of range")
		fails(t, rdb.SetRange(ctx, "k", 536870912, "x"), "ERR string exceeds maximum allowed size (proto-max-bulk-len)")
	})
}

func TestIncrAndItsFamily(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.Incr(ctx, "n"), 1)
		eq(t, rdb.IncrBy(ctx, "n", 10), 11)
		eq(t, rdb.Decr(ctx, "n"), 10)
		eq(t, rdb.DecrBy(ctx, "n", 15), -5)
		eq(t, rdb.IncrByFloat(ctx, "n", 0.5), -4.5)
		fails(t, rdb.Incr(ctx, "n"), notInteger)
		eq(t, rdb.Set(ctx, "n", int64(math.MaxInt64), 0), "OK")
		fails(t, rdb.Incr(ctx, "n"), "ERR increment or decrement would overflow")
		eq(t, rdb.Get(ctx, "n"), maxInt)
		fails(t, rdb.DecrBy(ctx, "x", math.MinInt64), "ERR decrement would overflow")
		eq(t, rdb.Set(ctx, "f", "10.50", 0), "OK")
		eq(t, rdb.Do(ctx, "INCRBYFLOAT", "f", "0.1"), any("10.6"))
		eq(t, rdb.Do(ctx, "INCRBYFLOAT", "f", "5.0e3"), any("5010.60000000000000009"))
		eq(t, rdb.Set(ctx, "s", "abc", 0), "OK")
		fails(t, rdb.IncrByFloat(ctx, "s", 1), "ERR value is not a valid float")
		fails(t, rdb.Do(ctx, "INCRBYFLOAT", "f", "inf"), "ERR increment would produce NaN or Infinity")
	})
}

func TestLCS(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		value(t, rdb.MSet(ctx, "a", "ohmytext", "b", "mynewtext"))
		get := func(q redis.LCSQuery) *redis.LCSMatch {
			q.Key1, q.Key2 = "a", "b"
			return value(t, rdb.LCS(ctx, &q))
		}
		if m := get(redis.LCSQuery{}); m.MatchString != "mytext" {
			t.Errorf("LCS: %+v", m)
		}
		if m := get(redis.LCSQuery{Len: true}); m.Len != 6 {
			t.Errorf("LCS LEN: %+v", m)
		}
		m := get(redis.LCSQuery{Idx: true, MinMatchLen: 3, WithMatchLen: true})
		if m.Len != 6 || len(m.Matches) != 1 || m.Matches[0].MatchLen != 4 ||
			m.Matches[0].Key1 != (redis.LCSPosition{Start: 4, End: 7}) || m.Matches[0].Key2 != (redis.LCSPosition{Start: 5, End: 8}) {
			t.Errorf("LCS IDX: %+v", m)
		}
		fails(t, rdb.Do(ctx, "LCS", "a", "b", "LEN", "IDX"),
			"ERR If you want both the length and indexes, please just use IDX.")
	})
}
