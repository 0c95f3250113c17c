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
	*worker    // another one while a slow script of this loop runs: see loop_busy_linux.go
	spare      *worker
	index      int32 // among the loops
	driver     atomic.Pointer[driver]
	turn       sync.Mutex
	clients    map[int]*loopConn // by file descriptor
	listeners  map[int]listener  // on the first loop
	in         []byte            // where reads go
	kept       []byte            // for the next client whose input does not fit there
	unneeded   [][]byte          // mappings that were let go while a batch ran
	outbox     []outgoing        // replies in worker.reply that wait for the end of the batch
	dirty      []*loopConn       // have input or output to look at before the next wait
	timers     timerHeap         // of waiting clients
	fan        fanout            // messages for the loop's clients
	paused     []*loopConn       // whose next command waits for the end of CLIENT PAUSE
	held       []*loopConn       // whose replies wait for the log
	heldSpare  []*loopConn       // room for the next held
	again      []*loopConn       // that have more
	publishers []*loopConn       // that are faster than what they publish can be told
	count      atomic.Int32      // clients
	holds      atomic.Bool       // there are some in held

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
	mapped  []byte // memory from the system that the input is in, or nil
	gone    int    // bytes in front of out that were sent
	watched uint32 // the events that the loop wants to hear of
	dirty   bool   // is in loop.dirty
	writing bool   // the loop waits for the socket to take more
	more    bool   // in has complete commands, which run in the next turn
	slowed  bool   // is in loop.publishers
}

// An outgoing is the replies to one client in worker.reply.
type outgoing struct {
	c        *loopConn
	from, to int
}

// A listener is a listening socket and what its clients' addresses look like.
type listener struct {
	fd   int
	unix string // path of a unix socket, or empty
}

func newLoop(s *Server, index int, d *driver) *loop {
	l := &loop{index: int32(index), clients: map[int]*loopConn{}, listeners: map[int]listener{}, in: make([]byte, readChunk)}
	l.worker = l.newWorker(s)
	l.driver.Store(d)
	return l
}

// newWorker makes a worker that writes to the loop's clients.
func (l *loop) newWorker(s *Server) *worker {
	w := newWorker(s)
	w.flush = func(c *client) { l.write(c.conn.(*loopConn)) }
	w.others = l.serveOthers
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
	if len(l.publishers) > 0 && (wait < 0 || wait > 1) {
		wait = 1
	}
	return int(wait)
}

