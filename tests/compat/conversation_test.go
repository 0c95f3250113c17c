package compat

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var showFlag = flag.Bool("show", false, "print what the clients of conversations received")

// A conversation is the requests of several clients, a line each:
//
//	a: MULTI            one command, inline
//	a: SET k v ;; EXEC  several in one write
//	a!                  closes the connection
//	.                   waits a tenth of a second
//
// Each client must receive the same bytes from both servers, including pushes and
// their place among the replies. With a first line of "only NAME" the other
// reference is not compared.

// converse plays a conversation and returns the bytes each client received. A
// server says nothing when it has said all, so that each line waits for a silence:
// a short one times patience.
func converse(t *testing.T, p *process, lines string, patience time.Duration) map[string][]byte {
	t.Helper()
	type client struct {
		net.Conn
		got []byte
	}
	clients := map[string]*client{}
	// The conversation's clients have the ids from 11 on.
	for range 10 {
		w, err := dialErr(p)
		if err != nil {
			t.Fatal(err)
		}
		id := w.do(t, "CLIENT", "ID")
		w.Close()
		if id == "(integer) 10" {
			break
		}
	}
	// listen reads the messages for c, until none arrives for the given time.
	listen := func(c *client, first, next time.Duration) {
		buf := make([]byte, 64<<10)
		for wait := first; ; wait = next {
			c.SetReadDeadline(time.Now().Add(wait))
			n, err := c.Read(buf)
			c.got = append(c.got, buf[:n]...)
			if err != nil {
				if ne, ok := err.(net.Error); !ok || !ne.Timeout() {
					c.got = append(c.got, "<closed>"...)
					c.Close()
					c.Conn = nil
				}
				return
			}
		}
	}
	end := func(name string, c *client) {
		if c.Conn != nil {
			listen(c, 60*time.Millisecond*patience, 20*time.Millisecond*patience)
		}
		if c.Conn != nil {
			c.Close()
		}
	}
	gone := map[string][]byte{}
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if line == "." {
			time.Sleep(100 * time.Millisecond * patience)
			continue
		}
		if name, ok := strings.CutSuffix(line, "!"); ok {
			if c := clients[name]; c != nil {
				end(name, c)
				gone[name] = append(gone[name], c.got...)
				delete(clients, name)
				time.Sleep(20 * time.Millisecond * patience)
			}
			continue
		}
		name, text, _ := strings.Cut(line, ": ")
		c := clients[name]
		if c == nil {
			conn, err := net.Dial("tcp", p.addr)
			if err != nil {
				t.Fatal(err)
			}
			c = &client{Conn: conn}
			clients[name] = c
		}
		if c.Conn == nil {
			continue
		}
		var b bytes.Buffer
		for _, cmd := range strings.Split(text, ";;") {
			b.WriteString(strings.TrimSpace(cmd) + "\r\n")
		}
		c.Write(b.Bytes())
		listen(c, 15*time.Millisecond*patience, 2*time.Millisecond*patience)
	}
	for name, c := range clients {
		end(name, c)
		gone[name] = append(gone[name], c.got...)
	}
	return gone
}

// sameConversation plays a conversation with both servers, each freshly started. On a busy machine a server may be
// silent before it has sent everything: a difference counts only if it remains with longer waiting.
func sameConversation(t *testing.T, lines string, args ...string) {
	t.Helper()
	only, rest, _ := strings.Cut(strings.TrimSpace(lines), "\n")
	only, one := strings.CutPrefix(only, "only ")
	if one {
		lines = rest
	}
	eachOracle(t, func(t *testing.T, o *oracle) {
		if !one || o.name == only {
			converseWith(t, o, lines, args)
		}
	})
}

func converseWith(t *testing.T, o *oracle, lines string, args []string) {
	var different []string
	for _, patience := range []time.Duration{1, 5, 25} {
		theirs := converse(t, o.start(t, args...), lines, patience)
		mine := converse(t, startOwn(t, subjectBin, args...), lines, patience)
		if o == newer {
			for _, got := range []map[string][]byte{mine, theirs} {
				for name, b := range got {
					got[name] = asValkeySays(noModules.ReplaceAll(neutral(b), []byte("modules\r\n*0\r\n")))
				}
			}
		}
		if different = compareConversations(mine, theirs); len(different) == 0 {
			return
		}
	}
	for _, d := range different {
		t.Error(d)
	}
}

// compareConversations returns for each client the difference between the messages of two servers.
func compareConversations(mine, theirs map[string][]byte) (different []string) {
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		a, b := neutral(mine[name]), neutral(theirs[name])
		if *showFlag {
			fmt.Printf("%s:\n%s\n", name, a)
		}
		if !bytes.Equal(a, b) {
			different = append(different, fmt.Sprintf("client %s received\n%s\nand of the reference\n%s\nthey differ from here: %q, %q",
				name, a, b, fork(a, b), fork(b, a)))
		}
	}
	return different
}

// varies matches parts that differ between two servers: the version and the client's id in the reply to HELLO, the
// time and port in a line of MONITOR.
var varies = regexp.MustCompile(`\$\d+\r\n\d+\.\d+\.\d+\r\n|\$2\r\nid\r\n:\d+|\+\d+\.\d{6} |127\.0\.0\.1:\d+`)

// noModules matches the part of HELLO about the module in which Valkey has its scripts.
var noModules = regexp.MustCompile(`modules\r\n\*1\r\n[%*]\d\r\n\$4\r\nname\r\n\$3\r\nlua\r\n\$3\r\nver\r\n:1\r\n\$4\r\npath\r\n\$3\r\nlua\r\n\$4\r\nargs\r\n\*0\r\n`)

func neutral(b []byte) []byte { return varies.ReplaceAll(b, []byte("~")) }

// fork is a from where b differs.
func fork(a, b []byte) []byte {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return a[max(0, i-20):min(len(a), i+60)]
}
