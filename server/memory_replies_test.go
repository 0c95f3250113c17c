package server

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// Replies that are not read take their size once, and nothing when their client has gone.
func TestUnreadRepliesTakeTheirSizeOnce(t *testing.T) {
	s, path := startServer(t, false)
	c, r := dial(t, path)
	large := strings.Repeat("x", 1<<20)
	fmt.Fprintf(c, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s\r\n", len(large), large)
	expect(t, r, "+OK\r\n")
	debug.FreeOSMemory()
	kept := func() int64 { return s.memory.memoryUse(nil).runtime } // by the Go runtime
	before := kept()
	const replies = 200
	lazy, _ := dial(t, path)
	fmt.Fprint(lazy, strings.Repeat("GET k\r\n", replies))
	unsent := func() (n int64) {
		for _, c := range s.allClients() {
			n += c.shown.outBytes.Load()
		}
		return n
	}
	for start := time.Now(); unsent() < (replies-10)<<20; time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > 9*time.Second {
			t.Fatalf("%d bytes are unsent", unsent())
		}
	}
	if grown := kept() - before; grown > replies<<20*3/2 {
		t.Errorf("%d MB of replies take %d MB", replies, grown>>20)
	}
	lazy.Close()
	for start := time.Now(); kept()-before > replies<<20/4; time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > 9*time.Second {
			t.Fatalf("%d MB are left when the client has gone", (kept()-before)>>20)
		}
	}
}

// Unsent replies come in order and whole, however they are kept.
func TestUnsentRepliesStayInOrder(t *testing.T) {
	_, path := startServer(t, false)
	c, r := dial(t, path)
	const size = 300_000
	for i := range 10 {
		fmt.Fprintf(c, "*3\r\n$3\r\nSET\r\n$2\r\nk%d\r\n$%d\r\n%s\r\n", i, size, strings.Repeat(fmt.Sprint(i), size))
		expect(t, r, "+OK\r\n")
	}
	go func() {
		for i := range 100 {
			fmt.Fprintf(c, "GET k%d\r\nECHO %d\r\nGETRANGE k%d 0 9999\r\n", i%10, i, i%10)
		}
	}()
	for i := range 100 {
		if i%30 == 0 {
			time.Sleep(20 * time.Millisecond) // so that much is unsent
		}
		digit := fmt.Sprint(i % 10)
		expect(t, r, fmt.Sprintf("$%d\r\n%s\r\n", size, strings.Repeat(digit, size)))
		expect(t, r, fmt.Sprintf("$%d\r\n%d\r\n$10000\r\n%s\r\n", len(fmt.Sprint(i)), i, strings.Repeat(digit, 10000)))
	}
}

// What a large reply has left on the heap goes back to the system in a few seconds.
func TestMemoryOfLargeRepliesGoesBack(t *testing.T) {
	s, path := startServer(t, false)
	c, r := dial(t, path)
	const size = 100 << 20
	fmt.Fprintf(c, "SETRANGE k %d x\r\n", size-1)
	expect(t, r, fmt.Sprintf(":%d\r\n", size))
	debug.FreeOSMemory()
	kept := func() int64 { m := s.memory.memoryUse(nil); return m.runtime } // by the Go runtime
	before := kept()
	fmt.Fprint(c, "GET k\r\nDEL k\r\n")
	if _, err := io.CopyN(io.Discard, r, int64(len(fmt.Sprint(size)))+1+2+size+2); err != nil {
		t.Fatal(err)
	}
	expect(t, r, ":1\r\n")
	for start := time.Now(); kept()-before > 20<<20; time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > 9*time.Second {
			t.Fatalf("%d MB are left", (kept()-before)>>20)
		}
	}
}
