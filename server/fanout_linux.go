package server

import "cached/internal/pubsub"

func (c *loopConn) outlet() outlet { return c.loop }

// deliver queues a message for clients of the loop.
func (l *loop) deliver(w *worker, m *message, to []*pubsub.Subscription) {
	d := delivery{m, to}
	if !w.feeding {
		l.deliverAll(w, []delivery{d})
		return
	}
	for i := range w.staged {
		if x := &w.staged[i]; x.to == l {
			x.list = append(x.list, d)
			return
		}
	}
	w.staged = append(w.staged, staged{l, []delivery{d}})
}

// deliverAll queues messages for clients of the loop. The loop that publishes needs
// no waking.
func (l *loop) deliverAll(w *worker, list []delivery) {
	if l.fan.add(list...) && w != l.current.Load() {
		l.wake()
	}
}

// fanOut gives the loop's clients some of the messages that wait for them.
func (l *loop) fanOut() {
	if l.fan.pending.Load() == 0 {
		return
	}
	l.fan.run(func(c *client, b []byte) {
		// Written straight from the shared bytes, unless the client is behind.
		to := c.conn.(*loopConn)
		to.gather()
		l.transmit(to, b, false)
	})
}

// slow puts off what a client that publishes says next while some loop is behind
// with telling its clients what was published: who publishes faster than that is
// slowed down, and what waits stays bounded. It reports whether it does.
func (l *loop) slow(c *loopConn) bool {
	if !c.publishes || !l.t.behind() {
		return false
	}
	if !c.slowed {
		c.slowed = true
		l.publishers = append(l.publishers, c)
		c.rewatch(c.events())
	}
	return true
}

// behind reports whether a loop has many messages to tell.
func (t *transport) behind() bool {
	for _, l := range t.loops {
		if l.fan.behind() {
			return true
		}
	}
	return false
}

// releasePublishers lets those who publish go on, if no loop is behind any more.
func (l *loop) releasePublishers() {
	if len(l.publishers) == 0 || l.t.behind() {
		return
	}
	for _, c := range l.publishers {
		c.slowed = false
		if !c.closed {
			c.rewatch(c.events())
			l.markDirty(c)
		}
	}
	clear(l.publishers)
	l.publishers = l.publishers[:0]
}
