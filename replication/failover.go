package replication

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"cached/commands"
)

// A failover has one of the replicas be the primary, and this server its replica, in good order:
// writes wait until the replica has everything.
type failover struct {
	host, port string // of the replica; empty: whichever has everything first
	force      bool   // it is the primary when the time is over, whatever it lacks
	until      time.Time
	quit       chan struct{} // closed by ABORT
	handing    bool          // it is told to be the primary
}

const (
	failoverPause = 10 * time.Second // how long writes wait at a time
	failoverLook  = 2 * time.Millisecond
	failoverHand  = 10 * time.Second // for the replica to take over
)

// failoverCmd is FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT ms].
func (r *Replication) failoverCmd(c *commands.Ctx) error {
	f := &failover{quit: make(chan struct{})}
	abort, timeout := false, int64(0)
	for words := c.Argv[1:]; len(words) > 0; {
		switch option := lower(words[0]); {
		case option == "to" && len(words) >= 3 && f.host == "":
			n, ok := parseInt(words[2])
			if !ok {
				return commands.ErrNotInt
			}
			f.host, f.port = string(words[1]), strconv.FormatInt(n, 10)
			words = words[3:]
		case option == "force" && !f.force:
			f.force = true
			words = words[1:]
		case option == "abort" && len(c.Argv) == 2:
			abort = true
			words = words[1:]
		case option == "timeout" && len(words) >= 2 && timeout == 0:
			n, ok := parseInt(words[1])
			if !ok {
				return commands.ErrNotInt
			}
			if n <= 0 {
				return commands.Error("ERR FAILOVER timeout must be greater than 0")
			}
			timeout = n
			f.until = time.Now().Add(time.Duration(min(n, 1<<40)) * time.Millisecond)
			words = words[2:]
		default:
			return commands.ErrSyntax
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case abort && r.failover == nil:
		return commands.Error("ERR No failover in progress.")
	case abort:
		close(r.failover.quit)
		r.failover.quit = make(chan struct{})
		c.Reply.OK()
		return nil
	case r.failover != nil:
		return commands.Error("ERR FAILOVER already in progress.")
	case r.following.Load():
		return commands.Error("ERR FAILOVER is not valid when server is a replica.")
	case len(r.peers) == 0:
		return commands.Error("ERR FAILOVER requires connected replicas.")
	case f.force && (timeout == 0 || f.host == ""):
		return commands.Error("ERR FAILOVER with force option requires both a timeout and target HOST and IP.")
	}
	if f.host != "" {
		p := r.peerAt(f.host, f.port)
		switch {
		case p == nil:
			return commands.Error("ERR FAILOVER target HOST and PORT is not a replica.")
		case !p.is(online):
			return commands.Error("ERR FAILOVER target replica is not online.")
		}
	}
	r.failover = f
	quit := f.quit
	r.log.Info("FAILOVER requested", "to", net.JoinHostPort(f.host, f.port))
	r.group.Add(1)
	go func() {
		defer r.group.Done()
		err := r.failOver(f, quit)
		r.mu.Lock()
		r.failover = nil
		r.mu.Unlock()
		r.srv.PauseWrites(0)
		if err != nil {
			r.log.Warn("Failover aborted.", "error", err)
		} else {
			r.log.Info("Failover target has become the primary.")
		}
	}()
	c.Reply.OK()
	return nil
}

// peerAt is the replica that can be reached at an address, or nil. mu is held.
func (r *Replication) peerAt(host, port string) *peer {
	for _, p := range r.peers {
		if p.host() == host && strconv.Itoa(p.port) == port {
			return p
		}
	}
	return nil
}

var errAborted = errors.New("as FAILOVER ABORT wants")

// failOver waits until a replica has everything, and hands over.
func (r *Replication) failOver(f *failover, quit chan struct{}) error {
	r.srv.PauseWrites(time.Now().Add(failoverPause).UnixMilli())
	var end int64
	r.alone(func() { end = r.backlog.offset() }) // what was under way has ended
	r.ask()
	for paused := time.Now(); ; time.Sleep(failoverLook) {
		if time.Since(paused) > failoverPause/2 {
			paused = time.Now()
			r.srv.PauseWrites(paused.Add(failoverPause).UnixMilli())
		}
		r.alone(func() { end = max(end, r.backlogOfEffects(end)) })
		r.mu.Lock()
		var found *peer
		for _, p := range r.peers {
			if p.is(online) && (f.host == "" || p == r.peerAt(f.host, f.port)) && p.acked.Load() >= end {
				found = p
			}
		}
		late := !f.until.IsZero() && time.Now().After(f.until)
		if found == nil && late && f.force {
			found = r.peerAt(f.host, f.port)
		}
		r.mu.Unlock()
		select {
		case <-quit:
			return errAborted
		case <-r.quit:
			return errAborted
		default:
		}
		if found != nil {
			return r.handOver(f, found.host(), strconv.Itoa(found.port), quit)
		}
		if late {
			return errors.New("the replica does not have everything in time")
		}
	}
}

// backlogOfEffects is where the stream ends, if anything but pings came since an offset: writes
// that had passed the gates before the pause. The whole keyspace is locked.
func (r *Replication) backlogOfEffects(since int64) int64 {
	if n := r.stream.End(); n != r.effectsEnd {
		r.effectsEnd = n
		return r.backlog.offset()
	}
	return since
}

// handOver has the replica be the primary, and follows it.
func (r *Replication) handOver(f *failover, host, port string, quit chan struct{}) error {
	was := r.cfg.Value("replicaof").String()
	_ = r.cfg.Put("replicaof", host+" "+port)
	r.alone(func() {
		r.mu.Lock()
		f.handing = true
		r.takes = true
		r.mu.Unlock()
		r.follow(host, port)
	})
	late := time.After(failoverHand)
	for {
		if r.up.Load() {
			return nil
		}
		var err error
		select {
		case <-quit:
			err = errAborted
		case <-r.quit:
			return errAborted
		case <-late:
			err = fmt.Errorf("%s:%s does not take over", host, port)
		case <-time.After(failoverLook):
			continue
		}
		_ = r.cfg.Put("replicaof", was)
		r.alone(r.promote)
		return err
	}
}

// takeOver has this replica be the primary, as its primary asks by PSYNC id offset FAILOVER. The
// whole keyspace is locked.
func (r *Replication) takeOver(id string) error {
	if !r.following.Load() {
		return commands.Error("ERR PSYNC FAILOVER can't be sent to a master.")
	}
	r.mu.Lock()
	same := r.history.ID == id
	r.mu.Unlock()
	if !same {
		return commands.Error("ERR PSYNC FAILOVER replid must match my replid.")
	}
	r.log.Info("Failover request received for replid " + id + ".")
	r.promote()
	_ = r.cfg.Put("replicaof", "")
	return nil
}

// failoverState is the state as INFO shows it. mu is held.
func (r *Replication) failoverState() string {
	switch {
	case r.failover == nil:
		return "no-failover"
	case r.failover.handing:
		return "failover-in-progress"
	}
	return "waiting-for-sync"
}
