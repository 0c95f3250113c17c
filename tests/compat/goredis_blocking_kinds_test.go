package compat

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Each blocking command has its own arguments and replies. Many clients wait with each; they are served in the
// order in which they began to wait, whether elements are added one by one or in one call.
func TestEveryKindOfWaitingKeepsTheOrder(t *testing.T) {
	const n = 12
	push := func(rdb *redis.Client, from, to int) error {
		all := []any{}
		for i := from; i < to; i++ {
			all = append(all, i)
		}
		return rdb.RPush(ctx, "k", all...).Err()
	}
	unshift := func(rdb *redis.Client, from, to int) error {
		all := []any{}
		for i := from; i < to; i++ {
			all = append(all, i)
		}
		return rdb.LPush(ctx, "k", all...).Err()
	}
	score := func(sign float64) func(rdb *redis.Client, from, to int) error {
		return func(rdb *redis.Client, from, to int) error {
			var all []redis.Z
			for i := from; i < to; i++ {
				all = append(all, redis.Z{Score: sign * float64(i), Member: i})
			}
			return rdb.ZAdd(ctx, "k", all...).Err()
		}
	}
	member := func(z *redis.ZWithKey, err error) (string, error) {
		if err != nil {
			return "", err
		}
		return fmt.Sprint(z.Member), nil
	}
	for _, kind := range []struct {
		name string
		wait func(c *redis.Conn) (string, error)
		give func(rdb *redis.Client, from, to int) error
	}{
		{"BLPOP", func(c *redis.Conn) (string, error) {
			kv, err := c.BLPop(ctx, 0, "none", "k").Result()
			if err != nil {
				return "", err
			}
			return kv[1], nil
		}, push},
		{"BRPOP", func(c *redis.Conn) (string, error) {
			kv, err := c.BRPop(ctx, 0, "none", "k").Result()
			if err != nil {
				return "", err
			}
			return kv[1], nil
		}, unshift},
		{"BLMOVE", func(c *redis.Conn) (string, error) { return c.BLMove(ctx, "k", "to", "LEFT", "RIGHT", 0).Result() }, push},
		{"BRPOPLPUSH", func(c *redis.Conn) (string, error) { return c.Do(ctx, "BRPOPLPUSH", "k", "to", 0).Text() }, unshift},
		{"BLMPOP", func(c *redis.Conn) (string, error) {
			_, all, err := c.BLMPop(ctx, 0, "LEFT", 1, "none", "k").Result()
			if err != nil {
				return "", err
			}
			return all[0], nil
		}, push},
		{"BZPOPMIN", func(c *redis.Conn) (string, error) { return member(c.BZPopMin(ctx, 0, "none", "k").Result()) }, score(1)},
		{"BZPOPMAX", func(c *redis.Conn) (string, error) { return member(c.BZPopMax(ctx, 0, "none", "k").Result()) }, score(-1)},
		{"BZMPOP", func(c *redis.Conn) (string, error) {
			_, all, err := c.BZMPop(ctx, 0, "MIN", 1, "none", "k").Result()
			if err != nil {
				return "", err
			}
			return fmt.Sprint(all[0].Member), nil
		}, score(1)},
	} {
		t.Run(kind.name, func(t *testing.T) {
			both(t, func(t *testing.T, rdb *redis.Client) {
				got := waitInLine(t, rdb, 2*n, kind.wait)
				for i := range n {
					if err := kind.give(rdb, i, i+1); err != nil {
						t.Fatal(err)
					}
					if p := take(t, got); p.err != nil || p.client != i || p.value != fmt.Sprint(i) {
						t.Fatalf("element %d went to %+v", i, p)
					}
				}
				if err := kind.give(rdb, n, 2*n); err != nil {
					t.Fatal(err)
				}
				for range n {
					if p := take(t, got); p.err != nil || p.value != fmt.Sprint(p.client) {
						t.Errorf("%+v", p)
					}
				}
				eq(t, rdb.Exists(ctx, "k"), 0)
			})
		})
	}
}

// Readers of a stream all get new entries; those of a group share them, in order.
func TestReadersOfStreamsWaitInOrder(t *testing.T) {
	const n = 12
	entry := func(s []redis.XStream, err error) (string, error) {
		if err != nil {
			return "", err
		}
		return fmt.Sprint(s[0].Messages[0].Values["i"], " of ", len(s[0].Messages)), nil
	}
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.XGroupCreateMkStream(ctx, "s", "g", "$"), "OK")
		got := waitInLine(t, rdb, n, func(c *redis.Conn) (string, error) {
			return entry(c.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{"s", ">"}, Count: 1, Block: 0}).Result())
		})
		for i := range n {
			value(t, rdb.XAdd(ctx, &redis.XAddArgs{Stream: "s", Values: []any{"i", i}}))
			if p := take(t, got); p.err != nil || p.client != i || p.value != fmt.Sprint(i, " of 1") {
				t.Fatalf("entry %d went to %+v", i, p)
			}
		}
		got = waitInLine(t, rdb, n, func(c *redis.Conn) (string, error) {
			return entry(c.XRead(ctx, &redis.XReadArgs{Streams: []string{"s", "$"}, Block: 0}).Result())
		})
		value(t, rdb.XAdd(ctx, &redis.XAddArgs{Stream: "s", Values: []any{"i", "all"}}))
		for range n {
			if p := take(t, got); p.err != nil || p.value != "all of 1" {
				t.Errorf("%+v", p)
			}
		}
	})
}
