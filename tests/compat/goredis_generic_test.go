package compat

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestDelUnlinkExistsTouchType(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		value(t, rdb.MSet(ctx, "a", 1, "b", 2, "c", 3))
		eq(t, rdb.Exists(ctx, "a", "a", "none"), 2)
		eq(t, rdb.Touch(ctx, "a", "b", "none"), 2)
		eq(t, rdb.Type(ctx, "a"), "string")
		eq(t, rdb.Type(ctx, "none"), "none")
		eq(t, rdb.Del(ctx, "a", "none"), 1)
		eq(t, rdb.Unlink(ctx, "b", "c", "c"), 2)
		eq(t, rdb.DBSize(ctx), 0)
	})
}

func TestExpireAndItsFamily(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.Expire(ctx, "none", time.Hour), false)
		value(t, rdb.Set(ctx, "k", "v", 0))
		eq(t, rdb.TTL(ctx, "k"), -1)
		eq(t, rdb.PTTL(ctx, "none"), -2)
		eq(t, rdb.Expire(ctx, "k", time.Hour), true)
		near(t, rdb.TTL(ctx, "k"), time.Hour)
		eq(t, rdb.PExpire(ctx, "k", 2*time.Hour), true)
		near(t, rdb.PTTL(ctx, "k"), 2*time.Hour)
		eq(t, rdb.ExpireNX(ctx, "k", time.Hour), false)
		eq(t, rdb.ExpireXX(ctx, "k", time.Hour), true)
		eq(t, rdb.ExpireGT(ctx, "k", time.Minute), false)
		eq(t, rdb.ExpireLT(ctx, "k", time.Minute), true)
		near(t, rdb.TTL(ctx, "k"), time.Minute)
		at := time.Now().Add(time.Hour).Truncate(time.Second)
		eq(t, rdb.ExpireAt(ctx, "k", at), true)
		eq(t, rdb.ExpireTime(ctx, "k"), time.Duration(at.Unix())*time.Second)
		eq(t, rdb.PExpireAt(ctx, "k", at.Add(123*time.Millisecond)), true)
		eq(t, rdb.PExpireTime(ctx, "k"), time.Duration(at.UnixMilli()+123)*time.Millisecond)
		eq(t, rdb.Persist(ctx, "k"), true)
		eq(t, rdb.Persist(ctx, "k"), false)
		eq(t, rdb.ExpireTime(ctx, "k"), -1)
		eq(t, rdb.Expire(ctx, "k", -time.Second), true)
		eq(t, rdb.Exists(ctx, "k"), 0)
		fails(t, rdb.Do(ctx, "EXPIRE", "k", "abc"), notInteger)
		fails(t, rdb.Do(ctx, "EXPIRE", "k", "10", "NX", "XX"),
			"ERR NX and XX, GT or LT options at the same time are not compatible")
	})
}

func TestRenameCopyMove(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		fails(t, rdb.Rename(ctx, "none", "x"), "ERR no such key")
		value(t, rdb.Set(ctx, "a", "1", time.Hour))
		eq(t, rdb.Rename(ctx, "a", "b"), "OK")
		near(t, rdb.TTL(ctx, "b"), time.Hour)
		value(t, rdb.Set(ctx, "c", "2", 0))
		eq(t, rdb.RenameNX(ctx, "b", "c"), false)
		eq(t, rdb.RenameNX(ctx, "b", "d"), true)
		eq(t, rdb.Copy(ctx, "d", "c", 0, false), 0)
		eq(t, rdb.Copy(ctx, "d", "c", 0, true), 1)
		eq(t, rdb.Get(ctx, "c"), "1")
		near(t, rdb.TTL(ctx, "c"), time.Hour)
		eq(t, rdb.Copy(ctx, "d", "d", 5, false), 1)
		eq(t, rdb.Move(ctx, "d", 5), false)
		eq(t, rdb.Move(ctx, "c", 5), true)
		eq(t, rdb.Exists(ctx, "c"), 0)
		fails(t, rdb.Move(ctx, "d", 99), "ERR DB index is out of range")
	})
}

func TestDatabases(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		conn := rdb.Conn()
		defer conn.Close()
		value(t, conn.Set(ctx, "k", "zero", 0))
		eq(t, conn.Select(ctx, 1), "OK")
		isNil(t, conn.Get(ctx, "k"))
		value(t, conn.Set(ctx, "k", "one", 0))
		eq(t, conn.SwapDB(ctx, 0, 1), "OK")
		eq(t, conn.Get(ctx, "k"), "zero")
		eq(t, conn.FlushDB(ctx), "OK")
		eq(t, conn.DBSize(ctx), 0)
		eq(t, conn.Select(ctx, 0), "OK")
		eq(t, conn.Get(ctx, "k"), "one")
		eq(t, conn.FlushDBAsync(ctx), "OK")
		eq(t, conn.FlushAllAsync(ctx), "OK")
		eq(t, conn.DBSize(ctx), 0)
		fails(t, conn.Select(ctx, 99), "ERR DB index is out of range")
	})
}

