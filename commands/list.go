package commands

import (
	"math"

	"cached/engine"
	"cached/engine/value"
)

// Events of lists.
var (
	eventLPush   = engine.Event{Name: "lpush", Class: engine.ClassList}
	eventRPush   = engine.Event{Name: "rpush", Class: engine.ClassList}
	eventLPop    = engine.Event{Name: "lpop", Class: engine.ClassList}
	eventRPop    = engine.Event{Name: "rpop", Class: engine.ClassList}
	eventLInsert = engine.Event{Name: "linsert", Class: engine.ClassList}
	eventLSet    = engine.Event{Name: "lset", Class: engine.ClassList}
	eventLRem    = engine.Event{Name: "lrem", Class: engine.ClassList}
	eventLTrim   = engine.Event{Name: "ltrim", Class: engine.ClassList}
)

// list returns the list at key; ok is false when there is none.
func (c *Ctx) list(key []byte) (l value.ListRef, ok bool, err error) {
	ref, ok, err := c.ref(key, value.List)
	return value.ListRef{Ref: ref, Limits: c.Tx.Limits()}, ok, err
}

// makeList is list, making the key if it is not there.
func (c *Ctx) makeList(key []byte) (value.ListRef, error) {
	l, ok, err := c.list(key)
	if err == nil && !ok {
		l.Ref = c.Tx.Create(key, value.List, value.Packed, value.NewListBytes)
		l.Init()
	}
	return l, err
}

func lpush(c *Ctx) error  { return c.push(false, false) }
func rpush(c *Ctx) error  { return c.push(true, false) }
func lpushx(c *Ctx) error { return c.push(false, true) }
func rpushx(c *Ctx) error { return c.push(true, true) }

func (c *Ctx) push(back, onlyIfThere bool) error {
	key := c.Argv[1]
	l, ok, err := c.list(key)
	if err != nil {
		return err
	}
	if !ok {
		if onlyIfThere {
			c.Reply.Int(0)
			return nil
		}
		if l, err = c.makeList(key); err != nil {
			return err
		}
	}
	c.pushAll(l, c.Argv[2:], back)
	c.Tx.Modified(key, pushEvent(back))
	c.Reply.Int(int64(l.Len()))
	return nil
}

// pushAll pushes elements one after the other.
func (c *Ctx) pushAll(l value.ListRef, elems [][]byte, back bool) {
	size := 0
	for _, b := range elems {
		size += len(b)
	}
	l.Room(size, len(elems))
	for _, b := range elems {
		l.Push(b, back)
	}
}

func pushEvent(back bool) engine.Event {
	if back {
		return eventRPush
	}
	return eventLPush
}

func popEvent(back bool) engine.Event {
	if back {
		return eventRPop
	}
	return eventLPop
}

func lpop(c *Ctx) error { return c.pop(false) }
func rpop(c *Ctx) error { return c.pop(true) }

func (c *Ctx) pop(back bool) error {
	if len(c.Argv) > 3 {
		return WrongArity(c.Spec.FullName())
	}
	count, withCount := int64(1), len(c.Argv) == 3
	if withCount {
		n, ok := value.ParseInt(c.Argv[2])
		if !ok || n < 0 {
			return ErrNotPositive
		}
		count = n
	}
	key := c.Argv[1]
	l, ok, err := c.list(key)
	if err != nil {
		return err
	}
	switch {
	case !ok && withCount:
		c.Reply.NullArray()
	case !ok:
		c.Reply.Null()
	case count == 0:
		c.Reply.Array(0)
	case !withCount:
		c.replyElem(l.End(back))
		c.drop(key, l, 1, back)
	default:
		n := int(min(count, int64(l.Len())))
		c.replyEnd(l, n, back)
		c.drop(key, l, n, back)
	}
	return nil
}

// replyEnd replies the n elements at one end, outermost first.
func (c *Ctx) replyEnd(l value.ListRef, n int, back bool) {
	first := 0
	if back {
		first = l.Len() - 1
	}
	c.Reply.Array(n)
	l.Range(first, n, back, func(e value.Elem) bool { c.replyElem(e); return true })
}

// drop removes n elements at one end, and the key with the last.
func (c *Ctx) drop(key []byte, l value.ListRef, n int, back bool) {
	size := l.Len()
	switch {
	case n == 1:
		l.Pop(back)
	case back:
		l.Remove(size-n, n)
	default:
		l.Remove(0, n)
	}
	c.Tx.Modified(key, popEvent(back))
	c.endIfEmpty(key, size-n)
}

func llen(c *Ctx) error {
	l, ok, err := c.list(c.Argv[1])
	return replyLen(c, l, ok, err)
}

func lindex(c *Ctx) error {
	l, ok, err := c.list(c.Argv[1])
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Null()
		return nil
	}
	i, isInt := value.ParseInt(c.Argv[2])
	if !isInt {
		return ErrNotInt
	}
	if i < 0 {
		i += int64(l.Len())
	}
	if i < 0 || i >= int64(l.Len()) {
		c.Reply.Null()
		return nil
	}
	c.replyElem(l.Index(int(i)))
	return nil
}

func lset(c *Ctx) error {
	key := c.Argv[1]
	l, ok, err := c.list(key)
	if err != nil {
		return err
	}
	if !ok {
		return ErrNoKey
	}
	i, isInt := value.ParseInt(c.Argv[2])
	if !isInt {
		return ErrNotInt
	}
	l.Room(len(c.Argv[3]), 1) // as if it were one more, in Redis too
	if i < 0 {
		i += int64(l.Len())
	}
	if i < 0 || i >= int64(l.Len()) {
		return ErrOutOfRange
	}
	l.Set(int(i), c.Argv[3])
	c.Tx.Modified(key, eventLSet)
	c.Reply.OK()
	return nil
}

