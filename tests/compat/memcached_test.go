package compat

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// startMemcached starts the reference for memcached's protocol and returns its address.
func startMemcached(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("memcached")
	if err != nil && (os.Getenv("CI") == "true" || os.Getenv("CACHED_NEED_REFERENCE") == "1") {
		t.Fatal("no memcached; install it with\n\tsh scripts/install-test-deps.sh")
	} else if err != nil {
		t.Skip("no memcached, nothing to compare with; install it with\n\tsh scripts/install-test-deps.sh")
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	// Its threads in the background hold items for moments, and while somebody holds one a number that gets shorter
	// does not keep its length.
	args := []string{"-p", strconv.Itoa(port), "-l", "127.0.0.1", "-U", "0", "-o", "no_lru_maintainer,no_lru_crawler,no_hashexpand"}
	if os.Getuid() == 0 {
		args = append(args, "-u", "nobody")
	}
	cmd := exec.Command(bin, args...)
	if err := startTied(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
			return addr
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// startForMemcached starts the subject with a port for memcached's clients, and returns it and their address.
func startForMemcached(t *testing.T, args ...string) (*process, string) {
	t.Helper()
	if subjectIsReference() {
		t.Skip("redis-server does not speak memcached's protocol")
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	p := startOwn(t, subjectBin, append([]string{"--memcached-port", strconv.Itoa(port)}, args...)...)
	return p, net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// A talk is a connection of a memcached client.
type talk struct {
	net.Conn
	r   *bufio.Reader
	n   int               // marks sent
	cas map[string]string // the last numbers by key
}

func talkTo(t *testing.T, addr string) *talk {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &talk{Conn: conn, r: bufio.NewReader(conn), cas: make(map[string]string)}
}

// play sends text, in pieces if rng is not nil, and returns the replies, up to that of a mark behind the text or to the
// end of the connection.
func (c *talk) play(t *testing.T, text string, rng *rand.Rand) string {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	c.n++
	value := fmt.Sprintf("mark-%d", c.n)
	mark := fmt.Sprintf("VALUE the-mark 0 %d\r\n%s\r\nEND\r\n", len(value), value)
	text += fmt.Sprintf("set the-mark 0 0 %d noreply\r\n%s\r\nget the-mark\r\n", len(value), value)
	go func() {
		for len(text) > 0 {
			n := len(text)
			if rng != nil {
				n = min(1+rng.IntN(200), n)
			}
			if _, err := io.WriteString(c, text[:n]); err != nil {
				return
			}
			text = text[n:]
		}
	}()
	var got bytes.Buffer
	for {
		line, err := c.r.ReadSlice('\n')
		got.Write(line)
		if err == bufio.ErrBufferFull {
			continue
		}
		if before, ok := strings.CutSuffix(got.String(), mark); ok {
			return before
		}
		if err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				return got.String() + "(no more comes)"
			}
			return got.String() + "(closed)"
		}
	}
}

var valueWithCAS = regexp.MustCompile(`(?m)^VALUE (\S+) (\d+) (\d+) (\d+)\r$`)

// normal replaces CAS numbers by whether they are those that the client was told before.
func (c *talk) normal(reply string) string {
	return valueWithCAS.ReplaceAllStringFunc(reply, func(line string) string {
		m := valueWithCAS.FindStringSubmatch(line)
		what := "another"
		if c.cas[m[1]] == m[4] {
			what = "the same"
		}
		c.cas[m[1]] = m[4]
		return fmt.Sprintf("VALUE %s %s %s %s\r", m[1], m[2], m[3], what)
	})
}

var (
	key250 = strings.Repeat("k", 250)
	key251 = strings.Repeat("k", 251)
)

// memcachedScripts are requests whose replies are compared. Each begins with an empty database. A get with a key that is
// too long comes first: with its error memcached forgets the replies in front of it that it has not sent yet.
var memcachedScripts = []string{
	"get\r\nget \r\n get a\r\nget  a\r\nGET a\r\n\r\n\n  \r\nfoo\r\ngets\r\ngat\r\ngats\r\ngat 10\r\n",
	"set a 1 0 1\r\nx\r\nget a\r\nset a 1 0 1 \r\ny\r\nget a \r\nset  a  1  0  1  \r\nz\r\n  get   a  b  \r\n",
	"set a 1 0 2\r\nx\r\nget a\r\n\r\nset a 1 0 1\r\nxyz\r\nget a\r\nset a 1 0 1\r\nxyzabc\r\nget a\r\nset a 0 0 1\r\nx\n\nget a\n",
	"set a 1 0 -1\r\nx\r\nset a -1 0 1\r\nx\r\nset a 4294967295 0 1\r\nx\r\nget a\r\nset a 4294967296 0 1\r\nx\r\nget a\r\n",
	"set a abc 0 1\r\nx\r\nset a 1 abc 1\r\nx\r\nset a 1 0 abc\r\nx\r\nset a 1 0 1abc\r\nx\r\nset a 1 0\r\nset a\r\nset a 1 0 1.5\r\n",
	"set a 1 0 1 foo\r\nx\r\nget a\r\nset a 1 0 1 noreply\r\ny\r\nget a\r\nset a 1 0 1 noreply foo\r\nx\r\nset a 1 0 1 foo noreply\r\nx\r\n",
	"set a b 0 1 noreply\r\nx\r\nset noreply\r\nset a 1 noreply\r\nset a 1 0 noreply\r\nfoo noreply\r\n",
	"set " + key251 + " 0 0 1\r\nx\r\nset " + key250 + " 0 0 1\r\nx\r\nget " + key250 + "\r\nset " + key251 + " 0 0 1 noreply\r\nx\r\n",
	"get a " + key251 + " a\r\nget a\r\n", "get " + key251 + "\r\n", "gat 0 " + key251 + "\r\n",
	"incr " + key251 + " 1\r\ndelete " + key251 + "\r\ntouch " + key251 + " 1\r\ncas " + key251 + " 0 0 1 1\r\nx\r\n",
	"set a 0 0 1\r\nx\r\nset a 0 0 2000000\r\n" + strings.Repeat("x", 2000000) + "\r\nget a\r\n",
	"set a 0 0 1\r\nx\r\nset a 0 0 2000000 noreply\r\n" + strings.Repeat("get a\r\n", 2000000/7+1)[:2000000] + "\r\nget a\r\n",
	"set a 0 0 3000000000\r\nx\r\nset a 0 0 2147483646\r\nx\r\nset a 0 0 4294967297\r\nx\r\nget a\r\n",
	"set a 0 0 1048576\r\n" + strings.Repeat("x", 1048576) + "\r\nset a 0 0 1048500\r\n" + strings.Repeat("x", 1048500) + "\r\nget a\r\n",
	"set n 0 0 2\r\n10\r\nincr n 1\r\ndecr n 5\r\nget n\r\ndecr n 100\r\nget n\r\nincr n 18446744073709551615\r\nincr n 1\r\nget n\r\n",
	"set n 0 0 2\r\n10\r\nincr n 18446744073709551616\r\nincr n -1\r\nincr n abc\r\nincr n\r\nincr n 1 2\r\nincr n 1 noreply\r\nincr n 1 noreply x\r\nincr\r\nincr n x noreply\r\nget n\r\n",
	"set n 0 0 5\r\n00099\r\nincr n 1\r\nget n\r\nset n 0 0 5\r\n   99\r\nincr n 1\r\nget n\r\nset n 0 0 3\r\n99x\r\nincr n 1\r\nget n\r\nset n 0 0 4\r\n99 x\r\nincr n 1\r\nget n\r\n",
	"set n 0 0 2\r\n-1\r\nincr n 1\r\nset n 0 0 2\r\n+1\r\nincr n 1\r\nget n\r\nset n 0 0 0\r\n\r\nincr n 1\r\nget n\r\nset n 0 0 1\r\n \r\nincr n 2\r\nset n 0 0 3\r\n0x5\r\nincr n 2\r\n",
	"set n 7 0 20\r\n18446744073709551615\r\nincr n 2\r\nget n\r\nset n 0 0 20\r\n18446744073709551616\r\nincr n 2\r\nset n 0 0 25\r\n0000000000000000000000012\r\nincr n 2\r\nget n\r\n",
	"incr nope 1\r\ndecr nope 1\r\nset n 3 0 1\r\n5\r\nincr n +1\r\nincr n 1x\r\nincr n 01\r\nget n\r\n",
	"touch a\r\ntouch\r\nset a 5 0 1\r\nx\r\ntouch a 0\r\ntouch nope 0\r\ntouch a abc\r\ntouch a 100\r\nget a\r\ntouch a -1\r\nget a\r\ntouch a 1 noreply\r\ntouch a 1 x\r\ntouch a 1 x y\r\ntouch noreply 1\r\n",
	"set a 5 0 1\r\nx\r\ngat 10 a a b\r\ngat abc a\r\ngats 0 a\r\ngats 0 a\r\ngats -1 a\r\nget a\r\n",
	"set a 5 -1 1\r\nx\r\nget a\r\nset a 5 2592001 1\r\nx\r\nget a\r\nset a 1 99999999999 1\r\nx\r\nget a\r\nset a 1 2147483648 1\r\nx\r\nget a\r\nset a 1 2592000 1\r\nx\r\nget a\r\nset a 1 2147483647 1\r\nx\r\nget a\r\n",
	"set a 5 0 1\r\nx\r\nadd a 5 -1 1\r\ny\r\nget a\r\nreplace a 1 -1 1\r\nz\r\nget a\r\nreplace a 1 0 1\r\nz\r\nadd a 1 0 1\r\nz\r\nadd a 1 0 1 noreply\r\nq\r\nget a\r\n",
	"delete a\r\nset a 0 0 1\r\nx\r\ndelete a 0\r\nset a 0 0 1\r\nx\r\ndelete a 1\r\ndelete a noreply\r\nget a\r\ndelete a 0 noreply\r\ndelete a 1 noreply\r\ndelete\r\ndelete a b\r\ndelete a b c\r\ndelete a b c d\r\ndelete noreply\r\ndelete a " + strings.Repeat("a ", 30) + "\r\n",
	"append nope 0 0 1\r\nx\r\nprepend nope 0 0 1\r\nx\r\nset a 3 0 1\r\nx\r\nappend a 9 0 1\r\ny\r\nprepend a 9 -1 1\r\nz\r\nget a\r\nappend a 0 0 0\r\n\r\nget a\r\nappend a 0 0 1 noreply\r\n!\r\nget a\r\n",
	"cas nope 0 0 1 1\r\nx\r\nset a 0 0 1\r\nx\r\ncas a 0 0 1 1\r\ny\r\ncas a 0 0 1\r\nx\r\ncas a 0 0 1 abc\r\nx\r\ncas a 0 0 1 -1\r\nx\r\ncas a 0 0 1 1 noreply\r\nx\r\ncas a 0 0 1 1 foo\r\nx\r\nget a\r\n",
	"set a 4 0 1\r\nx\r\ngets a\r\ngets a a b\r\ntouch a 100\r\ngets a\r\nappend a 0 0 1\r\ny\r\ngets a\r\nset a 0 0 1\r\n1\r\ngets a\r\nincr a 1\r\ngets a\r\nset a 0 0 1\r\n2\r\ngets a\r\ndelete a\r\ngets a\r\nset a 0 0 1\r\n2\r\ngets a\r\n",
	"set a 0 0 1\r\nx\r\nflush_all\r\nget a\r\nflush_all noreply\r\nflush_all 0\r\nflush_all -1\r\nflush_all abc\r\nflush_all abc noreply\r\nflush_all 0 noreply\r\nflush_all 1 2 3\r\n",
	"version\r\nversion foo\r\nverbosity\r\nverbosity 1\r\nverbosity foo\r\nverbosity 1 noreply\r\nverbosity 1 2 3\r\nverbosity noreply\r\n",
	"quit\r\nget a\r\n", "quit foo\r\nget a\r\n", "shutdown\r\nstats foo\r\nstats reset\r\nstats reset foo\r\nstats noreply\r\n",
	strings.Repeat("x", 1023) + "\r\n" + strings.Repeat("x", 2000) + "\r\n",
	"get " + strings.Repeat("a ", 3000) + "\r\ngat 0 " + strings.Repeat("a ", 500) + "\r\nset " + strings.Repeat("a ", 500) + "\r\n",
	"get a\x00b\r\nset a\tb 0 0 1\r\nx\r\nget a\tb\r\nset a 0 0 1\nx\r\nget a\nset b 0 0 6\r\na\r\nb\r\n\r\nget b\r\n",
	"HELLO 3\r\n*1\r\n$4\r\nPING\r\n",
}

func TestMemcachedScripts(t *testing.T) {
	reference := startMemcached(t)
	_, ours := startForMemcached(t)
	for i, text := range memcachedScripts {
		a, b := talkTo(t, reference), talkTo(t, ours)
		for _, c := range []*talk{a, b} {
			c.play(t, "flush_all\r\n", nil)
		}
		want, got := a.normal(a.play(t, text, nil)), b.normal(b.play(t, text, nil))
		if got != want {
			t.Errorf("script %d\n%.300q\ngot\n%.600q\nwant\n%.600q", i, text, got, want)
		}
	}
	// A line that does not end.
	for _, addr := range []string{reference, ours} {
		c := talkTo(t, addr)
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.WriteString(c, strings.Repeat("x", 5000))
		if b, err := io.ReadAll(c); len(b) > 0 || err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("a line without end: %q, %v", b, err)
		}
	}
}

// randomRequests makes requests, most of them valid, for both servers: they differ in CAS numbers.
func randomRequests(rng *rand.Rand, n int, clients ...*talk) []string {
	out := make([]strings.Builder, len(clients))
	pick := func(words ...string) string { return words[rng.IntN(len(words))] }
	// A number that gets shorter keeps its length in memcached only if no reply with the value is still to be sent.
	read := make(map[string]bool)
	for range n {
		key := pick("a", "b", "c", "d", "e", key250)
		if rng.IntN(60) == 0 {
			key = pick(key251, "noreply", "\x01", "0")
		}
		exptime := pick("0", "0", "0", "0", "1000", "-1", "2147483647", "1000000000", "2592000", "+5000")
		flags := pick("0", "0", "1", "42", "65536", "4294967295")
		quiet := pick("", "", "", " noreply", " ")
		end := pick("\r\n", "\r\n", "\r\n", "\n")
		tooLong := key == key251
		switch command := pick("get", "gets", "gat", "gats", "set", "set", "set", "add", "replace", "append", "prepend", "cas", "cas",
			"incr", "decr", "delete", "touch", "flush_all", "junk"); command {
		case "get", "gets":
			if tooLong {
				key = "a" // else memcached forgets replies
			}
			read[key] = true
			for range rng.IntN(4) {
				another := pick("a", "b", "c", "d", "e", key250)
				read[another] = true
				key += " " + another
			}
			for i := range out {
				out[i].WriteString(command + " " + key + end)
			}
		case "gat", "gats":
			if tooLong {
				key = "a"
			}
			read[key] = true
			for i := range out {
				out[i].WriteString(command + " " + exptime + " " + key + " " + key + end)
			}
		case "set", "add", "replace", "append", "prepend", "cas":
			value := pick("", "x", "5", "17", "0", "18446744073709551615", "18446744073709551614", "099", "value", "a\r\nget b\r\n", strings.Repeat("v", 1+rng.IntN(300)))
			size := len(value)
			if rng.IntN(40) == 0 {
				size = max(0, size+rng.IntN(5)-2)
			}
			header := fmt.Sprintf("%s %s %s %s %d", command, key, flags, exptime, size)
			for i, c := range clients {
				number := ""
				if command == "cas" {
					if number = " " + c.cas[key]; number == " " {
						number = " 18446744073709551615" // memcached gives small ones
					}
				}
				out[i].WriteString(header + number + quiet + end + value + "\r\n")
			}
		case "incr", "decr":
			if read[key] {
				continue
			}
			delta := pick("1", "1", "2", "10", "18446744073709551615", "0", "x", "-1")
			for i := range out {
				out[i].WriteString(command + " " + key + " " + delta + quiet + end)
			}
		case "delete":
			for i := range out {
				out[i].WriteString(command + " " + key + quiet + end)
			}
		case "touch":
			for i := range out {
				out[i].WriteString(command + " " + key + " " + exptime + quiet + end)
			}
		case "flush_all":
			if rng.IntN(10) == 0 {
				for i := range out {
					out[i].WriteString(command + quiet + end)
				}
			}
		default:
			words := []string{pick("get", "set", "incr", "delete", "touch", "cas", "foo", "", "gat", "verbosity", "version")}
			for range rng.IntN(8) {
				words = append(words, pick("a", "1", "-1", "", "noreply", "0", key251, "99999999999999999999", "x y"))
			}
			if (words[0] == "set" || words[0] == "cas") && len(words) > 4 {
				words[4] = "x" // else its value would be what follows
				words = words[:5]
			}
			line := strings.Join(words, " ") + end
			if words[0] == "incr" && read["a"] {
				continue
			}
			if strings.HasPrefix(words[0], "g") {
				read["a"], read["0"], read["noreply"] = true, true, true
				line = strings.ReplaceAll(line, key251, "k")
			}
			for i := range out {
				out[i].WriteString(line)
			}
		}
	}
	texts := make([]string, len(out))
	for i := range out {
		texts[i] = out[i].String() + "\r\n\r\n\r\n\r\n" // what a length that is too long eats
	}
	return texts
}

func TestMemcachedRandom(t *testing.T) {
	reference := startMemcached(t)
	_, ours := startForMemcached(t)
	seed := uint64(*seedFlag)
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", seed)
	a, b := talkTo(t, reference), talkTo(t, ours)
	for episode := range uint64(max(4, *callsFlag/100)) {
		// When a thread of memcached holds an item at that moment, a number does not keep its length: what differs once
		// and not again is that.
		var differs string
		for range 4 {
			if differs = memcachedEpisode(t, rand.New(rand.NewPCG(seed, episode)), a, b); differs == "" {
				break
			}
		}
		if differs != "" {
			t.Fatalf("-seed %d, episode %d: %s", seed, episode, differs)
		}
	}
}

// memcachedEpisode plays some rounds of random requests, from an empty database on, and returns the first that differs.
func memcachedEpisode(t *testing.T, rng *rand.Rand, a, b *talk) string {
	for _, c := range []*talk{a, b} {
		c.play(t, "flush_all\r\n", nil)
		clear(c.cas)
	}
	for range 6 {
		texts := randomRequests(rng, 1+rng.IntN(40), a, b)
		want := a.normal(a.play(t, texts[0], nil))
		got := b.normal(b.play(t, texts[1], rand.New(rand.NewPCG(rng.Uint64(), 0))))
		if got != want {
			return fmt.Sprintf("\n%q\ngot\n%q\nwant\n%q", texts[1], got, want)
		}
	}
	return ""
}
