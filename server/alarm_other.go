//go:build !linux

package server

import (
	"time"

	"cached/internal/clock"
)

// An alarm wakes one goroutine, its owner, at a time or when it is called.
type alarm struct {
	beat   *clock.Beat
	calls  chan struct{}
	closed chan struct{}
}

func newAlarm() (*alarm, error) {
	beat := clock.NewBeat(time.Hour)
	beat.Stop()
	return &alarm{beat, make(chan struct{}, 1), make(chan struct{})}, nil
}

// set has the alarm wake its owner at the next multiple of every, and not before unless it
// is called. Only the owner may set it.
func (a *alarm) set(every time.Duration) { a.beat.Next(every) }

// call has the alarm wake its owner now, or at once when it waits the next time. Anyone
// may call it, also when it is closed.
func (a *alarm) call() {
	select {
	case a.calls <- struct{}{}:
	default:
	}
}

// wait waits until the time has come or the alarm is called, and reports whether that is
// so: it is not when the alarm is closed.
func (a *alarm) wait() bool {
	select {
	case <-a.beat.C:
	case <-a.calls:
	case <-a.closed:
		return false
	}
	return true
}

func (a *alarm) close() {
	a.beat.Stop()
	close(a.closed)
}
