package server

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"cached/internal/host"

	"golang.org/x/sys/unix"
)

// Loops are given to drivers by how much there is to do. A driver that waits and is
// woken for each few requests costs more than one that always finds some: with few
// requests one driver serves all clients, as cheaply as a server of one thread. One
// that has too much to do hands loops to a driver that sleeps, if there is a processor
// free for that: else both would only be interrupted more often, as would the clients
// on the same machine. Who has had too much to do for long takes its share all the same.
// One that is held up by a slow command does so at once.

const (
	balanceEvery = 10 * time.Millisecond
	seldomEvery  = 2 * balanceEvery // while no driver was busy half of its time
	seldomBelow  = 0.5
	rarelyEvery  = 5 * balanceEvery // while none was busy a fifth of it
	rarelyBelow  = 0.2
	splitAbove   = 0.9                    // of its time, in the last period
	crowdedFor   = 5 * time.Second        // with too much to do: then it needs no free processor
	mergeBelow   = 0.55                   // of both drivers' time together, on the mean of some periods
	calmAfter    = 200 * time.Millisecond // since the last split, before drivers are merged again
	calmLooks    = 20                     // at drivers that did nothing, after which nobody looks until one is woken
	movedMost    = 512                    // clients of a loop that is moved in order to merge: about a millisecond's work
)

// A balancer decides which driver serves which loops.
type balancer struct {
	t         *transport
	loads     []driverLoad // by driver
	lastSplit time.Time
	crowd     float64             // threads of the system that run or could run, on the mean
	threads   func() (int, error) // how many these are
	cores     int
}

// A driverLoad is how much of its time a driver has been busy.
type driverLoad struct {
	idle   int64         // of the driver at the last look, in nanoseconds
	rounds int64         // of the driver, at the last look
	now    float64       // share of the last period
	mean   float64       // of some periods
	full   time.Duration // for how long it has had too much to do
	heldUp bool          // it did not come to the end of a turn
}

// balance gives loops to drivers until ctx ends.
func (t *transport) balance(ctx context.Context) {
	if len(t.drivers) < 2 {
		return
	}
	b := balancer{t: t, loads: make([]driverLoad, len(t.drivers)), threads: runnable, cores: host.Processors()}
	b.crowd = float64(b.cores)
	t.balancing.set(balanceEvery)
	rests := false
	for last, calm := time.Now(), 0; t.balancing.wait() && ctx.Err() == nil; {
		now := time.Now()
		if rests {
			if rests = t.atRest.Load(); !rests {
				calm, last = 0, now
				b.begin()
				t.balancing.set(balanceEvery)
			}
			continue
		}
		if calm++; b.look(now.Sub(last)) {
			calm = 0
		}
		last = now
		if calm < calmLooks {
			t.balancing.set(b.period())
		} else {
			rests = true
			if t.atRest.Store(true); b.turned() {
				t.rouse() // a driver has taken a turn since, and rouses nobody
			}
		}
		if b.split() {
			b.lastSplit = now
		} else if now.Sub(b.lastSplit) > calmAfter {
			b.merge()
		}
	}
}

// period is how long it is until the next look. To look costs as much as some requests.
func (b *balancer) period() time.Duration {
	most := 0.0
	for i := range b.loads {
		most = max(most, b.loads[i].now)
	}
	switch {
	case most > seldomBelow:
		return balanceEvery
	case most > rarelyBelow:
		return seldomEvery
	}
	return rarelyEvery
}

// begin begins a period after one in which the drivers were not measured.
func (b *balancer) begin() {
	for i, d := range b.t.drivers {
		b.loads[i].idle, b.loads[i].rounds = d.idle(), d.rounds.Load()
	}
}

// turned reports whether a driver has taken a turn since the last look.
func (b *balancer) turned() bool {
	for i, d := range b.t.drivers {
		if d.rounds.Load() != b.loads[i].rounds || d.waitsSince.Load() == 0 {
			return true
		}
	}
	return false
}

