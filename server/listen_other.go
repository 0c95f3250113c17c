//go:build !linux

package server

// A transport has nothing of its own here: all clients are on package net.
type transport struct{}

func (s *Server) listen() error { return s.listenPortable() }

func (s *Server) closeTransport() {}
