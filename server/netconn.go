package server

import (
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cached/internal/pubsub"
)

// A netConn is a client on package net: on systems without an event loop of our
// own, and wherever a connection is more than a socket, as under TLS. One
// goroutine reads and runs commands, another writes; what others post runs on a
// goroutine that lives as long as there is something posted.
type netConn struct {
	client
	t    *transport
	sock net.Conn

	mu      sync.Mutex // guards the client's own fields and what follows
	resumed bool
	gone    bool          // the reader has ended
	wake    chan struct{} // for the writer: out has something, or closing
	room    sync.Cond     // for the reader: the client goes on

	queueMu sync.Mutex // guards what follows
	queue   []func(*worker, *client)
	ended   bool // nothing is queued any more

	running atomic.Bool // a goroutine runs the queue, or is about to
}

const (
	netReadChunk = 16 << 10
	netInMax     = 1 << 20 // most input of a client that may not go on
)

// A netServer is the listeners and clients of the portable transport.
type netServer struct {
	mu        sync.Mutex // guards what follows
	listeners []net.Listener
	conns     map[*netConn]struct{}
	closed    bool
	workers   sync.Pool

	holders holders
}

// acceptFrom serves the clients of ln, a unix socket's if unix is its path,
// until the server closes. wrap makes of an accepted connection what is read
// from and written to, or is nil.
func (t *transport) acceptFrom(ln net.Listener, unix string, wrap func(net.Conn) net.Conn, speaks *spoken) {
	t.net.mu.Lock()
	t.net.listeners = append(t.net.listeners, ln)
	t.net.mu.Unlock()
	t.group.Add(1)
	go func() {
		defer t.group.Done()
		for {
			sock, err := ln.Accept()
			if err != nil {
				if errors.Is(err, net.ErrClosed) {
					return
				}
				t.cannotAccept(err)
				time.Sleep(acceptRestMS * time.Millisecond)
				continue
			}
			t.accepts()
			t.admitNet(sock, unix, wrap, speaks)
		}
	}()
}

// stopAccepting closes a listener.
func (t *transport) stopAccepting(ln net.Listener) {
	t.net.mu.Lock()
	defer t.net.mu.Unlock()
	t.net.listeners = slices.DeleteFunc(t.net.listeners, func(x net.Listener) bool { return x == ln })
	_ = ln.Close()
}

// admitNet makes a client of a connection, or tells it why not.
func (t *transport) admitNet(sock net.Conn, unix string, wrap func(net.Conn) net.Conn, speaks *spoken) {
	c := &netConn{t: t, sock: sock, wake: make(chan struct{}, 1)}
	c.room.L = &c.mu
	c.talk(speaks)
	c.conn = c
	if tcp, ok := sock.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(keepAlive(t.cfg.Value("tcp-keepalive").Int()))
		c.addr, c.laddr = tcp.RemoteAddr().String(), tcp.LocalAddr().String()
		if a, ok := tcp.RemoteAddr().(*net.TCPAddr); ok {
			c.local = a.IP.IsLoopback()
		}
	} else {
		c.addr, c.laddr, c.local = unix+":0", unix+":0", true
	}
	if wrap != nil {
		c.sock = wrap(sock)
	}
	t.net.mu.Lock()
	defer t.net.mu.Unlock()
	if t.net.closed {
		_ = sock.Close()
		return
	}
	t.group.Add(2)
	if refusal := t.admit(&c.client, t.nowMS()); refusal != "" {
		go func() {
			defer t.group.Add(-2)
			_ = c.sock.SetDeadline(time.Now().Add(time.Second))
			_, _ = c.sock.Write([]byte(refusal))
			_ = c.sock.Close()
		}()
		return
	}
	t.net.conns[c] = struct{}{}
	go c.read()
	go c.write()
}

// keepAlive probes an idle connection after so many seconds; 0 never does.
func keepAlive(seconds int64) net.KeepAliveConfig {
	d := time.Duration(seconds) * time.Second
	return net.KeepAliveConfig{Enable: seconds > 0, Idle: d, Interval: max(d/3, time.Second), Count: 3}
}

// closeNet ends the portable transport's listeners and clients. Its goroutines
// are in Server.group.
func (t *transport) closeNet() {
	t.net.mu.Lock()
	defer t.net.mu.Unlock()
	t.net.closed = true
	for _, ln := range t.net.listeners {
		_ = ln.Close()
	}
	for c := range t.net.conns {
		_ = c.sock.Close()
		c.shown.closing.Store(true)
		c.post(func(*worker, *client) {}) // it may wait for replies
	}
}

