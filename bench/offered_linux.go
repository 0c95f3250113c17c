package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// An offerConn is a connection of an offer and its unsent bytes.
type offerConn struct {
	index  int32
	fd     int
	unsent []byte
	due    []sent // oldest first
	part   []byte // of a reply
}

// A sent is requests that were due at the same time, and how many replies to them
// are still to come.
type sent struct {
	at      time.Duration
	replies int
}

// measure offers the load for some time. One thread sends and receives; it holds a
// processor, so that it wakes up at the time for a request and not later.
func (o offer) measure(s *server, length time.Duration) (offered, error) {
	conns, epfd, err := s.dialOffer(o.conns)
	defer func() {
		unix.Close(epfd)
		for _, c := range conns {
			unix.Close(c.fd)
		}
	}()
	if err != nil {
		return offered{}, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0)
	defer debug.SetGCPercent(debug.SetGCPercent(-1))

	random := rand.New(rand.NewPCG(1, 2))
	gap := float64(o.depth) / float64(o.rate) * float64(time.Second)
	took := make([]time.Duration, 0, int(float64(o.rate)*length.Seconds()*1.1)+o.depth)
	in, value := make([]byte, 64<<10), make([]byte, offerValue)
	payload(value, 1)
	var out, key []byte
	var events [256]unix.EpollEvent
	waiting, next, due := 0, 0, time.Duration(0)
	before, start := s.cpu(), time.Now()
	for {
		now := time.Since(start)
		for ; due <= now && due < length; due += time.Duration(random.ExpFloat64() * gap) {
			c := conns[next%len(conns)]
			next++
			out = out[:0]
			for range o.depth {
				key = fmt.Appendf(key[:0], "key:%012d", random.IntN(offerKeys))
				if random.IntN(10) == 0 {
					out = appendCall(out, []byte("SET"), key, value)
				} else {
					out = appendCall(out, []byte("GET"), key)
				}
			}
			c.due = append(c.due, sent{due, o.depth})
			waiting++
			if err := c.send(epfd, out); err != nil {
				return offered{}, err
			}
		}
		if due >= length && waiting == 0 {
			break
		}
		wait := due - time.Since(start)
		if due >= length {
			wait = length + 10*time.Second - time.Since(start)
			if wait < 0 {
				return offered{}, fmt.Errorf("%d batches were not answered", waiting)
			}
		}
		for _, ev := range events[:epollWait(epfd, events[:], wait)] {
			c := conns[ev.Fd]
			if ev.Events&unix.EPOLLOUT != 0 {
				if err := c.send(epfd, nil); err != nil {
					return offered{}, err
				}
			}
			n, err := unix.Read(c.fd, in)
			if err == unix.EAGAIN {
				continue
			} else if err != nil || n == 0 {
				return offered{}, fmt.Errorf("the connection ended: %v", err)
			}
			now := time.Since(start)
			replies, err := c.count(in[:n])
			if err != nil {
				return offered{}, err
			}
			for ; replies > 0; replies-- {
				took = append(took, now-c.due[0].at)
				if c.due[0].replies--; c.due[0].replies == 0 {
					c.due = c.due[1:]
					waiting--
				}
			}
		}
	}
	used := s.cpu() - before
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[int(share*float64(len(took)-1))]) / float64(time.Millisecond)
	}
	return offered{float64(used) / float64(time.Microsecond) / float64(len(took)), at(0.5), at(0.99), at(0.999)}, nil
}

// send sends the unsent bytes and b, as far as the socket takes them.
func (c *offerConn) send(epfd int, b []byte) error {
	full := len(c.unsent) > 0
	if full {
		c.unsent = append(c.unsent, b...)
		b = c.unsent
	}
	n, err := unix.Write(c.fd, b)
	if err != nil && err != unix.EAGAIN {
		return err
	}
	c.unsent = append(c.unsent[:0], b[max(n, 0):]...)
	if left := len(c.unsent) > 0; left != full {
		return c.watch(epfd, unix.EPOLL_CTL_MOD, left)
	}
	return nil
}

func (c *offerConn) watch(epfd, op int, writes bool) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: c.index}
	if writes {
		ev.Events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(epfd, op, c.fd, &ev)
}

// count returns the number of replies that end in the received bytes.
func (c *offerConn) count(in []byte) (replies int, err error) {
	if len(c.part) > 0 {
		in = append(c.part, in...)
	}
	for len(in) > 0 {
		size := len("+OK\r\n")
		switch in[0] {
		case '$':
			size = len("$64\r\n") + offerValue + 2
		case '+':
		default:
			return 0, fmt.Errorf("unexpected reply %.100q", in)
		}
		if len(in) < size {
			break
		}
		in = in[size:]
		replies++
	}
	c.part = append([]byte(nil), in...)
	return replies, nil
}

// epollWait waits until a time and returns how many events there are.
func epollWait(epfd int, events []unix.EpollEvent, wait time.Duration) int {
	ts := unix.NsecToTimespec(int64(max(wait, 0)))
	_, _ = unix.Ppoll([]unix.PollFd{{Fd: int32(epfd), Events: unix.POLLIN}}, &ts, nil)
	n, _ := unix.EpollWait(epfd, events, 0)
	return max(n, 0)
}

// dialOffer opens connections and registers all of them with epfd.
func (s *server) dialOffer(n int) (conns []*offerConn, epfd int, err error) {
	if epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, -1, err
	}
	for i := range n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return conns, epfd, err
		}
		c := &offerConn{index: int32(i), fd: fd}
		conns = append(conns, c)
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: s.port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			return conns, epfd, err
		}
		if err := unix.SetNonblock(fd, true); err != nil {
			return conns, epfd, err
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if err := c.watch(epfd, unix.EPOLL_CTL_ADD, false); err != nil {
			return conns, epfd, err
		}
	}
	return conns, epfd, nil
}

// idleWith is the share of a processor that a server takes with that many idle clients.
func (s *server) idleWith(conns int, length time.Duration) (float64, error) {
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for range conns {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			return 0, err
		}
		open = append(open, c)
	}
	time.Sleep(2 * time.Second) // work after a load is finished then
	before, start := s.cpu(), time.Now()
	time.Sleep(length)
	return float64(s.cpu()-before) / float64(time.Since(start)), nil
}
