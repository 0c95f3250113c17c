package persistence

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/engine/table"
	"cached/engine/value"
	"cached/internal/vfs"
	"cached/persistence/rdb"
)

const (
	flushBytes = 32 << 10 // encoded bytes that are compressed and written together
	syncBytes  = 16 << 20 // written bytes after which the disk is asked to keep up
	maxRetries = 16       // of a snapshot that a flush interrupts
)

var errCanceled = errors.New("the snapshot was canceled")

// newEncoder returns an encoder as configured; latest asks for the latest
// version.
func (d *Disk) newEncoder(latest bool) *rdb.Encoder {
	e := &rdb.Encoder{Version: rdb.BaseVersion, Compress: d.cfg.Value("rdbcompression").Bool(), Text: d.keys.AppendText, Used: d.keys.Used, Meta: d.keys.AppendMeta}
	if latest || d.cfg.Value("rdb-version").String() == "12" {
		e.Version = rdb.Version
	}
	return e
}

// accessKind is the form of the access history in files: the one that the eviction policy keeps.
func (d *Disk) accessKind() int {
	switch p := d.cfg.Value("maxmemory-policy").String(); {
	case strings.HasSuffix(p, "-lru"):
		return rdb.IdleTime
	case strings.HasSuffix(p, "-lfu"):
		return rdb.Frequency
	}
	return rdb.NoAccess
}

// head encodes the beginning of a file, which may be the base of a log.
func (d *Disk) head(e *rdb.Encoder, nowMS, usedBytes int64, base bool, at *Position) {
	e.Header()
	e.Aux("redis-ver", d.version)
	e.Aux("redis-bits", "64")
	e.Aux("ctime", strconv.FormatInt(nowMS/1000, 10))
	e.Aux("used-mem", strconv.FormatInt(usedBytes, 10))
	if at != nil && !base {
		e.Aux("repl-stream-db", strconv.Itoa(at.DB))
		e.Aux("repl-id", at.ID)
		e.Aux("repl-offset", strconv.FormatInt(at.Offset, 10))
	}
	e.Aux("aof-base", map[bool]string{false: "0", true: "1"}[base])
	if text := commands.LimitPolicies(d.keys); text != "" {
		e.Aux(rdb.PoliciesAux, text)
	}
	if d.functions == nil {
		return
	}
	for _, code := range d.functions.LibraryCode() {
		e.Library([]byte(code))
	}
}

// replaceFile has write make the new snapshot, which has the name temp until it is whole.
func (d *Disk) replaceFile(temp string, write func(w *rdb.Writer) error) (size int64, err error) {
	sum, pace := d.cfg.Value("rdbchecksum").Bool(), d.cfg.Value("rdb-save-incremental-fsync").Bool()
	err = vfs.Replace(d.fs, d.path(), temp, func(f vfs.File) error {
		w := &rdb.Writer{W: f, NoSum: !sum}
		err := writePaced(w, f, pace, write)
		size = w.N
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("write snapshot %s: %w", d.path(), err)
	}
	return size, nil
}

// writePaced has write write to w, which is for f.
func writePaced(w *rdb.Writer, f vfs.File, pace bool, write func(w *rdb.Writer) error) error {
	if !pace {
		return write(w)
	}
	p := &pacedFile{f: f}
	w.W = p
	err := write(w)
	return errors.Join(err, p.wait())
}

// A pacedFile syncs written bytes at intervals, while more are written, so that the end does not have to wait for
// all of them.
type pacedFile struct {
	f       vfs.File
	n       int
	syncing chan error // the last sync, or nil
}

func (p *pacedFile) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	if p.n += n; err != nil || p.n < syncBytes {
		return n, err
	}
	p.n = 0
	if err := p.wait(); err != nil {
		return n, err
	}
	done := make(chan error, 1)
	p.syncing = done
	go func() { done <- p.f.Sync() }()
	return n, nil
}

// wait returns when nothing is being synced.
func (p *pacedFile) wait() error {
	if p.syncing == nil {
		return nil
	}
	err := <-p.syncing
	p.syncing = nil
	return err
}

// saveNow writes a snapshot while all commands wait. tx, if not nil, holds the whole keyspace.
func (d *Disk) saveNow(tx *engine.Tx) error {
	start := time.Now()
	if tx == nil {
		tx = new(engine.Tx)
		tx.Begin(d.keys, 0, start.UnixMilli())
		tx.LockAll()
		defer tx.Unlock()
	}
	changes := d.keys.Changes(tx)
	size, err := d.replaceFile(temporary(false), func(w *rdb.Writer) error { return d.writeAll(w, tx) })
	if err != nil {
		return err
	}
	d.saved(start, changes)
	d.log.Info("DB saved on disk", "file", d.path(), "bytes", size, "took", time.Since(start))
	return nil
}

