package lua

import "testing"

// What an error ends within pcall leaves closures their variables, and nobody else's.
func TestClosuresKeepTheirVariablesAfterAnError(t *testing.T) {
	s := NewState(Options{})
	defer s.Close()
	for code, want := range map[string]string{
		`local g pcall(function() local y = 5 g = function() y = y + 1 return y end error('x') end) local a, b = 7, 8 return {g(), g(), a, b}`:              "*4\r\n:6\r\n:7\r\n:7\r\n:8\r\n",
		`local x = 1 local f = function() x = x + 1 end for i = 1, 3 do pcall(error, i) f() end x = x * 10 f() return x`:                                    ":41\r\n",
		`local co = coroutine.wrap(function() local x = 1 local f = function() x = x + 1 end pcall(error, 1) pcall(error, 2) f() return x end) return co()`: ":2\r\n",
	} {
		if got, err := run(t, s, code); err != nil || got != want {
			t.Errorf("%s: %q %v", code, got, err)
		}
	}
}

// A stack that overflows is an error that can be caught, again and again.
func TestAStackThatOverflowsCanBeCaught(t *testing.T) {
	s := NewState(Options{})
	defer s.Close()
	for code, want := range map[string]string{
		`local function f() return 1 + f() end local n = 0 for i = 1, 3 do if not pcall(f) then n = n + 1 end end return n`:         ":3\r\n",
		`local function f() return 1 + f() end local ok, e = xpcall(f, function(e) return 'seen: ' .. e end) return e`:              "$35\r\nseen: user_script:1: stack overflow\r\n",
		`local f f = function() return coroutine.wrap(function() return 1 + f() end)() end return pcall(f) and 1 or 0`:              ":0\r\n",
		`local t = setmetatable({}, {__index = function(t, k) return t[k] end}) return pcall(function() return t.x end) and 1 or 0`: ":0\r\n",
	} {
		if got, err := run(t, s, code); err != nil || got != want {
			t.Errorf("%s: %q %v", code, got, err)
		}
	}
}
