package commands_test

import (
	"strconv"
	"strings"
	"testing"

	"cached/internal/script"
)

// A limitStage plays calls of limits with a clock that stands still between them.
type limitStage struct {
	*stage
	t *testing.T
}

// call plays a line and returns the reply in one line: the values of a map without their
// names, null as -.
func (s limitStage) call(line string) string {
	s.t.Helper()
	words, err := script.Split(line)
	if err != nil {
		s.t.Fatal(err)
	}
	raw := s.do("a", words, false)
	r, _, err := script.Decode(raw)
	if err != nil {
		s.t.Fatalf("%s: %q: %v", line, raw, err)
	}
	if len(r.Elems) > 0 && string(r.Elems[0].Text) == "allowed" {
		var values []string
		for i := 1; i < len(r.Elems); i += 2 {
			values = append(values, oneLine(r.Elems[i]))
		}
		return strings.Join(values, " ")
	}
	return oneLine(r)
}

func oneLine(r script.Reply) string {
	if r.Null {
		return "-"
	}
	if len(r.Elems) == 0 {
		return string(r.Text)
	}
	var all []string
	for _, e := range r.Elems {
		all = append(all, oneLine(e))
	}
	return strings.Join(all, " ")
}

// play plays lines of "ms | call | reply": ms is how far the clock moves before the call.
func (s limitStage) play(text string) {
	s.t.Helper()
	for line := range strings.Lines(strings.TrimSpace(text)) {
		parts := strings.SplitN(line, "|", 3)
		if len(parts) != 3 {
			s.t.Fatalf("a line without three parts: %q", line)
		}
		ms := int64(0)
		for _, c := range strings.TrimSpace(parts[0]) {
			ms = ms*10 + int64(c-'0')
		}
		s.nowMS += ms
		want := strings.TrimSpace(parts[2])
		if got := s.call(strings.TrimSpace(parts[1])); got != want {
			s.t.Errorf("%s: got\n  %s, want\n  %s", strings.TrimSpace(parts[1]), got, want)
		}
	}
}

func newLimitStage(t *testing.T) limitStage { return limitStage{newStage(), t} }

func TestCLThrottleRepliesAsRedisCell(t *testing.T) {
	s := newLimitStage(t)
	s.play(`
		0    | CL.THROTTLE k 15 30 60    | 0 16 15 -1 2
		0    | RL.THROTTLE k 15 30 60 15 | 0 16 0 -1 32
		0    | CL.THROTTLE k 15 30 60    | 1 16 0 2 32
		0    | TYPE k                    | limiter
		0    | PTTL k                    | 32000
		0    | CL.THROTTLE k 15 30 60 0  | 0 16 0 -1 32
		1999 | CL.THROTTLE k 15 30 60    | 1 16 0 1 31
		1    | CL.THROTTLE k 15 30 60    | 0 16 0 -1 32
		0    | CL.THROTTLE new 15 30 60 17 | 1 16 16 -1 0
		0    | EXISTS new                | 0
		0    | CL.THROTTLE k 15 30       | ERR Usage: cl.throttle <key> <max_burst> <count per period> <period> [<quantity>]
		0    | CL.THROTTLE k -1 30 60    | ERR max_burst must be an integer that is not negative
		0    | CL.THROTTLE k 15 0 60     | ERR count must be a positive integer
		0    | CL.THROTTLE k 15 30 x     | ERR period must be a positive integer
		0    | CL.THROTTLE k 15 30 60 -1 | ERR quantity must be an integer that is not negative
		0    | CL.THROTTLE k 15 9223372036854775807 1 | ERR Zero rates are not supported
		0    | CL.THROTTLE k 9223372036854775807 1 1 | ERR max_burst, period and quantity are too large for count
		0    | SET s text                | OK
		0    | CL.THROTTLE s 15 30 60    | WRONGTYPE Operation against a key holding the wrong kind of value
		0    | RPUSH l 1                 | 1
		0    | CL.THROTTLE l 15 30 60    | WRONGTYPE Operation against a key holding the wrong kind of value
		0    | GET k                     | WRONGTYPE Operation against a key holding the wrong kind of value
		0    | LIMIT.TAKE k FIXED 1 1    | WRONGTYPE the limiter at the key is one of CL.THROTTLE
		0    | LIMIT.INFO k              | kind cl.throttle reset_ms 32000
		0    | PEXPIRE k 10000           | 1
		0    | CL.THROTTLE k 15 30 60 0  | 0 16 11 -1 10
		0    | PERSIST k                 | 1
		0    | CL.THROTTLE k 15 30 60 0  | 0 16 16 -1 0
		0    | CL.THROTTLE k 15 30 60 17 | 1 16 16 -1 0
		0    | LIMIT.RESET k             | 1
		0    | LIMIT.TAKE k FIXED 1 1    | 1 1 0 0 1 -
		0    | CL.THROTTLE k 15 30 60    | WRONGTYPE the limiter at the key is not one of CL.THROTTLE
	`)
	// What redis-cell has left is taken over: here all is used until 30 s from now.
	s.call("SET cell " + strconv.FormatInt(s.nowMS*1_000_000+30_000_000_000, 10) + " PX 30000")
	s.play(`
		0    | CL.THROTTLE cell 15 30 60 0 | 0 16 1 -1 30
		0    | TYPE cell                   | string
		0    | CL.THROTTLE cell 15 30 60   | 0 16 0 -1 32
		0    | TYPE cell                   | limiter
		0    | PTTL cell                   | 32000
	`)
}

