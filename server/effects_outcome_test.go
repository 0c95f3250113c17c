package server

import (
	"fmt"
	"strings"
	"testing"

	"cached/engine"
	"cached/internal/effects/effectstest"
)

// What is logged is what a command came to, in commands that older servers know: without
// conditions, and with moments in place of times from now.
func TestEffectsAreOutcomes(t *testing.T) {
	logged(t, []loggedCall{
		{"SET s 1", "SET s 1"},
		{"SET s 2 IFEQ 1", "SET s 2"},
		{"SET s 2 IFEQ 1", ""},
		{"SET s 3 IFNE 1 KEEPTTL", "SET s 3 KEEPTTL"},
		{"SET s 4 IFEQ 3 PXAT 33177117420000", "SET s 4 PXAT 33177117420000"},
		{"SET s 5 IFDNE 0000000000000000 GET", "SET s 5"},
		{"DELEX s IFEQ 1", ""},
		{"DELEX s IFEQ 5", "DEL s"},
		{"DELEX s", ""},
		{"MSETEX 2 a 1 b 2", "MULTI|SET a 1|SET b 2|EXEC"},
		{"MSETEX 2 a 1 b 2 NX", ""},
		{"MSETEX 1 a 1 XX EXAT 33177117420", "SET a 1 PXAT 33177117420000"},
		{"MSETEX 1 a 2 KEEPTTL", "SET a 2 KEEPTTL"},
		{"DELIFEQ a 1", ""},
		{"DELIFEQ a 2", "DEL a"},
		{"BITOP ONE c b b", "BITOP ONE c b b"},
		{"RPUSH l 1 2 3", "RPUSH l 1 2 3"},
		{"LMOVEM l m LEFT LEFT COUNT 2 OBO", "MULTI|LPOP l 2|LPUSH m 1 2|EXEC"},
		{"LMOVEM l m LEFT LEFT EXACTLY 2 OBO", ""},
		{"BLMOVEM m m LEFT RIGHT 0 COUNT 9 BULK", "MULTI|RPUSH m 2 1|LPOP m 2|EXEC"},
		{"XADD x 1-0 f v", "XADD x 1-0 f v"},
		{"XADD x 2-0 f v", "XADD x 2-0 f v"},
		{"XGROUP CREATE x g 0 ENTRIESREAD 0", "XGROUP CREATE x g 0 ENTRIESREAD 0"},
		{"XDELEX x ACKED IDS 1 1-0", ""},
		{"XACKDEL x g IDS 1 1-0", ""},
		{"XGROUP CREATECONSUMER x g c", "XGROUP CREATECONSUMER x g c"},
		{"XCLAIM x g c 0 1-0 TIME 1 RETRYCOUNT 1 FORCE JUSTID LASTID 0-0", "XCLAIM x g c 0 1-0 TIME 1 RETRYCOUNT 1 FORCE JUSTID LASTID 0-0"},
		{"XACKDEL x g IDS 2 1-0 2-0", "MULTI|XACK x g 1-0|XDEL x 1-0|EXEC"},
		{"XDELEX x DELREF IDS 1 2-0", "XDEL x 2-0"},
		{"XDELEX x DELREF IDS 1 2-0", ""},
		{"SADD t a b", "SADD t a b"},
		{"SEXPIREAT t 33177117420 MEMBERS 3 a none b", "SPEXPIREAT t 33177117420000 MEMBERS 2 a b"},
		{"SEXPIREAT t 33177117420 NX MEMBERS 1 a", ""},
		{"SPERSIST t MEMBERS 2 a none", "SPERSIST t MEMBERS 1 a"},
		{"SPERSIST t MEMBERS 1 a", ""},
		{"SEXPIRE t 0 MEMBERS 1 a", "SREM t a"},
		{"SADDEX t EXAT 33177117420 MEMBERS 2 b c", "MULTI|SADD t c|SPEXPIREAT t 33177117420000 MEMBERS 1 c|EXEC"},
		{"SADDEX t MEMBERS 2 b c", "SPERSIST t MEMBERS 2 b c"},
		{"SADDEX t EXAT 1 MEMBERS 2 b d", "SREM t b"},
		{"SADDEX t KEEPTTL MEMBERS 1 c", ""},
	})
}

// A loggedCall is a call, and the effects that are logged of it, apart by |.
type loggedCall struct{ call, effects string }

// logged makes calls and compares what is logged of them.
func logged(t *testing.T, calls []loggedCall) {
	t.Helper()
	j := &effectstest.Recorder{}
	keys := engine.New(engine.Options{})
	keys.Effects().Attach(j)
	_, path := startServerOn(t, keys)
	conn, r := dial(t, path)
	seen := 0
	for _, c := range calls {
		fmt.Fprintf(conn, "%s\r\nECHO end\r\n", c.call)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if line == "end\r\n" {
				break
			}
		}
		lines := j.Lines()
		var got []string
		for _, l := range lines[seen:] {
			got = append(got, strings.TrimPrefix(l, "0 "))
		}
		seen = len(lines)
		if text := strings.Join(got, "|"); text != c.effects {
			t.Errorf("%s\nlogged: %s\nwant:   %s", c.call, text, c.effects)
		}
	}
}
