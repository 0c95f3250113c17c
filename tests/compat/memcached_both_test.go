package compat

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// memcachedState is what memcached's client sees of some keys, CAS numbers too.
func memcachedState(t *testing.T, c *talk, keys ...string) string {
	t.Helper()
	return c.play(t, "gets "+strings.Join(keys, " ")+"\r\n", nil)
}

// Both kinds of clients have the same keys.
func TestMemcachedAndRedisShareKeys(t *testing.T) {
	p, addr := startForMemcached(t)
	c, w := talkTo(t, addr), dial(t, p)
	defer w.Close()
	same := func(text, want string) {
		t.Helper()
		if got := c.play(t, text, nil); got != want {
			t.Errorf("%q\ngot  %q\nwant %q", text, got, want)
		}
	}
	same("set k 7 0 5\r\nvalue\r\n", "STORED\r\n")
	w.want(t, `"value"`, "GET", "k")
	w.want(t, "OK", "SET", "r", "5")
	same("get r\r\n", "VALUE r 0 1\r\n5\r\nEND\r\n")
	before := memcachedState(t, c, "k")
	var cas uint64
	if _, err := fmt.Sscanf(before, "VALUE k 7 5 %d\r\n", &cas); err != nil {
		t.Fatalf("%q: %v", before, err)
	}
	w.want(t, "OK", "SET", "k", "other")
	same(fmt.Sprintf("cas k 0 0 1 %d\r\nx\r\nget k\r\n", cas), "EXISTS\r\nVALUE k 0 5\r\nother\r\nEND\r\n")
	if memcachedState(t, c, "k") == before {
		t.Error("the CAS number of a value that SET has written is as before")
	}
	// APPEND changes the number and keeps the flags.
	same("set f 9 0 1\r\nx\r\n", "STORED\r\n")
	before = memcachedState(t, c, "f")
	w.want(t, "(integer) 2", "APPEND", "f", "y")
	if after := memcachedState(t, c, "f"); !strings.HasPrefix(after, "VALUE f 9 2 ") || after[12:] == before[12:] {
		t.Errorf("after APPEND: %q, before: %q", after, before)
	}
	// Another type.
	w.want(t, "(integer) 1", "LPUSH", "l", "x")
	same("get l\r\ngats 0 l\r\nadd l 0 0 1\r\nx\r\nappend l 0 0 1\r\nx\r\ncas l 0 0 1 1\r\nx\r\nincr l 1\r\n",
		"END\r\nEND\r\nNOT_STORED\r\nNOT_STORED\r\nEXISTS\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n")
	same("set l 0 0 1\r\nx\r\nget l\r\n", "STORED\r\nVALUE l 0 1\r\nx\r\nEND\r\n")
	w.want(t, `"x"`, "GET", "l")
	// Users' rules, also where the client wants no reply.
	w.want(t, "OK", "ACL", "SETUSER", "default", "-memcached.delete")
	same("delete k noreply\r\ndelete k\r\nget none\r\n", "CLIENT_ERROR User default has no permissions to run the 'memcached.delete' command\r\nEND\r\n")
}

// What memcached's clients have done is in the log: values, flags, deadlines and CAS numbers.
func TestMemcachedInTheLog(t *testing.T) {
	p, addr := startForMemcached(t, "--appendonly", "yes", "--memcached-database", "3")
	c := talkTo(t, addr)
	c.play(t, "set a 7 0 1\r\n1\r\nset b 0 1000 1\r\nx\r\nset c 5 2147483647 2\r\n10\r\nset d 1 0 1\r\nx\r\nset gone 1 0 1\r\nx\r\n"+
		"gets a b c d gone\r\nincr a 18446744073709551615\r\nincr a 5\r\ndecr c 5\r\nappend b 0 0 1\r\ny\r\nprepend d 0 0 2\r\nzz\r\nappend d 0 0 1\r\n!\r\n"+
		"delete gone\r\ntouch a 500\r\ntouch b 0\r\nset gone 0 -1 1\r\nx\r\nset e 8 0 1\r\nx\r\ngats 900 e\r\n", nil)
	keys := []string{"a", "b", "c", "d", "e", "gone"}
	before := memcachedState(t, c, keys...)
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(conn)
	ask := func(command string) (out string) {
		fmt.Fprintf(conn, "%s\r\nPING\r\n", command)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if line == "+PONG\r\n" {
				return out
			}
			out += line
		}
	}
	ask("SELECT 3")
	var times string
	for _, key := range keys {
		times += ask("PEXPIRETIME " + key)
	}
	if got := ask("DEBUG LOADAOF"); got != "+OK\r\n" {
		t.Fatal(got)
	}
	if after := memcachedState(t, c, keys...); after != before {
		t.Errorf("the log was loaded\n%q\nbefore\n%q", after, before)
	}
	var again string
	for _, key := range keys {
		again += ask("PEXPIRETIME " + key)
	}
	if again != times {
		t.Errorf("deadlines\n%q\nbefore\n%q", again, times)
	}
	c.play(t, "flush_all\r\n", nil)
	for range 2 {
		if n := ask("EXISTS " + strings.Join(keys, " ")); n != ":0\r\n" {
			t.Errorf("after flush_all there are keys: %s", n)
		}
		ask("DEBUG LOADAOF")
	}
}

