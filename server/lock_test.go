package server

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// reply reads one reply, or push, and returns the words in it.
func (s *speaker) reply() []string {
	s.t.Helper()
	line, err := s.r.ReadString('\n')
	if err != nil {
		s.t.Fatalf("no reply: %q, %v", line, err)
	}
	line = strings.TrimSpace(line)
	n, _ := strconv.Atoi(line[1:])
	switch line[0] {
	case '$':
		if n < 0 {
			return []string{"nil"}
		}
		b := make([]byte, n+2)
		if _, err := io.ReadFull(s.r, b); err != nil {
			s.t.Fatal(err)
		}
		return []string{string(b[:n])}
	case '*', '>', '%', '~':
		if n < 0 {
			return []string{"nil"}
		}
		if line[0] == '%' {
			n *= 2
		}
		var all []string
		for range n {
			all = append(all, s.reply()...)
		}
		return all
	case '-':
		return []string{line}
	case '_':
		return []string{"nil"}
	}
	return []string{line[1:]}
}

// say sends a command and returns the words of its reply.
func (s *speaker) say(words string, args ...any) string {
	s.t.Helper()
	s.send(fmt.Sprintf(words, args...))
	return strings.Join(s.reply(), " ")
}

// valueOf is what stands behind a name in a reply.
func valueOf(reply, name string) string {
	words := strings.Fields(reply)
	for i, w := range words {
		if w == name && i+1 < len(words) {
			return words[i+1]
		}
	}
	return ""
}

// await waits until so many clients wait for key.
func (s *speaker) await(key string, n int) {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		got := s.say("LOCK.INFO %s", key)
		if strings.HasPrefix(got, "-WRONGTYPE") {
			got = s.say("SEM.INFO %s", key)
		}
		if valueOf(got, "waiting") == strconv.Itoa(n) || n == 0 && got == "nil" {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%d clients do not wait: %s", n, got)
		}
	}
}

// Those who wait get the lock in the order of their coming, whether it is given back, or its
// time runs out, or somebody in front of them leaves.
func TestALockIsHandedOverInOrder(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		c := newSpeaker(t, path)
		first := c.say("LOCK.ACQUIRE k first TTL 60000")
		last, err := strconv.ParseInt(valueOf(first, "token"), 10, 64)
		if err != nil {
			t.Fatal(first)
		}
		var all []*speaker
		for i := range 8 {
			all = append(all, newSpeaker(t, path))
			all[i].send(fmt.Sprintf("LOCK.ACQUIRE k o%d TTL 60000 WAIT 60000", i))
			c.await("k", i+1)
		}
		if got := c.say("LOCK.ACQUIRE k other TTL 1"); valueOf(got, "acquired") != "0" || valueOf(got, "place") != "9" || valueOf(got, "holder") != "first" {
			t.Errorf("a ninth: %s", got)
		}
		all[2].conn.Close()
		c.await("k", 7)
		if got := c.say("CLIENT UNBLOCK %s", all[5].id); got != "1" {
			t.Error(got)
		}
		if got := strings.Join(all[5].reply(), " "); valueOf(got, "acquired") != "0" || valueOf(got, "place") != "5" {
			t.Errorf("a client that is unblocked: %s", got)
		}
		if got := c.say("CLIENT UNBLOCK %s ERROR", all[6].id); got != "1" {
			t.Error(got)
		}
		if got := strings.Join(all[6].reply(), " "); !strings.HasPrefix(got, "-UNBLOCKED") {
			t.Errorf("a client that is unblocked: %s", got)
		}
		c.await("k", 5)
		owner := "first"
		for _, i := range []int{0, 1, 3, 4, 7} {
			switch i {
			case 3:
				c.say("LOCK.RENEW k %s TTL 1", owner) // it runs out
			case 4:
				c.say("DEL k")
			default:
				if got := c.say("LOCK.RELEASE k %s", owner); got != "released 1 holds 0 repeated 0" {
					t.Errorf("release of %s: %s", owner, got)
				}
			}
			got := strings.Join(all[i].reply(), " ")
			token, err := strconv.ParseInt(valueOf(got, "token"), 10, 64)
			if valueOf(got, "acquired") != "1" || err != nil || token <= last {
				t.Fatalf("o%d: %s, behind token %d", i, got, last)
			}
			last, owner = token, fmt.Sprintf("o%d", i)
		}
		c.await("k", 0)
	})
}