// saved notes a snapshot that is good.
func (d *Disk) saved(start time.Time, changes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last.at, d.last.changes, d.last.failed = time.Now().Unix(), changes, false
	d.last.count++
	d.setClosed()
}

// writeAll writes the keyspace as it is; tx holds all of it.
func (d *Disk) writeAll(w io.Writer, tx *engine.Tx) error { return d.writeAllOf(w, tx, false) }

func (d *Disk) writeAllOf(w io.Writer, tx *engine.Tx, base bool) error {
	e := d.newEncoder(d.keys.FieldDeadlines())
	d.head(e, tx.NowMS, d.keys.Memory(tx).Live, base, d.position())
	access, saved, wait := d.accessKind(), tx.DB, d.saveDelay()
	defer func() { tx.DB = saved }()
	var err error
	for db := range d.keys.Databases() {
		st := d.keys.DBStats(tx, db, tx.NowMS)
		if st.Keys == 0 {
			continue
		}
		tx.DB = db
		e.Select(db)
		e.Sizes(st.Keys, st.Expires)
		each := tx.Each(func(it table.Item) bool {
			wait.pause(1)
			for cursor := uint64(0); ; {
				if !value.IsHuge(it) {
					e.KeyValue(it, access, tx.NowMS)
				} else {
					cursor = e.Part(it, cursor, access, tx.NowMS)
				}
				if len(e.B) >= flushBytes {
					_, err = w.Write(e.B)
					e.B = kept(e.B)
				}
				if err != nil || cursor == 0 {
					return err == nil
				}
			}
		})
		if err = errors.Join(err, each); err != nil {
			return err
		}
	}
	if _, err := w.Write(e.B); err != nil {
		return err
	}
	if end, ok := w.(*rdb.Writer); ok {
		return end.End()
	}
	return nil
}

// kept is b emptied, to be filled again unless it is very large.
func kept(b []byte) []byte {
	if cap(b) > 16*flushBytes {
		return nil
	}
	return b[:0]
}

// startBackground begins a snapshot in the background, and reports false if there
// is one already.
func (d *Disk) startBackground() bool {
	return d.inBackground(func() {
		d.asked.Store(false)
		d.mu.Lock()
		d.scheduled, d.started = false, time.Now()
		d.last.tried = d.started
		d.mu.Unlock()
	}, d.background)
}

// inBackground calls begin and has work done by a goroutine, unless something is being
// saved already; then it reports false.
func (d *Disk) inBackground(begin, work func()) bool {
	if !d.saving.CompareAndSwap(false, true) {
		return false
	}
	begin()
	d.group.Add(1)
	go func() {
		defer d.group.Done()
		defer d.lookSoon() // for a snapshot that was put off
		defer d.saving.Store(false)
		giveWay()
		work()
	}()
	return true
}

// untilWhole calls write until no database is flushed meanwhile, or too often.
func untilWhole(write func() (size int64, err error)) (size int64, err error) {
	for range maxRetries {
		if size, err = write(); !errors.Is(err, engine.ErrFlushed) {
			break
		}
	}
	return size, err
}

func (d *Disk) background() {
	start := time.Now()
	var changes int64
	size, err := untilWhole(func() (int64, error) {
		changes = d.keys.Changes(nil)
		return d.replaceFile(temporary(true), d.writeSnapshot)
	})
	if err == nil {
		d.saved(start, changes)
		d.log.Info("Background saving terminated with success", "file", d.path(), "bytes", size, "took", time.Since(start))
	} else if !errors.Is(err, errCanceled) {
		d.log.Error("Background saving error", "error", err)
	}
	d.mu.Lock()
	d.last.took = int64(time.Since(start).Seconds())
	d.last.failed = err != nil && !errors.Is(err, errCanceled)
	d.setClosed()
	d.mu.Unlock()
}

// writeSnapshot writes the keyspace as it is now while it changes.
func (d *Disk) writeSnapshot(w *rdb.Writer) error {
	return d.writeSnapshotOf(w, snapshotParts{begin: func() {}, shown: true})
}

// snapshotParts say what a snapshot is for.
type snapshotParts struct {
	begin func() // is called at the moment whose keyspace is written, with all of it locked
	base  bool   // of a log
	shown bool   // INFO tells how far it has come
	most  int64  // bytes that may wait to be written before tooMuch is called
	// tooMuch is called once, under the lock of a shard. Commands do not wait then.
	tooMuch func()
}

