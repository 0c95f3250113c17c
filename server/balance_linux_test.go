package server

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Loops may go from driver to driver at any time: nobody's commands, replies, messages
// or time-outs are lost.
func TestLoopsMoveWhileTheyWork(t *testing.T) {
	s, path := startServer(t, false, "--io-threads", "3", "--client-output-buffer-limit", "pubsub 0 0 0")
	var over atomic.Bool
	var all sync.WaitGroup
	defer all.Wait()
	expect := func(r io.Reader, want string) bool {
		b := make([]byte, len(want))
		if _, err := io.ReadFull(r, b); err != nil || string(b) != want {
			t.Errorf("%v: got %q, want %q", err, b, want)
			over.Store(true)
			return false
		}
		return true
	}
	for n := range 6 { // pipelines with large and small replies
		c, r := dial(t, path)
		size := []int{1, 100, 200000}[n%3]
		value := strings.Repeat("x", size)
		all.Go(func() {
			for i := 0; !over.Load(); i++ {
				fmt.Fprintf(c, "*3\r\n$3\r\nSET\r\n$2\r\nk%d\r\n$%d\r\n%s\r\nGET k%d\r\nGET k%d\r\nECHO %d\r\n", n, size, value, n, n, i)
				bulk := fmt.Sprintf("$%d\r\n%s\r\n", size, value)
				number := fmt.Sprint(i)
				if !expect(r, "+OK\r\n"+bulk+bulk+fmt.Sprintf("$%d\r\n%s\r\n", len(number), number)) {
					return
				}
			}
		})
	}
	for n := range 3 { // who waits for others, and for a time
		c, r := dial(t, path)
		p, pr := dial(t, path)
		all.Go(func() {
			for i := 0; !over.Load(); i++ {
				fmt.Fprintf(c, "BLPOP l%d 0\r\n", n)
				fmt.Fprintf(p, "RPUSH l%d x\r\nBLPOP none%d 0.01\r\n", n, n)
				if !expect(r, fmt.Sprintf("*2\r\n$2\r\nl%d\r\n$1\r\nx\r\n", n)) || !expect(pr, ":1\r\n*-1\r\n") {
					return
				}
			}
		})
	}
	for n := range 3 { // messages
		c, r := dial(t, path)
		p, pr := dial(t, path)
		fmt.Fprintf(c, "SUBSCRIBE c%d\r\n", n)
		expect(r, fmt.Sprintf("*3\r\n$9\r\nsubscribe\r\n$2\r\nc%d\r\n:1\r\n", n))
		all.Go(func() {
			for i := 10000; !over.Load(); i++ {
				fmt.Fprintf(p, "PUBLISH c%d %05d\r\n", n, i)
				if !expect(r, fmt.Sprintf("*3\r\n$7\r\nmessage\r\n$2\r\nc%d\r\n$5\r\n%05d\r\n", n, i)) || !expect(pr, ":1\r\n") {
					return
				}
			}
		})
	}
	moves, before := 0, s.transport.moves.Load()
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end) && !over.Load(); {
		l := s.transport.all[rand.IntN(3)]
		if s.transport.move(l, s.transport.drivers[rand.IntN(3)]) {
			moves++
		}
		time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
	}
	over.Store(true)
	if moves == 0 || s.transport.moves.Load() < before+int64(moves) {
		t.Errorf("loops were moved %d times", moves)
	}
}

// idleTransport has loops and drivers that do nothing.
func idleTransport(t *testing.T, n int) *transport {
	s := &Server{}
	s.transport.init(&s.Road)
	s.transport.unfreed = func() bool { return false }
	for i := range n {
		d, err := newDriver(&s.transport)
		if err != nil {
			t.Fatal(err)
		}
		s.transport.drivers = append(s.transport.drivers, d)
		l := &loop{t: &s.transport, index: int32(i)}
		l.driver.Store(s.transport.drivers[0])
		s.transport.all = append(s.transport.all, l)
	}
	return &s.transport
}

// spread is how many loops each driver has.
func (b *balancer) spread() (n []int) {
	for i := range b.t.drivers {
		n = append(n, len(b.of(i)))
	}
	return n
}

