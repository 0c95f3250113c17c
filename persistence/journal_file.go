package persistence

import (
	"sync"
	"sync/atomic"
	"time"

	"cached/internal/vfs"
)

// A journalFile is the file that a journal writes now, and the bytes that are to be written to it.
type journalFile struct {
	size    atomic.Int64 // bytes of complete effects in the file
	past    atomic.Int64 // bytes of increments before it, since the base or the start
	syncing atomic.Int64 // since when, in Unix nanoseconds, or 0
	delayed atomic.Int64 // syncs that took very long
	waiting atomic.Int64 // bytes of pending
	onDisk  atomic.Int64 // how far in the stream the file is synced
	syncNS  atomic.Int64 // how long syncs take, with appendfsync always

	mu       sync.Mutex // guards the following; taken before journal.mu
	file     vfs.File   // nil: none
	pending  []byte     // taken from the buffer, and not yet where it should be
	cuts     []cut      // in pending
	offset   int64      // offset in the stream of the end of pending
	spare    []byte
	torn     bool // the file may be longer than size
	unsynced bool // everysec: something was written since the last sync
	retry    time.Time
	retired  []vfs.File // files before this one, to be closed by sync
}

// write writes logged effects to the file, and those logged meanwhile for that many rounds; out.mu is held.
func (j *journal) write(rounds int) {
	o := &j.out
	if o.file == nil || j.failure.Load() != nil && time.Now().Before(o.retry) {
		return
	}
	for ; rounds > 0 && j.take(); rounds-- {
		if us := j.sleepUS.Load(); us > 0 {
			time.Sleep(time.Duration(us) * time.Microsecond)
		}
		if err := j.put(); err != nil {
			o.waiting.Store(int64(len(o.pending)))
			o.retry = time.Now().Add(failedWait)
			j.fail(err, false)
			return
		}
		o.waiting.Store(0)
		if cap(o.pending) <= keptBuffer {
			o.spare = o.pending[:0]
		}
		o.pending = nil
		if !o.unsynced {
			o.onDisk.Store(o.offset)
		}
		j.wrote(o.offset)
	}
}

// take takes the contents of the buffer, unless bytes are pending still. It reports whether there is anything to
// write.
func (j *journal) take() bool {
	o := &j.out
	if len(o.pending) > 0 || len(o.cuts) > 0 {
		return true
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.buf) == 0 && len(j.cuts) == 0 {
		return false
	}
	o.pending, o.cuts, o.offset = j.buf, j.cuts, j.logged.Load()
	j.buf, j.cuts, o.spare = o.spare, nil, nil
	j.room.Broadcast()
	return true
}

// put writes the pending bytes. Bytes that it could not write stay pending.
func (j *journal) put() error {
	o := &j.out
	for len(o.cuts) > 0 {
		c := o.cuts[0]
		if err := j.piece(o.pending[:c.at]); err != nil {
			return err
		}
		o.pending = o.pending[c.at:]
		o.cuts = o.cuts[1:]
		for i := range o.cuts {
			o.cuts[i].at -= c.at
		}
		// A file must be on the disk as a whole before anything is written to the next.
		if err := o.file.Sync(); err != nil {
			j.fail(err, true)
		}
		j.next(c.file)
	}
	if len(o.pending) == 0 {
		return nil
	}
	return j.piece(o.pending)
}

// next writes the following effects to file.
func (j *journal) next(file vfs.File) {
	o := &j.out
	o.past.Add(o.size.Load())
	o.size.Store(0)
	o.retired = append(o.retired, o.file)
	o.file, o.torn, o.unsynced = file, false, false
}

