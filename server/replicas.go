package server

import (
	"errors"
	"net"
	"sync"

	"cached/commands"
	"cached/engine"
)

// What replication needs of the server: connections of replicas are taken from their
// clients, and what a primary sends is applied on the road of all commands.

// notes are what replication keeps with a client.
var notes = newClientSlot[any]()

// Kept is a place for what a subsystem knows of the client that runs a command; nil at first.
// It ends with the client.
func (s *Server) Kept(c *commands.Ctx) *any { return notes.of(clientOf(c)) }

// ClientAddr returns the ID of the client that runs a command, as of CLIENT ID, and where it
// is connected from.
func (s *Server) ClientAddr(c *commands.Ctx) (id int64, addr string) {
	cl := clientOf(c)
	return cl.id, cl.addr
}

// Take ends the commands of the client that runs one, and gives its connection to heir, on a
// goroutine of its own, once the replies before have left. It reports false if that cannot be,
// inside MULTI or a script. Until the heir closes the connection, CLIENT LIST has it as that of
// a replica, and CLIENT KILL closes it.
func (s *Server) Take(c *commands.Ctx, heir func(net.Conn)) bool {
	cl := clientOf(c)
	if cl.mode&inExec != 0 || cl.closing {
		return false
	}
	cl.heir, cl.closing = heir, true
	cl.shown.replica.Store(true)
	return true
}

// A takenConn is the connection of a client that was taken.
type takenConn struct {
	net.Conn
	client
	once sync.Once
}

// handOver gives the connection of c, which is closed, to its heir.
func (s *Road) handOver(c *client, sock net.Conn) {
	t := &takenConn{Conn: sock}
	n := &t.client
	n.id, n.srv, n.conn, n.addr, n.laddr, n.fd, n.created = c.id, s, t, c.addr, c.laddr, c.fd, c.created
	n.account.Store(c.account.Load())
	n.shown.name.Store(c.shown.name.Load())
	n.shown.last.Store(c.shown.last.Load())
	n.shown.activeMS.Store(c.shown.activeMS.Load())
	n.shown.proto.Store(c.shown.proto.Load())
	n.shown.replica.Store(true)
	s.mu.Lock()
	s.clients[n.id] = n
	s.mu.Unlock()
	go c.heir(t)
}

// ShowPrimary has CLIENT LIST show a connection to the primary that this server follows, and CLIENT
// KILL close it, until what it returns is closed.
func (s *Server) ShowPrimary(sock net.Conn) net.Conn {
	t := &takenConn{Conn: sock}
	n := &t.client
	n.id, n.srv, n.conn, n.addr, n.laddr = s.nextID.Add(1), &s.Road, t, sock.RemoteAddr().String(), sock.LocalAddr().String()
	n.created = s.nowMS()
	n.account.Store(s.std)
	n.shown.activeMS.Store(n.created)
	n.shown.proto.Store(2)
	n.shown.primary.Store(true)
	s.mu.Lock()
	s.clients[n.id] = n
	s.mu.Unlock()
	return t
}

// Close closes the connection, and ends the client.
func (t *takenConn) Close() error {
	t.once.Do(func() { t.srv.forget(&t.client) })
	return t.Conn.Close()
}

func (t *takenConn) post(func(*worker, *client)) {
	if t.shown.closing.Load() { // there is nothing else to be told
		_ = t.Close()
	}
}

func (*takenConn) resume()        {}
func (*takenConn) gather()        {}
func (*takenConn) untime(*waiter) {}
func (*takenConn) outlet() outlet { return nil }

// Waker returns what has the command that runs, and that was parked by Ctx.Block, run again;
// nil if it was not parked.
func (s *Server) Waker(c *commands.Ctx) func() {
	cl := clientOf(c)
	wt := cl.waiting
	if wt == nil {
		return nil
	}
	return func() { s.lookAgain(cl, wt) }
}

// AskReplicas says who knows what replicas have on the disk: see Subjects.ReplicaLogs. It comes
// before Start.
func (s *Server) AskReplicas(f func(c *commands.Ctx, first bool) (have func() int64, await func(n, untilMS int64), err error)) {
	s.on.ReplicaLogs = f
}

// OnPublish has f hear of what clients publish. It comes before Start.
func (s *Server) OnPublish(f func(argv [][]byte)) { s.on.Published = f }

// PauseWrites holds commands that may write until a Unix time in milliseconds, as CLIENT PAUSE
// does; 0 ends that.
func (s *Server) PauseWrites(untilMS int64) {
	if untilMS == 0 {
		s.pause.untilMS.Store(0)
	} else {
		s.pause.begin(s.nowMS(), untilMS, true)
	}
	s.pauseUntil(s.pause.untilMS.Load())
}

