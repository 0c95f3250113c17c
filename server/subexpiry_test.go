package server

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"

	"cached/engine"
	"cached/persistence"
)

// INFO said subexpiry=0 whatever there was. And a hash that was renamed within its shard
// lost the mark that finds it: its fields never expired, which the count shows.
func TestHashesWithDeadlinesOfFieldsAreCounted(t *testing.T) {
	rows := persistence.New(persistence.Options{Engine: engine.New(engine.Options{})}).Commands()
	_, path := startWith(t, Options{Rows: rows}, "--hash-max-listpack-entries", "4")
	conn, r := dial(t, path)
	k := talk{t, conn, r}
	count := regexp.MustCompile(`db(\d):keys=\d+,expires=\d+,avg_ttl=\d+,subexpiry=(\d+)`)
	timed := regexp.MustCompile(`[1-9]\d{9}`) // a deadline
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	key, field := func() string { return pick("a", "b", "c", "d") }, func() string { return pick("1", "2", "3", "4", "5", "6") }
	var done []string
	for range 1500 {
		var call []string
		switch random.IntN(16) {
		default:
			call = []string{"HSET", key(), field(), "v", field(), "w"}
		case 0, 1, 2:
			call = []string{"HEXPIRE", key(), "1000", "FIELDS", "2", field(), field()}
		case 3:
			call = []string{"HPERSIST", key(), "FIELDS", "3", field(), field(), field()}
		case 4:
			call = []string{"HDEL", key(), field(), field(), field()}
		case 5:
			call = []string{"SET", key(), "v"}
		case 6:
			call = []string{pick("DEL", "UNLINK", "GETDEL"), key()}
		case 7:
			call = []string{"COPY", key(), key(), "DB", pick("0", "1"), "REPLACE"}
		case 8:
			call = []string{pick("RENAME", "RENAMENX"), key(), key()}
		case 9:
			call = []string{pick("SWAPDB", "SWAPDB", "SWAPDB", "FLUSHDB"), "0", "1"}
			if call[0] == "FLUSHDB" {
				call = call[:1]
			}
		case 10:
			call = []string{"MOVE", key(), "1"}
		case 11:
			call = []string{"HEXPIREAT", key(), "1", "FIELDS", "2", field(), field()} // at once
		case 12:
			call = []string{"EXPIRE", key(), pick("1000", "-1")}
		}
		done = append(done, fmt.Sprint(call))
		k.do(call...)
		want := map[string]int{}
		for _, db := range []string{"1", "0"} {
			k.do("SELECT", db)
			for _, name := range []string{"a", "b", "c", "d"} {
				if timed.MatchString(k.do("HEXPIRETIME", name, "FIELDS", "6", "1", "2", "3", "4", "5", "6")) {
					want[db]++
				}
			}
		}
		for _, m := range count.FindAllStringSubmatch(k.do("INFO", "keyspace"), -1) {
			if got := m[2]; got != fmt.Sprint(want[m[1]]) {
				t.Fatalf("seed %d: database %s has subexpiry=%s, want %d, after %v", seed, m[1], got, want[m[1]], done[max(len(done)-12, 0):])
			}
		}
	}
}