// based records that the base is complete for which the journal has last turned to a new file: it contains all
// effects before it that were not written. It repairs the failure f.
func (j *journal) based(f *failure) {
	o := &j.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file == nil {
		return
	}
	j.mu.Lock()
	if len(j.cuts) > 0 {
		for _, c := range o.cuts {
			j.next(c.file)
		}
		o.pending, o.cuts, o.offset = j.buf, j.cuts, j.logged.Load()
		j.buf, j.cuts = nil, nil
		j.room.Broadcast()
	}
	j.mu.Unlock()
	if n := len(o.cuts); n > 0 {
		at := o.cuts[n-1].at
		for _, c := range o.cuts {
			j.next(c.file)
		}
		o.pending, o.cuts = o.pending[at:], nil
	}
	o.past.Store(0)
	if f != nil && f.gap && j.failure.CompareAndSwap(f, nil) {
		j.log.Info("the append-only file is whole again")
	}
	o.retry = time.Time{}
	if len(o.pending) == 0 {
		j.wrote(max(o.offset, j.durable.Load()))
	}
	j.write(allRounds)
	j.tell()
}

// piece writes b, which is complete effects. After an error the file is cut back to its end before, at once or
// before anything else is written.
func (j *journal) piece(b []byte) error {
	o := &j.out
	size := o.size.Load()
	if o.torn {
		if err := o.file.Truncate(size); err != nil {
			return err
		}
		o.torn = false
	}
	if len(b) > 0 {
		if _, err := o.file.Write(b); err != nil {
			o.torn = o.file.Truncate(size) != nil
			return err
		}
	}
	o.unsynced = true
	if j.policy.Int() == always && !j.pause() {
		start := time.Now()
		err := o.file.Sync()
		o.syncNS.Store((3*o.syncNS.Load() + int64(time.Since(start))) / 4)
		if err != nil {
			// The system may have discarded pages that it could not write: the bytes are written again.
			o.torn = o.file.Truncate(size) != nil
			return err
		}
		o.unsynced = false
	}
	o.size.Store(size + int64(len(b)))
	return nil
}

// sync closes files that are complete and, if wanted is set, syncs the present one. It is called by one goroutine.
func (j *journal) sync(wanted bool) {
	o := &j.out
	o.mu.Lock()
	file, needed, retired, offset := o.file, wanted && o.unsynced, o.retired, j.durable.Load()
	o.retired = nil
	if needed {
		o.unsynced = false
	}
	o.mu.Unlock()
	j.lookAgain()
	for _, f := range retired {
		_ = f.Close()
	}
	if file == nil || !needed {
		return
	}
	start := time.Now()
	o.syncing.Store(start.UnixNano())
	err := file.Sync()
	o.syncing.Store(0)
	if time.Since(start) > slowSync {
		o.delayed.Add(1)
	}
	o.mu.Lock()
	switch {
	case err == nil:
		o.onDisk.Store(offset)
	case file == o.file:
		// The system may have discarded pages that it could not write.
		j.fail(err, true)
	}
	o.mu.Unlock()
	j.wake()
	j.tell()
}

// drain writes all that was logged, or says why that is not possible.
func (j *journal) drain() error {
	o := &j.out
	o.mu.Lock()
	defer o.mu.Unlock()
	j.write(allRounds)
	if f := j.failure.Load(); f != nil {
		return f.err
	}
	return nil
}

// stop ends the logging. Logged effects are first synced to the disk, as far as possible.
func (j *journal) stop() error {
	o := &j.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file == nil {
		return nil
	}
	j.mu.Lock()
	j.on = false
	j.room.Broadcast()
	j.mu.Unlock()
	o.retry = time.Time{}
	j.write(allRounds)
	var err error
	if f := j.failure.Load(); f != nil {
		err = f.err
	}
	if syncErr := o.file.Sync(); err == nil {
		err = syncErr
	}
	for _, c := range o.cuts {
		_ = c.file.Close()
	}
	for _, f := range append(o.retired, o.file) {
		_ = f.Close()
	}
	j.mu.Lock()
	j.dropBuffer()
	j.mu.Unlock()
	o.file, o.retired, o.pending, o.cuts = nil, nil, nil, nil
	j.failure.Store(nil)
	j.durable.Store(everything)
	j.tell()
	return err
}
