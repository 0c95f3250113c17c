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
	speaks *spoken // or nil: RESP
}

// kind is tcp, tls or the name of a protocol.
func (e endpoint) kind() string {
	switch {
	case e.speaks != nil:
		return e.speaks.Name
	case e.secure:
		return "tls"
	}
	return "tcp"
}

func (e endpoint) String() string { return fmt.Sprintf("%s port %d", e.name, e.port) }

// endpoints are what the server listens on.
type endpoints struct {
	mu   sync.Mutex          // guards open
	open map[endpoint]func() // each closes its socket; nil before Start and after Close
}

// wanted are the endpoints that are configured, and whether each may be missing.
func (t *transport) wanted() (list []endpoint, optional map[endpoint]bool) {
	binds := t.cfg.Value("bind").Strings()
	optional = make(map[endpoint]bool)
	add := func(port int, secure bool, speaks *spoken) {
		if port == 0 {
			return
		}
		for _, b := range binds {
			name, may := strings.CutPrefix(b, "-")
			e := endpoint{name, port, secure, speaks}
			list, optional[e] = append(list, e), may
		}
	}
	add(int(t.cfg.Value("port").Int()), false, nil)
	add(int(t.cfg.Value("tls-port").Int()), true, nil)
	for _, p := range t.spoken {
		add(p.Port(), false, p)
	}
	return list, optional
}

// listenTCP has the server listen where it is configured to: new sockets are
// opened, those that are there stay, and what is no longer wanted is closed. Clients
// stay in any case. After an error all is as it was.
func (t *transport) listenTCP() error {
	t.endpoints.mu.Lock()
	defer t.endpoints.mu.Unlock()
	if t.endpoints.open == nil {
		return nil
	}
	open := t.endpoints.open
	list, optional := t.wanted()
	var fresh, released []endpoint
	undo := func() {
		for _, e := range fresh {
			open[e]()
			delete(open, e)
		}
		for _, e := range released {
			if closer, err := t.listenAt(e); err == nil {
				open[e] = closer
			} else {
				t.log.Error("cannot listen where it was listening", "address", e.String(), "error", err)
			}
		}
	}
	there := make(map[int]int) // endpoints by port
	for _, e := range list {
		if open[e] == nil {
			closer, err := t.listenAt(e)
			if errors.Is(err, syscall.EADDRINUSE) {
				// Perhaps by one of ours, for other addresses.
				released = append(released, t.release(e.port, list)...)
				closer, err = t.listenAt(e)
			}
			if err != nil && optional[e] {
				t.log.Debug("skipped an optional address", "address", e.name, "error", err)
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
func (t *transport) release(port int, wanted []endpoint) (released []endpoint) {
	for e, closer := range t.endpoints.open {
		if e.port == port && !slices.Contains(wanted, e) {
			closer()
			delete(t.endpoints.open, e)
			released = append(released, e)
		}
	}
	return released
}

// setPort is the hook of port and tls-port.
func (t *transport) setPort(*config.Value) error {
	if err := t.listenTCP(); err != nil {
		t.log.Warn("cannot listen", "error", err)
		return errors.New("Unable to listen on this port. Check server logs.")
	}
	return nil
}

// setBind is the hook of bind.
func (t *transport) setBind(*config.Value) error {
	if err := t.listenTCP(); err != nil {
		t.log.Warn("cannot listen", "error", err)
		return errors.New("Failed to bind to specified addresses.")
	}
	return nil
}

// listenAt opens an endpoint and returns what closes it.
func (t *transport) listenAt(e endpoint) (func(), error) {
	if !e.secure && !t.portable && loopsListen {
		return t.listenOnLoop(e)
	}
	ln, err := listenNet(e.name, e.port)
	if err != nil {
		return nil, err
	}
	var wrap func(net.Conn) net.Conn
	if e.secure {
		wrap = t.secured
	}
	t.acceptFrom(ln, "", wrap, e.speaks)
	return func() { t.stopAccepting(ln) }, nil
}

// closeEndpoints ends listening for TCP clients.
func (t *transport) closeEndpoints() {
	t.endpoints.mu.Lock()
	defer t.endpoints.mu.Unlock()
	for _, closer := range t.endpoints.open {
		closer()
	}
	t.endpoints.open = nil
}

// listenUnixPortable opens the unix socket through package net, if one is configured.
func (t *transport) listenUnixPortable() error {
	path := t.cfg.Value("unixsocket").String()
	if path == "" {
		return nil
	}
	_ = os.Remove(path) // of a server that was killed
	ln, err := net.Listen("unix", path)
	if err != nil {
		return listenError(path, err)
	}
	t.acceptFrom(ln, unixPath(path), nil, nil)
	return t.setSocketMode(path)
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
func (t *transport) setSocketMode(path string) error {
	t.unixPaths = append(t.unixPaths, path)
	perm, err := strconv.ParseUint(t.cfg.Value("unixsocketperm").String(), 8, 32)
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

// EachListener calls visit with the kind of each listener (tcp, tls, unix or the name of a
// protocol), and with its port, or its path if the kind is unix.
func (t *transport) EachListener(visit func(kind string, port int64, path string)) {
	for _, l := range t.listeners() {
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

func (t *transport) listeners() (all []listenerInfo) {
	t.endpoints.mu.Lock()
	open := slices.Collect(maps.Keys(t.endpoints.open))
	t.endpoints.mu.Unlock()
	list, optional := t.wanted()
	kinds := []string{"tcp", "tls"}
	for _, p := range t.spoken {
		kinds = append(kinds, p.Name)
	}
	for _, kind := range kinds {
		l, there := listenerInfo{kind: kind}, false
		for _, e := range list {
			if e.kind() == kind {
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
	if path := t.cfg.Value("unixsocket").String(); path != "" {
		all = append(all, listenerInfo{kind: "unix", addresses: []string{path}})
	}
	return all
}
