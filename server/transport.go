package server

import (
	"crypto/tls"
	"sync"
	"sync/atomic"

	"cached/internal/host"
)

// A transport accepts connections, and brings bytes to clients and from them.
type transport struct {
	*Road

	// Set before it listens.
	portable   bool                       // every client is served from package net
	openFiles  func(wanted uint64) uint64 // how many files may be open; tries to get so many
	hurry      func()                     // has cron come soon
	unfreed    func() bool                // cron has something to do
	spareInput func(most int) int         // bounds what is kept of large inputs, in bytes

	platform
	net       netServer
	tls       atomic.Pointer[tls.Config] // of new connections to tls-port
	endpoints endpoints
	unixPaths []string
	group     sync.WaitGroup
	started   bool

	tlsErrors   atomic.Int64 // handshakes that failed
	acceptFails atomic.Bool  // the last connection could not be accepted
	atRest      atomic.Bool  // nobody looks at the drivers
	balancing   *alarm       // wakes balance
}

func (t *transport) init(r *Road) {
	t.Road = r
	t.openFiles = host.OpenFiles
	t.net.conns = make(map[*netConn]struct{})
	t.net.holders.moved.L = &t.net.holders.mu
}

// start listens where the configuration says.
func (t *transport) start() error {
	t.started = true
	listen := t.listen
	if t.portable {
		listen = t.listenUnixPortable
	}
	if err := listen(); err != nil {
		return err
	}
	t.endpoints.open = make(map[endpoint]func())
	return t.listenTCP()
}

// close ends all connections and waits for the transport's goroutines.
func (t *transport) close() {
	t.closeEndpoints()
	t.closeNet()
	t.closeTransport()
	t.group.Wait()
}

// rouse has the drivers looked at again: one of them has something to do.
func (t *transport) rouse() {
	if t.atRest.Load() && t.atRest.CompareAndSwap(true, false) {
		t.balancing.call()
		t.hurry()
	}
}

// acceptBatch bounds how many connections are taken in one turn of a loop.
func (t *transport) acceptBatch() int {
	return max(1, int(t.cfg.Value("max-new-connections-per-cycle").Int()))
}
