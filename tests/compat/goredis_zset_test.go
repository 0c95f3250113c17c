//lint:file-ignore SA1019 what Redis calls deprecated has to work as well

package compat

import (
	"math"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func zs(pairs ...any) []redis.Z {
	var all []redis.Z
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, redis.Z{Member: pairs[i], Score: pairs[i+1].(float64)})
	}
	return all
}

func TestSortedSetsThroughTheClientLibrary(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.ZAdd(ctx, "z", zs("a", 1.0, "b", 2.5, "c", math.Inf(1))...), 3)
		eq(t, rdb.ZAddNX(ctx, "z", zs("a", 5.0, "d", 4.0)...), 1)
		eq(t, rdb.ZAddXX(ctx, "z", zs("a", 1.5, "e", 4.0)...), 0)
		eq(t, rdb.ZAddGT(ctx, "z", zs("a", 1.0)...), 0)
		eq(t, rdb.ZAddLT(ctx, "z", zs("a", 1.0)...), 0)
		eq(t, rdb.ZAddArgs(ctx, "z", redis.ZAddArgs{Ch: true, GT: true, Members: zs("a", 3.0, "b", 1.0)}), 1)
		eq(t, rdb.ZAddArgsIncr(ctx, "z", redis.ZAddArgs{Members: zs("a", -2.0)}), 1)
		isNil(t, rdb.ZAddArgsIncr(ctx, "z", redis.ZAddArgs{NX: true, Members: zs("a", 1.0)}))
		eq(t, rdb.ZIncrBy(ctx, "z", 0.5, "a"), 1.5)
		eq(t, rdb.ZCard(ctx, "z"), 4)
		eq(t, rdb.ZCount(ctx, "z", "(1.5", "+inf"), 3)
		eq(t, rdb.ZScore(ctx, "z", "c"), math.Inf(1))
		isNil(t, rdb.ZScore(ctx, "z", "none"))
		eq(t, rdb.ZMScore(ctx, "z", "a", "d"), []float64{1.5, 4})
		eq(t, rdb.ZRank(ctx, "z", "b"), 1)
		eq(t, rdb.ZRevRank(ctx, "z", "b"), 2)
		isNil(t, rdb.ZRank(ctx, "z", "none"))
		scanned(t, rdb.ZScan(ctx, "z", 0, "b", 0), "2.5", "b")

		eq(t, rdb.ZRange(ctx, "z", 0, 1), []string{"a", "b"})
		eq(t, rdb.ZRangeWithScores(ctx, "z", 0, 1), zs("a", 1.5, "b", 2.5))
		eq(t, rdb.ZRevRange(ctx, "z", 0, 0), []string{"c"})
		eq(t, rdb.ZRevRangeWithScores(ctx, "z", 0, 1), zs("c", math.Inf(1), "d", 4.0))
		by := &redis.ZRangeBy{Min: "(1.5", Max: "5", Offset: 0, Count: 1}
		eq(t, rdb.ZRangeByScore(ctx, "z", by), []string{"b"})
		eq(t, rdb.ZRangeByScoreWithScores(ctx, "z", by), zs("b", 2.5))
		eq(t, rdb.ZRevRangeByScore(ctx, "z", by), []string{"d"})
		eq(t, rdb.ZRevRangeByScoreWithScores(ctx, "z", by), zs("d", 4.0))
		args := redis.ZRangeArgs{Key: "z", Start: "(9", Stop: "2", ByScore: true, Rev: true}
		eq(t, rdb.ZRangeArgs(ctx, args), []string{"d", "b"})
		eq(t, rdb.ZRangeArgsWithScores(ctx, args), zs("d", 4.0, "b", 2.5))
		eq(t, rdb.ZRangeStore(ctx, "r", args), 2)
		value(t, rdb.ZAdd(ctx, "lex", zs("a", 0.0, "b", 0.0, "c", 0.0, "d", 0.0)...))
		lex := &redis.ZRangeBy{Min: "[b", Max: "(d"}
		eq(t, rdb.ZRangeByLex(ctx, "lex", lex), []string{"b", "c"})
		eq(t, rdb.ZRevRangeByLex(ctx, "lex", lex), []string{"c", "b"})
		eq(t, rdb.ZLexCount(ctx, "lex", "-", "+"), 4)
		eq(t, rdb.ZRemRangeByLex(ctx, "lex", "[b", "(d"), 2)
		eq(t, rdb.ZRemRangeByScore(ctx, "lex", "-inf", "+inf"), 2)

		value(t, rdb.ZAdd(ctx, "y", zs("b", 1.0, "d", 2.0, "y", 3.0)...))
		both := redis.ZStore{Keys: []string{"r", "y"}, Weights: []float64{1, 10}, Aggregate: "MAX"}
		eq(t, rdb.ZInter(ctx, &both), []string{"b", "d"})
		eq(t, rdb.ZInterWithScores(ctx, &both), zs("b", 10.0, "d", 20.0))
		eq(t, rdb.ZInterCard(ctx, 1, "r", "y"), 1)
		eq(t, rdb.ZInterStore(ctx, "i", &both), 2)
		eq(t, rdb.ZUnion(ctx, both), []string{"b", "d", "y"})
		eq(t, rdb.ZUnionWithScores(ctx, both), zs("b", 10.0, "d", 20.0, "y", 30.0))
		eq(t, rdb.ZUnionStore(ctx, "u", &both), 3)
		eq(t, rdb.ZDiff(ctx, "y", "r"), []string{"y"})
		eq(t, rdb.ZDiffWithScores(ctx, "y", "r"), zs("y", 3.0))
		eq(t, rdb.ZDiffStore(ctx, "d", "y", "r"), 1)
		eq(t, rdb.ZRandMember(ctx, "d", -2), []string{"y", "y"})
		eq(t, rdb.ZRandMemberWithScores(ctx, "d", 5), zs("y", 3.0))

		eq(t, rdb.ZRem(ctx, "y", "d", "none"), 1)
		eq(t, rdb.ZRemRangeByRank(ctx, "y", 0, 0), 1)
		eq(t, rdb.ZPopMin(ctx, "u"), zs("b", 10.0))
		eq(t, rdb.ZPopMax(ctx, "u", 5), zs("y", 30.0, "d", 20.0))
		eq(t, rdb.ZPopMax(ctx, "u"), []redis.Z{})
		popped := func(cmd *redis.ZSliceWithKeyCmd, want redis.Z) {
			t.Helper()
			if key, got, err := cmd.Result(); err != nil || key != "z" || len(got) != 1 || got[0] != want {
				t.Errorf("%s: %q %v %v, want %v", cmd, key, got, err, want)
			}
		}
		popped(rdb.ZMPop(ctx, "min", 1, "none", "z"), redis.Z{Member: "a", Score: 1.5})
		popped(rdb.BZMPop(ctx, time.Minute, "max", 1, "none", "z"), redis.Z{Member: "c", Score: math.Inf(1)})
		eq(t, rdb.BZPopMin(ctx, time.Minute, "none", "z"), &redis.ZWithKey{Key: "z", Z: redis.Z{Member: "b", Score: 2.5}})
		eq(t, rdb.BZPopMax(ctx, time.Minute, "z"), &redis.ZWithKey{Key: "z", Z: redis.Z{Member: "d", Score: 4}})
		eq(t, rdb.Exists(ctx, "z", "u"), 0)
	})
}

func TestRanksWithScores(t *testing.T) {
	since(t, "7.2")
	both(t, func(t *testing.T, rdb *redis.Client) {
		value(t, rdb.ZAdd(ctx, "z", zs("a", 1.0, "b", 2.5, "c", math.Inf(1))...))
		eq(t, rdb.ZRankWithScore(ctx, "z", "b"), redis.RankScore{Rank: 1, Score: 2.5})
		eq(t, rdb.ZRevRankWithScore(ctx, "z", "c"), redis.RankScore{Rank: 0, Score: math.Inf(1)})
		isNil(t, rdb.ZRankWithScore(ctx, "z", "none"))
	})
}
