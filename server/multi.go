package server

import (
	"strings"

	"cached/commands"
	"cached/engine"
)

// A multi is a transaction that a client has begun: commands that wait for EXEC,
// their words copied into one buffer.
type multi struct {
	queue   []queued
	words   []byte
	ends    []int         // where each word ends in words
	flags   commands.Flag // that any of its commands has
	missing commands.Flag // that any of them lacks
	failed  bool          // a command was refused: EXEC will be

	argv [][]byte // of the command that runs, kept from one to the next
}

// A queued is a command of a transaction; its words end at ends[from:to].
type queued struct {
	spec     *commands.Spec
	from, to int
}

// keptWords is the largest buffer that a finished transaction leaves for the
// client's next one.
const keptWords = 16 << 10

const (
	errNestedMulti = commands.Error("ERR MULTI calls can not be nested")
	errNoMulti     = commands.Error("ERR Command not allowed inside a transaction")
	errExecAbort   = commands.Error("EXECABORT Transaction discarded because of previous errors.")
	abortedBy      = "EXECABORT Transaction discarded because of: "
)

// divert is what dispatch does with a command, or what is wrong with it, of a
// client in one of the modes. It reports whether the command was queued; else it
// runs, or is refused by the error that divert returns.
func (w *worker) divert(c *client, spec *commands.Spec, argv [][]byte, err error) (bool, error) {
	if err == nil && c.mode&subscribed != 0 && c.proto == 2 && spec.Flags&commands.InPubSub == 0 {
		err = commands.Error("ERR Can't execute '" + spec.FullName() + "': only (P|S)SUBSCRIBE / " +
			"(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context")
	}
	if err == nil && c.mode&monitors != 0 && spec.Flags&(commands.Write|commands.ReadOnly|commands.MayReplicate) != 0 {
		err = commands.Error("ERR Replica can't interact with the keyspace")
	}
	if c.mode&inMulti == 0 {
		return false, err
	}
	if err == nil && spec.Flags&commands.NoMulti != 0 {
		err = errNoMulti
	}
	if err != nil {
		c.multi.failed = true
		return false, err
	}
	if spec.Flags&commands.InMulti != 0 {
		return false, nil
	}
	c.enqueue(spec, argv)
	w.reply.Status("QUEUED")
	return true, nil
}

// abort is what a refused EXEC replies: the transaction, if there is one, is over.
func (c *client) abort(err error) error {
	c.discard()
	c.unwatch()
	return commands.Error(abortedBy + strings.TrimPrefix(err.Error(), "ERR "))
}

// enqueue keeps a command for EXEC. What is kept counts as the client's input,
// and is bounded with it.
func (c *client) enqueue(spec *commands.Spec, argv [][]byte) {
	m := c.multi
	if m.failed || c.shown.changed.Load() {
		return // it will not run
	}
	from := len(m.ends)
	for _, a := range argv {
		m.words = append(m.words, a...)
		m.ends = append(m.ends, len(m.words))
	}
	m.queue = append(m.queue, queued{spec, from, len(m.ends)})
	flags := c.srv.flagsOf(spec, argv)
	m.flags |= flags
	m.missing |= ^flags
	c.shown.multi.Store(int32(len(m.queue)) + 1)
	bytes := int64(cap(m.words) + 8*cap(m.ends) + 24*cap(m.queue))
	setIfChanged(&c.shown.multiMem, bytes)
	if bytes > c.srv.queryBufferLimit.Load() {
		c.srv.overInput.Add(1)
		c.srv.log.Warn("closing client that queued more than max query buffer length", "client", c.addr)
		c.closing = true
	}
}

// words are the words of a queued command, until the next call.
func (m *multi) wordsOf(q *queued) [][]byte {
	start := 0
	if q.from > 0 {
		start = m.ends[q.from-1]
	}
	argv := m.argv[:0]
	for _, end := range m.ends[q.from:q.to] {
		argv = append(argv, m.words[start:end:end])
		start = end
	}
	m.argv = argv
	return argv
}