// A client that waits for as long as it said hears who has the lock then, and those behind it
// get what it would not let them have.
func TestAWriterKeepsReadersBackAndLetsThemGo(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		c, writer, r1, r2 := newSpeaker(t, path), newSpeaker(t, path), newSpeaker(t, path), newSpeaker(t, path)
		c.say("LOCK.ACQUIRE k r0 TTL 60000 SHARED")
		writer.send("LOCK.ACQUIRE k w TTL 60000 WAIT 60000")
		c.await("k", 1)
		for i, r := range []*speaker{r1, r2} {
			r.send(fmt.Sprintf("LOCK.ACQUIRE k r%d TTL 60000 WAIT 60000 SHARED", i+1))
			c.await("k", i+2)
		}
		// Readers who do not wait do not come before the writer either.
		if got := c.say("LOCK.ACQUIRE k r9 TTL 60000 SHARED"); valueOf(got, "acquired") != "0" || valueOf(got, "place") != "4" {
			t.Errorf("a reader behind a writer: %s", got)
		}
		if got := c.say("LOCK.ACQUIRE k r0 TTL 60000 SHARED"); valueOf(got, "holds") != "2" {
			t.Errorf("a reader who has the lock: %s", got)
		}
		c.say("CLIENT UNBLOCK %s", writer.id)
		if got := strings.Join(writer.reply(), " "); valueOf(got, "acquired") != "0" {
			t.Errorf("the writer: %s", got)
		}
		for _, r := range []*speaker{r1, r2} {
			if got := strings.Join(r.reply(), " "); valueOf(got, "acquired") != "1" {
				t.Errorf("a reader: %s", got)
			}
		}
		if got := c.say("LOCK.INFO k"); valueOf(got, "mode") != "shared" || strings.Count(got, "owner") != 3 {
			t.Error(got)
		}
		if got := writer.say("LOCK.ACQUIRE k w TTL 60000 WAIT 30"); valueOf(got, "acquired") != "0" || valueOf(got, "holder") == "nil" {
			t.Errorf("the writer, again: %s", got)
		}
	})
}

// A hold that runs out wakes those who wait though nothing sweeps the keyspace.
func TestTheEndOfAHoldWakesWithoutASweep(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable, "--enable-debug-command", "yes")
		c := newSpeaker(t, path)
		c.say("DEBUG PAUSE-CRON 1")
		for _, words := range []string{"LOCK.ACQUIRE k a TTL 40", "LOCK.ACQUIRE k a TTL 20 DELAY 30", "LOCK.ACQUIRE k a TTL 20 SHARED", "LOCK.MACQUIRE 2 x k a TTL 30"} {
			c.say("%s", words)
			start := time.Now()
			if got := c.say("LOCK.ACQUIRE k b TTL 60000 WAIT 30000"); valueOf(got, "acquired") != "1" || time.Since(start) > 20*time.Second {
				t.Errorf("behind %s: %s", words, got)
			}
			c.say("LOCK.RELEASE k b")
		}
		c.say("SEM.ACQUIRE s 2 TTL 60000")
		c.say("SEM.ACQUIRE s 2 TTL 30")
		if got := c.say("SEM.ACQUIRE s 2 TTL 30 WAIT 30000"); valueOf(got, "acquired") != "1" {
			t.Errorf("a permit: %s", got)
		}
		c.say("DEBUG PAUSE-CRON 0")
	})
}