// Of every reply the values are allowed, granted, remaining, retry_after_ms, reset_ms and
// refused_by.
func TestLimitTakeDecidesOverAllPolicies(t *testing.T) {
	newLimitStage(t).play(`
		0    | LIMIT.TAKE g GCRA 2 10 1s         | 1 1 1 0 100 -
		0    | LIMIT.TAKE g GCRA 2 10 1s         | 1 1 0 0 200 -
		0    | LIMIT.TAKE g GCRA 2 10 1s         | 0 0 0 100 200 gcra
		40   | LIMIT.PEEK g GCRA 2 10 1000       | 0 0 0 60 160 gcra
		60   | LIMIT.TAKE g GCRA 2 10 1000ms PEEK | 1 1 1 0 100 -
		0    | LIMIT.TAKE g GCRA 2 10 1s         | 1 1 0 0 200 -
		0    | LIMIT.TAKE g GCRA 2 10 1s COST 3  | 0 0 0 -1 200 gcra
		0    | LIMIT.TAKE g GCRA 20 10 1s COST 3 | 1 3 15 0 500 -
		500  | EXISTS g                          | 1
		1    | EXISTS g                          | 0
		0    | LIMIT.TAKE b BUCKET 5 2 1s COST 5 | 1 5 0 0 3000 -
		999  | LIMIT.TAKE b BUCKET 5 2 1s        | 0 0 0 1 2001 bucket
		1    | LIMIT.TAKE b BUCKET 5 2 1s ATMOST COST 4 | 1 2 0 0 3000 -
		0    | LIMIT.TAKE b BUCKET 5 2 1s ATMOST COST 4 | 0 0 0 1000 3000 bucket
		0    | LIMIT.TAKE b BUCKET 5 2 1s FORCE COST 4  | 1 4 0 2000 5000 bucket
		0    | LIMIT.INFO b                      | kind limit reset_ms 5000 ids 0 policies policy BUCKET 5 2 1s remaining 0 debt 4 reset_ms 5000
		0    | LIMIT.TAKE f FIXED 2 1m           | 1 1 1 0 60000 -
		100  | LIMIT.TAKE f FIXED 2 1m           | 1 1 0 0 59900 -
		0    | LIMIT.TAKE f FIXED 2 1m           | 0 0 0 59900 59900 fixed
		0    | LIMIT.TAKE f FIXED 2 1m SHADOW    | 1 1 0 59900 59900 fixed
		59899 | LIMIT.TAKE f FIXED 2 1m          | 0 0 0 1 1 fixed
		1    | LIMIT.TAKE f FIXED 2 1m           | 1 1 1 0 60000 -
		0    | LIMIT.TAKE m FIXED 3 1s FIXED 5 1h GCRA 100 1 1s | 1 1 2 0 3600000 -
		0    | LIMIT.TAKE m FIXED 3 1s FIXED 5 1h GCRA 100 1 1s COST 2 | 1 2 0 0 3600000 -
		0    | LIMIT.TAKE m FIXED 3 1s FIXED 5 1h GCRA 100 1 1s | 0 0 0 1000 3600000 fixed-1
		1000 | LIMIT.TAKE m FIXED 3 1s FIXED 5 1h GCRA 100 1 1s COST 3 | 0 0 2 3599000 3599000 fixed-2
		0    | LIMIT.TAKE m FIXED 3 1s FIXED 5 1h GCRA 100 1 1s COST 2 | 1 2 0 0 3599000 -
		0    | LIMIT.TAKE o LOG 2 1s             | 1 1 1 0 1000 -
		600  | LIMIT.TAKE o LOG 2 1s             | 1 1 0 0 1000 -
		0    | LIMIT.TAKE o LOG 2 1s             | 0 0 0 400 1000 log
		400  | LIMIT.TAKE o LOG 2 1s             | 1 1 0 0 1000 -
	`)
}

