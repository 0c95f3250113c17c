package commands_test

import (
	"bytes"
	"testing"
)

// BenchmarkLock takes a lock and gives it back.
func BenchmarkLock(b *testing.B) {
	s := newStage()
	take, give := bytes.Fields([]byte("LOCK.ACQUIRE lock:1 0123456789abcdef TTL 30000")), bytes.Fields([]byte("LOCK.RELEASE lock:1 0123456789abcdef"))
	b.ReportAllocs()
	for b.Loop() {
		s.do("a", take, false)
		s.do("a", give, false)
	}
}

// BenchmarkSetDel is what it is compared with.
func BenchmarkSetDel(b *testing.B) {
	s := newStage()
	set, del := bytes.Fields([]byte("SET lock:1 0123456789abcdef NX PX 30000")), bytes.Fields([]byte("DEL lock:1"))
	b.ReportAllocs()
	for b.Loop() {
		s.do("a", set, false)
		s.do("a", del, false)
	}
}