// writeSnapshotOf is writeSnapshot of something else than the file of snapshots.
func (d *Disk) writeSnapshotOf(w io.Writer, p snapshotParts) error {
	nowMS := time.Now().UnixMilli()
	s := &sink{access: d.accessKind(), nowMS: nowMS, db: -1, asideDB: -1, most: p.most, tooMuch: p.tooMuch}
	var at *Position
	var compressor rdb.Compressor
	used := d.keys.Memory(nil).Live
	var sizes []engine.DBStats
	for db := range d.keys.Databases() {
		sizes = append(sizes, d.keys.DBStats(nil, db, nowMS))
	}
	begun := false
	err := d.walk(w, s, p.shown, func() {
		latest := d.keys.FieldDeadlines()
		s.main, s.aside = d.newEncoder(latest), d.newEncoder(latest)
		s.main.Later, s.aside.Later = true, true
		p.begin()
		at = d.position()
	}, func(spare []byte, more bool) []byte {
		b, noted := s.take(spare, more)
		b = compressor.Places(b, noted)
		if begun {
			return b
		}
		begun = true
		head := d.newEncoder(s.main.Version == rdb.Version)
		d.head(head, nowMS, used, p.base, at)
		for db, st := range sizes {
			if st.Keys > 0 {
				head.Select(db)
				head.Sizes(st.Keys, st.Expires)
			}
		}
		return append(head.B, b...)
	})
	if err != nil {
		return err
	}
	if end, ok := w.(*rdb.Writer); ok {
		return end.End()
	}
	return nil
}

// walk saves a snapshot of the keyspace to a sink, and writes the result of take: the bytes that the sink has
// encoded, when they are enough or the last. take may reuse spare. INFO shows its progress if it is shown.
func (d *Disk) walk(w io.Writer, s engine.SnapshotSink, shown bool, begin func(), take func(spare []byte, more bool) []byte) error {
	snap, err := d.keys.StartSnapshot(s, begin)
	if err != nil {
		return err
	}
	if shown {
		d.setSnapshot(snap)
	}
	defer func() {
		if shown {
			d.setSnapshot(nil)
		}
		snap.Close()
	}()
	var spare []byte
	wait, saved := d.saveDelay(), 0
	pace := newPacer()
	for more := true; more; {
		if d.cancel.Load() {
			return errCanceled
		}
		pace.rest()
		more = snap.Step()
		if err := snap.Err(); err != nil {
			return err
		}
		n, _ := snap.Progress()
		if wait.pause(int64(n - saved)) {
			pace.begun = time.Now()
		}
		saved = n
		b := take(spare, more)
		if b == nil {
			continue
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		spare = kept(b)
	}
	return nil
}

func (d *Disk) setSnapshot(s *engine.Snapshot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.snapshot = s
}

// A sink encodes the keys of a snapshot. While a huge value is being saved in parts, keys that must be saved in
// between are encoded into a second buffer.
type sink struct {
	access int
	nowMS  int64

	mu      sync.Mutex // guards the following; taken under the locks of shards
	main    *rdb.Encoder
	db      int // that main selected last
	aside   *rdb.Encoder
	asideDB int
	open    bool        // a huge value has begun
	noted   []rdb.Place // places noted in the bytes taken last

	size    atomic.Int64 // about the number of encoded bytes
	most    int64        // see snapshotParts
	tooMuch func()       // or nil
}

// maxEncoded is how much may wait for the disk before commands that would add to it
// come back later.
const maxEncoded = 64 << 20

// Full implements engine.SnapshotSink.
func (s *sink) Full() bool { return s.tooMuch == nil && s.size.Load() > maxEncoded }

// Item implements engine.SnapshotSink.
func (s *sink) Item(db int, v value.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, at := s.main, &s.db
	if s.open {
		e, at = s.aside, &s.asideDB
	}
	if *at != db {
		e.Select(db)
		*at = db
	}
	e.KeyValue(v.Item(), s.access, s.nowMS)
	size := int64(len(s.main.B) + len(s.aside.B))
	s.size.Store(size)
	if s.most > 0 && size > s.most {
		s.most = 0
		s.tooMuch()
	}
}

// Part implements engine.SnapshotSink.
func (s *sink) Part(db int, v value.Ref, cursor uint64) (next uint64, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cursor == 0 && s.db != db {
		s.main.Select(db)
		s.db = db
	}
	s.open = true
	if next = s.main.Part(v.Item(), cursor, s.access, s.nowMS); next != 0 {
		return next, false
	}
	s.open = false
	if len(s.aside.B) > 0 {
		s.main.AppendAll(s.aside)
		s.db, s.asideDB = s.asideDB, -1
		s.aside.B = kept(s.aside.B)
	}
	return 0, true
}

// take returns the encoded bytes, if they are worth a write or the last, with the strings noted in them, and gives
// the encoder another buffer. Noted places are valid until the next call.
func (s *sink) take(spare []byte, more bool) ([]byte, []rdb.Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.main.B) == 0 || more && len(s.main.B) < flushBytes {
		return nil, nil
	}
	b, noted := s.main.B, s.main.Noted
	s.main.B, s.main.Noted, s.noted = spare[:0], s.noted[:0], noted
	s.size.Store(int64(len(s.aside.B)))
	return b, noted
}
