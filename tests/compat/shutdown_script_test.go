package compat

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// runsSlowly has a client run a script and waits until other clients get BUSY.
func runsSlowly(t *testing.T, p *process, script string) *wire {
	t.Helper()
	if err := dial(t, p).send(argv("EVAL", script, "1", "k")); err != nil {
		t.Fatal(err)
	}
	w := dial(t, p)
	for end := time.Now().Add(time.Minute); !strings.HasPrefix(w.do(t, "GET", "other"), "(error) BUSY "); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody says BUSY")
		}
	}
	return w
}

const (
	spins      = "while true do end"
	writes     = "redis.call('SET', KEYS[1], 'half') while true do end"
	backtracks = "while true do string.rep('a', 1e6):find(('a?'):rep(25) .. ('a'):rep(25) .. 'b') end"
)

// A server that is to end does so while a script runs.
func TestAServerEndsWhileAScriptRuns(t *testing.T) {
	busy := "(error) BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
	for _, script := range []string{spins, writes, backtracks} {
		p := startOwn(t, subjectBin, "--busy-reply-threshold", "20", "--save", "3600", "1")
		w := runsSlowly(t, p, script)
		w.want(t, busy, "SHUTDOWN")
		w.want(t, busy, "SHUTDOWN", "SAVE")
		if script != spins {
			w = dial(t, p) // and one that connected meanwhile
		}
		_, _ = w.call(argv("SHUTDOWN", "NOSAVE"))
		endOf(t, p)
	}
	for _, script := range []string{spins, backtracks} {
		p := startOwn(t, subjectBin, "--busy-reply-threshold", "20", "--save", "3600", "1")
		runsSlowly(t, p, script)
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		endOf(t, p)
	}
}

// The changes of a script that does not end are kept completely or not at all: a signal waits for it and the log
// says so, SHUTDOWN NOSAVE stops the server without waiting.
func TestTheEndOfAServerLeavesNoHalfOfAScript(t *testing.T) {
	dir := t.TempDir()
	p := startOwn(t, subjectBin, "--busy-reply-threshold", "20", "--dir", dir, "--appendonly", "yes", "--shutdown-timeout", "0")
	w := dial(t, p)
	w.want(t, "OK", "SET", "k", "whole")
	w = runsSlowly(t, p, writes)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	for end := time.Now().Add(time.Minute); !strings.Contains(p.log.String(), "the end waits for a script that has written"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the log does not say what the end waits for")
		}
	}
	_, _ = w.call(argv("SHUTDOWN", "NOSAVE"))
	endOf(t, p)
	w = dial(t, startOwn(t, subjectBin, "--dir", dir, "--appendonly", "yes"))
	for end := time.Now().Add(time.Minute); strings.HasPrefix(w.do(t, "GET", "x"), "(error) LOADING") && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	w.want(t, `"whole"`, "GET", "k")
}
