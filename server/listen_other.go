//go:build !linux

package server

import (
	"context"
	"errors"
)

// A platform is nothing here: all clients are on package net.
type platform struct{}

func (t *transport) size() (loops, threads int) { return 0, 0 }

func (t *transport) busyNS() int64 { return 0 }

// multiplexing is how sockets are waited for.
func (t *transport) multiplexing() string { return "goroutines" }

// loopsListen tells whether event loops take connections.
const loopsListen = false

func (t *transport) listen() error { return t.listenUnixPortable() }

func (t *transport) listenOnLoop(endpoint) (func(), error) { return nil, errors.ErrUnsupported }

func (t *transport) closeTransport() {}

func (t *transport) balance(context.Context) {}

func (t *transport) watchSlow(context.Context) {}

func (t *transport) wakeHolders() {}

// trim has nothing to give back: no memory is kept for later.
func (t *transport) trim() {}
