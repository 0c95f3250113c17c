package commands

import (
	"math"
	"math/big"
	"strconv"

	"cached/engine"
	"cached/engine/value"
)

// get replies with the string at key.
func get(c *Ctx) error {
	s, err := c.Tx.Text(c.Argv[1])
	if err != nil || s.IsNil() {
		return c.NullOr(err)
	}
	if b, ok := s.Stored(); ok {
		c.Reply.Bulk(b)
		return nil
	}
	c.replyUnpacked(s)
	return nil
}

// replyText replies a string, or null.
func (c *Ctx) replyText(t engine.Text) {
	if b, ok := t.Stored(); ok {
		c.Reply.BulkOrNull(b)
		return
	}
	c.replyUnpacked(t)
}

// replyUnpacked replies a string that is compressed: it is unpacked into the reply.
func (c *Ctx) replyUnpacked(t engine.Text) {
	if c.Reply.BeginBulk(t.Len()) {
		c.Reply.B = c.Tx.AppendText(c.Reply.B, t)
		c.Reply.EndBulk()
	}
}

// expiry is one of the options that say when a string expires.
type expiry struct {
	unit string // EX, PX, EXAT, PXAT, KEEPTTL, PERSIST or "" for none
	arg  []byte
}

// set makes a string, under conditions and with a deadline.
func set(c *Ctx) error {
	key, v := c.Argv[1], c.Argv[2]
	if len(c.Argv) == 3 {
		c.Tx.SetString(key, v, 0)
		c.Tx.Modified(key, engine.EventSet)
		c.Reply.OK()
		return nil
	}
	var exp expiry
	var nx, xx, wantOld bool
	var cond condition
	for a := c.Args(3); a.More(); {
		switch {
		case !xx && !cond.given() && a.Is("NX"):
			nx = true
		case !nx && !cond.given() && a.Is("XX"):
			xx = true
		case a.Is("GET"):
			wantOld = true
		case !nx && !xx && cond.take(&a):
		case !exp.take(&a, "EX", "PX", "EXAT", "PXAT", "KEEPTTL"):
			return ErrSyntax
		}
	}
	at, err := exp.deadline(c)
	if err != nil {
		return err
	}
	met := true
	if wantOld || cond.given() {
		old, err := c.Tx.Text(key)
		if err != nil {
			return clientError(err)
		}
		if met, err = cond.met(c, old); err != nil {
			return err
		}
		if wantOld {
			c.replyText(old) // before it is overwritten
		}
	}
	if !met {
		if !wantOld {
			c.Reply.Null()
		}
		return nil
	}
	if nx || xx {
		if exists := c.Tx.Touch(key); exists == nx {
			if !wantOld {
				c.Reply.Null()
			}
			return nil
		}
	}
	c.setAt(key, v, at, exp.unit != "" && exp.unit != "KEEPTTL")
	if cond.given() && (exp.unit == "" || exp.unit == "KEEPTTL") {
		c.propagateSet(key, v, exp.unit == "KEEPTTL") // the outcome, without the condition
	}
	if !wantOld {
		c.Reply.OK()
	}
	return nil
}

// setAt sets a string and propagates it; with a deadline the effect has the absolute time, since a relative one
// would be later when it is replayed.
func (c *Ctx) setAt(key, v []byte, at int64, timed bool) {
	c.Tx.SetString(key, v, at)
	c.Tx.Modified(key, engine.EventSet)
	if timed {
		c.Tx.Modified(key, engine.EventExpire)
		var d decimal
		c.Propagate("SET", key, v, []byte("PXAT"), d.of(at))
	}
}

// take reads one of the given options, if the next word is one and it may be combined with the options read
// before.
func (e *expiry) take(a *Args, units ...string) bool {
	for _, u := range units {
		if e.unit != "" && e.unit != u || !a.Is(u) {
			continue
		}
		e.unit = u
		if u != "KEEPTTL" && u != "PERSIST" {
			e.arg = a.Next()
		}
		return a.Err() == nil
	}
	return false
}

// deadline is when the option says the key expires: 0 for never, or
// engine.KeepDeadline.
func (e *expiry) deadline(c *Ctx) (int64, error) {
	switch e.unit {
	case "", "PERSIST":
		return 0, nil
	case "KEEPTTL":
		return engine.KeepDeadline, nil
	}
	n, ok := value.ParseInt(e.arg)
	if !ok {
		return 0, ErrNotInt
	}
	unitMS := int64(1)
	if e.unit == "EX" || e.unit == "EXAT" {
		unitMS = 1000
	}
	at, ok := absolute(n, unitMS, e.unit == "EX" || e.unit == "PX", c.NowMS)
	if n <= 0 || !ok {
		return 0, invalidExpire(c.Spec.FullName())
	}
	return at, nil
}

