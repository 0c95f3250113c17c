package server

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"cached/commands"
	"cached/engine"
)

// dispatch runs one command or refuses it: exactly one reply, or none if the
// client does not want it or waits. It returns false when the command was not
// run: it has to wait for the end of CLIENT PAUSE, or until a snapshot has saved
// the huge value that it would change.
//
// The command before may have kept its shard's lock for this one. A command that
// runs takes it over, or gives it back as it begins; whatever else becomes of this
// one, the lock is given back first.
func (w *worker) dispatch(c *client, r *request) bool {
	mark := len(w.reply.B)
	if r.spec == nil || c.mode != 0 || !w.srv.quiet(c) || !r.spec.ArityOK(r.argv) {
		if runs, done := w.consider(c, r, mark); !runs {
			return done
		}
	}
	if !w.runRequest(c, r, mark) {
		return false
	}
	if c.replyOff || c.skip != 0 || w.reply.Full || w.pushed {
		w.afterReply(c, mark)
	}
	if w.due {
		w.finish(c)
	}
	if len(w.ready) > 0 {
		w.serveReady()
	}
	return true
}

// consider says what becomes of a command that something may stand in the way of: it runs,
// or done is what dispatch returns.
func (w *worker) consider(c *client, r *request, mark int) (runs, done bool) {
	argv, spec := r.argv, r.spec
	if spec == nil && isHTTP(argv[0]) && c.speaks == nil {
		w.tx.GiveBack()
		w.srv.log.Warn("closing client that speaks HTTP, maybe sent by a hostile web page", "client", c.addr)
		w.reply.B = w.reply.B[:w.base]
		c.closing = true
		return false, true
	}
	v := w.check(c, r)
	if !v.goOn() || c.mode != 0 {
		w.tx.GiveBack()
	}
	if v.Wait {
		c.shown.last.Store(spec)
		c.postpone(true)
		return false, false
	}
	err := v.Refusal
	if c.mode != 0 {
		var queued bool
		if queued, err = w.divert(c, spec, argv, err); queued {
			w.afterReply(c, mark)
			return false, true
		}
	}
	if v.Send != nil && err == nil {
		c.shown.last.Store(spec)
		w.send(c, argv, v.Send)
		return false, true
	}
	if err != nil {
		if spec != nil {
			w.stat(spec).rejected++
			if spec.Name == "exec" {
				err = c.abort(err)
			}
		}
		w.refuseRequest(c, argv, mark, err)
		w.afterReply(c, mark)
		return false, true
	}
	return true, false
}

// check returns what becomes of a command before it runs.
func (w *worker) check(c *client, r *request) Verdict {
	switch {
	case r.spec == nil:
		return refuse(unknown(r.argv, r.parent))
	case !r.spec.ArityOK(r.argv):
		return refuse(commands.WrongArity(r.spec.FullName()))
	case w.srv.quiet(c):
		return Verdict{}
	}
	w.tx.GiveBack()            // a gate may evict
	c.shown.last.Store(r.spec) // ACL LOG shows it
	return w.srv.ask(w, c, FromClient, r.spec, r.argv)
}

// runRequest runs a client's command. It reports false if the command has to come back
// later: when a snapshot has gone on, or others have given back the locks that it needs.
func (w *worker) runRequest(c *client, r *request, mark int) bool {
	start := w.nowNS
	j := &w.job // the rest of which is the same for all requests
	j.c, j.spec, j.argv, j.db, j.key, j.hash, j.size = c, r.spec, r.argv, c.db(), r.key, r.hash, r.size
	if c.ticket != nil {
		w.tx.Ticket = c.ticket
	}
	how, err := w.run(j)
	if w.tx.Ticket != nil {
		w.tx.Ticket = nil
		if how != notLocked {
			c.ticket.Done()
			c.ticket = nil // most clients wait seldom, and their requests need not look at it
		}
	}
	switch {
	case how == comesBack:
		c.postpone(true)
		return false
	case how == notLocked && !w.srv.keys.GivingUp():
		w.reply.B = w.reply.B[:mark]
		w.awaitLock(c)
		return false
	case how == notLocked:
		w.stat(r.spec).rejected++
		w.refuseRequest(c, r.argv, mark, w.srv.on.Busy())
		return true
	}
	if c.shown.last.Load() != r.spec {
		c.shown.last.Store(r.spec)
	}
	if wt := c.waiting; wt != nil {
		wt.tookNS.Add(w.nowNS - start) // to be counted when it ends
	} else if err != nil {
		w.refuseRequest(c, r.argv, mark, err)
	}
	return true
}

