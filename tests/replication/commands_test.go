package replication

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"
)

// Random commands of every type that a Redis 7.0 knows, with keys that many of them meet at.

func randomCommand(r *rand.Rand, ours bool) []any {
	key := func(kind string) string { return fmt.Sprintf("%s:%d", kind, r.IntN(12)) }
	n := func(most int) string { return fmt.Sprint(r.IntN(most)) }
	text := func() string { return strings.Repeat(string(rune('a'+r.IntN(26))), r.IntN(1<<r.IntN(10))) }
	choices := [][]any{
		{"SET", key("str"), text()}, {"SET", key("str"), text(), "PX", 1 + r.IntN(3000)}, {"INCR", key("num")}, {"APPEND", key("str"), text()},
		{"SETRANGE", key("str"), r.IntN(100), text()}, {"SETBIT", key("bits"), r.IntN(1000), r.IntN(2)}, {"INCRBYFLOAT", key("num2"), "0.5"},
		{"GETEX", key("str"), "PX", 1 + r.IntN(3000)}, {"GETDEL", key("str")}, {"PEXPIRE", key("list"), 1 + r.IntN(3000)}, {"PERSIST", key("set")},
		{"RPUSH", key("list"), text(), n(100)}, {"LPUSH", key("list"), n(100)}, {"LPOP", key("list")}, {"RPOP", key("list"), 2}, {"LTRIM", key("list"), 0, 50},
		{"LINSERT", key("list"), "BEFORE", n(100), n(100)}, {"LREM", key("list"), 0, n(100)}, {"LMOVE", key("list"), key("list"), "LEFT", "RIGHT"},
		{"BLPOP", key("list"), "0.01"}, {"SADD", key("set"), n(300), n(300), text()}, {"SREM", key("set"), n(300)}, {"SPOP", key("set")}, {"SPOP", key("set"), 3},
		{"SMOVE", key("set"), key("set"), n(300)}, {"SUNIONSTORE", key("set"), key("set"), key("set")}, {"SDIFFSTORE", key("set"), key("set"), key("set")},
		{"HSET", key("hash"), n(300), text()}, {"HDEL", key("hash"), n(300)}, {"HINCRBY", key("hash2"), n(50), 3}, {"HINCRBYFLOAT", key("hash2"), n(50), "1.5"},
		{"ZADD", key("zset"), r.IntN(1000), n(300), r.IntN(1000), n(300)}, {"ZINCRBY", key("zset"), "1.5", n(300)}, {"ZPOPMIN", key("zset")}, {"ZREMRANGEBYRANK", key("zset"), 0, 1},
		{"ZUNIONSTORE", key("zset"), 2, key("zset"), key("zset")}, {"ZRANGESTORE", key("zset"), key("zset"), 0, 20}, {"GEOADD", key("geo"), r.IntN(180), r.IntN(80), n(50)},
		{"PFADD", key("hll"), n(10000), n(10000)}, {"PFMERGE", key("hll"), key("hll")}, {"XADD", key("stream"), "MAXLEN", "~", 100, "*", "f", text()}, {"XTRIM", key("stream"), "MAXLEN", 50},
		{"XGROUP", "CREATE", key("stream"), "g", "0", "MKSTREAM"}, {"XREADGROUP", "GROUP", "g", "c" + n(3), "COUNT", 3, "STREAMS", key("stream"), ">"},
		{"XAUTOCLAIM", key("stream"), "g", "c" + n(3), 0, "0", "COUNT", 2}, {"XDEL", key("stream"), "1-1"}, {"DEL", key("list"), key("set")}, {"UNLINK", key("zset")},
		{"RENAME", key("str"), key("str")}, {"COPY", key("hash"), key("hash"), "REPLACE"}, {"MOVE", key("str"), r.IntN(3)}, {"SORT", key("set"), "ALPHA", "STORE", key("list")},
		{"MSET", key("str"), n(9), key("str"), n(9)}, {"BITOP", "XOR", key("bits"), key("bits"), key("bits")}, {"SETEX", key("str"), 1, "x"}, {"SELECTED"},
		{"EVAL", "redis.call('SET', KEYS[1], math.random()); redis.call('INCR', KEYS[2]); return redis.call('LPUSH', KEYS[3], ARGV[1])", 3, key("str"), key("num"), key("list"), n(99)},
		{"MULTI", key("num"), key("list")}, {"SWAPDB", 0, r.IntN(3)},
	}
	if r.IntN(3000) == 0 {
		return []any{"FLUSHALL"}
	}
	if ours && r.IntN(8) == 0 {
		extra := [][]any{{"HPEXPIRE", key("hash"), 1 + r.IntN(2000), "FIELDS", 1, n(300)}, {"SPEXPIRE", key("set"), 1 + r.IntN(2000), "MEMBERS", 1, n(300)},
			{"HSETEX", key("hash"), "PX", 1 + r.IntN(2000), "FIELDS", 1, n(300), "v"}}
		return extra[r.IntN(len(extra))]
	}
	return choices[r.IntN(len(choices))]
}

