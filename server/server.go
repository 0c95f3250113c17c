package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"cached/commands"
	"cached/engine"
	"cached/internal/config"
	"cached/internal/host"
	"cached/internal/lock"
)

// Options are what a Server is made of.
type Options struct {
	Config *config.Config
	Engine *engine.Engine // nil: a new one, as the configuration says
	Log    *slog.Logger   // nil: none
	// Rows are further commands, of other subsystems.
	Rows []commands.Spec
	// Protocols are spoken on listeners of their own, beside RESP.
	Protocols []Protocol
	// Gates are those of other subsystems.
	Gates []PlacedGate
	// Persistence, if not nil, keeps the keyspace on disk.
	Persistence Persistence
	// Reporters have sections of INFO.
	Reporters []Reporter
	// Tokens keeps what fencing tokens have come to, beyond the end of the process. nil: they
	// grow with the clock alone.
	Tokens lock.Bound
	// Exit is called by SHUTDOWN, after the reply of others; it should end
	// Run. nil: SHUTDOWN is refused.
	Exit func()
	// Portable serves every client from package net even where there is an
	// event loop, as other systems do.
	Portable bool
}

// A Server serves a keyspace to Redis clients.
type Server struct {
	Road

	exit      func()
	disk      Persistence // or nil
	reporters []Reporter
	endsNow   atomic.Bool                           // SHUTDOWN NOW has come
	syncs     func() (full, resumed, refused int64) // of replicas; or nil
	oom       oomScore

	debugged   debugState
	cronPaused atomic.Bool // by DEBUG PAUSE-CRON

	runID  string
	replID atomic.Pointer[string]

	push    *Pusher
	users   *Users
	scripts *Scripts
	memory  *Memory

	slow    slowlog
	hot     hotkeys
	latency latencyMonitor
	sampler sampler

	sweepNS atomic.Int64 // spent by cron on expired keys and what was unlinked

	transport transport
	stop      context.CancelFunc
	slack     atomic.Bool // cron comes seldom
	crons     *alarm      // wakes it
	group     sync.WaitGroup
}

// New returns a Server that does not listen yet.
func New(o Options) (*Server, error) {
	s := &Server{
		exit: o.Exit, disk: o.Persistence, reporters: o.Reporters,
	}
	keys, log := o.Engine, o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if keys == nil {
		keys = engine.New(EngineOptions(o.Config))
	}
	s.Road.init(o.Config, keys, log)
	if o.Persistence != nil {
		s.Road.disk = o.Persistence
	}
	s.transport.init(&s.Road)
	s.transport.portable, s.transport.hurry = o.Portable, s.hurry
	s.transport.unfreed = func() bool { return s.slack.Load() && (s.keys.Unfreed() || s.memory.limit.littered()) }
	s.transport.spareInput = func(most int) int { return s.memory.limit.spareInput(most) }
	var id [20]byte
	_, _ = rand.Read(id[:])
	s.runID = hex.EncodeToString(id[:])
	s.newReplID()
	s.push = newPusher(&s.Road)
	s.locks = newLockTable(&s.Road, o.Tokens, s.inPassing)
	s.scripts = newScripts(&s.Road)
	s.users = newUsers(&s.Road, s.push.silence)
	s.scripts.may, s.scripts.full = may, func() bool { return s.memory.outOfMemory() }
	s.scripts.trace, s.scripts.traceCall = s.push.showScript, s.push.showCall
	s.on.Slow, s.on.Sized = s.noteSlow, s.noteSized
	s.memory = newMemory(&s.Road, MemoryParts{
		Slow: func() bool { return s.scripts.busy.Load() > 0 }, Hurry: s.hurry, LogBuffer: s.logBuffer, Scripts: s.scripts.use,
	})
	if err := s.setGates(s.ownGates(), o.Gates); err != nil {
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
	if err := s.speak(o.Protocols); err != nil {
		return nil, err
	}
	s.totals.init(s.table.Numbers())
	s.users.accounts.know(s.tables())
	s.memory.limit.started = host.ResidentBytes()
	if err := s.applySettings(); err != nil {
		return nil, err
	}
	if err := s.users.load(); err != nil {
		return nil, err
	}
	s.memory.begin()
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
	host.Settle() // before anybody is served, who would read it all in again
	err := s.setAlarms(ctx)
	if err == nil {
		err = s.transport.start()
	}
	if err == nil && len(s.transport.listeners()) == 0 {
		err = errors.New("Configured to not listen anywhere, exiting.")
	}
	if err != nil {
		s.Close()
		return err
	}
	for _, work := range []func(context.Context){s.cron, s.memory.compress, s.transport.balance, s.transport.watchSlow} {
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
	s.wake.close()
	s.HoldScripts(true)
	s.transport.close()
	for _, p := range s.transport.unixPaths {
		_ = os.Remove(p)
	}
	s.group.Wait()
	for _, a := range []*alarm{s.crons, s.transport.balancing} {
		if a != nil {
			a.close()
		}
	}
	s.transport.unixPaths = nil
}

// setAlarms makes what wakes cron and balance, also when ctx ends.
func (s *Server) setAlarms(ctx context.Context) error {
	for _, a := range []**alarm{&s.crons, &s.transport.balancing} {
		var err error
		if *a, err = newAlarm(); err != nil {
			return err
		}
		context.AfterFunc(ctx, (*a).call)
	}
	return nil
}