// ALIGNED windows and SLIDING ones begin at multiples of their length.
func TestAlignedWindowsFollowTheClock(t *testing.T) {
	s := newLimitStage(t)
	s.nowMS = s.nowMS/60_000*60_000 + 45_000
	s.play(`
		0     | LIMIT.TAKE a FIXED 2 1m ALIGNED COST 2 | 1 2 0 0 15000 -
		14999 | LIMIT.TAKE a FIXED 2 1m ALIGNED        | 0 0 0 1 1 fixed
		1     | LIMIT.TAKE a FIXED 2 1m ALIGNED        | 1 1 1 0 60000 -
		0     | LIMIT.TAKE s SLIDING 10 1m COST 10     | 1 10 0 0 120000 -
		60000 | LIMIT.TAKE s SLIDING 10 1m             | 0 0 0 6000 60000 sliding
		5999  | LIMIT.TAKE s SLIDING 10 1m             | 0 0 0 1 54001 sliding
		1     | LIMIT.TAKE s SLIDING 10 1m             | 1 1 0 0 114000 -
	`)
}

func TestIDsRefundsAndReset(t *testing.T) {
	newLimitStage(t).play(`
		0 | LIMIT.TAKE k FIXED 3 1h ID one COST 2 | 1 2 1 0 3600000 - 0
		0 | LIMIT.TAKE k FIXED 3 1h ID one COST 2 | 1 2 1 0 3600000 - 1
		0 | LIMIT.PEEK k FIXED 3 1h ID one        | 1 2 1 0 3600000 - 1
		0 | LIMIT.TAKE k FIXED 3 1h ID two COST 2 | 0 0 1 3600000 3600000 fixed 0
		0 | LIMIT.REFUND k ID one                 | 2
		0 | LIMIT.REFUND k ID one                 | 0
		0 | EXISTS k                              | 0
		0 | LIMIT.TAKE k FIXED 3 1h ID two COST 3 | 1 3 0 0 3600000 - 0
		0 | LIMIT.REFUND k 2                      | 2
		0 | LIMIT.REFUND k 5                      | 1
		0 | LIMIT.REFUND k 5                      | 0
		0 | LIMIT.INFO k                          | kind limit reset_ms 0 ids 1 policies policy FIXED 3 1h remaining 3 debt 0 reset_ms 0
		0 | LIMIT.RESET k                         | 1
		0 | LIMIT.RESET k                         | 0
		0 | LIMIT.INFO k                          | -
		0 | LIMIT.REFUND k 1                      | 0
		0 | LIMIT.REFUND k 0                      | ERR COST must be 1 to 1000000000000000000
		0 | LIMIT.REFUND k ID ""                  | ERR ID must be 1 to 128 bytes
		0 | LIMIT.REFUND k 1 2                    | ERR unknown option '2'
	`)
}

