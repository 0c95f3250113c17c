package server

import (
	"net"
	"sync/atomic"

	"cached/commands"
	"cached/engine"
	"cached/internal/acl"
	"cached/internal/resp"
)

// A client is one connection. Its loop owns it; the fields that others show in
// CLIENT LIST are atomics, written when they change.
type client struct {
	id      int64
	srv     *Road
	conn    conn // how bytes and functions reach it
	addr    string
	laddr   string
	fd      int
	local   bool // from the same machine: a unix socket or loopback
	created int64

	// Owned by the loop.
	parser    resp.Parser
	speaks    *spoken       // another protocol, or nil
	other     RequestParser // of that
	in        []byte        // what has arrived and was not parsed yet
	out       output        // replies that the socket did not take yet, by add alone
	inFlight  int           // bytes of replies that are being written, beyond out
	proto     int
	authed    bool
	closing   bool // once out is written
	closed    bool
	noTouch   bool
	replyOff  bool // CLIENT REPLY OFF
	skip      int  // CLIENT REPLY SKIP: 2 for this command, 1 for the next
	publishes bool // it has published something
	postponed bool // its next command waits for the end of CLIENT PAUSE
	halted    halt // why nothing of its runs
	waiting   *waiter
	ticket    *engine.Ticket // its place in the queue of a lock, or nil if it never waited for one
	mode      clientMode     // what sets its commands apart from most clients'; usually 0
	multi     *multi         // the transaction it has begun, or nil
	watches   []*watch
	overSince int64           // since when out is over the soft limit, or 0
	addedUp   int64           // bytes of out when clients' memory was last added up for them
	addedUpIn int64           // room of in when it was last added up for that
	logged    int64           // how far the log must have come for out to leave, or 0
	changed   int64           // how far the log has come with what the client changed last
	held      bool            // it has not: out waits, and so do further commands
	heir      func(net.Conn)  // takes the connection over when the client closes, or nil
	slots     [placesMost]any // of subjects: see clientSlot

	account atomic.Pointer[account] // who it is; others show it
	shown   shown
}

// shown is what CLIENT LIST of any client shows of another.
type shown struct {
	db       atomic.Int32
	proto    atomic.Int32
	name     atomic.Pointer[string]
	libName  atomic.Pointer[string]
	libVer   atomic.Pointer[string]
	last     atomic.Pointer[commands.Spec]
	activeMS atomic.Int64
	multi    atomic.Int32 // commands queued by MULTI plus one, or 0
	multiMem atomic.Int64
	watches  atomic.Int32
	subs     [3]atomic.Int32 // by kind
	changed  atomic.Bool     // a watched key was
	inBytes  atomic.Int64
	inFree   atomic.Int64
	outBytes atomic.Int64
	argv     atomic.Int64
	kept     atomic.Int64 // bytes of what the server keeps for it: see keeps
	noEvict  atomic.Bool
	noTouch  atomic.Bool
	blocked  atomic.Bool
	paused   atomic.Bool // its next command waits
	monitor  atomic.Bool
	replica  atomic.Bool   // its connection was taken for a replica
	primary  atomic.Bool   // it is the primary that this server follows
	tracking atomic.Uint32 // shownTracks and what follows it
	redirect atomic.Int64  // with shownTracks: the client that is notified in its place, or 0
	closing  atomic.Bool
}

// What CLIENT LIST shows of a client that tracks keys.
const (
	shownTracks uint32 = 1 << iota
	shownBroken        // the client that is notified in its place is gone
	shownBcast         // with BCAST
)

func text(p *atomic.Pointer[string]) string {
	if s := p.Load(); s != nil {
		return *s
	}
	return ""
}

// A halt is why nothing of a client runs at present.
type halt uint8

const (
	parked  halt = 1 << iota // its next command waits for a lock
	lent                     // its command runs for long, and its loop is lent: guarded by the loop's turn
	crowded                  // very many of its replies are made elsewhere
)

// An account is a name that clients can log in with. Its user is replaced by
// another when the rules change, which all its clients see at their next command.
type account struct {
	name string
	user atomic.Pointer[acl.User]
}

// open reports whether clients need not log in.
func (s *Road) open() bool { return s.std.user.Load().Open() }

// A clientMode is a set of states that dispatch has to look at.
type clientMode uint32

const (
	inMulti    clientMode = 1 << iota // has begun a transaction
	inExec                            // its transaction runs now
	subscribed                        // has subscriptions
	tracks                            // hears of changed keys
	monitors                          // hears of all commands
	debugs                            // has asked for its scripts to be debugged
)

