package persistence

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/internal/host"
	"cached/persistence/rdb"
)

// A Received is what has come of a snapshot over a connection.
type Received struct {
	Keys, Bytes int64
	At          *Position // where the snapshot was taken, or nil
	Rest        []byte    // what was read behind the snapshot and its end
}

// ReceiveOptions say how Receive fills the keyspace.
type ReceiveOptions struct {
	// Size in bytes, if it is known.
	Size int64
	// End looks whether what was read behind the snapshot is the end that was agreed on, before
	// anything is replaced, and returns what is behind that.
	End func(rest []byte) ([]byte, error)
	// Alone calls a function with the whole keyspace locked, by a Tx that tells everybody what
	// it changes.
	Alone func(func(*engine.Tx))
	// Placed is called, with the whole keyspace locked, when it is that of the snapshot. After
	// an error it is called if the keyspace is empty: then it is not whole.
	Placed func(whole bool, at *Position)
}

// Receive puts a snapshot that comes over a connection in the place of all keys and libraries
// of functions. While it comes the old ones are there, if the machine has memory for both;
// else they go first, and commands are refused until it is there. After an error the old ones
// are there still, or nothing is.
func (d *Disk) Receive(src io.Reader, o ReceiveOptions) (Received, error) {
	into := d.keys
	aside := d.roomForTwo()
	if aside {
		into = d.keys.Beside()
	} else {
		d.log.Warn("memory does not suffice for the old data and the new: MASTER <-> REPLICA sync: Flushing old data")
		d.Begin()
		o.Alone(func(tx *engine.Tx) {
			d.emptyForReplica(tx)
			o.Placed(false, nil)
		})
	}
	start := time.Now()
	p := &d.loading.progress
	for _, n := range []interface{ Store(int64) }{&p.Bytes, &p.Keys, &p.Expired, &d.loading.before} {
		n.Store(0)
	}
	d.loading.total.Store(o.Size)
	r, err := rdb.Load(src, into, rdb.LoadOptions{NowMS: start.UnixMilli(), KeepExpired: true, Size: o.Size, Progress: p, Each: d.loadDelay().one})
	got := Received{Keys: r.Keys, Bytes: r.Bytes, At: positionIn(r.Aux)}
	if err == nil {
		if got.Rest, err = o.End(append([]byte(nil), r.Rest...)); err != nil && !aside {
			o.Alone(d.emptyForReplica)
		}
	}
	switch {
	case err == nil:
		o.Alone(func(tx *engine.Tx) {
			if aside {
				d.reloading.Store(true)
				tx.ReplaceAll(into)
				d.reloading.Store(false)
			}
			if d.functions != nil {
				d.functions.DropLibraries()
			}
			if libErr := d.loadLibraries(r.Libraries); libErr != nil {
				d.log.Error("load the functions of the primary", "error", libErr)
			}
			if err := commands.LoadLimitPolicies(d.keys, r.Policies); err != nil {
				d.log.Error("load the policies of limits of the primary", "error", err)
			}
			o.Placed(true, got.At)
			tx.PropagateNothing()
			tx.Commit(nil)
		})
	case aside:
		into.Discard()
	}
	if !aside {
		d.endLoading()
	}
	if err != nil {
		return got, fmt.Errorf("load the snapshot of the primary: %w", err)
	}
	d.log.Info("loaded the snapshot of the primary", "bytes", r.Bytes, "keys", r.Keys, "beside the old data", aside, "took", time.Since(start))
	d.rewriteSoon()
	return got, nil
}

// roomForTwo reports whether another keyspace of the same size would fit beside this one.
func (d *Disk) roomForTwo() bool {
	if d.crowded {
		return false
	}
	live := d.keys.Memory(nil).Live
	return live == 0 || host.ResidentBytes()+live < host.MemoryBytes()/10*9
}

// emptyForReplica ends all keys. tx holds the whole keyspace.
func (d *Disk) emptyForReplica(tx *engine.Tx) {
	d.reloading.Store(true)
	defer d.reloading.Store(false)
	tx.Flush(-1, true)
	tx.PropagateNothing()
	tx.Commit(nil)
}

// endLoading lets commands in again.
func (d *Disk) endLoading() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.loading.active.Store(false)
	d.setClosed()
}

// rewriteSoon makes a new base of the append-only file, if there is one: it does not have what
// was received.
func (d *Disk) rewriteSoon() {
	d.schedule(true)
	if d.aof.wanted.Load() {
		d.aof.due.Store(true)
		d.startDueRewrite()
	}
	d.lookSoon()
}

// FoundPosition is the position that the snapshot which was loaded at the start has, or nil.
func (d *Disk) FoundPosition() *Position {
	if d.aof.wanted.Load() {
		return nil // the log goes on behind its base
	}
	return d.found.Load()
}

// positionIn reads a position from what a file says.
func positionIn(aux map[string]string) *Position {
	offset, err := strconv.ParseInt(aux["repl-offset"], 10, 64)
	db, err2 := strconv.Atoi(aux["repl-stream-db"])
	if id := aux["repl-id"]; len(id) == 40 && err == nil && offset >= 0 {
		if err2 != nil || db < 0 {
			db = 0
		}
		return &Position{ID: id, Offset: offset, DB: db}
	}
	return nil
}
