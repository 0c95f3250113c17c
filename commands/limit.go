package commands

import (
	"errors"

	"cached/engine"
	"cached/engine/value"
	"cached/internal/limit"
)

// Limiters are values of their own type, value.Limiter, whose bytes internal/limit reads and
// writes. A grant is logged as the state that it leaves (Ctx.setState); what is refused, and
// a peek, change nothing.

// eventLimit tells that a limiter has counted something, or was given something back.
var eventLimit = engine.Event{Name: "limit", Class: engine.ClassGeneric}

// What clients see of limits.
const (
	errCellUsage   = Error("ERR Usage: cl.throttle <key> <max_burst> <count per period> <period> [<quantity>]")
	errIsCell      = Error("WRONGTYPE the limiter at the key is one of CL.THROTTLE")
	errIsNoCell    = Error("WRONGTYPE the limiter at the key is not one of CL.THROTTLE")
	errLimitState  = Error("ERR the state of the limiter is malformed")
	errMaxBurst    = Error("ERR max_burst must be an integer that is not negative")
	errCellCount   = Error("ERR count must be a positive integer")
	errCellPeriod  = Error("ERR period must be a positive integer")
	errQuantity    = Error("ERR quantity must be an integer that is not negative")
	errNoPolicy    = Error("ERR a policy is missing: GCRA, BUCKET, FIXED, SLIDING, LOG or POLICY name")
	errPolicies    = Error("ERR more than 8 policies")
	errCost        = Error("ERR COST must be 1 to 1000000000000000000")
	errNoCost      = Error("ERR COST needs a number")
	errID          = Error("ERR ID must be 1 to 128 bytes")
	errNoID        = Error("ERR ID needs a request id")
	errNoName      = Error("ERR POLICY needs a name")
	errAtMostForce = Error("ERR ATMOST and FORCE exclude each other")
	errPeekForce   = Error("ERR PEEK and FORCE exclude each other")
)

// limitRoom is room for a call, which is kept from one to the next.
type limitRoom struct {
	limiter limit.Limiter
	call    takeCall
}

func (c *Ctx) limitRoom() *limitRoom {
	if c.limits == nil {
		c.limits = new(limitRoom)
	}
	return c.limits
}

// limitError gives what internal/limit says the text that clients know.
func limitError(err error) error {
	switch {
	case errors.Is(err, limit.ErrCell):
		return errIsCell
	case errors.Is(err, limit.ErrBytes):
		return errLimitState
	}
	return Error("ERR " + err.Error())
}

// clThrottle is CL.THROTTLE of the module redis-cell, to the bit. Its state is no string, as
// it is there, for nothing but the command to be able to change it; a string that the module
// has left is taken over.
func clThrottle(c *Ctx) error {
	n := len(c.Argv)
	if n < 5 || n > 6 {
		return errCellUsage
	}
	key := c.Argv[1]
	burst, ok := value.ParseInt(c.Argv[2])
	if !ok || burst < 0 {
		return errMaxBurst
	}
	count, ok := value.ParseInt(c.Argv[3])
	if !ok || count <= 0 {
		return errCellCount
	}
	period, ok := value.ParseInt(c.Argv[4])
	if !ok || period <= 0 {
		return errCellPeriod
	}
	quantity := int64(1)
	if n == 6 {
		if quantity, ok = value.ParseInt(c.Argv[5]); !ok || quantity < 0 {
			return errQuantity
		}
	}
	s, err := c.Tx.State(key, value.Limiter)
	tat := int64(-1)
	switch {
	case err != nil:
		if tat, ok = c.cellString(key); !ok {
			return clientError(err)
		}
	case s.Exists():
		if tat, ok = limit.ReadCell(s.Bytes(), s.DeadlineMS()); !ok {
			return errIsNoCell
		}
	}
	cell, next, bad := limit.Throttle(tat, c.NowMS, burst, count, period, quantity)
	if bad != nil {
		return limitError(bad)
	}
	if next != tat {
		if err != nil { // a string is in the place
			c.Tx.Delete(key)
			if s, err = c.Tx.State(key, value.Limiter); err != nil {
				return clientError(err)
			}
		}
		var room [8]byte
		b, deadlineMS := limit.AppendCell(room[:0], next)
		c.setState(&s, key, b, deadlineMS, eventLimit)
	}
	limited := int64(0)
	if cell.Limited {
		limited = 1
	}
	c.Reply.Ints(limited, cell.Limit, cell.Remaining, cell.Retry, cell.Reset)
	return nil
}

