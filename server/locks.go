package server

import (
	"strconv"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/engine/table"
	"cached/engine/value"
	"cached/internal/lock"
)

// A lockTable is the server's part of locks and semaphores: it makes tokens, ends what was
// taken WHILE CONNECTED with its connection, and tells clients what they have lost. Who
// waits is in lines.
type lockTable struct {
	*Road
	tokens lock.Counter
	// inPassing runs work on a goroutine of its own with a worker that is lent to it.
	inPassing func(work func(w *worker))
}

// A lockState is what a lockTable keeps with a client: the tokens of holds that end with
// its connection, by key.
type lockState map[readyKey]int64

var lockStates = newClientSlot[lockState]()

// maxBound is how many holds may end with a connection.
const maxBound = 10_000

// newLockTable returns the road's lockTable, and hangs it there.
func newLockTable(r *Road, kept lock.Bound, inPassing func(func(*worker))) *lockTable {
	t := &lockTable{Road: r, inPassing: inPassing}
	t.tokens.Init(kept, func(err error) {
		r.log.Error("keep what fencing tokens have come to; until that works they grow with the clock alone", "error", err)
	})
	r.on.Leave = append(r.on.Leave, t.leave)
	r.on.Removing = t.removing
	return t
}

// inPassing runs work on a goroutine of its own, with a worker, before the server is closed.
func (s *Server) inPassing(work func(w *worker)) {
	s.group.Add(1)
	go func() {
		defer s.group.Done()
		w := s.transport.worker()
		defer s.transport.giveBack(w)
		w.tick()
		work(w)
	}()
}

// leave ends the holds that were taken WHILE CONNECTED by a client that goes.
func (t *lockTable) leave(c *client) {
	if c.slots[lockStates.at] == nil {
		return
	}
	st := lockStates.of(c)
	holds := *st
	*st = nil
	if len(holds) == 0 {
		return
	}
	for k := range holds {
		c.forgets(len(k.key))
	}
	t.inPassing(func(w *worker) {
		for k, token := range holds {
			key := []byte(k.key)
			w.tx.Begin(t.keys, k.db, w.nowMS())
			for !w.tx.LockKey(key) { // a slow script has it
				time.Sleep(time.Millisecond)
			}
			commands.EndConnected(&w.tx, c, key, token, c.id)
			w.tx.Commit(nil)
			w.tx.Unlock()
			if w.due {
				w.finish(nil)
			}
			w.serveReady()
			w.tick()
		}
	})
}

// lost tells the client that took a hold that it has it no more.
func (t *lockTable) lost(db int, key []byte, h lock.Hold, reason string) {
	if h.Token <= t.tokens.First() {
		return // its client was one of an earlier life
	}
	c := t.clientByID(h.Client)
	if c == nil || c.shown.proto.Load() != 3 && !h.Bound {
		return
	}
	at, owner, token := readyKey{db, string(key)}, string(h.Owner), h.Token
	c.conn.post(func(_ *worker, c *client) {
		t.unbind(c, at, token)
		if c.proto != 3 {
			return
		}
		b := appendBulk([]byte(">5\r\n$9\r\nlock-lost\r\n"), []byte(at.key))
		b = appendBulk(b, []byte(owner))
		b = appendLen(b, ':', int(token))
		c.add(appendBulk(b, []byte(reason)))
		c.conn.resume()
	})
}

// removing hears of a lock whose key is about to be removed. What its commands have ended
// themselves is marked.
func (t *lockTable) removing(tx *engine.Tx, db int, it table.Item) {
	if value.TypeOf(it) != value.Lock || tx.Applying || t.tokens.First() == 0 || lock.Told(it.Value()) {
		return
	}
	var l lock.Lock
	if l.Parse(it.Value()) != nil {
		return
	}
	for i := range l.Holds {
		h := l.Holds[i]
		switch {
		case h.Lost:
		case h.UntilMS < tx.NowMS:
			t.lost(db, it.Key(), h, "expired")
		default:
			t.lost(db, it.Key(), h, "removed")
		}
	}
}

// unbind forgets a hold that would end with the connection. token 0 is whichever.
func (t *lockTable) unbind(c *client, at readyKey, token int64) {
	if c.slots[lockStates.at] == nil {
		return
	}
	st := *lockStates.of(c)
	if had, ok := st[at]; ok && (token == 0 || had == token) {
		delete(st, at)
		c.forgets(len(at.key))
	}
}

// Locks are what commands of locks and semaphores ask for.
func (c *client) Locks() commands.Locks { return lockEnv{c} }

// A lockEnv is a client as those commands see it. It may be that of a client that waits, whose
// command another worker than its own runs: then its owner leaves it alone.
type lockEnv struct{ *client }

// Token returns a fencing token.
func (e lockEnv) Token(above int64) int64 {
	e.Born()
	return e.srv.locks.tokens.Next(above)
}

