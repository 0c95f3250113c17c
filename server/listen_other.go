//go:build !linux

package server

import (
	"context"
	"errors"
)

// A transport has nothing of its own here: all clients are on package net.
type transport struct{}

func (t *transport) size() (loops, threads int) { return 0, 0 }

func (t *transport) busyNS() int64 { return 0 }

// multiplexing is how sockets are waited for.
func (s *Server) multiplexing() string { return "goroutines" }

// loopsListen tells whether event loops take connections.
const loopsListen = false

func (s *Server) listen() error { return s.listenUnixPortable() }

func (s *Server) listenOnLoop(endpoint) (func(), error) { return nil, errors.ErrUnsupported }

func (s *Server) closeTransport() {}

func (s *Server) balance(context.Context) {}

func (t *transport) wakeHolders() {}

// trim has nothing to give back: no memory is kept for later.
func (t *transport) trim() {}
