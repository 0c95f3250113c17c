package persistence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"cached/engine"
	"cached/internal/vfs"
	"cached/persistence/aof"
	"cached/persistence/rdb"
)

// A Replayer runs commands of a log, in their order. Their effects are not logged.
type Replayer interface {
	// Replay runs some commands; an error stops the loading. The caller does not use the words afterwards.
	Replay(commands [][][]byte) error
	// Failed is how many commands replied an error, and the first of them.
	Failed() (n int64, first string)
	// Key returns the key of a command that uses only this one key; otherwise nil. session is true if the command
	// changes nothing but the state of the Replayer, such as its database. A command that does not exist is an
	// error.
	Key(argv [][]byte) (key []byte, session bool, err error)
}

// SetReplayer sets the function that makes Replayers for a log. It is called before Begin. tx, if not nil, holds
// the whole keyspace.
func (d *Disk) SetReplayer(newReplayer func(tx *engine.Tx) Replayer) { d.newReplayer = newReplayer }

// logPath is where a file of the log is.
func (d *Disk) logPath(name string) string { return d.cfg.Value("appenddirname").String() + "/" + name }

// logName is the prefix of the names of the log's files.
func (d *Disk) logName() string { return d.cfg.Value("appendfilename").String() }

// readManifest returns the manifest on the disk, nil if there is none.
func (d *Disk) readManifest() (*aof.Manifest, error) {
	path := d.logPath(aof.ManifestName(d.logName()))
	text, err := readFile(d.fs, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var m *aof.Manifest
	if err == nil {
		m, err = aof.ParseManifest(text)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return m, nil
}

const maxManifest = 64 << 20

func readFile(files vfs.FS, path string) ([]byte, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxManifest))
}

func exists(files vfs.FS, path string) bool {
	f, err := files.Open(path)
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}

// findLog returns the manifest of the log there is, nil if there is none. A log of
// one file, as servers before Redis 7 kept it, is moved to where it belongs.
func (d *Disk) findLog() (*aof.Manifest, error) {
	m, err := d.readManifest()
	if err != nil {
		return nil, err
	}
	old := d.logName()
	switch {
	case m == nil && exists(d.fs, old):
		m = aof.Upgraded(old)
		if err := d.writeManifest(m); err != nil {
			return nil, err
		}
	case m != nil && len(m.Increments) == 0 && m.Base != nil && m.Base.Name == old &&
		!exists(d.fs, d.logPath(old)) && exists(d.fs, old):
		// The move was interrupted.
	default:
		return m, nil
	}
	err = d.fs.Rename(old, d.logPath(old))
	if err == nil {
		err = errors.Join(d.fs.SyncDir(d.cfg.Value("appenddirname").String()), d.fs.SyncDir("."))
	}
	if err != nil {
		return nil, fmt.Errorf("move %s to %s: %w", old, d.logPath(old), err)
	}
	d.log.Info("upgraded the append-only file", "file", old, "now", d.logPath(old))
	return m, nil
}

// replay fills the keyspace, which is empty, from the files of a log, and returns
// how long the last of them is. tx, if not nil, holds the whole keyspace.
func (d *Disk) replay(m *aof.Manifest, tx *engine.Tx) (last int64, err error) {
	files := m.Files()
	role := d.keys.Role()
	d.keys.SetRole(engine.Replica)
	defer d.keys.SetRole(role)
	p := &d.loading
	p.before.Store(0)
	p.progress.Bytes.Store(0)
	p.progress.Keys.Store(0)
	p.progress.Expired.Store(0)
	total, end := int64(0), 0 // end: the last file that is not empty
	for i, f := range files {
		h, err := d.fs.Open(d.logPath(f.Name))
		if err != nil {
			return 0, fmt.Errorf("load the append-only file: %w", err)
		}
		size, err := h.Size()
		_ = h.Close()
		if err != nil {
			return 0, fmt.Errorf("load the append-only file: %w", err)
		}
		total += size
		if size > 0 {
			end = i
		}
	}
	p.total.Store(total)
	begin := time.Now()
	for i, f := range files {
		path := d.logPath(f.Name)
		start := time.Now()
		last, err = d.replayFile(path, i >= end, tx)
		if err != nil {
			d.log.Error(d.badLog(f.Name, err))
			return 0, fmt.Errorf("load the append-only file %s: %w", path, err)
		}
		took := time.Since(start)
		kind := "incr file "
		if f.Type == aof.Base {
			kind = "base file "
		}
		d.log.Info("DB loaded from "+kind+f.Name+": "+seconds(took), "file", path, "bytes", last, "took", took, "mb_per_second", rate(last, took))
		p.before.Add(last)
		p.progress.Bytes.Store(0)
	}
	d.log.Info("DB loaded from append only file: " + seconds(time.Since(begin)))
	return last, nil
}

