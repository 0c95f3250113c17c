package main

import (
	"fmt"
	"strconv"
)

// cellScript is GCRA as clients write it for Redis: redis_rate and others keep the same state
// in the same way, the time at which all has come back, and reply the same five numbers.
const cellScript = `
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local burst, count, period, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local emission = period * 1000000 / count
local tolerance = emission * (burst + 1)
local tat = redis.call('GET', KEYS[1])
if not tat then tat = now else tat = math.max(tonumber(tat), now) end
local new = tat + emission * cost
if new - tolerance > now then
  return {1, burst + 1, 0, math.ceil((new - tolerance - now) / 1000000), math.ceil((tat - now) / 1000000)}
end
redis.call('SET', KEYS[1], string.format('%.0f', new), 'PX', math.ceil((new - now) / 1000))
return {0, burst + 1, math.floor((tolerance - (new - now)) / emission), -1, math.ceil((new - now) / 1000000)}
`

// cacheKeys is how many keys the loads of this section have.
const cacheKeys = 100_000

// A cacheRow is a call of this section: the first is what the others are compared with.
type cacheRow struct {
	name  string
	redis bool // it is measured on redis-server, else on cached
	args  []string
}

// caches is what a cache is asked for besides reading and writing values.
func (b *bench) caches() error {
	all, stop, err := b.startAll(b.redisLike()[:2])
	if err != nil {
		return err
	}
	defer stop()
	l, err := newLoader(all[1])
	if err != nil {
		return err
	}
	sha, err := l.do("SCRIPT", "LOAD", cellScript)
	l.close()
	if err != nil {
		return err
	}
	const key = "key:__rand_int__"
	err = b.limits(all, []cacheRow{
		{"INCR", false, []string{"INCR", "counter:__rand_int__"}},
		{"CL.THROTTLE", false, []string{"CL.THROTTLE", "cell:__rand_int__", "1000000", "100", "60"}},
		{"LIMIT.TAKE, one GCRA", false, []string{"LIMIT.TAKE", "gcra:__rand_int__", "GCRA", "1000000", "100", "1m"}},
		{"LIMIT.TAKE, one FIXED", false, []string{"LIMIT.TAKE", "fixed:__rand_int__", "FIXED", "1000000", "1h"}},
		{"LIMIT.TAKE, GCRA and FIXED", false, []string{"LIMIT.TAKE", "two:__rand_int__", "GCRA", "1000000", "100", "1m", "FIXED", "1000000", "1d"}},
		{"EVALSHA of GCRA", true, []string{"EVALSHA", unquoted(sha), "1", key, "1000000", "100", "60", "1"}},
		{"EVALSHA of GCRA", false, []string{"EVALSHA", unquoted(sha), "1", key, "1000000", "100", "60", "1"}},
	})
	if err != nil {
		return err
	}
	return b.cachedValues(all[0])
}

// unquoted is the text of a reply that was rendered.
func unquoted(reply string) string {
	if s, err := strconv.Unquote(reply); err == nil {
		return s
	}
	return reply
}

// limits measures calls of rate limits, all of them granted, in turn.
func (b *bench) limits(all []*server, rows []cacheRow) error {
	l, err := newLoader(all[0])
	if err != nil {
		return err
	}
	_, err = l.do("SCRIPT", "LOAD", cellScript)
	l.close()
	if err != nil {
		return err
	}
	n := b.small(1_000_000, 300_000)
	cpu, rate := make([][]float64, len(rows)), make([][]float64, len(rows))
	for round := range b.rounds + 1 { // the first makes the keys
		for i, r := range rows {
			s := all[0]
			if r.redis {
				s = all[1]
			}
			b.note("cache: %s on %s", r.name, s.name)
			v, err := measure(s, n, 16, append([]string{"-r", strconv.Itoa(cacheKeys)}, r.args...)...)
			if err != nil {
				return err
			}
			if round > 0 {
				cpu[i], rate[i] = append(cpu[i], v.cpuUS), append(rate[i], v.perSecond)
			}
		}
	}
	t := newTable("call", "server", "requests/s", "server CPU µs/request", "CPU to INCR", "CPU to EVALSHA on redis")
	script := 0.0
	for i, r := range rows {
		if r.redis {
			script = median(cpu[i])
		}
	}
	for i, r := range rows {
		name := all[0].name
		if r.redis {
			name = all[1].name
		}
		t.add(r.name, name, fmt.Sprintf("%.0f", median(rate[i])), twoDigits(median(cpu[i])), ratio(median(cpu[i]), median(cpu[0])), ratio(median(cpu[i]), script))
	}
	b.section("Rate limits", t, fmt.Sprintf("redis-benchmark at depth 16, 50 connections, %d keys; everything is granted, so every call writes.", cacheKeys))
	return nil
}
