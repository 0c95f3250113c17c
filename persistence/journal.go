package persistence

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cached/internal/clock"
	"cached/internal/config"
	"cached/internal/vfs"
	"cached/persistence/aof"
)

// A journal writes the increments of the append-only file; it is a sink of the stream of effects. Effects are
// appended to a buffer, under the locks of their shards. A loop writes the buffer to the file before it sends
// replies (flush), or the journal's own goroutine does, and they sync the file as appendfsync says.
//
// The reply to a client that has changed something is sent when durable has reached the value that logged had
// after the change: with appendfsync always, when it is on the disk, otherwise when the system has it.
type journal struct {
	log    *slog.Logger
	policy *config.Value // appendfsync
	times  *config.Value // aof-timestamp-enabled
	pause  func() bool   // nothing is synced now

	logged, durable atomic.Int64 // offsets in the stream
	failure         atomic.Pointer[failure]
	notify          atomic.Pointer[func()] // called when durable or failure has changed
	sleepUS         atomic.Int64           // before each write, for tests
	kicked          atomic.Bool
	kick            chan struct{} // has the goroutine write
	out             journalFile

	mu       sync.Mutex // guards the following; taken under the locks of shards
	on       bool       // effects are logged
	dropping bool       // they are not, since a new base is needed anyway
	buf      []byte     // logged, and not yet taken for writing
	cuts     []cut      // where in buf the file changes
	second   int64      // of the last note of the time
	room     sync.Cond  // buf has room again
}

// A cut is the beginning of a new file.
type cut struct {
	at   int // in the bytes it belongs to
	file vfs.File
}

// A failure is the reason why the log is incomplete.
type failure struct {
	err error
	// gap: the missing effects will not be written any more. Only a new base makes the log complete again.
	gap bool
}

const (
	// maxPending is how many bytes may wait for the disk before commands that change something wait too.
	maxPending = 64 << 20
	keptBuffer = 1 << 20 // the largest buffer that is kept when it is empty

	tickEvery  = 100 * time.Millisecond // for effects that no client waits for
	syncEvery  = time.Second            // everysec
	slowSync   = 2 * time.Second        // a sync that INFO counts as delayed
	failedWait = time.Second            // after a failure

	allRounds = 1 << 30 // of write

	// quickSync is how long syncs may take, in nanoseconds, for a loop to wait for
	// one itself. To have another goroutine do it wakes two threads, and gathers
	// fewer clients for each sync; clients that only read would not wait for it.
	quickSync = int64(time.Millisecond)
)

// The values of appendfsync, in the order of its row.
const (
	everySecond int64 = iota
	always
	never
)

func newJournal(cfg *config.Config, log *slog.Logger, pause func() bool) *journal {
	j := &journal{log: log, policy: cfg.Value("appendfsync"), times: cfg.Value("aof-timestamp-enabled"), pause: pause,
		kick: make(chan struct{}, 1)}
	j.room.L = &j.mu
	j.durable.Store(everything)
	return j
}

// start writes effects from now on to file, which has size bytes; offset is the position in the stream where that
// begins.
func (j *journal) start(file vfs.File, size, offset int64) {
	o := &j.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.file, o.retired, o.pending, o.torn, o.unsynced = file, nil, nil, false, false
	o.size.Store(size)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.on, j.dropping, j.second = true, false, 0
	j.failure.Store(nil)
	j.logged.Store(offset)
	j.durable.Store(offset)
	j.wake()
}

// Append implements effects.Sink.
func (j *journal) Append(offset int64, b []byte) {
	j.mu.Lock()
	if j.begin() {
		j.buf = append(j.buf, b...)
		j.logged.Store(offset + int64(len(b)))
	}
	j.mu.Unlock()
}

// begin makes the journal ready for an effect, and reports false if it is not to
// be logged.
func (j *journal) begin() bool {
	for j.on && !j.dropping && len(j.buf) >= maxPending {
		if f := j.failure.Load(); f != nil {
			// Commands that change something are refused; only keys that expire add effects. The log continues
			// with a new base.
			j.failure.Store(&failure{f.err, true})
			j.dropping = true
			j.dropBuffer()
			break
		}
		j.wake()
		j.room.Wait()
	}
	if !j.on || j.dropping {
		return false
	}
	if j.times.Bool() {
		if now := time.Now().Unix(); now != j.second {
			j.second = now
			j.buf = aof.AppendTime(j.buf, now)
		}
	}
	return true
}

