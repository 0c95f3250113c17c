package server

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// unusedPort is a port of this machine that nobody listens on.
func unusedPort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// CONFIG SET port and bind move the server while it runs: who is connected stays,
// and what cannot be changes nothing.
func TestTheServerMovesToAnotherPort(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		first, second := unusedPort(t), unusedPort(t)
		_, path := startServer(t, portable, "--port", strconv.Itoa(first), "--bind", "127.0.0.1", "--protected-mode", "no")
		setter, replies := dial(t, path)
		set := func(words, want string) {
			t.Helper()
			fmt.Fprintf(setter, "CONFIG SET %s\r\n", words)
			if got, err := replies.ReadString('\n'); err != nil || got != want+"\r\n" {
				t.Fatalf("CONFIG SET %s: %q %v", words, got, err)
			}
		}
		connect := func(host string, port int) (net.Conn, error) {
			return net.DialTimeout("tcp", net.JoinHostPort(host, strconv.Itoa(port)), 5*time.Second)
		}
		ping := func(conn net.Conn) {
			t.Helper()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			fmt.Fprint(conn, "PING\r\n")
			if got, err := bufio.NewReader(conn).ReadString('\n'); err != nil || got != "+PONG\r\n" {
				t.Fatalf("PING: %q %v", got, err)
			}
		}
		answers := func(host string, port int) {
			t.Helper()
			conn, err := connect(host, port)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			ping(conn)
		}
		silent := func(host string, port int) {
			t.Helper()
			if conn, err := connect(host, port); err == nil {
				conn.Close()
				t.Fatalf("%s:%d is still there", host, port)
			}
		}
		answers("127.0.0.1", first)
		old, err := connect("127.0.0.1", first)
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		ping(old)

		set(fmt.Sprintf("port %d", second), "+OK")
		answers("127.0.0.1", second)
		silent("127.0.0.1", first)
		ping(old)

		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		set(fmt.Sprintf("port %d", taken.Addr().(*net.TCPAddr).Port),
			"-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.")
		answers("127.0.0.1", second)

		silent("127.0.0.2", second)
		set("bind \"127.0.0.1 127.0.0.2\"", "+OK")
		answers("127.0.0.1", second)
		answers("127.0.0.2", second)
		set("bind \"* -::*\"", "+OK") // instead of those that overlap
		answers("127.0.0.1", second)
		answers("127.0.0.3", second)
		set("bind 203.0.113.7", "-ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.")
		answers("127.0.0.3", second)
		set("bind \"127.0.0.1 -203.0.113.7\"", "+OK")
		answers("127.0.0.1", second)
		silent("127.0.0.3", second)

		set(fmt.Sprintf("bind 127.0.0.2 port %d", first), "+OK")
		answers("127.0.0.2", first)
		silent("127.0.0.1", second)
		set("port 0", "+OK")
		silent("127.0.0.2", first)
		ping(old)
		set("tls-port 1", "-ERR CONFIG SET failed (possibly related to argument 'tls-port') - Unable to update TLS configuration. Check server logs.")
		set(fmt.Sprintf("port %d", first), "+OK")
		answers("127.0.0.2", first)
		fmt.Fprint(setter, "CONFIG GET bind\r\n")
		for _, want := range []string{"*2", "$4", "bind", "$9", "127.0.0.2"} {
			if got, err := replies.ReadString('\n'); err != nil || strings.TrimSpace(got) != want {
				t.Fatalf("CONFIG GET bind: %q %v", got, err)
			}
		}
	})
}
