package persistence

import (
	"cached/commands"
)

// Errors of snapshots.
const (
	errSaving  = commands.Error("ERR Background save already in progress")
	errFailed  = commands.Error("ERR")
	errLoading = commands.Error("LOADING Redis is loading the dataset in memory")
	errMisconf = commands.Error("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. " +
		"Commands that may modify the data set are disabled, because this instance is configured to report errors during writes " +
		"if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.")
)

// Refusing reports whether Refuse may have something to say; it is cheap.
func (d *Disk) Refusing() bool { return d.closed.Load() || d.logFailure() != nil }

// Refuse returns the error of a command that may not run now: because keys are
// being loaded, or because they cannot be saved. flags are those of the command,
// and all that are set in any of the transaction that it runs; missing has those
// that are missing in one of them.
func (d *Disk) Refuse(spec *commands.Spec, flags, missing commands.Flag) error {
	d.mu.Lock()
	stopped := d.stopsWritesLocked()
	d.mu.Unlock()
	if flags&commands.Write != 0 || spec.Name == "ping" {
		if stopped {
			return errMisconf
		}
		if err := d.logRefusal(); err != nil {
			return err
		}
	}
	if d.loading.active.Load() && missing&commands.Loading != 0 {
		return errLoading
	}
	return nil
}

// save replies when the snapshot is on the disk; it holds the whole keyspace.
func (d *Disk) save(c *commands.Ctx) error {
	if d.saving.Load() && !d.rewriting() {
		return errSaving
	}
	if err := d.saveNow(c.Tx); err != nil {
		d.log.Error("save", "error", err)
		return errFailed
	}
	c.Reply.OK()
	return nil
}

// bgsave replies at once.
func (d *Disk) bgsave(c *commands.Ctx) error {
	schedule := len(c.Argv) > 1
	if schedule {
		if a := c.Args(1); !a.Is("SCHEDULE") || a.More() {
			return commands.ErrSyntax
		}
	}
	if !d.startBackground() {
		switch {
		case !d.rewriting():
			return errSaving
		case !schedule:
			return errOther
		}
		d.asked.Store(true)
		c.Reply.Status("Background saving scheduled")
		return nil
	}
	c.Reply.Status("Background saving started")
	return nil
}

func (d *Disk) lastsave(c *commands.Ctx) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.Reply.Int(d.last.at)
	return nil
}
