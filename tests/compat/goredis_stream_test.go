package compat

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestStreams(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.XAdd(ctx, &redis.XAddArgs{Stream: "s", ID: "1-1", Values: []string{"a", "1"}}), "1-1")
		eq(t, rdb.XAdd(ctx, &redis.XAddArgs{Stream: "s", ID: "1-*", Values: []string{"a", "2"}}), "1-2")
		eq(t, rdb.XAdd(ctx, &redis.XAddArgs{Stream: "s", ID: "2", Values: []string{"a", "3"}}), "2-0")
		eq(t, rdb.XLen(ctx, "s"), 3)
		if r := value(t, rdb.XRange(ctx, "s", "-", "+")); len(r) != 3 || r[1].ID != "1-2" || r[1].Values["a"] != "2" {
			t.Errorf("XRANGE: %+v", r)
		}
		if r := value(t, rdb.XRevRangeN(ctx, "s", "+", "-", 1)); len(r) != 1 || r[0].ID != "2-0" {
			t.Errorf("XREVRANGE: %+v", r)
		}
		if r := value(t, rdb.XRead(ctx, &redis.XReadArgs{Streams: []string{"s", "1-1"}, Block: -1})); len(r) != 1 || len(r[0].Messages) != 2 {
			t.Errorf("XREAD: %+v", r)
		}
		eq(t, rdb.XGroupCreate(ctx, "s", "g", "0"), "OK")
		fails(t, rdb.XGroupCreate(ctx, "s", "g", "0"), "BUSYGROUP Consumer Group name already exists")
		eq(t, rdb.XGroupCreateMkStream(ctx, "new", "g", "$"), "OK")
		eq(t, rdb.XGroupCreateConsumer(ctx, "s", "g", "idle"), 1)
		got := value(t, rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: "ann", Streams: []string{"s", ">"}, Count: 2, Block: -1}))
		if len(got) != 1 || len(got[0].Messages) != 2 {
			t.Errorf("XREADGROUP: %+v", got)
		}
		eq(t, rdb.XAck(ctx, "s", "g", "1-1"), 1)
		if p := value(t, rdb.XPending(ctx, "s", "g")); p.Count != 1 || p.Lower != "1-2" || p.Consumers["ann"] != 1 {
			t.Errorf("XPENDING: %+v", p)
		}
		if p := value(t, rdb.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: "s", Group: "g", Start: "-", End: "+", Count: 5})); len(p) != 1 || p[0].RetryCount != 1 {
			t.Errorf("XPENDING with a range: %+v", p)
		}
		if c := value(t, rdb.XClaim(ctx, &redis.XClaimArgs{Stream: "s", Group: "g", Consumer: "bob", Messages: []string{"1-2"}})); len(c) != 1 {
			t.Errorf("XCLAIM: %+v", c)
		}
		if c, start, err := rdb.XAutoClaim(ctx, &redis.XAutoClaimArgs{Stream: "s", Group: "g", Consumer: "ann", Start: "0"}).Result(); err != nil || len(c) != 1 || start != "0-0" {
			t.Errorf("XAUTOCLAIM: %+v %s %v", c, start, err)
		}
		if g := value(t, rdb.XInfoGroups(ctx, "s")); len(g) != 1 || g[0].Consumers != 3 || g[0].Pending != 1 || g[0].Lag != 1 || g[0].EntriesRead != 2 {
			t.Errorf("XINFO GROUPS: %+v", g)
		}
		if c := value(t, rdb.XInfoConsumers(ctx, "s", "g")); len(c) != 3 || c[0].Name != "ann" || c[0].Pending != 1 {
			t.Errorf("XINFO CONSUMERS: %+v", c)
		}
		if s := value(t, rdb.XInfoStream(ctx, "s")); s.Length != 3 || s.Groups != 1 || s.LastGeneratedID != "2-0" {
			t.Errorf("XINFO STREAM: %+v", s)
		}
		if s := value(t, rdb.XInfoStreamFull(ctx, "s", 2)); len(s.Entries) != 2 || len(s.Groups) != 1 || len(s.Groups[0].Consumers) != 3 {
			t.Errorf("XINFO STREAM FULL: %+v", s)
		}
		eq(t, rdb.XGroupDelConsumer(ctx, "s", "g", "ann"), 1)
		eq(t, rdb.XGroupSetID(ctx, "s", "g", "0"), "OK")
		eq(t, rdb.XGroupDestroy(ctx, "s", "g"), 1)
		eq(t, rdb.XDel(ctx, "s", "1-1"), 1)
		eq(t, rdb.XTrimMaxLen(ctx, "s", 1), 1)
		eq(t, rdb.XTrimMinID(ctx, "s", "9"), 1)
	})
}

// Every reader that waits gets each entry; of a group, one of its consumers does.
func TestReadersWait(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		value(t, rdb.XAdd(ctx, &redis.XAddArgs{Stream: "s", ID: "1-1", Values: []string{"a", "old"}}))
		value(t, rdb.XGroupCreate(ctx, "s", "g", "$"))
		var wait sync.WaitGroup
		plain, grouped := make(chan string, 10), make(chan string, 10)
		for i := range 3 {
			wait.Add(2)
			go func() {
				defer wait.Done()
				r, err := rdb.XRead(ctx, &redis.XReadArgs{Streams: []string{"s", "$"}, Block: 0}).Result()
				if err != nil || len(r) != 1 || len(r[0].Messages) != 1 {
					t.Errorf("XREAD: %+v %v", r, err)
					return
				}
				plain <- r[0].Messages[0].ID
			}()
			go func() {
				defer wait.Done()
				r, err := rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: fmt.Sprint(i), Streams: []string{"s", ">"}, Count: 1, Block: 0}).Result()
				if err != nil || len(r) != 1 || len(r[0].Messages) != 1 {
					t.Errorf("XREADGROUP: %+v %v", r, err)
					return
				}
				grouped <- r[0].Messages[0].ID
			}()
		}
		awaitBlocked(t, rdb, 6)
		for i := range 3 {
			value(t, rdb.XAdd(ctx, &redis.XAddArgs{Stream: "s", ID: fmt.Sprint("2-", i), Values: []string{"a", "new"}}))
		}
		wait.Wait()
		close(plain)
		close(grouped)
		for id := range plain {
			if id != "2-0" {
				t.Errorf("a reader got %s", id)
			}
		}
		seen := map[string]bool{}
		for id := range grouped {
			seen[id] = true
		}
		if len(seen) != 3 {
			t.Errorf("the group got %v", seen)
		}
	})
}

// When a group or its stream is removed, its consumers stop waiting.
func TestConsumersOfWhatEnds(t *testing.T) {
	since(t, "7.2")
	both(t, func(t *testing.T, rdb *redis.Client) {
		for _, end := range []func() error{
			func() error { return rdb.XGroupDestroy(ctx, "s", "g").Err() },
			func() error { return rdb.Del(ctx, "s").Err() },
			func() error { return rdb.Set(ctx, "s", "x", 0).Err() },
		} {
			value(t, rdb.Del(ctx, "s"))
			value(t, rdb.XGroupCreateMkStream(ctx, "s", "g", "$"))
			got := make(chan error, 1)
			go func() {
				got <- rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{"s", ">"}, Block: 0}).Err()
			}()
			awaitBlocked(t, rdb, 1)
			if err := end(); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-got:
				if err == nil {
					t.Error("XREADGROUP found something")
				}
			case <-time.After(30 * time.Second):
				t.Fatal("a consumer still waits for what has ended")
			}
		}
	})
}
