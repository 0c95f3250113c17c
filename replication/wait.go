package replication

import (
	"math"
	"slices"
	"time"

	"cached/commands"
	"cached/internal/effects"
	"cached/internal/resp"
)

// A waiter is a client in WAIT or WAITAOF.
type waiter struct {
	offset  int64
	count   int
	fsync   bool // the log of the replicas counts
	wake    func()
	untilMS int64 // Unix; 0: for ever
}

const errWaitReplica = commands.Error("ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.")

const errWaitaofReplica = commands.Error("ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.")

// getack asks all replicas how far they have come.
var getack = effects.AppendCommand(nil, []byte("REPLCONF"), []byte("GETACK"), []byte("*"))

// wait is WAIT numreplicas timeout. It waits for all that has been written so far, by
// whatever client.
func (r *Replication) wait(c *commands.Ctx) error {
	if r.following.Load() {
		return errWaitReplica
	}
	n, ok := parseInt(c.Argv[1])
	if !ok {
		return commands.ErrNotInt
	}
	ms, ok := parseInt(c.Argv[2])
	switch {
	case !ok:
		return commands.ErrTimeoutInt
	case ms < 0:
		return commands.ErrTimeoutNeg
	case ms > math.MaxInt64-c.NowMS:
		return commands.ErrTimeoutRange
	}
	w := r.wishOf(c)
	again := r.srv.Waker(c) != nil
	if !again {
		w.waited = r.backlog.offset()
	}
	offset := w.waited
	if have := r.acked(offset, false); int64(have) >= n {
		c.Reply.Int(int64(have))
		return nil
	}
	x := &waiter{offset: offset, count: int(min(n, math.MaxInt32))}
	if ms > 0 {
		x.untilMS = c.NowMS + ms
	}
	if err := c.Block(nil, x.untilMS, func(out *resp.Writer) { out.Int(int64(r.acked(offset, false))) }); err != nil {
		return err
	}
	r.await(c, x, again)
	return nil
}

// waitaof is the part of WAITAOF that is about replicas.
func (r *Replication) waitaof(c *commands.Ctx, first bool) (have func() int64, await func(n, untilMS int64), err error) {
	if r.following.Load() {
		return nil, nil, errWaitaofReplica
	}
	w := r.wishOf(c)
	if first {
		w.waited = r.backlog.offset()
	}
	offset := w.waited
	return func() int64 { return int64(r.acked(offset, true)) }, func(n, untilMS int64) {
		r.await(c, &waiter{offset: offset, count: int(min(n, math.MaxInt32)), fsync: true, untilMS: untilMS}, !first)
	}, nil
}

// await has the command that was parked run again when enough replicas have come as far.
func (r *Replication) await(c *commands.Ctx, x *waiter, again bool) {
	if x.wake = r.srv.Waker(c); x.wake == nil {
		return // it may not wait, and was answered
	}
	r.mu.Lock()
	r.waiters = append(r.waiters, x)
	some := len(r.peers) > 0
	r.mu.Unlock()
	if x.fsync || !some {
		r.lookSoon()
	}
	if some && !again {
		r.ask()
	}
	if r.acked(x.offset, x.fsync) >= x.count { // it came in between
		x.wake()
	}
}

// acked is how many replicas have applied everything before an offset, or have it in their log
// on the disk.
func (r *Replication) acked(offset int64, fsync bool) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ackedLocked(offset, fsync)
}

func (r *Replication) ackedLocked(offset int64, fsync bool) (n int) {
	for _, p := range r.peers {
		at := p.acked.Load()
		if fsync {
			at = p.fsynced.Load()
		}
		if p.is(online) && at >= offset {
			n++
		}
	}
	return n
}

// acknowledged has those look who wait for what a replica has said now.
func (r *Replication) acknowledged() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiters = slices.DeleteFunc(r.waiters, func(x *waiter) bool {
		if r.ackedLocked(x.offset, x.fsync) < x.count {
			return false
		}
		x.wake()
		return true
	})
}

// lookAfterWaiters forgets those whose time is over, and asks replicas again for the others.
func (r *Replication) lookAfterWaiters(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiters = slices.DeleteFunc(r.waiters, func(x *waiter) bool { return x.untilMS > 0 && now.UnixMilli() > x.untilMS })
	for _, x := range r.waiters {
		if x.fsync { // a replica does not say by itself when its log is on the disk
			r.backlog.write(getack)
			return
		}
	}
}

// ask has all replicas say at once how far they have come.
func (r *Replication) ask() {
	r.backlog.write(getack)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.peers {
		select {
		case p.hurry <- struct{}{}:
		default:
		}
	}
}

// enoughReplicas reports whether min-replicas-to-write lets writes happen.
func (r *Replication) enoughReplicas() bool {
	least := r.cfg.Value("min-replicas-to-write").Int()
	if least == 0 {
		return true
	}
	return r.good() >= least
}

// good is how many replicas were heard of lately.
func (r *Replication) good() (n int64) {
	lag := r.seconds("min-replicas-max-lag")
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.peers {
		if p.is(online) && (lag == 0 || time.Since(time.Unix(0, p.heardNS.Load())) <= lag+time.Second-1) {
			n++
		}
	}
	return n
}

// A synced is a moment: what the stream of effects had, and which offset that was.
type synced struct{ end, offset int64 }

// fsynced is the offset up to which everything is in the log on the disk, as far as is known.
func (r *Replication) fsynced() int64 {
	at, ok := r.disk.Synced()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !ok {
		r.moments = nil
		return r.synced
	}
	offset := r.backlog.offset() // before the end: it is not more than that has
	r.moments = append(r.moments, synced{r.stream.End(), offset})
	for len(r.moments) > 0 && r.moments[0].end <= at {
		r.synced = r.moments[0].offset
		r.moments = r.moments[1:]
	}
	return r.synced
}
