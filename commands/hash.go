package commands

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"

	"cached/engine"
	"cached/engine/value"
)

// Events of hashes.
var (
	eventHSet         = engine.Event{Name: "hset", Class: engine.ClassHash}
	eventHDel         = engine.Event{Name: "hdel", Class: engine.ClassHash}
	eventHIncrBy      = engine.Event{Name: "hincrby", Class: engine.ClassHash}
	eventHIncrByFloat = engine.Event{Name: "hincrbyfloat", Class: engine.ClassHash}
	eventHExpire      = engine.Event{Name: "hexpire", Class: engine.ClassHash}
	eventHPersist     = engine.Event{Name: "hpersist", Class: engine.ClassHash}
)

// The errors of hashes.
const (
	errHashInt   = Error("ERR hash value is not an integer")
	errHashFloat = Error("ERR hash value is not a float")
	errInfinity  = Error("ERR value is NaN or Infinity")
)

// hash returns the hash at key; ok is false when there is none.
func (c *Ctx) hash(key []byte) (h value.HashRef, ok bool, err error) {
	ref, ok, err := c.ref(key, value.Hash)
	return value.HashRef{Ref: ref, Limits: c.Tx.Limits()}, ok, err
}

// makeHash is hash, making the key if it is not there.
func (c *Ctx) makeHash(key []byte) (value.HashRef, error) {
	h, ok, err := c.hash(key)
	if err == nil && !ok {
		h.Ref = c.Tx.Create(key, value.Hash, value.Packed, value.NewHashBytes)
		h.Init()
	}
	return h, err
}

// replyElem replies an element as a string.
func (c *Ctx) replyElem(e value.Elem) {
	var buf [20]byte
	c.Reply.Bulk(e.Bytes(buf[:]))
}

func hset(c *Ctx) error {
	n, err := c.hset()
	if err == nil {
		c.Reply.Int(int64(n))
	}
	return err
}

func hmset(c *Ctx) error {
	_, err := c.hset()
	if err == nil {
		c.Reply.OK()
	}
	return err
}

// hset sets all fields of the command and returns how many are new.
func (c *Ctx) hset() (created int, err error) {
	if len(c.Argv)%2 != 0 {
		return 0, WrongArity(c.Spec.FullName())
	}
	key := c.Argv[1]
	h, err := c.makeHash(key)
	if err != nil {
		return 0, err
	}
	for i := 2; i < len(c.Argv); i += 2 {
		if h.Set(c.Argv[i], c.Argv[i+1], false) {
			created++
		}
	}
	c.Tx.Modified(key, eventHSet)
	return created, nil
}

func hsetnx(c *Ctx) error {
	key := c.Argv[1]
	h, ok, err := c.hash(key)
	if err != nil {
		return err
	}
	if ok {
		if _, found := h.Get(c.Argv[2]); found {
			c.Reply.Int(0)
			return nil
		}
	} else if h, err = c.makeHash(key); err != nil {
		return err
	}
	h.Set(c.Argv[2], c.Argv[3], false)
	c.Tx.Modified(key, eventHSet)
	c.Reply.Int(1)
	return nil
}

func hget(c *Ctx) error {
	h, ok, err := c.hash(c.Argv[1])
	if err != nil {
		return err
	}
	if ok {
		if v, found := h.Get(c.Argv[2]); found {
			c.replyElem(v)
			return nil
		}
	}
	c.Reply.Null()
	return nil
}

func hmget(c *Ctx) error {
	h, ok, err := c.hash(c.Argv[1])
	if err != nil {
		return err
	}
	c.Reply.Array(len(c.Argv) - 2)
	c.replyFields(h, ok, c.Argv[2:])
	return nil
}

// replyFields replies the values of fields, null for those that are not there.
func (c *Ctx) replyFields(h value.HashRef, ok bool, fields [][]byte) {
	for _, f := range fields {
		if ok {
			if v, found := h.Get(f); found {
				c.replyElem(v)
				continue
			}
		}
		c.Reply.Null()
	}
}

