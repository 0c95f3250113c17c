package server

// Replies that their client has not taken yet are bounded: by client-output-buffer-limit,
// and each by a share of the machine's memory, since some are larger than all data. What
// would be too much is not written (resp.Writer), and its client is closed.

// outputLimit bounds the unsent replies of a class of clients.
type outputLimit struct {
	hard, soft int64 // bytes; 0: no limit
	softMS     int64 // how long soft may be exceeded
}

type outputLimits struct{ normal, replica, pubsub outputLimit }

// of is the limit of a client's class.
func (l *outputLimits) of(kind string) outputLimit {
	switch kind {
	case "pubsub":
		return l.pubsub
	case "replica":
		return l.replica
	}
	return l.normal
}

const (
	// replyShare is the part of the machine's memory, or of maxmemory, that one reply may take.
	replyShare = 4
	// replyLeast is what it may take on the smallest machine.
	replyLeast = 64 << 20
)

// setMostReply follows maxmemory, on a machine of so many bytes.
func (s *Road) setMostReply(limit, machine int64) {
	most := machine / replyShare
	if limit > 0 {
		most = min(most, limit/replyShare)
	}
	s.mostReply.Store(max(most, replyLeast))
}

// outputLimit is the limit of the client's class. Snapshots for SYNC are sent as the
// client takes them and are no replies.
func (c *client) outputLimit() outputLimit {
	lim := c.srv.outputLimits.Load()
	switch {
	case c.mode&subscribed != 0:
		return lim.pubsub
	case c.shown.replica.Load():
		return outputLimit{}
	}
	return lim.normal
}

// bound has the worker's writer stop where the client's replies are too many. The present
// ones begin at w.base.
func (w *worker) bound(c *client) { w.reply.Bound(w.base + int(w.room(c))) }

// room is how many bytes the client's present replies may have.
func (w *worker) room(c *client) int64 {
	most := w.srv.mostReply.Load()
	if hard := c.outputLimit().hard; hard > 0 {
		most = min(most, max(hard-int64(c.out.size+c.inFlight), 1))
	}
	return most
}

// boundFor is bound for the reply to a client of another goroutine, which is all that is
// in the writer.
func (w *worker) boundFor(c *client) {
	most := w.srv.mostReply.Load()
	if hard := w.srv.outputLimits.Load().of(c.kind()).hard; hard > 0 {
		most = min(most, max(hard-c.shown.outBytes.Load(), 1))
	}
	w.reply.Bound(int(most))
}

// tooMuch closes a client whose replies were too many to be written.
func (w *worker) tooMuch(c *client) {
	w.srv.overOutput.Add(1)
	w.srv.log.Warn("closing client for the size of its replies", "client", c.addr,
		"bytes", len(w.reply.B)-w.base+c.out.size+c.inFlight, "room", w.room(c))
	w.reply.B = w.reply.B[:w.base]
	c.cutOff()
	w.reply.Bound(0)
}

// cutOff has the client closed, with whatever it has not taken. Its owner calls it.
func (c *client) cutOff() {
	c.shown.closing.Store(true)
	c.closing = true
	c.conn.gather()
	c.srv.on.Freed(c.out.drop())
}

// unauthUnsent is how many bytes of replies may wait for a client that has not
// authenticated, whatever the limits say: it gets nothing but errors, and must not take
// memory by not reading them.
const unauthUnsent = 1024

// tooSlow reports whether a client has more unsent replies than its limits
// allow.
func (s *Road) tooSlow(c *client, nowMS int64) bool {
	n := int64(c.out.size + c.inFlight)
	if n == 0 {
		c.overSince, c.addedUp = 0, 0
		return false
	}
	if !c.authed && n > unauthUnsent {
		return true
	}
	if n > c.addedUp+addUpEvery {
		c.addedUp = n
		s.on.Grown()
	}
	lim := c.outputLimit()
	if lim.hard > 0 && n >= lim.hard {
		return true
	}
	if lim.soft == 0 || n < lim.soft {
		c.overSince = 0
		return false
	}
	if c.overSince == 0 {
		c.overSince = nowMS
	}
	return nowMS-c.overSince > lim.softMS
}

// closeSlow ends clients that have exceeded their soft limit for too long, also when
// nothing is written to them any more. Cron calls it.
func (s *Road) closeSlow() {
	lim := s.outputLimits.Load()
	if lim.normal.soft == 0 && lim.pubsub.soft == 0 && lim.normal.hard == 0 && lim.pubsub.hard == 0 {
		return
	}
	for _, c := range s.allClients() {
		l := lim.of(c.kind())
		if n := c.shown.outBytes.Load(); l.soft > 0 && n >= l.soft || l.hard > 0 && n >= l.hard {
			c.conn.post(func(w *worker, c *client) {
				w.tick()
				if !c.closing && s.tooSlow(c, w.nowMS()) {
					s.overOutput.Add(1)
					s.log.Warn("closing client that does not read its replies", "client", c.addr, "bytes", c.out.size+c.inFlight)
					c.cutOff()
					c.conn.resume()
				}
			})
		}
	}
}

// addUpEvery is by how many bytes one client's unsent replies, or its input, may grow
// before the memory of all is added up.
const addUpEvery = 1 << 20