// cellString reads the state that redis-cell keeps in a string: nanoseconds in decimal.
func (c *Ctx) cellString(key []byte) (tatNS int64, ok bool) {
	b, err := c.Tx.String(key)
	if err != nil {
		return 0, false
	}
	tatNS, ok = value.ParseInt(b)
	return tatNS, ok && tatNS >= 0
}

// A takeCall is what a call of LIMIT.TAKE says.
type takeCall struct {
	limit.Request
	shadow, headers bool

	n        int
	policies [limit.MaxPolicies]limit.Policy
	labels   [limit.MaxPolicies]label
}

// A label says what a client calls a policy: a name, or else the kind; and its place if there
// is another of it.
type label struct {
	name  []byte // nil: the kind
	place int    // from 1; 0: it is alone
}

// parseTake reads policies and options from argument 2 on.
func (c *Ctx) parseTake(t *takeCall) error {
	t.Request, t.shadow, t.headers, t.n = limit.Request{Cost: 1}, false, false, 0
	for a := c.Args(2); a.More(); {
		known, err := t.policy(&a)
		switch {
		case err != nil:
			return err
		case known:
		case a.Is("POLICY"):
			err = t.named(c, &a)
		case a.Is("COST"):
			err = parseCost(&a, &t.Cost)
		case a.Is("ID"):
			if t.ID, err = a.argument(errNoID); err == nil && (len(t.ID) == 0 || len(t.ID) > limit.MaxIDBytes) {
				err = errID
			}
		case a.Is("ATMOST"):
			t.AtMost = true
		case a.Is("FORCE"):
			t.Force = true
		case a.Is("PEEK"):
			t.Peek = true
		case a.Is("SHADOW"):
			t.shadow = true
		case a.Is("HEADERS"):
			t.headers = true
		default:
			return unknownOption(a.Peek())
		}
		if err != nil {
			return err
		}
	}
	switch {
	case t.n == 0:
		return errNoPolicy
	case t.AtMost && t.Force:
		return errAtMostForce
	case t.Peek && t.Force:
		return errPeekForce
	}
	return nil
}

// argument takes the next word, or says what is missing.
func (a *Args) argument(missing error) ([]byte, error) {
	if !a.More() {
		return nil, missing
	}
	return a.Next(), nil
}

// unknownOption is the error of a word that no call may have there.
func unknownOption(word []byte) error {
	if len(word) > 64 {
		word = word[:64]
	}
	return Error("ERR unknown option '" + string(word) + "'")
}

func parseCost(a *Args, to *int64) error {
	b, err := a.argument(errNoCost)
	if err != nil {
		return err
	}
	n, ok := value.ParseInt(b)
	if !ok || n < 1 || n > limit.MaxLimit {
		return errCost
	}
	*to = n
	return nil
}

// add adds a policy that was read.
func (t *takeCall) add(p limit.Policy, l label) error {
	if t.n == limit.MaxPolicies {
		return errPolicies
	}
	if err := p.Check(); err != nil {
		return Error("ERR " + p.Kind.String() + " " + err.Error())
	}
	t.policies[t.n], t.labels[t.n] = p, l
	t.n++
	return nil
}

// policy reads a policy if the next word is a kind of them.
func (t *takeCall) policy(a *Args) (known bool, err error) {
	var p limit.Policy
	switch {
	case a.Is("GCRA"):
		p.Kind = limit.GCRA
	case a.Is("BUCKET"):
		p.Kind = limit.Bucket
	case a.Is("FIXED"):
		p.Kind = limit.Fixed
	case a.Is("SLIDING"):
		p.Kind = limit.Sliding
	case a.Is("LOG"):
		p.Kind = limit.Log
	default:
		return false, nil
	}
	rate := p.Kind == limit.GCRA || p.Kind == limit.Bucket
	need := 2
	if rate {
		need = 3
	}
	if a.Left() < need {
		return true, missingNumbers(p.Kind)
	}
	// What is no number stays 0, which Check refuses by its name.
	if n, ok := value.ParseInt(a.Next()); ok {
		p.Limit = n
	}
	if rate {
		if n, ok := value.ParseInt(a.Next()); ok {
			p.Count = n
		}
	}
	if ms, ok := limit.ParseTime(a.Next()); ok {
		p.WindowMS = ms
	}
	if p.Kind == limit.Fixed && a.Is("ALIGNED") {
		p.Kind = limit.Aligned
	}
	return true, t.add(p, label{place: t.n + 1})
}

