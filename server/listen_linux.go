package server

import (
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"cached/internal/host"

	"golang.org/x/sys/unix"
)

// A platform is the event loops and what drives them.
type platform struct {
	loops   []*loop
	all     []*loop // the same, also when they have ended
	drivers []*driver
	moves   atomic.Int64 // of loops from one driver to another
	inputs  inputPool
	slow    slowWatch

	unixFD int // of the unix socket; 0 is none
}

// size is how many event loops there are, and how many threads serve them at present.
func (t *transport) size() (loops, threads int) {
	busy := make(map[*driver]bool)
	for _, l := range t.loops {
		busy[l.driver.Load()] = true
	}
	return len(t.loops), len(busy)
}

// busyNS is how long the drivers have not waited, in nanoseconds.
func (t *transport) busyNS() (ns int64) {
	for _, d := range t.drivers {
		ns += int64(time.Since(d.t.base)) - d.born - d.idle()
	}
	return ns
}

// trim gives back memory that is kept for later and was not needed lately.
func (t *transport) trim() { t.inputs.trim(false) }

// drivenBy appends the loops of a driver.
func (t *transport) drivenBy(d *driver, loops []*loop) []*loop {
	for _, l := range t.all {
		if l.driver.Load() == d {
			loops = append(loops, l)
		}
	}
	return loops
}

// multiplexing is how sockets are waited for.
func (t *transport) multiplexing() string {
	if t.portable {
		return "goroutines"
	}
	return "epoll"
}

// listen starts the event loops and gives the listening sockets to the first.
func (t *transport) listen() error {
	n := int(t.cfg.Value("io-threads").Int())
	if n <= 0 {
		n = host.Processors()
	}

	for range n {
		d, err := newDriver(t)
		if err != nil {
			return err
		}
		t.drivers = append(t.drivers, d)
		t.loops = append(t.loops, newLoop(t, len(t.loops), t.drivers[0]))
	}
	if err := t.listenUnix(t.loops[0]); err != nil {
		return err
	}
	t.all = t.loops
	t.slow.wake = make(chan struct{}, 1)
	for _, d := range t.drivers {
		t.group.Go(d.run)
	}
	return nil
}

// closeTransport ends the loops after the commands they run.
func (t *transport) closeTransport() {
	if fd := t.unixFD; fd != 0 {
		// No new clients while those that are there get their answers.
		_ = unix.Shutdown(fd, unix.SHUT_RDWR)
	}
	for _, d := range t.drivers {
		d.quit.Store(true)
		d.wake()
	}
	t.group.Wait()
	for _, l := range t.loops { // whoever drove them last
		for _, c := range l.clients {
			l.close(c)
		}
	}
	t.inputs.trim(true)
	if fd := t.unixFD; fd != 0 {
		unix.Close(fd)
		t.unixFD = 0
	}
	t.loops = nil
}

// loopsListen tells whether event loops take connections.
const loopsListen = true

// listenOnLoop has the first loop accept the clients of an endpoint.
func (t *transport) listenOnLoop(e endpoint) (closer func(), err error) {
	fd, err := listenSocket(e.name, e.port, int(t.cfg.Value("tcp-backlog").Int()))
	if err != nil {
		return nil, err
	}
	l := t.loops[0]
	l.enqueue(posted{f: func(*worker, *client) {
		if err := l.addListener(listener{fd: fd, speaks: e.speaks}); err != nil {
			t.log.Error("cannot wait for clients", "address", e.String(), "error", err)
		}
	}})
	return func() {
		// From now on others may listen there. That the loop may still try to accept
		// from it does no harm.
		unix.Close(fd)
		l.enqueue(posted{f: func(*worker, *client) {
			if l.listeners[fd].unix == "" {
				delete(l.listeners, fd)
			}
		}})
	}, nil
}

func (l *loop) addListener(lis listener) error {
	l.listeners[lis.fd] = lis
	return l.watch(lis.fd, unix.EPOLLIN)
}

// restAccepting has a listener whose connections cannot be accepted, for want of
// descriptors most likely, not be looked at for a while: it would have the loop run all the
// time.
func (l *loop) restAccepting(lis listener, err error) {
	l.t.cannotAccept(err)
	if l.driver.Load().control(unix.EPOLL_CTL_MOD, lis.fd, 0, l.index) != nil {
		return
	}
	l.tick()
	l.acceptAt = l.nowMS() + acceptRestMS
	l.resting = append(l.resting, lis)
}

// acceptAgain ends that rest.
func (l *loop) acceptAgain(nowMS int64) {
	if len(l.resting) == 0 || nowMS < l.acceptAt {
		return
	}
	for _, lis := range l.resting {
		if _, ok := l.listeners[lis.fd]; ok {
			_ = l.driver.Load().control(unix.EPOLL_CTL_MOD, lis.fd, unix.EPOLLIN, l.index)
		}
	}
	l.resting = l.resting[:0]
}

// listenSocket opens a TCP socket on an address: an IP, "*" or "::*".
func listenSocket(name string, port, backlog int) (int, error) {
	var sa unix.Sockaddr
	family := unix.AF_INET
	switch name {
	case "*":
		sa = &unix.SockaddrInet4{Port: port}
	case "::*":
		sa, family = &unix.SockaddrInet6{Port: port}, unix.AF_INET6
	case "localhost":
		sa = &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	default:
		ip, err := netip.ParseAddr(name)
		if err != nil {
			return -1, err
		}
		if ip.Is4() {
			sa = &unix.SockaddrInet4{Port: port, Addr: ip.As4()}
		} else {
			sa, family = &unix.SockaddrInet6{Port: port, Addr: ip.As16()}, unix.AF_INET6
		}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if family == unix.AF_INET6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if err := unix.Bind(fd, sa); err == nil {
		err = unix.Listen(fd, backlog)
		if err == nil {
			return fd, nil
		}
		unix.Close(fd)
		return -1, err
	} else {
		unix.Close(fd)
		return -1, err
	}
}

// listenUnix listens on the unix socket, if one is configured.
func (t *transport) listenUnix(l *loop) error {
	path := t.cfg.Value("unixsocket").String()
	if path == "" {
		return nil
	}
	_ = os.Remove(path) // of a server that was killed
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return listenError(path, err)
	}
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err == nil {
		err = unix.Listen(fd, int(t.cfg.Value("tcp-backlog").Int()))
	}
	if err != nil {
		unix.Close(fd)
		return listenError(path, err)
	}
	if err := t.setSocketMode(path); err != nil {
		unix.Close(fd)
		return err
	}
	t.unixFD = fd
	return l.addListener(listener{fd: fd, unix: unixPath(path)})
}