// A flush_all with a delay comes, and one that is replaced does not.
func TestMemcachedDelayedFlush(t *testing.T) {
	_, addr := startForMemcached(t)
	c := talkTo(t, addr)
	if got := c.play(t, "set a 0 0 1\r\nx\r\nflush_all 1000\r\nflush_all 1\r\nget a\r\n", nil); got != "STORED\r\nOK\r\nOK\r\nVALUE a 0 1\r\nx\r\nEND\r\n" {
		t.Fatalf("%q", got)
	}
	for end := time.Now().Add(20 * time.Second); c.play(t, "get a\r\n", nil) != "END\r\n"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the flush does not come")
		}
	}
}

// What exporters read is there, each in a line of three words.
func TestMemcachedStats(t *testing.T) {
	_, addr := startForMemcached(t, "--maxmemory", "100mb", "--maxclients", "3")
	c := talkTo(t, addr)
	c.play(t, "set a 0 0 1\r\nx\r\nget a b\r\ndelete none\r\nincr none 1\r\ntouch a 0\r\nset b 0 0 2000000 noreply\r\n"+strings.Repeat("x", 2000000)+"\r\n", nil)
	have := make(map[string]string)
	for _, kind := range []string{"", " settings", " items", " slabs", " sizes", " conns"} {
		lines := strings.Split(c.play(t, "stats"+kind+"\r\n", nil), "\r\n")
		if n := len(lines); n < 2 || lines[n-2] != "END" || lines[n-1] != "" {
			t.Fatalf("stats%s: %q", kind, lines)
		}
		for _, line := range lines[:len(lines)-2] {
			words := strings.Split(line, " ")
			if len(words) != 3 || words[0] != "STAT" {
				t.Errorf("stats%s: %q", kind, line)
				continue
			}
			have[words[1]] = words[2]
		}
	}
	for name, want := range map[string]string{"curr_connections": "1", "curr_items": "2", "delete_misses": "1", "incr_misses": "1", "touch_hits": "1",
		"store_too_large": "1", "limit_maxbytes": "104857600", "max_connections": "3", "version": "1.6.18", "item_size_max": "1048576", "get_misses": ""} {
		if got, ok := have[name]; !ok || want != "" && got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, name := range strings.Fields("pid uptime time pointer_size rusage_user rusage_system total_connections rejected_connections cmd_get cmd_set " +
		"cmd_flush cmd_touch get_hits delete_hits incr_hits decr_hits decr_misses cas_misses cas_hits cas_badval touch_misses auth_cmds auth_errors " +
		"bytes_read bytes_written accepting_conns listen_disabled_num threads hash_power_level hash_bytes bytes total_items evictions reclaimed " +
		"expired_unfetched evicted_unfetched items:1:number active_slabs total_malloced maxbytes maxconns") {
		if have[name] == "" {
			t.Errorf("there is no %s", name)
		}
	}
	// Too many clients.
	for range 2 {
		talkTo(t, addr).play(t, "", nil)
	}
	refused := talkTo(t, addr)
	_ = refused.SetDeadline(time.Now().Add(20 * time.Second))
	if got, err := io.ReadAll(refused); err != nil || string(got) != "ERROR Too many open connections\r\n" {
		t.Errorf("one client too many: %q, %v", got, err)
	}
}
