package persistence

import (
	"log/slog"
	"sync"

	"cached/engine"
	"cached/internal/config"
	"cached/persistence/rdb"
)

// Options are what a Disk is made of.
type Options struct {
	Config *config.Config // with the rows of Params
	Engine *engine.Engine
	Log    *slog.Logger // nil: none
}

// A Disk is the persistence of one keyspace.
type Disk struct {
	cfg    *config.Config
	keys   *engine.Engine
	log    *slog.Logger
	codecs sync.Pool // of *codec
}

// A codec is what DUMP and RESTORE need for a moment.
type codec struct {
	enc rdb.Encoder
	dec rdb.Decoder
}

// New returns the persistence of a keyspace.
func New(o Options) *Disk {
	d := &Disk{cfg: o.Config, keys: o.Engine, log: o.Log}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.codecs.New = func() any { return new(codec) }
	return d
}