// worker lends a worker to the holder of a client's lock.
func (t *transport) worker() *worker {
	w, _ := t.net.workers.Get().(*worker)
	if w == nil {
		w = newWorker(t.Road)
		w.flush = func(c *client) { c.conn.(*netConn).send(w) }
	}
	w.reply.B = w.reply.B[:0]
	return w
}

func (t *transport) giveBack(w *worker) {
	w.publish()
	if cap(w.reply.B) > 4*flushAt {
		t.on.Freed(cap(w.reply.B))
		w.reply.B = nil
	}
	t.net.workers.Put(w)
}

// read is the client's goroutine: it takes what arrives and runs it.
func (c *netConn) read() {
	defer c.t.group.Done()
	if !c.secure() {
		c.end()
		return
	}
	buf := make([]byte, netReadChunk)
	for {
		n, err := c.sock.Read(buf)
		if n > 0 && !c.take(buf[:n]) || err != nil {
			break
		}
	}
	c.awaitReplies()
	c.end()
}

// awaitReplies waits for the replies of a client that says no more, as after QUIT, which are
// made elsewhere.
func (c *netConn) awaitReplies() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.closing && len(c.out.slots) > 0 && !c.shown.closing.Load() {
		c.room.Wait()
	}
}

// take runs what has arrived, and waits while the client may not go on and has
// sent much already. It reports false when nothing more is to be read.
func (c *netConn) take(b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in = append(c.in, b...)
	limit := int(c.srv.queryBufferLimit.Load())
	if !c.authed {
		limit = min(limit, 1<<20)
	}
	c.srv.totals.netIn.Add(int64(len(b)))
	c.srv.totals.reads.Add(1)
	if len(c.in) > limit {
		c.srv.overInput.Add(1)
		c.srv.log.Warn("closing client that reached max query buffer length", "client", c.addr)
		return false
	}
	c.goOnLocked()
	for c.stopped() && !c.closing && !c.shown.closing.Load() && len(c.in) > netInMax {
		c.room.Wait()
	}
	return !c.closing && !c.shown.closing.Load()
}

// goOnLocked runs the commands in the client's input buffer.
func (c *netConn) goOnLocked() {
	w := c.t.worker()
	defer c.t.giveBack(w)
	w.begin(&c.client)
	c.t.rouse() // whose loops may have been at rest for long
	for again := true; again && !c.stopped() && len(c.in) > 0 && len(c.in) >= c.need(c.in); {
		used := w.feed(&c.client, c.in)
		again = used >= turnBytes
		switch {
		case used == len(c.in):
			c.in = c.in[:0]
			if cap(c.in) > 4*netReadChunk {
				w.forgetWords()
				c.srv.on.Freed(cap(c.in))
				c.in = nil
			}
		case again:
			c.in = c.in[used:]
		case used > 0:
			c.in = append([]byte(nil), c.in[used:]...)
		}
	}
	c.srv.noteInput(&c.client, c.in)
	c.send(w)
	switch {
	case c.postponed:
		time.AfterFunc(10*time.Millisecond, func() { c.post(unpause) })
	case c.waiting != nil && c.waiting.deadlineMS > 0 && !c.waiting.timed:
		wt := c.waiting
		wt.timed = true
		c.timeOut(wt, time.Duration(min(wt.deadlineMS-w.nowMS(), 1<<40))*time.Millisecond)
	}
}

// timeOut ends the waiting of the client after a time.
func (c *netConn) timeOut(wt *waiter, after time.Duration) {
	wt.timer = time.AfterFunc(after, func() {
		c.post(func(w *worker, cl *client) {
			if cl.waiting == wt && wt.state.Load() != done && !w.timeIsUp(wt) {
				c.timeOut(wt, time.Millisecond) // it is being served, perhaps in vain
			}
		})
	})
}

// untime stops the timer of a waiter.
func (c *netConn) untime(wt *waiter) { wt.timer.Stop() }

// unpause lets a postponed client go on once CLIENT PAUSE is over.
func unpause(w *worker, c *client) {
	if !c.postponed {
		return
	}
	if w.tick(); w.srv.pause.over(w.nowMS()) {
		c.postpone(false)
		c.conn.resume()
		return
	}
	time.AfterFunc(10*time.Millisecond, func() { c.conn.post(unpause) })
}

// send hands the worker's replies to the writer.
func (c *netConn) send(w *worker) {
	if c.out.keep(w.reply.B[w.base:], true) {
		w.reply.B, w.base = nil, 0
	} else {
		w.reply.B = w.reply.B[:w.base]
	}
	setIfChanged(&c.shown.outBytes, int64(c.out.size+c.inFlight))
	if c.srv.tooSlow(&c.client, w.nowMS()) {
		c.srv.overOutput.Add(1)
		c.srv.log.Warn("closing client that does not read its replies", "client", c.addr, "bytes", c.out.size)
		c.closing = true
		c.srv.on.Freed(c.out.drop())
		_ = c.sock.Close()
	}
	if c.out.ready() || c.closing {
		c.wakeWriter()
	}
}