func setnx(c *Ctx) error {
	key := c.Argv[1]
	if c.Tx.Touch(key) {
		c.Reply.Int(0)
		return nil
	}
	c.setAt(key, c.Argv[2], 0, false)
	c.Reply.Int(1)
	return nil
}

func setex(c *Ctx) error  { return c.setWith("EX") }
func psetex(c *Ctx) error { return c.setWith("PX") }

func (c *Ctx) setWith(unit string) error {
	exp := expiry{unit: unit, arg: c.Argv[2]}
	at, err := exp.deadline(c)
	if err != nil {
		return err
	}
	c.setAt(c.Argv[1], c.Argv[3], at, true)
	c.Reply.OK()
	return nil
}

func getset(c *Ctx) error {
	old, err := c.Tx.Text(c.Argv[1])
	if err != nil {
		return clientError(err)
	}
	c.replyText(old)
	c.setAt(c.Argv[1], c.Argv[2], 0, false)
	c.Propagate("SET", c.Argv[1], c.Argv[2])
	return nil
}

func getdel(c *Ctx) error {
	s, err := c.Tx.Text(c.Argv[1])
	if err != nil || s.IsNil() {
		return c.NullOr(err)
	}
	c.replyText(s)
	c.Tx.Delete(c.Argv[1])
	c.Tx.Modified(c.Argv[1], engine.EventDel)
	c.Propagate("DEL", c.Argv[1])
	return nil
}

// getex replies with the string at key and may move its deadline. GETEX itself is
// never propagated: a relative time replayed later would set a later deadline.
func getex(c *Ctx) error {
	var exp expiry
	for a := c.Args(2); a.More(); {
		if !exp.take(&a, "EX", "PX", "EXAT", "PXAT", "PERSIST") {
			return ErrSyntax
		}
	}
	key := c.Argv[1]
	s, err := c.Tx.Text(key)
	if err != nil || s.IsNil() {
		return c.NullOr(err)
	}
	at, err := exp.deadline(c) // only now: a missing key outranks a bad time
	if err != nil {
		return err
	}
	c.replyText(s) // before the key can go

	switch {
	case exp.unit == "PERSIST":
		if c.Tx.Persist(key) {
			c.Tx.Modified(key, engine.EventPersist)
			c.Propagate("PERSIST", key)
		}
	case at == 0: // a plain GET
	case c.passed(at):
		c.Tx.Delete(key)
		c.Tx.Modified(key, engine.EventDel)
		c.Propagate("DEL", key)
	default:
		c.expireAt(key, at)
	}
	return nil
}

func mget(c *Ctx) error {
	c.Reply.Array(len(c.Argv) - 1)
	for _, key := range c.Argv[1:] {
		if c.Reply.Full {
			break
		}
		s, _ := c.Tx.Text(key) // another type counts as missing
		c.replyText(s)
	}
	return nil
}

func mset(c *Ctx) error {
	if len(c.Argv)%2 == 0 {
		return WrongArity("mset")
	}
	c.setAll()
	c.Reply.OK()
	return nil
}

func msetnx(c *Ctx) error {
	if len(c.Argv)%2 == 0 {
		return WrongArity("msetnx")
	}
	for i := 1; i < len(c.Argv); i += 2 {
		if c.Tx.Touch(c.Argv[i]) {
			c.Reply.Int(0)
			return nil
		}
	}
	c.setAll()
	c.Reply.Int(1)
	return nil
}

func (c *Ctx) setAll() {
	for i := 1; i < len(c.Argv); i += 2 {
		c.Tx.SetString(c.Argv[i], c.Argv[i+1], 0)
		c.Tx.Modified(c.Argv[i], engine.EventSet)
	}
}

func strlen(c *Ctx) error {
	s, err := c.Tx.Text(c.Argv[1])
	if err != nil {
		return clientError(err)
	}
	c.Reply.Int(int64(s.Len()))
	return nil
}

func appendString(c *Ctx) error {
	key, tail := c.Argv[1], c.Argv[2]
	s, err := c.Tx.String(key)
	if err != nil {
		return clientError(err)
	}
	if s == nil {
		c.Tx.SetString(key, tail, 0)
		c.Tx.Modified(key, engine.EventAppend)
		c.Reply.Int(int64(len(tail)))
		return nil
	}
	n := len(s)
	if err := c.fits(n, len(tail)); err != nil {
		return err
	}
	if s, err = c.Tx.GrowString(key, n+len(tail)); err != nil {
		return clientError(err)
	}
	copy(s[n:], tail)
	c.Tx.Modified(key, engine.EventAppend)
	c.Reply.Int(int64(len(s)))
	return nil
}

