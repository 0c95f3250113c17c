package lua

import "testing"

// Who calls a function of a library that is wrongly taken for one whose keys are
// declared gets an error for keys that it was right to touch.
func TestOnlyLibrariesThatNameTheirKeysByTheFirstArgumentAreDeclared(t *testing.T) {
	for code, want := range map[string]bool{
		`redis.register_function('f', function(keys, args) return redis.call('get', keys[1]) end)`:                                                                                                                         true,
		`redis.register_function{function_name='f', callback=function(k) return redis.call('get', k[1]) end}`:                                                                                                              true,
		`local function f(keys, args) return redis.call('set', keys[1], args[1]) end redis.register_function('f', f)`:                                                                                                      true,
		`local f = function(keys) return redis.call('mget', unpack(keys)) end redis.register_function('f', f)`:                                                                                                             true,
		`redis.register_function('f', function() return 1 end)`:                                                                                                                                                            true,
		`redis.register_function('f', function() return redis.call('time') end)`:                                                                                                                                           true,
		`local n = 0 redis.register_function('f', function(keys) n = n + 1 return redis.call('set', keys[1], n) end)`:                                                                                                      true,
		`local function f(keys) return redis.call('get', keys[1]) end local function g(keys) return redis.call('get', keys[1]) end redis.register_function('f', f) redis.register_function{function_name='g', callback=g}`: true,
		`redis.register_function('f', function(keys) for i, k in ipairs(keys) do redis.call('set', k, i) end end)`:                                                                                                         true,
		`redis.register_function('f', function(keys) return redis.call('get', 'x') end)`:                                                                                                                                   false,
		`redis.register_function('f', function(keys, args) return redis.call('get', args[1]) end)`:                                                                                                                         false,
		`redis.register_function('f', function(keys) local function g() return redis.call('get', keys[1]) end return g() end)`:                                                                                             false,
		`local saved redis.register_function('f', function(keys) local k = keys[1] saved = function() return redis.call('get', k) end end)`:                                                                                false,
		`local function h(keys) return redis.call('get', keys[1]) end redis.register_function('f', function(keys) return h({'x'}) end)`:                                                                                    false,
		`local function f(keys) return redis.call('get', keys[1]) end redis.register_function('f', f) redis.register_function('g', function(keys) return f({'x'}) end)`:                                                    false,
		`local function f(keys) if keys[2] then return f({'x'}) end return redis.call('get', keys[1]) end redis.register_function('f', f)`:                                                                                 false,
		`local reg = redis.register_function reg('f', function(keys) return redis.call('get', keys[1]) end)`:                                                                                                               false,
		`local r = redis r.register_function('f', function(keys) return redis.call('get', keys[1]) end)`:                                                                                                                   false,
		`local t = {function_name='f', callback=function(keys) return 1 end} redis.register_function(t)`:                                                                                                                   false,
		`redis.register_function('f', function(keys) keys[1] = 'x' return redis.call('get', keys[1]) end)`:                                                                                                                 false,
		`redis.register_function('f', function(keys) keys = {'x'} return redis.call('get', keys[1]) end)`:                                                                                                                  false,
		`redis.register_function('f', function(a) return redis.call('get', a[1]) end) redis.register_function('g', function(b) return redis.call('get', b[1]) end)`:                                                        false,
		`redis.register_function('f', function(keys, args) return redis.call('get', keys[1]) end) redis.register_function('g', function(args, keys) return 1 end)`:                                                         false,
		`local t = {} function t.f(keys) return redis.call('get', keys[1]) end redis.register_function('f', t.f)`:                                                                                                          false,
		`local call = redis.call redis.register_function('f', function(keys) return (function() return call('time') end)() end)`:                                                                                           false,
		`redis.register_function('f', function(keys) return redis.call('get', KEYS[1]) end)`:                                                                                                                               false,
	} {
		chunk, err := parseText(code, "user_function", nil)
		if err != nil {
			t.Errorf("%s: %v", code, err)
		} else if declaredLibrary(chunk.stmts, keysOf) != want {
			t.Errorf("%s: declared is %v", code, !want)
		}
	}
}