func TestLoopsFollowTheLoad(t *testing.T) {
	b := balancer{t: idleTransport(t, 4), loads: make([]driverLoad, 4), cores: 4}
	load := func(now ...float64) {
		for i, x := range now {
			b.loads[i] = driverLoad{now: x, mean: x}
		}
	}
	expect := func(what string, want ...int) {
		t.Helper()
		if got := b.spread(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: the drivers have %d loops, want %d", what, got, want)
		}
	}
	load(0.8, 0, 0, 0)
	b.split()
	expect("one has less to do than it can", 4, 0, 0, 0)
	load(1, 0, 0, 0)
	b.crowd = 4
	b.split()
	expect("no processor is free", 4, 0, 0, 0)
	b.loads[0].full = crowdedFor
	b.split()
	expect("it has too much to do for long", 2, 2, 0, 0)
	load(0, 0, 0, 0)
	b.merge()
	b.loads[0] = driverLoad{now: 1, heldUp: true}
	b.split()
	expect("it is held up", 2, 2, 0, 0)
	load(0, 0, 0, 0)
	b.merge()
	b.crowd = 2
	load(1, 0, 0, 0)
	b.split()
	expect("one has too much to do", 2, 2, 0, 0)
	load(1, 0.7, 0, 0)
	b.split()
	expect("one still has", 1, 2, 1, 0)
	load(1, 0.7, 1, 0)
	b.split()
	expect("one loop alone has", 1, 2, 1, 0)
	load(0.5, 0.4, 0.3, 0)
	b.merge()
	expect("no two have little to do", 1, 2, 1, 0)
	load(0.3, 0.4, 0.2, 0)
	b.merge()
	expect("two have", 2, 2, 0, 0)
	if sum := b.loads[0].mean; sum != 0.5 {
		t.Errorf("the load of both is %v", sum)
	}
	load(0, 0, 0, 0)
	b.merge()
	expect("nobody has", 4, 0, 0, 0)

	// A loop that is held up stays where it is, and the others go.
	for held := range b.t.all {
		b.t.all[held].turn.Lock()
		load(1, 0, 0, 0)
		b.split()
		expect("one loop is held up", 2, 2, 0, 0)
		if b.t.all[held].driver.Load() != b.t.drivers[0] {
			t.Error("the one that is held up went")
		}
		b.t.all[held].turn.Unlock()
		load(0, 0, 0, 0)
		b.merge()
	}

	// Loops with many clients are parted while that costs little, and stay so.
	b.t.all[1].count.Store(movedMost + 1)
	b.split()
	expect("one loop is large", 2, 2, 0, 0)
	b.merge()
	expect("one loop is large", 2, 2, 0, 0)
	b.t.all[1].count.Store(0)
	b.t.all[3].count.Store(movedMost + 1)
	b.merge()
	expect("another is", 2, 2, 0, 0)
}

func TestLoadOfDrivers(t *testing.T) {
	b := balancer{t: idleTransport(t, 2), loads: make([]driverLoad, 2), cores: 2, crowd: 2}
	b.threads = func() (int, error) { return 1, nil }
	busy, idle := b.t.drivers[0], b.t.drivers[1]
	busy.t.base = time.Now()
	for n := 1; n <= 5; n++ {
		busy.rounds.Add(1)
		idle.waited.Add(int64(balanceEvery))
		b.look(balanceEvery)
		if got := b.loads[0]; got.now != 1 || got.heldUp || got.full != time.Duration(n)*balanceEvery {
			t.Errorf("a busy driver is %+v", got)
		}
		if got := b.loads[1]; got.now != 0 || got.mean != 0 || got.heldUp || got.full != 0 {
			t.Errorf("an idle driver is %+v", got)
		}
	}
	if b.crowd > 1.5 {
		t.Errorf("with one thread running there are %v", b.crowd)
	}
	if !b.wants(&b.loads[0]) || b.wants(&b.loads[1]) {
		t.Error("the busy driver alone has to hand over loops")
	}
	b.look(balanceEvery)
	if !b.loads[0].heldUp {
		t.Error("a driver without an end of its turn is not held up")
	}
	busy.waited.Add(int64(balanceEvery))
	b.look(balanceEvery)
	if got := b.loads[0]; got.now != 0 || got.full != 0 || got.heldUp || got.mean == 0 {
		t.Errorf("a driver that was busy is %+v", got)
	}
	if n, err := runnable(); err != nil || n < 0 {
		t.Errorf("%d threads run: %v", n, err)
	}
}

// Who is on another loop than a command that never ends is served.
func TestOtherLoopsGoOn(t *testing.T) {
	s, path := startServer(t, false, "--io-threads", "2")
	conns := map[int64]net.Conn{}
	for range 4 { // two on each loop
		c, r := dial(t, path)
		fmt.Fprint(c, "CLIENT ID\r\n")
		var id int64
		if _, err := fmt.Fscanf(r, ":%d\r\n", &id); err != nil {
			t.Fatal(err)
		}
		conns[id] = c
	}
	for held, l := range s.transport.all {
		end := make(chan struct{})
		begun := make(chan struct{})
		l.enqueue(posted{f: func(*worker, *client) { close(begun); <-end }})
		<-begun
		asked := 0
		for _, c := range s.allClients() {
			if c.conn.(*loopConn).loop == l {
				continue
			}
			asked++
			conn := conns[c.id]
			fmt.Fprint(conn, "PING\r\n")
			_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.ReadFull(conn, make([]byte, len("+PONG\r\n"))); err != nil {
				t.Errorf("loop %d is held up, client %d: %v", held, c.id, err)
			}
		}
		if asked != 2 {
			t.Errorf("%d clients are on the other loop", asked)
		}
		close(end)
	}
}

// A driver that gets a loop and looks before the move is over looks again: the loop may have
// clients that wait for a time, of which it would not hear.
func TestALoopOnItsWayIsLookedAtSoon(t *testing.T) {
	s, _ := startServer(t, false, "--io-threads", "1")
	to, err := newDriver(&s.transport)
	if err != nil {
		t.Fatal(err)
	}
	l := s.transport.all[0]
	from := l.driver.Load()
	for !l.turn.TryLock() {
		runtime.Gosched()
	}
	l.driver.Store(to)
	s.transport.moves.Add(1)
	if ms, _ := to.finish(); ms < 0 || ms > 10 {
		t.Errorf("the driver waits for %d ms while its loop is on its way", ms)
	}
	l.driver.Store(from)
	s.transport.moves.Add(1)
	l.turn.Unlock()
	from.wake()
	unix.Close(to.epfd)
	unix.Close(to.wakeFD)
	to.park.close()
}

// moveALoop gives one of three loops to one of three drivers.
func moveALoop(s *Server, rng *rand.Rand) {
	s.transport.move(s.transport.all[rng.IntN(3)], s.transport.drivers[rng.IntN(3)])
}
