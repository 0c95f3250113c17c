package persistence

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"sync/atomic"

	"cached/engine"
	"cached/persistence/aof"
)

// The commands of a log are run by several goroutines, lanes, each of which has some of the shards: only the order
// of the commands of one key counts. A command that uses more than one key, or something else than keys, runs when
// all before it have run and before any after it does.

// A commandBatch is commands on their way from the file to the keyspace, with a
// copy of their words.
type commandBatch struct {
	room     []byte // where words go; when it is full there is another
	words    [][]byte
	commands [][][]byte
	bytes    int
}

const (
	batchRoom  = 64 << 10
	batchWords = 1024
	batchMost  = 512 // commands
)

func newBatch() *commandBatch {
	return &commandBatch{room: make([]byte, 0, batchRoom), words: make([][]byte, 0, batchWords)}
}

// add copies a command into the batch.
func (b *commandBatch) add(argv [][]byte) {
	n := 0
	for _, a := range argv {
		n += len(a)
	}
	if cap(b.room)-len(b.room) < n {
		b.room = make([]byte, 0, max(n, batchRoom))
	}
	if cap(b.words)-len(b.words) < len(argv) {
		b.words = make([][]byte, 0, max(len(argv), batchWords))
	}
	first := len(b.words)
	for _, a := range argv {
		start := len(b.room)
		b.room = append(b.room, a...)
		b.words = append(b.words, b.room[start:len(b.room):len(b.room)])
	}
	b.commands = append(b.commands, b.words[first:len(b.words):len(b.words)])
	b.bytes += n
}

func (b *commandBatch) full() bool { return len(b.commands) >= batchMost || b.bytes >= batchRoom }

func (b *commandBatch) reset() {
	clear(b.commands)
	b.room, b.words, b.commands, b.bytes = b.room[:0], b.words[:0], b.commands[:0], 0
}

// A lane is a goroutine that runs the commands of some shards.
type lane struct {
	run   Replayer
	batch *commandBatch // being filled
	queue chan *commandBatch
	free  chan *commandBatch
	done  chan error // the error with which the goroutine returned
	idle  chan struct{}
}

const mostLanes = 8

// lanes run the commands of a file.
type lanes struct {
	d       *Disk
	all     []*lane
	stopped atomic.Bool
}

func (d *Disk) newLanes(tx *engine.Tx) *lanes {
	n := min(runtime.GOMAXPROCS(0), d.keys.Shards(), mostLanes)
	if tx != nil {
		n = 1
	}
	ls := &lanes{d: d}
	for range n {
		l := &lane{run: d.newReplayer(tx), batch: newBatch(), queue: make(chan *commandBatch, 2), free: make(chan *commandBatch, 4),
			done: make(chan error, 1), idle: make(chan struct{})}
		ls.all = append(ls.all, l)
		go l.work(ls)
	}
	return ls
}

// work runs batches until there are no more. An empty one asks whether those before it
// are done.
func (l *lane) work(ls *lanes) {
	var err error
	for b := range l.queue {
		if len(b.commands) == 0 {
			l.idle <- struct{}{}
			continue
		}
		if err == nil && !ls.stopped.Load() {
			if err = l.run.Replay(b.commands); err != nil {
				ls.stopped.Store(true)
			}
		}
		b.reset()
		select {
		case l.free <- b:
		default:
		}
	}
	l.done <- err
}

// send passes the batch of commands to a lane.
func (l *lane) send() {
	if len(l.batch.commands) == 0 {
		return
	}
	l.queue <- l.batch
	select {
	case l.batch = <-l.free:
	default:
		l.batch = newBatch()
	}
}

// add deals a command to those whom it concerns.
func (ls *lanes) add(argv [][]byte) error {
	to := ls.all[0]
	key, session, err := to.run.Key(argv)
	if err != nil {
		return err
	}
	if len(ls.all) > 1 {
		switch {
		case session:
			for _, l := range ls.all {
				l.batch.add(argv)
			}
			return nil
		case key == nil:
			ls.alone(argv)
			return nil
		}
		to = ls.all[ls.d.keys.ShardOf(engine.Hash(key))%len(ls.all)]
	}
	to.batch.add(argv)
	if to.batch.full() {
		to.send()
	}
	return nil
}

// alone runs a command between all that were before it and all behind it.
func (ls *lanes) alone(argv [][]byte) {
	ls.wait()
	ls.all[0].batch.add(argv)
	ls.wait()
}

// wait returns when everything that was added has been run.
func (ls *lanes) wait() {
	for _, l := range ls.all {
		l.send()
		l.queue <- new(commandBatch)
	}
	for _, l := range ls.all {
		<-l.idle
	}
}

// end waits for all lanes and returns the first error.
func (ls *lanes) end() (err error) {
	failed, first := int64(0), ""
	for _, l := range ls.all {
		l.send()
		close(l.queue)
	}
	for _, l := range ls.all {
		if laneErr := <-l.done; err == nil {
			err = laneErr
		}
		n, text := l.run.Failed()
		if failed += n; first == "" {
			first = text
		}
	}
	if failed > 0 {
		ls.d.log.Warn("commands of the append-only file replied an error", "number", failed, "first", first)
	}
	return err
}

// showEvery is after how many commands the progress is shown.
const showEvery = 256

// runAll runs the commands of a file. A transaction is run when its end was read: its
// commands wait until then.
func (d *Disk) runAll(in *aof.Reader, tx *engine.Tx) error {
	ls := d.newLanes(tx)
	err := d.readAll(in, ls)
	if runErr := ls.end(); runErr != nil {
		err = runErr
	}
	return err
}

func (d *Disk) readAll(in *aof.Reader, ls *lanes) error {
	var open *commandBatch // the transaction that is being read
	wait := d.loadDelay()
	for n := 0; !ls.stopped.Load(); n++ {
		if n%showEvery == 0 {
			d.loading.progress.Bytes.Store(in.Offset())
		}
		argv, err := in.Next()
		if err == io.EOF {
			return nil
		}
		wait.pause(1)
		if err != nil {
			return err
		}
		switch {
		case len(argv) == 1 && open == nil && bytes.EqualFold(argv[0], []byte("multi")):
			open = newBatch()
		case len(argv) == 1 && open != nil && bytes.EqualFold(argv[0], []byte("exec")):
			for _, c := range open.commands {
				err = errors.Join(err, ls.add(c))
			}
			open = nil
		case open != nil:
			_, _, err = ls.all[0].run.Key(argv)
			open.add(argv)
		default:
			err = ls.add(argv)
		}
		if err != nil {
			return &aof.FormatError{Offset: in.Start(), What: err.Error()}
		}
	}
	return nil
}
