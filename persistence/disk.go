package persistence

import (
	"context"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cached/engine"
	"cached/internal/clock"
	"cached/internal/config"
	"cached/internal/effects"
	"cached/internal/vfs"
	"cached/persistence/rdb"
)

// Options are the parts a Disk works with.
type Options struct {
	Config *config.Config // with the rows of Params
	Engine *engine.Engine
	Log    *slog.Logger // nil: none
	FS     vfs.FS       // nil: the system's, in its working directory
	// Version is that of Redis whose behaviour is met; files name it.
	Version string
}

// A Disk is the persistence of one keyspace.
type Disk struct {
	cfg     *config.Config
	keys    *engine.Engine
	stream  *effects.Stream
	log     *slog.Logger
	fs      vfs.FS
	version string

	codecs sync.Pool // of *codec
	peers  peers
	aof    logState

	loading       loadState
	saving        atomic.Bool // a snapshot in the background is being written, or about to be
	closed        atomic.Bool // Refuse has something to say
	cancel        atomic.Bool // asks the snapshot in the background to stop
	asked         atomic.Bool // a client wants one as soon as it is possible
	skipChecksums atomic.Bool // see DebugSet
	reloading     atomic.Bool // the keyspace is emptied to be filled from a file
	functions     Functions   // or nil; set before Begin

	newReplayer func(*engine.Tx) Replayer // set before Begin
	where       func() (Position, bool)   // or nil; set before Begin
	crowded     bool                      // tests: there is no memory for two keyspaces
	loaded      func()                    // or nil; set before Begin
	ending      func(bool)                // or nil; set before Begin

	look  chan struct{}            // has the save points be looked at
	found atomic.Pointer[Position] // in the snapshot that was loaded last, or nil

	quit     chan struct{}
	quitOnce sync.Once
	group    sync.WaitGroup

	mu        sync.Mutex // guards what follows; taken under the locks of shards
	scheduled bool       // a snapshot is due, whatever the number of changes
	last      saveRecord
	started   time.Time // when the snapshot in the background did
	snapshot  *engine.Snapshot
	abandoned bool // nothing is saved at the end
	forced    bool // everything is, whatever the save points
}

// Functions are the libraries of functions, which snapshots hold as well as the keys.
type Functions interface {
	// LibraryCode returns the code of all libraries.
	LibraryCode() []string
	// LoadLibrary loads one, in place of one of the same name.
	LoadLibrary(code string) error
	// DropLibraries ends all. The whole keyspace is locked.
	DropLibraries()
}

// SetFunctions sets the owner of the libraries. It is called before Begin.
func (d *Disk) SetFunctions(f Functions) { d.functions = f }

// A Position is where in the history that replicas follow a snapshot was taken.
type Position struct {
	ID     string
	Offset int64 // bytes before
	DB     int   // the database of the next effect, unless that names one
}

// SetPosition says who knows the position of the keyspace, if it has one. It comes before
// Begin. where is called with all of the keyspace locked.
func (d *Disk) SetPosition(where func() (Position, bool)) { d.where = where }

// OnLoaded has f called when Load has filled the keyspace, before commands are let in. It comes
// before Begin.
func (d *Disk) OnLoaded(f func()) { d.loaded = f }

// OnShutdown has f called when Shutdown begins, and with false if the server goes on. It comes
// before Begin.
func (d *Disk) OnShutdown(f func(ends bool)) { d.ending = f }

// position is what where says, or nil.
func (d *Disk) position() *Position {
	if d.where == nil {
		return nil
	}
	if p, ok := d.where(); ok {
		return &p
	}
	return nil
}

// A saveRecord is the outcome of the last snapshots.
type saveRecord struct {
	at      int64 // Unix seconds of the last one that is good
	changes int64 // Engine.Changes then
	tried   time.Time
	failed  bool  // the last in the background
	took    int64 // seconds, of the last in the background; -1: there was none
	count   int64
	loaded  int64 // keys
	expired int64
}

// A codec is the memory that one DUMP or RESTORE needs.
type codec struct {
	enc rdb.Encoder
	dec rdb.Decoder
}

// New returns the persistence of a keyspace. Until Load has returned, or Begin was
// never called, it does not save anything by itself.
func New(o Options) *Disk {
	d := &Disk{cfg: o.Config, keys: o.Engine, stream: o.Engine.Effects(), log: o.Log, fs: o.FS, version: o.Version, quit: make(chan struct{}), look: make(chan struct{}, 1)}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.fs == nil {
		d.fs = vfs.OS
	}
	d.codecs.New = func() any { return new(codec) }
	d.last.at, d.last.took = time.Now().Unix(), -1
	d.initLog()
	if d.cfg != nil {
		for _, name := range []string{"stop-writes-on-bgsave-error", "save"} {
			d.cfg.OnChange(name, func(*config.Value) error {
				d.mu.Lock()
				defer d.mu.Unlock()
				d.setClosed()
				return nil
			})
		}
	}
	return d
}

// path is the file of snapshots.
func (d *Disk) path() string { return d.cfg.Value("dbfilename").String() }

// temporary is the name of a snapshot until it is complete. A snapshot that is saved while all commands wait has
// another name than one in the background, which may be written at the same time.
func temporary(background bool) string {
	name := "temp-"
	if background {
		name += "bgsave-"
	}
	return name + strconv.Itoa(os.Getpid()) + ".rdb"
}

// A savePoint makes a snapshot due after some time with some changes.
type savePoint struct {
	after   time.Duration
	changes int64
}