// setIfChanged stores without the cost of an atomic write when nothing changes.
func setIfChanged(a *atomic.Int64, v int64) {
	if a.Load() != v {
		a.Store(v)
	}
}

// A conn is the transport's side of a client.
type conn interface {
	// post runs f on the goroutine that owns the client, soon and in order;
	// after the client was closed f is dropped. It may be called by anyone.
	post(f func(*worker, *client))
	// resume makes the owner look at the client's input and output again. It
	// is called by the owner.
	resume()
	// gather makes client.out complete: it puts replies there that wait elsewhere for the
	// end of the owner's turn. It is called by the owner.
	gather()
	// untime lets go of what waits for the deadline of a waiter of the client that has
	// ended. It is called by the owner.
	untime(wt *waiter)
	// outlet takes messages of channels to the client.
	outlet() outlet
}

// add puts what was not made by the client's running batch of commands behind all that
// the client was sent before. It is called by the client's owner, and resume follows.
func (c *client) add(b []byte) {
	c.conn.gather()
	c.out.add(b)
}

// SelectDB makes db the client's database.
func (c *client) SelectDB(db int) { c.shown.db.Store(int32(db)) }

func (c *client) db() int { return int(c.shown.db.Load()) }

// MaxBulk is the longest string a client may make.
func (c *client) MaxBulk() int { return int(c.srv.maxBulk.Load()) }

// limits bound the next request.
func (c *client) limits() resp.Limits {
	if c.speaks != nil {
		return c.speaks.Limits()
	}
	if !c.authed {
		return resp.Limits{BulkBytes: resp.UnauthBulkBytes, Args: resp.UnauthArgs}
	}
	return resp.Limits{BulkBytes: int(c.srv.maxBulk.Load()), Args: 1<<31 - 1}
}

// reset is what RESET leaves of a client: as if it had just connected.
func (c *client) reset() {
	c.srv.letGoOf(c)
	c.SelectDB(0)
	c.setProto(2)
	c.shown.name.Store(nil)
	c.account.Store(c.srv.std)
	c.authed = c.srv.open()
	c.noTouch, c.replyOff, c.skip = false, false, 0
	c.mode &^= debugs
	c.shown.noTouch.Store(false)
	c.shown.noEvict.Store(false)
}

func (c *client) setProto(v int) {
	c.proto = v
	c.shown.proto.Store(int32(v))
}

// stopped reports whether the client's next command has to wait.
func (c *client) stopped() bool {
	return c.halted != 0 || c.closing || c.closed || c.waiting != nil || c.postponed || c.held || c.shown.closing.Load()
}

// turnBytes is how much of a client's commands runs before others get their turn.
const turnBytes = 64 << 10

// feed runs the complete commands at the front of data, of about turnBytes at most,
// and returns how many bytes they took. Replies are in w.reply.
func (w *worker) feed(c *client, data []byte) (used int) {
	w.feeding = true
	used = w.runBatches(c, data)
	w.feeding = false
	if len(w.staged) > 0 {
		w.handOver()
	}
	return used
}

func (w *worker) runBatches(c *client, data []byte) (used int) {
	for used < min(len(data), turnBytes) && !c.stopped() {
		w.batch.parse(c, data[used:])
		if len(w.batch.requests) == 0 {
			if err := w.batch.err; err != nil {
				w.replyError(c, "ERR "+err.Error())
				w.srv.protocolErrors.Add(1)
				c.closing = true
				return len(data)
			}
			break
		}
		w.batch.prepare(w, c)
		done := 0
		for i := range w.batch.requests {
			r := &w.batch.requests[i]
			w.next = nil
			if i+1 < len(w.batch.requests) {
				w.next = &w.batch.requests[i+1]
			}
			if c.stopped() || len(r.argv) > 0 && !w.dispatch(c, r) {
				break
			}
			used += r.size
			done++
			if len(w.reply.B)-w.base > flushAt {
				w.tx.GiveBack()
				w.flush(c)
				w.bound(c)
			}
		}
		w.tx.GiveBack()
		if done < len(w.batch.requests) {
			// The others are parsed again when the client goes on.
			c.parseAnew(w.batch.size(done))
			break
		}
	}
	return used
}

// setAccount makes the client one of an account that it has shown the password of.
func (c *client) setAccount(a *account) {
	c.authed = true
	c.account.Store(a)
}
