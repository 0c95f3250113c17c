package persistence

import (
	"math"
	"unicode"

	"cached/commands"
)

// Errors of the append-only file.
const (
	errRewriting = commands.Error("ERR Background append only file rewriting already in progress")
	errOther     = commands.Error("ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to " +
		"schedule a BGSAVE whenever possible.")
	misconfLog = "MISCONF Errors writing to the AOF file: "
)

func (d *Disk) bgrewriteaof(c *commands.Ctx) error {
	d.aof.mu.Lock()
	active := d.aof.rewrites.active
	d.aof.mu.Unlock()
	switch {
	case active:
		return errRewriting
	case !c.Tx.Atomic() && d.startRewrite(): // in a transaction it is begun afterwards
		c.Reply.Status("Background append only file rewriting started")
	default:
		d.aof.due.Store(true)
		c.Reply.Status("Background append only file rewriting scheduled")
	}
	return nil
}

// rewriting reports whether it is a rewrite that is being saved.
func (d *Disk) rewriting() bool {
	d.aof.mu.Lock()
	defer d.aof.mu.Unlock()
	return d.aof.rewrites.active
}

// logRefusal is the error of commands that change something while the append-only
// file cannot be written.
func (d *Disk) logRefusal() error {
	f := d.logFailure()
	if f == nil {
		return nil
	}
	err := f.err
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok || inner.Unwrap() == nil {
			break
		}
		err = inner.Unwrap()
	}
	text := []rune(err.Error())
	text[0] = unicode.ToUpper(text[0])
	return commands.Error(misconfLog + string(text))
}

func (d *Disk) logFailure() *failure {
	if d.aof.journal == nil {
		return nil
	}
	return d.aof.journal.failure.Load()
}

// Logs reports whether there is an append-only file.
func (d *Disk) Logs() bool {
	_, ok := d.Synced()
	return ok
}

// Logged is how many effects were logged, of all clients. A reply to one that has
// changed something waits until Settled has come as far.
func (d *Disk) Logged() int64 { return d.aof.journal.logged.Load() }

// Settled is how far replies need not wait for the append-only file.
func (d *Disk) Settled() int64 { return d.aof.journal.settled() }

// Flush writes all logged effects, at once if the disk is not busy.
func (d *Disk) Flush() { d.aof.journal.flush() }

// Broken reports whether replies that wait will never be sent: their changes cannot be made durable as they
// promise.
func (d *Disk) Broken() bool {
	return d.aof.journal.failure.Load() != nil && d.aof.journal.policy.Int() == always
}

// OnSettled has f called whenever Settled or Broken have changed. It must not wait.
func (d *Disk) OnSettled(f func()) {
	if d.aof.journal != nil {
		d.aof.journal.notify.Store(&f)
	}
}

// Synced is how many of the logged effects are on the disk, for WAITAOF; ok is false
// if there is no log.
func (d *Disk) Synced() (effects int64, ok bool) {
	if !d.aof.wanted.Load() {
		return 0, false
	}
	return d.aof.journal.out.onDisk.Load(), true
}

// LogBuffer is how many bytes the buffer of the append-only file has.
func (d *Disk) LogBuffer() int64 {
	if d.aof.journal == nil {
		return 0
	}
	d.aof.journal.mu.Lock()
	defer d.aof.journal.mu.Unlock()
	return int64(cap(d.aof.journal.buf)) + d.aof.journal.out.waiting.Load()
}

// everything is larger than all offsets.
const everything = math.MaxInt64
