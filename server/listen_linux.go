package server

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// listen starts the event loops and gives the listening sockets to the first.
func (s *Server) listen() error {
	n := int(s.cfg.Value("io-threads").Int())
	if n <= 0 {
		n = runtime.NumCPU()
	}
	for range n {
		l, err := newLoop(s)
		if err != nil {
			return err
		}
		s.loops = append(s.loops, l)
	}
	if err := s.listenTCP(s.loops[0]); err != nil {
		return err
	}
	if err := s.listenUnix(s.loops[0]); err != nil {
		return err
	}
	for _, l := range s.loops {
		s.group.Add(1)
		go func() {
			defer s.group.Done()
			l.run()
		}()
	}
	return nil
}

// closeTransport ends the loops after the commands they run.
func (s *Server) closeTransport() {
	for _, l := range s.loops {
		for fd := range l.listeners {
			// No new clients while those that are there get their answers.
			_ = unix.Shutdown(fd, unix.SHUT_RDWR)
		}
	}
	for _, l := range s.loops {
		l.quit.Store(true)
		l.enqueue(posted{f: func(*worker, *client) {}})
	}
	s.group.Wait()
	for _, l := range s.loops {
		for fd := range l.listeners {
			unix.Close(fd)
		}
		clear(l.listeners)
	}
	s.loops = nil
}

// listenTCP listens on every address of bind. One that begins with "-" may be
// missing on this machine.
func (s *Server) listenTCP(l *loop) error {
	port := int(s.cfg.Value("port").Int())
	if port == 0 {
		return nil
	}
	binds := s.cfg.Value("bind").Strings()
	if len(binds) == 0 {
		binds = []string{"*", "-::*"}
	}
	opened := 0
	for _, b := range binds {
		name, optional := strings.CutPrefix(b, "-")
		fd, err := listenSocket(name, port, int(s.cfg.Value("tcp-backlog").Int()))
		if err != nil {
			if optional {
				s.log.Debug("skipped an optional address", "address", name, "error", err)
				continue
			}
			return listenError(fmt.Sprintf("%s port %d", name, port), err)
		}
		if err := l.addListener(listener{fd: fd}); err != nil {
			return err
		}
		opened++
	}
	if opened == 0 {
		return listenError(fmt.Sprintf("port %d", port), unix.EADDRNOTAVAIL)
	}
	return nil
}

func (l *loop) addListener(lis listener) error {
	l.listeners[lis.fd] = lis
	return l.watch(lis.fd, unix.EPOLLIN)
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
func (s *Server) listenUnix(l *loop) error {
	path := s.cfg.Value("unixsocket").String()
	if path == "" {
		return nil
	}
	_ = os.Remove(path) // of a server that was killed
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return listenError(path, err)
	}
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err == nil {
		err = unix.Listen(fd, int(s.cfg.Value("tcp-backlog").Int()))
	}
	if err != nil {
		unix.Close(fd)
		return listenError(path, err)
	}
	s.unixPaths = append(s.unixPaths, path)
	if perm, err := strconv.ParseUint(s.cfg.Value("unixsocketperm").String(), 8, 32); err == nil && perm != 0 {
		if err := os.Chmod(path, os.FileMode(perm)); err != nil {
			return listenError(path, err)
		}
	}
	return l.addListener(listener{fd: fd, unix: unixPath(path)})
}
