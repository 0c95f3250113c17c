package replication

import (
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/internal/clock"
	"cached/internal/config"
	"cached/internal/effects"
	"cached/persistence"
)

// Options are what a Replication is made of.
type Options struct {
	Config *config.Config // with the rows of Params
	Engine *engine.Engine
	Disk   *persistence.Disk
	Log    *slog.Logger // nil: none
	// Dial connects to a primary; nil is by TCP.
	Dial func(addr string, timeout time.Duration) (net.Conn, error)
	// Tick is how often links are looked after; 0 is every 100 ms. It is for tests.
	Tick time.Duration
}

// A Server is what replication needs of the server whose keyspace it replicates.
type Server interface {
	// Kept is a place for what is known of the client that runs a command.
	Kept(c *commands.Ctx) *any
	// ClientAddr returns that client's ID and address.
	ClientAddr(c *commands.Ctx) (id int64, addr string)
	// Take gives the client's connection to heir. It reports false if that cannot be.
	Take(c *commands.Ctx, heir func(net.Conn)) bool
	// Waker returns what has a parked command run again; nil if it is not parked.
	Waker(c *commands.Ctx) func()
	// GatesChanged is called when Refuse may say something else than before.
	GatesChanged()
	// AskReplicas says who knows what replicas have on the disk.
	AskReplicas(f func(c *commands.Ctx, first bool) (have func() int64, await func(n, untilMS int64), err error))
	// ShowPrimary has CLIENT LIST show the connection to the primary.
	ShowPrimary(sock net.Conn) net.Conn
	// OnPublish has f hear of what clients publish.
	OnPublish(f func(argv [][]byte))
	// PauseWrites holds commands that may write until a Unix time in milliseconds; 0 ends that.
	PauseWrites(untilMS int64)
	// CountSyncs says who counts synchronisations.
	CountSyncs(f func() (full, resumed, refused int64))
	// UnblockAll answers all clients that wait with an error, and closes them.
	UnblockAll(text string)
}

// An Applier runs the effects that a primary sends. It belongs to one goroutine.
type Applier interface {
	DB() int
	SetDB(db int)
	// Apply runs an effect; done is called with its locks held.
	Apply(argv [][]byte, done func(db int)) error
	// ApplyAll runs effects that belong together, with the whole keyspace locked.
	ApplyAll(all [][][]byte, done func(i, db int)) error
	// Alone calls f with the whole keyspace locked.
	Alone(f func(*engine.Tx))
}

// A Replication is the part of a server in replication: a primary, or a replica.
type Replication struct {
	cfg    *config.Config
	keys   *engine.Engine
	stream *effects.Stream
	disk   *persistence.Disk
	log    *slog.Logger
	dial   func(addr string, timeout time.Duration) (net.Conn, error)
	tick   time.Duration

	srv        Server
	newApplier func(ended func() bool) Applier

	backlog   *backlog
	following atomic.Bool  // a primary: this server is a replica
	up        atomic.Bool  // the link to it
	some      atomic.Bool  // there are replicas
	ends      atomic.Bool  // the server does: nothing but effects is added to the backlog, so that files have its end
	seen      atomic.Int64 // changes that the stream passed on while following
	relayed   atomic.Int64 // those of them that came from the primary

	counts struct{ full, partialOK, partialErr atomic.Int64 }

	look       chan struct{} // wakes watch
	effectsEnd int64         // of the goroutine of a failover

	quit     chan struct{}
	quitOnce sync.Once
	group    sync.WaitGroup

	mu        sync.Mutex // guards what follows; taken under the locks of shards
	history   History
	attached  bool // the backlog is a sink of the stream: the history goes on
	peers     []*peer
	gathering bool          // a round of full synchronisations is about to begin
	enough    chan struct{} // ends the wait for it
	aloneAt   time.Time     // since when there has been no replica
	pingAt    time.Time
	waiters   []*waiter
	failover  *failover // that is going on, or nil
	takes     bool      // the next primary is told to be it
	link      *link     // to the primary, or nil
	last      *link     // the link before, which may not have ended yet
	moments   []synced  // of a replica's log
	synced    int64     // the offset of the last of them that is on the disk
	position  position  // where the history can be resumed
}

