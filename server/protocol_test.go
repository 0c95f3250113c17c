package server

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"cached/commands"
	"cached/internal/resp"
)

// toyParser reads lines of words between blanks.
type toyParser struct{}

func (toyParser) Next(data []byte, argv [][]byte, lim resp.Limits) ([][]byte, int, error) {
	end := bytes.IndexByte(data, '\n')
	if end < 0 && len(data) > lim.BulkBytes || end > lim.BulkBytes {
		return nil, 0, errors.New("line too long")
	}
	if end < 0 {
		return nil, 0, nil
	}
	return append(argv, bytes.Fields(data[:end])...), end + 1, nil
}

func (toyParser) Need([]byte) int { return 0 }

func (toyParser) Rewind(int) {}

// toy is a protocol with two commands, each of them a row of its own with replies of its own.
func toy(port int) Protocol {
	return Protocol{
		Name: "toy", Port: func() int { return port },
		Rows: []commands.Spec{
			{
				Name: "read", Group: commands.String, Arity: 2, Flags: commands.ReadOnly | commands.Fast, Keys: []commands.KeySpec{commands.KeyAt(1, commands.RO|commands.Access)},
				Run: func(c *commands.Ctx) error {
					v, err := c.Tx.String(c.Argv[1])
					if err != nil {
						return commands.ErrWrongType
					}
					if v == nil {
						c.Reply.B = append(c.Reply.B, "nothing\n"...)
						return nil
					}
					c.Reply.B = fmt.Appendf(c.Reply.B, "is %s\n", v)
					return nil
				},
			},
		},
		NewParser:   func() RequestParser { return toyParser{} },
		Limits:      func() resp.Limits { return resp.Limits{BulkBytes: 1000, Args: 100} },
		AppendError: func(b []byte, text string) []byte { return fmt.Appendf(b, "! %s\n", text) },
	}
}

func dialPort(t *testing.T, port int) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn, bufio.NewReader(conn)
}

// Another protocol has a listener, a parser, commands and replies of its own, and the same
// keys, gates, pipelines and statistics.
func TestAnotherProtocol(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		port := unusedPort(t)
		s, path := startWith(t, Options{Portable: portable, Protocols: []Protocol{toy(port)}}, "--bind", "127.0.0.1")
		conn, r := dial(t, path)
		other, or := dialPort(t, port)

		fmt.Fprint(conn, "SET k value\r\nLPUSH l x\r\n")
		expect(t, r, "+OK\r\n:1\r\n")
		fmt.Fprint(other, "read k\nread none\n\nread l\nread\nSET k 1\nread k\n")
		expect(t, or, "is value\nnothing\n! WRONGTYPE Operation against a key holding the wrong kind of value\n"+
			"! ERR wrong number of arguments for 'toy.read' command\n"+
			"! ERR unknown command 'SET', with args beginning with: 'k' '1' \nis value\n")

		// Pipelines in pieces.
		rng := rand.New(rand.NewPCG(1, 1))
		text, want := strings.Repeat("read k\nread none\n", 500), strings.Repeat("is value\nnothing\n", 500)
		go func() {
			for len(text) > 0 {
				n := min(1+rng.IntN(300), len(text))
				fmt.Fprint(other, text[:n])
				text = text[n:]
			}
		}()
		expect(t, or, want)

		// Gates.
		fmt.Fprint(conn, "ACL SETUSER default -toy.read\r\n")
		expect(t, r, "+OK\r\n")
		fmt.Fprint(other, "read k\n")
		expect(t, or, "! NOPERM User default has no permissions to run the 'toy.read' command\n")
		fmt.Fprint(conn, "ACL SETUSER default +@all\r\n")
		expect(t, r, "+OK\r\n")

		// Statistics, and what it listens on.
		fmt.Fprint(conn, "INFO everything\r\n")
		info := readInfo(t, r)
		if !strings.Contains(info, "cmdstat_toy.read:calls=1004,") {
			t.Errorf("its commands are not counted:\n%s", info)
		}
		if !strings.Contains(info, fmt.Sprintf("name=toy,bind=127.0.0.1,port=%d", port)) {
			t.Errorf("its listener is not shown:\n%s", info)
		}
		found := false
		s.EachListener(func(kind string, p int64, _ string) { found = found || kind == "toy" && p == int64(port) })
		if !found {
			t.Error("its listener is not among the others")
		}

		// A malformed request ends the connection, after the replies in front of it.
		fmt.Fprint(other, "read k\n"+strings.Repeat("x", 2000)+"\n")
		expect(t, or, "is value\n! ERR line too long\n")
		if _, err := or.ReadByte(); err == nil {
			t.Error("the connection goes on")
		}
		if _, err := New(Options{Config: s.cfg, Protocols: []Protocol{toy(0), toy(0)}}); err == nil {
			t.Error("two protocols of the same name")
		}
	})
}

// readInfo reads a bulk reply.
func readInfo(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var n int
	if _, err := fmt.Fscanf(r, "$%d\r\n", &n); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n+2)
	for at := 0; at < len(b); {
		k, err := r.Read(b[at:])
		if err != nil {
			t.Fatal(err)
		}
		at += k
	}
	return string(b)
}
