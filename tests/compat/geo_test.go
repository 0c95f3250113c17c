package compat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Searches find the same places in the same order, near the poles and across the
// date line too.
func TestPlacesAreFoundAsTheReferenceFindsThem(t *testing.T) {
	mine, theirs := dial(t, startOwn(t, subjectBin)), dial(t, older.start(t))
	rng := rand.New(rand.NewPCG(7, 8))
	spread := []float64{180, 20, 1, 0.01}
	same := func(args ...string) {
		t.Helper()
		if a, b := mine.do(t, args...), theirs.do(t, args...); a != b {
			t.Errorf("%q:\n%s\nthe reference:\n%s", args, a, b)
		}
	}
	point := func(scale float64) (lon, lat string) {
		x, y := (rng.Float64()*2-1)*scale, (rng.Float64()*2-1)*min(scale, 85)
		if rng.IntN(4) == 0 {
			x = 180 - x/100
		}
		if rng.IntN(4) == 0 {
			y = 85 - y/100
		}
		return fmt.Sprint(min(max(x, -180), 180)), fmt.Sprint(min(max(y, -85.05), 85.05))
	}
	for i := range 1500 {
		lon, lat := point(spread[i%len(spread)])
		same("GEOADD", "g", lon, lat, fmt.Sprint("m", i))
	}
	same("ZRANGE", "g", "0", "-1", "WITHSCORES")
	units := []string{"m", "km", "mi", "ft"}
	var all, differ int
	for range 600 {
		lon, lat := point(spread[rng.IntN(len(spread))])
		size := fmt.Sprint(rng.ExpFloat64() * []float64{10, 1000, 100000, 3000000}[rng.IntN(4)])
		args := []string{"GEOSEARCH", "g", "FROMLONLAT", lon, lat}
		if rng.IntN(3) == 0 {
			args = []string{"GEOSEARCH", "g", "FROMMEMBER", fmt.Sprint("m", rng.IntN(1500))}
		}
		if rng.IntN(2) == 0 {
			args = append(args, "BYRADIUS", size, units[rng.IntN(4)])
		} else {
			args = append(args, "BYBOX", size, fmt.Sprint(rng.Float64()*1e6), units[rng.IntN(4)])
		}
		switch rng.IntN(4) {
		case 0:
			args = append(args, "WITHDIST", "WITHHASH", "WITHCOORD")
		case 1:
			args = append(args, "COUNT", fmt.Sprint(1+rng.IntN(20)), "ANY")
		}
		same(args...)
		if !slices.Contains(args, "WITHDIST") && !slices.Contains(args, "ANY") {
			same(append(append([]string{"GEOSEARCHSTORE", "far"}, args[1:]...), "STOREDIST")...)
			n, d := distances(t, mine, theirs)
			all, differ = all+n, differ+d
		}
		a, b := fmt.Sprint("m", rng.IntN(1500)), fmt.Sprint("m", rng.IntN(1500))
		same("GEODIST", "g", a, b, units[rng.IntN(4)])
		same("GEOHASH", "g", a, b)
		same("GEOPOS", "g", a, b)
	}
	// The C library's sine has a wrong last digit once in a thousand times.
	if differ > all/100 {
		t.Errorf("%d of %d distances have another last digit", differ, all)
	}
	t.Logf("%d of %d distances have another last digit", differ, all)
}

// distances compares the distances that STOREDIST stored in "far", and returns their number and in how many the
// last digit differs.
func distances(t *testing.T, mine, theirs *wire) (all, differ int) {
	t.Helper()
	far := func(w *wire) map[string]float64 {
		scores := map[string]float64{}
		words := strings.Split(w.do(t, "ZRANGE", "far", "0", "-1", "WITHSCORES"), `"`)
		for i := 1; i+2 < len(words); i += 4 { // between the quotes
			scores[words[i]], _ = strconv.ParseFloat(words[i+2], 64)
		}
		return scores
	}
	want, got := far(theirs), far(mine)
	if len(got) != len(want) {
		t.Errorf("%d distances, %d for the reference", len(got), len(want))
	}
	for m, w := range want {
		g, there := got[m]
		if !there || !(math.Abs(g-w) <= w*1e-15) {
			t.Errorf("%s is %v away, and %v for the reference", m, g, w)
		} else if g != w {
			differ++
		}
	}
	return len(want), differ
}

func TestGeoAndSort(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.GeoAdd(ctx, "g", &redis.GeoLocation{Name: "Palermo", Longitude: 13.361389, Latitude: 38.115556},
			&redis.GeoLocation{Name: "Catania", Longitude: 15.087269, Latitude: 37.502669}), 2)
		eq(t, rdb.GeoDist(ctx, "g", "Palermo", "Catania", "km"), 166.2742)
		if hash := value(t, rdb.GeoHash(ctx, "g", "Palermo")); len(hash) != 1 || hash[0] != "sqc8b49rny0" {
			t.Errorf("GEOHASH: %q", hash)
		}
		found := value(t, rdb.GeoSearchLocation(ctx, "g", &redis.GeoSearchLocationQuery{
			GeoSearchQuery: redis.GeoSearchQuery{Longitude: 15, Latitude: 37, Radius: 200, RadiusUnit: "km", Sort: "ASC"}, WithDist: true, WithCoord: true}))
		if len(found) != 2 || found[0].Name != "Catania" || found[0].Dist != 56.4413 {
			t.Errorf("GEOSEARCH: %+v", found)
		}
		eq(t, rdb.GeoSearchStore(ctx, "g", "near", &redis.GeoSearchStoreQuery{
			GeoSearchQuery: redis.GeoSearchQuery{Member: "Palermo", Radius: 1, RadiusUnit: "km"}}), 1)
		pos := value(t, rdb.GeoPos(ctx, "g", "Catania", "none"))
		if len(pos) != 2 || pos[0] == nil || pos[1] != nil {
			t.Errorf("GEOPOS: %+v", pos)
		}

		value(t, rdb.RPush(ctx, "l", 3, 1, 2))
		value(t, rdb.MSet(ctx, "w_1", "c", "w_2", "b", "w_3", "a"))
		if got := value(t, rdb.Sort(ctx, "l", &redis.Sort{By: "w_*", Alpha: true, Get: []string{"#", "w_*"}})); fmt.Sprint(got) != "[3 a 2 b 1 c]" {
			t.Errorf("SORT: %q", got)
		}
		eq(t, rdb.SortStore(ctx, "l", "sorted", &redis.Sort{Order: "DESC", Offset: 0, Count: 2}), 2)
		if got := value(t, rdb.SortRO(ctx, "sorted", &redis.Sort{By: "nosort"})); fmt.Sprint(got) != "[3 2]" {
			t.Errorf("SORT_RO: %q", got)
		}
	})
}

// SORT ... STORE wakes clients that wait for the list.
func TestSortStoreWakes(t *testing.T) {
	p := subject(t)
	rdb := newClient(t, p, 2)
	value(t, rdb.RPush(ctx, "l", 2, 1))
	got := make(chan []string, 1)
	go func() { got <- newClient(t, p, 2).BLPop(ctx, 0, "dst").Val() }()
	awaitBlocked(t, rdb, 1)
	value(t, rdb.SortStore(ctx, "l", "dst", &redis.Sort{}))
	if v := <-got; fmt.Sprint(v) != "[dst 1]" {
		t.Errorf("BLPOP: %q", v)
	}
}
