package persistence

import (
	"bufio"
	"errors"
	"net"
	"sync"
	"time"
)

// peers are connections to other servers that MIGRATE has used and may use again.
type peers struct {
	mu     sync.Mutex // guards the following
	idle   map[string]*peer
	closed bool
}

const (
	maxPeers   = 64
	peerIdle   = 10 * time.Second // after which a connection is closed
	writeBytes = 64 << 10         // that a timeout is for
	maxReply   = 4 << 10
)

// A peer is a connection to another server, used by one goroutine at a time.
type peer struct {
	conn   net.Conn
	in     *bufio.Reader
	db     int // that it has selected there
	used   time.Time
	broken bool
}

// take returns a connection; fresh reports that it is a new one.
func (ps *peers) take(m *migration) (p *peer, fresh bool, err error) {
	ps.mu.Lock()
	p = ps.idle[m.addr]
	delete(ps.idle, m.addr)
	ps.mu.Unlock()
	if p != nil {
		return p, false, nil
	}
	conn, err := net.DialTimeout("tcp", m.addr, m.timeout)
	if err != nil {
		// Redis does not wait for the connection, so that it fails with the
		// first write.
		shown := errWriting
		var name *net.DNSError
		var addr *net.AddrError
		if errors.As(err, &name) && !isPort(err) || errors.As(err, &addr) {
			shown = errConnecting
		}
		return nil, true, &stepError{shown, err}
	}
	return &peer{conn: conn, in: bufio.NewReaderSize(conn, maxReply), used: time.Now()}, true, nil
}

// isPort reports whether a name that is not known is that of a port.
func isPort(err error) bool {
	var name *net.DNSError
	return errors.As(err, &name) && name.Err == "unknown port"
}

// put gives a connection back, which err may have made useless.
func (ps *peers) put(addr string, p *peer, err error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.used = time.Now()
	if isIO(err) || p.broken || ps.closed || ps.idle[addr] != nil || len(ps.idle) >= maxPeers {
		_ = p.conn.Close()
		return
	}
	if ps.idle == nil {
		ps.idle = map[string]*peer{}
	}
	ps.idle[addr] = p
}

// tidy closes connections that were not used for long; with all, it closes every one for good.
func (ps *peers) tidy(now time.Time, all bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.closed = ps.closed || all
	for addr, p := range ps.idle {
		if all || now.Sub(p.used) > peerIdle {
			_ = p.conn.Close()
			delete(ps.idle, addr)
		}
	}
}

// write sends b; each piece has the timeout to itself.
func (p *peer) write(b []byte, timeout time.Duration) error {
	for len(b) > 0 {
		_ = p.conn.SetWriteDeadline(time.Now().Add(timeout))
		n, err := p.conn.Write(b[:min(len(b), writeBytes)])
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// reply reads a line that is a status or an error.
func (p *peer) reply(timeout time.Duration) ([]byte, error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(timeout))
	line, err := p.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if len(line) < 3 || line[0] != '+' && line[0] != '-' {
		return nil, errors.New("not a reply to RESTORE")
	}
	return line[:len(line)-2], nil
}
