package persistence

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"cached/commands"
	"cached/engine/table"
	"cached/engine/value"
	"cached/internal/vfs"
	"cached/persistence/aof"
)

// Rewriting the append-only file makes a new base, of the keyspace as it is at one moment. At that moment the
// journal turns to a new increment. The increment is in the manifest before anything is written to it. The base is
// complete on the disk before the manifest names it and that increment as the log. So at every moment the files
// that the manifest on the disk names are a complete log.

// startRewrite begins a rewrite in the background, and reports false if something is
// being saved already.
func (d *Disk) startRewrite() bool {
	return d.inBackground(func() {
		d.aof.due.Store(false)
		d.aof.mu.Lock()
		d.aof.rewrites.active, d.aof.rewrites.started = true, time.Now()
		d.aof.mu.Unlock()
	}, d.rewrite)
}

// startDueRewrite begins the rewrite that is due, if that is possible now.
func (d *Disk) startDueRewrite() {
	if d.aof.due.Load() && d.startRewrite() {
		d.log.Info("Starting automatic rewriting of AOF")
	}
}

// rewriteDue looks whether there is a reason for a rewrite.
func (d *Disk) rewriteDue(now time.Time) bool {
	if d.loading.active.Load() || d.saving.Load() {
		return false
	}
	d.aof.mu.Lock()
	defer d.aof.mu.Unlock()
	r := &d.aof.rewrites
	if r.failed && now.Sub(r.started) < d.rewriteWait() {
		return false
	}
	if d.aof.due.Load() || d.aof.wanted.Load() && !d.aof.running {
		return true
	}
	if !d.aof.running {
		return false
	}
	if f := d.aof.journal.failure.Load(); f != nil && f.gap {
		return true
	}
	percent, size := d.cfg.Value("auto-aof-rewrite-percentage").Int(), d.aof.before+d.aof.journal.bytes()
	if percent == 0 || size <= d.cfg.Value("auto-aof-rewrite-min-size").Int() {
		return false
	}
	return (size-d.aof.base)*100/max(d.aof.base, 1) >= percent
}

// rewriteWait is how long no rewrite is tried after failures: each time twice as long.
func (d *Disk) rewriteWait() time.Duration {
	return min(retryAfter<<min(max(d.aof.rewrites.failures-1, 0), 10), time.Hour)
}

func (d *Disk) rewrite() {
	start := time.Now()
	size, err := untilWhole(d.rewriteOnce)
	if err == nil {
		d.log.Info("Background AOF rewrite terminated with success", "base_bytes", size, "took", time.Since(start))
	} else if !errors.Is(err, errCanceled) && !errors.Is(err, errLogOff) {
		d.log.Error("Background AOF rewrite terminated with error", "error", err)
	}
	d.aof.mu.Lock()
	r := &d.aof.rewrites
	r.active, r.took, r.failed = false, int64(time.Since(start).Seconds()), err != nil
	r.count++
	r.failures++
	if err == nil {
		r.failures = 0
	}
	d.aof.mu.Unlock()
}

// rewriteOnce makes a new base, and returns how large it is.
func (d *Disk) rewriteOnce() (size int64, err error) {
	m, part, err := d.partOfJournal()
	if err != nil {
		return 0, err
	}
	next := m.Clone()
	base := next.Replace(d.logName(), d.preamble(), part.keep)
	size, err = d.replaceBase(base.Name, func(w io.Writer) error { return d.writeBase(w, &part) })
	if err == nil && part.join != nil {
		err = part.join(next)
	}
	if err == nil {
		err = d.writeManifest(next)
	}
	if err != nil {
		if part.undo != nil {
			part.undo()
		}
		return 0, err
	}
	d.aof.journal.based(part.healed)
	d.dropHistory(next)
	d.setManifest(next)
	d.aof.mu.Lock()
	defer d.aof.mu.Unlock()
	d.aof.before = size
	d.aof.base = size + d.aof.journal.bytes()
	return size, nil
}

// A journalPart is the journal's part of a rewrite.
type journalPart struct {
	keep   int // increments that go on behind the base
	begin  func() (*failure, error)
	healed *failure                  // result of begin: a failure that the base repairs
	join   func(*aof.Manifest) error // or nil: the base is there, and the manifest about to be
	undo   func()                    // or nil: there will be none
}

// partOfJournal prepares the journal for a rewrite, and returns the manifest as it is
// then.
func (d *Disk) partOfJournal() (*aof.Manifest, journalPart, error) {
	d.aof.mu.Lock()
	running, m := d.aof.running, d.aof.manifest
	d.aof.mu.Unlock()
	if running {
		return d.journalGoesOn(m.Clone())
	}
	m, err := d.readManifest()
	if err != nil {
		return nil, journalPart{}, err
	}
	if m == nil {
		m = new(aof.Manifest)
	}
	if d.aof.wanted.Load() {
		part, err := d.journalBegins()
		return m, part, err
	}
	// There is no log, and a base is wanted nevertheless.
	return m, journalPart{begin: func() (*failure, error) { return nil, nil }}, nil
}

