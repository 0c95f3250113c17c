package server

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"cached/engine/value"
)

// A partSink saves huge values for as long as it is told to.
type partSink struct{ hold chan struct{} }

func (p *partSink) Item(int, value.Ref) {}

func (p *partSink) Part(_ int, _ value.Ref, cursor uint64) (uint64, bool) {
	select {
	case <-p.hold:
		return 0, true
	default:
		return cursor + 1, false
	}
}

// A command that would change a huge value waits until a snapshot has saved it;
// others, and reads of that value, go on.
func TestWritesWaitForTheSnapshotOfAHugeValue(t *testing.T) {
	for _, portable := range []bool{false, true} {
		s, addr := startServer(t, portable)
		dial := func() (net.Conn, *bufio.Reader) {
			c, err := net.Dial("unix", addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c, bufio.NewReader(c)
		}
		c, r := dial()
		ask := func(c net.Conn, r *bufio.Reader, request, want string) {
			t.Helper()
			fmt.Fprint(c, request, "\r\n")
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
			if got, err := r.ReadString('\n'); err != nil || strings.TrimSpace(got) != want {
				t.Fatalf("%.30s: %q, %v; want %q", request, got, err, want)
			}
		}
		var many strings.Builder
		for i := range 6000 {
			fmt.Fprint(&many, " member", i)
		}
		ask(c, r, "SADD huge"+many.String(), ":6000")
		ask(c, r, "SET small 1", "+OK")

		sink := &partSink{hold: make(chan struct{})}
		snap, err := s.keys.StartSnapshot(sink, nil)
		if err != nil {
			t.Fatal(err)
		}
		over := make(chan struct{})
		go func() {
			for snap.Step() {
				time.Sleep(time.Millisecond)
			}
			snap.Close()
			close(over)
		}()
		fmt.Fprint(c, "SADD huge another\r\n")
		other, or := dial()
		ask(other, or, "SET small 2", "+OK")
		ask(other, or, "SISMEMBER huge another", ":0")
		ask(other, or, "SCARD huge", ":6000")
		close(sink.hold)
		<-over
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if got, err := r.ReadString('\n'); err != nil || got != ":1\r\n" {
			t.Errorf("the write that waited: %q, %v", got, err)
		}
		ask(other, or, "SCARD huge", ":6001")
	}
}

// A valueSink keeps the bytes of every value.
type valueSink struct{ saved map[string]string }

func (v *valueSink) Item(_ int, r value.Ref) {
	v.saved[string(r.Item().Key())] = string(r.Bytes())
}

func (v *valueSink) Part(int, value.Ref, uint64) (uint64, bool) { return 0, true }

// PFCOUNT only reads, by its flags, and keeps its count in the value.
func TestASnapshotHasAValueAsItWasBeforeItWasCounted(t *testing.T) {
	s, addr := startServer(t, false)
	conn, r := dial(t, addr)
	ask := func(request, want string) {
		t.Helper()
		fmt.Fprint(conn, request, "\r\n")
		if got, err := r.ReadString('\n'); err != nil || strings.TrimSpace(got) != want {
			t.Fatalf("%s: %q, %v; want %q", request, got, err, want)
		}
	}
	ask("PFADD h a b c", ":1")
	sink := &valueSink{map[string]string{}}
	snap, err := s.keys.StartSnapshot(sink, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask("PFCOUNT h", ":3")
	for snap.Step() {
	}
	snap.Close()
	if v := sink.saved["h"]; len(v) < 16 || v[8] != 0 || v[15] != 0x80 {
		t.Errorf("saved: %q", v)
	}
}

func (*partSink) Full() bool { return false }

func (*valueSink) Full() bool { return false }