func hgetall(c *Ctx) error {
	h, ok, err := c.hash(c.Argv[1])
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Map(0)
		return nil
	}
	c.Reply.Map(h.Len())
	h.Each(func(f, v value.Elem, _ int64) bool {
		c.replyElem(f)
		c.replyElem(v)
		return !c.Reply.Full
	})
	return nil
}

func hkeys(c *Ctx) error { return c.replyHalf(true) }
func hvals(c *Ctx) error { return c.replyHalf(false) }

// replyHalf replies the fields, or the values, of a hash.
func (c *Ctx) replyHalf(fields bool) error {
	h, ok, err := c.hash(c.Argv[1])
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Array(0)
		return nil
	}
	c.Reply.Array(h.Len())
	h.Each(func(f, v value.Elem, _ int64) bool {
		if !fields {
			f = v
		}
		c.replyElem(f)
		return !c.Reply.Full
	})
	return nil
}

func hlen(c *Ctx) error {
	h, ok, err := c.hash(c.Argv[1])
	return replyLen(c, h, ok, err)
}

func hexists(c *Ctx) error {
	h, ok, err := c.hash(c.Argv[1])
	if err != nil {
		return err
	}
	if ok {
		_, ok = h.Get(c.Argv[2])
	}
	c.replyYes(ok)
	return nil
}

// replyYes replies 1 or 0.
func (c *Ctx) replyYes(yes bool) {
	if yes {
		c.Reply.Int(1)
	} else {
		c.Reply.Int(0)
	}
}

func hstrlen(c *Ctx) error {
	h, ok, err := c.hash(c.Argv[1])
	if err != nil {
		return err
	}
	n := 0
	if ok {
		if v, found := h.Get(c.Argv[2]); found {
			n = v.Len()
		}
	}
	c.Reply.Int(int64(n))
	return nil
}

func hdel(c *Ctx) error {
	h, ok, err := c.hash(c.Argv[1])
	return removeAll(c, h, ok, err, eventHDel)
}

func hincrby(c *Ctx) error {
	by, ok := value.ParseInt(c.Argv[3])
	if !ok {
		return ErrNotInt
	}
	key, field := c.Argv[1], c.Argv[2]
	h, there, err := c.hash(key)
	if err != nil {
		return err
	}
	old := int64(0)
	if there {
		if v, found := h.Get(field); found {
			var buf [20]byte
			if old, ok = value.ParseInt(v.Bytes(buf[:])); !ok {
				return errHashInt
			}
		}
	}
	if by < 0 && old < math.MinInt64-by || by > 0 && old > math.MaxInt64-by {
		return ErrOverflow
	}
	if !there {
		if h, err = c.makeHash(key); err != nil {
			return err
		}
	}
	var buf [20]byte
	h.Set(field, strconv.AppendInt(buf[:0], old+by, 10), true)
	c.Tx.Modified(key, eventHIncrBy)
	c.Reply.Int(old + by)
	return nil
}

func hincrbyfloat(c *Ctx) error {
	by, ok := parseLongDouble(c.Argv[3])
	if !ok {
		return ErrNotFloat
	}
	if by.IsInf() {
		return errInfinity
	}
	key, field := c.Argv[1], c.Argv[2]
	h, there, err := c.hash(key)
	if err != nil {
		return err
	}
	old := new(big.Float).SetPrec(longDoubleBits)
	if there {
		if v, found := h.Get(field); found {
			if old, ok = parseLongDouble(v.Append(nil)); !ok {
				return errHashFloat
			}
		}
	}
	if old.IsInf() {
		return ErrNaN
	}
	if !there {
		if h, err = c.makeHash(key); err != nil {
			return err
		}
	}
	out := appendLongDouble(nil, old.Add(old, by))
	h.Set(field, out, true)
	c.Tx.Modified(key, eventHIncrByFloat)
	c.Propagate("HSET", key, field, out)
	if due, _ := h.Deadline(field); due != 0 {
		c.Propagate("HPEXPIREAT", key, strconv.AppendInt(nil, due, 10), []byte("FIELDS"), []byte("1"), field)
	}
	c.Reply.Bulk(out)
	return nil
}

