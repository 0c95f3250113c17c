package memcached

import (
	"bytes"
	"strconv"

	"cached/commands"
	"cached/engine"
	"cached/engine/value"
)

const (
	textDelta   = "CLIENT_ERROR invalid numeric delta argument"
	textNumeric = "CLIENT_ERROR cannot increment or decrement non-numeric value"
)

func (p *Protocol) incr(c *commands.Ctx) error { return p.count(c, &p.counts.incr, false) }
func (p *Protocol) decr(c *commands.Ctx) error { return p.count(c, &p.counts.decr, true) }

// count adds to the number at a key, which wraps at 64 bits, or subtracts from it down to 0. A number that gets shorter
// has blanks behind it, so that the value keeps its length.
func (p *Protocol) count(c *commands.Ctx, counts *hits, down bool) error {
	key, quiet := c.Argv[1], c.Argv[3]
	delta, ok := parseUint64(c.Argv[2])
	if !ok {
		replyUnless(quiet, c, textDelta)
		return nil
	}
	if !c.Tx.Touch(key) {
		counts.misses.Add(1)
		replyUnless(quiet, c, notFound)
		return nil
	}
	s, err := c.Tx.String(key)
	if err != nil { // of another type
		replyUnless(quiet, c, textNumeric)
		return nil
	}
	n, ok := parseUint64(s)
	if !ok {
		replyUnless(quiet, c, textNumeric)
		return nil
	}
	switch {
	case !down:
		n += delta
	case n < delta:
		n = 0
	default:
		n -= delta
	}
	var room [64]byte
	digits := strconv.AppendUint(room[:0], n, 10)
	v := digits
	if more := len(s) - len(digits); more > 0 {
		v = append(v, bytes.Repeat([]byte{' '}, more)...)
	}
	c.Tx.SetStringAs(key, v, engine.KeepAll, value.StringEncoding(v))
	c.Tx.Modified(key, engine.EventIncrBy)
	c.PropagateChange(key, v)
	counts.hits.Add(1)
	replyUnless(quiet, c, string(digits))
	return nil
}
