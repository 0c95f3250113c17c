package server

import (
	"cached/engine"
	"cached/internal/resp"
)

// maxBatch is how many commands of a pipeline are parsed before the first of
// them runs.
const maxBatch = 16

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
		argv, n, err := c.parser.Next(data, args[len(args):], lim)
		if err != nil {
			b.err = err
			if len(b.requests) > 0 {
				c.parser = resp.Parser{} // to fail again when it is the first
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
		b.requests = append(b.requests, request{argv, n})
		data = data[n:]
	}
}

// lookAhead loads what the requests with one key will look at.
func (b *batch) lookAhead(s *Server, db int) {
	if !b.ahead.Worthwhile(s.keys) {
		return
	}
	for i := range b.requests {
		r := &b.requests[i]
		if len(r.argv) == 0 {
			continue
		}
		if spec, _ := s.table.Find(r.argv); spec != nil {
			if key := spec.OneKey(r.argv); key != nil {
				b.ahead.Add(key)
			}
		}
	}
	b.ahead.Run(s.keys, db)
}
