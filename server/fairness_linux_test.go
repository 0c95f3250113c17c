package server

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"cached/internal/pubsub"
)

// However much a client has sent while it could not go on, it does so in many turns
// of its loop, between which others are served.
func TestAFloodRunsInManyTurns(t *testing.T) {
	s, path := startServer(t, false, "--io-threads", "1")
	blocked, replies := dial(t, path)
	const pings = 60000
	fmt.Fprint(blocked, "BLPOP l 0\r\n")
	other, r := dial(t, path)
	for s.block.all.Load() == 0 {
		fmt.Fprint(other, "PING\r\n")
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	go fmt.Fprint(blocked, strings.Repeat("*1\r\n$4\r\nPING\r\n", pings))
	arrived := func() (n int64) {
		for _, c := range s.allClients() {
			n += c.shown.inBytes.Load()
		}
		return n
	}
	for arrived() < pings*14 {
		fmt.Fprint(other, "PING\r\n")
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	before := s.totals.turns.Load()
	fmt.Fprint(other, "RPUSH l x\r\nPING\r\n")
	if n, err := io.ReadFull(replies, make([]byte, len("*2\r\n$1\r\nl\r\n$1\r\nx\r\n")+pings*7)); err != nil {
		t.Fatalf("%d bytes of replies: %v", n, err)
	}
	fmt.Fprint(other, "PING\r\n")
	for range 3 {
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if turns := s.totals.turns.Load() - before; turns < pings*14/(64<<10) {
		t.Errorf("%d commands ran in %d turns", pings, turns)
	}
}

// A message for very many clients is told to some of them in each turn, in the order
// of their coming.
func TestManyReceiversAreToldInManyTurns(t *testing.T) {
	var f fanout
	subs := make([]*pubsub.Subscription, 10000)
	for i := range subs {
		subs[i] = &pubsub.Subscription{Owner: &client{proto: 2, id: int64(i)}}
	}
	m := &message{bytes: []byte(">3\r\n")}
	other := &message{bytes: []byte(">3\r\n"), skip: new(client)} // does not go out together with it
	for _, n := range []int{2, fanoutBacklog + 100} {
		for i := range n {
			f.add(delivery{[]*message{m, other}[i%2], subs[:10000/max(n/100, 1)]})
		}
		last := int64(-1)
		for turns := 0; f.pending.Load() > 0; turns++ {
			most := fanoutTurn
			if f.pending.Load() > fanoutBacklog {
				most = behindTurn
			}
			told := 0
			f.run(func(c *client, _ []byte) {
				told++
				if c.id != (last+1)%int64(10000/max(n/100, 1)) {
					t.Fatalf("client %d comes behind %d", c.id, last)
				}
				last = c.id
			})
			if told > most {
				t.Fatalf("%d were told in one turn", told)
			}
		}
	}
}

// Who publishes faster than its messages can be told is slowed down: what waits is
// bounded, and nothing is lost.
func TestWhoPublishesTooFastIsHeld(t *testing.T) {
	s, path := startServer(t, false, "--io-threads", "2", "--client-output-buffer-limit", "pubsub 0 0 0")
	const subscribers, messages = 100, 8000
	var all sync.WaitGroup
	for n := range subscribers {
		conn, r := dial(t, path)
		fmt.Fprintf(conn, "SUBSCRIBE c%d\r\n", n/2%2) // of both on each loop
		if _, err := io.ReadFull(r, make([]byte, len("*3\r\n$9\r\nsubscribe\r\n$2\r\nc0\r\n:1\r\n"))); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			line := len("*3\r\n$7\r\nmessage\r\n$2\r\nc0\r\n$5\r\n12345\r\n")
			b := make([]byte, line)
			for i := n / 2 % 2; i < messages; i += 2 {
				if _, err := io.ReadFull(r, b); err != nil {
					t.Errorf("message %d: %v", i, err)
					return
				}
				if got := string(b[line-7 : line-2]); got != fmt.Sprintf("%05d", i) {
					t.Errorf("message %d is %s", i, got)
					return
				}
			}
		})
	}
	publisher, replies := dial(t, path)
	var flood strings.Builder
	for i := range messages {
		// By turns to these and those, so that no two go out as one.
		fmt.Fprintf(&flood, "PUBLISH c%d %05d\r\n", i%2, i)
	}
	go fmt.Fprint(publisher, flood.String())
	go io.Copy(io.Discard, replies)
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	most := int32(0)
	for {
		select {
		case <-done:
			if limit := int32(fanoutBacklog + turnBytes/len("PUBLISH c0 12345\r\n")); most > limit+1 {
				t.Errorf("%d messages waited for one loop", most)
			}
			return
		default:
			runtime.Gosched()
		}
		for _, l := range s.transport.loops {
			most = max(most, l.fan.pending.Load())
		}
	}
}