// What was taken WHILE CONNECTED ends with the connection, or with RESET; what was not, stays.
func TestALockEndsWithItsConnection(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		c := newSpeaker(t, path)
		for _, end := range []string{"close", "RESET", "CLIENT KILL"} {
			holder, next := newSpeaker(t, path), newSpeaker(t, path)
			holder.say("LOCK.ACQUIRE stays h TTL 60000")
			holder.say("LOCK.MACQUIRE 2 a b h TTL 60000 WHILE CONNECTED")
			token := valueOf(holder.say("LOCK.ACQUIRE k h TTL 60000 WHILE CONNECTED"), "token")
			next.send("LOCK.ACQUIRE k n TTL 60000 WAIT 60000 WHILE CONNECTED")
			c.await("k", 1)
			switch end {
			case "close":
				holder.conn.Close()
			case "RESET":
				holder.say("RESET")
			default:
				c.say("CLIENT KILL ID %s", holder.id)
			}
			if got := strings.Join(next.reply(), " "); valueOf(got, "acquired") != "1" {
				t.Errorf("%s: %s", end, got)
			}
			if got := c.say("FENCED k %s SET v 1", token); !strings.HasPrefix(got, "-FENCED") {
				t.Errorf("%s: a write with the token of before: %s", end, got)
			}
			next.conn.Close()
			for _, key := range []string{"a", "b", "k"} {
				for c.say("LOCK.INFO %s", key) != "nil" {
					time.Sleep(time.Millisecond)
				}
			}
			if got := c.say("LOCK.INFO stays"); valueOf(got, "owner") != "h" {
				t.Errorf("%s: %s", end, got)
			}
			c.say("DEL stays")
		}
	})
}

// A holder that speaks RESP3 hears that it has lost its lock, and why.
func TestAHolderHearsThatItHasLostItsLock(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		c, holder := newSpeaker(t, path), newSpeaker(t, path)
		holder.ask("HELLO 3")
		for _, x := range []struct{ take, end, why string }{
			{"TTL 20", "", "expired"}, {"TTL 20 SHARED", "LOCK.ACQUIRE k c TTL 1 WAIT 60000", "expired"},
			{"TTL 60000", "LOCK.FORCE k", "forced"}, {"TTL 60000", "DEL k", "removed"}, {"TTL 60000", "SET k v", "removed"},
			{"TTL 10 DELAY 60000", "LOCK.ACQUIRE k c TTL 1 WAIT 30", "expired"},
		} {
			c.say("DEL k")
			got := holder.say("LOCK.ACQUIRE k h %s", x.take)
			token := valueOf(got, "token")
			if token == "" {
				t.Fatal(got)
			}
			if x.end != "" {
				c.say("%s", x.end)
			}
			if got, want := strings.Join(holder.reply(), " "), "lock-lost k h "+token+" "+x.why; got != want {
				t.Errorf("%s, %s: %q, want %q", x.take, x.end, got, want)
			}
		}
		c.say("DEL k")
		holder.say("LOCK.ACQUIRE k h TTL 60000")
		c.say("LOCK.RELEASE k h") // by whoever knows the owner
		holder.say("LOCK.ACQUIRE k h TTL 60000")
		if got := holder.ask("LOCK.RELEASE k h"); strings.Contains(got, "lock-lost") {
			t.Errorf("a release is a loss: %q", got)
		}
	})
}

