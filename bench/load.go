package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"

	"cached/internal/script"
)

// batch is how many calls are on their way before replies are awaited.
const batch = 200

// A loader sends calls in batches over one connection.
type loader struct {
	conn    net.Conn
	r       *bufio.Reader
	buf     []byte
	pending int
	text    bool // memcached's protocol, with no replies but the last
}

func newLoader(s *server) (*loader, error) {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		return nil, err
	}
	return &loader{conn: conn, r: bufio.NewReaderSize(conn, 64<<10), text: s.memcached}, nil
}

func (l *loader) close() { l.conn.Close() }

// call queues a call and sends the batch when it is full.
func (l *loader) call(args ...[]byte) error {
	l.buf = appendCall(l.buf, args...)
	return l.queued()
}

// appendCall appends a call as the protocol writes it.
func appendCall(out []byte, args ...[]byte) []byte {
	out = append(out, '*')
	out = strconv.AppendInt(out, int64(len(args)), 10)
	out = append(out, '\r', '\n')
	for _, a := range args {
		out = append(out, '$')
		out = strconv.AppendInt(out, int64(len(a)), 10)
		out = append(out, '\r', '\n')
		out = append(out, a...)
		out = append(out, '\r', '\n')
	}
	return out
}

// set queues a SET, in whichever protocol the server speaks. ttl is in seconds,
// 0 for none.
func (l *loader) set(key, value []byte, ttl int) error {
	switch {
	case l.text:
		l.buf = fmt.Appendf(l.buf, "set %s 0 %d %d\r\n", key, ttl, len(value))
		l.buf = append(l.buf, value...)
		l.buf = append(l.buf, '\r', '\n')
		return l.queued()
	case ttl > 0:
		return l.call([]byte("SET"), key, value, []byte("EX"), strconv.AppendInt(nil, int64(ttl), 10))
	}
	return l.call([]byte("SET"), key, value)
}

func (l *loader) queued() error {
	l.pending++
	if l.pending < batch {
		return nil
	}
	return l.flush()
}

func (l *loader) flush() error { return l.flushEach(func(int, bool) {}) }

// flushEach is flush that calls seen for each reply with whether it was null.
func (l *loader) flushEach(seen func(i int, null bool)) error {
	if _, err := l.conn.Write(l.buf); err != nil {
		return err
	}
	l.buf = l.buf[:0]
	for i := 0; l.pending > 0; l.pending-- {
		line, err := l.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		switch line[0] {
		case '-':
			return fmt.Errorf("the server refused the load: %s", bytes.TrimSpace(line))
		case '$':
			n, err := strconv.Atoi(string(bytes.TrimSpace(line[1:])))
			if err != nil {
				return err
			}
			seen(i, n < 0)
			if n >= 0 {
				if _, err := io.CopyN(io.Discard, l.r, int64(n)+2); err != nil {
					return err
				}
			}
		case '+', ':', 'S':
		default:
			return fmt.Errorf("unexpected reply %q", line)
		}
		i++
	}
	return nil
}

// do makes one call and returns its reply as redis-cli would print it.
func (l *loader) do(args ...string) (string, error) {
	var raw [][]byte
	for _, a := range args {
		raw = append(raw, []byte(a))
	}
	if err := l.call(raw...); err != nil {
		return "", err
	}
	if _, err := l.conn.Write(l.buf); err != nil {
		return "", err
	}
	l.buf, l.pending = l.buf[:0], 0
	reply, err := script.Read(l.r)
	if err != nil {
		return "", err
	}
	return script.RenderRaw(reply), nil
}

// payload fills p with bytes that do not repeat between values, so that no
// server and no kernel can share them.
func payload(p []byte, seed uint64) {
	x := seed*0x9e3779b97f4a7c15 + 1
	for i := range p {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		p[i] = 'a' + byte(x%26)
	}
}

// loadStrings stores n keys of keyLen bytes. With 16 bytes they are the keys
// redis-benchmark asks for: key:000000000042.
func loadStrings(s *server, n, keyLen, valueLen, ttl int) error {
	l, err := newLoader(s)
	if err != nil {
		return err
	}
	defer l.close()
	key, value := make([]byte, 0, keyLen), make([]byte, valueLen)
	for i := range n {
		key = fmt.Appendf(key[:0], "key:%0*d", keyLen-4, i)
		payload(value, uint64(i))
		if err := l.set(key, value, ttl); err != nil {
			return err
		}
	}
	return l.flush()
}
