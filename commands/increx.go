package commands

import (
	"math"
	"math/big"
	"strconv"

	"cached/engine"
	"cached/engine/value"
)

const (
	errENX    = Error("ERR ENX flag requires an expiration")
	errBounds = Error("ERR LBOUND must not be greater than UBOUND")
	errDelta  = Error("ERR the applied increment does not fit into a 64-bit integer")
)

var increxRow = Spec{
	Name: "increx", Group: String, Since: "8.8.0", Arity: -2, Complexity: "O(1)",
	Summary: "Increments the number at a key, within bounds and with an expiration time.",
	Flags:   Write | DenyOOM | Fast, ACL: CatString,
	Keys: []KeySpec{KeyAt(1, RW|Access|Update)},
	Args: []Arg{Key("key", 0),
		Opt(OneOf("increment", After("BYFLOAT", Double("increment")), After("BYINT", Int("increment")))),
		Opt(OneOf("condition", Token("nx", "NX"), Token("xx", "XX"))),
		Opt(After("LBOUND", Str("lowerbound"))), Opt(After("UBOUND", Str("upperbound"))), Opt(Token("saturate", "SATURATE")),
		Opt(OneOf("expiration", After("EX", Int("seconds")), After("PX", Int("milliseconds")), After("EXAT", Time("unix-time-seconds")),
			After("PXAT", Time("unix-time-milliseconds")), Token("persist", "PERSIST"))),
		Opt(Token("enx", "ENX"))},
	Run: increx,
}

// An increxCall is what a call of INCREX says.
type increxCall struct {
	by            []byte // nil: 1
	lower, upper  []byte // or nil
	float, nx, xx bool
	saturate, enx bool
	expiry        expiry
}

func (q *increxCall) parse(c *Ctx) error {
	for a := c.Args(2); a.More(); {
		switch {
		case q.by == nil && a.Is("BYINT"):
			q.by = a.Next()
		case q.by == nil && a.Is("BYFLOAT"):
			q.by, q.float = a.Next(), true
		case a.Is("LBOUND"):
			q.lower = a.Next()
		case a.Is("UBOUND"):
			q.upper = a.Next()
		case a.Is("SATURATE"):
			q.saturate = true
		case a.Is("ENX"):
			q.enx = true
		case !q.xx && a.Is("NX"):
			q.nx = true
		case !q.nx && a.Is("XX"):
			q.xx = true
		case !q.expiry.take(&a, "EX", "PX", "EXAT", "PXAT", "PERSIST"):
			return ErrSyntax
		}
		if a.Err() != nil {
			return a.Err()
		}
	}
	switch {
	case q.enx && q.expiry.unit == "PERSIST":
		return ErrSyntax
	case q.enx && q.expiry.unit == "":
		return errENX
	}
	return nil
}

// increx adds within bounds, and replies the number there is then and what was added. What
// is out of bounds is not added, or with SATURATE as far as the bound.
func increx(c *Ctx) error {
	var q increxCall
	if err := q.parse(c); err != nil {
		return err
	}
	at, err := q.expiry.deadline(c)
	if err != nil {
		return err
	}
	key := c.Argv[1]
	s, err := c.Tx.String(key)
	if err != nil {
		return clientError(err)
	}
	if q.nx && s != nil || q.xx && s == nil {
		// Even of another type of number: the condition comes first, as for SET.
		c.Reply.NullArray()
		return nil
	}
	if q.float {
		return c.increxFloat(&q, key, s, at)
	}
	return c.increxInt(&q, key, s, at)
}

func (c *Ctx) increxInt(q *increxCall, key, s []byte, at int64) error {
	old, by, lower, upper := int64(0), int64(1), int64(math.MinInt64), int64(math.MaxInt64)
	for _, x := range []struct {
		text []byte
		to   *int64
	}{{q.by, &by}, {q.lower, &lower}, {q.upper, &upper}, {s, &old}} {
		if x.text == nil {
			continue
		}
		n, ok := value.ParseInt(x.text)
		if !ok {
			return ErrNotInt
		}
		*x.to = n
	}
	if lower > upper {
		return errBounds
	}
	sum := old + by
	over, under := by > 0 && sum < old, by < 0 && sum > old
	over = over || !under && sum > upper
	under = under || !over && sum < lower
	if over || under {
		if !q.saturate {
			c.Reply.Array(2)
			c.Reply.Int(old)
			c.Reply.Int(0)
			return nil
		}
		if sum = upper; under {
			sum = lower
		}
	}
	delta := sum - old
	if (sum > old) != (delta > 0) && sum != old {
		return errDelta
	}
	var room [20]byte
	c.increxSet(q, key, strconv.AppendInt(room[:0], sum, 10), value.Int, at, engine.EventIncrBy)
	c.Reply.Array(2)
	c.Reply.Int(sum)
	c.Reply.Int(delta)
	return nil
}

