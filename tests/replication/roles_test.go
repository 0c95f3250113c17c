package replication

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// wants compares a reply, or an error, as text.
func wants(t *testing.T, s *server, want string, words ...any) {
	t.Helper()
	v, err := s.Do(ctx, words...).Result()
	got := fmt.Sprint(v)
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("%s %v: %q, want %q", s.kind, words, got, want)
	}
}

// Both kinds of replicas answer alike, whatever kind their primary is.
func TestReplicasAnswerAsThoseOfRedis(t *testing.T) {
	a := start(t, "cached")
	for _, kind := range []string{"cached", "redis-server"} {
		b := start(t, kind)
		wants(t, b, "OK", "REPLICAOF", "NO", "ONE")
		wants(t, b, "ERR Invalid master port", "REPLICAOF", "a", "b")
		wants(t, b, "ERR Invalid master port", "REPLICAOF", "127.0.0.1", "70000")
		b.follow(a.port)
		b.caughtUp(a)
		wants(t, b, "OK Already connected to specified master", "SLAVEOF", "127.0.0.1", a.port)
		wants(t, b, "READONLY You can't write against a read only replica.", "SET", "a", "1")
		wants(t, b, "READONLY You can't write against a read only replica. script: 119b0beb461d5982ddacc6dda6829882d5e16b4d, on @user_script:1.", "EVAL", "return redis.call('set','a',1)", "0")
		wants(t, b, "READONLY You can't write against a read only replica.", "EVAL", "#!lua\nreturn redis.call('get','a')", "0")
		wants(t, b, "1", "EVAL", "#!lua flags=no-writes\nreturn 1", "0")
		wants(t, b, "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.", "WAIT", "1", "1")
		if _, err := b.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, "a", 1, 0)
			return nil
		}); err == nil || !strings.HasPrefix(err.Error(), "EXECABORT") && !strings.HasPrefix(err.Error(), "READONLY") {
			t.Errorf("%s: a transaction: %v", kind, err)
		}
		role := b.must("ROLE").([]any)
		if fmt.Sprint(role[:4]) != fmt.Sprintf("[slave 127.0.0.1 %s connected]", a.port) {
			t.Errorf("%s: ROLE: %v", kind, role)
		}
		b.must("CONFIG", "SET", "replica-serve-stale-data", "no")
		b.must("CONFIG", "SET", "masterauth", "wrong")
		wants(t, b, "", "ECHO", "") // the link is up still
		b.follow(freePort(t))
		wants(t, b, "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "GET", "a")
		wants(t, b, "OK", "CONFIG", "SET", "masterauth", "")
		f := b.fields()
		for _, name := range []string{"role", "master_host", "master_port", "master_link_status", "master_last_io_seconds_ago", "master_sync_in_progress",
			"slave_read_repl_offset", "slave_repl_offset", "master_link_down_since_seconds", "slave_priority", "slave_read_only", "replica_announced", "connected_slaves",
			"master_failover_state", "master_replid", "master_replid2", "master_repl_offset", "second_repl_offset", "repl_backlog_active", "repl_backlog_size",
			"repl_backlog_first_byte_offset", "repl_backlog_histlen"} {
			if f[name] == "" {
				t.Errorf("%s: INFO has no %s", kind, name)
			}
		}
		wants(t, b, "OK", "REPLICAOF", "no", "one")
		wants(t, b, "OK", "SET", "a", "2")
	}
}

