package server

import (
	"bufio"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"cached/engine"
)

// Others wait for a script no longer than its limit: then they are told, and may
// end it.
func TestASlowScriptLeavesOthersAnAnswerAndCanBeKilled(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable, "--busy-reply-threshold", "20", "--io-threads", "1")
		slow, slowReplies := dial(t, path)
		other, replies := dial(t, path)
		ask := talk{t, other, replies}.line
		fmt.Fprintf(slow, "EVAL \"pcall(function() while true do end end) while true do end\" 0\r\nPING\r\n")
		deadline := time.Now().Add(30 * time.Second)
		for !strings.HasPrefix(ask("PING"), "-BUSY ") {
			if time.Now().After(deadline) {
				t.Fatal("nobody says BUSY")
			}
		}
		if got := ask("FUNCTION KILL"); !strings.HasPrefix(got, "-BUSY ") {
			t.Errorf("FUNCTION KILL: %q", got)
		}
		if got := ask("SCRIPT KILL"); got != "+OK\r\n" {
			t.Errorf("SCRIPT KILL: %q", got)
		}
		if got, err := slowReplies.ReadString('\n'); err != nil || !strings.HasPrefix(got, "-ERR Script killed by user with SCRIPT KILL... script: ") {
			t.Errorf("the script: %q %v", got, err)
		}
		if got, err := slowReplies.ReadString('\n'); err != nil || got != "+PONG\r\n" {
			t.Errorf("what came behind it: %q %v", got, err)
		}
		if got := ask("PING"); got != "+PONG\r\n" {
			t.Errorf("PING: %q", got)
		}
	})
}

// A command whose reply is as long as the client wants is no longer than the script may be.
func TestAScriptIsKilledInTheMiddleOfALongReply(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable, "--busy-reply-threshold", "20", "--io-threads", "1")
		slow, slowReplies := dial(t, path)
		other, replies := dial(t, path)
		ask := talk{t, other, replies}.line
		for _, fill := range []string{"HSET h %s", "ZADD z %s", "SADD s %s"} {
			for i := range 100 {
				pair := fmt.Sprintf("%d m%d", i, i)
				if got := ask(fmt.Sprintf(fill, pair)); got[0] != ':' {
					t.Fatalf("%s: %q", fill, got)
				}
			}
		}
		for _, call := range []string{"'HRANDFIELD', 'h'", "'ZRANDMEMBER', 'z'", "'SRANDMEMBER', 's'"} {
			fmt.Fprintf(slow, "EVAL \"redis.pcall(%s, -10000000)\" 0\r\nPING\r\n", call)
			deadline := time.Now().Add(30 * time.Second)
			for !strings.HasPrefix(ask("PING"), "-BUSY ") {
				if time.Now().After(deadline) {
					t.Fatalf("%s: nobody says BUSY", call)
				}
			}
			if got := ask("SCRIPT KILL"); got != "+OK\r\n" {
				t.Errorf("%s: SCRIPT KILL: %q", call, got)
			}
			if got, err := slowReplies.ReadString('\n'); err != nil || !strings.HasPrefix(got, "-ERR Script killed by user with SCRIPT KILL... script: ") {
				t.Errorf("%s: %q %v", call, got, err)
			}
			if got, err := slowReplies.ReadString('\n'); err != nil || got != "+PONG\r\n" {
				t.Errorf("%s: what came behind it: %q %v", call, got, err)
			}
		}
	})
}

