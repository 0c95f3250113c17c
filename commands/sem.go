package commands

import (
	"cached/engine"
	"cached/engine/value"
	"cached/internal/lock"
)

// Our own events: Redis has none of these names.
var (
	eventSemAcquire = engine.Event{Name: "semacquire", Class: engine.ClassGeneric}
	eventSemRelease = engine.Event{Name: "semrelease", Class: engine.ClassGeneric}
	eventSemRenew   = engine.Event{Name: "semrenew", Class: engine.ClassGeneric}
	eventSemLimit   = engine.Event{Name: "semlimit", Class: engine.ClassGeneric}
	eventSemExpired = engine.Event{Name: "semexpired", Class: engine.ClassGeneric}
)

// A sem is a semaphore that a command works on.
type sem struct {
	lock.Semaphore
	s       engine.State
	key     []byte
	changed bool // by tidying
}

// openSem reads the semaphore at key and takes out what has ended. It is good until the next
// call.
func (c *Ctx) openSem(key []byte) (*sem, error) {
	if c.sem == nil {
		c.sem = new(sem)
	}
	m := c.sem
	var err error
	if m.s, err = c.Tx.State(key, value.Semaphore); err != nil {
		return nil, clientError(err)
	}
	m.key = key
	if err := m.Parse(m.s.Bytes()); err != nil {
		return nil, refusal(err)
	}
	m.changed = m.Tidy(c.NowMS)
	return m, nil
}

// keepSem writes the semaphore back, or removes the key if no permit is left: the limit
// comes with the next call.
func (c *Ctx) keepSem(m *sem, ev engine.Event) {
	if len(m.Permits) > 0 {
		c.scratch = m.Append(c.scratch[:0])
		c.setState(&m.s, m.key, c.scratch, m.DeadlineMS(), ev)
	} else if m.s.Exists() {
		c.dropNative(m.key, ev)
	}
}

func semAcquire(c *Ctx) error {
	a := c.Args(2)
	limit := a.number("limit", "", lock.MaxLimit)
	r := lock.PermitRequest{NowMS: c.NowMS, Cost: 1}
	waitMS, seen := int64(0), uint32(0)
	for a.More() {
		switch {
		case a.Is("TTL"):
			a.seen("TTL", &seen, 1)
			r.TTLMS = a.millis("TTL")
		case a.Is("WAIT"):
			a.seen("WAIT", &seen, 2)
			waitMS = a.millis("WAIT")
		case a.Is("COST"):
			a.seen("COST", &seen, 4)
			r.Cost = a.number("COST", "", lock.MaxLimit)
		case a.Is("ID"):
			a.seen("ID", &seen, 8)
			r.ID = a.name("ID")
		default:
			a.unknownOption()
		}
	}
	if a.Err() == nil && r.TTLMS == 0 {
		a.Fail(errNoTTL)
	}
	if err := a.End(); err != nil {
		return err
	}
	m, err := c.openSem(c.Argv[1])
	if err != nil {
		return err
	}
	env := c.Env.Locks()
	again, over := env.Waits()
	// Of several limits the one of the call that came last holds, and not that of one which
	// has waited.
	had := m.Limit
	if !again || m.Limit == 0 {
		m.Limit = limit
	}
	ahead := env.Ahead(c, m.key)
	r.Behind = ahead > 0
	p, err := m.Acquire(&r, func() int64 { return env.Token(0) })
	if err != nil {
		return refusal(err)
	}
	if p != nil {
		return c.permit(m, p)
	}
	free := m.FreeMS(r.Cost)
	used, top := m.Used(), m.Limit
	switch {
	case m.Limit != had && len(m.Permits) > 0:
		c.keepSem(m, eventSemLimit)
	case m.changed:
		c.keepSem(m, eventSemExpired)
	}
	if waitMS > 0 && !over {
		look := int64(0)
		if ahead == 0 {
			look = free
		}
		if waits, err := env.Wait(c, c.Argv[1:2], c.NowMS+waitMS, look); waits || err != nil {
			return err
		}
	}
	c.Reply.Map(5)
	c.Reply.BulkString("acquired")
	c.Reply.Int(0)
	c.Reply.BulkString("retry-in")
	c.Reply.Int(c.remainingMS(free))
	c.Reply.BulkString("used")
	c.Reply.Int(used)
	c.Reply.BulkString("limit")
	c.Reply.Int(top)
	c.Reply.BulkString("place")
	c.Reply.Int(int64(ahead) + 1)
	return nil
}

// permit keeps the semaphore with a permit that was granted, and replies it.
func (c *Ctx) permit(m *sem, p *lock.Permit) error {
	var room [20]byte
	ttl, used := c.remainingMS(p.UntilMS), m.Used()
	id := p.ID
	if len(id) == 0 {
		id = p.AppendID(room[:0])
	}
	r := c.Reply
	r.Map(5)
	r.BulkString("acquired")
	r.Int(1)
	r.BulkString("id")
	r.Bulk(id) // before the state that it may lie in changes
	r.BulkString("ttl")
	r.Int(ttl)
	r.BulkString("used")
	r.Int(used)
	r.BulkString("limit")
	r.Int(m.Limit)
	c.keepSem(m, eventSemAcquire)
	return nil
}

func semRenew(c *Ctx) error {
	a := c.Args(2)
	id := a.name("ID")
	if a.Err() == nil && !a.Is("TTL") {
		if a.More() {
			a.unknownOption()
		}
		a.Fail(errNoTTL)
	}
	ttl := a.millis("TTL")
	if a.More() {
		a.unknownOption()
	}
	if err := a.End(); err != nil {
		return err
	}
	m, err := c.openSem(c.Argv[1])
	if err != nil {
		return err
	}
	p := m.Of(id)
	if p == nil {
		if m.changed {
			c.keepSem(m, eventSemExpired)
		}
		c.Reply.Int(0)
		return nil
	}
	p.UntilMS = c.NowMS + ttl
	c.keepSem(m, eventSemRenew)
	c.Reply.Int(1)
	return nil
}

func semRelease(c *Ctx) error {
	a := c.Args(2)
	id := a.name("ID")
	if err := a.End(); err != nil {
		return err
	}
	m, err := c.openSem(c.Argv[1])
	if err != nil {
		return err
	}
	if !m.Release(id) {
		if m.changed {
			c.keepSem(m, eventSemExpired)
		}
		c.Reply.Int(0)
		return nil
	}
	c.keepSem(m, eventSemRelease)
	c.Reply.Int(1)
	return nil
}

// semInfo replies what there is, and changes nothing.
func semInfo(c *Ctx) error {
	m, err := c.openSem(c.Argv[1])
	if err != nil {
		return err
	}
	waiting := c.Env.Locks().Waiting(c, m.key)
	if !m.s.Exists() && waiting == 0 {
		c.Reply.Null()
		return nil
	}
	r := c.Reply
	r.Map(4)
	r.BulkString("limit")
	r.Int(m.Limit)
	r.BulkString("used")
	r.Int(m.Used())
	r.BulkString("waiting")
	r.Int(int64(waiting))
	r.BulkString("permits")
	r.Array(len(m.Permits))
	for i := range m.Permits {
		p := &m.Permits[i]
		var room [20]byte
		id := p.ID
		if len(id) == 0 {
			id = p.AppendID(room[:0])
		}
		r.Map(3)
		r.BulkString("id")
		r.Bulk(id)
		r.BulkString("cost")
		r.Int(p.Cost)
		r.BulkString("ttl")
		r.Int(c.remainingMS(p.UntilMS))
	}
	return nil
}
