package server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/internal/acl"
	"cached/internal/config"
	"cached/internal/pubsub"
)

// Options are what a Server is made of.
type Options struct {
	Config *config.Config
	Engine *engine.Engine // nil: a new one, as the configuration says
	Log    *slog.Logger   // nil: none
	// Rows are further commands, of other subsystems.
	Rows []commands.Spec
	// Gates are those of other subsystems.
	Gates []PlacedGate
	// Persistence, if not nil, keeps the keyspace on disk.
	Persistence Persistence
	// Exit is called by SHUTDOWN, after the reply of others; it should end
	// Run. nil: SHUTDOWN is refused.
	Exit func()
	// Portable serves every client from package net even where there is an
	// event loop, as other systems do.
	Portable bool
}

// A Server serves a keyspace to Redis clients.
type Server struct {
	cfg   *config.Config
	keys  *engine.Engine
	log   *slog.Logger
	table *commands.Table
	exit  func()
	disk  Persistence // or nil
	oom   oomScore

	debugged   debugState
	cronPaused atomic.Bool // by DEBUG PAUSE-CRON

	base   time.Time    // what monotonic times count from
	wallNS atomic.Int64 // Unix nanoseconds at base, as the wall clock says now
	runID  string
	replID atomic.Pointer[string]

	gates   []Gate
	gated   atomic.Uint64 // a bit for each gate that has something to say
	asksAll bool          // some gate of another subsystem always has
	gateMu  sync.Mutex    // guards changes of gated
	pause   pause
	limit   memoryLimit
	gc      gcPace
	block   blocker

	logWaiters logWaiters

	watch     watchTable
	hooks     hooks
	hub       *pubsub.Hub
	monitors  *pubsub.Hub // its only channel is that of MONITOR
	tracked   trackingTable
	accounts  *accounts
	notify    atomic.Uint32 // engine.EventClass
	slow      slowlog
	scripts   scripts
	functions *functions

	latency latencyMonitor

	// Settings that every command or client asks for.
	maxBulk          atomic.Int64
	queryBufferLimit atomic.Int64
	outputLimits     atomic.Pointer[outputLimits]
	mostReply        atomic.Int64 // bytes
	sampler          sampler
	tracksLatency    atomic.Bool

	tls atomic.Pointer[tls.Config] // of new connections to tls-port

	protocolErrors  atomic.Int64
	tlsErrors       atomic.Int64 // handshakes that failed
	acceptedTotal   atomic.Int64
	refusedTotal    atomic.Int64
	acceptFails     atomic.Bool // the last connection could not be accepted
	nextID          atomic.Int64
	overInput       atomic.Int64 // clients closed for their input
	overOutput      atomic.Int64 // and for their output
	evictedClients  atomic.Int64 // and for what all of them take
	evictingClients sync.Mutex   // held while they are chosen
	deniedAuth      atomic.Int64
	deniedACL       [acl.DeniedChannel + 1]atomic.Int64
	subscribers     atomic.Int64 // clients with subscriptions
	sweepNS         atomic.Int64 // spent by cron on expired keys and what was unlinked
	peak            atomic.Int64 // most memory used
	startBytes      int64        // used before the first key
	totals          totals

	portable  bool
	openFiles func(wanted uint64) uint64 // how many files may be open; tries to get so many
	transport transport
	net       netServer
	stop      context.CancelFunc
	atRest    atomic.Bool   // nobody looks at the drivers
	roused    chan struct{} // they are to be looked at again
	slack     atomic.Bool   // cron comes seldom
	hurried   chan struct{} // it is to come at once
	squeeze   chan struct{} // there may be something to compress
	group     sync.WaitGroup
	unixPaths []string
	endpoints endpoints

	mu      sync.Mutex // guards clients
	clients map[int64]*client
}

// New returns a Server that does not listen yet.
func New(o Options) (*Server, error) {
	s := &Server{
		cfg: o.Config, keys: o.Engine, log: o.Log, exit: o.Exit, disk: o.Persistence,
		base:    time.Now(),
		clients: make(map[int64]*client),

		portable:  o.Portable,
		openFiles: openFiles,
		roused:    make(chan struct{}, 1), hurried: make(chan struct{}, 1),
		squeeze: make(chan struct{}, 1),
	}
	s.net.conns = make(map[*netConn]struct{})
	s.net.holders.moved.L = &s.net.holders.mu
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.keys == nil {
		s.keys = engine.New(EngineOptions(s.cfg))
	}
	s.wallNS.Store(s.base.UnixNano())
	var id [20]byte
	_, _ = rand.Read(id[:])
	s.runID = hex.EncodeToString(id[:])
	s.newReplID()
	s.block.queue = make(map[readyKey][]*waiter)
	s.watch.keys = make(map[readyKey][]*watch)
	s.hooks.srv = s
	s.hub, s.monitors = pubsub.New(), pubsub.New()
	s.tracked.keys = make(map[string]map[int64]struct{})
	s.tracked.bcast, s.tracked.all = make(map[*client]*tracking), make(map[int64]*client)
	s.keys.Watch(&s.hooks)
	if err := s.setGates(o.Gates); err != nil {
		return nil, err
	}
	s.table = commands.NewTable(commands.Data(), s.commands(), o.Rows)
	for _, words := range s.cfg.Lines("loadmodule") {
		s.log.Error("Module " + words[0] + " failed to load: there are no modules here")
		return nil, errors.New("Can't load module from " + words[0] + ": server aborting")
	}
	for _, words := range s.cfg.Lines("rename-command") {
		if err := s.table.Rename(words[0], words[1]); err != nil {
			return nil, fmt.Errorf("rename-command %s %s: %w", words[0], words[1], err)
		}
	}
	s.scripts.srv, s.scripts.long = s, make(map[*running]struct{})
	s.scripts.cache = newScriptCache(s.keysOfCommand)
	s.functions = newFunctions(s.keysOfCommand)
	s.totals.init(s.table.Numbers())
	s.accounts = newAccounts(s.table)
	s.limit.started = residentBytes()
	if err := s.applySettings(); err != nil {
		return nil, err
	}
	if err := s.loadUsers(); err != nil {
		return nil, err
	}
	s.startBytes = s.memoryUse(nil).used()
	return s, nil
}

