package lua

import (
	"bytes"
	"strings"
	"testing"

	"cached/internal/resp"
)

// mute is a host without commands.
type mute struct{}

func (mute) Call([][]byte, int) []byte     { return []byte("+OK\r\n") }
func (mute) Allowed([][]byte) (bool, bool) { return true, true }
func (mute) Failed(string, bool)           {}
func (mute) Log(int, string)               {}
func (mute) Tick() error                   { return nil }

func run(t testing.TB, s *State, code string, args ...[]byte) (string, error) {
	t.Helper()
	p, err := Compile(code, nil)
	if err != nil {
		t.Fatalf("%s: %v", code, err)
	}
	var w resp.Writer
	err = s.Run(p, nil, args, mute{}, &w)
	return string(w.B), err
}

// keysOf knows GET, SET, MGET and ZUNION as a command table would.
func keysOf(words [][]byte, open bool) (keys []int, rest, ok bool) {
	switch strings.ToLower(string(words[0])) {
	case "get", "set":
		return []int{1}, false, true
	case "time":
		return nil, false, true
	case "mget":
		for i := 1; i < len(words); i++ {
			keys = append(keys, i)
		}
		return keys, open, true
	}
	return nil, false, false
}

// Locks follow from this: a script that is wrongly taken for one that declares its
// keys would fail, one that is not takes the whole keyspace.
func TestOnlyScriptsThatNameTheirKeysByKEYSAreDeclared(t *testing.T) {
	for code, want := range map[string]bool{
		`return redis.call('get', KEYS[1])`:                                                     true,
		`local k = KEYS[1] return redis.call('GET', k)`:                                         true,
		`local call = redis.call return call('get', KEYS[1])`:                                   true,
		`for i, k in ipairs(KEYS) do redis.call('set', k, i) end`:                               true,
		`return redis.call('mget', unpack(KEYS))`:                                               true,
		`return redis.pcall('set', KEYS[#KEYS], unpack(ARGV))`:                                  true,
		`return redis.call('time')`:                                                             true,
		`return redis.sha1hex(KEYS[1])`:                                                         true,
		`return redis.call('get', ARGV[1])`:                                                     false,
		`return redis.call('get', KEYS[1] .. 'x')`:                                              false,
		`return redis.call(ARGV[1], KEYS[1])`:                                                   false,
		`return redis[ARGV[1]]('get', KEYS[1])`:                                                 false,
		`return redis.call('mget', unpack(ARGV))`:                                               false,
		`return redis.call(unpack(ARGV))`:                                                       false,
		`KEYS[1] = 'x' return redis.call('get', KEYS[1])`:                                       false,
		`local t = KEYS t[1] = 'x' return redis.call('get', KEYS[1])`:                           false,
		`table.insert(KEYS, 'x') return redis.call('get', KEYS[2])`:                             false,
		`local k = KEYS[1] k = 'x' return redis.call('get', k)`:                                 false,
		`local k = KEYS[1] do local k = 'x' redis.call('get', k) end`:                           false,
		`local k = KEYS[1] local function f(k) return redis.call('get', k) end return f('x')`:   false,
		`local r = redis return r.call('get', 'x')`:                                             false,
		`return pcall(redis.call, 'get', 'x')`:                                                  false,
		`return loadstring("return redis.call('get', 'x')")()`:                                  false,
		`return _G.redis.call('get', 'x')`:                                                      false,
		`local call = redis.call local c = call return c('get', 'x')`:                           false,
		`local KEYS = {'x'} return redis.call('get', KEYS[1])`:                                  false,
		`for i, k in ipairs(ARGV) do redis.call('set', k, i) end`:                               false,
		`local function ipairs() end for i, k in ipairs(KEYS) do redis.call('set', k, i) end`:   false,
		`return redis.call('flushall')`:                                                         false,
		`local k, v = unpack(KEYS) return redis.call('get', k)`:                                 false,
		`for k = 1, 2 do redis.call('get', k) end local k = KEYS[1]`:                            false,
		`for i, k in ipairs(KEYS) do k = 'x' redis.call('set', k, i) end`:                       false,
		`local x = {KEYS} x[1][1] = 'y' return redis.call('get', KEYS[1])`:                      false,
		`return redis.call('get', (function() return 'x' end)())`:                               false,
		`rawset(KEYS, 1, 'x') return redis.call('get', KEYS[1])`:                                false,
		`local k = KEYS[1] function k() end return redis.call('get', k)`:                        false,
		`setmetatable(KEYS, {__index = function() return 'x' end}) redis.call('get', KEYS[99])`: false,
	} {
		p, err := Compile(code, keysOf)
		if err != nil {
			t.Errorf("%s: %v", code, err)
		} else if p.Declared != want {
			t.Errorf("%s: declared is %v", code, p.Declared)
		}
	}
}