// journalGoesOn has the journal turn to a further increment, which the manifest has
// from the start.
func (d *Disk) journalGoesOn(m *aof.Manifest) (*aof.Manifest, journalPart, error) {
	f, err := d.newIncrement(m.AddIncrement(d.logName()).Name)
	if err != nil {
		return nil, journalPart{}, err
	}
	if err := d.writeManifest(m); err != nil {
		_ = f.Close()
		return nil, journalPart{}, err
	}
	d.setManifest(m)
	return m, journalPart{keep: 1, begin: func() (*failure, error) { return d.turnLog(f) }}, nil
}

// journalBegins has the journal begin in a file that gets its name when the base is
// there.
func (d *Disk) journalBegins() (journalPart, error) {
	temp := d.temporaryIncrement()
	f, err := d.newIncrement(temp)
	if err != nil {
		return journalPart{}, err
	}
	return journalPart{
		begin: func() (*failure, error) { return nil, d.beginLog(f) },
		join: func(m *aof.Manifest) error {
			inc := m.AddIncrement(d.logName())
			if err := d.fs.Rename(d.logPath(temp), d.logPath(inc.Name)); err != nil {
				return fmt.Errorf("name %s: %w", d.logPath(inc.Name), err)
			}
			return d.fs.SyncDir(d.cfg.Value("appenddirname").String())
		},
		undo: func() {
			d.abandonLog()
			_ = d.fs.Remove(d.logPath(temp))
		},
	}, nil
}

func (d *Disk) setManifest(m *aof.Manifest) {
	d.aof.mu.Lock()
	defer d.aof.mu.Unlock()
	d.aof.manifest = m.Clone()
}

// newIncrement makes the file of an increment.
func (d *Disk) newIncrement(name string) (vfs.File, error) {
	if err := d.makeLogDir(); err != nil {
		return nil, err
	}
	f, err := d.fs.Create(d.logPath(name))
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", d.logPath(name), err)
	}
	if err := d.fs.SyncDir(d.cfg.Value("appenddirname").String()); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// turnLog has the journal go on in f. The whole keyspace is locked.
func (d *Disk) turnLog(f vfs.File) (*failure, error) {
	d.aof.mu.Lock()
	defer d.aof.mu.Unlock()
	if !d.aof.running {
		_ = f.Close()
		return nil, errLogOff
	}
	d.stream.Select()
	return d.aof.journal.turn(f), nil
}

// beginLog has the journal begin in f. The whole keyspace is locked.
func (d *Disk) beginLog(f vfs.File) error {
	d.aof.mu.Lock()
	defer d.aof.mu.Unlock()
	if !d.aof.wanted.Load() {
		_ = f.Close()
		return errLogOff
	}
	d.aof.before = 0
	d.startJournal(f, 0)
	return nil
}

// startJournal has the journal go on in f, which has size bytes. d.aof.mu is held, and
// nothing changes in the keyspace.
func (d *Disk) startJournal(f vfs.File, size int64) {
	// Nothing comes between the two.
	d.aof.journal.start(f, size, d.stream.End())
	d.stream.Attach(d.aof.journal)
	d.aof.running = true
}

// abandonLog takes beginLog back.
func (d *Disk) abandonLog() {
	d.aof.mu.Lock()
	defer d.aof.mu.Unlock()
	if !d.aof.running {
		return
	}
	d.aof.running = false
	d.stream.Detach(d.aof.journal)
	_ = d.aof.journal.stop()
}

// writeBase writes the keyspace as it is when the journal begins its part, while it
// changes.
func (d *Disk) writeBase(w io.Writer, part *journalPart) error {
	var beginErr error
	begin := func() { part.healed, beginErr = part.begin() }
	var err error
	if d.preamble() {
		err = d.writeSnapshotOf(w, snapshotParts{begin: begin, base: true, shown: true})
	} else {
		s := &commandSink{db: -1, out: aof.Commands{Text: d.keys.AppendText, Meta: d.keys.AppendMeta}}
		if d.functions != nil {
			for _, code := range d.functions.LibraryCode() {
				s.out.Library(code)
			}
		}
		err = d.walk(w, s, true, func() {
			begin()
			s.out.LimitPolicies(commands.LimitPolicies(d.keys))
		}, s.take)
	}
	if beginErr != nil {
		return beginErr
	}
	return err
}

// A commandSink encodes the keys of a snapshot as commands.
type commandSink struct {
	mu  sync.Mutex // guards the following; taken under the locks of shards
	out aof.Commands
	db  int

	size atomic.Int64 // of the encoded bytes
}

// Full implements engine.SnapshotSink.
func (s *commandSink) Full() bool { return s.size.Load() > maxEncoded }

// Item implements engine.SnapshotSink.
func (s *commandSink) Item(db int, v value.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(db, v.Item())
}

// Part implements engine.SnapshotSink; a value is one part.
func (s *commandSink) Part(db int, v value.Ref, _ uint64) (uint64, bool) {
	s.Item(db, v)
	return 0, true
}

func (s *commandSink) add(db int, it table.Item) {
	if db != s.db {
		s.out.Select(db)
		s.db = db
	}
	s.out.Key(it)
	s.size.Store(int64(len(s.out.B)))
}

func (s *commandSink) take(spare []byte, more bool) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.out.B) == 0 || more && len(s.out.B) < flushBytes {
		return nil
	}
	b := s.out.B
	s.out.B = spare[:0]
	s.size.Store(0)
	return b
}