// Scripts over declared keys run beside each other; each is still one step.
func TestScriptsOfManyClientsAreAtomic(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		var wg sync.WaitGroup
		const clients, rounds = 4, 200
		for n := range clients {
			conn, r := dial(t, path)
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := range rounds {
					// By turns with declared keys, with others, and in a transaction.
					script := "local v = redis.call('get', KEYS[1]) or 0 redis.call('set', KEYS[1], v + 1) redis.call('set', KEYS[2], v + 1) return v"
					keys := "2 a b"
					if i%3 == 1 {
						script, keys = strings.ReplaceAll(strings.ReplaceAll(script, "KEYS[1]", "'a'"), "KEYS[2]", "'b'"), "0"
					}
					want := 1
					if (i+n)%3 == 2 {
						fmt.Fprintf(conn, "MULTI\r\nEVAL \"%s\" %s\r\nEXEC\r\n", script, keys)
						want = 4
					} else {
						fmt.Fprintf(conn, "EVAL \"%s\" %s\r\n", script, keys)
					}
					for range want {
						line, err := r.ReadString('\n')
						if err != nil || strings.HasPrefix(line, "-") {
							t.Errorf("%q %v", line, err)
							return
						}
						if strings.HasPrefix(line, "$") && !strings.HasPrefix(line, "$-1") {
							_, _ = r.ReadString('\n')
						}
					}
				}
			}()
		}
		wg.Wait()
		conn, r := dial(t, path)
		fmt.Fprintf(conn, "EVAL \"return redis.call('get', 'a') + redis.call('get', 'b')\" 0\r\n")
		if got, err := r.ReadString('\n'); err != nil || got != fmt.Sprintf(":%d\r\n", 2*clients*rounds) {
			t.Errorf("%q %v", got, err)
		}
	})
}

// A client that waits for a slow script's keys does not keep its loop from others:
// it is told BUSY, and whoever may end the script is heard.
func TestWhoWaitsForASlowScriptIsToldAndCanKillIt(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		s, path := startServer(t, portable, "--busy-reply-threshold", "100", "--io-threads", "2")
		killer, killed := dial(t, path)
		fmt.Fprint(killer, "FUNCTION LOAD \"#!lua name=l\\nredis.register_function('f', function(keys) return redis.call('GET', keys[1]) end)\"\r\n")
		for range 2 {
			if got, err := killed.ReadString('\n'); err != nil || got != "$1\r\n" && got != "l\r\n" {
				t.Fatalf("FUNCTION LOAD: %q %v", got, err)
			}
		}
		slow, slowReplies := dial(t, path)
		fmt.Fprint(slow, "EVAL \"redis.call('GET', KEYS[1]) while true do end\" 1 k\r\n")
		for deadline := time.Now().Add(10 * time.Second); !isHeld(s, "k"); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the script does not run")
			}
		}
		// Whatever loop they are on, all ask for the key or for everything before the
		// script is known to be slow, or after it.
		var waiting []*bufio.Reader
		words := []string{"SET k 1", "GET k", "EVAL \"return redis.call('GET', KEYS[1])\" 1 k", "EVAL \"return redis.call('GET', 'k')\" 0",
			"FCALL f 1 k", "FLUSHALL", "MSET a 1 k 2", "FUNCTION FLUSH", "BLPOP k 0", "MULTI\r\nSET k 1\r\nEXEC"}
		for range 2 {
			for _, w := range words {
				conn, r := dial(t, path)
				fmt.Fprintf(conn, "%s\r\n", w)
				waiting = append(waiting, r)
			}
		}
		for i, r := range waiting {
			got := "+"
			for got[0] == '+' { // of MULTI
				var err error
				if got, err = r.ReadString('\n'); err != nil {
					t.Fatalf("%s: %v", words[i%len(words)], err)
				}
			}
			got = strings.TrimPrefix(got, "-EXECABORT Transaction discarded because of: ")
			if !strings.HasPrefix(strings.TrimPrefix(got, "-"), "BUSY ") && !strings.HasPrefix(got, "-EXECABORT Transaction discarded because of previous errors.") {
				t.Errorf("%s: %q", words[i%len(words)], got)
			}
		}
		fmt.Fprint(killer, "SCRIPT KILL\r\n")
		if got, err := killed.ReadString('\n'); err != nil || got != "+OK\r\n" {
			t.Errorf("SCRIPT KILL: %q %v", got, err)
		}
		if got, err := slowReplies.ReadString('\n'); err != nil || !strings.HasPrefix(got, "-ERR Script killed by user") {
			t.Errorf("the script: %q %v", got, err)
		}
	})
}

