package lua

import (
	"errors"
	"strings"
	"testing"

	"cached/internal/resp"
)

// A limited host ends a script at its second tick.
type limited struct {
	mute
	ticks int
}

var errOver = errors.New("ERR over")

func (h *limited) Tick() error {
	if h.ticks++; h.ticks > 1 {
		return errOver
	}
	return nil
}

// Whatever a function of the libraries does for long, it asks whether the script is
// over, and ends when it is.
func TestFunctionsOfTheLibrariesEndWithTheScript(t *testing.T) {
	const many = `local t = {} for i = 1, 3000 do t[i] = i end local x = t for i = 1, 30 do x = {x, x} end `
	for name, code := range map[string]string{
		"find":           `return string.rep('a', 1e8):find(('a?'):rep(30) .. ('a'):rep(30) .. 'b')`,
		"match":          `return string.rep('a', 1e6):match('.-.-.-.-b')`,
		"gmatch":         `for _ in string.rep('a', 1e6):gmatch('.-.-.-.-b') do end`,
		"gsub":           `return string.rep('a', 1e6):gsub('.-.-.-.-b', '')`,
		"balance":        `return string.rep('(', 1e6):find('%b()')`,
		"plain find":     `local s = string.rep('a', 1e8) while true do s:find('b', 1, true) end`,
		"rep":            `while true do string.rep('a', 1e8) end`,
		"upper":          `local s = string.rep('a', 1e7) while true do s:upper() end`,
		"format":         `local s = string.rep('%d', 100) while true do pcall(string.format, s, 1) end`,
		"sort":           many + `while true do table.sort(t, function(a, b) return a > b end) end`,
		"insert":         `local t = {} while true do table.insert(t, 1, 1) end`,
		"concat":         many + `while true do table.concat(t) end`,
		"insert far":     `local t = {1, 2, 3} table.insert(t, -1e9, 1)`,
		"cjson.encode":   many + `return cjson.encode(x)`,
		"cjson.decode":   `local s = '[' .. string.rep('1,', 1e6) .. '1]' while true do cjson.decode(s) end`,
		"cmsgpack.pack":  many + `local d = t for i = 1, 14 do d = {d, d} end return cmsgpack.pack(d)`,
		"cmsgpack":       many + `local s = cmsgpack.pack(t) while true do cmsgpack.unpack(s) end`,
		"struct":         `while true do struct.pack('>I4I4', 1, 2) end`,
		"loadstring":     `local s = string.rep('x = 1 ', 1e7) while true do loadstring(s) end`,
		"the reply":      many + `return x`,
		"a slow #":       `local t = {} for i = 1, 1e6 do t[i] = i end for i = 1e6, 2, -1 do t[i] = nil end while true do local n = #t end`,
		"what pcall has": `while true do pcall(string.find, string.rep('a', 1e5), ('a?'):rep(30) .. ('a'):rep(30) .. 'b') end`,
		"in a coroutine": `return coroutine.wrap(function() return string.rep('a', 1e5):find(('a?'):rep(30) .. ('a'):rep(30) .. 'b') end)()`,
	} {
		s := NewState(Options{})
		p, err := Compile(code, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var w resp.Writer
		if err := s.Run(p, nil, nil, &limited{}, &w); err == nil || err.Error() != errOver.Error() {
			t.Errorf("%s: %.100v", name, err)
		}
		if len(w.B) != 0 {
			t.Errorf("%s: replied %.50q", name, w.B)
		}
		s.Close()
	}
}

// long answers every call with a long reply.
type long struct{ limited }

func (*long) Call([][]byte, int) []byte {
	return append([]byte("*2\r\n*1000000\r\n"), strings.Repeat(":1\r\n", 1e6+1)...)
}

// To make a value of a command's reply takes time too.
func TestALongReplyOfACommandEndsWithTheScript(t *testing.T) {
	s := NewState(Options{})
	defer s.Close()
	p, err := Compile(`redis.pcall('x') redis.log(redis.LOG_WARNING, 'x') while true do end`, nil)
	if err != nil {
		t.Fatal(err)
	}
	var w resp.Writer
	host := &noted{}
	if err := s.Run(p, nil, nil, host, &w); err == nil || err.Error() != errOver.Error() || host.logged {
		t.Errorf("%v, went on %v", err, host.logged)
	}
}

// noted is long and notes whether a script has come to redis.log.
type noted struct {
	long
	logged bool
}

func (h *noted) Log(int, string) { h.logged = true }