func (d *Disk) savePoints() (points []savePoint) {
	words := strings.Fields(d.cfg.Value("save").String())
	for ; len(words) >= 2; words = words[2:] {
		seconds, _ := strconv.ParseInt(words[0], 10, 64)
		changes, _ := strconv.ParseInt(words[1], 10, 64)
		points = append(points, savePoint{time.Duration(min(seconds, 1<<32)) * time.Second, changes})
	}
	return points
}

// setClosed decides whether Refuse has something to say; mu is held.
func (d *Disk) setClosed() {
	d.closed.Store(d.loading.active.Load() || d.stopsWritesLocked())
}

// stopsWritesLocked reports whether writes are refused because the last snapshot
// failed.
func (d *Disk) stopsWritesLocked() bool {
	return d.last.failed && d.cfg.Value("stop-writes-on-bgsave-error").Bool() && len(d.savePoints()) > 0
}

// Start begins to watch the save points and the append-only file.
func (d *Disk) Start() {
	run := func(f func()) {
		d.group.Add(1)
		go func() {
			defer d.group.Done()
			f()
		}()
	}
	run(d.watch)
	if j := d.aof.journal; j != nil {
		run(func() { j.run(d.quit) })
		run(func() { j.runSync(d.quit) })
	}
}

// watchEvery is how often the save points are looked at; retryAfter how long a
// snapshot that failed is not tried again.
const (
	watchEvery = 500 * time.Millisecond
	retryAfter = 5 * time.Second
)

// lookSoon has watch look: something may be due.
func (d *Disk) lookSoon() {
	select {
	case d.look <- struct{}{}:
	default:
	}
}

func (d *Disk) watch() {
	beat := clock.NewBeat(watchEvery)
	defer beat.Stop()
	for ; ; beat.Next(watchEvery) {
		select {
		case <-d.quit:
			return
		case <-d.look:
		case <-beat.C:
		}
		d.peers.tidy(time.Now(), false)
		if reason, due := d.due(time.Now()); due {
			if d.startBackground() {
				d.log.Info("saving", "reason", reason)
			}
		}
		if d.rewriteDue(time.Now()) {
			d.aof.due.Store(true)
			d.startDueRewrite()
		}
	}
}

// Flushed writes a snapshot, if there are save points: keys must not be loaded again after a FLUSHALL. tx holds
// the whole keyspace, which is empty but for keys that the command is still to load.
func (d *Disk) Flushed(tx *engine.Tx) {
	d.schedule(true) // if this one fails
	if d.loading.active.Load() || d.reloading.Load() || len(d.savePoints()) == 0 {
		return
	}
	if err := d.saveNow(tx); err != nil {
		d.log.Error("save after all keys were flushed", "error", err)
		return
	}
	// A snapshot in the background may be about to put its file in the place of this.
	d.schedule(d.saving.Load() && !d.rewriting())
}

// schedule says whether a snapshot is due, whatever the number of changes.
func (d *Disk) schedule(due bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.scheduled = due
}

// due reports whether a snapshot is, and why.
func (d *Disk) due(now time.Time) (reason string, due bool) {
	if d.saving.Load() || d.loading.active.Load() {
		return "", false
	}
	points := d.savePoints()
	d.mu.Lock()
	scheduled, last := d.scheduled, d.last
	d.mu.Unlock()
	if len(points) == 0 && !d.asked.Load() || last.failed && now.Sub(last.tried) < retryAfter {
		return "", false
	}
	if d.asked.Load() {
		return "asked for", true
	}
	if scheduled {
		return "all keys were flushed", true
	}
	changes := d.keys.Changes(nil) - last.changes
	for _, p := range points {
		if changes > 0 && changes >= p.changes && now.Sub(time.Unix(last.at, 0)) > p.after {
			return strconv.FormatInt(changes, 10) + " changes in " + p.after.String(), true
		}
	}
	return "", false
}

// Close stops the goroutines in the background. It is called when keys no longer change, and saves the changes
// since the last snapshot if the configuration asks for a snapshot at the end.
func (d *Disk) Close() {
	d.quitOnce.Do(func() { close(d.quit) })
	d.cancel.Store(true)
	d.group.Wait()
	d.closeLog()
	d.peers.tidy(time.Now(), true)
	changes := d.keys.Changes(nil)
	d.mu.Lock()
	wanted := !d.abandoned && (d.forced || len(d.savePoints()) > 0) && !d.loading.active.Load() && changes != d.last.changes
	d.mu.Unlock()
	if wanted {
		if err := d.saveNow(nil); err != nil {
			d.log.Error("save at the end", "file", d.path(), "error", err)
		}
	}
}

// Shutdown saves the data for SHUTDOWN and the signals, if there are save points or save is set, unless nosave is.
// After an error the server continues, unless force is set.
func (d *Disk) Shutdown(ctx context.Context, save, nosave, force bool) error {
	if d.ending != nil {
		d.ending(true)
	}
	err := d.saveAtEnd(ctx, save, nosave, force)
	if err != nil && d.ending != nil {
		d.ending(false)
	}
	return err
}

func (d *Disk) saveAtEnd(ctx context.Context, save, nosave, force bool) error {
	d.mu.Lock()
	d.forced, d.abandoned = save, nosave
	d.mu.Unlock()
	d.cancel.Store(true)
	defer d.cancel.Store(false)
	for d.saving.Load() && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if nosave || d.loading.active.Load() || !save && len(d.savePoints()) == 0 {
		return nil
	}
	err := d.saveNow(nil)
	if err != nil {
		d.log.Error("save before the end", "file", d.path(), "error", err)
		if force {
			d.mu.Lock()
			d.abandoned = true
			d.mu.Unlock()
			return nil
		}
	}
	return err
}