// In MULTI and in scripts nothing waits, and all else is as outside.
func TestNothingWaitsInATransaction(t *testing.T) {
	_, path := startServer(t, false)
	c, other := newSpeaker(t, path), newSpeaker(t, path)
	c.say("LOCK.ACQUIRE k a TTL 60000")
	for _, words := range strings.Split("MULTI\r\nLOCK.ACQUIRE k b TTL 1 WAIT 60000\r\nSEM.ACQUIRE s 1 TTL 60000\r\nSEM.ACQUIRE s 1 TTL 60000 WAIT 60000\r\nLOCK.MACQUIRE 2 k l b TTL 1 WAIT 60000", "\r\n") {
		c.say("%s", words)
	}
	got := c.say("EXEC")
	if strings.Count(got, "acquired 0") != 3 || strings.Count(got, "acquired 1") != 1 {
		t.Errorf("EXEC: %s", got)
	}
	got = c.say(`EVAL "return redis.call('LOCK.ACQUIRE',KEYS[1],'b','TTL','1','WAIT','60000')" 1 k`)
	if !strings.HasPrefix(got, "acquired 0 holder a") {
		t.Errorf("EVAL: %s", got)
	}
	token := valueOf(c.say("LOCK.ACQUIRE k a TTL 60000"), "token")
	got = c.say(`EVAL "return redis.call('FENCED',KEYS[1],ARGV[1],'SET',KEYS[2],'w')" 2 k v %s`, token)
	if got != "OK" || c.say("GET v") != "w" {
		t.Errorf("FENCED in a script: %s", got)
	}
	for _, words := range strings.Split("RPUSH list x\r\nMULTI\r\nFENCED k "+token+" BLPOP list 0\r\nFENCED k "+token+" BLPOP list 0", "\r\n") {
		c.say("%s", words)
	}
	if got := c.say("EXEC"); got != "list x nil" {
		t.Errorf("FENCED in MULTI: %s", got)
	}
	if got := c.say("FENCED k %s BLPOP list 0", token); got != "nil" {
		t.Errorf("FENCED that would wait: %s", got)
	}
	// What a transaction gives back wakes others.
	other.send("LOCK.ACQUIRE k o TTL 60000 WAIT 60000")
	c.await("k", 1)
	for _, words := range strings.Split("MULTI\r\nLOCK.RELEASE k a ALL", "\r\n") {
		c.say("%s", words)
	}
	c.say("EXEC")
	if got := strings.Join(other.reply(), " "); valueOf(got, "acquired") != "1" {
		t.Error(got)
	}
}

// FENCED asks for the rights to the command that it runs and to both keys.
func TestFencedAsksForTheRightsToItsCommand(t *testing.T) {
	_, path := startServer(t, false)
	c, u := newSpeaker(t, path), newSpeaker(t, path)
	token := valueOf(c.say("LOCK.ACQUIRE lock:a a TTL 60000"), "token")
	c.say("ACL SETUSER u on nopass +fenced +set ~data:* %%R~lock:*")
	u.say("AUTH u x")
	for _, x := range []struct{ words, want string }{
		{"SET data:x 1", "OK"}, {"SET other 1", "-NOPERM"}, {"SET lock:a 1", "-NOPERM"}, {"DEL data:x", "-NOPERM"},
	} {
		if got := u.say("FENCED lock:a %s %s", token, x.words); !strings.HasPrefix(got, x.want) {
			t.Errorf("%s: %s", x.words, got)
		}
	}
	if got := u.say("FENCED data:l %s SET data:x 1", token); !strings.HasPrefix(got, "-FENCED") {
		t.Error(got)
	}
}

// Too many who wait for a key are refused.
func TestALineHasABound(t *testing.T) {
	s, path := startServer(t, false)
	c := newSpeaker(t, path)
	c.say("LOCK.ACQUIRE k a TTL 60000")
	s.block.mu.Lock()
	l := &line{}
	full := &waiter{inLine: true}
	for range maxWaiters {
		l.waiters = append(l.waiters, full)
	}
	s.block.lines[readyKey{0, "k"}] = l
	s.block.lined.Add(1)
	s.block.mu.Unlock()
	if got := c.say("LOCK.ACQUIRE k b TTL 1 WAIT 60000"); got != "-ERR too many clients wait for the key already, 10000" {
		t.Error(got)
	}
	s.block.mu.Lock()
	delete(s.block.lines, readyKey{0, "k"})
	s.block.lined.Add(-1)
	s.block.mu.Unlock()
}

// Flushing and swapping databases is a change of locks as well.
func TestALineHearsOfFlushedAndSwappedDatabases(t *testing.T) {
	_, path := startServer(t, false)
	c, w := newSpeaker(t, path), newSpeaker(t, path)
	for _, end := range []string{"FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "UNLINK k", "RENAME k other", "MOVE k 2", "PEXPIRE k 1"} {
		c.say("LOCK.ACQUIRE k a TTL 60000")
		w.send("LOCK.ACQUIRE k b TTL 60000 WAIT 60000")
		c.await("k", 1)
		c.say("%s", end)
		if got := strings.Join(w.reply(), " "); valueOf(got, "acquired") != "1" {
			t.Errorf("%s: %s", end, got)
		}
		c.say("FLUSHALL")
	}
}