// read takes what one client has sent and runs it.
func (l *loop) read(c *loopConn) {
	// Who was killed by another loop gets no more answers, even before the word
	// of it has come through this loop's queue.
	if c.closed || c.closing || c.mode&inScript != 0 || c.shown.closing.Load() {
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
	if n == l.base || c.stopped() || len(c.out) > 0 {
		l.write(c)
		return
	}
	l.outbox = append(l.outbox, outgoing{c, l.base, n})
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
	all := l.reply.B
	l.writeOutbox(all)
	l.reply.B, l.base = all[:0], 0
	if cap(all) > 4*flushAt {
		l.reply.B = nil // a giant reply leaves no giant buffer behind
		l.srv.limit.letGo(cap(all))
	}
}

// writeOutbox writes the gathered replies, which are in all.
func (l *loop) writeOutbox(all []byte) {
	for _, o := range l.outbox {
		later := o.c.out // what others sent the client meanwhile
		if len(later) > 0 {
			o.c.out, o.c.gone = append(append(make([]byte, 0, o.to-o.from+len(later)), all[o.from:o.to]...), later...), 0
			l.reply.B, l.base = all[:o.to], o.to
		} else {
			l.reply.B, l.base = all[:o.to], o.from
		}
		l.write(o.c)
	}
	clear(l.outbox)
	l.outbox = l.outbox[:0]
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
	room := max(readChunk, min(c.parser.Need(c.in)-len(c.in), 4<<20))
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
	if !c.stopped() && len(c.in) > 0 && len(c.in) >= c.parser.Need(c.in) && !l.slow(c) {
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

// write sends the worker's replies to the client, behind what is still unsent,
// and keeps what the socket does not take.
func (l *loop) write(c *loopConn) {
	b := l.reply.B[l.base:]
	l.reply.B = l.reply.B[:l.base]
	if c.closed {
		return
	}
	if c.logged != 0 {
		if !l.srv.settled(c.logged) {
			l.hold(c, b)
			return
		}
		c.logged = 0
	}
	if len(c.out) > 0 {
		c.out = append(c.out, b...)
		b = c.out
	}
	sent := 0
	full := c.writing && !c.dirty // the socket has not said that it takes more
	for sent < len(b) && !full {
		n, err := rawWrite(c.fd, b[sent:])
		if n > 0 {
			sent += n
			continue
		}
		if err == syscall.EINTR {
			continue
		}
		if err != syscall.EAGAIN {
			l.close(c)
			return
		}
		break
	}
	if sent > 0 {
		l.netOut += int64(sent)
		l.writes++
	}
	rest := b[sent:]
	switch {
	case len(rest) == 0:
		l.srv.limit.letGo(c.gone + cap(c.out))
		c.out, c.gone = nil, 0
	case len(c.out) > 0:
		c.sent(sent)
	case len(rest) > flushAt:
		l.leave(c, rest)
	default:
		c.out = append(c.out, rest...)
	}
	setIfChanged(&c.shown.outBytes, int64(len(c.out)))
	if l.base == 0 && cap(l.reply.B) > 4*flushAt {
		l.srv.limit.letGo(cap(l.reply.B))
		l.reply.B = nil
	}
	if want := len(c.out) > 0; want != c.writing {
		c.writing = want
		c.rewatch(c.events())
	}
	switch {
	case c.closing && len(c.out) == 0:
		l.close(c)
	case l.srv.tooSlow(&c.client, l.nowMS()):
		l.srv.overOutput.Add(1)
		l.srv.log.Warn("closing client that does not read its replies", "client", c.addr, "bytes", len(c.out))
		l.close(c)
	default:
		l.afterWrite(c)
	}
}

// leave has what is unsent of a large reply stay where it is, and be the client's. It was
// written in the middle of a batch, so there is nothing behind it; the replies in front of
// it, which wait for the end of the turn, move. (In the outbox nothing is so large.)
func (l *loop) leave(c *loopConn, rest []byte) {
	c.out = rest
	l.reply.B = append([]byte(nil), l.reply.B...)
}

// sent drops the first n bytes of what was unsent. They are in memory until there are as
// many as are left.
func (c *loopConn) sent(n int) {
	c.out = c.out[n:]
	if c.gone += n; c.gone >= len(c.out) {
		c.srv.limit.letGo(c.gone + cap(c.out))
		c.out, c.gone = append([]byte(nil), c.out...), 0
	}
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
	if c.mode&inScript != 0 {
		c.closing = true // when its script has ended
		return
	}
	if !c.giveUp(nil) {
		// A worker completes the client's command right now; the connection
		// ends when that is posted.
		c.closing = true
		return
	}
	c.closed = true
	delete(l.clients, c.fd)
	unix.Close(c.fd)
	l.count.Add(-1)
	l.srv.forget(&c.client)
	l.dropInput(c)
	l.srv.limit.letGo(cap(c.out))
	c.out = nil
}

func (l *loop) markDirty(c *loopConn) {
	if !c.dirty {
		c.dirty = true
		l.dirty = append(l.dirty, c)
	}
}

// runDirty goes on with clients that were unblocked, or can be written to.
func (l *loop) runDirty() {
	for i := 0; i < len(l.dirty); i++ {
		c := l.dirty[i]
		if !c.closed {
			if c.shown.closing.Load() {
				c.closing = true
			}
			l.goOn(c)
		}
		c.dirty = false
	}
	clear(l.dirty)
	l.dirty = l.dirty[:0]
	for _, c := range l.again {
		l.markDirty(c)
	}
	clear(l.again)
	l.again = l.again[:0]
}

// runTimers ends the waiting of clients whose time is over, and the pause.
func (l *loop) runTimers() {
	if len(l.timers) == 0 && len(l.paused) == 0 {
		return
	}
	l.tick()
	now := l.nowMS()
	for len(l.timers) > 0 && l.timers[0].deadlineMS <= now {
		wt := heap.Pop(&l.timers).(*waiter)
		if wt.c.waiting != wt || wt.state.Load() == done {
			continue
		}
		if !wt.c.giveUp(wt.timeout) {
			continue // it is being served
		}
	}
	if len(l.paused) > 0 && l.srv.pause.over(now) {
		for _, c := range l.paused {
			c.postponed = false
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
	for range l.srv.acceptBatch() {
		fd, sa, err := unix.Accept4(lis.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			if err == unix.EMFILE || err == unix.ENFILE {
				l.srv.log.Warn("out of file descriptors for new clients", "error", err)
			}
			return
		}
		to := l
		for _, x := range l.srv.transport.loops {
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

// A timerHeap orders waiters by deadline.
type timerHeap []*waiter

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].deadlineMS < h[j].deadlineMS }
func (h timerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)        { *h = append(*h, x.(*waiter)) }
func (h *timerHeap) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return w
}
