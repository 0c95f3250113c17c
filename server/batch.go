package server

import (
	"bytes"

	"cached/commands"
	"cached/engine"
)

// maxBatch is how many commands of a pipeline are parsed before the first of
// them runs.
const maxBatch = engine.MaxLookahead

// A batch is the next commands of a client, parsed and not run yet, so that the
// memory they will look at can be loaded for all of them at once.
type batch struct {
	requests []request
	err      error // malformed input stands behind requests
	ahead    engine.Lookahead
	args     [][]byte // what the requests' argv are cut from
}

// A request is one command and how many bytes it took.
type request struct {
	argv [][]byte
	size int

	// What look-up found.
	spec, parent *commands.Spec
	key          []byte // the key of a command that has just one, else nil
	hash         uint64 // of key
}

// maxBatchArgs bounds how many words of a batch are kept in place; a command
// with more allocates.
const maxBatchArgs = 1024

// parse replaces the batch by the complete commands at the front of data. A
// client that has not authenticated has one at a time, since its limits change
// when it does.
func (b *batch) parse(c *client, data []byte) {
	lim, most := c.limits(), maxBatch
	if !c.authed {
		most = 1
	}
	b.requests, b.err = b.requests[:0], nil
	args := b.args[:0]
	for len(b.requests) < most && len(data) > 0 {
		argv, n, err := c.next(data, args[len(args):], lim)
		if err != nil {
			b.err = err
			if len(b.requests) > 0 {
				c.parseAnew(0) // to fail again when it is the first
			}
			return
		}
		if n == 0 {
			return
		}
		if len(argv) <= cap(args)-len(args) {
			args = args[:len(args)+len(argv)]
		} else if len(b.requests) == 0 && cap(argv) > cap(b.args) && cap(argv) <= maxBatchArgs {
			b.args, args = argv, argv
		}
		b.requests = append(b.requests, request{argv: argv, size: n})
		data = data[n:]
	}
}

// size is how many bytes the requests from the i-th on took.
func (b *batch) size(i int) (n int) {
	for ; i < len(b.requests); i++ {
		n += b.requests[i].size
	}
	return n
}

// forgetWords lets go of the words of commands that have run, and with them of the
// buffer that they alias.
func (w *worker) forgetWords() {
	clear(w.batch.args[:cap(w.batch.args)])
	clear(w.batch.requests[:cap(w.batch.requests)])
	w.batch.requests, w.next, w.ctx.Argv = w.batch.requests[:0], nil, nil
	w.tx.Know(nil, 0)
}

// prepare looks up the commands of the batch and the one key each is about, and
// has the memory loaded that they will look at.
func (b *batch) prepare(w *worker, c *client) {
	ahead := len(b.requests) > 1 && b.ahead.Worthwhile(w.srv.keys)
	var last *request // with a key
	for i := range b.requests {
		r := &b.requests[i]
		if len(r.argv) == 0 {
			continue
		}
		if c.speaks != nil {
			r.spec, r.parent = c.speaks.table.Find(r.argv)
		} else {
			r.spec, r.parent = w.find(r.argv)
		}
		if r.spec == nil {
			continue
		}
		if r.key = r.spec.OneKey(r.argv); r.key == nil {
			continue
		}
		again := last != nil && bytes.Equal(last.key, r.key)
		if again {
			r.hash = last.hash
		} else {
			r.hash = engine.Hash(r.key)
		}
		if ahead {
			b.ahead.Add(r.hash, again, r.spec.PartOf(r.argv))
		}
		last = r
	}
	if ahead {
		b.ahead.Run(w.srv.keys, c.db())
	}
}

// find is Table.Find with a memory for one word: clients often send the same
// command again.
func (w *worker) find(argv [][]byte) (spec, parent *commands.Spec) {
	if w.lastSpec != nil && string(argv[0]) == string(w.lastWord) {
		return w.lastSpec, nil
	}
	spec, parent = w.srv.table.Find(argv)
	if spec != nil && spec.Sub == nil && parent == nil {
		w.lastSpec, w.lastWord = spec, append(w.lastWord[:0], argv[0]...)
	}
	return spec, parent
}
