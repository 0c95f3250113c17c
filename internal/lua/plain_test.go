package lua

import (
	"fmt"
	"strings"
	"testing"

	"cached/internal/resp"
)

// runWith runs a script that the analysis has seen.
func runWith(t *testing.T, s *State, code string, keys, args []string) (reply string, plain bool, err error) {
	t.Helper()
	p, err := Compile(code, keysOf)
	if err != nil {
		t.Fatalf("%s: %v", code, err)
	}
	words := func(list []string) (out [][]byte) {
		for _, x := range list {
			out = append(out, []byte(x))
		}
		return out
	}
	var w resp.Writer
	err = s.Run(p, words(keys), words(args), mute{}, &w)
	return string(w.B), p.plain, err
}

// What a plain program has as local variables is what another has as globals.
func TestPlainProgramsSeeWhatOthersSee(t *testing.T) {
	s := NewState(Options{})
	defer s.Close()
	manyLocals := ""
	for i := range 194 {
		manyLocals += fmt.Sprintf("local v%d = %d ", i, i)
	}
	for _, c := range []struct {
		code, want string
		plain      bool
	}{
		{`return {redis.call('get', KEYS[1]), KEYS[1], ARGV[1], ARGV[2], #KEYS, #ARGV}`, "*6\r\n+OK\r\n$1\r\nk\r\n$1\r\na\r\n$1\r\nb\r\n:1\r\n:2\r\n", true},
		{`local f = function() return redis.pcall('get', KEYS[1]) end return {f(), type(ARGV)}`, "*2\r\n+OK\r\n$5\r\ntable\r\n", true},
		{`local co = coroutine.wrap(function() coroutine.yield(KEYS[1] .. ARGV[1]) end) return co()`, "$2\r\nka\r\n", true},
		{`local call = redis.call return {call('get', KEYS[1])}`, "*1\r\n+OK\r\n", true},
		{`local r = redis return {r.call('get', KEYS[1]), ARGV[2]}`, "*2\r\n+OK\r\n$1\r\nb\r\n", false},
		{`local ARGV = {'own'} return ARGV[1]`, "$3\r\nown\r\n", false},
		{`return ARGV[1] .. (function(...) return select('#', ...) end)(1, 2)`, "$2\r\na2\r\n", true},
		{`return {select('#', ...), select('#', (...)), ...}`, "*2\r\n:0\r\n:1\r\n", true},
		{manyLocals + `return v193 .. ARGV[1]`, "$4\r\n193a\r\n", false},
	} {
		got, plain, err := runWith(t, s, c.code, []string{"k"}, []string{"a", "b"})
		if plain != c.plain {
			t.Errorf("%.80s: plain is %v", c.code, plain)
		}
		if err != nil || got != c.want {
			t.Errorf("%.80s: %q %v", c.code, got, err)
		}
	}
	for code, want := range map[string]string{
		`KEYS = {} return redis.call('get', KEYS[1])`: "Attempt to modify a readonly table",
		`ARGV = {} return redis.call('get', KEYS[1])`: "Attempt to modify a readonly table",
		`redis.call = 1 return KEYS[1]`:               "Attempt to modify a readonly table",
		`redis.call('get', KEYS[1]) x = 1`:            "Attempt to modify a readonly table",
		`return redis.call('get', KEYS[1]) + y`:       "Script attempted to access nonexistent global variable 'y'",
	} {
		if _, _, err := runWith(t, s, code, []string{"k"}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// The tables of words are used again, and show nothing of the script before.
func TestTablesOfWordsAreCleanForTheNextScript(t *testing.T) {
	s := NewState(Options{})
	defer s.Close()
	for _, dirty := range []string{
		`ARGV.x = 1`, `ARGV[3] = 'more'`, `ARGV[2] = nil`, `ARGV[1] = nil ARGV[2] = nil`, `table.insert(ARGV, 'more')`, `table.remove(ARGV)`,
		`table.sort(ARGV, function(a, b) return a > b end)`, `setmetatable(ARGV, {__index = function() return 'meta' end})`,
		`KEYS.x = 1`, `KEYS[2] = 'more'`, `rawset(KEYS, 'x', 1)`, `setmetatable(KEYS, {__len = function() return 9 end})`,
		`ARGV[5] = 1 ARGV[5] = nil`, `ARGV.x = 1 ARGV.x = nil`, `ARGV[0] = 'zero'`, `ARGV[1.5] = 'half'`, `ARGV[true] = 1`,
	} {
		if _, _, err := runWith(t, s, dirty, []string{"k"}, []string{"a", "b"}); err != nil {
			t.Errorf("%s: %v", dirty, err)
		}
		const look = `local out = {} for _, t in ipairs({KEYS, ARGV}) do for k, v in pairs(t) do table.insert(out, tostring(k) .. '=' .. v) end ` +
			`table.insert(out, #t) table.insert(out, tostring(t.x)) table.insert(out, tostring(getmetatable(t))) end return table.concat(out, ' ')`
		got, _, err := runWith(t, s, look, []string{"k"}, []string{"c", "d"})
		if want := "$42\r\n1=k 1 nil nil 1=c 2=d 2 nil nil\r\n"; err != nil || !strings.HasSuffix(got, want[5:]) {
			t.Errorf("after %s: %q %v", dirty, got, err)
		}
	}
	// More words than before, and fewer.
	for n := range 20 {
		var args []string
		for i := range n {
			args = append(args, strings.Repeat("x", i*200))
		}
		got, _, err := runWith(t, s, `local n = 0 for i, v in ipairs(ARGV) do n = n + #v end return {#ARGV, n}`, nil, args)
		if want := fmt.Sprintf("*2\r\n:%d\r\n:%d\r\n", n, 100*n*max(n-1, 0)); err != nil || got != want {
			t.Errorf("%d words: %q %v", n, got, err)
		}
	}
}