// EndsNow reports whether SHUTDOWN NOW has ended the server, which then waits for nobody.
func (s *Server) EndsNow() bool { return s.endsNow.Load() }

// CountSyncs says who counts the synchronizations of replicas: full ones, resumed ones and those
// that were asked to be resumed in vain. It comes before Start.
func (s *Server) CountSyncs(f func() (full, resumed, refused int64)) { s.syncs = f }

// GatesChanged has gates asked whether they have something to say: the answer of one has
// changed.
func (s *Server) GatesChanged() { s.setGated() }

// UnblockAll answers all clients that wait for something with an error, and closes them.
func (s *Server) UnblockAll(text string) {
	for _, c := range s.allClients() {
		if !c.shown.blocked.Load() {
			continue
		}
		c.conn.post(func(w *worker, c *client) {
			if c.waiting != nil && c.shown.blocked.Load() && c.giveUp(nil) {
				c.add([]byte("-" + text + "\r\n"))
				c.closing = true
				c.conn.resume()
			}
		})
	}
}

// An Applier runs the effects that a primary sends, one after the other. It belongs to one
// goroutine.
type Applier struct {
	w   *worker
	c   client
	tx  engine.Tx // holds the whole keyspace for effects that belong together
	job job

	ended func() bool
}

// errEnded is what becomes of an effect that the Applier is not to run any more.
var errEnded = errors.New("the primary is not followed any more")

// Applier returns one that begins with database 0. ended is asked with locks held before each
// effect; when it reports true none is run any more.
func (s *Server) Applier(ended func() bool) *Applier {
	a := &Applier{w: newWorker(&s.Road), ended: ended}
	a.w.tx.GivesUp = false // there is nobody whom it could tell
	a.tx.Owner = a.w
	a.c.srv, a.c.proto, a.c.authed = &s.Road, 2, true
	a.c.conn = nobody{}
	a.c.account.Store(s.std)
	a.w.flush = func(*client) {}
	return a
}

// DB is the database of the next effect.
func (a *Applier) DB() int { return a.c.db() }

// SetDB makes db that database.
func (a *Applier) SetDB(db int) { a.c.SelectDB(db) }

// Apply runs an effect. done is called when it has run, with the locks held under which it
// did; db is the database that it was in. It is not called for a command that does not exist.
func (a *Applier) Apply(argv [][]byte, done func(db int)) error {
	a.w.tick()
	err := a.run(argv, nil, done)
	a.notify()
	return err
}

// ApplyAll runs effects that are to be seen whole or not at all. done is called for each.
func (a *Applier) ApplyAll(all [][][]byte, done func(i, db int)) (first error) {
	a.w.tick()
	a.tx.Begin(a.w.srv.keys, a.c.db(), a.w.nowMS())
	a.tx.LockAll()
	a.c.mode |= inExec
	for i, argv := range all {
		if err := a.run(argv, &a.tx, func(db int) { done(i, db) }); err != nil && first == nil {
			first = err
		}
	}
	a.c.mode &^= inExec
	a.tx.Unlock()
	a.notify()
	return first
}

// Alone calls f with the whole keyspace locked.
func (a *Applier) Alone(f func(tx *engine.Tx)) {
	a.w.tick()
	a.tx.Begin(a.w.srv.keys, a.c.db(), a.w.nowMS())
	a.tx.LockAll()
	f(&a.tx)
	a.tx.Unlock()
	a.notify()
}

// notify tells those who wait for what was changed, or want to hear of it.
func (a *Applier) notify() {
	w := a.w
	w.reply.B = w.reply.B[:0]
	if w.due {
		w.finish(nil)
	}
	if len(w.ready) > 0 {
		w.serveReady()
	}
}

func (a *Applier) run(argv [][]byte, held *engine.Tx, done func(db int)) error {
	spec, _ := a.w.find(argv)
	if spec == nil {
		return noSuch(argv)
	}
	if !spec.ArityOK(argv) {
		return commands.WrongArity(spec.FullName())
	}
	j := &a.job
	*j = job{origin: FromStream, c: &a.c, spec: spec, argv: argv, db: a.c.db(), tx: held, applied: done, ended: a.ended}
	if held == nil {
		j.tx, j.lock = &a.w.tx, true
	}
	ctx := a.w.ctx.Tx
	_, err := a.w.run(j)
	a.w.ctx.Tx = ctx
	return err
}
