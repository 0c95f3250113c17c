package server

// hold keeps a client's replies, and the client's further commands, until the log
// has come as far as they need it. It reports what output.keep does.
func (l *loop) hold(c *loopConn, replies []byte, own bool) (adopted bool) {
	adopted = c.out.keep(replies, own)
	setIfChanged(&c.shown.outBytes, int64(c.out.size))
	if !c.held {
		c.held = true
		l.held = append(l.held, c)
		// release looks at the log after this, so that no call of it is missed.
		l.holds.Store(true)
	}
	if c.writing {
		c.writing = false
		c.rewatch(c.events())
	}
	l.afterWrite(c)
	return adopted
}

// release writes the replies for which the log has come far enough. Those that it
// cannot come to are dropped with their clients, who do not know then what has become
// of their command.
func (l *loop) release() {
	if len(l.held) == 0 {
		return
	}
	l.srv.disk.Flush() // nobody else may be at it
	settled, broken := l.srv.disk.Settled(), l.srv.disk.Broken()
	waiting := l.held
	l.held = l.heldSpare[:0]
	for _, c := range waiting {
		switch {
		case c.closed:
		case c.logged <= settled:
			c.held, c.logged = false, 0
			l.base = len(l.reply.B)
			l.write(c)
			l.goOnLater(c)
		case broken:
			c.logged = 0
			l.close(c)
		default:
			l.held = append(l.held, c)
		}
	}
	clear(waiting)
	l.heldSpare = waiting[:0]
	l.holds.Store(len(l.held) > 0)
}

// goOnLater has the loop run what the client has sent meanwhile.
func (l *loop) goOnLater(c *loopConn) {
	if c.closed || c.held {
		return
	}
	if len(c.in) >= stoppedIn {
		c.rewatch(c.events())
	}
	if len(c.in) > 0 {
		l.markDirty(c)
	}
}

// wakeHolders has the loops look whose replies can leave.
func (t *transport) wakeHolders() {
	for _, l := range t.all {
		if l.holds.Load() {
			l.wake()
		}
	}
}
