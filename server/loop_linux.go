package server

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// readChunk is the most that is read from a client before others get their turn.
const readChunk = 64 << 10

// A loop is clients on raw non-blocking sockets that one goroutine at a time serves:
// that of its driver, which holds turn meanwhile.
type loop struct {
	t          *transport
	*worker                           // another one while a slow command of this loop runs: see lend_linux.go
	current    atomic.Pointer[worker] // the same, for others
	spares     []spare
	detached   bool  // whoever has the turn has lost its driver
	index      int32 // among the loops
	driver     atomic.Pointer[driver]
	turn       sync.Mutex
	clients    map[int]*loopConn // by file descriptor
	listeners  map[int]listener  // on the first loop
	resting    []listener        // those of them that could not accept, until acceptAt
	acceptAt   int64
	in         []byte       // where reads go
	kept       []byte       // for the next client whose input does not fit there
	unneeded   [][]byte     // mappings that were let go while a batch ran
	outbox     []outgoing   // replies that wait for the end of the turn, one entry a client
	dirtyNext  int          // the first of dirty at which runDirty has not looked
	dirty      []*loopConn  // have input or output to look at before the next wait
	timers     timerHeap    // of waiting clients
	fan        fanout       // messages for the loop's clients
	paused     []*loopConn  // whose next command waits for the end of CLIENT PAUSE
	held       []*loopConn  // whose replies wait for the log
	heldSpare  []*loopConn  // room for the next held
	again      []*loopConn  // that have more
	publishers []*loopConn  // that are faster than what they publish can be told
	count      atomic.Int32 // clients
	holds      atomic.Bool  // there are some in held

	mu    sync.Mutex // guards queue
	queue []posted
	woken atomic.Bool // there is something to look at before the next wait
}

type posted struct {
	f func(*worker, *client)
	c *loopConn // nil: f is the loop's own
}

// A loopConn is a client on a loop.
type loopConn struct {
	client
	loop    *loop
	mapped  []byte   // memory from the system that the input is in, or nil
	queued  bool     // has replies in loop.outbox, in front of which nothing is unsent
	watched uint32   // the events that the loop wants to hear of
	dirty   bool     // is in loop.dirty
	writing bool     // the loop waits for the socket to take more
	more    bool     // in has complete commands, which run in the next turn
	slowed  bool     // is in loop.publishers
	posted  []posted // while its command runs for long
}

// An outgoing is replies to a client, or nothing any more if c is nil.
type outgoing struct {
	c       *loopConn
	replies []byte
}

// A listener is a listening socket and what its clients' addresses look like.
type listener struct {
	fd     int
	unix   string  // path of a unix socket, or empty
	speaks *spoken // or nil: RESP
}

func newLoop(t *transport, index int, d *driver) *loop {
	l := &loop{t: t, index: int32(index), clients: map[int]*loopConn{}, listeners: map[int]listener{}, in: make([]byte, readChunk)}
	l.worker = l.newWorker(t.Road)
	l.current.Store(l.worker)
	l.driver.Store(d)
	return l
}

// newWorker makes a worker that writes to the loop's clients.
func (l *loop) newWorker(r *Road) *worker {
	w := newWorker(r)
	w.flush = func(c *client) { l.write(c.conn.(*loopConn)) }
	w.lends = &lending{w: w, loop: l}
	return w
}

// watch has events of a socket told to the loop.
func (l *loop) watch(fd int, events uint32) error {
	return l.driver.Load().control(unix.EPOLL_CTL_ADD, fd, events, l.index)
}

// rewatch changes which events of its socket the loop wants to hear of.
func (c *loopConn) rewatch(events uint32) {
	c.watched = events
	_ = c.loop.driver.Load().control(unix.EPOLL_CTL_MOD, c.fd, events, c.loop.index)
}

// finish ends a turn, after the events of it: replies are written, and done is what
// others have asked for, what the time has come for, and what was left from before.
func (l *loop) finish() {
	l.send()
	l.runQueue()
	l.fanOut()
	l.runTimers()
	l.releasePublishers()
	l.runDirty()
	l.release()
	l.dropUnneeded()
	l.turns++
	l.publish()
}

