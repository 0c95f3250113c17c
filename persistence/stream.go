package persistence

import (
	"bufio"
	"errors"
	"io"
	"time"

	"cached/engine"
	"cached/persistence/rdb"
)

// waitToStream is the interval at which Stream checks whether another snapshot has finished.
const waitToStream = 10 * time.Millisecond

// Stream writes a snapshot to w, while commands run. It begins when no other is being written, and stops when gone
// reports true. Without keys it has the libraries of functions only, or nothing.
func (d *Disk) Stream(w io.Writer, keys, functions bool, gone func() bool) error {
	if !keys {
		e := d.newEncoder(false)
		if functions {
			d.head(e, time.Now().UnixMilli(), 0, false)
		} else {
			e.Header()
		}
		out := &rdb.Writer{W: w}
		if _, err := out.Write(e.B); err != nil {
			return err
		}
		return out.End()
	}
	for !d.saving.CompareAndSwap(false, true) {
		if gone() {
			return errCanceled
		}
		time.Sleep(waitToStream)
	}
	defer d.lookSoon()
	defer d.saving.Store(false)
	start := time.Now()
	d.mu.Lock()
	d.started = start
	d.mu.Unlock()
	for range maxRetries {
		out := &rdb.Writer{W: bufio.NewWriterSize(w, flushBytes)}
		err := d.writeSnapshot(out)
		if err == nil {
			err = out.W.(*bufio.Writer).Flush()
		}
		switch {
		case err == nil:
			d.log.Info("sent a snapshot", "bytes", out.N, "took", time.Since(start))
			return nil
		case !errors.Is(err, engine.ErrFlushed) || out.N > flushBytes:
			return err
		}
	}
	return engine.ErrFlushed
}