// badLog says in Redis's words what an operator can do about a file of the log.
func (d *Disk) badLog(name string, err error) string {
	fix := "ake a backup of your AOF file, then use ./redis-check-aof --fix " + aof.ManifestName(d.logName())
	if errors.Is(err, aof.ErrTruncated) {
		return "Unexpected end of file reading the append only file " + name + ". You can: 1) M" + fix +
			". 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server."
	}
	return "Bad file format reading the append only file " + name + ": m" + fix
}

// replayFile loads one file. The last file of a log may end in the middle of a command, because a server was
// killed: then that command is cut off. Files behind it may exist and be empty: a rewrite enters the next
// increment in the manifest before it writes to it.
func (d *Disk) replayFile(path string, last bool, tx *engine.Tx) (size int64, err error) {
	f, err := d.fs.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if size, err = f.Size(); err != nil {
		return 0, err
	}
	head := make([]byte, 5)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return 0, err
	}
	src, offset := io.MultiReader(bytes.NewReader(head[:n]), f), int64(0)
	if string(head[:n]) == "REDIS" {
		r, err := rdb.Load(src, d.keys, rdb.LoadOptions{NowMS: time.Now().UnixMilli(), KeepExpired: true, Tx: tx, Size: size,
			Progress: &d.loading.progress, NoChecksum: d.noChecksum(), Each: d.loadDelay().one})
		if err != nil {
			return 0, err
		}
		if err := d.loadBeside(&r); err != nil {
			return 0, err
		}
		src, offset = io.MultiReader(bytes.NewReader(r.Rest), f), r.Bytes
	}
	in := aof.NewReader(src, offset)
	err = d.runAll(in, tx)
	if !errors.Is(err, aof.ErrTruncated) {
		return size, err
	}
	if !last || !d.cfg.Value("aof-load-truncated").Bool() {
		return 0, fmt.Errorf("%w, behind byte %d: redis-check-aof --fix cuts it off", err, in.Valid())
	}
	name := filepath.Base(path)
	d.log.Warn("!!! Warning: short read while loading the AOF file "+name+"!!!", "file", path, "bytes", size, "kept", in.Valid())
	d.log.Warn("Truncating the AOF " + name + " at offset " + strconv.FormatInt(in.Valid(), 10))
	d.log.Warn("AOF " + name + " loaded anyway because aof-load-truncated is enabled")
	return in.Valid(), d.cutOff(path, in.Valid())
}

// cutOff truncates a file to size.
func (d *Disk) cutOff(path string, size int64) error {
	f, err := d.fs.Append(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	return f.Sync()
}

// ReloadLog empties the keyspace and loads it from the append-only file, for DEBUG
// LOADAOF. tx holds the whole keyspace.
func (d *Disk) ReloadLog(tx *engine.Tx) error {
	err := d.reloadLog(tx)
	if err != nil {
		d.log.Error("reload the append-only file", "error", err)
	}
	changes := d.keys.Changes(tx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last.changes, d.scheduled = changes, false
	return err
}

func (d *Disk) reloadLog(tx *engine.Tx) error {
	d.reloading.Store(true)
	defer d.reloading.Store(false)
	d.aof.mu.Lock()
	m, running := d.aof.manifest, d.aof.running
	d.aof.mu.Unlock()
	if running {
		if err := d.aof.journal.drain(); err != nil {
			return err
		}
	} else {
		var err error
		if m, err = d.readManifest(); err != nil {
			return err
		}
	}
	tx.Flush(-1, false)
	if m == nil {
		return errors.New("there is none")
	}
	_, err := d.replay(m, tx)
	return err
}