// serve does what an event asks for.
func (l *loop) serve(ev unix.EpollEvent) {
	fd := int(ev.Fd)
	if c := l.clients[fd]; c != nil {
		if ev.Events&unix.EPOLLOUT != 0 {
			l.markDirty(c)
		}
		if ev.Events&^unix.EPOLLOUT != 0 {
			l.read(c)
		}
	} else if lis, ok := l.listeners[fd]; ok {
		l.accept(lis)
	}
}

// waitMS is how long the loop may sleep; negative is for ever.
func (l *loop) waitMS() int {
	if len(l.dirty) > 0 || l.fan.pending.Load() > 0 {
		return 0
	}
	wait := int64(-1)
	if len(l.timers) > 0 {
		l.tick()
		wait = min(max(l.timers[0].deadlineMS-l.nowMS(), 0)+1, 1<<30)
	}
	if len(l.paused) > 0 && (wait < 0 || wait > 10) {
		wait = 10
	}
	if len(l.resting) > 0 && (wait < 0 || wait > acceptRestMS) {
		wait = acceptRestMS
	}
	if len(l.publishers) > 0 && (wait < 0 || wait > 1) {
		wait = 1
	}
	return int(wait)
}

// read takes what one client has sent and runs it.
func (l *loop) read(c *loopConn) {
	// Who was killed by another loop gets no more answers, even before the word
	// of it has come through this loop's queue.
	if c.halted&lent != 0 || c.closed || c.closing || c.shown.closing.Load() {
		return
	}
	if c.more || l.slow(c) {
		return // what it has sent before comes first
	}
	if c.mode&subscribed != 0 && l.fan.pending.Load() > 0 {
		// What was published before the client spoke comes before the reply.
		l.send()
		l.fanOut()
		if c.closed {
			return // a message could not be written; its descriptor may be another's by now
		}
	}
	if len(c.in) > 0 || c.stopped() {
		l.readMore(c)
		return
	}
	n, err := rawRead(c.fd, l.in)
	if n <= 0 {
		if err != syscall.EAGAIN && err != syscall.EINTR {
			l.close(c)
		}
		return
	}
	l.netIn += int64(n)
	l.reads++
	l.begin(&c.client)
	used := l.feed(&c.client, l.in[:n])
	if used < n && !c.closing {
		c.in = append(l.buffer(n-used), l.in[used:n]...)
		setIfChanged(&c.shown.inBytes, int64(len(c.in)))
	}
	l.answer(c)
}

// answer leaves a client's replies to send, if there is nothing special to them.
// All replies of a batch are written after its last command: a client that runs
// on another processor is then woken once for many of them, not for each.
func (l *loop) answer(c *loopConn) {
	n := len(l.reply.B)
	if n == l.base || c.stopped() || c.queued || c.out.waits() {
		l.write(c)
		return
	}
	c.queued = true
	l.outbox = append(l.outbox, outgoing{c, l.reply.B[l.base:n:n]})
	if n >= sendAt {
		l.send()
	}
}

// sendAt is how many bytes of replies may gather in a batch.
const sendAt = 64 << 10

// send writes what answer has gathered.
func (l *loop) send() {
	if len(l.outbox) == 0 {
		return
	}
	l.writeOutbox()
	if cap(l.reply.B) > 4*flushAt { // a giant reply leaves no giant buffer behind
		l.srv.on.Freed(cap(l.reply.B))
		l.reply.B = nil
	}
	l.reply.B, l.base = l.reply.B[:0], 0
}

// writeOutbox writes the gathered replies. It leaves the worker's present ones alone.
func (l *loop) writeOutbox() {
	for _, o := range l.outbox {
		if o.c != nil {
			o.c.queued = false
			l.transmit(o.c, o.replies, false)
		}
	}
	clear(l.outbox)
	l.outbox = l.outbox[:0]
}

// gather moves the client's replies from the outbox to its output, for something that
// comes behind them.
func (c *loopConn) gather() {
	if !c.queued {
		return
	}
	c.queued = false
	for i := range c.loop.outbox {
		if o := &c.loop.outbox[i]; o.c == c {
			c.out.add(o.replies)
			*o = outgoing{}
			return
		}
	}
}

