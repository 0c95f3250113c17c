package persistence

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"sync/atomic"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/persistence/rdb"
)

// loadState is the progress of a loading, for other goroutines.
type loadState struct {
	active   atomic.Bool
	start    atomic.Int64 // Unix seconds
	total    atomic.Int64 // bytes
	before   atomic.Int64 // bytes of files before the one that progress is about
	progress rdb.Progress
}

func (l *loadState) done() int64 { return l.before.Load() + l.progress.Bytes.Load() }

// logEvery is the interval at which the progress of a long loading is logged.
const logEvery = 5 * time.Second

// Begin has commands refused until Load has returned; it comes before the first
// client.
func (d *Disk) Begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.loading.start.Store(time.Now().Unix())
	d.loading.active.Store(true)
	d.setClosed()
}

// Load fills the keyspace, which is empty: from the append-only file if it is enabled, otherwise from the
// snapshot, if there is one.
func (d *Disk) Load() error {
	d.Begin()
	defer func() {
		if d.loaded != nil {
			d.loaded()
		}
		changes := d.keys.Changes(nil)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.last.changes, d.scheduled = changes, false
		d.loading.active.Store(false)
		d.setClosed()
	}()
	stop := make(chan struct{})
	defer close(stop)
	go d.logProgress(stop)
	if d.aof.wanted.Load() {
		return d.loadLog()
	}
	return d.load(nil, false)
}

// load loads the snapshot; with merge the keyspace need not be empty. tx, if not nil, holds the whole keyspace.
func (d *Disk) load(tx *engine.Tx, merge bool) error {
	start := time.Now()
	f, err := d.fs.Open(d.path())
	if errors.Is(err, fs.ErrNotExist) && tx == nil { // the first start; DEBUG RELOAD asks for a file
		return nil
	}
	if err != nil {
		return fmt.Errorf("load snapshot %s: %w", d.path(), err)
	}
	defer f.Close()
	size, err := f.Size()
	if err == nil {
		d.loading.total.Store(size)
	}
	d.loading.before.Store(0)
	p := &d.loading.progress
	p.Bytes.Store(0)
	p.Keys.Store(0)
	p.Expired.Store(0)
	r, err := rdb.Load(f, d.keys, rdb.LoadOptions{NowMS: start.UnixMilli(), Tx: tx, Merge: merge, Size: size,
		Progress: p, NoChecksum: d.noChecksum(), Each: d.loadDelay().one})
	if err != nil {
		return fmt.Errorf("load snapshot %s: %w", d.path(), err)
	}
	d.found.Store(positionIn(r.Aux))
	d.mu.Lock()
	d.last.loaded, d.last.expired = r.Keys, r.Expired
	d.mu.Unlock()
	if err := d.loadBeside(&r); err != nil {
		return fmt.Errorf("load snapshot %s: %w", d.path(), err)
	}
	took := time.Since(start)
	d.log.Info("Done loading RDB, keys loaded: " + strconv.FormatInt(r.Keys, 10) + ", keys expired: " + strconv.FormatInt(r.Expired, 10) + ".")
	d.log.Info("DB loaded from disk: "+seconds(took), "file", d.path(), "bytes", r.Bytes, "keys", r.Keys, "expired", r.Expired, "version", r.Version,
		"written_by", r.Aux["redis-ver"], "took", took, "mb_per_second", rate(r.Bytes, took))
	return nil
}

// loadBeside takes over what a file holds beside the keys.
func (d *Disk) loadBeside(r *rdb.Result) error {
	if err := commands.LoadLimitPolicies(d.keys, r.Policies); err != nil {
		return err
	}
	return d.loadLibraries(r.Libraries)
}

func (d *Disk) loadLibraries(all [][]byte) error {
	if d.functions == nil {
		return nil
	}
	for _, code := range all {
		if err := d.functions.LoadLibrary(string(code)); err != nil {
			return fmt.Errorf("a library of functions: %w", err)
		}
	}
	return nil
}

// seconds is a duration as Redis logs it.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) + " seconds"
}

// rate is in megabytes a second.
func rate(bytes int64, took time.Duration) int64 {
	return int64(float64(bytes) / 1e6 / max(took.Seconds(), 1e-9))
}

// logProgress logs the progress of a long loading until stop is closed.
func (d *Disk) logProgress(stop chan struct{}) {
	tick := time.NewTicker(logEvery)
	defer tick.Stop()
	start := time.Now()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			done, total := d.loading.done(), d.loading.total.Load()
			d.log.Info("loading", "bytes", done, "of", total, "keys", d.loading.progress.Keys.Load(),
				"mb_per_second", rate(done, time.Since(start)), "seconds_left", d.secondsLeft())
		}
	}
}

// secondsLeft is how long the loading will take from now on at the rate it had.
func (d *Disk) secondsLeft() int64 {
	done, total := d.loading.done(), d.loading.total.Load()
	elapsed := max(time.Now().Unix()-d.loading.start.Load(), 1)
	if done <= 0 {
		return 1
	}
	return max(0, int64(float64(total-done)/float64(done)*float64(elapsed)))
}

// Reload saves the keyspace, empties it and loads it again, for DEBUG RELOAD; merge
// lets keys that are there be replaced. tx holds the whole keyspace.
func (d *Disk) Reload(tx *engine.Tx, save, flush, merge bool) error {
	if save {
		if err := d.saveNow(tx); err != nil {
			d.log.Error("reload", "error", err)
			return err
		}
	}
	if flush {
		d.reloading.Store(true)
		tx.Flush(-1, false)
		d.reloading.Store(false)
	}
	if err := d.load(tx, merge); err != nil {
		d.log.Error("reload", "error", err)
		return err
	}
	changes := d.keys.Changes(tx)
	d.mu.Lock()
	d.last.changes, d.scheduled = changes, false
	d.mu.Unlock()
	return nil
}