func TestKeysAndRandomKey(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		isNil(t, rdb.RandomKey(ctx))
		value(t, rdb.MSet(ctx, "one", 1, "two", 2, "three", 3))
		if got := slices.Sorted(slices.Values(value(t, rdb.Keys(ctx, "t*")))); !slices.Equal(got, []string{"three", "two"}) {
			t.Errorf("KEYS t*: %v", got)
		}
		seen := map[string]bool{}
		for range 300 {
			seen[value(t, rdb.RandomKey(ctx))] = true
		}
		if len(seen) != 3 {
			t.Errorf("RANDOMKEY found only %v", seen)
		}
	})
}

// SCAN returns every key that was there from its start to its end, while others
// come and go.
func TestScanMissesNoKeyUnderGrowthAndShrink(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		const stay = 10_000
		pipe := rdb.Pipeline()
		for i := range stay {
			pipe.Set(ctx, fmt.Sprint("stay:", i), i, 0)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
		var stop atomic.Bool
		done := make(chan error, 1)
		go func() {
			// Thirty thousand keys come, and go: with more and more of them a
			// SCAN of a few keys a call might never be at its end.
			for round := 0; !stop.Load(); round++ {
				pipe := rdb.Pipeline()
				for i := range 2000 {
					key := fmt.Sprint("come:", round%15*2000+i)
					if round/15%2 == 0 {
						pipe.Set(ctx, key, "x", 0)
					} else {
						pipe.Del(ctx, key)
					}
				}
				if _, err := pipe.Exec(ctx); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		for _, count := range []int64{0, 7, 1000} {
			seen := map[string]bool{}
			it := rdb.Scan(ctx, 0, "stay:*", count).Iterator()
			for it.Next(ctx) {
				seen[it.Val()] = true
			}
			if err := it.Err(); err != nil {
				t.Error(err)
			}
			if len(seen) != stay {
				t.Errorf("COUNT %d: saw %d of %d keys", count, len(seen), stay)
			}
		}
		stop.Store(true)
		if err := <-done; err != nil {
			t.Error(err)
		}
		it := rdb.ScanType(ctx, 0, "stay:1*", 500, "string").Iterator()
		n := map[string]bool{}
		for it.Next(ctx) {
			if !strings.HasPrefix(it.Val(), "stay:1") {
				t.Fatalf("SCAN MATCH returned %q", it.Val())
			}
			n[it.Val()] = true
		}
		if len(n) != 1111 {
			t.Errorf("SCAN MATCH TYPE saw %d keys, want 1111", len(n))
		}
	})
}

func TestObject(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		value(t, rdb.MSet(ctx, "int", 12345, "short", "abc", "long", strings.Repeat("x", 45)))
		eq(t, rdb.ObjectEncoding(ctx, "int"), "int")
		eq(t, rdb.ObjectEncoding(ctx, "short"), "embstr")
		eq(t, rdb.ObjectEncoding(ctx, "long"), "raw")
		isNil(t, rdb.ObjectEncoding(ctx, "none"))
		eq(t, rdb.ObjectRefCount(ctx, "long"), 1)
		if text := value(t, rdb.DebugObject(ctx, "short")); !strings.Contains(text, " encoding:embstr serializedlength:4 ") {
			t.Errorf("DEBUG OBJECT: %q", text)
		}
		if idle := value(t, rdb.ObjectIdleTime(ctx, "long")); idle < 0 || idle > 10*time.Second {
			t.Errorf("OBJECT IDLETIME: %v", idle)
		}
		isNil(t, rdb.ObjectIdleTime(ctx, "none"))
		old := value(t, rdb.ConfigGet(ctx, "maxmemory-policy"))["maxmemory-policy"]
		value(t, rdb.ConfigSet(ctx, "maxmemory-policy", "allkeys-lfu"))
		defer rdb.ConfigSet(ctx, "maxmemory-policy", old)
		value(t, rdb.Set(ctx, "lfu", "x", 0))
		if freq := value(t, rdb.ObjectFreq(ctx, "lfu")); freq < 1 || freq > 255 {
			t.Errorf("OBJECT FREQ: %d", freq)
		}
		fails(t, rdb.ObjectIdleTime(ctx, "lfu"), "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.")
	})
}

func TestWait(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		value(t, rdb.Set(ctx, "k", "v", 0))
		eq(t, rdb.Wait(ctx, 0, 10*time.Millisecond), 0)
		start := time.Now()
		eq(t, rdb.Wait(ctx, 1, 50*time.Millisecond), 0)
		if took := time.Since(start); took < 40*time.Millisecond {
			t.Errorf("WAIT 1 50 took %v", took)
		}
	})
}