func TestNamedPolicies(t *testing.T) {
	newLimitStage(t).play(`
		0 | LIMIT.POLICY SET api GCRA 10 100 1m FIXED 5 24h ALIGNED | OK
		0 | LIMIT.POLICY SET one LOG 7 90s     | OK
		0 | LIMIT.POLICY GET api               | GCRA 10 100 1m FIXED 5 1d ALIGNED
		0 | LIMIT.POLICY GET no                | -
		0 | LIMIT.POLICY LIST                  | api GCRA 10 100 1m FIXED 5 1d ALIGNED one LOG 7 90s
		0 | LIMIT.TAKE k POLICY one COST 7     | 1 7 0 0 90000 -
		0 | LIMIT.TAKE k POLICY one            | 0 0 0 90000 90000 one
		0 | LIMIT.TAKE i POLICY api FIXED 1 1h COST 6 | 0 0 1 -1 0 api-2
		0 | FLUSHALL                           | OK
		0 | LIMIT.POLICY DEL one no            | 1
		0 | LIMIT.TAKE k POLICY one            | ERR no policy 'one'
		0 | LIMIT.TAKE k POLICY                | ERR POLICY needs a name
		0 | LIMIT.POLICY SET a POLICY api      | ERR a named policy cannot hold another one
		0 | LIMIT.POLICY SET "a b" FIXED 1 1   | ERR a policy name is 1 to 64 letters, digits, and . _ : -
		0 | LIMIT.POLICY SET a FIXED 0 1       | ERR FIXED limit must be 1 to 1000000000000000000
		0 | LIMIT.POLICY SET a FIXED 1 1 COST  | ERR unknown option 'COST'
		0 | LIMIT.POLICY LIST                  | api GCRA 10 100 1m FIXED 5 1d ALIGNED
	`)
}

func TestHeadersOfLimits(t *testing.T) {
	s := newLimitStage(t)
	s.play(`
		0 | LIMIT.TAKE k GCRA 10 100 1m HEADERS | 1 1 9 0 600 - "gcra";r=9;t=1 "gcra";q=10;w=6 -
		0 | LIMIT.POLICY SET day FIXED 2 1d     | OK
		0 | LIMIT.TAKE l FIXED 1 1500ms POLICY day HEADERS | 1 1 0 0 86400000 - "fixed-1";r=0;t=2, "day";r=1;t=86400 "fixed-1";q=1;w=2, "day";q=2;w=86400 -
		0 | LIMIT.TAKE l FIXED 1 1500ms POLICY day HEADERS | 0 0 0 1500 86400000 fixed-1 "fixed-1";r=0;t=2, "day";r=1;t=86400 "fixed-1";q=1;w=2, "day";q=2;w=86400 2
	`)
	words, _ := script.Split("LIMIT.TAKE m FIXED 1 1h ID x HEADERS")
	if got := string(s.do("a", words, true)); !strings.HasPrefix(got, "%10\r\n$7\r\nallowed\r\n:1\r\n") {
		t.Errorf("RESP3: %q", got)
	}
}

