package compat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cached/internal/script"
)

// answerTime is how soon another client must be answered, whatever one does.
const answerTime = 2 * time.Second

// answers checks that a new client is served in time.
func answers(t *testing.T, p *process) {
	t.Helper()
	start := time.Now()
	w := dial(t, p)
	defer w.Close()
	w.want(t, "PONG", "PING")
	if took := time.Since(start); took > answerTime {
		t.Errorf("another client waited %v for PING", took)
	}
}

// malformed are requests that no client library sends. The server's reply, and whether it closes the connection,
// is part of the protocol.
var malformed = []struct{ name, send string }{
	{"bulk count of 2^32", "*1\r\n$4294967296\r\n"},
	{"bulk count beyond 64 bits", "*1\r\n$99999999999999999999\r\n"},
	{"bulk above proto-max-bulk-len", "*1\r\n$536870913\r\n"},
	{"negative bulk", "*1\r\n$-9999\r\n"},
	{"null bulk", "*1\r\n$-1\r\n"},
	{"bulk length of letters", "*1\r\n$abc\r\n"},
	{"empty bulk length", "*1\r\n$\r\n"},
	{"bulk length with a blank", "*1\r\n$ 4\r\nPING\r\n"},
	{"a plus before the length", "*1\r\n$+4\r\nPING\r\n"},
	{"a zero before the length", "*1\r\n$04\r\nPING\r\n"},
	{"no dollar", "*1\r\nPING\r\n"},
	{"integer for a bulk", "*1\r\n:1\r\n"},
	{"nested array", "*1\r\n*1\r\n$4\r\nPING\r\n"},
	{"too many arguments", "*1000000000\r\n"},
	{"more arguments than an int holds", "*4294967296\r\n"},
	{"array length of letters", "*abc\r\n"},
	{"empty array length", "*\r\n"},
	{"array length with a tail", "*1x\r\n"},
	{"negative array", "*-5\r\nPING\r\n"},
	{"empty array", "*0\r\nPING\r\n"},
	{"null array", "*-1\r\nPING\r\n"},
	{"second call is malformed", "*1\r\n$4\r\nPING\r\n*1\r\n$-3\r\n"},
	{"calls after a malformed one", "*1\r\nX\r\n*1\r\n$4\r\nPING\r\n"},
	{"double quotes left open", "SET \"a\r\n"},
	{"single quotes left open", "SET 'a\r\n"},
	{"text after a closing quote", "SET \"a\"b c\r\n"},
	{"inline", "PING\r\n"},
	{"inline with a newline alone", "PING\n"},
	{"inline with blanks", "   PING   hello  \r\n"},
	{"inline with escapes", "ECHO \"a\\x00\\n\\\"b\"\r\n"},
	{"inline with single quotes", "ECHO 'it\\'s'\r\n"},
	{"inline with empty quotes", "ECHO \"\"\r\n"},
	{"empty lines", "\r\n\r\n\n\r\nPING\r\n"},
	{"inline and bulk in turn", "PING\r\n*1\r\n$4\r\nPING\r\nPING x\r\n"},
	{"null bytes", "\x00\x00\x00\r\n"},
	{"unknown inline command", "NOSUCH a b\r\n"},
	{"a web browser", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
	{"a web form", "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
	{"TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n"},
	{"the end of a bulk is not a line's end", "*2\r\n$4\r\nECHO\r\n$1\r\naXX*1\r\n$4\r\nPING\r\n"},
	{"an inline line without an end", strings.Repeat("a", 70<<10)},
	{"an array length without an end", "*" + strings.Repeat("1", 70<<10)},
	{"a bulk length without an end", "*1\r\n$" + strings.Repeat("1", 70<<10)},
	{"a long inline line", "ECHO " + strings.Repeat("b", 60<<10) + "\r\n"},
	{"100 empty arrays", strings.Repeat("*0\r\n", 100) + "PING\r\n"},
}

// exchange sends bytes, then a PING, and returns everything that comes back
// until the server hangs up or falls silent.
func exchange(t *testing.T, p *process, send string) (got []byte, closed bool) {
	t.Helper()
	w := dial(t, p)
	defer w.Close()
	w.SetWriteDeadline(time.Now().Add(replyTime))
	w.Write([]byte(send)) // the server may hang up while we write
	buf := make([]byte, 128<<10)
	for {
		// Long for the first bytes, which must come if any do; short for the rest.
		wait := 700 * time.Millisecond
		if len(got) > 0 {
			wait = 200 * time.Millisecond
		}
		w.SetReadDeadline(time.Now().Add(wait))
		n, err := w.Read(buf)
		got = append(got, buf[:n]...)
		var timeout net.Error
		switch {
		case err == nil:
		case errors.As(err, &timeout) && timeout.Timeout():
			return got, false
		default: // EOF, or a reset because some bytes were not read
			return got, true
		}
	}
}

func TestMalformedRequestsGetTheReferencesWords(t *testing.T) {
	ref, sub := older.process(t), subject(t)
	for _, m := range malformed {
		t.Run(m.name, func(t *testing.T) {
			var wg sync.WaitGroup
			var want []byte
			var wantClosed bool
			wg.Go(func() { want, wantClosed = exchange(t, ref, m.send) })
			got, closed := exchange(t, sub, m.send)
			wg.Wait()
			if !bytes.Equal(got, want) || closed != wantClosed {
				t.Errorf("sent %.100q\ngot  %.300q, hung up: %v\nwant %.300q, hung up: %v", m.send, got, closed, want, wantClosed)
			}
			answers(t, sub)
		})
	}
}

// pipeline and its replies, for cutting.
const pipeline = "*3\r\n$3\r\nSET\r\n$3\r\ncut\r\n$5\r\na\r\nb\x00\r\n" + "PING\r\n" +
	"*2\r\n$3\r\nGET\r\n$3\r\ncut\r\n" + "ECHO \"x y\"\r\n" + "*1\r\n$3\r\nFOO\r\n" + "*2\r\n$3\r\nDEL\r\n$3\r\ncut\r\n"

const pipelineReply = "+OK\r\n+PONG\r\n$5\r\na\r\nb\x00\r\n$3\r\nx y\r\n-ERR unknown command 'FOO', with args beginning with: \r\n:1\r\n"

func TestAPipelineMayBeCutAnywhere(t *testing.T) {
	p := subject(t)
	w := dial(t, p)
	if tcp, ok := w.Conn.(*net.TCPConn); ok {
		tcp.SetNoDelay(true)
	}
	buf := make([]byte, len(pipelineReply))
	for cut := 1; cut < len(pipeline); cut++ {
		w.SetDeadline(time.Now().Add(replyTime))
		w.Write([]byte(pipeline[:cut]))
		time.Sleep(2 * time.Millisecond) // so that the halves arrive apart
		w.Write([]byte(pipeline[cut:]))
		if _, err := io.ReadFull(w.r, buf); err != nil || string(buf) != pipelineReply {
			t.Fatalf("cut at %d: %v\ngot  %q\nwant %q", cut, err, buf, pipelineReply)
		}
	}
	for i := range len(pipeline) { // one byte at a time
		w.Write([]byte{pipeline[i]})
		if i%16 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	if _, err := io.ReadFull(w.r, buf); err != nil || string(buf) != pipelineReply {
		t.Fatalf("byte by byte: %v, %q", err, buf)
	}
}

func TestADisconnectInAPipelineHurtsNobody(t *testing.T) {
	p := subject(t)
	long := []byte(strings.Repeat(pipeline, 200))
	for i := range 200 {
		w := dial(t, p)
		w.Write(long[:len(long)-i%len(pipeline)])
		if i%2 == 0 {
			w.Conn.(*net.TCPConn).SetLinger(0) // a reset instead of a polite end
		}
		w.Close()
	}
	answers(t, p)
}

func TestHalfACallWaitsAndHurtsNobody(t *testing.T) {
	p := subject(t)
	for _, half := range []string{"*", "*3\r\n", "*3\r\n$3\r\nSET\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\nabc", "PIN", "*1\r\n$4\r\nPING\r"} {
		w := dial(t, p)
		w.Write([]byte(half))
	}
	answers(t, p)
}

// A declared length must allocate nothing until its bytes arrive.
func TestDeclaredLengthsCostNoMemory(t *testing.T) {
	p := startOwn(t, subjectBin)
	answers(t, p)
	before := p.rssBytes()
	for range 200 {
		w := dial(t, p)
		w.Write([]byte("*1000000\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\nabc"))
	}
	answers(t, p)
	time.Sleep(200 * time.Millisecond)
	if grown := p.rssBytes() - before; grown > 100<<20 {
		t.Errorf("200 unfinished calls cost %d MB", grown>>20)
	}
}

func TestConnectionsMayComeAndGo(t *testing.T) {
	const total, workers = 20_000, 20
	p := startOwn(t, subjectBin)
	answers(t, p)
	before := p.rssBytes()
	var wg sync.WaitGroup
	failed := make(chan error, workers)
	for worker := range workers {
		wg.Go(func() {
			for i := range total / workers {
				if err := churn(p, worker+i); err != nil {
					failed <- fmt.Errorf("connection %d: %w", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	answers(t, p)
	if grown := p.rssBytes() - before; grown > 64<<20 {
		t.Errorf("%d connections left %d MB behind", total, grown>>20)
	}
	w := dial(t, p)
	eventually(t, func() string {
		info := w.do(t, "INFO", "clients")
		if !strings.Contains(info, `connected_clients:1\r\n`) {
			return "clients that have gone are still counted: " + info
		}
		return ""
	})
}

func churn(p *process, i int) error {
	conn, err := net.Dial("tcp", p.addr)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		time.Sleep(10 * time.Millisecond) // our side has run out of ports for now
		return nil
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	// A reset frees the port at once; 20,000 in TIME_WAIT would use them up.
	conn.(*net.TCPConn).SetLinger(0)
	switch i % 4 {
	case 0: // says nothing
	case 1:
		conn.Write([]byte("PING\r\n"))
	case 2:
		conn.Write([]byte("*2\r\n$4\r\nEC"))
	case 3:
		conn.SetDeadline(time.Now().Add(replyTime))
		conn.Write([]byte("PING\r\n"))
		if _, err := io.ReadFull(conn, make([]byte, 7)); err != nil {
			return err
		}
	}
	return nil
}

// A client that asks and never reads is cut off at its output buffer limit.
func TestAClientThatNeverReadsIsBounded(t *testing.T) {
	const limit = 32 << 20
	p := startOwn(t, subjectBin)
	w := dial(t, p)
	w.want(t, "OK", "CONFIG", "SET", "client-output-buffer-limit", fmt.Sprintf("normal %d 0 0", limit))
	w.want(t, "OK", "SET", "big", strings.Repeat("x", 1<<20))
	before := p.rssBytes()
	deaf := dial(t, p)
	deaf.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	deaf.SetDeadline(time.Now().Add(5 * time.Second))
	get := bytes.Repeat(encode(nil, argv("GET", "big")), 100)
	for range 20 {
		if _, err := deaf.Write(get); err != nil {
			break
		}
		answers(t, p)
	}
	if grown := p.rssBytes() - before; grown > 6*limit {
		t.Errorf("a client that does not read costs %d MB", grown>>20)
	}
	answers(t, p)
}

func TestALargePipelineIsAnsweredWhole(t *testing.T) {
	const calls = 100_000
	p := subject(t)
	w := dial(t, p)
	one := encode(nil, argv("ECHO", "0123456789"))
	go w.Write(bytes.Repeat(one, calls))
	for i := range calls {
		raw, err := w.reply(false)
		if err != nil || script.RenderRaw(raw) != `"0123456789"` {
			t.Fatalf("reply %d: %q, %v", i, raw, err)
		}
	}
}

func TestMaxclientsRefusesWithTheReferencesWords(t *testing.T) {
	p := startOwn(t, subjectBin, "--maxclients", "5")
	var held []*wire
	for range 5 {
		w := dial(t, p)
		w.want(t, "PONG", "PING")
		held = append(held, w)
	}
	w := dial(t, p)
	w.SetDeadline(time.Now().Add(replyTime))
	got, err := io.ReadAll(w)
	if string(got) != "-ERR max number of clients reached\r\n" {
		t.Errorf("got %q, %v", got, err)
	}
	held[0].Close()
	for end := time.Now().Add(answerTime); ; time.Sleep(5 * time.Millisecond) {
		w := dial(t, p)
		w.Write([]byte("PING\r\n"))
		if raw, err := w.reply(false); err == nil && string(raw) == "+PONG\r\n" {
			return
		}
		if time.Now().After(end) {
			t.Fatal("no room after a client has left")
		}
	}
}