// A position is how far a replica has come.
type position struct {
	known bool // else there is nothing to resume
	db    int  // the database of the next effect
}

// New returns the replication of a keyspace: that of a primary without replicas.
func New(o Options) *Replication {
	r := &Replication{cfg: o.Config, keys: o.Engine, stream: o.Engine.Effects(), disk: o.Disk, log: o.Log, dial: o.Dial, tick: o.Tick,
		history: newHistory(), quit: make(chan struct{}), look: make(chan struct{}, 1), aloneAt: time.Now()}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.dial == nil {
		r.dial = func(addr string, timeout time.Duration) (net.Conn, error) {
			return net.DialTimeout("tcp", addr, timeout)
		}
	}
	if r.tick == 0 {
		r.tick = 100 * time.Millisecond
	}
	r.backlog = newBacklog(0, r.cfg.Value("repl-backlog-size").Int())
	r.cfg.OnChange("repl-backlog-size", func(v *config.Value) error {
		r.backlog.setSize(v.Int())
		return nil
	})
	for _, name := range []string{"min-replicas-to-write", "replica-serve-stale-data", "replica-read-only"} {
		r.cfg.OnChange(name, func(*config.Value) error {
			r.srv.GatesChanged()
			return nil
		})
	}
	return r
}

// SetServer says whose keyspace is replicated. newApplier returns an Applier that runs nothing
// any more once ended reports true. It comes before Begin.
func (r *Replication) SetServer(srv Server, newApplier func(ended func() bool) Applier) {
	r.srv, r.newApplier = srv, newApplier
	srv.AskReplicas(r.waitaof)
	srv.OnPublish(r.published)
	srv.CountSyncs(func() (full, resumed, refused int64) {
		return r.counts.full.Load(), r.counts.partialOK.Load(), r.counts.partialErr.Load()
	})
}

// Begin takes the role that the configuration says. It comes before the data is loaded.
func (r *Replication) Begin() {
	r.disk.SetPosition(r.where)
	r.disk.OnLoaded(r.loaded)
	r.disk.OnShutdown(r.ends.Store)
	if r.cfg.Value("replicaof").String() != "" {
		r.following.Store(true)
		r.keys.SetRole(engine.Replica)
	}
}

// loaded has the history go on where the snapshot that was loaded stands, if it says so. No
// command has changed anything since.
func (r *Replication) loaded() {
	found := r.disk.FoundPosition()
	r.alone(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if found != nil {
			r.backlog.reset(found.Offset)
			r.history = History{ID: found.ID, ID2: noID, Second: -1}
			if r.following.Load() {
				r.position = position{known: true, db: found.DB}
			} else {
				r.history = r.history.renamed(newID(), found.Offset)
			}
		}
		if found != nil || r.following.Load() {
			r.attach()
		}
	})
}

// Start begins to replicate. It comes when the data is loaded.
func (r *Replication) Start() {
	r.alone(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if host, port, ok := r.primary(); ok && r.link == nil {
			r.connect(host, port)
		}
	})
	r.group.Add(1)
	go func() {
		defer r.group.Done()
		r.watch()
	}()
}

// Close ends all links and waits for its goroutines.
func (r *Replication) Close() {
	r.quitOnce.Do(func() { close(r.quit) })
	r.mu.Lock()
	if r.link != nil {
		r.link.stop()
	}
	peers := slices.Clone(r.peers)
	r.mu.Unlock()
	for _, p := range peers {
		p.close()
	}
	r.group.Wait()
}

