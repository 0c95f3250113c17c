package server

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// The clients with the most in their buffers go, and only as many as are too many.
func TestTheLargestClientsAreEvicted(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		s, path := startServer(t, portable, "--maxmemory", "100mb", "--maxmemory-clients", "10mb")
		ask := func(conn net.Conn, r io.Reader, words string) string {
			fmt.Fprintf(conn, "%s\r\n", words)
			b := make([]byte, 64)
			n, err := r.Read(b)
			if err != nil {
				return err.Error()
			}
			return string(b[:n])
		}
		// What has arrived of a command that is not whole is in a client's buffer.
		fill := func(conn net.Conn, bytes int) {
			fmt.Fprintf(conn, "*2\r\n$4\r\nECHO\r\n$%d\r\n%s", bytes+100, strings.Repeat("x", bytes))
		}
		gone := func(r io.Reader) {
			t.Helper()
			_, err := io.Copy(io.Discard, r)
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Error("the client that takes the most is there")
			}
		}
		spared, sparedReplies := dial(t, path)
		if got := ask(spared, sparedReplies, "CLIENT NO-EVICT ON"); got != "+OK\r\n" {
			t.Fatal(got)
		}
		fill(spared, 4<<20)
		small, smallReplies := dial(t, path)
		large, largeReplies := dial(t, path)
		for _, c := range []net.Conn{small, large} {
			fill(c, 1<<20)
		}
		time.Sleep(50 * time.Millisecond)
		if n := s.evictedClients.Load(); n != 0 {
			t.Fatalf("%d clients were evicted below the limit", n)
		}
		largest, largestReplies := dial(t, path)
		fill(largest, 8<<20)
		gone(largestReplies)
		for name, r := range map[string]io.Reader{"small": smallReplies, "large": largeReplies} {
			c := map[string]net.Conn{"small": small, "large": large}[name]
			fmt.Fprint(c, strings.Repeat("x", 100)+"\r\n") // the end of its command
			if n, err := io.ReadFull(r, make([]byte, len("$1048676\r\n")+1<<20+102)); err != nil {
				t.Errorf("the %s client is gone after %d bytes: %v", name, n, err)
			}
		}
		if n := s.evictedClients.Load(); n != 1 {
			t.Errorf("%d clients were evicted", n)
		}
		// Also by a share of maxmemory.
		_ = largest.Close()
		if got := ask(small, smallReplies, "CONFIG SET maxmemory-clients 5%"); got != "+OK\r\n" {
			t.Errorf("CONFIG SET: %q", got)
		}
		other, otherReplies := dial(t, path)
		fill(other, 3<<20)
		gone(otherReplies)
	})
}