// maxLongDoubleExp is the exponent of the largest long double.
const maxLongDoubleExp = 16384

func (c *Ctx) increxFloat(q *increxCall, key, s []byte, at int64) error {
	var old, by, lower, upper *big.Float
	for _, x := range []struct {
		text []byte
		to   **big.Float
	}{{q.by, &by}, {q.lower, &lower}, {q.upper, &upper}, {s, &old}} {
		if x.text == nil {
			continue
		}
		n, ok := parseLongDouble(x.text)
		if !ok {
			return ErrNotFloat
		}
		*x.to = n
	}
	if old == nil {
		old = new(big.Float).SetPrec(longDoubleBits)
	}
	switch {
	case old.IsInf() || by.IsInf():
		return ErrNaN
	case lower != nil && upper != nil && lower.Cmp(upper) > 0:
		return errBounds
	}
	sum := new(big.Float).SetPrec(longDoubleBits).Add(old, by)
	tooLarge := sum.MantExp(nil) > maxLongDoubleExp
	over := upper != nil && sum.Cmp(upper) > 0 || tooLarge && sum.Sign() > 0
	under := lower != nil && sum.Cmp(lower) < 0 || tooLarge && sum.Sign() < 0
	if over || under {
		bound := upper
		if under {
			bound = lower
		}
		if !q.saturate {
			c.Reply.Array(2)
			c.Reply.LongDouble(appendLongDouble(nil, old))
			c.Reply.LongDouble([]byte("0"))
			return nil
		}
		if bound == nil || bound.IsInf() {
			bound = largestLongDouble()
			if under {
				bound.Neg(bound)
			}
		}
		sum.Set(bound)
	}
	out := appendLongDouble(nil, sum)
	delta := appendLongDouble(nil, new(big.Float).SetPrec(longDoubleBits).Sub(sum, old))
	c.increxSet(q, key, out, value.TextEncoding(out), at, engine.EventIncrByFloat)
	c.Reply.Array(2)
	c.Reply.LongDouble(out)
	c.Reply.LongDouble(delta)
	return nil
}

// largestLongDouble is the largest number of C's long double.
func largestLongDouble() *big.Float {
	f := new(big.Float).SetPrec(longDoubleBits).SetInt(new(big.Int).SetUint64(math.MaxUint64))
	return f.SetMantExp(f, maxLongDoubleExp-longDoubleBits)
}

// increxSet writes the number, and the deadline if the call has one that holds.
func (c *Ctx) increxSet(q *increxCall, key, text []byte, enc value.Encoding, at int64, ev engine.Event) {
	timed := q.expiry.unit != "" && q.expiry.unit != "PERSIST"
	if timed && q.enx {
		if had, _ := c.Tx.Deadline(key); had != 0 {
			timed = false
		}
	}
	switch {
	case timed && c.passed(at):
		if c.Tx.Delete(key) {
			c.Tx.Modified(key, engine.EventDel)
			c.Propagate("DEL", key)
		}
	case timed:
		c.Tx.SetStringAs(key, text, at, enc)
		c.Tx.Modified(key, ev)
		c.Tx.Modified(key, engine.EventExpire)
		var d decimal
		c.Propagate("SET", key, text, wordPXAT, d.of(at))
	case q.expiry.unit == "PERSIST":
		had, _ := c.Tx.Deadline(key)
		c.Tx.SetStringAs(key, text, 0, enc)
		c.Tx.Modified(key, ev)
		if had != 0 {
			c.Tx.Modified(key, engine.EventPersist)
		}
		c.Propagate("SET", key, text)
	default:
		c.Tx.SetStringAs(key, text, engine.KeepAll, enc)
		c.Tx.Modified(key, ev)
		c.propagateChange(key, text)
	}
}
