package server

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"cached/internal/clock"

	"golang.org/x/sys/unix"
)

// An alarm wakes one goroutine, its owner, at a time or when it is called. It is a timer
// of the kernel whose event the runtime's poller waits for, since that wakes one thread.
// A timer of the runtime wakes two while there is a processor of Go's that nobody uses:
// the thread that finds a timer due wakes a second one, which finds nothing more to do.
type alarm struct {
	file   *os.File
	conn   syscall.RawConn
	called atomic.Bool
	spec   unix.ItimerSpec // the owner's
	arm    func(uintptr)
	ring   func(uintptr)
	look   func(uintptr) bool
}

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create timer: %w", err)
	}
	a := &alarm{file: os.NewFile(uintptr(fd), "timer")}
	if err = a.file.SetReadDeadline(time.Time{}); err == nil {
		a.conn, err = a.file.SyscallConn()
	}
	if err != nil {
		a.close()
		return nil, fmt.Errorf("wait for a timer: %w", err)
	}
	now := unix.ItimerSpec{Value: unix.Timespec{Nsec: 1}}
	a.arm = func(fd uintptr) { _ = unix.TimerfdSettime(int(fd), 0, &a.spec, nil) }
	a.ring = func(fd uintptr) { _ = unix.TimerfdSettime(int(fd), 0, &now, nil) }
	a.look = func(fd uintptr) bool {
		// A call from here on is seen by set, should the timer have taken it for this one.
		a.called.Store(false)
		return rawExpired(int(fd))
	}
	return a, nil
}

// set has the alarm wake its owner at the next multiple of every, and not before unless it
// is called. Only the owner may set it.
func (a *alarm) set(every time.Duration) {
	a.spec.Value = unix.NsecToTimespec(int64(clock.Until(every)))
	_ = a.conn.Control(a.arm)
	if a.called.Load() {
		_ = a.conn.Control(a.ring) // which set may have undone
	}
}

// call has the alarm wake its owner now, or at once when it waits the next time. Anyone
// may call it, also when it is closed.
func (a *alarm) call() {
	a.called.Store(true)
	_ = a.conn.Control(a.ring)
}

// wait waits until the time has come or the alarm is called, and reports whether that is
// so: it is not when the alarm is closed.
func (a *alarm) wait() bool { return a.conn.Read(a.look) == nil }

func (a *alarm) close() { a.file.Close() }
