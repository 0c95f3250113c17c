package server

import (
	"math"
	"sync"
	"sync/atomic"

	"cached/commands"
	"cached/engine/value"
	"cached/internal/resp"
)

// logWaiters are clients in WAITAOF.
type logWaiters struct {
	some atomic.Bool // there may be some
	mu   sync.Mutex  // guards set
	set  map[*client]*waiter
}

const (
	errNoLog     = commands.Error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
	errNotOneBit = commands.Error("ERR value is out of range, value must between 0 and 1")
)

// waitaof waits until what the client has changed is on the disk, here and at replicas.
func (s *Road) waitaof(c *commands.Ctx) (err error) {
	local, ok := value.ParseInt(c.Argv[1])
	if !ok {
		return commands.ErrNotInt
	}
	if local < 0 || local > 1 {
		return errNotOneBit
	}
	replicas, ok := value.ParseInt(c.Argv[2])
	if !ok || replicas < 0 {
		return commands.Error("ERR value is out of range, must be positive")
	}
	ms, ok := value.ParseInt(c.Argv[3])
	switch {
	case !ok:
		return commands.ErrTimeoutInt
	case ms > math.MaxInt64-c.NowMS:
		return commands.ErrTimeoutRange
	case ms < 0:
		return commands.ErrTimeoutNeg
	}
	cl := clientOf(c)
	have, await := func() int64 { return 0 }, func(n, untilMS int64) {}
	if s.on.ReplicaLogs != nil {
		if have, await, err = s.on.ReplicaLogs(c, cl.waiting == nil); err != nil {
			return err
		}
	}
	if local > 0 && !s.logs() {
		return errNoLog
	}
	reply := func(w *resp.Writer) {
		w.Array(2)
		w.Int(s.synced(cl))
		w.Int(have())
	}
	if have() >= replicas && s.synced(cl) >= local {
		s.forgetLogWaiter(cl)
		reply(c.Reply)
		return nil
	}
	deadline := int64(0)
	if ms > 0 {
		deadline = c.NowMS + ms
	}
	if err := c.Block(nil, deadline, reply); err != nil || cl.waiting == nil {
		return err
	}
	if replicas > 0 {
		await(replicas, deadline)
	}
	if local > 0 {
		s.waitForLog(cl)
	}
	return nil
}

// logs reports whether there is an append-only file.
func (s *Road) logs() bool {
	if s.disk == nil {
		return false
	}
	_, ok := s.disk.Synced()
	return ok
}

// synced is 1 if what a client has changed is on the disk, else 0.
func (s *Road) synced(c *client) int64 {
	if s.disk == nil {
		return 0
	}
	if effects, ok := s.disk.Synced(); !ok || effects < c.changed {
		return 0
	}
	return 1
}

// waitForLog has a client that waits look again whenever something came to the disk.
func (s *Road) waitForLog(c *client) {
	l := &s.logWaiters
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.set == nil {
		l.set = map[*client]*waiter{}
	}
	l.set[c] = c.waiting
	l.some.Store(true)
	if s.synced(c) > 0 { // it came there in between
		s.lookAgain(c, c.waiting)
	}
}

func (s *Road) forgetLogWaiter(c *client) {
	s.logWaiters.mu.Lock()
	defer s.logWaiters.mu.Unlock()
	delete(s.logWaiters.set, c)
}

// lookAgain has a client's WAITAOF run again.
func (s *Road) lookAgain(c *client, wt *waiter) {
	c.conn.post(func(w *worker, c *client) {
		if c.waiting == wt {
			w.serveSoon(wt)
		}
	})
}

// wakeLogWaiters has everybody in WAITAOF look again, and forgets who has gone.
func (s *Road) wakeLogWaiters() {
	l := &s.logWaiters
	if !l.some.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.some.Store(len(l.set) > 0)
	for c, wt := range l.set {
		if wt.state.Load() == done {
			delete(l.set, c)
			continue
		}
		s.lookAgain(c, wt)
	}
}