// stoppedIn is most input of a client that may not go on.
const stoppedIn = 1 << 20

// readMore takes what a client has sent that has part of a command waiting, or
// may not go on.
func (l *loop) readMore(c *loopConn) {
	limit := int(l.srv.queryBufferLimit.Load())
	if !c.authed {
		limit = min(limit, 1<<20)
	}
	if c.stopped() && len(c.in) >= stoppedIn {
		// A client that waits is read no further than this; the rest stays in
		// the kernel until it goes on.
		c.rewatch(unix.EPOLLRDHUP)
		return
	}
	room := max(readChunk, min(c.need(c.in)-len(c.in), 4<<20))
	if cap(c.in)-len(c.in) < min(room, readChunk) {
		if room > readAhead*len(c.in) {
			room = len(c.in) + readChunk // nobody gets much memory for announcing that much will come
		}
		if !l.reserve(c, room) {
			l.srv.log.Warn("closing client for whose input there is no memory", "client", c.addr, "bytes", len(c.in))
			l.close(c)
			return
		}
	}
	n, err := rawRead(c.fd, c.in[len(c.in):cap(c.in)])
	if n <= 0 {
		if err != syscall.EAGAIN && err != syscall.EINTR {
			l.close(c)
		}
		return
	}
	l.netIn += int64(n)
	l.reads++
	c.in = c.in[:len(c.in)+n]
	if len(c.in) > limit {
		l.srv.overInput.Add(1)
		l.srv.log.Warn("closing client that reached max query buffer length", "client", c.addr)
		l.close(c)
		return
	}
	l.goOn(c)
}

// readAhead is how many times what has arrived of a command may be still to come for
// all of it to get room: it is moved a last time then, and what it leaves is little.
const readAhead = 8

// goOn runs the commands in a client's own input buffer.
func (l *loop) goOn(c *loopConn) {
	l.begin(&c.client)
	c.more = false
	if !c.stopped() && len(c.in) > 0 && len(c.in) >= c.need(c.in) && !l.slow(c) {
		used := l.feed(&c.client, c.in)
		switch {
		case c.closed: // while it was written to
		case used < len(c.in) && used >= turnBytes && !c.stopped():
			c.in = c.in[used:]
			c.more = true
			l.again = append(l.again, c)
		case used > 0:
			l.consume(c, used)
		}
	}
	l.srv.noteInput(&c.client, c.resident())
	l.write(c)
}

// write sends the worker's replies to the client, behind everything it was sent before,
// and keeps what the socket does not take.
func (l *loop) write(c *loopConn) {
	c.gather()
	b := l.reply.B[l.base:]
	if l.transmit(c, b, true) {
		// The client's output has taken the buffer over. Replies of others in front of b
		// are in the outbox, which knows where they are.
		l.reply.B, l.base = nil, 0
		return
	}
	l.reply.B = l.reply.B[:l.base]
	if l.base == 0 && cap(l.reply.B) > 4*flushAt {
		l.srv.on.Freed(cap(l.reply.B))
		l.reply.B = nil
	}
}

// transmit sends what is unsent of the client and then b, as much as the socket takes,
// and keeps the rest. If b is the worker's own, the client's output may take it over;
// transmit reports whether it did. Nothing of the client is in the outbox.
func (l *loop) transmit(c *loopConn, b []byte, own bool) (adopted bool) {
	if c.closed {
		return false
	}
	if c.logged != 0 {
		if !l.srv.settled(c.logged) {
			return l.hold(c, b, own)
		}
		c.logged = 0
	}
	full := c.writing && !c.dirty // the socket has not said that it takes more
	for !full && c.out.ready() {
		head := c.out.head()
		n, ok := l.put(c, head)
		if !ok {
			return false
		}
		full = n < len(head)
		l.srv.on.Freed(c.out.sent(n))
	}
	if !c.out.waits() && len(b) > 0 {
		n, ok := l.put(c, b)
		if !ok {
			return false
		}
		b = b[n:]
	}
	adopted = c.out.keep(b, own)
	setIfChanged(&c.shown.outBytes, int64(c.out.size))
	if want := c.out.ready(); want != c.writing {
		c.writing = want
		c.rewatch(c.events())
	}
	switch {
	case c.closing && !c.out.waits():
		l.close(c)
	case l.srv.tooSlow(&c.client, l.nowMS()):
		l.srv.overOutput.Add(1)
		l.srv.log.Warn("closing client that does not read its replies", "client", c.addr, "bytes", c.out.size)
		l.close(c)
	default:
		l.afterWrite(c)
	}
	return adopted
}

