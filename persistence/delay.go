package persistence

import (
	"sync/atomic"
	"time"

	"cached/internal/config"
)

// A delay is rdb-key-save-delay or key-load-delay: how long each key takes at least,
// so that tests meet a saving or a loading that lasts.
type delay struct {
	v    *config.Value
	stop *atomic.Bool // or nil; true stops a wait
	owed time.Duration
	keys int64 // since one was waited for, with a negative setting
}

// pause waits for some more keys, and reports whether it did. Short waits are put
// together.
func (d *delay) pause(keys int64) (waited bool) {
	n := d.v.Int()
	switch {
	case n > 0:
		d.owed += time.Duration(keys*n) * time.Microsecond
	case n < 0:
		d.keys += keys
		d.owed += time.Duration(d.keys/-n) * time.Microsecond
		d.keys %= -n
	}
	for ; d.owed >= time.Millisecond; d.owed -= min(d.owed, delayStep) {
		time.Sleep(min(d.owed, delayStep))
		waited = true
		if d.v.Int() != n || d.stop != nil && d.stop.Load() {
			d.owed = 0
		}
	}
	return waited
}

// delayStep is how soon a change of the setting is seen.
const delayStep = 10 * time.Millisecond

func (d *delay) one() { d.pause(1) }

func (d *Disk) saveDelay() *delay {
	return &delay{v: d.cfg.Value("rdb-key-save-delay"), stop: &d.cancel}
}
func (d *Disk) loadDelay() *delay { return &delay{v: d.cfg.Value("key-load-delay")} }

// DebugSet changes behaviour for which there is no directive, for DEBUG: "skip-checksums" loads snapshots and
// payloads whose checksums are wrong, "flush-sleep" is for how many microseconds a write of the append-only file
// first waits.
func (d *Disk) DebugSet(what string, n int64) {
	switch what {
	case "skip-checksums":
		d.skipChecksums.Store(n != 0)
	case "flush-sleep":
		d.aof.journal.sleepUS.Store(n)
	}
}

// noChecksum reports whether the checksum of a snapshot is not looked at.
func (d *Disk) noChecksum() bool {
	return d.skipChecksums.Load() || !d.cfg.Value("rdbchecksum").Bool()
}