// Drain waits until all replicas have everything, for a time at most. Nothing changes any more.
func (r *Replication) Drain(most time.Duration) {
	if r.following.Load() {
		return
	}
	end := r.backlog.offset()
	missing := func() (n int) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, p := range r.peers {
			if p.is(online) && p.acked.Load() < end {
				n++
			}
		}
		return n
	}
	if missing() == 0 {
		return
	}
	r.log.Info("waiting for replicas before the end", "replicas", missing(), "seconds", most.Seconds())
	// They say each second how far they have come. To ask them would change the offset.
	for late := time.Now().Add(most); missing() > 0 && time.Now().Before(late); {
		time.Sleep(2 * time.Millisecond)
	}
	if n := missing(); n > 0 {
		r.log.Warn("the server ends while replicas lack changes", "replicas", n)
	}
}

// published sends replicas what clients of their primary have published.
func (r *Replication) published(argv [][]byte) {
	if r.some.Load() && !r.following.Load() && !r.ends.Load() {
		r.backlog.write(effects.AppendCommand(nil, argv...))
	}
}

// alone calls f with the whole keyspace locked.
func (r *Replication) alone(f func()) {
	var tx engine.Tx
	tx.Begin(r.keys, 0, time.Now().UnixMilli())
	tx.LockAll()
	defer tx.Unlock()
	f()
}

// where is the position of the keyspace, all of which is locked.
func (r *Replication) where() (persistence.Position, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.attached || r.following.Load() && !r.position.known {
		return persistence.Position{}, false
	}
	at := persistence.Position{ID: r.history.ID, Offset: r.backlog.offset()}
	if r.following.Load() {
		at.DB = r.position.db
	}
	return at, true
}

// attach has the backlog follow the stream. A history that was not followed has a gap, and ends.
// The whole keyspace is locked, and mu is held.
func (r *Replication) attach() {
	if !r.attached {
		r.attached = true
		r.stream.Attach((*sink)(r))
	}
}

// detach has the history end.
func (r *Replication) detach() {
	if r.attached {
		r.attached = false
		r.stream.Detach((*sink)(r))
		r.backlog.reset(r.backlog.offset())
		r.history = newHistory()
	}
}

// A sink is the Replication as the stream sees it.
type sink Replication

// Append implements effects.Sink.
func (s *sink) Append(_ int64, b []byte) {
	if s.following.Load() {
		s.seen.Add(1) // the backlog has what the primary sends, and nothing else
		return
	}
	s.backlog.write(b)
}

// primary is the configured one.
func (r *Replication) primary() (host, port string, ok bool) {
	words := strings.Fields(r.cfg.Value("replicaof").String())
	if len(words) != 2 {
		return "", "", false
	}
	return words[0], words[1], true
}

// seconds is a directive as a duration.
func (r *Replication) seconds(name string) time.Duration {
	return time.Duration(min(r.cfg.Value(name).Int(), 1<<32)) * time.Second
}

// watch looks after all links until Close: each second, more often while somebody waits for
// replicas' logs, and not at all while there are no links.
func (r *Replication) watch() {
	beat := clock.NewBeat(time.Second)
	defer beat.Stop()
	second := time.Now()
	for {
		every := r.pace()
		if every > 0 {
			beat.Next(every)
		}
		select {
		case <-r.quit:
			return
		case <-r.look:
			continue
		case <-beat.C:
		}
		now := time.Now()
		r.lookAfterWaiters(now)
		if now.Sub(second) >= time.Second-r.tick/2 {
			second = now
			r.lookAfterPeers(now)
		}
	}
}

// pace is how often links have to be looked after at present; 0 is never.
func (r *Replication) pace() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case slices.ContainsFunc(r.waiters, func(x *waiter) bool { return x.fsync }):
		return r.tick
	case len(r.waiters) > 0 || len(r.peers) > 0 || r.attached && !r.following.Load():
		return time.Second
	}
	return 0
}

// lookSoon has watch see that there is something to look after.
func (r *Replication) lookSoon() {
	select {
	case r.look <- struct{}{}:
	default:
	}
}