// Born is a number that all tokens of this life of the server are above.
func (e lockEnv) Born() int64 {
	t := &e.srv.locks.tokens
	if t.First() == 0 {
		t.Begin(time.Now().UnixNano())
	}
	return t.First()
}

// Client is the client's ID.
func (e lockEnv) Client() int64 { return e.id }

// Ahead is how many wait for key in front of the command.
func (e lockEnv) Ahead(c *commands.Ctx, key []byte) int {
	b := &e.srv.block
	if b.lined.Load() == 0 {
		return 0
	}
	return b.ahead(readyKey{c.Tx.DB, string(key)}, e.waiting)
}

// Waiting is how many wait for key.
func (e lockEnv) Waiting(c *commands.Ctx, key []byte) int {
	return e.srv.block.ahead(readyKey{c.Tx.DB, string(key)}, nil)
}

// Waits tells of a command that runs again.
func (e lockEnv) Waits() (again, over bool) {
	if wt := e.waiting; wt != nil {
		return true, wt.over.Load()
	}
	return false, false
}

// Wait parks the client in the lines of keys.
func (e lockEnv) Wait(c *commands.Ctx, keys [][]byte, deadlineMS, lookMS int64) (bool, error) {
	if e.mode&inExec != 0 {
		return false, nil
	}
	if err := workerOf(c).await(e.client, c, keys, deadlineMS, lookMS); err != nil {
		return false, err
	}
	return true, nil
}

// Bindable returns an error if n holds more are too many for the connection.
func (e lockEnv) Bindable(n int) error {
	if len(*lockStates.of(e.client))+n > maxBound {
		return commands.Error("ERR too many locks are held WHILE CONNECTED by this connection, " + strconv.Itoa(maxBound))
	}
	return nil
}

// Bind has a hold end with the connection.
func (e lockEnv) Bind(c *commands.Ctx, key []byte, token int64) {
	st := lockStates.of(e.client)
	if *st == nil {
		*st = make(lockState)
	}
	at := readyKey{c.Tx.DB, string(key)}
	if _, had := (*st)[at]; !had {
		e.keeps(len(at.key))
	}
	(*st)[at] = token
}

// Unbind takes Bind back.
func (e lockEnv) Unbind(c *commands.Ctx, key []byte) {
	e.srv.locks.unbind(e.client, readyKey{c.Tx.DB, string(key)}, 0)
}

// Lost tells the client that took a hold that it has lost it.
func (e lockEnv) Lost(c *commands.Ctx, key []byte, h lock.Hold, reason string) {
	e.srv.locks.lost(c.Tx.DB, key, h, reason)
}

// lockRows are the rows of what runs other commands for a lock.
func (s *Server) lockRows() []commands.Spec {
	return []commands.Spec{{
		Name: "fenced", Group: commands.Lock, Since: "0.1.0", Origin: "cached", Arity: -5,
		Complexity: "That of the command, and O(N) where N is the number of holds of the lock.",
		Summary:    "Runs a command that writes one key, if a token is that of the lock's present holder.",
		Flags:      commands.Write | commands.DenyOOM | commands.MovableKeys, ACL: commands.CatKeyspace,
		Keys:  []commands.KeySpec{{Flags: commands.RO | commands.Access, Notes: "The key of the command is behind it, where the command has it.", Index: 1, Step: 1}},
		Inner: 3,
		Args:  []commands.Arg{commands.Key("lock", 0), commands.Int("token"), commands.Str("command"), commands.Many(commands.Str("arg"))},
		Run:   s.fenced,
	}}
}

// What FENCED does not run.
const (
	errFencedCommand = commands.Error("ERR FENCED: there is no such command, or it has another number of arguments")
	errFencedKind    = commands.Error("ERR FENCED runs commands that write one key")
)

// fenced runs a command if a token is that of a present hold of the lock. The locks of both keys
// are held. What is logged is what the command does.
func (s *Server) fenced(c *commands.Ctx) error {
	inner, words := c.Spec.InnerOf(c.Argv)
	if inner == nil {
		return errFencedCommand
	}
	keys := 0
	inner.EachKey(words, func(_ int, flags commands.KeyFlag) {
		if flags&commands.NotKey == 0 {
			keys++
		}
	})
	const unfit = commands.NoMandatoryKeys | commands.Keyspace | commands.Deferred | commands.NoMulti | commands.Admin
	if keys != 1 || inner.Flags&commands.Write == 0 || inner.Flags&unfit != 0 {
		return errFencedKind
	}
	cl, w, tx := clientOf(c), workerOf(c), c.Tx
	if err := s.users.mayRun(cl, inner, words); err != nil {
		return err
	}
	if err := commands.Fenced(c, c.Argv[1], c.Argv[2]); err != nil {
		return err
	}
	argv, spec, mode := c.Argv, c.Spec, cl.mode
	cl.mode |= inExec // it does not wait
	j := job{origin: FromExec, c: cl, spec: inner, argv: words, db: tx.DB, tx: tx}
	_, err := w.run(&j)
	cl.mode = mode
	c.Argv, c.Spec = argv, spec
	return err
}
