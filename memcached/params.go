package memcached

import (
	"fmt"
	"math"

	"cached/internal/config"
)

// Name is what INFO calls the listener, and what the full names of the commands begin with.
const Name = "memcached"

// Params are the directives of the protocol.
func Params() []config.Param {
	return []config.Param{
		{Name: "memcached-port", Kind: config.Int, Default: "0", Min: 0, Max: math.MaxUint16, Flags: config.Immutable,
			Doc: "Port for memcached's clients, on the addresses of `bind`; 0 for none."},
		{Name: "memcached-database", Kind: config.Int, Default: "0", Min: 0, Max: math.MaxInt32, Flags: config.Immutable,
			Doc: "The database that they use."},
		{Name: "memcached-item-size-max", Kind: config.Memory, Default: "1mb", Min: 1024, Max: 1 << 30,
			Doc: "The largest item that they may store: key, value and some 60 bytes, as memcached's `-I` counts."},
	}
}

// A Protocol is the state that all its clients share.
type Protocol struct {
	cfg      *config.Config
	database int
	versions versions
	counts   counts
	flush    delayedFlush
}

// New returns the protocol as cfg has it. It fails if there is no such database.
func New(cfg *config.Config) (*Protocol, error) {
	p := &Protocol{cfg: cfg, database: int(cfg.Value("memcached-database").Int())}
	if n := cfg.Value("databases").Int(); int64(p.database) >= n {
		return nil, fmt.Errorf("memcached-database is %d, and there are %d databases", p.database, n)
	}
	return p, nil
}

// Port is the TCP port, or 0.
func (p *Protocol) Port() int { return int(p.cfg.Value("memcached-port").Int()) }

// Database is the database of the clients.
func (p *Protocol) Database() int { return p.database }

// mostItem is memcached-item-size-max, in bytes.
func (p *Protocol) mostItem() int { return int(p.cfg.Value("memcached-item-size-max").Int()) }
