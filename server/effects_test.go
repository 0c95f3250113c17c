package server

import (
	"fmt"
	"strings"
	"testing"

	"cached/engine"
	"cached/internal/effects/effectstest"
)

// The journal hears of what changes a value and of nothing else: a bit that was
// so already is no change, and a count that is kept in the value is one.
func TestEffectsOfBitmapsAndHyperLogLogs(t *testing.T) {
	j := &effectstest.Recorder{}
	keys := engine.New(engine.Options{})
	keys.Effects().Attach(j)
	_, path := startServerOn(t, keys)
	conn, r := dial(t, path)
	var want []string
	for _, c := range []struct {
		call string
		told bool
	}{
		{"SETBIT b 7 0", true},
		{"SETBIT b 7 0", false},
		{"SETBIT b 7 1", true},
		{"BITFIELD b GET u8 0", false},
		{"BITFIELD b SET u8 0 1", false},
		{"BITFIELD b SET u8 0 2", true},
		{"BITFIELD b OVERFLOW FAIL INCRBY u8 0 300", false},
		{"BITFIELD b OVERFLOW FAIL INCRBY u8 100 300", true}, // it is longer now
		{"BITOP NOT c b", true},
		{"BITOP AND c none", true},
		{"BITOP AND c none", false},
		{"PFADD h", true},
		{"PFADD h", false},
		{"PFADD h a", true},
		{"PFADD h a", false},
		{"PFCOUNT h", true},
		{"PFCOUNT h", false},
		{"PFCOUNT h none", false},
		{"PFMERGE h", true},
		{"PFDEBUG ENCODING h", false},
		{"PFDEBUG TODENSE h", true},
		{"PFDEBUG TODENSE h", false},
	} {
		fmt.Fprintf(conn, "%s\r\n", c.call)
		if c.told {
			want = append(want, "0 "+c.call)
		}
	}
	fmt.Fprint(conn, "ECHO end\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "end\r\n" {
			break
		}
	}
	if got := strings.Join(j.Lines(), "\n"); got != strings.Join(want, "\n") {
		t.Errorf("journal:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}