// randCount reads the count of SRANDMEMBER, HRANDFIELD or ZRANDMEMBER; it may be negative, and doubling it must
// not overflow.
func randCount(b []byte, double bool) (int64, error) {
	n, ok := value.ParseInt(b)
	if !ok {
		return 0, ErrNotInt
	}
	if n == math.MinInt64 {
		return 0, outOfRange(-math.MaxInt64, math.MaxInt64)
	}
	if double && (n < -math.MaxInt64/2 || n > math.MaxInt64/2) {
		return 0, Error("ERR value is out of range")
	}
	return n, nil
}

// randArgs reads the words after the key of HRANDFIELD and ZRANDMEMBER: a count, and after it the word that asks
// for pairs. Without either, one element is picked.
func (c *Ctx) randArgs(pairs string) (count int64, withPairs bool, err error) {
	if len(c.Argv) == 2 {
		return 1, false, nil
	}
	if count, err = randCount(c.Argv[2], false); err != nil {
		return 0, false, err
	}
	if len(c.Argv) == 3 {
		return count, false, nil
	}
	if len(c.Argv) > 4 || !equalFold(c.Argv[3], pairs) {
		return 0, false, ErrSyntax
	}
	_, err = randCount(c.Argv[2], true)
	return count, true, err
}

func hrandfield(c *Ctx) error {
	count, withValues, err := c.randArgs("WITHVALUES")
	if err != nil {
		return err
	}
	h, ok, err := c.hash(c.Argv[1])
	if err != nil {
		return err
	}
	if len(c.Argv) == 2 {
		if !ok {
			c.Reply.Null()
			return nil
		}
		f, _ := h.Random()
		c.replyElem(f)
		return nil
	}
	if !ok || count == 0 {
		c.Reply.Array(0)
		return nil
	}
	reply := func(f, v value.Elem) {
		if withValues && c.Reply.Proto == 3 {
			c.Reply.Array(2)
		}
		c.replyElem(f)
		if withValues {
			c.replyElem(v)
		}
	}
	return c.replyRandom(h.Len(), count, withValues, func() { f, v := h.Random(); reply(f, v) }, func(visit func(i int) bool) {
		i := 0
		h.Each(func(f, v value.Elem, _ int64) bool {
			if visit(i) {
				reply(f, v)
			}
			i++
			return !c.Reply.Full
		})
	})
}

// replyRandom replies with count random elements of n. With a negative count it draws each one independently by
// calling one, otherwise it draws different positions and calls all with them, which replies with the elements
// there.
func (c *Ctx) replyRandom(n int, count int64, pairs bool, one func(), all func(visit func(i int) bool)) error {
	header := func(k int64) {
		if pairs && c.Reply.Proto != 3 {
			k *= 2
		}
		c.Reply.Array(int(k))
	}
	if count < 0 {
		// The reply may be much larger than the hash: the count is the client's choice.
		size := leastElem * min(-count, math.MaxInt64/leastElem)
		if !c.Reply.Fits(size) {
			return nil
		}
		if size > int64(c.Env.MaxBulk()) {
			return Error("ERR value is out of range")
		}
		header(-count)
		for left := -count; left > 0 && !c.Reply.Full; left-- {
			if one(); c.over(left) {
				return errOver
			}
		}
		return nil
	}
	left := int(min(count, int64(n)))
	header(int64(left))
	// Each of the remaining elements is taken with the chance that makes every
	// choice as likely.
	rest := n
	all(func(int) bool {
		take := left > 0 && rand.IntN(rest) < left
		rest--
		if take {
			left--
		}
		return take
	})
	return nil
}

// leastElem is how many bytes the reply of an element takes at least.
const leastElem = int64(len("$1\r\nx\r\n"))

func hscan(c *Ctx) error {
	var h value.HashRef
	s, done, err := c.scan(func(key []byte) (ok bool, err error) {
		h, ok, err = c.hash(key)
		return ok, err
	})
	if done {
		return err
	}
	var out []value.Elem
	next := h.Scan(s.cursor, s.count, func(f, v value.Elem) {
		if !s.wants(f) {
			return
		}
		if out = append(out, f); !s.noValues {
			out = append(out, v)
		}
	})
	c.replyScannedElems(next, out)
	return nil
}
