package server

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A parking is where a goroutine waits long for the events of an epoll. In a system
// call it would keep a processor of Go's, until the runtime's monitor has looked for ten
// milliseconds whether it returns, some fifty times; here it waits in the runtime's
// poller, as for a socket of package net. The runtime watches the epoll only for as long
// as the goroutine waits: else each event would wake a thread of the runtime too.
type parking struct {
	epfd   int
	gate   int // an epoll for the epoll, which the runtime watches
	file   *os.File
	conn   syscall.RawConn
	timed  bool // there is a deadline
	events []unix.EpollEvent
	n      int
	err    error
	look   func(uintptr) bool
}

func newParking(epfd int) (*parking, error) {
	gate, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create event queue: %w", err)
	}
	if err := unix.SetNonblock(gate, true); err != nil {
		unix.Close(gate)
		return nil, fmt.Errorf("create event queue: %w", err)
	}
	p := &parking{epfd: epfd, gate: gate, file: os.NewFile(uintptr(gate), "event queue")}
	if err = p.file.SetReadDeadline(time.Time{}); err == nil {
		p.conn, err = p.file.SyscallConn()
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("wait for an event queue: %w", err)
	}
	p.look = func(uintptr) bool {
		p.n, p.err = rawEpollWait(p.epfd, p.events, 0)
		return p.n != 0
	}
	return p, nil
}

// wait waits for events; a negative ms is for ever.
func (p *parking) wait(events []unix.EpollEvent, ms int) (n int, err error) {
	if ms >= 0 || p.timed {
		var end time.Time
		if p.timed = ms >= 0; p.timed {
			end = time.Now().Add(time.Duration(ms) * time.Millisecond)
		}
		if err := p.file.SetReadDeadline(end); err != nil {
			return -1, err
		}
	}
	if err := rawEpollCtl(p.gate, unix.EPOLL_CTL_ADD, p.epfd, unix.EPOLLIN); err != nil {
		return -1, err
	}
	p.events, p.n, p.err = events, 0, nil
	if err := p.conn.Read(p.look); err != nil && !os.IsTimeout(err) {
		p.n, p.err = -1, err
	}
	p.events = nil
	_ = rawEpollCtl(p.gate, unix.EPOLL_CTL_DEL, p.epfd, 0)
	return p.n, p.err
}

func (p *parking) close() { p.file.Close() }
