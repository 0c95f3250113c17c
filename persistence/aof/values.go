package aof

import (
	"math"
	"strconv"
	"strings"

	"cached/engine/table"
	"cached/engine/value"
	"cached/internal/effects"
)

// Commands appends to B the commands that make keys.
type Commands struct {
	B []byte
	// Text appends the string that an item holds to dst. It is needed if there are
	// items that do not hold theirs as it is.
	Text func(dst []byte, it table.Item) []byte
	// Meta appends the metadata of an item, or nothing. Without it none is written.
	Meta func(dst []byte, it table.Item) []byte

	body  []byte // words of the command being made, behind those in front
	words int
	buf   []byte
	meta  []byte
	plain []byte // a string that its item does not hold as it is
}

// elementsPerCommand is how many elements of a collection one command adds, so
// that none is large.
const elementsPerCommand = 64

// Select appends the command that makes db the database of the following commands.
func (c *Commands) Select(db int) { c.B = effects.AppendSelect(c.B, db) }

// Library appends the command that loads a library of functions.
func (c *Commands) Library(code string) {
	c.B = effects.AppendCommand(c.B, []byte("FUNCTION"), []byte("LOAD"), []byte(code))
}

// LimitPolicies appends the commands that name policies of rate limits: a line of text each,
// the name and the words.
func (c *Commands) LimitPolicies(text string) {
	for line := range strings.Lines(text) {
		words := [][]byte{[]byte("LIMIT.POLICY"), []byte("SET")}
		for _, w := range strings.Fields(line) {
			words = append(words, []byte(w))
		}
		c.B = effects.AppendCommand(c.B, words...)
	}
}

// Key appends the commands that make the key of an item, which is not there yet.
func (c *Commands) Key(it table.Item) {
	key := it.Key()
	switch t := value.TypeOf(it); t {
	case value.String:
		v := it.Value()
		if value.EncodingOf(it) == value.Squeezed {
			c.plain = c.Text(c.plain[:0], it)
			v = c.plain
		}
		c.command("SET", key, v)
	case value.List:
		c.elements("RPUSH", key, func(add func()) {
			value.EachList(it, func(e value.Elem) bool { c.elem(e); add(); return true })
		})
	case value.Set:
		c.elements("SADD", key, func(add func()) {
			value.EachSet(it, func(e value.Elem) bool { c.elem(e); add(); return true })
		})
		c.memberDeadlines(it)
	case value.ZSet:
		c.elements("ZADD", key, func(add func()) {
			value.EachZSet(it, func(e value.Elem, f float64) bool { c.score(f); c.elem(e); add(); return true })
		})
	case value.Hash:
		c.elements("HSET", key, func(add func()) {
			value.EachHash(it, func(f, v value.Elem, _ int64) bool { c.elem(f); c.elem(v); add(); return true })
		})
		c.fieldDeadlines(it)
	case value.Stream:
		c.stream(it)
	case value.Limiter, value.Lock, value.Semaphore:
		if due := it.DeadlineMS(); due != 0 {
			c.command("CACHE.SETSTATE", key, t.String(), it.Value(), "PXAT", due)
		} else {
			c.command("CACHE.SETSTATE", key, t.String(), it.Value())
		}
	}
	if due := it.DeadlineMS(); due != 0 && !value.TypeOf(it).Native() {
		c.command("PEXPIREAT", key, due)
	}
	if c.Meta == nil {
		return
	}
	if c.meta = c.Meta(c.meta[:0], it); len(c.meta) > 0 {
		c.command("CACHE.SETMETA", key, c.meta)
	}
}

// command appends a command of words that are texts or numbers.
func (c *Commands) command(name string, words ...any) {
	c.B = effects.AppendHead(c.B, 1+len(words))
	c.B = effects.AppendWord(c.B, []byte(name))
	for _, w := range words {
		switch w := w.(type) {
		case []byte:
			c.B = effects.AppendWord(c.B, w)
		case string:
			c.B = effects.AppendWord(c.B, []byte(w))
		case int64:
			c.B = effects.AppendWord(c.B, strconv.AppendInt(c.buf[:0], w, 10))
		case uint64:
			c.B = effects.AppendWord(c.B, strconv.AppendUint(c.buf[:0], w, 10))
		case value.StreamID:
			c.B = effects.AppendWord(c.B, c.id(w))
		}
	}
}

