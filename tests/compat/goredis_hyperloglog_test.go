package compat

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestHyperLogLogsThroughTheClientLibrary(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.PFAdd(ctx, "a", "x", "y", "z"), 1)
		eq(t, rdb.PFAdd(ctx, "a", "x"), 0)
		eq(t, rdb.PFCount(ctx, "a"), 3)
		eq(t, rdb.PFAdd(ctx, "b", "z", "1", "2"), 1)
		eq(t, rdb.PFCount(ctx, "a", "b", "none"), 5)
		eq(t, rdb.PFMerge(ctx, "m", "a", "b"), "OK")
		eq(t, rdb.PFCount(ctx, "m"), 5)

		// A large one is within six times the standard error of 0.81%.
		const n = 20_000
		for i := 0; i < n; i += 1000 {
			var elements []any
			for j := range 1000 {
				elements = append(elements, fmt.Sprint(i+j))
			}
			value(t, rdb.PFAdd(ctx, "large", elements...))
		}
		if got := value(t, rdb.PFCount(ctx, "large")); got < n*95/100 || got > n*105/100 {
			t.Errorf("%d elements are counted as %d", n, got)
		}
		// It is a string, which may be kept elsewhere and written back.
		eq(t, rdb.Set(ctx, "copy", value(t, rdb.Get(ctx, "large")), 0), "OK")
		eq(t, rdb.PFCount(ctx, "copy"), value(t, rdb.PFCount(ctx, "large")))
		eq(t, rdb.StrLen(ctx, "copy"), 12304)

		eq(t, rdb.Set(ctx, "s", "text", 0), "OK")
		fails(t, rdb.PFAdd(ctx, "s", "x"), "WRONGTYPE Key is not a valid HyperLogLog string value.")
		fails(t, rdb.PFCount(ctx, "a", "s"), "WRONGTYPE Key is not a valid HyperLogLog string value.")
		eq(t, rdb.LPush(ctx, "l", "x"), 1)
		fails(t, rdb.PFMerge(ctx, "m", "l"), wrongType)
	})
}
