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
	argv, spec := r.argv, r.spec
	if spec == nil && isHTTP(argv[0]) {
		w.tx.GiveBack()
		w.srv.log.Warn("closing client that speaks HTTP, maybe sent by a hostile web page", "client", c.addr)
		w.reply.B = w.reply.B[:w.base]
		c.closing = true
		return true
	}
	err := w.check(c, r)
	if err != nil || c.mode != 0 {
		w.tx.GiveBack()
	}
	if c.mode != 0 && err != errPostpone {
		var queued bool
		if queued, err = w.divert(c, spec, argv, err); queued {
			w.afterReply(c, mark)
			return true
		}
	}
	if err != nil {
		if err == errPostpone {
			c.postpone(true)
			return false
		}
		if spec != nil {
			w.stat(spec).rejected++
			if spec.Name == "exec" {
				err = c.abort(err)
			}
		}
		w.refuse(c, mark, err)
		w.afterReply(c, mark)
		return true
	}
	if !w.run(c, r, mark) {
		c.postpone(true)
		return false
	}
	w.afterReply(c, mark)
	if len(w.events)+len(w.stale)+len(w.own) > 0 {
		w.tell(c)
	}
	if len(w.ready) > 0 {
		w.serveReady()
	}
	return true
}

// check returns the error with which a command is refused before it runs, errPostpone
// if it has to wait, or nil.
func (w *worker) check(c *client, r *request) error {
	switch {
	case r.spec == nil:
		return unknown(r.argv, r.parent)
	case !r.spec.ArityOK(r.argv):
		return commands.WrongArity(r.spec.FullName())
	}
	return w.srv.gate(w, c, r.spec, r.argv)
}

// run locks, calls the handler, records what it did and unlocks, unless the next
// command of the batch wants the same shard. It reports false if the command has
// to come back later.
func (w *worker) run(c *client, r *request, mark int) bool {
	spec, argv := r.spec, r.argv
	start := w.nowNS
	tx := &w.tx
	if r.key != nil {
		tx.BeginKey(w.srv.keys, c.db(), w.srv.unixMS(start), r.key, r.hash)
	} else {
		tx.Begin(w.srv.keys, c.db(), w.srv.unixMS(start))
	}
	tx.NoTouch = c.noTouch && !spec.Touches()
	tx.ReadOnly, tx.Counting = spec.Reads()
	if !spec.Lock(tx, argv) {
		tx.Unlock()
		w.stat(spec).rejected++
		w.refuse(c, mark, w.srv.scripts.busyError())
		return true
	}
	if spec.Flags&commands.Write != 0 && w.srv.keys.Snapshotting() && mustWait(tx, spec, argv) {
		tx.Unlock()
		return false
	}

	ctx := &w.ctx
	ctx.Argv, ctx.Spec, ctx.NowMS, ctx.Env = argv, spec, tx.NowMS, c
	err := spec.Run(ctx)

	if c.mode&tracks != 0 {
		w.remember(c, spec, argv)
	}
	tx.Commit(argv)
	if tx.Told() && spec.Flags&commands.ReadOnly == 0 {
		c.logged = w.srv.logged()
		c.changed = c.logged
	}
	if !w.keep(c) {
		tx.Unlock()
	}
	w.tick()

	if c.shown.last.Load() != spec {
		c.shown.last.Store(spec)
	}
	w.showCommand(c, spec, argv)
	if wt := c.waiting; wt != nil {
		wt.tookNS = w.nowNS - start // to be counted when it ends
		return true
	}
	st := w.account(c, spec, argv, w.nowNS-start, start)
	if err != nil {
		st.failed++
		w.refuse(c, mark, err)
	}
	return true
}