// elements appends as many commands as are needed for the words that visit adds.
func (c *Commands) elements(name string, key []byte, visit func(add func())) {
	n := 0
	flush := func() {
		if n == 0 {
			return
		}
		c.B = effects.AppendHead(c.B, 2+c.words)
		c.B = effects.AppendWord(c.B, []byte(name))
		c.B = effects.AppendWord(c.B, key)
		c.B = append(c.B, c.body...)
		c.body, c.words, n = c.body[:0], 0, 0
	}
	visit(func() {
		if n++; n == elementsPerCommand {
			flush()
		}
	})
	flush()
}

// word adds a word to the command being made.
func (c *Commands) word(b []byte) {
	c.body = effects.AppendWord(c.body, b)
	c.words++
}

func (c *Commands) elem(e value.Elem) {
	c.buf = e.Append(c.buf[:0])
	c.word(c.buf)
}

func (c *Commands) score(f float64) {
	switch {
	case math.IsInf(f, 1):
		c.word([]byte("inf"))
	case math.IsInf(f, -1):
		c.word([]byte("-inf"))
	default:
		c.buf = strconv.AppendFloat(c.buf[:0], f, 'g', -1, 64)
		c.word(c.buf)
	}
}

// fieldDeadlines appends the deadlines of a hash's fields, one command each: few
// fields have the same.
func (c *Commands) fieldDeadlines(it table.Item) {
	if value.FieldsDue(it) == 0 {
		return
	}
	value.EachHash(it, func(f, _ value.Elem, due int64) bool {
		if due != 0 {
			c.command("HPEXPIREAT", it.Key(), due, "FIELDS", "1", f.Append(nil))
		}
		return true
	})
}

// memberDeadlines appends the deadlines of a set's members, as fieldDeadlines does.
func (c *Commands) memberDeadlines(it table.Item) {
	if value.FieldsDue(it) == 0 {
		return
	}
	value.EachMember(it, func(m value.Elem, due int64) bool {
		if due != 0 {
			c.command("SPEXPIREAT", it.Key(), due, "MEMBERS", "1", m.Append(nil))
		}
		return true
	})
}

func (c *Commands) id(id value.StreamID) []byte {
	b := strconv.AppendUint(c.buf[:0], id.MS, 10)
	b = append(b, '-')
	c.buf = strconv.AppendUint(b, id.Seq, 10)
	return c.buf
}

// stream appends a stream: its entries, its other state, its groups.
func (c *Commands) stream(it table.Item) {
	key, s := it.Key(), value.StreamOf(it)
	s.Range(value.StreamID{}, value.MaxStreamID, false, func(e value.StreamEntry) bool {
		c.B = effects.AppendHead(c.B, 3+2*e.Len())
		c.B = effects.AppendWord(c.B, []byte("XADD"))
		c.B = effects.AppendWord(c.B, key)
		c.B = effects.AppendWord(c.B, c.id(e.ID))
		e.Each(func(name, v []byte) {
			c.B = effects.AppendWord(c.B, name)
			c.B = effects.AppendWord(c.B, v)
		})
		return true
	})
	if s.Len() == 0 {
		// An entry that is trimmed at once leaves an empty stream.
		c.command("XADD", key, "MAXLEN", "0", "0-1", "x", "y")
	}
	st := s.State()
	c.command("XSETID", key, st.Last, "ENTRIESADDED", st.Added, "MAXDELETEDID", st.MaxDeleted)
	s.EachGroup(func(g value.StreamGroup) bool {
		c.command("XGROUP", "CREATE", key, g.Name(), g.Last(), "ENTRIESREAD", g.Read())
		g.EachConsumer(func(x value.StreamConsumer) bool {
			c.command("XGROUP", "CREATECONSUMER", key, g.Name(), x.Name())
			return true
		})
		g.EachPending(value.StreamID{}, nil, func(p value.StreamPending) bool {
			c.command("XCLAIM", key, g.Name(), p.Consumer.Name(), "0", p.ID, "TIME", p.DeliveredMS, "RETRYCOUNT", p.Count, "JUSTID", "FORCE")
			return true
		})
		return true
	})
}
