package compat

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestScriptsThroughAClient(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		release := redis.NewScript(`if redis.call("get",KEYS[1])==ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end`)
		value(t, rdb.ScriptFlush(ctx))
		eq(t, rdb.ScriptExists(ctx, release.Hash()), []bool{false})
		value(t, rdb.Set(ctx, "lock", "mine", 0))
		// EVALSHA, NOSCRIPT, EVAL.
		eq(t, release.Run(ctx, rdb, []string{"lock"}, "other"), any(int64(0)))
		eq(t, release.Run(ctx, rdb, []string{"lock"}, "mine"), any(int64(1)))
		eq(t, rdb.ScriptExists(ctx, release.Hash(), strings.Repeat("0", 40)), []bool{true, false})
		eq(t, rdb.ScriptLoad(ctx, "return 1"), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
		eq(t, rdb.EvalSha(ctx, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", nil), any(int64(1)))
		fails(t, rdb.EvalSha(ctx, strings.Repeat("0", 40), nil), "NOSCRIPT No matching script. Please use EVAL.")
		fails(t, rdb.EvalRO(ctx, "return redis.call('SET', KEYS[1], 1)", []string{"k"}),
			"ERR Write commands are not allowed from read-only scripts. script: 897afd4d23ee70efe0ede1685c1c94834429da77, on @user_script:1.")

		// Everything that comes back as another kind of reply.
		got := value(t, rdb.Eval(ctx, "return {1, 'two', {3, {4}}, true, {ok='fine'}, 3.99, redis.call('PING')}", nil))
		if list, ok := got.([]any); !ok || len(list) != 7 || list[0] != int64(1) || list[1] != "two" || list[3] != int64(1) ||
			list[4] != "fine" || list[5] != int64(3) || list[6] != "PONG" {
			t.Errorf("EVAL: %#v", got)
		}
		isNil(t, rdb.Eval(ctx, "return false", nil))
		isNil(t, rdb.Eval(ctx, "return nil", nil))
		fails(t, rdb.Eval(ctx, "return {err='MINE is an error'}", nil), "MINE is an error")
		eq(t, rdb.Eval(ctx, "return #ARGV", nil, "a", 1, 2.5, true), any(int64(4)))

		// In a pipeline and in a transaction.
		var in, tx *redis.Cmd
		if _, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, "k", 1, 0)
			in = p.Eval(ctx, "return redis.call('INCRBY', KEYS[1], ARGV[1])", []string{"k"}, 5)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		eq(t, in, any(int64(6)))
		if _, err := rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Incr(ctx, "k")
			tx = p.Eval(ctx, "return redis.call('INCRBY', KEYS[1], ARGV[1])", []string{"k"}, 5)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		eq(t, tx, any(int64(12)))
		fails(t, rdb.ScriptKill(ctx), "NOTBUSY No scripts in execution right now.")
		eq(t, rdb.ScriptFlush(ctx), "OK")
		eq(t, rdb.ScriptExists(ctx, release.Hash()), []bool{false})
	})
}

const library = `#!lua name=mylib
local function add(keys, args) return redis.call('INCRBY', keys[1], args[1]) end
local function peek(keys) return redis.call('GET', keys[1]) end
redis.register_function('add', add)
redis.register_function{function_name='peek', callback=peek, description='looks', flags={'no-writes'}}
`

func TestFunctionsThroughAClient(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		value(t, rdb.FunctionFlush(ctx))
		eq(t, rdb.FunctionLoad(ctx, library), "mylib")
		fails(t, rdb.FunctionLoad(ctx, library), "ERR Library 'mylib' already exists")
		eq(t, rdb.FunctionLoadReplace(ctx, library), "mylib")
		eq(t, rdb.FCall(ctx, "add", []string{"n"}, 5), any(int64(5)))
		eq(t, rdb.FCall(ctx, "add", []string{"n"}, 2), any(int64(7)))
		eq(t, rdb.FCallRo(ctx, "peek", []string{"n"}), any("7"))
		fails(t, rdb.FCallRo(ctx, "add", []string{"n"}, 1), "ERR Can not execute a script with write flag using *_ro command.")
		fails(t, rdb.FCall(ctx, "nosuch", nil), "ERR Function not found")

		libs := value(t, rdb.FunctionList(ctx, redis.FunctionListQuery{WithCode: true}))
		if len(libs) != 1 || libs[0].Name != "mylib" || libs[0].Engine != "LUA" || libs[0].Code != library || len(libs[0].Functions) != 2 {
			t.Fatalf("FUNCTION LIST: %+v", libs)
		}
		i := slices.IndexFunc(libs[0].Functions, func(f redis.Function) bool { return f.Name == "peek" })
		if i < 0 || libs[0].Functions[i].Description != "looks" || !slices.Equal(libs[0].Functions[i].Flags, []string{"no-writes"}) {
			t.Errorf("FUNCTION LIST: %+v", libs[0].Functions)
		}
		if other := value(t, rdb.FunctionList(ctx, redis.FunctionListQuery{LibraryNamePattern: "other*"})); len(other) != 0 {
			t.Errorf("FUNCTION LIST other*: %+v", other)
		}
		stats := value(t, rdb.FunctionStats(ctx))
		if stats.Running() || len(stats.Engines) != 1 || stats.Engines[0].FunctionsCount != 2 || stats.Engines[0].LibrariesCount != 1 {
			t.Errorf("FUNCTION STATS: %+v", stats)
		}

		dump := value(t, rdb.FunctionDump(ctx))
		eq(t, rdb.FunctionDelete(ctx, "mylib"), "OK")
		fails(t, rdb.FCall(ctx, "add", []string{"n"}, 1), "ERR Function not found")
		eq(t, rdb.FunctionRestore(ctx, dump), "OK")
		eq(t, rdb.FCall(ctx, "add", []string{"n"}, 1), any(int64(8)))
		fails(t, rdb.FunctionKill(ctx), "NOTBUSY No scripts in execution right now.")
		eq(t, rdb.FunctionFlush(ctx), "OK")
		if libs := value(t, rdb.FunctionList(ctx, redis.FunctionListQuery{})); len(libs) != 0 {
			t.Errorf("FUNCTION LIST after FLUSH: %+v", libs)
		}
	})
}

// A function that runs too long is shown, and killed by another client.
func TestASlowFunctionIsShownAndKilled(t *testing.T) {
	p := startOwn(t, subjectBin, "--busy-reply-threshold", "50")
	rdb := newClient(t, p, 3)
	value(t, rdb.FunctionLoad(ctx, "#!lua name=slow\nredis.register_function('forever', function() while true do end end)"))
	ended := make(chan error, 1)
	go func() { ended <- newClient(t, p, 3).FCall(ctx, "forever", []string{"k"}, "arg").Err() }()
	eventually(t, func() string {
		if err := rdb.Get(ctx, "k").Err(); err == nil || !strings.HasPrefix(err.Error(), "BUSY ") {
			return "nobody says BUSY"
		}
		return ""
	})
	stats := value(t, rdb.FunctionStats(ctx))
	if running, is := stats.RunningScript(); !is || running.Name != "forever" || running.Duration < 50*time.Millisecond ||
		!slices.Equal(running.Command, []string{"fcall", "forever", "1", "k", "arg"}) {
		t.Errorf("FUNCTION STATS: %+v", stats)
	}
	fails(t, rdb.ScriptKill(ctx), "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.")
	eq(t, rdb.FunctionKill(ctx), "OK")
	if err := <-ended; err == nil || !strings.HasPrefix(err.Error(), "ERR Script killed by user with SCRIPT KILL") {
		t.Errorf("the function: %v", err)
	}
}
