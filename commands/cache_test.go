package commands_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cached/engine"
)

// call runs one command and returns its reply.
func (s *stage) call(resp3 bool, words ...string) string {
	argv := make([][]byte, len(words))
	for i, w := range words {
		argv[i] = []byte(w)
	}
	return string(s.do("a", argv, resp3))
}

// What is wrong with a call is said by its name, and nothing changes.
func TestCacheCommandsRefuseBadInput(t *testing.T) {
	s := newStage()
	s.call(false, "SET", "k", "old")
	s.call(false, "RPUSH", "list", "x")
	long := strings.Repeat("x", engine.MaxTagName+1)
	for _, x := range []struct{ call, want string }{
		{"CACHE.GET", "ERR wrong number of arguments for 'cache.get' command"},
		{"CACHE.GET k LEASE", "ERR LEASE needs a value"},
		{"CACHE.GET k LEASE 0", "ERR LEASE must be an integer from 1 to 3600000"},
		{"CACHE.GET k LEASE -1", "ERR LEASE must be an integer from 1 to 3600000"},
		{"CACHE.GET k LEASE 3600001", "ERR LEASE must be an integer from 1 to 3600000"},
		{"CACHE.GET k LEASE 99999999999999999999", "ERR LEASE must be an integer from 1 to 3600000"},
		{"CACHE.GET k LEASE 5 LEASE 6", "ERR LEASE was given twice"},
		{"CACHE.GET k WAIT", "ERR WAIT needs a value"},
		{"CACHE.GET k WAIT 0", "ERR WAIT must be an integer from 1 to 3600000"},
		{"CACHE.GET k WAIT 1.5", "ERR WAIT must be an integer from 1 to 3600000"},
		{"CACHE.GET k FRESH", "ERR unknown option 'FRESH' for 'cache.get'"},
		{"CACHE.GET list", "WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"CACHE.MGET 0 k", "ERR numkeys must be an integer from 1 to 2147483647"},
		{"CACHE.MGET 3 k l", "ERR numkeys is greater than the number of keys"},
		{"CACHE.MGET 1 k WAIT 5", "ERR unknown option 'WAIT' for 'cache.mget'"},
		{"CACHE.SET k v TTL", "ERR TTL needs a value"},
		{"CACHE.SET k v TTL 0", "ERR TTL must be an integer from 1 to 3153600000000"},
		{"CACHE.SET k v TTL 9223372036854775807", "ERR TTL must be an integer from 1 to 3153600000000"},
		{"CACHE.SET k v TTL 10 TTL 10", "ERR TTL was given twice"},
		{"CACHE.SET k v SOFT 0", "ERR SOFT must be an integer from 1 to 3153600000000"},
		{"CACHE.SET k v TTL 10 SOFT 10", "ERR SOFT must be less than TTL"},
		{"CACHE.SET k v STALEIFERROR 10", "ERR STALEIFERROR needs TTL"},
		{"CACHE.SET k v TTL 10 JITTER 101", "ERR JITTER must be an integer from 1 to 100"},
		{"CACHE.SET k v JITTER 10", "ERR JITTER needs TTL or SOFT"},
		{"CACHE.SET k v COST 10", "ERR COST needs TTL or SOFT"},
		{"CACHE.SET k v TTL 10 COST 0", "ERR COST must be an integer from 1 to 86400000"},
		{"CACHE.SET k v VERSION -1", "ERR VERSION must be an integer from 0 to 9223372036854775807"},
		{"CACHE.SET k v VERSION 1 VERSION 2", "ERR VERSION was given twice"},
		{"CACHE.SET k v TAGS", "ERR TAGS needs a value"},
		{"CACHE.SET k v TAGS 0", "ERR TAGS must be an integer from 1 to 64"},
		{"CACHE.SET k v TAGS 65 a", "ERR TAGS must be an integer from 1 to 64"},
		{"CACHE.SET k v TAGS 2 a", "ERR TAGS says 2 tags and fewer follow"},
		{"CACHE.SET k v TAGS 1 " + long, "ERR TAGS: the name of a tag has 1 to 1024 bytes"},
		{"CACHE.SET k v TAGS 1 a TAGS 1 b", "ERR TAGS was given twice"},
		{"CACHE.SET k v EX 10", "ERR unknown option 'EX' for 'cache.set'"},
		{"CACHE.SET k v TOKEN", "ERR TOKEN needs a value"},
		{"CACHE.SET k v TOKEN x", "ERR TOKEN is not a token that CACHE.GET gives"},
		{"CACHE.SET k v TOKEN 0", "ERR TOKEN is not a token that CACHE.GET gives"},
		{"CACHE.SET k v TOKEN 7", "ERR TOKEN was given by another server or before a restart"},
		{"CACHE.FAIL k", "ERR wrong number of arguments for 'cache.fail' command"},
		{"CACHE.FAIL k 7", "ERR TOKEN was given by another server or before a restart"},
		{"CACHE.FAIL k x RETRY 5", "ERR TOKEN is not a token that CACHE.GET gives"},
		{"CACHE.PURGE k v", "ERR unknown option 'k' for 'cache.purge'"},
		{"CACHE.PURGE PREFIX k HARD", "ERR unknown option 'HARD' for 'cache.purge'"},
		{"CACHE.PURGED TAG x t", "ERR since must be an integer from 0 to 9223372036854775807"},
		{"TAG.ADD k " + long, "ERR TAGS: the name of a tag has 1 to 1024 bytes"},
		{"TAG.INVALIDATE " + long, "ERR TAGS: the name of a tag has 1 to 1024 bytes"},
		{"TAG.KEYS t x", "ERR invalid cursor"},
		{"TAG.KEYS t 0 COUNT 0", "ERR COUNT must be an integer from 1 to 2147483647"},
		{"TAG.KEYS t 0 MATCH x", "ERR unknown option 'MATCH' for 'tag.keys'"},
	} {
		before := s.keys.Changes(nil)
		if got := s.call(false, strings.Fields(x.call)...); got != "-"+x.want+"\r\n" {
			t.Errorf("%.60s: %.200q, want %q", x.call, got, x.want)
		}
		if n := s.keys.Changes(nil) - before; n != 0 {
			t.Errorf("%.60s: %d changes", x.call, n)
		}
	}
	if got := s.call(false, "GET", "k"); got != "$3\r\nold\r\n" {
		t.Errorf("the key is %q now", got)
	}
	words := []string{"TAG.ADD", "k"}
	for i := range 65 {
		words = append(words, fmt.Sprint("t", i))
	}
	if got := s.call(false, words...); got != "-ERR a key may have 64 tags at most (cache-max-tags)\r\n" {
		t.Errorf("65 tags: %q", got)
	}
}

func TestRepliesOfCacheCommands(t *testing.T) {
	s := newStage()
	s.call(false, "CACHE.SET", "k", "v", "TAGS", "2", "b", "a", "TTL", "100")
	s.call(false, "CACHE.SET", "none", "", "NEGATIVE")
	for _, x := range []struct{ call, resp2, resp3 string }{
		{"CACHE.GET k", "*3\r\n$3\r\nhit\r\n$1\r\nv\r\n$-1\r\n",
			"%3\r\n$6\r\nstatus\r\n$3\r\nhit\r\n$5\r\nvalue\r\n$1\r\nv\r\n$5\r\ntoken\r\n_\r\n"},
		{"CACHE.GET none", "*3\r\n$3\r\nhit\r\n$-1\r\n$-1\r\n",
			"%3\r\n$6\r\nstatus\r\n$3\r\nhit\r\n$5\r\nvalue\r\n_\r\n$5\r\ntoken\r\n_\r\n"},
		{"GET none", "$0\r\n\r\n", "$0\r\n\r\n"},
		{"CACHE.MGET 2 k x", "*2\r\n*3\r\n$3\r\nhit\r\n$1\r\nv\r\n$-1\r\n*3\r\n$4\r\nmiss\r\n$-1\r\n$-1\r\n", ""},
		{"TAG.OF k", "*2\r\n$1\r\nb\r\n$1\r\na\r\n", "~2\r\n$1\r\nb\r\n$1\r\na\r\n"},
		{"TAG.OF nothing", "*0\r\n", "~0\r\n"},
		{"TAG.ADD nothing t", "$-1\r\n", "_\r\n"},
		{"TAG.ADD k a", ":0\r\n", ""},
		{"TAG.KEYS a 0", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n", ""},
		{"TAG.INVALIDATE soft", ":0\r\n", ""},
		{"TAG.INVALIDATE a", ":1\r\n", ""},
		{"EXISTS k", ":0\r\n", ""},
	} {
		if got := s.call(false, strings.Fields(x.call)...); got != x.resp2 {
			t.Errorf("%s: %q, want %q", x.call, got, x.resp2)
		}
		if x.resp3 == "" {
			continue
		}
		if got := s.call(true, strings.Fields(x.call)...); got != x.resp3 {
			t.Errorf("%s in RESP3: %q, want %q", x.call, got, x.resp3)
		}
	}
}

// The nearer its end and the dearer the value, the likelier one client is sent to compute it
// anew before; never two at a time, and never long before.
func TestEarlyRefreshHasOneWinner(t *testing.T) {
	s := newStage()
	early := func(leftMS int64) (n int) {
		for range 400 {
			s.nowMS += 1_000_000
			s.call(false, "CACHE.SET", "k", "v", "TTL", "100000", "SOFT", "60000", "COST", "1000")
			s.nowMS += 60_000 - leftMS
			won := 0
			for range 3 {
				got := s.call(false, "CACHE.GET", "k", "LEASE", "5000")
				if strings.HasPrefix(got, "*3\r\n$3\r\nhit\r\n$1\r\nv\r\n$1") {
					won++
				} else if got != "*3\r\n$3\r\nhit\r\n$1\r\nv\r\n$-1\r\n" {
					t.Fatalf("replied %q", got)
				}
			}
			if won > 1 {
				t.Fatalf("%d have a token", won)
			}
			n += won
			if got := s.call(false, "CACHE.GET", "k"); !strings.HasSuffix(got, "$-1\r\n") {
				t.Fatalf("a token that was not asked for: %q", got)
			}
		}
		return n
	}
	// The chance of one try is exp(-left/cost), and there are three: 0.9, 0.29, 1e-17.
	if near, mid, far := early(600), early(2200), early(41_000); near < 300 || mid < 60 || mid > 220 || far != 0 {
		t.Errorf("of 400 %d, %d and %d were early", near, mid, far)
	}
}

// JITTER shortens both deadlines by the same share, at most what it says.
func TestJitterShortens(t *testing.T) {
	s := newStage()
	least, most := int64(1000), int64(0)
	for range 500 {
		s.call(false, "CACHE.SET", "k", "v", "TTL", "1000", "SOFT", "500", "JITTER", "20")
		var ttl int64
		fmt.Sscanf(s.call(false, "PTTL", "k"), ":%d", &ttl)
		least, most = min(least, ttl), max(most, ttl)
		meta := s.call(false, "CACHE.META", "k")
		var soft int64
		fmt.Sscanf(meta[strings.Index(meta, "soft-deadline")+len("soft-deadline\r\n"):], ":%d", &soft)
		if d := ttl - 2*(soft-s.nowMS); d < -2 || d > 2 {
			t.Fatalf("TTL %d and SOFT %d", ttl, soft-s.nowMS)
		}
	}
	if least < 800 || least > 830 || most > 1000 || most < 970 {
		t.Errorf("from %d to %d", least, most)
	}
}

// While the origin fails, the stale value is served, and no client gets a lease before RETRY.
func TestAFailureKeepsTheStaleValue(t *testing.T) {
	s := newStage()
	get := func(words ...string) (status, value, token string) {
		v, _ := parseRESP([]byte(s.call(false, append([]string{"CACHE.GET", "k"}, words...)...)))
		r := v.([]any)
		str := func(x any) string {
			if x == nil {
				return ""
			}
			return x.(string)
		}
		return str(r[0]), str(r[1]), str(r[2])
	}
	want := func(what, status, value string, words ...string) string {
		t.Helper()
		st, v, token := get(words...)
		if st != status || v != value {
			t.Errorf("%s: %s %q, want %s %q", what, st, v, status, value)
		}
		return token
	}
	s.call(false, "CACHE.SET", "k", "v", "TTL", "1000", "STALEIFERROR", "10000")
	s.nowMS += 999
	want("before the end", "hit", "v", "LEASE", "500")
	s.nowMS++
	token := want("at the end", "miss", "", "LEASE", "500", "STALE")
	want("beside the winner", "busy", "", "LEASE", "500", "STALE")
	if got := s.call(false, "CACHE.FAIL", "k", token, "RETRY", "3000"); got != ":1\r\n" {
		t.Fatalf("CACHE.FAIL: %q", got)
	}
	if next := want("after the failure", "stale", "v", "LEASE", "500"); next != "" {
		t.Error("a token before RETRY")
	}
	s.nowMS += 3000
	if token = want("after RETRY", "miss", "", "LEASE", "500"); token == "" {
		t.Error("no token after RETRY")
	}
	s.call(false, "CACHE.FAIL", "k", token, "RETRY", "9000")
	s.nowMS += 6000
	want("near the end of STALEIFERROR", "stale", "v", "LEASE", "500")
	s.nowMS += 1001
	want("behind it", "busy", "", "LEASE", "500")
	if got := s.call(false, "CACHE.FAIL", "k", token); got != ":0\r\n" {
		t.Errorf("a token that was given back: %q", got)
	}
}

// Leases beyond what is remembered are given without a token.
func TestLeasesAreBounded(t *testing.T) {
	s := newStage()
	given := 0
	for i := range 5 * engine.MaxLeases { // over four shards
		if got := s.call(false, "CACHE.GET", fmt.Sprint("k", i), "LEASE", "60000"); !strings.HasSuffix(got, "$-1\r\n") {
			given++
		}
	}
	if given > 4*engine.MaxLeases || given < 4*engine.MaxLeases-engine.MaxLeases/2 {
		t.Errorf("%d leases", given)
	}
	s.nowMS += 600_000
	var tx engine.Tx
	for range 1 << 15 {
		s.keys.Maintain(&tx, s.nowMS)
	}
	key := fmt.Sprint("new", rand.IntN(1<<20))
	if got := s.call(false, "CACHE.GET", key, "LEASE", "60000"); strings.HasSuffix(got, "$-1\r\n") {
		t.Error("no lease when the others are over")
	}
}
