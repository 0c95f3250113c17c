package memcached

import (
	"strconv"
	"sync/atomic"

	"cached/commands"
	"cached/engine"
	"cached/engine/value"
)

// versions gives CAS numbers, each once.
type versions struct{ last atomic.Uint64 }

// A number has the time in its upper bits, so that those of a later process are greater. Between two are others, since
// each change of a value counts its number up by one.
const (
	versionShift = 20
	versionStep  = 1 << 8
)

func (v *versions) next(nowMS int64) uint64 {
	for {
		last := v.last.Load()
		n := max(last+versionStep, uint64(nowMS)<<versionShift)
		if v.last.CompareAndSwap(last, n) {
			return n
		}
	}
}

// room of a reply's first line beside the key.
const lineRoom = 64

// appendValue replies the string at key, if there is one, and its CAS number if it is asked for, which the key then has
// from now on. It reports whether there is one.
func (p *Protocol) appendValue(c *commands.Ctx, key []byte, number bool) bool {
	it, ok := c.Tx.Value(key)
	if !ok || value.TypeOf(it) != value.String {
		return false
	}
	var flags uint32
	var cas uint64
	if it.Extended() || number {
		m, _ := c.Tx.Meta(key)
		flags = m.Flags
		if number {
			var has bool
			if cas, has = m.Get(engine.MetaVersion); !has {
				cas = p.versions.next(c.NowMS)
				m.Set(engine.MetaVersion, cas)
				c.Tx.SetMeta(key, &m)
				c.Tx.Logged()
				c.PropagateMeta(key, &m)
				it = c.Tx.Peek(key)
			}
		}
	}
	t := engine.TextOf(it)
	n := t.Len()
	if !c.Reply.Fits(int64(n + len(key) + lineRoom)) {
		return true
	}
	b := append(append(c.Reply.B, "VALUE "...), key...)
	b = strconv.AppendUint(append(b, ' '), uint64(flags), 10)
	b = strconv.AppendUint(append(b, ' '), uint64(n), 10)
	if number {
		b = strconv.AppendUint(append(b, ' '), cas, 10)
	}
	b = append(b, '\r', '\n')
	if s, stored := t.Stored(); stored {
		b = append(b, s...)
	} else {
		b = c.Tx.AppendText(b, t)
	}
	c.Reply.B = append(b, '\r', '\n')
	return true
}

func get(c *commands.Ctx) error { return (*Protocol)(nil).getAll(c, false) }

func (p *Protocol) gets(c *commands.Ctx) error { return p.getAll(c, true) }

func (p *Protocol) getAll(c *commands.Ctx, number bool) error {
	for _, key := range c.Argv[1:] {
		if c.Reply.Full {
			return nil
		}
		p.appendValue(c, key, number)
	}
	reply(c, "END")
	return nil
}

// gat is get that moves the deadlines of what it finds.
func (p *Protocol) gat(c *commands.Ctx) error {
	number := c.Spec.Name == "gats"
	at := deadline(c, c.Argv[1])
	for _, key := range c.Argv[2:] {
		if c.Reply.Full {
			return nil
		}
		found := p.appendValue(c, key, number)
		p.counts.touch(found)
		if found {
			c.MoveDeadline(key, at)
		}
	}
	reply(c, "END")
	return nil
}

// A deadline of the past.
const atOnce = 1

// longestRelative is the longest time that counts from now, in seconds; longer ones are Unix times.
const longestRelative = 30 * 24 * 60 * 60

// deadline is when a key expires with an exptime that the parser has seen, in Unix milliseconds: 0 is never.
func deadline(c *commands.Ctx, exptime []byte) int64 {
	if len(exptime) == 1 && exptime[0] == '0' {
		return 0
	}
	n, _ := parseInt32(exptime)
	switch at := int64(n) * 1000; {
	case n == 0:
		return 0
	case n < 0:
		return atOnce
	case n <= longestRelative:
		return c.NowMS + at
	case at <= c.NowMS:
		return atOnce
	default:
		return at
	}
}