// keep has the shard stay locked for the next command of the batch, which then
// neither waits for other loops nor makes them wait more often. It does not where
// something is to be done between the two that may need other locks.
func (w *worker) keep(c *client) bool {
	n := w.next
	return n != nil && n.key != nil && c.mode == 0 && !w.srv.gated.Load() &&
		len(w.events)+len(w.stale)+len(w.ready) == 0 &&
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

// account counts a command that began at start, since the server did, and took so long.
func (w *worker) account(c *client, spec *commands.Spec, argv [][]byte, took, start int64) *commandStat {
	st := w.stat(spec)
	w.ran(spec, st, took)
	if took >= slowCommandNS {
		s := w.srv
		s.latency.note(latencyEvent(spec), took, s.unixMS(start))
	}
	if took >= w.srv.slow.thresholdNS.Load() && spec.Flags&commands.SkipSlowlog == 0 {
		w.srv.slow.add(c.addr, text(&c.shown.name), spec, argv, took, w.srv.unixMS(start))
	}
	return st
}

// slowCommandNS is what the latency monitor's threshold is at least: what is
// faster need not ask for it.
const slowCommandNS = int64(time.Millisecond)

// latencyEvent is the kind of event that a slow command is.
func latencyEvent(spec *commands.Spec) string {
	if spec.Flags&commands.Fast != 0 {
		return "fast-command"
	}
	return "command"
}

// refuse replies an error in place of whatever was written since mark.
func (w *worker) refuse(c *client, mark int, err error) {
	w.reply.B = w.reply.B[:mark]
	var e commands.Error
	if !errors.As(err, &e) {
		e = commands.Error("ERR " + err.Error())
	}
	w.reply.Error(string(e))
	if !errors.As(err, new(countedError)) {
		w.srv.countError(string(e))
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

// clip shortens what a client sent to n bytes, as C's %.*s does: up to a NUL.
func clip(b []byte, n int) string {
	if len(b) > n {
		b = b[:n]
	}
	s := string(b)
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	return s
}

// A Gate may refuse a command before it runs. flags are those of spec, or of the
// script that it runs.
type Gate func(w *worker, c *client, spec *commands.Spec, flags commands.Flag) error

// setGated tells the loops whether to ask the gates. Who has given one something to
// say, or taken it back, calls it; cron does for a pause that has ended.
func (s *Server) setGated() {
	s.gateMu.Lock()
	defer s.gateMu.Unlock()
	s.gated.Store(s.limit.bytes.Load() > 0 || s.scripts.busy.Load() > 0 || !s.pause.over(s.nowMS()))
}

// errPostpone is what the pause gate answers: not now.
var errPostpone = errors.New("postponed")

// gate asks the gates in the order in which Redis's clients see the errors.
func (s *Server) gate(w *worker, c *client, spec *commands.Spec, argv [][]byte) error {
	if !c.authed && spec.Flags&commands.NoAuth == 0 {
		return errNoAuth
	}
	if err := s.aclGate(c, spec, argv); err != nil {
		return err
	}
	if s.disk != nil && s.disk.Refusing() {
		if err := s.persistenceGate(c, spec, s.flagsOf(spec, argv)); err != nil {
			return err
		}
	}
	if s.gated.Load() {
		w.tx.GiveBack() // a gate may evict
		flags := s.flagsOf(spec, argv)
		for _, g := range s.gates {
			if err := g(w, c, spec, flags); err != nil {
				return err
			}
		}
	}
	return nil
}

const errNoAuth = commands.Error("NOAUTH Authentication required.")

// pauseGate holds back commands while CLIENT PAUSE lasts.
func pauseGate(w *worker, c *client, spec *commands.Spec, flags commands.Flag) error {
	if c.mode&inMulti != 0 && spec.Name == "exec" {
		flags |= c.multi.flags
	}
	if !w.srv.pause.holds(w.nowMS(), flags) {
		return nil
	}
	return errPostpone
}

// elapsed is a duration in microseconds, as statistics show it.
func elapsed(ns int64) int64 { return int64(time.Duration(ns).Microseconds()) }