// look measures what the drivers did in a period, and reports whether they did anything.
func (b *balancer) look(period time.Duration) (active bool) {
	full := false
	active = b.turned()
	for i, d := range b.t.drivers {
		x := &b.loads[i]
		idle := d.idle()
		x.now = min(max(1-float64(idle-x.idle)/float64(period), 0), 1)
		x.mean += (x.now - x.mean) / 8
		rounds := d.rounds.Load()
		x.heldUp = rounds == x.rounds && x.now > splitAbove
		x.idle, x.rounds = idle, rounds
		if x.now < splitAbove {
			x.full = 0
		} else {
			x.full += period
			full = true
		}
	}
	if !full {
		return active
	}
	if n, err := b.threads(); err == nil {
		b.crowd += (float64(n) - b.crowd) / 4
	} else {
		b.crowd = 0 // nobody knows
	}
	return active
}

// runnable is how many threads of the system run or could run, but for the caller's.
func runnable() (int, error) {
	var buf [128]byte
	line := loadavg().Read(buf[:]) // 0.20 0.18 0.12 2/1234 5678
	f := bytes.Fields(line)
	if len(f) < 4 {
		return 0, errors.ErrUnsupported
	}
	n, _, _ := bytes.Cut(f[3], []byte("/"))
	running, err := strconv.Atoi(string(n))
	return running - 1, err
}

var loadavg = host.OpenStatus("/proc/loadavg")

// wants reports whether a driver should hand loops to another.
func (b *balancer) wants(x *driverLoad) bool {
	free := b.crowd < float64(b.cores)-0.5
	return x.heldUp || x.now >= splitAbove && free || x.full >= crowdedFor
}

// of returns the loops of a driver.
func (b *balancer) of(i int) []*loop { return b.t.drivenBy(b.t.drivers[i], nil) }

// split hands half of the loops of each driver that has too much to do, or too many
// clients to be moved later, to one that has none, and reports whether it did.
func (b *balancer) split() (did bool) {
	for i := range b.loads {
		loops := b.of(i)
		if len(loops) < 2 || !b.wants(&b.loads[i]) && !tooLarge(loops) {
			continue
		}
		for j := range b.loads {
			if len(b.of(j)) > 0 {
				continue
			}
			moved := 0
			for k := len(loops) - 1; k >= 0 && moved < len(loops)/2; k-- {
				if b.t.move(loops[k], b.t.drivers[j]) {
					moved++
				}
			}
			if moved > 0 {
				did = true
				half := b.loads[i].mean / 2
				b.loads[i].mean, b.loads[j].mean, b.loads[i].full = half, half, 0
			}
			break
		}
	}
	return did
}

// tooLarge reports whether a loop has more clients than should be moved at once.
func tooLarge(loops []*loop) bool {
	return slices.ContainsFunc(loops, func(l *loop) bool { return l.count.Load() > movedMost })
}

// merge hands all loops of one driver to another if these two have little to do.
func (b *balancer) merge() {
	least := [2]int{-1, -1} // the active drivers with the least to do
	for i := range b.loads {
		if len(b.of(i)) == 0 {
			continue
		}
		switch {
		case least[0] < 0 || b.loads[i].mean < b.loads[least[0]].mean:
			least = [2]int{i, least[0]}
		case least[1] < 0 || b.loads[i].mean < b.loads[least[1]].mean:
			least[1] = i
		}
	}
	to, from := min(least[0], least[1]), max(least[0], least[1])
	if to < 0 || b.loads[to].mean+b.loads[from].mean > mergeBelow || b.loads[to].now > mergeBelow {
		return
	}
	loops := b.of(from)
	if tooLarge(loops) || tooLarge(b.of(to)) {
		return
	}
	for _, l := range loops {
		b.t.move(l, b.t.drivers[to])
	}
	b.loads[to].mean += b.loads[from].mean
}

// move gives a loop to another driver, unless the loop is in the middle of a turn.
func (t *transport) move(l *loop, to *driver) bool {
	if !l.turn.TryLock() {
		return false
	}
	defer l.turn.Unlock()
	from := l.driver.Load()
	for fd, c := range l.clients {
		_ = from.control(unix.EPOLL_CTL_DEL, fd, 0, l.index)
		if err := to.control(unix.EPOLL_CTL_ADD, fd, c.watched, l.index); err != nil {
			c.closing = true // it could not be heard any more
			l.markDirty(c)
		}
	}
	for fd := range l.listeners {
		_ = from.control(unix.EPOLL_CTL_DEL, fd, 0, l.index)
		_ = to.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN, l.index)
	}
	l.driver.Store(to)
	// A call of the loop that still went to the other driver is seen now: to looks
	// at its new loop before it waits.
	t.moves.Add(1)
	to.wake()
	return true
}
