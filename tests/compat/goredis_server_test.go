package compat

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestPingEchoTime(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.Ping(ctx), "PONG")
		eq(t, rdb.Do(ctx, "PING", "x"), any("x"))
		eq(t, rdb.Echo(ctx, "hello"), "hello")
		if d := time.Since(value(t, rdb.Time(ctx))); d > 5*time.Second || d < -5*time.Second {
			t.Errorf("TIME is %v away", d)
		}
		if text := value(t, rdb.Do(ctx, "LOLWUT")).(string); !strings.Contains(text, "ver.") {
			t.Errorf("LOLWUT: %q", text)
		}
		fails(t, rdb.Do(ctx, "NOSUCH", "a"), "ERR unknown command 'NOSUCH', with args beginning with: 'a' ")
	})
}

func TestHelloResetQuit(t *testing.T) {
	p := subject(t)
	rdb := newClient(t, p, 3)
	hello := value(t, rdb.Do(ctx, "HELLO", "3", "SETNAME", "me")).(map[any]any)
	if hello["proto"] != int64(3) || hello["mode"] != "standalone" || hello["role"] != "master" {
		t.Errorf("HELLO: %v", hello)
	}
	fails(t, rdb.Do(ctx, "HELLO", "9"), "NOPROTO unsupported protocol version")

	w := dial(t, p)
	w.want(t, "OK", "SELECT", "3")
	w.want(t, "OK", "CLIENT", "SETNAME", "x")
	w.want(t, "RESET", "RESET")
	w.want(t, "(nil)", "CLIENT", "GETNAME")
	if info := w.do(t, "CLIENT", "INFO"); !strings.Contains(info, " db=0 ") {
		t.Errorf("after RESET: %s", info)
	}
	w.want(t, "OK", "QUIT")
	if _, err := w.reply(false); !errors.Is(err, io.EOF) {
		t.Errorf("after QUIT: %v", err)
	}
}

func TestPasswords(t *testing.T) {
	p := startOwn(t, subjectBin, "--requirepass", "secret")
	w := dial(t, p)
	w.want(t, "(error) NOAUTH Authentication required.", "GET", "k")
	w.want(t, "(error) WRONGPASS invalid username-password pair or user is disabled.", "AUTH", "wrong")
	w.want(t, "(error) WRONGPASS invalid username-password pair or user is disabled.", "AUTH", "nobody", "secret")
	w.want(t, "OK", "AUTH", "secret")
	w.want(t, "(nil)", "GET", "k")
	w.want(t, "RESET", "RESET")
	w.want(t, "(error) NOAUTH Authentication required.", "GET", "k")
	for _, protocol := range []int{2, 3} {
		for _, user := range []string{"", "default"} {
			rdb := redis.NewClient(&redis.Options{Addr: p.addr, Protocol: protocol, Username: user, Password: "secret"})
			eq(t, rdb.Ping(ctx), "PONG")
			rdb.Close()
		}
	}
}

func TestClientCommands(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		conn := rdb.Conn()
		defer conn.Close()
		id := value(t, conn.ClientID(ctx))
		eq(t, conn.ClientSetName(ctx, "worker"), true)
		eq(t, conn.ClientGetName(ctx), "worker")
		info := value(t, conn.ClientInfo(ctx))
		if info.ID != id || info.Name != "worker" || info.DB != 0 || info.Addr == "" {
			t.Errorf("CLIENT INFO: %+v", info)
		}
		list := value(t, rdb.ClientList(ctx))
		if !strings.Contains(list, fmt.Sprintf("id=%d ", id)) || !strings.Contains(list, " name=worker ") || !strings.HasSuffix(list, "\n") {
			t.Errorf("CLIENT LIST: %q", list)
		}
		if one := value(t, rdb.Do(ctx, "CLIENT", "LIST", "ID", id)).(string); strings.Count(one, "\n") != 1 {
			t.Errorf("CLIENT LIST ID: %q", one)
		}
		eq(t, conn.Do(ctx, "CLIENT", "NO-EVICT", "on"), any("OK"))
		eq(t, rdb.ClientUnblock(ctx, id), 0)
		eq(t, rdb.ClientKillByFilter(ctx, "ID", fmt.Sprint(id)), 1)
		if err := conn.Ping(ctx).Err(); err == nil {
			t.Error("a killed client still gets answers")
		}
		fails(t, rdb.ClientKill(ctx, "1.2.3.4:5"), "ERR No such client")
	})
}

