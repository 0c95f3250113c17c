package replication

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A fakePrimary answers a replica's handshake, and then says what it is told to.
func fakePrimary(t *testing.T, say func(conn net.Conn)) (port string, said chan struct{}) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	said = make(chan struct{}, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					var n int
					if _, err := fmt.Sscanf(line, "*%d", &n); err != nil {
						continue
					}
					var words []string
					for range n {
						_, _ = in.ReadString('\n')
						w, _ := in.ReadString('\n')
						words = append(words, strings.TrimSpace(w))
					}
					if words[0] == "PSYNC" {
						say(conn)
						said <- struct{}{}
						return
					}
					_, _ = io.WriteString(conn, "+OK\r\n")
				}
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, said
}

const (
	someID = "0123456789abcdef0123456789abcdef01234567"
	mark   = "abcdefghijabcdefghijabcdefghijabcdefghij"
)

// Whatever a primary sends, the replica stays up, keeps its old data until the new is whole, and tells why
// in the log; afterwards it follows a good primary.
func TestAReplicaSurvivesItsPrimary(t *testing.T) {
	good := start(t, "cached")
	good.must("SET", "k", "of the good primary")
	good.must("SAVE")
	whole, err := os.ReadFile(filepath.Join(good.dir, "dump.rdb"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)-3] ^= 1
	full := "+FULLRESYNC " + someID + " 100\r\n"
	b := start(t, "cached")
	b.must("SET", "k", "old")
	for name, text := range map[string]string{
		"nothing":                       "",
		"an error":                      "-ERR no\r\n",
		"garbage for an answer":         "hello\r\n",
		"a line without an end":         strings.Repeat("x", 1<<20),
		"a wrong name":                  "+FULLRESYNC x 1\r\n",
		"resumed without being asked":   "+CONTINUE " + someID + "\r\n*1\r\n$8\r\nFLUSHALL\r\n",
		"no snapshot":                   full + "hello\r\n",
		"a negative length":             full + "$-5\r\n",
		"a garbage snapshot":            full + "$10\r\n0123456789",
		"a length that is too short":    full + fmt.Sprintf("$%d\r\n", len(whole)-5) + string(whole),
		"a length that is too long":     full + fmt.Sprintf("$%d\r\n", len(whole)+5) + string(whole),
		"half a snapshot":               full + "$EOF:" + mark + "\r\n" + string(whole[:len(whole)/2]),
		"a wrong checksum":              full + "$EOF:" + mark + "\r\n" + string(flipped) + mark,
		"an aborted snapshot":           full + "-ERR the child has ended\r\n",
		"another mark":                  full + "$EOF:" + mark + "\r\n" + string(whole) + strings.Repeat("z", 40),
		"a huge promise":                full + "$999999999999\r\nREDIS0011",
		"a string of a terabyte inside": full + "$EOF:" + mark + "\r\nREDIS0010\xfe\x00\x00\x81\x00\x00\x01\x00\x00\x00\x00\x00",
	} {
		port, said := fakePrimary(t, func(conn net.Conn) {
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = io.WriteString(conn, text)
		})
		b.follow(port)
		for range 2 {
			select {
			case <-said:
			case <-time.After(20 * time.Second):
				t.Fatalf("%s: the replica does not come again", name)
			}
		}
		if v := b.Get(ctx, "k").Val(); v != "old" {
			t.Errorf("%s: the old data is %q", name, v)
		}
		if f := b.fields(); f["role"] != "slave" || f["master_link_status"] == "up" {
			t.Errorf("%s: %v", name, f)
		}
	}
	if !strings.Contains(b.log.String(), "level=WARN msg=\"the link to the primary is down\"") {
		t.Error("the log tells nothing")
	}

	// Behind a whole snapshot the stream is no commands, or unknown ones.
	for name, text := range map[string]string{
		"garbage":            "hello world\r\n",
		"a broken command":   "*2\r\n$3\r\nSET\r\nx",
		"half a command":     "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\nabc",
		"half a transaction": "*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nx\r\n",
	} {
		port, said := fakePrimary(t, func(conn net.Conn) {
			_, _ = io.WriteString(conn, full+"$EOF:"+mark+"\r\n"+string(whole)+mark+text)
		})
		b.follow(port)
		<-said
		<-said
		if v := b.Get(ctx, "k").Val(); v != "of the good primary" {
			t.Errorf("%s: %q", name, v)
		}
	}
	b.follow(good.port)
	b.caughtUp(good)
	same(t, good, b)
}

// An unknown command is told of, and what follows it is applied, at the right offset.
func TestAnUnknownCommandIsToldOf(t *testing.T) {
	good := start(t, "cached")
	good.must("SAVE")
	whole, _ := os.ReadFile(filepath.Join(good.dir, "dump.rdb"))
	text := "*2\r\n$7\r\nNO.SUCH\r\n$1\r\nk\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"
	port, _ := fakePrimary(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "+FULLRESYNC "+someID+" 100\r\n$EOF:"+mark+"\r\n"+string(whole)+mark+text)
		_, _ = io.Copy(io.Discard, conn)
	})
	b := start(t, "cached")
	b.follow(port)
	b.until("the write is there", func() bool { return b.Get(ctx, "k").Val() == "v" })
	if f := b.fields(); f["master_repl_offset"] != fmt.Sprint(100+len(text)) {
		t.Errorf("offset %s, want %d", f["master_repl_offset"], 100+len(text))
	}
	if !strings.Contains(b.log.String(), "== CRITICAL ==") {
		t.Error("the log does not tell of it")
	}
}

// Replicas that say nonsense, or stop reading in the middle, harm nobody else.
func TestAPrimarySurvivesItsReplicas(t *testing.T) {
	a, good := start(t, "cached", "--client-output-buffer-limit", "replica 2mb 0 0"), start(t, "cached")
	for i := range 200 {
		a.must("SET", fmt.Sprint("k", i), strings.Repeat("x", 10000))
	}
	good.follow(a.port)
	good.caughtUp(a)
	var open []net.Conn
	for _, text := range []string{
		"PSYNC ? -1\r\n", "SYNC\r\n", "PSYNC ? -1\r\nREPLCONF ACK 999999999999\r\n", "REPLCONF capa eof\r\nPSYNC ? -1\r\nhello\r\n",
		"REPLCONF capa eof\r\nPSYNC ? -1\r\n*3\r\n$1\r\n", "PSYNC " + someID + " -9223372036854775808\r\n", "PSYNC x 9223372036854775807\r\n",
		"REPLCONF ACK -5\r\nREPLCONF ACK x\r\nREPLCONF\r\nREPLCONF a\r\nPSYNC ? x\r\n", "MULTI\r\nPSYNC ? -1\r\nEXEC\r\n",
	} {
		for cut := range len(text) {
			conn, err := net.Dial("tcp", a.addr())
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(conn, text[:cut])
			_ = conn.Close()
		}
		conn, err := net.Dial("tcp", a.addr())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, text)
		open = append(open, conn) // which reads nothing
	}
	for i := range 2000 { // more than all buffers of sockets and the limit take
		a.must("SET", fmt.Sprint("k", i%100), strings.Repeat("y", 10000))
	}
	good.caughtUp(a)
	same(t, a, good)
	for _, c := range open {
		_ = c.Close()
	}
	a.until("the others are gone", func() bool { return a.fields()["connected_slaves"] == "1" })
}