// A function that takes long is seen and killed by the clients of another loop before
// anybody is refused for it.
func TestALongFunctionIsSeenBeforeItIsSlow(t *testing.T) {
	_, path := startServer(t, false, "--busy-reply-threshold", "3600000", "--io-threads", "2")
	conn, r := dial(t, path)
	runner := talk{t, conn, r}
	if got := runner.line("FUNCTION LOAD \"#!lua name=l\\nredis.register_function('spin', function() while true do end end)\""); got != "$1\r\n" {
		t.Fatalf("FUNCTION LOAD: %q", got)
	}
	if got, err := r.ReadString('\n'); err != nil || got != "l\r\n" {
		t.Fatalf("FUNCTION LOAD: %q %v", got, err)
	}
	fmt.Fprint(conn, "FCALL spin 0 a\r\n")
	beside := make(chan talk, 8) // clients that are answered
	for range cap(beside) {
		conn, r := dial(t, path)
		go func() {
			fmt.Fprint(conn, "PING\r\n")
			if got, err := r.ReadString('\n'); err == nil && got == "+PONG\r\n" {
				beside <- talk{t, conn, r}
			}
		}()
	}
	other := <-beside
	for stats := ""; !strings.Contains(stats, "$5\r\nFCALL\r\n$4\r\nspin\r\n$1\r\n0\r\n$1\r\na\r\n"); time.Sleep(time.Millisecond) {
		stats = ""
		for line := other.line("FUNCTION STATS\r\nPING"); line != "+PONG\r\n"; {
			stats += line
			var err error
			if line, err = other.r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := other.line("FUNCTION KILL"); got != "+OK\r\n" {
		t.Errorf("FUNCTION KILL: %q", got)
	}
	if got, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(got, "-ERR Script killed by user") {
		t.Errorf("the function: %q %v", got, err)
	}
}

// Who is blocked for a key that a script of another loop holds is served when the
// script is over.
func TestABlockedClientIsServedAfterASlowScript(t *testing.T) {
	s, path := startServer(t, false, "--busy-reply-threshold", "50", "--io-threads", "2")
	popper, popped := dial(t, path)
	fmt.Fprint(popper, "BLPOP from 0\r\n")
	for s.block.all.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	slow, _ := dial(t, path)
	fmt.Fprint(slow, "EVAL \"redis.call('GET', KEYS[1]) while true do end\" 1 from\r\n")
	for s.scripts.busy.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	// As a change of the key just before the script would have it.
	s.mu.Lock()
	var waiter *waiter
	for _, c := range s.clients {
		if c.shown.blocked.Load() {
			waiter = s.block.waitersOf(readyKey{0, "from"})[0]
		}
	}
	s.mu.Unlock()
	served := make(chan bool)
	waiter.c.conn.post(func(w *worker, _ *client) {
		w.serve(waiter, []byte("from"))
		close(served)
	})
	<-served
	killer, killed := dial(t, path)
	fmt.Fprint(killer, "SCRIPT KILL\r\nRPUSH from x\r\n")
	if got, err := killed.ReadString('\n'); err != nil || got != "+OK\r\n" {
		t.Fatalf("SCRIPT KILL: %q %v", got, err)
	}
	for got := ""; got != ":1\r\n"; {
		var err error
		if got, err = killed.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(got, "-BUSY ") {
			fmt.Fprint(killer, "RPUSH from x\r\n")
		}
	}
	if got, err := popped.ReadString('\n'); err != nil || got != "*2\r\n" {
		t.Errorf("BLPOP: %q %v", got, err)
	}
}

// A function that names its keys by its first argument leaves the others' alone,
// also in a transaction.
func TestADeclaredFunctionLocksItsKeysOnly(t *testing.T) {
	s, path := startServer(t, false)
	conn, r := dial(t, path)
	ask := talk{t, conn, r}.line
	ask("FUNCTION LOAD \"#!lua name=l\\nredis.register_function('f', function(keys) return redis.call('INCR', keys[1]) end)\"")
	_, _ = r.ReadString('\n')
	ask("FUNCTION LOAD \"#!lua name=m\\nredis.register_function('g', function(keys) return redis.call('INCR', 'x') end)\"")
	_, _ = r.ReadString('\n')
	locks := func(words ...string) *engine.LockSet {
		var argv [][]byte
		for _, w := range words {
			argv = append(argv, []byte(w))
		}
		spec, _ := s.table.Find(argv)
		l := new(engine.LockSet)
		s.scripts.addScriptLocks(l, spec, argv)
		return l
	}
	holdsAll := func(l *engine.LockSet) bool {
		var tx engine.Tx
		tx.Begin(s.keys, 0, 0)
		tx.Lock(l)
		defer tx.Unlock()
		var all engine.LockSet
		all.AddAll(s.keys)
		return tx.Holds(&all)
	}
	if holdsAll(locks("FCALL", "f", "1", "a")) || holdsAll(locks("EVAL", "return redis.call('INCR', KEYS[1])", "1", "a")) {
		t.Error("who declares its keys locks everything")
	}
	if !holdsAll(locks("FCALL", "g", "1", "a")) || !holdsAll(locks("EVAL", "return redis.call('INCR', 'x')", "1", "a")) {
		t.Error("who does not declare its keys does not lock everything")
	}
	if got := ask("FCALL f 1 a"); got != ":1\r\n" {
		t.Errorf("FCALL: %q", got)
	}
	fmt.Fprint(conn, "MULTI\r\nFCALL f 1 a\r\nEVAL \"return redis.call('INCR', KEYS[1])\" 1 a\r\nFCALL g 0\r\nEXEC\r\n")
	for _, want := range []string{"+OK", "+QUEUED", "+QUEUED", "+QUEUED", "*3", ":2", ":3", ":1"} {
		if got, err := r.ReadString('\n'); err != nil || got != want+"\r\n" {
			t.Fatalf("%q %v instead of %s", got, err, want)
		}
	}
}

// What a library costs does not depend on how many there are.
func TestLoadingALibraryCostsTheSameHoweverManyThereAre(t *testing.T) {
	s, _ := startServer(t, false)
	n := 0
	load := func(count int) (bytes uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range count {
			n++
			if err := s.LoadLibrary(fmt.Sprintf("#!lua name=l%d\nredis.register_function('f%d', function() return %d end)", n, n, n)); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / uint64(count)
	}
	first := load(100)
	load(3000)
	if last := load(100); last > first*3/2 {
		t.Errorf("a library takes %d bytes at first and %d behind 3,000 others", first, last)
	}
}

// Nobody asks the gates when none of them has anything to say any more.
func TestGatesAreAskedOnlyWhileTheyHaveSomethingToSay(t *testing.T) {
	s, path := startServer(t, false, "--busy-reply-threshold", "20")
	conn, r := dial(t, path)
	ask := talk{t, conn, r}.line
	await := func(want bool) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); (s.gated.Load() != 0) != want; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("gated is %v", !want)
			}
		}
	}
	await(false)
	ask("CONFIG SET maxmemory 1gb")
	await(true)
	ask("CONFIG SET maxmemory 0")
	await(false)
	slow, slowReplies := dial(t, path)
	fmt.Fprint(slow, "EVAL \"while true do end\" 0\r\n")
	await(true)
	for !strings.HasPrefix(ask("PING"), "-BUSY ") {
	}
	ask("SCRIPT KILL")
	if _, err := slowReplies.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	await(false)
	ask("CLIENT PAUSE 100000 WRITE")
	await(true)
	ask("CLIENT UNPAUSE")
	await(false)
}

// isHeld reports whether long work holds a key's lock.
func isHeld(s *Server, key string) bool {
	tx := engine.Tx{GivesUp: true}
	tx.Begin(s.keys, 0, 0)
	s.keys.GiveUp(true)
	defer s.keys.GiveUp(false)
	if !tx.LockKey([]byte(key)) {
		return true
	}
	tx.Unlock()
	return false
}
