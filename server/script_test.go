package server

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// Others wait for a script no longer than its limit: then they are told, and may
// end it.
func TestASlowScriptLeavesOthersAnAnswerAndCanBeKilled(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable, "--busy-reply-threshold", "20", "--io-threads", "1")
		slow, slowReplies := dial(t, path)
		other, replies := dial(t, path)
		ask := func(words string) string {
			fmt.Fprintf(other, "%s\r\n", words)
			line, err := replies.ReadString('\n')
			if err != nil {
				t.Fatalf("%s: %v", words, err)
			}
			return line
		}
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