func TestNewerClientCommands(t *testing.T) {
	since(t, "7.2")
	p := subject(t)
	w := dial(t, p)
	w.want(t, "OK", "CLIENT", "SETINFO", "LIB-NAME", "lib")
	w.want(t, "OK", "CLIENT", "SETINFO", "lib-ver", "1.2")
	if info := w.do(t, "CLIENT", "INFO"); !strings.Contains(info, " lib-name=lib lib-ver=1.2") {
		t.Errorf("CLIENT INFO: %s", info)
	}
	w.want(t, "OK", "CLIENT", "NO-TOUCH", "on")
	w.want(t, "OK", "CLIENT", "NO-TOUCH", "off")
	w.want(t, "(error) ERR syntax error", "CLIENT", "NO-TOUCH", "x")
}

func TestClientReply(t *testing.T) {
	p := subject(t)
	w := dial(t, p)
	w.send(argv("CLIENT", "REPLY", "OFF"))
	w.send(argv("PING", "lost"))
	w.want(t, "OK", "CLIENT", "REPLY", "ON")
	w.send(argv("CLIENT", "REPLY", "SKIP"))
	w.send(argv("PING", "lost"))
	w.want(t, `"kept"`, "PING", "kept")
}

func TestClientPauseHoldsOthersBack(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.ClientPause(ctx, 100*time.Millisecond), true)
		start := time.Now()
		value(t, newClient(t, subject(t), 2).Set(ctx, "k", "v", 0))
		if took := time.Since(start); took < 60*time.Millisecond {
			t.Errorf("a paused SET took %v", took)
		}
		// WRITE lets readers through; UNPAUSE wakes writers up.
		value(t, rdb.Do(ctx, "CLIENT", "PAUSE", "10000", "WRITE"))
		start = time.Now()
		eq(t, rdb.Get(ctx, "k"), "v")
		done := make(chan error, 1)
		go func() { done <- rdb.Set(ctx, "k", "w", 0).Err() }()
		select {
		case err := <-done:
			t.Errorf("a paused SET returned %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		eq(t, rdb.Do(ctx, "CLIENT", "UNPAUSE"), any("OK"))
		if err := <-done; err != nil || time.Since(start) > 5*time.Second {
			t.Errorf("after UNPAUSE: %v, %v", err, time.Since(start))
		}
	})
}

func TestConfig(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		eq(t, rdb.ConfigGet(ctx, "maxmemory"), map[string]string{"maxmemory": "0"})
		eq(t, rdb.ConfigSet(ctx, "maxmemory", "100mb"), "OK")
		eq(t, rdb.ConfigGet(ctx, "maxmemory"), map[string]string{"maxmemory": "104857600"})
		eq(t, rdb.ConfigSet(ctx, "maxmemory", "0"), "OK")
		eq(t, rdb.ConfigGet(ctx, "no-such-thing"), map[string]string{})
		fails(t, rdb.ConfigSet(ctx, "no-such-thing", "1"), "ERR Unknown option or number of arguments for CONFIG SET - 'no-such-thing'")
		// All of it or nothing.
		if err := rdb.Do(ctx, "CONFIG", "SET", "timeout", "9", "maxmemory", "bogus").Err(); err == nil {
			t.Error("CONFIG SET took a bad value")
		}
		eq(t, rdb.ConfigGet(ctx, "timeout"), map[string]string{"timeout": "0"})
		if all := value(t, rdb.ConfigGet(ctx, "*")); len(all) < 100 || all["databases"] != "16" {
			t.Errorf("CONFIG GET * has %d parameters", len(all))
		}
		eq(t, rdb.ConfigResetStat(ctx), "OK")
		fails(t, rdb.ConfigRewrite(ctx), "ERR The server is running without a config file")
	})
}

