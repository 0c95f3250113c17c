package commands

import (
	"math"
	"slices"

	"cached/engine"
	"cached/engine/value"
)

// Events of sets.
var (
	eventSAdd        = engine.Event{Name: "sadd", Class: engine.ClassSet}
	eventSRem        = engine.Event{Name: "srem", Class: engine.ClassSet}
	eventSPop        = engine.Event{Name: "spop", Class: engine.ClassSet}
	eventSInterStore = engine.Event{Name: "sinterstore", Class: engine.ClassSet}
	eventSUnionStore = engine.Event{Name: "sunionstore", Class: engine.ClassSet}
	eventSDiffStore  = engine.Event{Name: "sdiffstore", Class: engine.ClassSet}
)

// The errors of commands that count their keys.
const (
	errNumKeys     = Error("ERR numkeys should be greater than 0")
	errManyKeys    = Error("ERR Number of keys can't be greater than number of args")
	errLimitBelow0 = Error("ERR LIMIT can't be negative")
)

// set returns the set at key; ok is false when there is none.
func (c *Ctx) set(key []byte) (s value.SetRef, ok bool, err error) {
	ref, ok, err := c.ref(key, value.Set)
	return value.SetRef{Ref: ref, Limits: c.Tx.Limits()}, ok, err
}

// makeSet is set, making the key if it is not there.
func (c *Ctx) makeSet(key []byte) (value.SetRef, error) {
	s, ok, err := c.set(key)
	if err == nil && !ok {
		s.Ref = c.Tx.Create(key, value.Set, value.IntSet, value.NewSetBytes)
		s.Init()
	}
	return s, err
}

func sadd(c *Ctx) error {
	key := c.Argv[1]
	s, err := c.makeSet(key)
	if err != nil {
		return err
	}
	n := 0
	for _, b := range c.Argv[2:] {
		if s.Add(b) {
			n++
		}
	}
	if n > 0 {
		c.Tx.Modified(key, eventSAdd)
	}
	c.Reply.Int(int64(n))
	return nil
}

func srem(c *Ctx) error {
	s, ok, err := c.set(c.Argv[1])
	return removeAll(c, s, ok, err, eventSRem)
}

func scard(c *Ctx) error {
	s, ok, err := c.set(c.Argv[1])
	return replyLen(c, s, ok, err)
}

func sismember(c *Ctx) error {
	s, ok, err := c.set(c.Argv[1])
	if err != nil {
		return err
	}
	c.replyYes(ok && s.Has(c.Argv[2]))
	return nil
}

func smismember(c *Ctx) error {
	s, ok, err := c.set(c.Argv[1])
	if err != nil {
		return err
	}
	c.Reply.Array(len(c.Argv) - 2)
	for _, b := range c.Argv[2:] {
		c.replyYes(ok && s.Has(b))
	}
	return nil
}

func smembers(c *Ctx) error {
	s, ok, err := c.set(c.Argv[1])
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Set(0)
		return nil
	}
	c.Reply.Set(s.Len())
	s.Each(func(e value.Elem) bool { c.replyElem(e); return !c.Reply.Full })
	return nil
}

func smove(c *Ctx) error {
	from, to, member := c.Argv[1], c.Argv[2], c.Argv[3]
	s, ok, err := c.set(from)
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Int(0)
		return nil
	}
	if _, _, err := c.set(to); err != nil {
		return err
	}
	if string(from) == string(to) || !s.Has(member) {
		c.replyYes(s.Has(member))
		return nil
	}
	s.Remove(member)
	c.Tx.Modified(from, eventSRem)
	c.endIfEmpty(from, s.Len())
	d, err := c.makeSet(to)
	if err != nil {
		return err
	}
	if d.Add(member) {
		c.Tx.Modified(to, eventSAdd)
	}
	c.Reply.Int(1)
	return nil
}

