package lock

import (
	"sync"
	"sync/atomic"
)

// MaxToken is the largest token.
const MaxToken = 1<<53 - 1

// Tokens stay below 2^53, so that a client whose numbers are doubles reads them right. They
// count quarters of a microsecond since the beginning of 2025, so far as nothing pushes
// them ahead: the high bits are the moment at which the server started, and the low ones a
// counter. That is enough until 2096, and for four million tokens a second.
const (
	originNS     = 1_735_689_600_000_000_000
	tokenNS      = 250
	reserve      = 1 << 24 // tokens, some four seconds of time
	reserveAhead = reserve / 2
)

// A Bound keeps a number where it outlives the process.
type Bound interface {
	// TokenBound returns what was kept last, or 0.
	TokenBound() (int64, error)
	// KeepTokenBound keeps a larger number. When it returns, it is safe.
	KeepTokenBound(int64) error
}

// A Counter makes tokens, each larger than all before it. No token is above the bound that
// was kept last, and a new process begins above that, and above all that the clock would
// have allowed before: if there is nothing kept, the tokens grow as long as the clock does.
type Counter struct {
	last  atomic.Int64
	soft  atomic.Int64 // above it, the bound is raised
	hard  atomic.Int64 // above it there are no tokens before that is done
	first atomic.Int64 // of this process; 0: none was made

	mu     sync.Mutex // guards what follows
	kept   Bound      // or nil
	failed func(error)
	begun  bool
	rising atomic.Bool
}

// Init says where the bound is kept, if anywhere, and who hears of errors with that.
func (c *Counter) Init(kept Bound, failed func(error)) { c.kept, c.failed = kept, failed }

// Begin makes the process ready to make tokens, unless it is. nowNS is the wall clock in
// Unix nanoseconds. It reads and writes the bound, and waits for the disk.
func (c *Counter) Begin(nowNS int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun {
		return
	}
	c.begun = true
	first := max((nowNS-originNS)/tokenNS, 1)
	if c.kept != nil {
		b, err := c.kept.TokenBound()
		if err != nil {
			c.failed(err)
		}
		first = max(first, b+1)
	}
	c.raiseLocked(first)
	c.last.Store(first)
	c.first.Store(first)
}

// First is a number that all tokens of this process are above, and no token of an earlier
// one is. It is 0 before Begin.
func (c *Counter) First() int64 { return c.first.Load() }

// Next returns a token above all before it, and above the given one; 0 if there are no
// more. Begin was called before.
func (c *Counter) Next(above int64) int64 {
	for {
		last := c.last.Load()
		n := max(last, above) + 1
		if n > c.soft.Load() && !c.raise(n) {
			return 0
		}
		if c.last.CompareAndSwap(last, n) {
			return n
		}
	}
}

// raise has the bound raised, in the background if there is time for it. It reports false
// if n is no token.
func (c *Counter) raise(n int64) bool {
	if n > MaxToken {
		return false
	}
	if n <= c.hard.Load() {
		if c.rising.CompareAndSwap(false, true) {
			go func() {
				defer c.rising.Store(false)
				c.mu.Lock()
				defer c.mu.Unlock()
				c.raiseLocked(c.last.Load())
			}()
		}
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > c.hard.Load() {
		c.raiseLocked(n)
	}
	return true
}

// raiseLocked makes room for tokens from n on. Without a place to keep the bound, or if that
// fails, the clock alone has to do.
func (c *Counter) raiseLocked(n int64) {
	if n <= c.soft.Load() {
		return
	}
	hard := min(n+reserve, MaxToken)
	if c.kept != nil {
		if err := c.kept.KeepTokenBound(hard); err != nil {
			c.failed(err)
		}
	}
	c.hard.Store(hard)
	c.soft.Store(min(n+reserveAhead, MaxToken))
}