// A client that waits when its server becomes a replica is told, and its connection ends.
func TestADemotedPrimaryUnblocksItsClients(t *testing.T) {
	a := start(t, "cached")
	for _, kind := range []string{"cached", "redis-server"} {
		b := start(t, kind)
		end := make(chan error, 1)
		go func() { end <- b.BLPop(ctx, time.Minute, "nothing").Err() }()
		b.until("the client waits", func() bool { return strings.Contains(b.Info(ctx, "clients").Val(), "blocked_clients:1") })
		b.follow(a.port)
		if err := <-end; err == nil || err.Error() != "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)" {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// WAIT counts replicas that have what was written, WAITAOF those that have it on the disk.
func TestWaitingForReplicas(t *testing.T) {
	a := start(t, "cached")
	b, c := start(t, "cached", "--appendonly", "yes"), start(t, "redis-server")
	for _, x := range []*server{b, c} {
		x.follow(a.port)
		x.linked()
	}
	a.until("both are online", func() bool {
		f := a.fields()
		return strings.Contains(f["slave0"], "state=online") && strings.Contains(f["slave1"], "state=online")
	})
	for i := range 20 {
		a.must("SET", "k", i)
		wants(t, a, "2", "WAIT", "2", "20000")
		if v := b.Get(ctx, "k").Val(); v != fmt.Sprint(i) {
			t.Errorf("acknowledged and not there: %s, %d", v, i)
		}
	}
	begun := time.Now()
	wants(t, a, "2", "WAIT", "3", "100")
	if time.Since(begun) < 90*time.Millisecond {
		t.Error("WAIT did not wait")
	}
	a.must("SET", "k", "z")
	wants(t, a, "[0 1]", "WAITAOF", "0", "1", "20000")
	wants(t, a, "[0 1]", "WAITAOF", "0", "2", "100")
	a.must("CONFIG", "SET", "min-replicas-to-write", "3")
	wants(t, a, "NOREPLICAS Not enough good replicas to write.", "SET", "k", "y")
	wants(t, a, "z", "GET", "k")
	a.must("CONFIG", "SET", "min-replicas-to-write", "2")
	wants(t, a, "OK", "SET", "k", "y")
}

// Sub-replicas have what the first primary has, across a promotion in the middle of the chain,
// and resume without another snapshot.
func TestChains(t *testing.T) {
	r := random(t)
	a, b, c, d := start(t, "cached"), start(t, "cached"), start(t, "cached"), start(t, "redis-server")
	b.follow(a.port)
	b.linked()
	c.follow(b.port)
	d.follow(b.port)
	play(a, r, 2000, false)
	b.caughtUp(a)
	c.caughtUp(a)
	d.caughtUp(a)
	settle(a, b)
	same(t, a, b)
	c.caughtUp(a)
	d.caughtUp(a)
	same(t, a, c)
	same(t, a, d)
	b.must("REPLICAOF", "NO", "ONE")
	play(b, r, 500, false)
	a.follow(b.port)
	a.caughtUp(b)
	c.caughtUp(b)
	d.caughtUp(b)
	settle(b, a)
	c.caughtUp(b)
	d.caughtUp(b)
	for _, x := range []*server{a, c, d} {
		same(t, b, x)
	}
	if full, partial := b.syncs(); full > 2 || partial < 3 {
		t.Errorf("%d full and %d partial synchronisations of the promoted one", full, partial)
	}
}

// Servers that end in good order resume where they were, as primaries and as replicas.
func TestOffsetsSurviveARestart(t *testing.T) {
	a, b := start(t, "cached", "--save", "1000 1000"), start(t, "cached", "--save", "1000 1000")
	b.follow(a.port)
	b.linked()
	for i := range 100 {
		a.must("RPUSH", "list", i)
	}
	b.caughtUp(a)
	restart := func(s *server, more ...string) {
		_ = s.Do(ctx, "SHUTDOWN", "SAVE").Err()
		<-s.ended
		_ = s.Client.Close()
		s.directives = append(s.directives, more...)
		s.run()
	}
	restart(b, "--replicaof", "127.0.0.1 "+a.port)
	b.linked()
	if full, partial := a.syncs(); full != 1 || partial != 1 {
		t.Errorf("a replica that was started anew: %d full, %d partial", full, partial)
	}
	a.must("RPUSH", "list", "x")
	b.caughtUp(a)
	restart(a)
	a.must("RPUSH", "list", "y")
	b.until("the link is up again", func() bool { return b.LLen(ctx, "list").Val() == 102 })
	if full, partial := a.syncs(); full != 0 || partial != 1 {
		t.Errorf("a primary that was started anew: %d full, %d partial", full, partial)
	}
	same(t, a, b)
}

// A killed replica, and a killed primary, end up with the same data as the others.
func TestKilledServersComeBack(t *testing.T) {
	r := random(t)
	a, b := start(t, "cached", "--appendonly", "yes"), start(t, "cached", "--appendonly", "yes")
	b.directives = append(b.directives, "--replicaof", "127.0.0.1 "+a.port)
	b.follow(a.port)
	b.linked()
	for i := range *rounds {
		done := make(chan struct{})
		go func() {
			defer close(done)
			play(a, r, 2000, true)
		}()
		time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond)
		s := b
		if i%2 == 1 {
			s = a
		}
		s.kill()
		<-done
		s.run()
		b.caughtUp(a)
	}
	settle(a, b)
	same(t, a, b)
}

// FAILOVER exchanges a primary and a replica without losing a write, between both kinds, and its clients' writes wait.
func TestAPrimaryHandsOver(t *testing.T) {
	for _, pair := range [][2]string{{"cached", "cached"}, {"cached", "redis-server"}, {"redis-server", "cached"}} {
		a, b, c := start(t, pair[0]), start(t, pair[1]), start(t, "cached")
		wants(t, a, "ERR FAILOVER requires connected replicas.", "FAILOVER")
		wants(t, a, "ERR No failover in progress.", "FAILOVER", "ABORT")
		b.follow(a.port)
		c.follow(a.port)
		b.caughtUp(a)
		c.caughtUp(a)
		a.until("both are online", func() bool {
			f := a.fields()
			return strings.Contains(f["slave0"], "state=online") && strings.Contains(f["slave1"], "state=online")
		})
		wants(t, b, "ERR FAILOVER is not valid when server is a replica.", "FAILOVER")
		wants(t, a, "ERR FAILOVER target HOST and PORT is not a replica.", "FAILOVER", "TO", "127.0.0.1", "1")
		wants(t, a, "ERR FAILOVER timeout must be greater than 0", "FAILOVER", "TIMEOUT", "0")
		wants(t, a, "ERR FAILOVER with force option requires both a timeout and target HOST and IP.", "FAILOVER", "TO", "127.0.0.1", b.port, "FORCE")
		stop, done, written := make(chan struct{}), make(chan struct{}), 0
		go func() { // writes until the primary is none any more
			defer close(done)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if a.RPush(ctx, "list", written).Err() != nil {
					return
				}
				written++
			}
		}()
		time.Sleep(50 * time.Millisecond)
		begun := time.Now()
		wants(t, a, "OK", "FAILOVER", "TO", "127.0.0.1", b.port)
		b.until("it is the primary", func() bool { return b.fields()["role"] == "master" })
		a.until("the old one follows", func() bool { f := a.fields(); return f["role"] == "slave" && f["master_link_status"] == "up" })
		t.Logf("%v: handed over in %v", pair, time.Since(begun))
		close(stop)
		<-done
		if n := b.LLen(ctx, "list").Val(); int(n) != written {
			t.Errorf("%v: %d writes were answered, %d are there", pair, written, n)
		}
		b.must("SET", "after", "1")
		a.caughtUp(b)
		same(t, b, a)
		if full, _ := b.syncs(); full != 0 {
			t.Errorf("%v: %d full synchronisations", pair, full)
		}
		wants(t, a, "READONLY You can't write against a read only replica.", "SET", "a", "1")
	}
}

// What is published on a primary comes to the subscribers of its replicas.
func TestReplicasHearWhatIsPublished(t *testing.T) {
	for _, pair := range [][2]string{{"cached", "cached"}, {"cached", "redis-server"}, {"redis-server", "cached"}} {
		a, b := start(t, pair[0]), start(t, pair[1])
		b.follow(a.port)
		b.caughtUp(a)
		sub := b.Subscribe(ctx, "news")
		if _, err := sub.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		a.must("PUBLISH", "news", "hello")
		m, err := sub.ReceiveTimeout(ctx, 20*time.Second)
		if msg, ok := m.(*redis.Message); err != nil || !ok || msg.Payload != "hello" {
			t.Errorf("%v: %v %v", pair, m, err)
		}
		_ = sub.Close()
		if pair[1] == "cached" {
			if list := b.must("CLIENT", "LIST", "TYPE", "master").(string); !strings.Contains(list, "flags=M ") {
				t.Errorf("CLIENT LIST TYPE master: %s", list)
			}
			wants(t, b, "1", "CLIENT", "KILL", "TYPE", "master")
			b.caughtUp(a)
		}
	}
}
