package compat

import (
	"bufio"
	"bytes"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"cached/internal/script"
)

// replyTime is how long any reply may take.
const replyTime = 15 * time.Second

// A wire is a connection that shows the bytes of every reply.
type wire struct {
	net.Conn
	r      *bufio.Reader
	pushes [][]byte // RESP3 pushes between replies
}

func dial(t testing.TB, p *process) *wire {
	t.Helper()
	w, err := dialErr(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func dialErr(p *process) (*wire, error) {
	conn, err := net.DialTimeout("tcp", p.addr, replyTime)
	if err != nil {
		return nil, err
	}
	return &wire{Conn: conn, r: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// encode writes a call as an array of bulk strings.
func encode(b []byte, args [][]byte) []byte {
	b = append(b, '*')
	b = strconv.AppendInt(b, int64(len(args)), 10)
	b = append(b, "\r\n"...)
	for _, a := range args {
		b = append(b, '$')
		b = strconv.AppendInt(b, int64(len(a)), 10)
		b = append(b, "\r\n"...)
		b = append(b, a...)
		b = append(b, "\r\n"...)
	}
	return b
}

func argv(args ...string) [][]byte {
	out := make([][]byte, len(args))
	for i, a := range args {
		out[i] = []byte(a)
	}
	return out
}

func (w *wire) send(args [][]byte) error {
	w.SetDeadline(time.Now().Add(replyTime))
	_, err := w.Write(encode(nil, args))
	return err
}

// reply reads one whole reply. Pushes are kept aside, unless the caller says
// that its reply is one.
func (w *wire) reply(isPush bool) ([]byte, error) {
	w.SetDeadline(time.Now().Add(replyTime))
	for {
		raw, err := script.Read(w.r)
		if err != nil || raw[0] != '>' || isPush {
			return raw, err
		}
		w.pushes = append(w.pushes, raw)
	}
}

func (w *wire) call(args [][]byte) ([]byte, error) {
	if err := w.send(args); err != nil {
		return nil, err
	}
	return w.reply(repliesByPush(args))
}

// do is call for tests that cannot go on without a reply; it is returned as
// redis-cli shows it.
func (w *wire) do(t testing.TB, args ...string) string {
	t.Helper()
	raw, err := w.call(argv(args...))
	if err != nil {
		t.Fatalf("%s: %v (so far %q)", strings.Join(args, " "), err, raw)
	}
	return script.RenderRaw(raw)
}

// want is do with the reply it must give.
func (w *wire) want(t testing.TB, reply string, args ...string) {
	t.Helper()
	if got := w.do(t, args...); got != reply {
		t.Errorf("%s\n\tgot:  %s\n\twant: %s", script.Line(argv(args...)), got, reply)
	}
}

// repliesByPush names the commands whose RESP3 reply is a push.
func repliesByPush(args [][]byte) bool {
	name := bytes.ToLower(args[0])
	return bytes.HasSuffix(name, []byte("subscribe"))
}

// freshWire connects, chooses the protocol and empties the server.
func freshWire(t testing.TB, p *process, resp3 bool) *wire {
	t.Helper()
	w := dial(t, p)
	w.want(t, "OK", "FLUSHALL")
	if resp3 {
		w.hello3(t)
	}
	return w
}

func (w *wire) hello3(t testing.TB) {
	t.Helper()
	if got := w.do(t, "HELLO", "3"); !strings.Contains(got, `"proto" => (integer) 3`) {
		t.Fatalf("HELLO 3: %s", got)
	}
}