// put gives bytes to the client's socket, as many as it takes. If the connection is
// broken it is closed, and put reports false.
func (l *loop) put(c *loopConn, b []byte) (sent int, ok bool) {
	for sent < len(b) {
		n, err := rawWrite(c.fd, b[sent:])
		if n > 0 {
			sent += n
		} else if err == syscall.EAGAIN {
			break
		} else if err != syscall.EINTR {
			l.close(c)
			return sent, false
		}
	}
	if sent > 0 {
		l.netOut += int64(sent)
		l.writes++
	}
	return sent, true
}

// afterWrite has the loop look again at a client that waits for a time.
func (l *loop) afterWrite(c *loopConn) {
	switch {
	case c.postponed:
		l.paused = append(l.paused, c)
	case c.waiting != nil && c.waiting.deadlineMS > 0 && !c.waiting.timed:
		c.waiting.timed = true
		heap.Push(&l.timers, c.waiting)
	}
}

// close ends a connection, and what its client had begun.
func (l *loop) close(c *loopConn) {
	if c.closed {
		return
	}
	if c.halted&lent != 0 {
		l.srv.kill(&c.client) // when its command has run
		return
	}
	if !c.giveUp(nil) {
		// A worker completes the client's command right now, or looks whether it can.
		c.closing = true
		l.again = append(l.again, c)
		return
	}
	c.closed = true
	delete(l.clients, c.fd)
	l.count.Add(-1)
	l.srv.forget(&c.client)
	if c.heir != nil {
		l.handOver(c)
	} else {
		unix.Close(c.fd)
	}
	l.dropInput(c)
	l.srv.on.Freed(c.out.drop())
}

func (l *loop) markDirty(c *loopConn) {
	if !c.dirty {
		c.dirty = true
		l.dirty = append(l.dirty, c)
	}
}

// runDirty goes on with clients that were unblocked, or can be written to.
//
// While a command runs that takes long, it is called again for the lent loop, and goes on
// where the outer call was and leaves it what comes later: the list is the loop's, and so
// is the place in it.
func (l *loop) runDirty() {
	for l.dirtyNext < len(l.dirty) {
		c := l.dirty[l.dirtyNext]
		l.dirtyNext++
		if !c.closed {
			if c.shown.closing.Load() {
				c.closing = true
			}
			l.goOn(c)
		}
		c.dirty = false
	}
	clear(l.dirty)
	l.dirty, l.dirtyNext = l.dirty[:0], 0
	for _, c := range l.again {
		l.markDirty(c)
	}
	clear(l.again)
	l.again = l.again[:0]
}

// runTimers ends the waiting of clients whose time is over, and the pause.
func (l *loop) runTimers() {
	if len(l.timers) == 0 && len(l.paused) == 0 && len(l.resting) == 0 {
		return
	}
	l.tick()
	now := l.nowMS()
	l.acceptAgain(now)
	var served []*waiter
	for len(l.timers) > 0 && l.timers[0].deadlineMS <= now {
		wt := heap.Pop(&l.timers).(*waiter)
		if wt.c.waiting != wt || wt.state.Load() == done {
			continue
		}
		if !l.timeIsUp(wt) {
			served = append(served, wt) // at this moment, and perhaps in vain
		}
	}
	for _, wt := range served {
		heap.Push(&l.timers, wt)
	}
	if len(l.paused) > 0 && l.srv.pause.over(now) {
		for _, c := range l.paused {
			c.postpone(false)
			l.markDirty(c)
		}
		l.paused = l.paused[:0]
	}
}

