package commands

import (
	"cached/engine"
	"cached/engine/value"
	"cached/internal/lock"
)

// Locks are values of the type lock: a block that internal/lock reads. A command reads it,
// takes out what has ended, does its part, and writes it back.

// Our own events: Redis has none of these names.
var (
	eventLock      = engine.Event{Name: "lock", Class: engine.ClassGeneric}
	eventUnlock    = engine.Event{Name: "unlock", Class: engine.ClassGeneric}
	eventLockRenew = engine.Event{Name: "lockrenew", Class: engine.ClassGeneric}
	eventLockForce = engine.Event{Name: "lockforce", Class: engine.ClassGeneric}
	eventLockLost  = engine.Event{Name: "locklost", Class: engine.ClassGeneric}
)

// Why a hold was lost, as the push says.
const (
	lostExpired = "expired"
	lostForced  = "forced"
)

// A held is a lock that a command works on.
type held struct {
	lock.Lock
	s       engine.State
	key     []byte
	changed bool // by tidying
}

// openLock reads the lock at key and takes out what has ended. quiet: nobody is told. The lock
// is good until the next call.
func (c *Ctx) openLock(key []byte, quiet bool) (*held, error) {
	if c.held == nil {
		c.held = new(held)
	}
	h := c.held
	var err error
	if h.s, err = c.Tx.State(key, value.Lock); err != nil {
		return nil, clientError(err)
	}
	h.key, h.changed = key, false
	if err := h.Parse(h.s.Bytes()); err != nil {
		return nil, refusal(err)
	}
	if len(h.Holds) == 0 {
		return h, nil
	}
	env := c.Env.Locks()
	var lost func(lock.Hold)
	if !quiet {
		lost = func(x lock.Hold) { env.Lost(c, key, x, lostExpired) }
	}
	h.changed = h.Tidy(c.NowMS, env.Born(), lost)
	return h, nil
}

// keepLock writes the lock back, or removes the key if nothing is left.
func (c *Ctx) keepLock(h *held, ev engine.Event) {
	if len(h.Holds) > 0 {
		c.scratch = h.Append(c.scratch[:0])
		c.setState(&h.s, h.key, c.scratch, h.DeadlineMS(), ev)
		return
	}
	if !h.s.Exists() {
		return
	}
	// Whoever hears of keys that are removed finds that it has been told: this is the last
	// change of the block, where it stands.
	lock.MarkTold(h.s.Bytes())
	c.dropNative(h.key, ev)
}

// tidied writes back what tidying changed, for a command that changes nothing else.
func (c *Ctx) tidied(h *held) {
	if h.changed {
		c.keepLock(h, eventLockLost)
	}
}

// lockArgs are what LOCK.ACQUIRE and LOCK.MACQUIRE ask for.
type lockArgs struct {
	lock.Request
	waitMS int64
}

// read takes the owner and the options.
func (o *lockArgs) read(c *Ctx, a *Args) {
	o.Owner = a.name("owner")
	o.NowMS = c.NowMS
	seen := uint32(0)
	for a.More() {
		switch {
		case a.Is("TTL"):
			a.seen("TTL", &seen, 1)
			o.TTLMS = a.millis("TTL")
		case a.Is("WAIT"):
			a.seen("WAIT", &seen, 2)
			o.waitMS = a.millis("WAIT")
		case a.Is("DELAY"):
			a.seen("DELAY", &seen, 4)
			o.DelayMS = a.millis("DELAY")
		case a.Is("HOLDS"):
			a.seen("HOLDS", &seen, 8)
			o.Holds = int32(a.number("HOLDS", "", lock.MaxCount))
		case a.Is("SHARED"):
			a.seen("SHARED", &seen, 16)
			o.Shared = true
		case a.Is("WHILE"):
			a.seen("WHILE", &seen, 32)
			if !a.Is("CONNECTED") {
				a.Fail(Error("ERR WHILE must be followed by CONNECTED"))
			}
			o.Bound = true
		default:
			a.unknownOption()
		}
	}
	if a.Err() == nil && o.TTLMS == 0 {
		a.Fail(errNoTTL)
	}
}

const errNoTTL = Error("ERR TTL is missing")