func TestInfo(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		value(t, rdb.MSet(ctx, "a", 1, "b", 2))
		value(t, rdb.Expire(ctx, "a", time.Hour))
		all := value(t, rdb.Info(ctx))
		for _, part := range []string{"# Server\r\n", "# Clients\r\n", "# Memory\r\n", "# Persistence\r\n", "# Stats\r\n", "# Replication\r\n",
			"# CPU\r\n", "# Cluster\r\n", "# Keyspace\r\n", "redis_version:7.", "tcp_port:", "uptime_in_seconds:", "used_memory:",
			"used_memory_rss:", "maxmemory_policy:noeviction\r\n", "connected_clients:", "total_commands_processed:", "keyspace_hits:",
			"expired_keys:", "evicted_keys:", "role:master\r\n", "connected_slaves:0\r\n", "cluster_enabled:0\r\n", "db0:keys=2,expires=1,avg_ttl="} {
			if !strings.Contains(all, part) {
				t.Errorf("INFO lacks %q", part)
			}
		}
		one := value(t, rdb.Info(ctx, "keyspace"))
		if !strings.HasPrefix(one, "# Keyspace\r\n") || strings.Contains(one, "# Server") {
			t.Errorf("INFO keyspace: %q", one)
		}
		stats := value(t, rdb.Info(ctx, "commandstats"))
		if !strings.Contains(stats, "cmdstat_mset:calls=") {
			t.Errorf("INFO commandstats: %q", stats)
		}
	})
}

func TestCommandCommands(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		all := value(t, rdb.Command(ctx))
		get := all["get"]
		if get == nil || get.Arity != 2 || !get.ReadOnly || get.FirstKeyPos != 1 || get.LastKeyPos != 1 || get.StepCount != 1 ||
			!slices.Contains(get.Flags, "fast") {
			t.Errorf("COMMAND: get is %+v", get)
		}
		if n := value(t, rdb.Do(ctx, "COMMAND", "COUNT")).(int64); int(n) != len(all) {
			t.Errorf("COMMAND COUNT: %d, COMMAND has %d", n, len(all))
		}
		list := value(t, rdb.CommandList(ctx, nil))
		if !slices.Contains(list, "get") || !slices.Contains(list, "client|id") {
			t.Errorf("COMMAND LIST: %v", list)
		}
		eq(t, rdb.CommandList(ctx, &redis.FilterBy{Pattern: "getra*"}), []string{"getrange"})
		if reads := value(t, rdb.CommandList(ctx, &redis.FilterBy{ACLCat: "string"})); !slices.Contains(reads, "get") || slices.Contains(reads, "del") {
			t.Errorf("COMMAND LIST FILTERBY ACLCAT string: %v", reads)
		}
		eq(t, rdb.CommandGetKeys(ctx, "MSET", "a", "1", "b", "2"), []string{"a", "b"})
		flags := value(t, rdb.CommandGetKeysAndFlags(ctx, "SET", "a", "1"))
		if len(flags) != 1 || flags[0].Key != "a" || !slices.Equal(flags[0].Flags, []string{"OW", "update"}) {
			t.Errorf("COMMAND GETKEYSANDFLAGS: %+v", flags)
		}
		fails(t, rdb.CommandGetKeys(ctx, "PING", "x"), "ERR The command has no key arguments")
		if docs := value(t, rdb.Do(ctx, "COMMAND", "DOCS", "get")); docs == nil {
			t.Error("COMMAND DOCS get is empty")
		}
	})
}

