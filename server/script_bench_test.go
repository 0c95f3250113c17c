package server

import (
	"fmt"
	"testing"
	"time"

	"cached/internal/lua"
)

// release is what clients free their locks by.
const release = `if redis.call("get",KEYS[1])==ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end`

// A lock is taken and given back by the script that client libraries use.
func BenchmarkLockRelease(b *testing.B) {
	s, _ := startServer(b, false)
	w := newWorker(&s.Road)
	c := &client{local: true}
	if refusal := s.admit(c, time.Now().UnixMilli()); refusal != "" {
		b.Fatal(refusal)
	}
	feed := func(data []byte) {
		w.reply.B = w.reply.B[:0]
		w.begin(c)
		w.feed(c, data)
	}
	feed(fmt.Appendf(nil, "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$%d\r\n%s\r\n", len(release), release))
	data := fmt.Appendf(nil, "*3\r\n$3\r\nSET\r\n$4\r\nlock\r\n$5\r\ntoken\r\n*5\r\n$7\r\nEVALSHA\r\n$40\r\n%s\r\n$1\r\n1\r\n$4\r\nlock\r\n$5\r\ntoken\r\n", lua.SHA1([]byte(release)))
	feed(data)
	if got := string(w.reply.B); got != "+OK\r\n:1\r\n" {
		b.Fatalf("%q", got)
	}
	b.ReportAllocs()
	for b.Loop() {
		feed(data)
	}
}
