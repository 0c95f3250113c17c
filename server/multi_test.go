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
