package server

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/engine/table"
	"cached/internal/config"
)

// A Road is what all clients of a server share: the keyspace and the table of commands, gates,
// those who wait or watch, limits and counters. It knows no subject (scripts, users, channels,
// administration): what these have to say on the way of a command, they hang on it in Subjects.
type Road struct {
	cfg    *config.Config
	keys   *engine.Engine
	log    *slog.Logger
	table  *commands.Table
	spoken []*spoken  // by clients of other listeners
	disk   Durability // or nil
	on     Subjects

	base   time.Time    // what monotonic times count from
	wallNS atomic.Int64 // Unix nanoseconds at base, as the wall clock says now

	gates   []Gate
	gated   atomic.Uint64 // a bit for each gate that has something to say
	asksAll bool          // some gate of another subsystem always has
	gateMu  sync.Mutex    // guards changes of gated
	pause   pause
	block   blocker
	wake    waker
	watch   watchTable
	hooks   hooks
	locks   *lockTable

	std        *account     // of clients that have not logged in
	slowNS     atomic.Int64 // commands that take at least so long are shown to Subjects.Slow
	sizeFrom   atomic.Int64 // commands of which request or reply has at least so many bytes are shown to Subjects.Sized
	logWaiters logWaiters
	totals     totals
	monitors   atomic.Int32 // clients in MONITOR

	// Settings that every command or client asks for.
	maxBulk          atomic.Int64
	maxWaiters       atomic.Int64 // of one key, with CACHE.GET
	queryBufferLimit atomic.Int64
	outputLimits     atomic.Pointer[outputLimits]
	mostReply        atomic.Int64 // bytes
	tracksLatency    atomic.Bool

	protocolErrors atomic.Int64
	acceptedTotal  atomic.Int64
	refusedTotal   atomic.Int64
	nextID         atomic.Int64
	overInput      atomic.Int64 // clients closed for their input
	overOutput     atomic.Int64 // and for their output

	mu      sync.Mutex // guards clients
	clients map[int64]*client
}

// Subjects are what subjects hang on the road. They are set before the first client comes.
type Subjects struct {
	// Watchers hear of changes of keys while hooks.active is not zero.
	Watchers []keyWatcher
	// After runs behind a command that has left work for it (worker.due), with no locks held.
	// c is the client whose command it was, or nil.
	After []func(w *worker, c *client)
	// Leave lets go of what a subject keeps for a client that closes or says RESET.
	Leave []func(c *client)
	// Removing hears, with the locks held, of a key of a native type that is about to be removed.
	Removing func(tx *engine.Tx, db int, it table.Item)
	// Read hears, with the locks held, of a command that a client that tracks has run.
	Read func(w *worker, c *client, spec *commands.Spec, argv [][]byte)
	// Ran hears of each command that a client has run while Road.monitors is not zero.
	Ran func(w *worker, c *client, spec *commands.Spec, argv [][]byte)
	// Slow hears of a command that took at least slowNS: took nanoseconds from start, since
	// Road.base.
	Slow func(w *worker, c *client, spec *commands.Spec, argv [][]byte, took, start int64)
	// Sized hears of a command of a client of which the request or the reply has at least
	// sizeFrom bytes, and which took so many nanoseconds from start.
	Sized func(w *worker, c *client, spec *commands.Spec, argv [][]byte, took, start int64, request, reply int)
	// Flags are those of a command whose arguments decide about them: of a script that it runs.
	Flags func(spec *commands.Spec, argv [][]byte) commands.Flag
	// Locks adds the locks of a command whose arguments decide about them. They may change
	// when Version does.
	Locks   func(l *engine.LockSet, spec *commands.Spec, argv [][]byte)
	Version func() int
	// Busy is the error for who finds its locks held by a slow script.
	Busy func() error
	// Published, if not nil, hears of what is published, by PUBLISH or SPUBLISH.
	Published func(argv [][]byte)
	// ReplicaLogs, if not nil, knows what replicas have on the disk. have is how many have all
	// that there was when the command ran for the first time; await has it run again when n
	// have, until a Unix time in milliseconds.
	ReplicaLogs func(c *commands.Ctx, first bool) (have func() int64, await func(n, untilMS int64), err error)
	// Freed hears of large buffers, in bytes, that are garbage from now on.
	Freed func(bytes int)
	// Grown hears that clients' buffers have grown by much.
	Grown func()
}

// A Durability is the log of changes, as far as replies wait for it.
type Durability interface {
	// Refusing reports whether Refuse may have something to say.
	Refusing() bool
	// Refuse returns the error of a command that may not run now. flags are those
	// that the command, or any of the transaction that it runs, has; missing
	// those that any of them lacks.
	Refuse(spec *commands.Spec, flags, missing commands.Flag) error
	// Flushed hears that all databases were; tx holds them.
	Flushed(tx *engine.Tx)
	// Logged counts the effects that were logged, of all clients. A client that has
	// changed something is answered when Settled has come as far.
	Logged() int64
	Settled() int64
	// Flush has what was logged written, at once if nothing makes it wait. It is
	// called without any lock.
	Flush()
	// Broken reports whether replies that wait for Settled will not come.
	Broken() bool
	// Synced is how many of the logged effects are on the disk; ok is false if there
	// is no log.
	Synced() (effects int64, ok bool)
}

// init makes a Road of its parts.
func (r *Road) init(cfg *config.Config, keys *engine.Engine, log *slog.Logger) {
	r.cfg, r.keys, r.log = cfg, keys, log
	r.base = time.Now()
	r.wallNS.Store(r.base.UnixNano())
	r.clients = make(map[int64]*client)
	r.block.queue = make(map[readyKey][]*waiter)
	r.wake.road, r.wake.at = r, make(map[readyKey]*wake)
	r.block.lines = make(map[readyKey]*line)
	r.block.road = r
	r.watch.keys = make(map[readyKey][]*watch)
	r.hooks.road = r
	r.keys.Watch(&r.hooks)
}