func (j *journal) dropBuffer() {
	for _, c := range j.cuts {
		_ = c.file.Close()
	}
	j.buf, j.cuts = nil, nil
}

// turn writes effects from now on to another file. The whole keyspace is locked, a new base begins here, and the
// next effect names its database. It returns the failure that the new base will repair.
func (j *journal) turn(file vfs.File) *failure {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.dropping {
		j.dropBuffer()
		j.dropping = false
	}
	j.cuts = append(j.cuts, cut{len(j.buf), file})
	j.second = 0
	return j.failure.Load()
}

// wake has the journal's goroutine write.
func (j *journal) wake() {
	if !j.kicked.Swap(true) {
		select {
		case j.kick <- struct{}{}:
		default:
		}
	}
}

// tell notifies those that wait for durable.
func (j *journal) tell() {
	if f := j.notify.Load(); f != nil {
		(*f)()
	}
}

// fail notes that the file cannot be written. Nothing is tried again for a while.
func (j *journal) fail(err error, gap bool) {
	old := j.failure.Load()
	if old == nil || old.err.Error() != err.Error() {
		j.log.Error("write the append-only file", "error", err)
	}
	j.failure.Store(&failure{err, gap || old != nil && old.gap})
	j.tell()
}

// wrote records that all effects up to an offset are durable.
func (j *journal) wrote(offset int64) {
	if f := j.failure.Load(); f != nil && !f.gap && j.failure.CompareAndSwap(f, nil) {
		j.log.Info("the append-only file can be written again")
	}
	j.durable.Store(offset)
	j.tell()
}

// bytes is how long the increments are that were written since the base or the start.
func (j *journal) bytes() int64 { return j.out.past.Load() + j.out.size.Load() }

// settled is the offset up to which replies may be sent: durable, or everything when the journal does not promise
// durability.
func (j *journal) settled() int64 {
	if j.failure.Load() != nil && j.policy.Int() != always {
		return everything
	}
	return j.durable.Load()
}

// flush writes all logged effects before it returns, unless that would take long: then the goroutine does it. With
// appendfsync always it also syncs them, together with those of other clients; a loop that calls it meanwhile is
// notified after that sync.
func (j *journal) flush() {
	if j.durable.Load() >= j.logged.Load() {
		return
	}
	if j.out.syncing.Load() != 0 || j.policy.Int() == always && j.out.syncNS.Load() > quickSync {
		j.wake()
		return
	}
	if j.policy.Int() != always {
		j.out.mu.Lock()
		defer j.out.mu.Unlock()
		j.write(allRounds)
		return
	}
	if !j.out.mu.TryLock() {
		return // the holder calls lookAgain
	}
	j.write(1)
	j.out.mu.Unlock()
	j.lookAgain()
}

// lookAgain is called after out.mu is released. If effects were logged meanwhile, it wakes the journal's goroutine,
// which writes them, and notifies those that wait for durable.
func (j *journal) lookAgain() {
	if j.durable.Load() < j.logged.Load() && j.failure.Load() == nil {
		j.wake()
		j.tell()
	}
}

// run is the goroutine that writes, until quit is closed.
func (j *journal) run(quit chan struct{}) {
	beat := clock.NewBeat(tickEvery)
	defer beat.Stop()
	for {
		select {
		case <-quit:
			return
		case <-j.kick:
		case <-beat.C:
		}
		j.kicked.Store(false)
		if j.active() {
			beat.Next(tickEvery)
		}
		j.out.mu.Lock()
		j.write(allRounds)
		j.out.mu.Unlock()
		j.lookAgain()
	}
}

// active reports whether effects are logged.
func (j *journal) active() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.on
}

// runSync is the goroutine that syncs each second, until quit is closed.
func (j *journal) runSync(quit chan struct{}) {
	beat := clock.NewBeat(syncEvery)
	defer beat.Stop()
	for ; ; beat.Next(syncEvery) {
		select {
		case <-quit:
			return
		case <-beat.C:
		}
		j.sync(j.policy.Int() != never && !j.pause())
	}
}
