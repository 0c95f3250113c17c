package persistence

import (
	"bufio"
	"errors"
	"io"
	"time"

	"cached/engine"
	"cached/persistence/rdb"
)

// waitToStream is how often Stream looks whether one of too many snapshots has ended.
const waitToStream = 10 * time.Millisecond

// StreamOptions say what Stream writes.
type StreamOptions struct {
	Keys      bool // all keys
	Functions bool // the libraries of functions
	// Begin, if not nil, is called at the moment whose keyspace is written, with all of it
	// locked; again, if nothing was written before all keys were flushed.
	Begin func()
	// Gone reports whether nobody wants the snapshot any more.
	Gone func() bool
	// Most is how many bytes may wait to be written; 0 is no limit. Commands do not wait for
	// them: when there are more, TooMuch is called once, under the lock of a shard, and has
	// the writing fail.
	Most    int64
	TooMuch func()
}

// Stream writes the snapshot of a moment to w, while commands go on. It begins when there are
// fewer than engine.MaxSnapshots.
func (d *Disk) Stream(w io.Writer, o StreamOptions) error {
	if !o.Keys {
		e := d.newEncoder(false)
		if o.Functions {
			d.head(e, time.Now().UnixMilli(), 0, false, nil)
		} else {
			e.Header()
		}
		out := &rdb.Writer{W: w}
		if _, err := out.Write(e.B); err != nil {
			return err
		}
		return out.End()
	}
	if o.Begin == nil {
		o.Begin = func() {}
	}
	start := time.Now()
	for tries := 0; tries < maxRetries; {
		buffer := bufio.NewWriterSize(w, flushBytes)
		out := &rdb.Writer{W: buffer}
		err := d.writeSnapshotOf(out, snapshotParts{begin: o.Begin, most: o.Most, tooMuch: o.TooMuch})
		if err == nil {
			err = buffer.Flush()
		}
		switch {
		case err == nil:
			d.log.Info("sent a snapshot", "bytes", out.N, "took", time.Since(start))
			return nil
		case errors.Is(err, engine.ErrSnapshots):
			if o.Gone() || d.cancel.Load() {
				return errCanceled
			}
			time.Sleep(waitToStream)
		case !errors.Is(err, engine.ErrFlushed) || out.N > flushBytes:
			return err
		default:
			tries++
		}
	}
	return engine.ErrFlushed
}