func spop(c *Ctx) error {
	if len(c.Argv) > 3 {
		return ErrSyntax
	}
	key := c.Argv[1]
	count := int64(1)
	if len(c.Argv) == 3 {
		n, ok := value.ParseInt(c.Argv[2])
		if !ok || n < 0 {
			return ErrNotPositive
		}
		count = n
	}
	s, ok, err := c.set(key)
	if err != nil {
		return err
	}
	single := len(c.Argv) == 2
	if !ok || count == 0 {
		if single {
			c.Reply.Null()
		} else {
			c.Reply.Set(0)
		}
		return nil
	}
	if single {
		e := s.Random()
		c.replyElem(e) // before it is removed
		b := e.Append(nil)
		s.Remove(b)
		c.Tx.Modified(key, eventSPop)
		c.Propagate("SREM", key, b)
		c.endIfEmpty(key, s.Len())
		return nil
	}
	if count >= int64(s.Len()) {
		c.Reply.Set(s.Len())
		s.Each(func(e value.Elem) bool { c.replyElem(e); return !c.Reply.Full })
		c.Tx.Unlink(key)
		c.Tx.Modified(key, eventSPop)
		c.Propagate("DEL", key)
		c.Tx.Modified(key, engine.EventDel)
		return nil
	}
	c.Reply.Set(int(count))
	gone := [][]byte{key}
	for range count {
		e := s.Random()
		c.replyElem(e)
		b := e.Append(nil)
		s.Remove(b)
		gone = append(gone, b)
	}
	c.Tx.Modified(key, eventSPop)
	c.Propagate("SREM", gone...)
	return nil
}

func srandmember(c *Ctx) error {
	if len(c.Argv) > 3 {
		return ErrSyntax
	}
	count := int64(1)
	if len(c.Argv) == 3 {
		n, err := randCount(c.Argv[2], false)
		if err != nil {
			return err
		}
		if n < -math.MaxInt64/2 {
			return Error("ERR value is out of range")
		}
		count = n
	}
	s, ok, err := c.set(c.Argv[1])
	if err != nil {
		return err
	}
	if len(c.Argv) == 2 {
		if !ok {
			c.Reply.Null()
			return nil
		}
		c.replyElem(s.Random())
		return nil
	}
	if !ok || count == 0 {
		c.Reply.Array(0)
		return nil
	}
	return c.replyRandom(s.Len(), count, false, func() { c.replyElem(s.Random()) }, func(visit func(i int) bool) {
		i := 0
		s.Each(func(e value.Elem) bool {
			if visit(i) {
				c.replyElem(e)
			}
			i++
			return !c.Reply.Full
		})
	})
}

func sscan(c *Ctx) error {
	var set value.SetRef
	s, done, err := c.scan(func(key []byte) (ok bool, err error) {
		set, ok, err = c.set(key)
		return ok, err
	})
	if done {
		return err
	}
	var out []value.Elem
	next := set.Scan(s.cursor, s.count, func(e value.Elem) {
		if s.wants(e) {
			out = append(out, e)
		}
	})
	c.replyScannedElems(next, out)
	return nil
}

// sets returns the sets at keys; the one of a key that is not there is zero.
func (c *Ctx) sets(keys [][]byte) (all []value.SetRef, missing bool, err error) {
	for _, k := range keys {
		if _, _, err := c.set(k); err != nil {
			return nil, false, err
		}
	}
	// Looked up again: one that expired may have moved the slots of others.
	c.Tx.Counting = false
	for _, k := range keys {
		s, ok, err := c.set(k)
		if err != nil {
			return nil, false, err
		}
		if !ok {
			missing = true
			s = value.SetRef{}
		}
		all = append(all, s)
	}
	return all, missing, nil
}

// inter visits the members of all sets until visit returns false.
func inter(sets []value.SetRef, visit func(value.Elem) bool) {
	slices.SortStableFunc(sets, func(a, b value.SetRef) int { return a.Len() - b.Len() })
	var buf [20]byte
	sets[0].Each(func(e value.Elem) bool {
		b := e.Bytes(buf[:])
		for _, s := range sets[1:] {
			if !s.Has(b) {
				return true
			}
		}
		return visit(e)
	})
}

// union visits each member of any of the sets once, until visit returns false: one that
// an earlier set has was visited with that.
func union(sets []value.SetRef, visit func(value.Elem) bool) {
	var buf [20]byte
	more := true
	for i, s := range sets {
		if s.IsZero() || !more {
			continue
		}
		s.Each(func(e value.Elem) bool {
			b := e.Bytes(buf[:])
			for _, earlier := range sets[:i] {
				if !earlier.IsZero() && earlier.Has(b) {
					return true
				}
			}
			more = visit(e)
			return more
		})
	}
}

// diff visits the members of the first set that no other has until visit returns false.
func diff(sets []value.SetRef, visit func(value.Elem) bool) {
	if sets[0].IsZero() {
		return
	}
	var buf [20]byte
	sets[0].Each(func(e value.Elem) bool {
		b := e.Bytes(buf[:])
		for _, s := range sets[1:] {
			if !s.IsZero() && s.Has(b) {
				return true
			}
		}
		return visit(e)
	})
}