// What cannot be right is an error that names the argument, and changes nothing.
func TestBadLimitsAreRefused(t *testing.T) {
	s := newLimitStage(t)
	s.play(`
		0 | LIMIT.TAKE k GCRA 1 1 1s            | 1 1 0 0 1000 -
		0 | LIMIT.TAKE k COST                   | ERR COST needs a number
		0 | LIMIT.TAKE k COST 1                 | ERR a policy is missing: GCRA, BUCKET, FIXED, SLIDING, LOG or POLICY name
		0 | LIMIT.TAKE k GCRA 1 1               | ERR GCRA needs burst, count and period
		0 | LIMIT.TAKE k BUCKET 1 1             | ERR BUCKET needs capacity, refill and period
		0 | LIMIT.TAKE k SLIDING 1              | ERR SLIDING needs limit and window
		0 | LIMIT.TAKE k GCRA 0 1 1             | ERR GCRA burst must be 1 to 1000000000000000000
		0 | LIMIT.TAKE k GCRA 1000000000000000001 1 1 | ERR GCRA burst must be 1 to 1000000000000000000
		0 | LIMIT.TAKE k GCRA 99999999999999999999 1 1 | ERR GCRA burst must be 1 to 1000000000000000000
		0 | LIMIT.TAKE k GCRA 1 -1 1            | ERR GCRA count must be 1 to 1000000000000000000
		0 | LIMIT.TAKE k GCRA 1 1 0             | ERR GCRA period must be 1 ms to 1000 years
		0 | LIMIT.TAKE k GCRA 1 1 -5s           | ERR GCRA period must be 1 ms to 1000 years
		0 | LIMIT.TAKE k GCRA 1 1 1w            | ERR GCRA period must be 1 ms to 1000 years
		0 | LIMIT.TAKE k GCRA 1 1 366001d       | ERR GCRA period must be 1 ms to 1000 years
		0 | LIMIT.TAKE k GCRA 1000000000000000000 1 1 | ERR GCRA what is used up must come back within 1000 years
		0 | LIMIT.TAKE k BUCKET 0 1 1           | ERR BUCKET capacity must be 1 to 1000000000000000000
		0 | LIMIT.TAKE k BUCKET 1 0 1           | ERR BUCKET refill must be 1 to 1000000000000000000
		0 | LIMIT.TAKE k FIXED 1 0              | ERR FIXED window must be 1 ms to 1000 years
		0 | LIMIT.TAKE k LOG 10001 1            | ERR LOG limit of LOG must be 1 to 10000
		0 | LIMIT.TAKE k FIXED 1 1 COST x       | ERR COST must be 1 to 1000000000000000000
		0 | LIMIT.TAKE k FIXED 1 1 COST -1      | ERR COST must be 1 to 1000000000000000000
		0 | LIMIT.TAKE k FIXED 1 1 ID           | ERR ID needs a request id
		0 | LIMIT.TAKE k FIXED 1 1 ATMOST FORCE | ERR ATMOST and FORCE exclude each other
		0 | LIMIT.TAKE k FIXED 1 1 PEEK FORCE   | ERR PEEK and FORCE exclude each other
		0 | LIMIT.PEEK k FIXED 1 1 FORCE        | ERR PEEK and FORCE exclude each other
		0 | LIMIT.TAKE k FIXED 1 1 MAYBE        | ERR unknown option 'MAYBE'
		0 | LIMIT.TAKE k LOG 1 1 LOG 1 2 LOG 1 3 LOG 1 4 LOG 1 5 LOG 1 6 LOG 1 7 LOG 1 8 LOG 1 9 | ERR more than 8 policies
		0 | LIMIT.TAKE k FIXED 1 1              | 1 1 0 0 1 -
		0 | CACHE.SETSTATE bad limiter malformed | OK
		0 | LIMIT.TAKE bad FIXED 1 1            | ERR the state of the limiter is malformed
		0 | CL.THROTTLE bad 1 1 1               | WRONGTYPE the limiter at the key is not one of CL.THROTTLE
		0 | CACHE.SETSTATE lock lock x          | OK
		0 | LIMIT.TAKE lock FIXED 1 1           | WRONGTYPE Operation against a key holding the wrong kind of value
		0 | LIMIT.RESET lock                    | WRONGTYPE Operation against a key holding the wrong kind of value
		0 | LIMIT.INFO lock                     | WRONGTYPE Operation against a key holding the wrong kind of value
	`)
}
