package compat

import (
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestSetsThroughTheClientLibrary(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.SAdd(ctx, "a", "1", "2", "x", "2"), 3)
		eq(t, rdb.SAdd(ctx, "b", "2", "x", "y"), 3)
		eq(t, rdb.SCard(ctx, "a"), 3)
		eq(t, rdb.SIsMember(ctx, "a", "x"), true)
		eq(t, rdb.SIsMember(ctx, "a", "y"), false)
		eq(t, rdb.SMIsMember(ctx, "a", "x", "y", "2"), []bool{true, false, true})
		sorted(t, rdb.SMembers(ctx, "a"), "1", "2", "x")
		eq(t, rdb.SMembersMap(ctx, "a"), map[string]struct{}{"1": {}, "2": {}, "x": {}})
		sorted(t, rdb.SInter(ctx, "a", "b"), "2", "x")
		sorted(t, rdb.SUnion(ctx, "a", "b", "none"), "1", "2", "x", "y")
		sorted(t, rdb.SDiff(ctx, "a", "b"), "1")
		eq(t, rdb.SInterCard(ctx, 0, "a", "b"), 2)
		eq(t, rdb.SInterCard(ctx, 1, "a", "b"), 1)
		eq(t, rdb.SInterStore(ctx, "i", "a", "b"), 2)
		eq(t, rdb.SUnionStore(ctx, "u", "a", "b"), 4)
		eq(t, rdb.SDiffStore(ctx, "d", "a", "b"), 1)
		eq(t, rdb.SMove(ctx, "a", "d", "x"), true)
		eq(t, rdb.SMove(ctx, "a", "d", "none"), false)
		eq(t, rdb.SRem(ctx, "d", "1", "none"), 1)
		eq(t, rdb.SRandMember(ctx, "d"), "x")
		eq(t, rdb.SRandMemberN(ctx, "d", -2), []string{"x", "x"})
		isNil(t, rdb.SRandMember(ctx, "none"))
		scanned(t, rdb.SScan(ctx, "u", 0, "[xy]", 100), "x", "y")
		eq(t, rdb.SPop(ctx, "d"), "x")
		isNil(t, rdb.SPop(ctx, "d"))
		sorted(t, rdb.SPopN(ctx, "u", 9), "1", "2", "x", "y")
		eq(t, rdb.Exists(ctx, "d", "u"), 0)
	})
}