// A setOperation is one of SINTER, SUNION and SDIFF.
type setOperation uint8

const (
	opInter setOperation = iota
	opUnion
	opDiff
)

// combine visits the result of an operation on the sets at keys, which it
// aliases.
func (c *Ctx) combine(op setOperation, keys [][]byte, visit func(value.Elem)) error {
	sets, missing, err := c.sets(keys)
	if err != nil {
		return err
	}
	switch op {
	case opInter:
		if !missing {
			inter(sets, func(e value.Elem) bool { visit(e); return !c.Reply.Full })
		}
	case opUnion:
		union(sets, func(e value.Elem) bool { visit(e); return true })
	default:
		diff(sets, func(e value.Elem) bool { visit(e); return true })
	}
	return nil
}

func sinter(c *Ctx) error { return c.replyCombined(opInter) }
func sunion(c *Ctx) error { return c.replyCombined(opUnion) }
func sdiff(c *Ctx) error  { return c.replyCombined(opDiff) }

func (c *Ctx) replyCombined(op setOperation) error {
	mark, n := len(c.Reply.B), 0
	err := c.combine(op, c.Argv[1:], func(e value.Elem) {
		c.replyElem(e)
		n++
	})
	if err == nil {
		c.Reply.SetAt(mark, n)
	}
	return err
}

func sinterstore(c *Ctx) error { return c.storeCombined(opInter, eventSInterStore) }
func sunionstore(c *Ctx) error { return c.storeCombined(opUnion, eventSUnionStore) }
func sdiffstore(c *Ctx) error  { return c.storeCombined(opDiff, eventSDiffStore) }

func (c *Ctx) storeCombined(op setOperation, ev engine.Event) error {
	// The result aliases sets of which the old value of key may be one.
	var members texts
	if err := c.combine(op, c.Argv[2:], members.add); err != nil {
		return err
	}
	c.Tx.Rejoin()
	key := c.Argv[1]
	if members.n == 0 {
		if c.Tx.Delete(key) {
			c.Tx.Modified(key, engine.EventDel)
		}
		c.Reply.Int(0)
		return nil
	}
	s := value.SetRef{Ref: c.Tx.Replace(key, value.Set, value.IntSet, value.NewSetBytes), Limits: c.Tx.Limits()}
	s.Init()
	i := 0
	members.each(func(b []byte) {
		s.Add(b)
		if i++; i%breatheAfter == 0 {
			s.Ref = c.Tx.Breathe(key, s.Ref)
		}
	})
	c.Tx.Modified(key, ev)
	c.Reply.Int(int64(members.n))
	return nil
}

// texts are strings outside the engine's memory. They are in blocks, since a slice that
// grows is copied in one piece, and nobody can be let in meanwhile.
type texts struct {
	blocks []textBlock
	n      int
}

type textBlock struct {
	bytes []byte
	ends  []int
}

// blockTexts is how many strings are in a block.
const blockTexts = 1024

func (t *texts) add(e value.Elem) {
	if t.n%blockTexts == 0 {
		t.blocks = append(t.blocks, textBlock{})
	}
	t.n++
	b := &t.blocks[len(t.blocks)-1]
	b.bytes = e.Append(b.bytes)
	b.ends = append(b.ends, len(b.bytes))
}

func (t *texts) each(visit func([]byte)) {
	for i := range t.blocks {
		b, from := &t.blocks[i], 0
		for _, end := range b.ends {
			visit(b.bytes[from:end:end])
			from = end
		}
	}
}

// push appends to a slice that may become long. What is copied when it grows is copied in
// pieces.
func push[T any](s []T, x T) []T {
	const piece = 4096
	if len(s) < cap(s) || len(s) <= piece {
		return append(s, x)
	}
	grown := make([]T, len(s), 2*len(s))
	for from := 0; from < len(s); from += piece {
		copy(grown[from:], s[from:min(from+piece, len(s))])
	}
	return append(grown, x)
}

// countedKeys takes "numkeys key ..." .
func (a *Args) countedKeys() [][]byte {
	n, ok := value.ParseInt(a.Next())
	switch {
	case a.err != nil:
	case !ok || n < 1:
		a.Fail(errNumKeys)
	case n > int64(a.Left()):
		a.Fail(errManyKeys)
	default:
		keys := a.argv[a.i : a.i+int(n)]
		a.i += int(n)
		return keys
	}
	return nil
}
