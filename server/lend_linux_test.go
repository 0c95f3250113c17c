package server

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// A lent loop takes turns in the middle of a script that takes long. A client that has more
// commands than fit one of those turns gets the rest answered afterwards, also if the script
// itself began while the loop went through its clients, and was not the first of them.
func TestAClientThatASlowScriptsTurnLeavesForTheNextIsNotForgotten(t *testing.T) {
	s, path := startServer(t, false, "--io-threads", "1")
	conn, replies := dial(t, path)
	l, busy, goOn := onlyClient(t, s, conn)
	goOn()
	dial(t, path)
	scripts, results := dial(t, path)
	var first, script *loopConn
	for script == nil {
		runtime.Gosched()
		l.turn.Lock()
		if len(l.clients) == 3 {
			for _, c := range l.clients {
				switch {
				case c == busy:
				case first == nil || c.id < first.id:
					first, script = c, first
				default:
					script = c
				}
			}
			break // with the turn
		}
		l.turn.Unlock()
	}

	var turn sync.WaitGroup
	turn.Go(func() { // a turn in the middle of the script
		for s.transport.slow.lent.Load() == 0 {
			runtime.Gosched()
		}
		l.turn.Lock()
		busy.in = []byte("PING\r\n")
		busy.more = true // as goOn leaves one that has had its share
		l.again = append(l.again, busy)
		l.finish()
		l.turn.Unlock()
		for s.scripts.killLong(false) != nil {
			runtime.Gosched()
		}
	})
	script.in = []byte("EVAL 'while true do end' 0\r\n")
	l.markDirty(first)
	l.markDirty(script)
	l.detached = true // the driver's goroutine is another one
	l.finish()
	if !l.ends() {
		t.Error("the loop was not lent")
	}
	turn.Wait()

	deadline := time.Now().Add(30 * time.Second)
	_ = conn.SetReadDeadline(deadline)
	_ = scripts.SetReadDeadline(deadline)
	if got, err := results.ReadString('\n'); !strings.Contains(got, "SCRIPT KILL") {
		t.Errorf("the script: %q %v", got, err)
	}
	if got, err := replies.ReadString('\n'); got != "+PONG\r\n" {
		t.Errorf("the client that had more: %q %v", got, err)
	}
	fmt.Fprint(conn, "ECHO x\r\n")
	if got, err := replies.ReadString('\n'); got != "$1\r\n" {
		t.Errorf("its next command: %q %v", got, err)
	}
}

// Who has been served before a slow script began gets the reply when the log has come as
// far, not when the script ends.
func TestASlowScriptHoldsNoReplyBack(t *testing.T) {
	_, disk, path := startOnFakeDisk(t, false, "--io-threads", "1", "--busy-reply-threshold", "20")
	conn, replies := dial(t, path)
	fmt.Fprint(conn, "SET a 1\r\n")
	for disk.Logged() == 0 {
		runtime.Gosched()
	}
	slow, _ := dial(t, path)
	fmt.Fprint(slow, "EVAL 'while true do end' 0\r\n")
	other, answers := dial(t, path)
	ask := talk{t, other, answers}.line
	for !strings.HasPrefix(ask("PING"), "-BUSY ") {
	}
	disk.settle()
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	if got, err := replies.ReadString('\n'); got != "+OK\r\n" {
		t.Errorf("%q %v", got, err)
	}
	if got := ask("SCRIPT KILL"); got != "+OK\r\n" {
		t.Errorf("SCRIPT KILL: %q", got)
	}
}