// keep has the shard stay locked for the next command of the batch, which then
// neither waits for other loops nor makes them wait more often. It does not where
// something is to be done between the two that may need other locks.
func (w *worker) keep(c *client) bool {
	n := w.next
	return n != nil && n.key != nil && c.mode == 0 && w.srv.gated.Load() == 0 &&
		!w.due && len(w.ready) == 0 &&
		(n.spec.Text == 0 || !w.tx.Compresses()) && w.tx.Keep(n.hash)
}

// mustWait reports whether a command would change a huge value that a snapshot is
// about to save. What it does not see, such as the commands of a transaction,
// has the value saved at once.
func mustWait(tx *engine.Tx, spec *commands.Spec, argv [][]byte) (wait bool) {
	spec.EachKey(argv, func(i int, flags commands.KeyFlag) {
		if flags&(commands.RO|commands.NotKey) == 0 && !wait {
			wait = tx.MustWait(argv[i])
		}
	})
	return wait
}

// account counts a command that began at start, since the server did, and took so long. Its
// request and its reply have so many bytes, as far as that is known.
func (w *worker) account(c *client, spec *commands.Spec, argv [][]byte, took, start int64, request, reply int) *commandStat {
	st := w.stat(spec)
	w.ran(spec, st, took)
	if took >= w.srv.slowNS.Load() {
		w.srv.on.Slow(w, c, spec, argv, took, start)
	}
	if int64(max(request, reply)) >= w.srv.sizeFrom.Load() {
		w.srv.on.Sized(w, c, spec, argv, took, start, request, reply)
	}
	return st
}

// refuse replies an error in place of whatever was written since mark.
func (w *worker) refuse(c *client, mark int, err error) {
	w.reply.B = w.reply.B[:mark]
	if errors.Is(err, engine.ErrBusy) {
		err = w.srv.on.Busy()
	}
	var e commands.Error
	if !errors.As(err, &e) {
		e = commands.Error("ERR " + err.Error())
	}
	w.replyError(c, string(e))
	if !errors.As(err, new(countedError)) {
		w.srv.countError(string(e))
	}
}

// refuseRequest is refuse, unless the client wants no reply to the request.
func (w *worker) refuseRequest(c *client, argv [][]byte, mark int, err error) {
	w.refuse(c, mark, err)
	if c.speaks != nil && c.speaks.Silent != nil && c.speaks.Silent(argv) {
		w.reply.B = w.reply.B[:mark]
	}
}

// afterReply takes back the reply of a client that wants none.
func (w *worker) afterReply(c *client, mark int) {
	if c.replyOff || c.skip != 0 {
		if (c.replyOff || c.skip == 1) && !w.pushed {
			w.reply.B = w.reply.B[:mark]
		}
		if c.skip > 0 {
			c.skip--
		}
		if w.reply.Full {
			w.bound(c) // what was too long for it, it does not want
		}
	}
	if w.reply.Full {
		w.tooMuch(c)
	}
	w.pushed = false
}

// unknown is the error of a command or subcommand that does not exist.
func unknown(argv [][]byte, parent *commands.Spec) error {
	if parent != nil {
		return commands.Error("ERR unknown subcommand '" + clip(argv[1], 128) + "'. Try " +
			strings.ToUpper(parent.Name) + " HELP.")
	}
	var b strings.Builder
	b.WriteString("ERR unknown command '" + clip(argv[0], 128) + "', with args beginning with: ")
	room := 128
	for _, a := range argv[1:] {
		if room <= 0 {
			break
		}
		s := clip(a, room)
		b.WriteString("'" + s + "' ")
		room -= len(s) + 3
	}
	return commands.Error(b.String())
}

// isHTTP reports whether a line begins as those that a web browser sends, which a
// web page can make it send here.
func isHTTP(word []byte) bool {
	return bytes.EqualFold(word, []byte("post")) || bytes.EqualFold(word, []byte("host:"))
}

// elapsed is a duration in microseconds, as statistics show it.
func elapsed(ns int64) int64 { return int64(time.Duration(ns).Microseconds()) }
