package persistence

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"cached/engine"
	"cached/internal/config"
	"cached/internal/vfs"
	"cached/persistence/aof"
	"cached/persistence/rdb"
)

// A logState is the append-only file of a Disk: its files and their rewriting. The journal writes the last of
// these files.
type logState struct {
	journal *journal
	wanted  atomic.Bool // appendonly
	due     atomic.Bool // a rewrite begins as soon as nothing else is being saved

	mu       sync.Mutex    // guards the following; taken under the locks of shards
	manifest *aof.Manifest // nil: no file was looked for yet, or there is none
	running  bool          // the journal is the engine's
	base     int64         // bytes of all files after the last rewrite or the start
	before   int64         // bytes of the files in front of those that the journal counts

	rewrites rewriteRecord
}

// A rewriteRecord is the outcome of the last rewrites.
type rewriteRecord struct {
	active   bool
	started  time.Time
	took     int64 // seconds, of the last; -1: there was none
	failed   bool  // the last
	count    int64
	failures int64 // in a row
}

func (d *Disk) initLog() {
	d.aof.rewrites.took = -1
	if d.cfg == nil {
		return
	}
	d.aof.journal = newJournal(d.cfg, d.log, func() bool {
		return d.saving.Load() && d.cfg.Value("no-appendfsync-on-rewrite").Bool()
	})
	d.aof.wanted.Store(d.cfg.Value("appendonly").Bool())
	d.cfg.OnChange("appendonly", func(v *config.Value) error {
		if v.Bool() {
			return d.turnLogOn()
		}
		d.turnLogOff()
		return nil
	})
	d.cfg.OnChange("appendfsync", func(*config.Value) error { d.aof.journal.wake(); return nil })
}

