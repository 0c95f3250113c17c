package server

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"cached/internal/config"
)

// An endpoint is where TCP clients come in.
type endpoint struct {
	name   string // an address of bind, without the "-" of one that may be missing
	port   int
	secure bool
}

func (e endpoint) String() string { return fmt.Sprintf("%s port %d", e.name, e.port) }

// endpoints are what the server listens on.
type endpoints struct {
	mu   sync.Mutex          // guards open
	open map[endpoint]func() // each closes its socket; nil before Start and after Close
}

// wanted are the endpoints that are configured, and whether each may be missing.
func (s *Server) wanted() (list []endpoint, optional map[endpoint]bool) {
	binds := s.cfg.Value("bind").Strings()
	optional = make(map[endpoint]bool)
	for _, directive := range []string{"port", "tls-port"} {
		port := int(s.cfg.Value(directive).Int())
		if port == 0 {
			continue
		}
		for _, b := range binds {
			name, may := strings.CutPrefix(b, "-")
			e := endpoint{name, port, directive == "tls-port"}
			list, optional[e] = append(list, e), may
		}
	}
	return list, optional
}

// listenTCP has the server listen where it is configured to: new sockets are
// opened, those that are there stay, and what is no longer wanted is closed. Clients
// stay in any case. After an error all is as it was.
func (s *Server) listenTCP() error {
	s.endpoints.mu.Lock()
	defer s.endpoints.mu.Unlock()
	if s.endpoints.open == nil {
		return nil
	}
	open := s.endpoints.open
	list, optional := s.wanted()
	var fresh, released []endpoint
	undo := func() {
		for _, e := range fresh {
			open[e]()
			delete(open, e)
		}
		for _, e := range released {
			if closer, err := s.listenAt(e); err == nil {
				open[e] = closer
			} else {
				s.log.Error("cannot listen where it was listening", "address", e.String(), "error", err)
			}
		}
	}
	there := make(map[int]int) // endpoints by port
	for _, e := range list {
		if open[e] == nil {
			closer, err := s.listenAt(e)
			if errors.Is(err, syscall.EADDRINUSE) {
				// Perhaps by one of ours, for other addresses.
				released = append(released, s.release(e.port, list)...)
				closer, err = s.listenAt(e)
			}
			if err != nil && optional[e] {
				s.log.Debug("skipped an optional address", "address", e.name, "error", err)
				continue
			}
			if err != nil {
				undo()
				return listenError(e.String(), err)
			}
			open[e] = closer
			fresh = append(fresh, e)
		}
		there[e.port]++
	}
	for _, e := range list {
		if there[e.port] == 0 {
			undo()
			return listenError(fmt.Sprintf("port %d", e.port), errors.New("no address of bind is there"))
		}
	}
	for e, closer := range open {
		if !slices.Contains(list, e) {
			closer()
			delete(open, e)
		}
	}
	return nil
}

// release closes the endpoints of a port that are not among those wanted, and
// returns them.
func (s *Server) release(port int, wanted []endpoint) (released []endpoint) {
	for e, closer := range s.endpoints.open {
		if e.port == port && !slices.Contains(wanted, e) {
			closer()
			delete(s.endpoints.open, e)
			released = append(released, e)
		}
	}
	return released
}

// setPort is the hook of port and tls-port.
func (s *Server) setPort(*config.Value) error {
	if err := s.listenTCP(); err != nil {
		s.log.Warn("cannot listen", "error", err)
		return errors.New("Unable to listen on this port. Check server logs.")
	}
	return nil
}

// setBind is the hook of bind.
func (s *Server) setBind(*config.Value) error {
	if err := s.listenTCP(); err != nil {
		s.log.Warn("cannot listen", "error", err)
		return errors.New("Failed to bind to specified addresses.")
	}
	return nil
}

// listenAt opens an endpoint and returns what closes it.
func (s *Server) listenAt(e endpoint) (func(), error) {
	if !e.secure && !s.portable && loopsListen {
		return s.listenOnLoop(e)
	}
	ln, err := listenNet(e.name, e.port)
	if err != nil {
		return nil, err
	}
	var wrap func(net.Conn) net.Conn
	if e.secure {
		wrap = s.secured
	}
	s.acceptFrom(ln, "", wrap)
	return func() { s.stopAccepting(ln) }, nil
}

// closeEndpoints ends listening for TCP clients.
func (s *Server) closeEndpoints() {
	s.endpoints.mu.Lock()
	defer s.endpoints.mu.Unlock()
	for _, closer := range s.endpoints.open {
		closer()
	}
	s.endpoints.open = nil
}

// listenUnixPortable opens the unix socket through package net, if one is configured.
func (s *Server) listenUnixPortable() error {
	path := s.cfg.Value("unixsocket").String()
	if path == "" {
		return nil
	}
	_ = os.Remove(path) // of a server that was killed
	ln, err := net.Listen("unix", path)
	if err != nil {
		return listenError(path, err)
	}
	s.acceptFrom(ln, unixPath(path), nil)
	return s.setSocketMode(path)
}

// listenNet listens on an address as bind writes it: an IP, "*" or "::*".
func listenNet(name string, port int) (net.Listener, error) {
	network := "tcp4"
	switch {
	case name == "*":
		name = ""
	case name == "::*":
		name, network = "", "tcp6"
	case strings.Contains(name, ":"):
		network = "tcp6"
	}
	return net.Listen(network, net.JoinHostPort(name, strconv.Itoa(port)))
}

// setSocketMode gives the unix socket the permissions of unixsocketperm.
func (s *Server) setSocketMode(path string) error {
	s.unixPaths = append(s.unixPaths, path)
	perm, err := strconv.ParseUint(s.cfg.Value("unixsocketperm").String(), 8, 32)
	if err != nil || perm == 0 {
		return nil
	}
	if err := os.Chmod(path, os.FileMode(perm)); err != nil {
		return listenError(path, err)
	}
	return nil
}

// unixPath is the path of the configured unix socket, made absolute for
// messages.
func unixPath(p string) string {
	if abs, err := filepath.Abs(p); err == nil {
		return abs
	}
	return p
}

// listenError says what could not be listened on.
func listenError(what string, err error) error { return fmt.Errorf("listen on %s: %w", what, err) }

// EachListener calls visit with the kind of each listener, and with its port, or its path
// if the kind is unix and not tcp or tls.
func (s *Server) EachListener(visit func(kind string, port int64, path string)) {
	for _, l := range s.listeners() {
		if l.port != 0 {
			visit(l.kind, l.port, "")
		} else {
			visit(l.kind, 0, l.addresses[0])
		}
	}
}

// A listenerInfo is one row of what the server listens on, as INFO shows it.
type listenerInfo struct {
	kind      string
	addresses []string
	port      int64 // 0 for a unix socket
}

func (s *Server) listeners() (all []listenerInfo) {
	s.endpoints.mu.Lock()
	open := slices.Collect(maps.Keys(s.endpoints.open))
	s.endpoints.mu.Unlock()
	list, optional := s.wanted()
	for _, kind := range []string{"tcp", "tls"} {
		l, there := listenerInfo{kind: kind}, false
		for _, e := range list {
			if e.secure == (kind == "tls") {
				name := e.name
				if optional[e] {
					name = "-" + name
				}
				l.addresses, l.port = append(l.addresses, name), int64(e.port)
				there = there || slices.Contains(open, e)
			}
		}
		if there {
			all = append(all, l)
		}
	}
	if path := s.cfg.Value("unixsocket").String(); path != "" {
		all = append(all, listenerInfo{kind: "unix", addresses: []string{path}})
	}
	return all
}