func (c *netConn) wakeWriter() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write is the goroutine that sends replies; it ends the connection after the
// last reply of a client that is closing, or with the reader.
func (c *netConn) write() {
	defer c.t.group.Done()
	defer c.leave()
	for range c.wake {
		c.mu.Lock()
		out := c.out.take()
		c.inFlight = out.size
		last := c.closing && !c.out.waits() || c.shown.closing.Load()
		gone, logged := c.gone, c.logged
		c.mu.Unlock()
		if !c.t.awaitLog(logged) {
			return
		}
		chunks, freed := net.Buffers(out.chunks), out.memory()
		n, err := chunks.WriteTo(c.sock)
		c.srv.on.Freed(freed)
		c.mu.Lock()
		c.inFlight = 0
		c.srv.totals.netOut.Add(n)
		c.srv.totals.writes.Add(1)
		setIfChanged(&c.shown.outBytes, int64(c.out.size))
		more := c.out.ready()
		c.mu.Unlock()
		if err != nil || (gone || last) && !more {
			return
		}
		if more {
			c.wakeWriter()
		}
	}
}

// leave closes the connection, or gives it to the client's heir.
func (c *netConn) leave() {
	c.mu.Lock()
	heir := c.heir
	c.mu.Unlock()
	if heir == nil {
		_ = c.sock.Close()
		return
	}
	c.t.net.mu.Lock()
	delete(c.t.net.conns, c)
	c.t.net.mu.Unlock()
	c.srv.handOver(&c.client, c.sock)
}

// end is the end of a connection, and of what its client had begun.
func (c *netConn) end() {
	c.mu.Lock()
	for !c.giveUp(nil) {
		// A worker completes the client's command at this moment and posts the
		// reply.
		c.mu.Unlock()
		time.Sleep(time.Millisecond)
		c.mu.Lock()
	}
	c.queueMu.Lock()
	c.ended, c.queue = true, nil
	c.queueMu.Unlock()
	c.closed, c.gone = true, true
	c.srv.on.Freed(cap(c.in))
	c.in = nil
	if !c.closing {
		c.srv.on.Freed(c.out.drop()) // nobody is there to read it
	}
	if c.shown.closing.Load() {
		_ = c.sock.Close() // also ends a write that waits for the client to read
	}
	c.mu.Unlock()
	c.wakeWriter()
	t := c.t
	t.forget(&c.client)
	t.net.mu.Lock()
	delete(t.net.conns, c)
	t.net.mu.Unlock()
}

// post runs f under the client's lock, in order, on a goroutine of its own: the
// caller may hold locks that f needs.
func (c *netConn) post(f func(*worker, *client)) {
	c.queueMu.Lock()
	defer c.queueMu.Unlock()
	if c.ended {
		return
	}
	c.queue = append(c.queue, f)
	if !c.running.Swap(true) {
		c.t.group.Add(1)
		go c.runQueue()
	}
}

func (c *netConn) runQueue() {
	defer c.t.group.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running.Store(false)
	if c.closed {
		return // its reader ends what the client had begun, without the lock
	}
	c.queueMu.Lock()
	queue := c.queue
	c.queue = nil
	c.queueMu.Unlock()
	for _, f := range queue {
		w := c.t.worker()
		w.begin(&c.client)
		f(w, &c.client)
		c.send(w)
		c.t.giveBack(w)
	}
	if c.resumed {
		c.resumed = false
		c.goOnLocked()
		c.room.Signal()
	}
	if c.closing || c.shown.closing.Load() {
		c.wakeWriter()
		c.room.Signal()
		if c.shown.closing.Load() || c.closing && c.heir == nil && !c.out.waits() && c.inFlight == 0 {
			_ = c.sock.Close() // also ends a read that waits
		}
	}
}

func (c *netConn) outlet() outlet { return c }

// deliver has the client's own goroutine write a message.
func (c *netConn) deliver(_ *worker, m *message, to []*pubsub.Subscription) {
	for _, sub := range to {
		c.post(func(_ *worker, cl *client) {
			if !sub.Ended && m.skip != cl {
				cl.add(m.as(cl.proto, nil))
			}
		})
	}
}

// gather has nothing to do: replies go to client.out at once.
func (c *netConn) gather() {}

// resume makes whoever holds the client's lock look at its input again.
func (c *netConn) resume() { c.resumed = true }