func lrange(c *Ctx) error {
	first, ok1 := value.ParseInt(c.Argv[2])
	last, ok2 := value.ParseInt(c.Argv[3])
	if !ok1 || !ok2 {
		return ErrNotInt
	}
	l, ok, err := c.list(c.Argv[1])
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Array(0)
		return nil
	}
	a, b := clampRange(first, last, l.Len())
	c.Reply.Array(b - a)
	l.Range(a, b-a, false, func(e value.Elem) bool { c.replyElem(e); return !c.Reply.Full })
	return nil
}

func ltrim(c *Ctx) error {
	first, ok1 := value.ParseInt(c.Argv[2])
	last, ok2 := value.ParseInt(c.Argv[3])
	if !ok1 || !ok2 {
		return ErrNotInt
	}
	key := c.Argv[1]
	l, ok, err := c.list(key)
	if err != nil {
		return err
	}
	c.Reply.OK()
	if !ok {
		return nil
	}
	size := l.Len()
	a, b := clampRange(first, last, size)
	if a == b {
		c.Tx.Modified(key, eventLTrim)
		c.endIfEmpty(key, 0)
		return nil
	}
	l.Remove(b, size-b)
	l.Remove(0, a)
	c.Tx.Modified(key, eventLTrim)
	return nil
}

func linsert(c *Ctx) error {
	after := false
	switch {
	case equalFold(c.Argv[2], "AFTER"):
		after = true
	case !equalFold(c.Argv[2], "BEFORE"):
		return ErrSyntax
	}
	key, pivot, b := c.Argv[1], c.Argv[3], c.Argv[4]
	l, ok, err := c.list(key)
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Int(0)
		return nil
	}
	l.Room(len(b), 1) // whether the pivot is there or not
	at, i := -1, 0
	l.Range(0, l.Len(), false, func(e value.Elem) bool {
		if e.Equal(pivot) {
			at = i
			return false
		}
		i++
		return true
	})
	if at < 0 {
		c.Reply.Int(-1)
		return nil
	}
	if after {
		at++
	}
	l.Insert(at, b)
	c.Tx.Modified(key, eventLInsert)
	c.Reply.Int(int64(l.Len()))
	return nil
}

func lrem(c *Ctx) error {
	count, isInt := value.ParseInt(c.Argv[2])
	if !isInt {
		return ErrNotInt
	}
	if count == math.MinInt64 {
		return errNoOpposite
	}
	key, b := c.Argv[1], c.Argv[3]
	l, ok, err := c.list(key)
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Int(0)
		return nil
	}
	size, rev, first := l.Len(), count < 0, 0
	if rev {
		first = size - 1
		if count = -count; count < 0 { // the least integer: more than any list has
			count = math.MaxInt64
		}
	}
	var found []int
	i := first
	l.Range(first, size, rev, func(e value.Elem) bool {
		if e.Equal(b) {
			found = append(found, i)
		}
		if rev {
			i--
		} else {
			i++
		}
		return count == 0 || int64(len(found)) < count
	})
	for k := range found {
		if !rev { // from behind, so that indexes stay true
			k = len(found) - 1 - k
		}
		l.Remove(found[k], 1)
	}
	if len(found) > 0 {
		c.Tx.Modified(key, eventLRem)
		c.endIfEmpty(key, size-len(found))
	}
	c.Reply.Int(int64(len(found)))
	return nil
}

// lpos finds the positions of an element.
func lpos(c *Ctx) error {
	rank, count, maxLen := int64(1), int64(-1), int64(0)
	a := c.Args(3)
	for a.More() {
		switch {
		case a.Left() > 1 && a.Is("RANK"):
			n, ok := value.ParseInt(a.Next())
			switch {
			case !ok:
				return ErrNotInt
			case n == math.MinInt64: // has no opposite
				return errNoOpposite
			case n == 0:
				return Error("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
					"or use negative to start from the end of the list")
			}
			rank = n
		case a.Left() > 1 && a.Is("COUNT"):
			n, ok := value.ParseInt(a.Next())
			if !ok || n < 0 {
				return Error("ERR COUNT can't be negative")
			}
			count = n
		case a.Left() > 1 && a.Is("MAXLEN"):
			n, ok := value.ParseInt(a.Next())
			if !ok || n < 0 {
				return Error("ERR MAXLEN can't be negative")
			}
			maxLen = n
		default:
			return ErrSyntax
		}
	}
	l, ok, err := c.list(c.Argv[1])
	if err != nil {
		return err
	}
	if !ok {
		if count >= 0 {
			c.Reply.Array(0)
		} else {
			c.Reply.Null()
		}
		return nil
	}
	rev := rank < 0
	if rev {
		rank = -rank
	}
	first, size := 0, l.Len()
	if rev {
		first = size - 1
	}
	most := size
	if maxLen > 0 {
		most = int(min(maxLen, int64(size)))
	}
	wanted := max(count, 0)
	if count < 0 {
		wanted = 1
	}
	var found []int
	i := first
	l.Range(first, most, rev, func(e value.Elem) bool {
		if e.Equal(c.Argv[2]) {
			if rank--; rank <= 0 {
				found = append(found, i)
			}
		}
		if rev {
			i--
		} else {
			i++
		}
		return wanted == 0 || int64(len(found)) < wanted
	})
	switch {
	case count >= 0:
		c.Reply.Array(len(found))
		for _, i := range found {
			c.Reply.Int(int64(i))
		}
	case len(found) == 0:
		c.Reply.Null()
	default:
		c.Reply.Int(int64(found[0]))
	}
	return nil
}