func lockAcquire(c *Ctx) error {
	var o lockArgs
	a := c.Args(2)
	o.read(c, &a)
	if err := a.End(); err != nil {
		return err
	}
	env := c.Env.Locks()
	h, err := c.openLock(c.Argv[1], false)
	if err != nil {
		return err
	}
	ahead := env.Ahead(c, h.key)
	o.Client, o.Behind = env.Client(), ahead > 0
	if o.Bound {
		if err := env.Bindable(1); err != nil {
			return err
		}
	}
	g, err := h.Acquire(&o.Request, env.Token)
	if err != nil {
		return refusal(err)
	}
	if g.Hold == nil {
		blocker := lookAt(g.Blocker)
		c.tidied(h)
		return c.lockWait(&o, c.Argv[1:2], blocker, ahead)
	}
	token, ttl, count := g.Hold.Token, c.remainingMS(g.Hold.UntilMS), g.Hold.Count
	if o.Bound {
		env.Bind(c, h.key, token)
	}
	c.keepLock(h, eventLock)
	c.Reply.IntMap(acquiredFields, 1, token, ttl, int64(count))
	return nil
}

// What is replied when all went well.
var (
	acquiredFields = []string{"acquired", "token", "ttl", "holds"}
	renewedFields  = []string{"renewed", "token", "ttl", "holds"}
	releasedFields = []string{"released", "holds", "repeated"}
)

// A blocking is what stands in the way of a request.
type blocking struct {
	owner   []byte // nil: the delay of a hold that has ended, or those who came before
	untilMS int64  // or 0
	freeMS  int64
}

// lookAt copies what is said of a hold, which may refer to memory that is about to change.
func lookAt(h *lock.Hold) (b blocking) {
	if h != nil {
		b.freeMS, b.untilMS = h.FreeMS(), h.UntilMS
		if !h.Lost {
			b.owner = append([]byte(nil), h.Owner...)
		}
	}
	return b
}

// lockWait has a request wait that cannot be granted now, or replies that it is refused.
func (c *Ctx) lockWait(o *lockArgs, keys [][]byte, b blocking, ahead int) error {
	env := c.Env.Locks()
	if _, over := env.Waits(); o.waitMS > 0 && !over {
		look := int64(0)
		if ahead == 0 {
			look = b.freeMS
		}
		if waits, err := env.Wait(c, keys, c.NowMS+o.waitMS, look); waits || err != nil {
			return err
		}
	}
	c.Reply.Map(4)
	c.Reply.BulkString("acquired")
	c.Reply.Int(0)
	c.replyHolder(b)
	c.Reply.BulkString("place")
	c.Reply.Int(int64(ahead) + 1)
	return nil
}

// replyHolder replies the pairs about the hold that stands in the way.
func (c *Ctx) replyHolder(b blocking) {
	c.Reply.BulkString("holder")
	c.Reply.BulkOrNull(b.owner)
	c.Reply.BulkString("ttl")
	c.Reply.Int(c.remainingMS(b.freeMS))
}

// holder takes the owner and, if there is one, the token of a hold.
type holder struct {
	owner []byte
	token int64
}

func lockRenew(c *Ctx) error {
	a := c.Args(2)
	x := holder{owner: a.name("owner")}
	ttl, seen := int64(0), uint32(0)
	for a.More() {
		switch {
		case a.Is("TTL"):
			a.seen("TTL", &seen, 1)
			ttl = a.millis("TTL")
		case a.Is("TOKEN"):
			a.seen("TOKEN", &seen, 2)
			x.token = a.number("TOKEN", "", lock.MaxToken)
		default:
			a.unknownOption()
		}
	}
	if a.Err() == nil && ttl == 0 {
		a.Fail(errNoTTL)
	}
	if err := a.End(); err != nil {
		return err
	}
	h, err := c.openLock(c.Argv[1], false)
	if err != nil {
		return err
	}
	mine := h.Of(x.owner, x.token, c.NowMS)
	r := c.Reply
	if mine == nil {
		var b blocking
		if len(h.Holds) > 0 {
			b = lookAt(&h.Holds[0])
		}
		c.tidied(h)
		r.Map(3)
		r.BulkString("renewed")
		r.Int(0)
		c.replyHolder(b)
		return nil
	}
	mine.UntilMS = c.NowMS + ttl
	token, count := mine.Token, mine.Count
	c.keepLock(h, eventLockRenew)
	r.IntMap(renewedFields, 1, token, ttl, int64(count))
	return nil
}

