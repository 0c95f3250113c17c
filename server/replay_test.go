package server

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"cached/engine"
	"cached/internal/effects/effectstest"
)

// A talk is a connection whose replies are read one by one, as text.
type talk struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func (k talk) do(words ...string) string {
	k.t.Helper()
	call := fmt.Sprintf("*%d\r\n", len(words))
	for _, w := range words {
		call += fmt.Sprintf("$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := io.WriteString(k.conn, call); err != nil {
		k.t.Fatal(err)
	}
	return k.reply()
}

// line sends a request as one types it and returns the first line of the reply.
func (k talk) line(request string) string {
	k.t.Helper()
	fmt.Fprintf(k.conn, "%s\r\n", request)
	line, err := k.r.ReadString('\n')
	if err != nil {
		k.t.Fatalf("%s: %v", request, err)
	}
	return line
}

func (k talk) reply() string {
	k.t.Helper()
	line, err := k.r.ReadString('\n')
	if err != nil {
		k.t.Fatal(err)
	}
	n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
	switch {
	case line[0] == '$' && n >= 0:
		b := make([]byte, n+2)
		if _, err := io.ReadFull(k.r, b); err != nil {
			k.t.Fatal(err)
		}
		return line + string(b)
	case line[0] == '*':
		for range n {
			line += k.reply()
		}
	}
	return line
}

// streamCalls are calls whose outcome depends on time, on what is there, or on who
// asks, several of each for a seed to choose from.
var streamCalls = []string{
	"XADD s * a 1", "XADD s * b 2", "XADD s MAXLEN ~ 100 * c 3", "XADD s MAXLEN 12 * c 3", "XADD s NOMKSTREAM * d 4",
	"XADD s MINID ~ 5 * e 5", "XADD s 7-* e 5", "XDEL s 7-0 7-1", "XTRIM s MAXLEN ~ 20", "XTRIM s MAXLEN 9", "XTRIM s MINID 7-1",
	"XGROUP CREATE s g $ MKSTREAM", "XGROUP CREATE s g 0", "XGROUP CREATE s h 0 ENTRIESREAD 1", "XGROUP SETID s g 0",
	"XGROUP SETID s h $", "XGROUP DESTROY s h", "XGROUP CREATECONSUMER s g x", "XGROUP DELCONSUMER s g y", "XSETID s 9999999999999-0",
	"XREADGROUP GROUP g x COUNT 3 STREAMS s >", "XREADGROUP GROUP g y COUNT 2 STREAMS s >", "XREADGROUP GROUP g z NOACK COUNT 2 STREAMS s >",
	"XREADGROUP GROUP g x COUNT 3 STREAMS s 0", "XREADGROUP GROUP h x STREAMS s >", "XREADGROUP GROUP g y COUNT 1 BLOCK 1 STREAMS s >",
	"XCLAIM s g y 0 %", "XCLAIM s g x 0 % FORCE", "XCLAIM s g x 0 % JUSTID", "XCLAIM s g z 0 % IDLE 1000 RETRYCOUNT 9 FORCE LASTID 8-0",
	"XAUTOCLAIM s g z 0 0 COUNT 2", "XAUTOCLAIM s g x 0 0 JUSTID", "XACK s g %", "XACK s h %", "DEL s", "COPY s t REPLACE", "RENAME t s",
}

var (
	entryID  = regexp.MustCompile(`\d+-\d+`)
	idleTime = regexp.MustCompile(`(\$\d\r\n[xyz]\r\n):\d+\r\n`)
)

// streamsOf is all that clients can see of the streams but times.
func streamsOf(k talk) string {
	all := ""
	for _, key := range []string{"s", "t"} {
		all += k.do("XRANGE", key, "-", "+") + k.do("XINFO", "STREAM", key) + k.do("XINFO", "GROUPS", key)
		for _, g := range []string{"g", "h"} {
			all += k.do("XPENDING", key, g) + idleTime.ReplaceAllString(k.do("XPENDING", key, g, "-", "+", "1000"), "$1")
		}
	}
	return all
}

// What a log or a replica is told of streams makes the same streams of it, though
// no clock and no chance is the same there.
func TestEffectsOfStreamsMakeTheSameStreams(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			j := &effectstest.Recorder{}
			keys := engine.New(engine.Options{})
			keys.Effects().Attach(j)
			_, path := startServerOn(t, keys)
			conn, r := dial(t, path)
			from := talk{t, conn, r}
			_, path = startServerOn(t, engine.New(engine.Options{}))
			conn, r = dial(t, path)
			to := talk{t, conn, r}

			rnd := rand.New(rand.NewPCG(seed, 1))
			replayed, id := 0, "5-5"
			var calls []string
			for n := range 300 {
				call := streamCalls[rnd.IntN(len(streamCalls))]
				if call == "DEL s" && rnd.IntN(8) > 0 {
					continue // else nothing grows
				}
				if strings.Contains(call, "%") { // one of the IDs that are there, pending or not
					if ids := entryID.FindAllString(from.do("XRANGE", "s", "-", "+"), -1); len(ids) > 0 {
						id = ids[rnd.IntN(len(ids))]
					}
					call = strings.ReplaceAll(call, "%", id)
				}
				from.do(strings.Fields(call)...)
				calls = append(calls, call)

				effects := j.Calls()[replayed:]
				replayed += len(effects)
				for _, e := range effects {
					if reply := to.do(e.Words...); reply[0] == '-' {
						t.Fatalf("%s: its effect %q is refused: %s", call, e.Words, reply)
					}
				}
				if n%10 > 0 {
					continue
				}
				if got, want := streamsOf(to), streamsOf(from); got != want {
					i := 0
					for i < min(len(got), len(want)) && got[i] == want[i] {
						i++
					}
					t.Fatalf("after\n%s\nwith effects %v, behind %q\ngot:  %q\nwant: %q", strings.Join(calls, "\n"), effects,
						got[max(i-300, 0):i], got[i:min(i+100, len(got))], want[i:min(i+100, len(want))])
				}
			}
			if replayed < 50 {
				t.Errorf("%d effects only", replayed)
			}
		})
	}
}