// post runs f on the client's loop.
func (c *loopConn) post(f func(*worker, *client)) { c.loop.enqueue(posted{f, c}) }

// events is what the loop wants to hear of the client's socket.
func (c *loopConn) events() (ev uint32) {
	if !c.slowed {
		ev = unix.EPOLLIN
	}
	if c.writing {
		ev |= unix.EPOLLOUT
	}
	return ev
}

// resume has the loop look at the client again before it sleeps.
func (c *loopConn) resume() {
	c.rewatch(c.events())
	c.loop.markDirty(c)
}

func (l *loop) enqueue(p posted) {
	l.mu.Lock()
	l.queue = append(l.queue, p)
	l.mu.Unlock()
	l.wake()
}

// wake has the loop take a turn soon. It may be called by anyone, under any lock.
func (l *loop) wake() {
	if !l.woken.Swap(true) {
		l.driver.Load().wake()
	}
}

func (l *loop) runQueue() {
	if !l.woken.Load() {
		return
	}
	l.woken.Store(false)
	l.mu.Lock()
	queue := l.queue
	l.queue = nil
	l.mu.Unlock()
	for _, p := range queue {
		switch {
		case p.c == nil:
			p.f(l.worker, nil)
		case p.c.halted&lent != 0:
			p.c.posted = append(p.c.posted, p)
		case !p.c.closed:
			p.f(l.worker, &p.c.client)
			if p.c.closing || p.c.shown.closing.Load() {
				l.markDirty(p.c)
			}
		}
	}
}

// accept takes new connections and gives each to the loop with the fewest, and to the
// last of those: who holds up the loop that accepts holds up who wants to come in.
func (l *loop) accept(lis listener) {
	for range l.t.acceptBatch() {
		fd, sa, err := unix.Accept4(lis.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			if err != unix.EAGAIN && err != unix.EINTR && err != unix.ECONNABORTED && err != unix.EBADF {
				l.restAccepting(lis, err)
			}
			return
		}
		l.t.accepts()
		to := l
		for _, x := range l.t.loops {
			if x.count.Load() <= to.count.Load() {
				to = x
			}
		}
		to.count.Add(1)
		to.enqueue(posted{f: func(*worker, *client) { to.admit(fd, sa, lis) }})
	}
}

// admit makes a client of a connection, or tells it why not.
func (l *loop) admit(fd int, sa unix.Sockaddr, lis listener) {
	c := &loopConn{loop: l}
	c.talk(lis.speaks)
	c.fd = fd
	if lis.unix != "" {
		c.addr, c.laddr, c.local = lis.unix+":0", lis.unix+":0", true
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if s := l.srv.cfg.Value("tcp-keepalive").Int(); s > 0 {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(s))
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, int(max(s/3, 1)))
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3)
		}
		c.addr, c.local = sockAddress(sa)
		if own, err := unix.Getsockname(fd); err == nil {
			c.laddr, _ = sockAddress(own)
		}
	}
	c.conn = c
	if refusal := l.srv.admit(&c.client, l.nowMS()); refusal != "" {
		_, _ = rawWrite(fd, []byte(refusal))
		unix.Close(fd)
		l.count.Add(-1)
		return
	}
	l.clients[fd] = c
	c.watched = c.events()
	if err := l.watch(fd, c.watched); err != nil {
		l.close(c)
	}
}

// untime takes a waiter out of the loop's timers: its deadline may be far, and the next
// wait of its client has another.
func (c *loopConn) untime(wt *waiter) {
	if wt.timerAt > 0 {
		heap.Remove(&c.loop.timers, wt.timerAt-1)
	}
}

// A timerHeap orders waiters by deadline. Each knows its place.
type timerHeap []*waiter

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].deadlineMS < h[j].deadlineMS }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].timerAt, h[j].timerAt = i+1, j+1
}

func (h *timerHeap) Push(x any) {
	wt := x.(*waiter)
	*h = append(*h, wt)
	wt.timerAt = len(*h)
}

func (h *timerHeap) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	w.timerAt = 0
	return w
}
