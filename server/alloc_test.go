package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cached/engine/codec"
	"cached/internal/invariants"
)

// The hot path is from the bytes of a request to the bytes of its reply.
func TestGetAndSetAllocateNothing(t *testing.T) {
	s, _ := startServer(t, false)
	w := newWorker(&s.Road)
	w.flush = func(*client) { t.Error("flushed") }
	c := &client{local: true}
	if refusal := s.admit(c, time.Now().UnixMilli()); refusal != "" {
		t.Fatal(refusal)
	}
	// Enough for looking ahead to be worthwhile.
	feed := func(data []byte) {
		w.reply.B = w.reply.B[:0]
		w.begin(c)
		if n := w.feed(c, data); n != len(data) {
			t.Fatalf("took %d of %d bytes", n, len(data))
		}
	}
	for i := range 100 {
		feed(fmt.Appendf(nil, "*3\r\n$3\r\nSET\r\n$7\r\nbig:%03d\r\n$100000\r\n%s\r\n", i, strings.Repeat("x", 100000)))
	}
	requests := map[string]string{
		"SET":      "*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$5\r\nvalue\r\n",
		"GET":      "*2\r\n$3\r\nget\r\n$5\r\nkey:1\r\n",
		"SETEX":    "*5\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$5\r\nvalue\r\n$2\r\nEX\r\n$3\r\n100\r\n",
		"EXPIRE":   "*3\r\n$6\r\nEXPIRE\r\n$5\r\nkey:1\r\n$3\r\n100\r\n",
		"HSET":     "*4\r\n$4\r\nHSET\r\n$4\r\nhash\r\n$5\r\nfield\r\n$5\r\nvalue\r\n",
		"HGET":     "*3\r\n$4\r\nHGET\r\n$4\r\nhash\r\n$5\r\nfield\r\n",
		"LPUSH":    "*3\r\n$5\r\nLPUSH\r\n$4\r\nlist\r\n$5\r\nvalue\r\n*2\r\n$4\r\nRPOP\r\n$4\r\nlist\r\n",
		"SADD":     "*3\r\n$4\r\nSADD\r\n$3\r\nset\r\n$5\r\nvalue\r\n",
		"ZADD":     "*4\r\n$4\r\nZADD\r\n$4\r\nzset\r\n$3\r\n1.5\r\n$5\r\nvalue\r\n",
		"ZRANK":    "*3\r\n$5\r\nZRANK\r\n$4\r\nzset\r\n$5\r\nvalue\r\n",
		"SETBIT":   "*4\r\n$6\r\nSETBIT\r\n$4\r\nbits\r\n$3\r\n100\r\n$1\r\n1\r\n",
		"BITFIELD": "*6\r\n$8\r\nBITFIELD\r\n$4\r\nbits\r\n$6\r\nINCRBY\r\n$2\r\nu8\r\n$2\r\n10\r\n$1\r\n1\r\n",
		"PFADD":    "*3\r\n$5\r\nPFADD\r\n$3\r\nhll\r\n$5\r\nvalue\r\n",
		"PFCOUNT":  "*2\r\n$7\r\nPFCOUNT\r\n$3\r\nhll\r\n*3\r\n$7\r\nPFCOUNT\r\n$3\r\nhll\r\n$1\r\nx\r\n",
		"XADD":     "*5\r\n$4\r\nXADD\r\n$6\r\nstream\r\n$1\r\n*\r\n$5\r\nfield\r\n$5\r\nvalue\r\n",
		"hashes":   strings.Repeat("*12\r\n$4\r\nHSET\r\n$4\r\nhash\r\n"+strings.Repeat("$5\r\nfield\r\n$5\r\nvalue\r\n", 5), 40),
		"PING":     "PING\r\n",
		"INCR":     "*2\r\n$4\r\nINCR\r\n$7\r\ncounter\r\n",
		"THROTTLE": "*5\r\n$11\r\nCL.THROTTLE\r\n$4\r\ncell\r\n$7\r\n1000000\r\n$7\r\n1000000\r\n$1\r\n1\r\n",
		"LIMIT":    "*6\r\n$10\r\nLIMIT.TAKE\r\n$4\r\ngcra\r\n$4\r\nGCRA\r\n$6\r\n100000\r\n$6\r\n100000\r\n$2\r\n1s\r\n",
		"FIXED":    "*5\r\n$10\r\nLIMIT.TAKE\r\n$5\r\nfixed\r\n$5\r\nFIXED\r\n$6\r\n100000\r\n$2\r\n1h\r\n",
		"batch":    strings.Repeat("*2\r\n$3\r\nGET\r\n$7\r\nkey:001\r\n", 40),
	}
	check := func(name, request string) {
		data := []byte(request)
		feed(data)
		feed(data)
		if n := testing.AllocsPerRun(200, func() { feed(data) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	for name, request := range requests {
		check(name, request)
	}
	if invariants.Enabled {
		return // which unpacks what was packed
	}
	for _, mode := range []codec.Mode{codec.S2, codec.Zstd} {
		s.keys.SetCompression(mode, 64)
		text := strings.Repeat("some text that repeats, ", 50)
		for name, request := range map[string]string{
			"SET":      fmt.Sprintf("*3\r\n$3\r\nSET\r\n$6\r\ntext:1\r\n$%d\r\n%s\r\n", len(text), text),
			"MSET":     fmt.Sprintf("*3\r\n$4\r\nMSET\r\n$6\r\ntext:1\r\n$%d\r\n%s\r\n", len(text), text),
			"GET":      "*2\r\n$3\r\nGET\r\n$6\r\ntext:1\r\n",
			"GETRANGE": "*4\r\n$8\r\nGETRANGE\r\n$6\r\ntext:1\r\n$1\r\n3\r\n$2\r\n90\r\n",
			"STRLEN":   "*2\r\n$6\r\nSTRLEN\r\n$6\r\ntext:1\r\n",
		} {
			check(fmt.Sprint(name, ", compression ", mode), request)
		}
	}
}
