package server

import (
	"fmt"
	"strings"
	"testing"

	"cached/commands"
	"cached/engine"
	"cached/internal/effects/effectstest"
)

// Commands that look at the whole keyspace for themselves must not wait for
// locks that their own transaction holds.
func TestEveryCommandWithoutKeysRunsInsideExec(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		s, path := startServer(t, portable, "--enable-debug-command", "yes")
		conn, r := dial(t, path)
		n := 0
		var try func(words string, spec *commands.Spec)
		try = func(words string, spec *commands.Spec) {
			for i := range spec.Sub {
				try(words+" "+spec.Sub[i].Name, &spec.Sub[i])
			}
			switch {
			case len(spec.Sub) > 0, len(spec.Keys) > 0, spec.Flags&commands.InMulti != 0, spec.Name == "shutdown",
				spec.Name == "monitor", spec.Name == "kill", spec.Name == "reply", strings.HasSuffix(spec.Name, "subscribe"):
				return
			}
			n++
			fmt.Fprintf(conn, "MULTI\r\nSET k v\r\n%s%s\r\nEXEC\r\nECHO end%d\r\n", words, strings.Repeat(" 0", max(0, max(spec.Arity, -spec.Arity)-len(strings.Fields(words)))), n)
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					t.Fatalf("%s inside EXEC: %v", words, err)
				}
				if line == fmt.Sprintf("end%d\r\n", n) {
					break
				}
			}
		}
		for _, spec := range s.table.All() {
			try(spec.Name, spec)
		}
	})
}

func TestATransactionIsJournaledAsOne(t *testing.T) {
	j := &effectstest.Recorder{}
	keys := engine.New(engine.Options{})
	keys.Effects().Attach(j)
	_, path := startServerOn(t, keys)
	conn, r := dial(t, path)
	fmt.Fprintf(conn, "MULTI\r\nSET a 1\r\nGET a\r\nSELECT 3\r\nINCR b\r\nEXEC\r\nMULTI\r\nDEL a\r\nSET c 1\r\nEXEC\r\n"+
		"MULTI\r\nGET a\r\nEXEC\r\nECHO end\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "end\r\n" {
			break
		}
	}
	got := strings.Join(j.Lines(), "\n")
	if want := "0 MULTI\n0 SET a 1\n3 INCR b\n3 EXEC\n3 SET c 1"; got != want {
		t.Errorf("journal:\n%s\nwant:\n%s", got, want)
	}
}

// A key that comes by SWAPDB past its deadline changes nothing for a client that watches a
// name without a key, and neither does its removal.
func TestAStaleKeyIsNoChangeToAWatchedAbsentOne(t *testing.T) {
	_, path := startServer(t, false, "--enable-debug-command", "yes")
	conn, r := dial(t, path)
	fmt.Fprint(conn, "DEBUG SET-ACTIVE-EXPIRE 0\r\nSELECT 1\r\nSET x foo PX 1\r\nSELECT 0\r\nSET x bar PX 1\r\nDEBUG SLEEP 0.005\r\n"+
		"SELECT 2\r\nWATCH x\r\nSWAPDB 1 2\r\nGET x\r\nMULTI\r\nPING\r\nEXEC\r\n")
	expect(t, r, strings.Repeat("+OK\r\n", 9)+"$-1\r\n+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n")
	fmt.Fprint(conn, "SELECT 3\r\nSET y foo PX 20\r\nWATCH y\r\nDEBUG SLEEP 0.03\r\nMULTI\r\nPING\r\nEXEC\r\n") // it was there
	expect(t, r, strings.Repeat("+OK\r\n", 5)+"+QUEUED\r\n*-1\r\n")
}