func TestSlowLog(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		value(t, rdb.ConfigSet(ctx, "slowlog-log-slower-than", "1000"))
		defer rdb.ConfigSet(ctx, "slowlog-log-slower-than", "10000")
		value(t, rdb.Do(ctx, "SLOWLOG", "RESET"))
		value(t, rdb.Do(ctx, "DEBUG", "SLEEP", "0.01"))
		logs := value(t, rdb.SlowLogGet(ctx, 10))
		if len(logs) == 0 || logs[0].Duration < 10*time.Millisecond || !slices.Equal(logs[0].Args, []string{"DEBUG", "SLEEP", "0.01"}) || logs[0].ClientAddr == "" {
			t.Errorf("SLOWLOG GET: %+v", logs)
		}
		if n := value(t, rdb.Do(ctx, "SLOWLOG", "LEN")).(int64); n < 1 {
			t.Errorf("SLOWLOG LEN: %d", n)
		}
		eq(t, rdb.Do(ctx, "SLOWLOG", "RESET"), any("OK"))
	})
}

func TestMemoryCommands(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		value(t, rdb.Set(ctx, "k", strings.Repeat("x", 1000), 0))
		if n := value(t, rdb.MemoryUsage(ctx, "k")); n < 1000 || n > 2000 {
			t.Errorf("MEMORY USAGE of 1000 bytes: %d", n)
		}
		if n := value(t, rdb.MemoryUsage(ctx, "k", 0)); n < 1000 {
			t.Errorf("MEMORY USAGE SAMPLES 0: %d", n)
		}
		isNil(t, rdb.MemoryUsage(ctx, "none"))
		eq(t, rdb.Do(ctx, "MEMORY", "PURGE"), any("OK"))
		value(t, rdb.Do(ctx, "MEMORY", "DOCTOR"))
		value(t, rdb.Do(ctx, "MEMORY", "STATS"))
	})
}

func TestDebug(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		start := time.Now()
		eq(t, rdb.Do(ctx, "DEBUG", "SLEEP", "0.05"), any("OK"))
		if took := time.Since(start); took < 50*time.Millisecond {
			t.Errorf("DEBUG SLEEP 0.05 took %v", took)
		}
		value(t, rdb.Set(ctx, "k", "v", 0))
		if text := value(t, rdb.DebugObject(ctx, "k")); !strings.Contains(text, "encoding:embstr") {
			t.Errorf("DEBUG OBJECT: %s", text)
		}
		// Without the sweep a key past its deadline is still counted, but not seen.
		eq(t, rdb.Do(ctx, "DEBUG", "SET-ACTIVE-EXPIRE", "0"), any("OK"))
		value(t, rdb.Set(ctx, "short", "v", 10*time.Millisecond))
		time.Sleep(300 * time.Millisecond)
		eq(t, rdb.DBSize(ctx), 2)
		isNil(t, rdb.Get(ctx, "short"))
		eq(t, rdb.DBSize(ctx), 1)
		eq(t, rdb.Do(ctx, "DEBUG", "SET-ACTIVE-EXPIRE", "1"), any("OK"))
	})
}

func TestDebugIsOffUnlessEnabled(t *testing.T) {
	p := startOwn(t, subjectBin, "--enable-debug-command", "no")
	w := dial(t, p)
	if got := w.do(t, "DEBUG", "SLEEP", "0"); !strings.HasPrefix(got, "(error) ERR DEBUG command not allowed.") {
		t.Errorf("DEBUG: %s", got)
	}
}

func TestShutdown(t *testing.T) {
	p := startOwn(t, subjectBin)
	w := dial(t, p)
	w.want(t, "(error) ERR syntax error", "SHUTDOWN", "BOGUS")
	w.send(argv("SHUTDOWN", "NOSAVE"))
	if raw, err := w.reply(false); err == nil {
		t.Errorf("SHUTDOWN replied %q", raw)
	}
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		t.Fatal("the server is still there")
	}
	if !p.cmd.ProcessState.Success() {
		t.Errorf("it ended with %v", p.cmd.ProcessState)
	}
}