// play runs random commands on a server, in pipelines. Errors of single commands, such as those of wrong
// types, are part of the play.
func play(s *server, r *rand.Rand, calls int, ours bool) {
	for calls > 0 {
		batch := 1 + r.IntN(30)
		pipe := s.Pipeline()
		pipe.Do(ctx, "SELECT", r.IntN(3))
		for range batch {
			switch c := randomCommand(r, ours); c[0] {
			case "SELECTED":
				pipe.Do(ctx, "SELECT", r.IntN(3))
			case "MULTI":
				pipe.Do(ctx, "MULTI")
				pipe.Do(ctx, "INCR", c[1])
				pipe.Do(ctx, "RPUSH", c[2], "in", "multi")
				pipe.Do(ctx, "SPOP", "set:1")
				pipe.Do(ctx, "EXEC")
			default:
				pipe.Do(ctx, c...)
			}
		}
		pipe.Do(ctx, "SELECT", 0)
		_, _ = pipe.Exec(ctx)
		calls -= batch
	}
}

// content is all keys of a server with their values and deadlines, as text. What Redis
// does not tell its replicas of groups is left out unless it is asked for: how many entries were read,
// and consumers that have read nothing.
func content(s *server, wholeGroups bool) map[string]string {
	s.t.Helper()
	all := map[string]string{}
	conn := s.Conn()
	defer conn.Close()
	for db := range 3 {
		if err := conn.Do(ctx, "SELECT", db).Err(); err != nil {
			s.t.Fatal(err)
		}
		keys, err := conn.Keys(ctx, "*").Result()
		if err != nil {
			s.t.Fatal(err)
		}
		for _, k := range keys {
			kind := conn.Type(ctx, k).Val()
			var v any
			switch kind {
			case "string":
				v = conn.Get(ctx, k).Val()
			case "list":
				v = conn.LRange(ctx, k, 0, -1).Val()
			case "set":
				m := conn.SMembers(ctx, k).Val()
				sort.Strings(m)
				v = m
			case "hash":
				v = conn.HGetAll(ctx, k).Val() // printed in the order of the fields
			case "zset":
				v = conn.ZRangeWithScores(ctx, k, 0, -1).Val()
			case "stream":
				groups, _ := conn.Do(ctx, "XINFO", "GROUPS", k).Result()
				pending, _ := conn.Do(ctx, "XPENDING", k, "g").Result()
				if all, ok := groups.([]any); ok && !wholeGroups {
					for i := range all {
						g := all[i].([]any)
						all[i] = append(g[:2:2], g[4:8]...) // its name, what is pending, and the last entry
					}
				}
				v = fmt.Sprint(conn.XRange(ctx, k, "-", "+").Val(), groups, pending)
			}
			all[fmt.Sprint(db, " ", k)] = fmt.Sprint(kind, " ", v, " until ", conn.Do(ctx, "PEXPIRETIME", k).Val())
		}
	}
	return all
}

// same compares two servers, once nothing expires any more.
func same(t *testing.T, a, b *server) {
	t.Helper()
	if a.kind == "cached" && b.kind == "cached" {
		if x, y := a.must("DEBUG", "DIGEST"), b.must("DEBUG", "DIGEST"); x == y {
			return
		}
	}
	x, y := content(a, a.kind == "cached"), content(b, a.kind == "cached")
	differ := 0
	for k, v := range x {
		if y[k] != v {
			if differ++; differ < 6 {
				t.Errorf("%s: the primary has\n%.300s\nthe replica\n%.300s", k, v, y[k])
			}
		}
	}
	for k, v := range y {
		if _, ok := x[k]; !ok {
			if differ++; differ < 6 {
				t.Errorf("%s: the primary has nothing, the replica\n%.300s", k, v)
			}
		}
	}
	if differ == 0 && a.kind == "cached" && b.kind == "cached" {
		t.Error("the digests differ, what is read is the same")
	}
}
