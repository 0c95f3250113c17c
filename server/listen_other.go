//go:build !linux

package server

// A transport has nothing of its own here: all clients are on package net.
type transport struct{}

func (t *transport) loopCount() int { return 0 }

// multiplexing is how sockets are waited for.
func (s *Server) multiplexing() string { return "goroutines" }

func (s *Server) listen() error { return s.listenPortable() }

func (s *Server) closeTransport() {}

func (t *transport) wakeHolders() {}