// missingNumbers says what a policy needs.
func missingNumbers(k limit.Kind) error {
	switch k {
	case limit.GCRA:
		return Error("ERR GCRA needs burst, count and period")
	case limit.Bucket:
		return Error("ERR BUCKET needs capacity, refill and period")
	}
	return Error("ERR " + k.String() + " needs limit and window")
}

// named adds the policies that a name stands for.
func (t *takeCall) named(c *Ctx, a *Args) error {
	name, err := a.argument(errNoName)
	if err != nil {
		return err
	}
	text, ok := c.Tx.Engine().Policies().Get(name)
	if !ok {
		return noPolicy(name)
	}
	var room [limit.MaxPolicies]limit.Policy
	all, _ := limit.ReadPolicies(text, room[:0])
	for i, p := range all {
		l := label{name: name}
		if len(all) > 1 {
			l.place = i + 1
		}
		if err := t.add(p, l); err != nil {
			return err
		}
	}
	return nil
}

// openLimiter returns the limiter at the key, which has no policies if it is not there.
func (c *Ctx) openLimiter(key []byte) (l *limit.Limiter, s engine.State, err error) {
	if s, err = c.Tx.State(key, value.Limiter); err != nil {
		return nil, s, clientError(err)
	}
	l = &c.limitRoom().limiter
	if !s.Exists() {
		l.Clear()
		return l, s, nil
	}
	if err := l.Decode(s.Bytes(), s.DeadlineMS(), c.NowMS); err != nil {
		return nil, s, limitError(err)
	}
	return l, s, nil
}

// storeLimiter writes a limiter that was changed, or removes it if there is nothing to keep.
func (c *Ctx) storeLimiter(l *limit.Limiter, s *engine.State, key []byte) {
	b, deadlineMS := l.Append(c.scratch[:0])
	switch {
	case deadlineMS != 0:
		c.setState(s, key, b, deadlineMS, eventLimit)
	case s.Exists():
		c.dropState(key)
	}
	if cap(b) <= maxScratch {
		c.scratch = b[:0]
	}
}

func limitTake(c *Ctx) error { return c.take(false) }
func limitPeek(c *Ctx) error { return c.take(true) }

func (c *Ctx) take(peek bool) error {
	t := &c.limitRoom().call
	if err := c.parseTake(t); err != nil {
		return err
	}
	if peek {
		if t.Force {
			return errPeekForce
		}
		t.Peek = true
	}
	key := c.Argv[1]
	l, s, err := c.openLimiter(key)
	if err != nil {
		return err
	}
	l.Fit(t.policies[:t.n], c.NowMS)
	v, changed := l.Take(t.Request)
	if changed {
		c.storeLimiter(l, &s, key)
	}
	if t.shadow && !v.Allowed {
		v.Allowed, v.Granted = true, t.Cost
	}
	c.replyVerdict(t, l, &v)
	return nil
}

func limitRefund(c *Ctx) error {
	key := c.Argv[1]
	a := c.Args(2)
	var n int64
	var id []byte
	var err error
	if a.Is("ID") {
		if id, err = a.argument(errNoID); err == nil && (len(id) == 0 || len(id) > limit.MaxIDBytes) {
			err = errID
		}
	} else {
		err = parseCost(&a, &n)
	}
	switch {
	case err != nil:
		return err
	case a.More():
		return unknownOption(a.Peek())
	}
	l, s, err := c.openLimiter(key)
	switch {
	case err != nil:
		return err
	case !s.Exists():
		c.Reply.Int(0)
		return nil
	}
	l.Fit(nil, c.NowMS)
	back, known := int64(0), true
	if id != nil {
		back, known = l.RefundID(id)
	} else {
		back = l.Refund(n)
		known = back > 0
	}
	if known {
		c.storeLimiter(l, &s, key)
	}
	c.Reply.Int(back)
	return nil
}

func limitReset(c *Ctx) error {
	key := c.Argv[1]
	s, err := c.Tx.State(key, value.Limiter)
	switch {
	case err != nil:
		return clientError(err)
	case !s.Exists():
		c.Reply.Int(0)
		return nil
	}
	c.dropState(key)
	c.Reply.Int(1)
	return nil
}