// writeManifest puts a manifest in the place of the one there is.
func (d *Disk) writeManifest(m *aof.Manifest) error {
	if err := d.makeLogDir(); err != nil {
		return err
	}
	path := d.logPath(aof.ManifestName(d.logName()))
	err := vfs.Replace(d.fs, path, d.logPath("temp-"+aof.ManifestName(d.logName())), func(f vfs.File) error {
		_, err := f.Write(m.Append(nil))
		return err
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func (d *Disk) makeLogDir() error {
	dir := d.cfg.Value("appenddirname").String()
	err := d.fs.MakeDir(dir)
	if err == nil {
		err = d.fs.SyncDir(".") // where it has its name
	}
	if err != nil {
		return fmt.Errorf("make directory %s: %w", dir, err)
	}
	return nil
}

// loadLog fills the keyspace from the append-only file, if there is one, and has the
// log go on there.
func (d *Disk) loadLog() error {
	m, err := d.findLog()
	if err != nil {
		return err
	}
	last := int64(0)
	if m != nil {
		if last, err = d.replay(m, nil); err != nil {
			return err
		}
	} else if exists(d.fs, d.path()) {
		d.log.Warn("there is no append-only file, and the snapshot is not loaded since appendonly is set", "file", d.path())
	}
	return d.openLog(m, last)
}

// openLog continues the log m, whose last file has last bytes. A log without any file gets a base of the present
// keyspace, before clients are served. A log that has an increment is used as it is, and nothing has to be
// written: if the disk is full, the server starts and refuses changes until there is room.
func (d *Disk) openLog(m *aof.Manifest, last int64) error {
	if m == nil {
		m = new(aof.Manifest)
	}
	m = m.Clone()
	d.removeTemporaries()
	if m.Base == nil && len(m.Increments) == 0 {
		var tx engine.Tx
		tx.Begin(d.keys, 0, time.Now().UnixMilli())
		tx.LockAll()
		base := m.Replace(d.logName(), d.preamble(), 0)
		_, err := d.replaceBase(base.Name, func(w io.Writer) error { return d.writeAllOf(w, &tx, true) })
		tx.Unlock()
		if err != nil {
			return err
		}
		d.log.Info("made a base of the append-only file", "file", d.logPath(base.Name))
	}
	f, last, err := d.openIncrement(m, last)
	if err != nil {
		return err
	}
	d.dropHistory(m)
	total := d.sizeOf(m)
	d.aof.mu.Lock()
	defer d.aof.mu.Unlock()
	d.aof.manifest, d.aof.base, d.aof.before = m, total, total-last
	d.startJournal(f, last)
	return nil
}

// openIncrement opens the last increment of m, which has last bytes, to append to it.
// If m has none, an empty one is made and the manifest written.
func (d *Disk) openIncrement(m *aof.Manifest, last int64) (vfs.File, int64, error) {
	if n := len(m.Increments); n > 0 {
		f, err := d.fs.Append(d.logPath(m.Increments[n-1].Name))
		if err != nil {
			return nil, 0, fmt.Errorf("open append-only file: %w", err)
		}
		return f, last, nil
	}
	// A file of that name may exist that was never in a manifest.
	f, err := d.newIncrement(m.AddIncrement(d.logName()).Name)
	if err != nil {
		return nil, 0, err
	}
	if err := d.writeManifest(m); err != nil {
		_ = f.Close()
		return nil, 0, err
	}
	return f, 0, nil
}

// removeTemporaries removes unfinished files of the log that an earlier server left. Such a file may be the one
// that fills the disk.
func (d *Disk) removeTemporaries() {
	for _, name := range []string{temporaryBase, d.temporaryIncrement(), "temp-" + aof.ManifestName(d.logName())} {
		if exists(d.fs, d.logPath(name)) {
			_ = d.fs.Remove(d.logPath(name))
		}
	}
}

// temporaryBase is the name of a base until it is whole.
const temporaryBase = "temp-rewriteaof-bg.aof"

// temporaryIncrement is the name of the first increment of a log until its base is whole.
func (d *Disk) temporaryIncrement() string { return "temp-" + d.logName() + ".incr" }

// sizeOf is how many bytes the files of a log have.
func (d *Disk) sizeOf(m *aof.Manifest) (total int64) {
	for _, f := range m.Files() {
		if h, err := d.fs.Open(d.logPath(f.Name)); err == nil {
			size, _ := h.Size()
			total += size
			_ = h.Close()
		}
	}
	return total
}

// dropHistory removes files that are no longer needed, and then drops them from the manifest. A file that cannot
// be removed is tried again at the next rewrite.
func (d *Disk) dropHistory(m *aof.Manifest) {
	if len(m.History) == 0 || d.cfg.Value("aof-disable-auto-gc").Bool() {
		return
	}
	for _, f := range m.History {
		_ = d.fs.Remove(d.logPath(f.Name))
	}
	m.History = nil
	if err := d.writeManifest(m); err != nil {
		d.log.Warn("forget old append-only files", "error", err)
	}
}

func (d *Disk) preamble() bool { return d.cfg.Value("aof-use-rdb-preamble").Bool() }

// replaceBase has write make a base.
func (d *Disk) replaceBase(name string, write func(w io.Writer) error) (size int64, err error) {
	temp := d.logPath(temporaryBase) // an unfinished one is overwritten
	pace := d.cfg.Value("aof-rewrite-incremental-fsync").Bool()
	if err := d.makeLogDir(); err != nil {
		return 0, err
	}
	err = vfs.Replace(d.fs, d.logPath(name), temp, func(f vfs.File) error {
		w := &rdb.Writer{W: f, NoSum: !d.preamble() || !d.cfg.Value("rdbchecksum").Bool()}
		err := writePaced(w, f, pace, func(w *rdb.Writer) error { return write(w) })
		size = w.N
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", d.logPath(name), err)
	}
	return size, nil
}

// turnLogOn begins a log of the present keyspace. When its base is complete, it takes the place of an earlier log;
// until then effects are written to a file that is not in the manifest.
func (d *Disk) turnLogOn() error {
	d.aof.wanted.Store(true)
	if d.loading.active.Load() {
		return nil // Load looks at it again
	}
	if err := d.tryLogDir(); err != nil {
		d.aof.wanted.Store(false)
		d.log.Error("turn on the append-only file", "error", err)
		return errLogOn
	}
	d.aof.due.Store(true)
	d.startDueRewrite()
	return nil
}

var errLogOn = errors.New("Unable to turn on AOF. Check server logs.")

// tryLogDir makes a file where those of the log will be, and removes it.
func (d *Disk) tryLogDir() error {
	temp := "temp-" + d.logName() + ".try"
	f, err := d.newIncrement(temp)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), d.fs.Remove(d.logPath(temp)))
}

// turnLogOff ends the logging. The files stay in their place.
func (d *Disk) turnLogOff() {
	d.aof.mu.Lock()
	defer d.aof.mu.Unlock()
	d.aof.wanted.Store(false)
	d.aof.due.Store(false)
	if !d.aof.running {
		return
	}
	d.aof.running = false
	d.stream.Detach(d.aof.journal)
	if err := d.aof.journal.stop(); err != nil {
		d.log.Error("end the append-only file", "error", err)
	}
}

// closeLog ends the logging when the server exits.
func (d *Disk) closeLog() {
	if d.aof.journal == nil {
		return
	}
	d.aof.mu.Lock()
	defer d.aof.mu.Unlock()
	if d.aof.running {
		d.aof.running = false
		if err := d.aof.journal.stop(); err != nil {
			d.log.Error("end the append-only file", "error", err)
		}
	}
}

// errLogOff: a log that was to begin is not wanted any more.
var errLogOff = errors.New("the append-only file was turned off")