func TestAStateKeepsNothingOfAScript(t *testing.T) {
	s := NewState(Options{})
	defer s.Close()
	for _, code := range []string{`x = 1`, `string.x = 1`, `_G.x = 1`, `rawset(_G, 'x', 1)`, `rawset(string, 'x', 1)`,
		`table.insert(string, 'x')`, `setmetatable(_G, {})`, `getmetatable('').__index = {}`, `getmetatable(_G).__index = nil`,
		`redis.call = nil`, `KEYS = 1`, `cjson.encode_max_depth(1)`} {
		_, _ = run(t, s, code)
	}
	got, err := run(t, s, `local n = 0 for k in pairs(string) do if k == 'x' or k == 1 then n = n + 1 end end
		return {n, ('x'):rep(2), cjson.encode({{1}}), type(redis.call), pcall(function() return x end) and 1 or 0}`)
	if want := "*5\r\n:0\r\n$2\r\nxx\r\n$5\r\n[[1]]\r\n$8\r\nfunction\r\n:0\r\n"; err != nil || got != want {
		t.Errorf("%q %v", got, err)
	}
}

func TestWhatIsTooDeepOrTooLargeIsAnError(t *testing.T) {
	s := NewState(Options{})
	defer s.Close()
	for _, code := range []string{`return string.rep('x', 1e10)`, `local function f() return 1 + f() end return f()`,
		`local t = {} t.t = t return cjson.encode(t)`, `return cjson.decode(string.rep('[', 100000))`,
		`return cmsgpack.unpack(string.rep('\145', 100000))`,
		`return cmsgpack.unpack('\221\255\255\255\255')`, `return struct.pack('c2147483647', 'x')`} {
		if out, err := run(t, s, code); err == nil {
			t.Errorf("%s: %.60q", code, out)
		}
	}
	deep := "return " + strings.Repeat("(", 200000) + "1" + strings.Repeat(")", 200000)
	_, _ = Compile(deep, nil)
	if _, err := Compile("return "+strings.Repeat("not ", 200000)+"1", nil); err == nil {
		t.Error("deep nesting compiles")
	}
	if got, err := run(t, s, `local t = {} t[1] = t return t`); err != nil || !strings.Contains(got, "-ERR reached lua stack limit") {
		t.Errorf("%.60q %v", got, err)
	}
}

// FuzzLibraries feeds the decoders: whatever comes is a value or an error of the
// script, and what was decoded can be encoded.
func FuzzLibraries(f *testing.F) {
	for _, seed := range []string{"[1,2,{\"a\":null}]", "\x93\x01\x02\x81\xa1a\xc0", "\"\\ud83d\\ude00\"", "\xdd\xff\xff\xff\xff", ">I2!4Bc0sdf"} {
		f.Add([]byte(seed), "Bc0")
		f.Add([]byte(seed), seed)
	}
	s := NewState(Options{})
	p, err := Compile(`local d = ARGV[1]
		for _, f in ipairs({cjson.decode, cmsgpack.unpack, cmsgpack.unpack_one}) do
			local ok, v = pcall(f, d)
			if ok then pcall(cjson.encode, v) cmsgpack.pack(v) end
		end
		pcall(struct.unpack, ARGV[2], d) pcall(struct.size, ARGV[2]) pcall(struct.pack, ARGV[2], 1, d, 2, d)
		pcall(string.format, ARGV[2], 1, d, 2)
		return 1`, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, format string) {
		var w resp.Writer
		if err := s.Run(p, nil, [][]byte{data, []byte(format)}, mute{}, &w); err != nil || !bytes.Equal(w.B, []byte(":1\r\n")) {
			t.Fatalf("%q %v", w.B, err)
		}
	})
}