func lockRelease(c *Ctx) error {
	a := c.Args(2)
	x := holder{owner: a.name("owner")}
	holds, all, seen := int32(0), false, uint32(0)
	for a.More() {
		switch {
		case a.Is("TOKEN"):
			a.seen("TOKEN", &seen, 1)
			x.token = a.number("TOKEN", "", lock.MaxToken)
		case a.Is("HOLDS"):
			a.seen("HOLDS or ALL", &seen, 2)
			holds = int32(a.number("HOLDS", "", lock.MaxCount))
		case a.Is("ALL"):
			a.seen("HOLDS or ALL", &seen, 2)
			all = true
		default:
			a.unknownOption()
		}
	}
	if err := a.End(); err != nil {
		return err
	}
	h, err := c.openLock(c.Argv[1], false)
	if err != nil {
		return err
	}
	bound := false
	if mine := h.Of(x.owner, x.token, c.NowMS); mine != nil {
		bound = mine.Bound && mine.Client == c.Env.Locks().Client()
	}
	what, left := h.Release(x.owner, x.token, c.NowMS, holds, all)
	if what == lock.Gone {
		c.tidied(h)
	} else {
		c.keepLock(h, eventUnlock)
		if bound && what == lock.Released {
			c.Env.Locks().Unbind(c, h.key)
		}
	}
	c.Reply.IntMap(releasedFields, int64(b2i(what == lock.Released)), int64(left), int64(b2i(what == lock.Gone)))
	return nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func lockForce(c *Ctx) error {
	a := c.Args(2)
	var owner []byte
	if a.More() {
		if a.Is("OWNER") {
			owner = a.name("owner")
		} else {
			a.unknownOption()
		}
	}
	if err := a.End(); err != nil {
		return err
	}
	h, err := c.openLock(c.Argv[1], false)
	if err != nil {
		return err
	}
	before := len(h.Holds)
	n := h.Force(owner, c.NowMS, func(x lock.Hold) { c.Env.Locks().Lost(c, h.key, x, lostForced) })
	if len(h.Holds) != before || h.changed {
		c.keepLock(h, eventLockForce)
	}
	c.Reply.Int(int64(n))
	return nil
}

// lockInfo replies what there is, and changes nothing.
func lockInfo(c *Ctx) error {
	h, err := c.openLock(c.Argv[1], true)
	if err != nil {
		return err
	}
	waiting := c.Env.Locks().Waiting(c, h.key)
	if len(h.Holds) == 0 && waiting == 0 {
		c.Reply.Null()
		return nil
	}
	n, free, mode := 0, h.DeadlineMS(), "free"
	for i := range h.Holds {
		switch x := &h.Holds[i]; {
		case x.UntilMS <= c.NowMS:
			if n == 0 {
				mode = "delayed"
			}
		case x.Shared:
			n, mode = n+1, "shared"
		default:
			n, mode = n+1, "exclusive"
		}
	}
	r := c.Reply
	r.Map(5)
	r.BulkString("mode")
	r.BulkString(mode)
	r.BulkString("token")
	r.Int(h.Newest())
	r.BulkString("free-in")
	r.Int(c.remainingMS(free))
	r.BulkString("waiting")
	r.Int(int64(waiting))
	r.BulkString("holders")
	r.Array(n)
	for i := range h.Holds {
		x := &h.Holds[i]
		if x.UntilMS <= c.NowMS {
			continue
		}
		r.Map(6)
		r.BulkString("owner")
		r.Bulk(x.Owner)
		r.BulkString("token")
		r.Int(x.Token)
		r.BulkString("ttl")
		r.Int(c.remainingMS(x.UntilMS))
		r.BulkString("holds")
		r.Int(int64(x.Count))
		r.BulkString("delay")
		r.Int(x.DelayMS)
		r.BulkString("while-connected")
		r.Int(int64(b2i(x.Bound)))
	}
	return nil
}

// EndConnected ends the hold of a lock that a client took WHILE CONNECTED and has not given
// back, now that its connection has ended. tx has locked the key. env is the client's.
func EndConnected(tx *engine.Tx, env Env, key []byte, token, client int64) {
	c := &Ctx{Tx: tx, NowMS: tx.NowMS, Env: env}
	h, err := c.openLock(key, false)
	if err != nil {
		return
	}
	for i := range h.Holds {
		if x := &h.Holds[i]; x.Token == token && x.Bound && x.Client == client && h.Drop(token, c.NowMS, true) {
			c.keepLock(h, eventLockLost)
			return
		}
	}
	c.tidied(h)
}

// ErrFenced is the error of a fenced command whose token is not that of a present hold.
const ErrFenced = Error("FENCED the token is not that of the lock's present holder")

// Fenced returns ErrFenced unless a token is that of a hold of the lock at key: then nobody
// got a newer one since, which would have ended it.
func Fenced(c *Ctx, key, token []byte) error {
	t, ok := value.ParseInt(token)
	if !ok || t < 1 || t > lock.MaxToken {
		return errNumber("token", "", lock.MaxToken)
	}
	h, err := c.openLock(key, true)
	if err != nil {
		return err
	}
	if !h.Has(t, c.NowMS) {
		return ErrFenced
	}
	return nil
}