// discard ends the client's transaction, if it has begun one.
func (c *client) discard() {
	if c.mode&inMulti == 0 {
		return
	}
	c.mode &^= inMulti
	c.shown.multi.Store(0)
	m := c.multi
	if cap(m.words) > keptWords || cap(m.ends) > keptWords/8 {
		c.multi = nil
		c.shown.multiMem.Store(0)
		return
	}
	clear(m.queue)
	clear(m.argv[:cap(m.argv)])
	*m = multi{queue: m.queue[:0], words: m.words[:0], ends: m.ends[:0], argv: m.argv[:0]}
}

func (s *Road) multi(c *commands.Ctx) error {
	cl := clientOf(c)
	if cl.mode&inMulti != 0 {
		return errNestedMulti
	}
	if cl.multi == nil {
		cl.multi = new(multi)
	}
	cl.mode |= inMulti
	cl.shown.multi.Store(1)
	c.Reply.OK()
	return nil
}

func (s *Road) discard(c *commands.Ctx) error {
	cl := clientOf(c)
	if cl.mode&inMulti == 0 {
		return commands.Error("ERR DISCARD without MULTI")
	}
	cl.discard()
	cl.unwatch()
	c.Reply.OK()
	return nil
}

// exec runs the transaction's commands with the locks of all of them held, and
// those of the watched keys: a change of one comes before or after everything
// here.
func (s *Road) exec(c *commands.Ctx) error {
	cl, tx := clientOf(c), c.Tx
	if cl.mode&inMulti == 0 {
		return commands.Error("ERR EXEC without MULTI")
	}
	m := cl.multi
	if !m.failed && !s.lockExec(cl, tx) {
		if !s.keys.GivingUp() {
			return engine.ErrBusy // it comes back
		}
		return cl.abort(s.on.Busy())
	}
	defer cl.unwatch()
	defer cl.discard()
	if m.failed {
		return errExecAbort
	}
	for _, w := range cl.watches {
		tx.PeekIn(w.at.db, []byte(w.at.key)) // ends it if its time is over
	}
	if cl.shown.changed.Load() {
		c.Reply.NullArray()
		return nil
	}
	c.Reply.Array(len(m.queue))
	cl.mode |= inExec
	tx.BeginAtomic()
	workerOf(c).runQueued(c, cl)
	tx.CommitAtomic()
	cl.mode &^= inExec
	return nil
}

// lockExec takes the locks of the client's transaction. It reports false if others hold them.
func (s *Road) lockExec(cl *client, tx *engine.Tx) bool {
	m := cl.multi
	for {
		seen := s.on.Version()
		var l engine.LockSet
		for i := range m.queue {
			q := &m.queue[i]
			if q.spec.Flags&commands.NoMandatoryKeys != 0 {
				s.on.Locks(&l, q.spec, m.wordsOf(q))
			} else {
				q.spec.AddLocks(s.keys, m.wordsOf(q), &l)
			}
		}
		for _, w := range cl.watches {
			l.Add(s.keys, []byte(w.at.key))
		}
		if m.flags&commands.NoMandatoryKeys != 0 {
			tx.BeginLong()
		}
		if !tx.Lock(&l) {
			return false
		}
		if m.flags&commands.NoMandatoryKeys == 0 || s.on.Version() == seen {
			return true
		}
		tx.Unlock() // a library has changed: its functions may need other locks
	}
}

// runQueued runs the client's transaction.
func (w *worker) runQueued(c *commands.Ctx, cl *client) {
	argv, spec := c.Argv, c.Spec
	m, tx := cl.multi, c.Tx
	start := w.nowNS
	for i := range m.queue {
		q := &m.queue[i]
		mark := len(w.reply.B)
		if w.nowNS-start > int64(loosenAfter) {
			tx.Loosen()
		}
		if tx.Loose() {
			var l engine.LockSet
			q.spec.AddLocks(w.srv.keys, m.wordsOf(q), &l)
			tx.Relock(&l)
		}
		j := job{origin: FromExec, c: cl, spec: q.spec, argv: m.wordsOf(q), db: cl.db(), tx: tx}
		j.size = requestBytes(j.argv)
		if _, err := w.run(&j); err != nil {
			w.refuse(cl, mark, err)
		}
		tx.Relax()
	}
	c.Argv, c.Spec = argv, spec
}
