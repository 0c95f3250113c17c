package server

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"cached/internal/invariants"
)

// What has come of a client's command that is not whole is in a buffer of its own. Large
// ones are mapped, memory straight from the system: on the heap a buffer that grows leaves
// as much garbage as it holds, keys would have to make room for that until it is collected,
// and collecting it costs several times what a request does. A mapping grows where it is.
// It is nobody's business but that of its client's loop, and of inputPool between clients.

// mapInputFrom is the least number of bytes for which a client's input is mapped.
const mapInputFrom = 256 << 10

// An inputPool keeps mappings for the next who need one: most of what a new one costs is
// that the system clears its pages.
type inputPool struct {
	mu    sync.Mutex // guards what follows
	spare [][]byte   // the last is the latest
	bytes int
	taken bool // one was, since the last trim
}

// mostSpare bounds what the pool keeps without a limit of memory, in bytes.
const mostSpare = 16 << 20

// take returns a mapping of at least n bytes.
func (p *inputPool) take(n int) ([]byte, error) {
	if spare := p.latest(); len(spare) >= n {
		return spare, nil
	} else if spare != nil {
		m, err := resize(spare, n)
		if err != nil {
			_ = unix.Munmap(spare)
		}
		return m, err
	}
	m, err := unix.Mmap(-1, 0, wholePages(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err == nil {
		_ = unix.Madvise(m, unix.MADV_NOHUGEPAGE) // these would be there as a whole with the first byte
	}
	return m, err
}

// poison is what a mapping holds in test builds when it should be of no interest.
const poison = 0xDB

// latest takes the latest spare mapping, or nil.
func (p *inputPool) latest() (m []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken = true
	if i := len(p.spare) - 1; i >= 0 {
		m, p.spare = p.spare[i], p.spare[:i]
		p.bytes -= len(m)
	}
	return m
}

// put takes back a mapping that nobody refers to, and keeps no more than most bytes.
func (p *inputPool) put(m []byte, most int) {
	if invariants.Enabled {
		for i := range m {
			m[i] = poison
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bytes+len(m) > most {
		_ = unix.Munmap(m)
		return
	}
	p.spare = append(p.spare, m)
	p.bytes += len(m)
}

// trim gives back what was not needed since it was called last, or all.
func (p *inputPool) trim(all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if all || !p.taken {
		for _, m := range p.spare {
			_ = unix.Munmap(m)
		}
		p.spare, p.bytes = nil, 0
	}
	p.taken = false
}

// resize changes the size of a mapping, which may move.
func resize(m []byte, size int) ([]byte, error) {
	if size = wholePages(size); size == len(m) {
		return m, nil
	}
	return unix.Mremap(m, size, unix.MREMAP_MAYMOVE)
}

func wholePages(n int) int {
	page := os.Getpagesize()
	return (n + page - 1) / page * page
}

// buffer returns an empty buffer on the heap with room for n bytes.
func (l *loop) buffer(n int) []byte {
	if b := l.kept; cap(b) >= n {
		l.kept = nil
		return b[:0]
	}
	return make([]byte, 0, n)
}

// keep takes back a buffer of the heap whose contents nobody needs any more.
func (l *loop) keep(b []byte) {
	if cap(b) > cap(l.kept) {
		l.kept = b
	}
}

// reserve makes room for n more bytes of a client's input. It reports false if the system
// has no memory for that.
func (l *loop) reserve(c *loopConn, n int) bool {
	need := len(c.in) + n
	switch {
	case c.mapped != nil:
		if cap(c.in) < cap(c.mapped) { // what was in front has run
			c.in = c.mapped[:copy(c.mapped, c.in)]
		}
		return c.remap(max(need, len(c.mapped)))
	case need < mapInputFrom:
		old := c.in
		c.in = append(l.buffer(need), old...)
		l.keep(old)
		return true
	}
	m, err := l.t.inputs.take(need)
	if err != nil {
		return false
	}
	old := c.in
	c.mapped, c.in = m, append(m[:0], old...)
	l.keep(old)
	return true
}

// remap changes the size of a client's mapping, at the front of which is its input. It
// reports false if the system does not do it.
func (c *loopConn) remap(size int) bool {
	m, err := resize(c.mapped, size)
	if err == nil {
		c.mapped, c.in = m, m[:len(c.in)]
	}
	return err == nil
}

// consume drops the first n bytes of a client's input, whose commands have run.
func (l *loop) consume(c *loopConn, n int) {
	rest := c.in[n:]
	switch {
	case len(rest) == 0:
		l.dropInput(c)
	case c.mapped == nil || len(rest) < mapInputFrom:
		// A fresh copy lets a large buffer go.
		rest = append(l.buffer(len(rest)), rest...)
		l.dropInput(c)
		c.in = rest
	default:
		c.in = c.mapped[:copy(c.mapped, rest)]
		if len(c.in) < len(c.mapped)/4 {
			c.remap(len(c.in))
		}
	}
}

// dropInput lets a client's input go. While a batch runs, which may be this client's,
// nobody else gets it.
func (l *loop) dropInput(c *loopConn) {
	switch {
	case l.feeding && c.mapped != nil:
		l.unneeded = append(l.unneeded, c.mapped)
	case l.feeding:
	case c.mapped == nil:
		l.keep(c.in)
	default:
		l.forgetWords()
		l.giveBack(c.mapped)
	}
	c.mapped, c.in = nil, nil
}

// giveBack lets others have a mapping.
func (l *loop) giveBack(m []byte) {
	l.t.inputs.put(m, l.t.spareInput(mostSpare))
}

// dropUnneeded gives back what dropInput could not.
func (l *loop) dropUnneeded() {
	if len(l.unneeded) == 0 {
		return
	}
	l.forgetWords()
	for _, m := range l.unneeded {
		l.giveBack(m)
	}
	clear(l.unneeded)
	l.unneeded = l.unneeded[:0]
}

// resident is the client's input, with what is free behind it unless that is memory that
// the system has not given yet.
func (c *loopConn) resident() []byte {
	if c.mapped != nil {
		return c.in[:len(c.in):len(c.in)]
	}
	return c.in
}