// Engine returns the keyspace.
func (s *Server) Engine() *engine.Engine { return s.keys }

// Start listens as configured and serves until Close.
func (s *Server) Start() error {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	if s.disk != nil {
		defer s.disk.OnSettled(s.logMoved) // when the loops are there
	}
	settleMemory() // before anybody is served, who would read it all in again
	listen := s.listen
	if s.portable {
		listen = s.listenUnixPortable
	}
	if err := listen(); err != nil {
		s.Close()
		return err
	}
	s.endpoints.open = make(map[endpoint]func())
	err := s.listenTCP()
	if err == nil && len(s.listeners()) == 0 {
		err = errors.New("Configured to not listen anywhere, exiting.")
	}
	if err != nil {
		s.Close()
		return err
	}
	for _, work := range []func(context.Context){s.cron, s.compress, s.balance} {
		s.group.Add(1)
		go func() {
			defer s.group.Done()
			work(ctx)
		}()
	}
	return nil
}

// Close stops listening, lets commands that run finish, closes all clients and
// waits for every goroutine of the server.
func (s *Server) Close() {
	if s.stop != nil {
		s.stop()
	}
	s.HoldScripts(true)
	s.closeEndpoints()
	s.closeNet()
	s.closeTransport()
	for _, p := range s.unixPaths {
		_ = os.Remove(p)
	}
	s.group.Wait()
	s.unixPaths = nil
}

// admit registers a new client, or returns what to tell it before it is closed.
func (s *Server) admit(c *client, nowMS int64) (refusal string) {
	s.acceptedTotal.Add(1)
	c.srv, c.created = s, nowMS
	c.proto, c.authed = 2, s.open()
	c.account.Store(s.accounts.std)
	c.shown.proto.Store(2)
	c.shown.activeMS.Store(nowMS)
	s.mu.Lock()
	defer s.mu.Unlock()
	if int64(len(s.clients)) >= s.cfg.Value("maxclients").Int() {
		s.refusedTotal.Add(1)
		return "-ERR max number of clients reached\r\n"
	}
	if !c.local && s.protected() {
		s.refusedTotal.Add(1)
		return deniedByProtectedMode
	}
	c.id = s.nextID.Add(1)
	s.clients[c.id] = c
	return ""
}

// protected reports whether only clients of this machine are served: protected
// mode is on, and neither a password nor an address was configured.
func (s *Server) protected() bool {
	return s.cfg.Value("protected-mode").Bool() && s.open()
}

const deniedByProtectedMode = "-DENIED cached is running in protected mode because protected mode is enabled " +
	"and no password is set for the default user. In this mode connections are only accepted from the " +
	"loopback interface. If you want to connect from external computers you may set a password with the " +
	"requirepass directive, or turn protected mode off with CONFIG SET protected-mode no from the machine " +
	"the server runs on.\r\n"

// forget takes a closed client from the list.
func (s *Server) forget(c *client) {
	c.postpone(false)
	c.discard()
	c.unwatch()
	c.leaveAll()
	c.untrack()
	c.stopMonitor()
	s.mu.Lock()
	delete(s.clients, c.id)
	s.mu.Unlock()
}

// eachClient calls f for all clients, in the order of their ids.
func (s *Server) allClients() []*client {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*client, 0, len(s.clients))
	for _, c := range s.clients {
		all = append(all, c)
	}
	return all
}

// kill has a client closed by its owner.
func (s *Server) kill(c *client) {
	c.shown.closing.Store(true)
	c.conn.post(func(_ *worker, c *client) {
		c.closing = true
		c.conn.gather()
		s.limit.letGo(c.out.drop())
		c.conn.resume()
	})
}

// noteInput shows how much of a client's input waits, and how much room there is for
// more.
func (s *Server) noteInput(c *client, in []byte) {
	setIfChanged(&c.shown.inBytes, int64(len(in)))
	setIfChanged(&c.shown.inFree, int64(cap(in)-len(in)))
	switch n := int64(cap(in)); {
	case n > c.addedUpIn+addUpEvery:
		c.addedUpIn = n
		s.addUp()
	case n < c.addedUpIn:
		c.addedUpIn = n
	}
}

// addUp looks at the memory of all clients: cron may come too late for one that sends
// or asks for much.
func (s *Server) addUp() {
	if s.limit.bytes.Load() > 0 {
		s.measureRest()
	}
	s.evictClients()
}

// acceptBatch bounds how many connections are taken in one turn of a loop.
func (s *Server) acceptBatch() int {
	return max(1, int(s.cfg.Value("max-new-connections-per-cycle").Int()))
}
