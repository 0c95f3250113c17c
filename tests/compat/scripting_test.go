package compat

import (
	"fmt"
	"strings"
	"testing"

	"cached/internal/script"
)

// TestScriptsWhenNothingCanBeSaved compares which scripts may not write when the last snapshot has failed.
func TestScriptsWhenNothingCanBeSaved(t *testing.T) {
	sameConversation(t, `
		a: FUNCTION LOAD "#!lua name=l\nredis.register_function('f', function(k) return redis.call('SET', k[1], 1) end) redis.register_function{function_name='r', callback=function(k) return redis.call('GET', k[1]) end, flags={'no-writes'}}"
		a: SET k v
		a: CONFIG SET save "3600 1"
		a: CONFIG SET dir /proc
		a: BGSAVE
		.
		.
		.
		a: SET k w
		a: EVAL "return 1" 0
		a: EVAL "return redis.call('SET', KEYS[1], 1)" 1 k
		a: EVAL "return redis.pcall('SET', KEYS[1], 1)" 1 k
		a: EVAL "#!lua\nreturn 1" 0
		a: EVAL "#!lua flags=no-writes\nreturn redis.call('GET', KEYS[1])" 1 k
		a: EVAL "#!lua flags=allow-oom\nreturn 1" 0
		a: EVAL_RO "return redis.call('GET', KEYS[1])" 1 k
		a: FCALL f 1 k
		a: FCALL r 1 k
		a: FCALL_RO r 1 k
		a: MULTI
		a: EVAL "#!lua\nreturn 1" 0
		a: EXEC
		a: MULTI
		a: EVAL "return redis.call('SET', KEYS[1], 1)" 1 k
		a: FCALL r 1 k
		a: EXEC
		a: CONFIG SET stop-writes-on-bgsave-error no
		a: FCALL f 1 k`, "--enable-protected-configs", "yes")
}

// TestErrorsOfScriptsAreCountedAsTheReferences checks that an error counts once: where a command failed, or else
// where the script replies with it.
func TestErrorsOfScriptsAreCountedAsTheReferences(t *testing.T) {
	sameConversation(t, `
		a: SET k v
		a: EVAL "return redis.call('NOSUCH')" 0
		a: EVAL "return redis.pcall('NOSUCH')" 0
		a: EVAL "redis.pcall('NOSUCH') return 1" 0
		a: EVAL "return redis.call('LPUSH', KEYS[1], 1)" 1 k
		a: EVAL "return redis.pcall('LPUSH', KEYS[1], 1)" 1 k
		a: EVAL "return {1, redis.pcall('LPUSH', KEYS[1], 1), {err='OWN thing'}}" 1 k
		a: EVAL "local t = redis.pcall('LPUSH', KEYS[1], 1) error(t)" 1 k
		a: EVAL "return redis.error_reply('MY own')" 0
		a: EVAL "error({err='MY thing'})" 0
		a: EVAL "error('x')" 0
		a: EVAL "return redis.call('AUTH')" 0
		a: EVAL_RO "return redis.call('SET', KEYS[1], 1)" 1 k
		a: INFO errorstats
		a: CONFIG RESETSTAT
		a: INFO errorstats`)
}

// TestPauseHoldsScriptsAsTheReference checks that CLIENT PAUSE WRITE holds commands that may write, and scripts
// that do not declare no-writes.
func TestPauseHoldsScriptsAsTheReference(t *testing.T) {
	sameConversation(t, `
		a: FUNCTION LOAD "#!lua name=l\nredis.register_function('f', function() return 'f' end) redis.register_function{function_name='r', callback=function() return 'r' end, flags={'no-writes'}}"
		a: CLIENT PAUSE 1000000 WRITE
		b: EVAL "return 1" 0
		c: EVAL "#!lua\nreturn 2" 0
		d: EVAL "#!lua flags=no-writes\nreturn 3" 0
		e: EVAL_RO "return 4" 0
		f: FCALL f 0
		g: FCALL r 0
		h: FCALL_RO r 0
		i: PUBLISH x y
		j: PFCOUNT x
		k: SPUBLISH x y
		l: GET x
		m: EVALSHA ffffffffffffffffffffffffffffffffffffffff 0
		n: MULTI
		n: EVAL "#!lua flags=no-writes\nreturn 5" 0
		n: EXEC
		o: MULTI
		o: EVAL "return 6" 0
		o: EXEC
		a: CLIENT UNPAUSE`)
}

// TestSlowlogOfScriptsIsTheReferences checks that the commands of a script are logged before the script, with Lua
// as their client.
func TestSlowlogOfScriptsIsTheReferences(t *testing.T) {
	sameConversation(t, `
		a: SET k v
		a: FUNCTION LOAD "#!lua name=l\nredis.register_function('f', function(k) return redis.call('GET', k[1]) end)"
		a: CONFIG SET slowlog-log-slower-than 0
		a: SLOWLOG RESET
		a: EVAL "redis.call('GET', KEYS[1]) return redis.pcall('LPUSH', KEYS[1], 1)" 1 k
		a: FCALL f 1 k
		a: MULTI
		a: SET a 1
		a: EVAL "return redis.call('GET', KEYS[1])" 1 a
		a: EXEC
		a: CLIENT SETNAME me
		a: EVAL "return redis.call('DEL', KEYS[1])" 1 a
		a: CONFIG SET slowlog-log-slower-than 1000000
		a: SLOWLOG LEN`)
	// The entries themselves have times in them.
	entries := func(p *process) string {
		w := dial(t, p)
		w.want(t, "OK", "CONFIG", "SET", "slowlog-log-slower-than", "0")
		w.want(t, "OK", "SLOWLOG", "RESET")
		w.do(t, "EVAL", "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])", "1", "k", "v")
		w.want(t, "OK", "CONFIG", "SET", "slowlog-log-slower-than", "1000000")
		r := decoded(t, p, "SLOWLOG", "GET", "3")
		var b strings.Builder
		for _, e := range r.Elems {
			if len(e.Elems) != 6 {
				t.Fatalf("an entry of %d", len(e.Elems))
			}
			addr := string(e.Elems[4].Text)
			if addr != "?:0" {
				addr = "client"
			}
			fmt.Fprintf(&b, "%s %s %s\n", script.Render(e.Elems[3]), addr, e.Elems[5].Text)
		}
		return b.String()
	}
	if a, b := entries(startOwn(t, subjectBin)), entries(older.start(t)); a != b {
		t.Errorf("SLOWLOG GET shows\n%s\nof the reference\n%s", a, b)
	}
}
