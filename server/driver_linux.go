package server

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A driver is a goroutine that serves loops: it waits for the events of all their
// sockets at once. There are as many drivers as loops. With little to do one of them
// drives all loops and the others sleep; see balance_linux.go.
type driver struct {
	t            *transport
	epfd, wakeFD int
	park         *parking // where it waits for long

	born int64 // since Server.base

	loops []*loop // those it drives, as of moves
	moves int64

	awake      atomic.Bool  // it looks at its loops once more before it waits
	waited     atomic.Int64 // nanoseconds
	waitsSince atomic.Int64 // since Server.base; 0 when it does not wait
	rounds     atomic.Int64 // turns of all its loops
	quit       atomic.Bool
	yielded    int64 // since Server.base

	mu   sync.Mutex // guards gone
	gone bool       // wakeFD is closed
}

const eventBatch = 256

// ofDriver marks events that are of no loop.
const ofDriver = -1

func newDriver(t *transport) (*driver, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create event queue: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(epfd)
		return nil, fmt.Errorf("create wake-up event: %w", err)
	}
	d := &driver{t: t, epfd: epfd, wakeFD: wake, moves: -1, born: int64(time.Since(t.base))}
	if d.park, err = newParking(epfd); err != nil {
		unix.Close(epfd)
		unix.Close(wake)
		return nil, err
	}
	// Each write is an event, which nobody has to read away.
	return d, d.control(unix.EPOLL_CTL_ADD, wake, unix.EPOLLIN|unix.EPOLLET, ofDriver)
}

// control says which events of a descriptor are waited for, and whose they are.
func (d *driver) control(op, fd int, events uint32, of int32) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(fd), Pad: of}
	return unix.EpollCtl(d.epfd, op, fd, &ev)
}

// wake has the driver look at its loops soon. It may be called by anyone.
func (d *driver) wake() {
	if d.awake.Load() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.gone {
		rawSignal(d.wakeFD)
	}
}

// run serves until the server closes. The clients of its loops are closed later.
func (d *driver) run() {
	var events [eventBatch]unix.EpollEvent
	for ms := 0; !d.quit.Load(); {
		n, err := d.wait(events[:], ms)
		if err != nil && !errors.Is(err, unix.EINTR) {
			d.t.log.Error("event loop stopped", "error", err)
			return
		}
		if !d.serve(events[:max(n, 0)]) {
			return
		}
		var mine bool
		if ms, mine = d.finish(); !mine {
			return
		}
		d.rounds.Add(1)
	}
	d.mu.Lock()
	d.gone = true
	unix.Close(d.wakeFD)
	d.mu.Unlock()
	d.park.close()
	unix.Close(d.epfd)
}

// refresh looks which loops are the driver's, and reports whether that may have
// changed.
func (d *driver) refresh() bool {
	t := d.t
	moves := t.moves.Load()
	if moves == d.moves {
		return false
	}
	d.moves, d.loops = moves, t.drivenBy(d, d.loops[:0])
	return true
}

// take locks the turn of a loop, if the loop is still the driver's. When the turn is
// taken the loop is on its way to another driver or has a turn there, which may last.
func (d *driver) take(l *loop) bool {
	if !l.turn.TryLock() {
		return false
	}
	if l.driver.Load() != d {
		l.turn.Unlock()
		return false
	}
	return true
}

// serve does what the events ask for, loop by loop. It reports false if the driver has another
// goroutine by now.
func (d *driver) serve(events []unix.EpollEvent) (mine bool) {
	for len(events) > 0 {
		of, others := events[0].Pad, events[:0]
		if of == ofDriver {
			events = events[1:]
			continue
		}
		l := d.t.all[of]
		took := d.take(l) // else another driver hears of them
		for _, ev := range events {
			switch {
			case ev.Pad != of:
				others = append(others, ev)
			case took:
				l.serve(ev)
			}
		}
		if took {
			if l.ends() {
				return false
			}
			l.turn.Unlock()
		}
		events = others
	}
	return true
}

// finish ends the turns of all loops, also of those without events, and returns how
// long the driver may wait. Nobody is written to before all have run: who waits for
// the log then waits for one sync of it. What serve reports it reports too.
func (d *driver) finish() (ms int, mine bool) {
	if t := d.t; t.unfreed() {
		t.hurry()
	}
	d.refresh()
	ms = -1
	for _, l := range d.loops {
		if !d.take(l) {
			if l.driver.Load() == d {
				ms = sooner(ms, 1) // it is about to come here, with clients that wait for a time
			}
			continue
		}
		l.finish()
		if l.ends() {
			return ms, false
		}
		ms = sooner(ms, l.waitMS())
		l.turn.Unlock()
	}
	return ms, true
}

// sooner is the shorter of two times to wait, of which negative ones have no end.
func sooner(a, b int) int {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}

// called reports whether there is something to look at before the driver waits.
func (d *driver) called() bool {
	return d.quit.Load() || d.refresh() || slices.ContainsFunc(d.loops, func(l *loop) bool {
		return l.woken.Load() || l.fan.pending.Load() > 0
	})
}

// wait waits for events. A driver with much to do waits for the next of it without
// giving up its processor to the Go scheduler, which would take it away, wake
// another thread to use it and give it back: more work than most requests are.
// The runtime's preemption signals interrupt the wait, so nobody waits for it.
// When nothing comes for a while the driver sleeps as Go likes it.
func (d *driver) wait(events []unix.EpollEvent, ms int) (int, error) {
	if ms == 0 {
		return rawEpollWait(d.epfd, events, 0)
	}
	// Who calls after this writes to wakeFD; who called before is seen now.
	d.awake.Store(false)
	defer d.awake.Store(true)
	if d.called() {
		return rawEpollWait(d.epfd, events, 0)
	}
	start := int64(time.Since(d.t.base))
	d.waitsSince.Store(start)
	defer func() {
		d.waited.Add(int64(time.Since(d.t.base)) - start)
		d.waitsSince.Store(0)
	}()
	for i := range busyWaits {
		now := start
		if i > 0 {
			now = int64(time.Since(d.t.base))
		}
		if now-d.yielded > yieldAfterNS {
			yield()
			d.yielded = now
		}
		n, err := rawEpollWait(d.epfd, events, min(uint(ms), busyWaitMS))
		if n != 0 || uint(ms) <= busyWaitMS {
			return n, err
		}
		if ms > 0 {
			ms -= busyWaitMS
		}
	}
	n, err := d.park.wait(events, ms)
	if n > 0 {
		d.t.rouse()
	}
	return n, err
}

// A driver waits on the processor it holds busyWaits times for busyWaitMS at most, and
// between waits lets the scheduler run it anew, yieldAfterNS after the last time or
// later. Altogether it never runs for ten milliseconds in one go: the runtime's monitor
// would interrupt it then by a signal, and wake another thread to which it moves.
const (
	busyWaits    = 2
	busyWaitMS   = 4
	yieldAfterNS = 3e6
)

// idle is for how long the driver has waited, in nanoseconds.
func (d *driver) idle() int64 {
	since := d.waitsSince.Load()
	waited := d.waited.Load()
	if since == 0 {
		return waited
	}
	return waited + int64(time.Since(d.t.base)) - since
}
