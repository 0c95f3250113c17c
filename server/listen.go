package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// eachBind calls listen for every address of the bind directive, without the
// "-" of those that may be missing on this machine.
func (s *Server) eachBind(port int, listen func(name string) error) error {
	binds := s.cfg.Value("bind").Strings()
	if len(binds) == 0 {
		binds = []string{"*", "-::*"}
	}
	opened := 0
	for _, b := range binds {
		name, optional := strings.CutPrefix(b, "-")
		switch err := listen(name); {
		case err == nil:
			opened++
		case optional:
			s.log.Debug("skipped an optional address", "address", name, "error", err)
		default:
			return listenError(fmt.Sprintf("%s port %d", name, port), err)
		}
	}
	if opened == 0 {
		return listenError(fmt.Sprintf("port %d", port), errors.New("no address of bind is there"))
	}
	return nil
}

// listenPortable opens the configured sockets through package net.
func (s *Server) listenPortable() error {
	if port := int(s.cfg.Value("port").Int()); port != 0 {
		err := s.eachBind(port, func(name string) error {
			ln, err := listenNet(name, port)
			if err == nil {
				s.acceptFrom(ln, "", nil)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
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