// fits checks that a string of n bytes may be made m bytes longer.
func (c *Ctx) fits(n, m int) error {
	if m > c.Env.MaxBulk() || n > c.Env.MaxBulk()-m {
		return ErrTooBig
	}
	return nil
}

func setrange(c *Ctx) error {
	key, v := c.Argv[1], c.Argv[3]
	offset, ok := value.ParseInt(c.Argv[2])
	if !ok {
		return ErrNotInt
	}
	if offset < 0 {
		return ErrOffset
	}
	s, err := c.Tx.String(key)
	if err != nil {
		return clientError(err)
	}
	if len(v) == 0 {
		c.Reply.Int(int64(len(s)))
		return nil
	}
	if offset > int64(c.Env.MaxBulk()) {
		return ErrTooBig
	}
	if err := c.fits(int(offset), len(v)); err != nil {
		return err
	}
	if s, err = c.Tx.GrowString(key, max(len(s), int(offset)+len(v))); err != nil {
		return clientError(err)
	}
	copy(s[offset:], v)
	c.Tx.Modified(key, engine.EventSetRange)
	c.Reply.Int(int64(len(s)))
	return nil
}

func getrange(c *Ctx) error {
	a := c.Args(2)
	start, end := a.Int(), a.Int()
	if err := a.End(); err != nil {
		return err
	}
	s, err := c.Tx.String(c.Argv[1])
	if err != nil {
		return clientError(err)
	}
	n := int64(len(s))
	if start < 0 && end < 0 && start > end {
		n = 0
	}
	if start < 0 {
		start = max(n+start, 0)
	}
	if end < 0 {
		end = max(n+end, 0)
	}
	end = min(end, n-1)
	if n == 0 || start > end {
		c.Reply.BulkString("")
		return nil
	}
	c.Reply.Bulk(s[start : end+1])
	return nil
}

func substr(c *Ctx) error { return getrange(c) }

func incr(c *Ctx) error { return c.add(1) }
func decr(c *Ctx) error { return c.add(-1) }

func incrby(c *Ctx) error {
	n, ok := value.ParseInt(c.Argv[2])
	if !ok {
		return ErrNotInt
	}
	return c.add(n)
}

func decrby(c *Ctx) error {
	n, ok := value.ParseInt(c.Argv[2])
	if !ok {
		return ErrNotInt
	}
	if n == math.MinInt64 {
		return ErrDecrOverflow
	}
	return c.add(-n)
}

// add adds to the integer at key, which is 0 if the key is not there.
func (c *Ctx) add(n int64) error {
	key := c.Argv[1]
	s, err := c.Tx.String(key)
	if err != nil {
		return clientError(err)
	}
	old := int64(0)
	if s != nil {
		var ok bool
		if old, ok = value.ParseInt(s); !ok {
			return ErrNotInt
		}
	}
	sum := old + n
	if n > 0 && sum < old || n < 0 && sum > old {
		return ErrOverflow
	}
	var buf [20]byte
	c.Tx.SetStringAs(key, strconv.AppendInt(buf[:0], sum, 10), engine.KeepAll, value.Int)
	c.Tx.Modified(key, engine.EventIncrBy)
	c.Reply.Int(sum)
	return nil
}

// incrbyfloat is propagated as the SET of its outcome, so that a log replayed
// by another implementation of long doubles gives the same digits.
func incrbyfloat(c *Ctx) error {
	key := c.Argv[1]
	s, err := c.Tx.String(key)
	if err != nil {
		return clientError(err)
	}
	old := new(big.Float).SetPrec(longDoubleBits)
	if s != nil {
		var ok bool
		if old, ok = parseLongDouble(s); !ok {
			return ErrNotFloat
		}
	}
	by, ok := parseLongDouble(c.Argv[2])
	if !ok {
		return ErrNotFloat
	}
	if by.IsInf() || old.IsInf() {
		return ErrNaN
	}
	out := appendLongDouble(nil, old.Add(old, by))
	c.Tx.SetStringAs(key, out, engine.KeepAll, value.TextEncoding(out))
	c.Tx.Modified(key, engine.EventIncrByFloat)
	c.propagateChange(key, out)
	c.Reply.Bulk(out)
	return nil
}
