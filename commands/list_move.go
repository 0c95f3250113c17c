package commands

import (
	"cached/internal/resp"
)

// Moving between lists, taking from several, and waiting for elements.

// side reads LEFT or RIGHT; back is RIGHT.
func side(b []byte) (back bool, err error) {
	switch {
	case equalFold(b, "LEFT"):
		return false, nil
	case equalFold(b, "RIGHT"):
		return true, nil
	}
	return false, ErrSyntax
}

func lmove(c *Ctx) error {
	from, to, err := sides(c.Argv[3], c.Argv[4])
	if err != nil {
		return err
	}
	done, err := c.moveElem(from, to)
	if err == nil && !done {
		c.Reply.Null()
	}
	return err
}

func sides(a, b []byte) (from, to bool, err error) {
	if from, err = side(a); err == nil {
		to, err = side(b)
	}
	return from, to, err
}

func rpoplpush(c *Ctx) error {
	done, err := c.moveElem(true, false)
	if err == nil && !done {
		c.Reply.Null()
	}
	return err
}

// moveElem moves an element from one end of the list at the first key to one end
// of that at the second, and replies it; done is false when there is none.
func (c *Ctx) moveElem(from, to bool) (done bool, err error) {
	src, dst := c.Argv[1], c.Argv[2]
	_, ok, err := c.list(src)
	if err != nil || !ok {
		return false, err
	}
	if _, _, err := c.list(dst); err != nil {
		return false, err
	}
	l, _, err := c.list(src) // again: ending dst may have moved it
	if err != nil {
		return false, err
	}
	b := l.End(from).Append(nil)
	c.Reply.Bulk(b)
	size := l.Len()
	l.Pop(from)
	same := string(src) == string(dst)
	if !same {
		if l, err = c.makeList(dst); err != nil {
			return false, err
		}
	}
	c.pushAll(l, [][]byte{b}, to)
	c.Tx.Modified(dst, pushEvent(to)) // told in this order
	c.Tx.Modified(src, popEvent(from))
	if !same {
		c.endIfEmpty(src, size-1)
	}
	// A blocking form replayed must not wait.
	if c.Spec.Name == "rpoplpush" || c.Spec.Name == "brpoplpush" {
		c.Propagate("RPOPLPUSH", src, dst)
	} else {
		c.Propagate("LMOVE", src, dst, sideName(from), sideName(to))
	}
	return true, nil
}

func sideName(back bool) []byte {
	if back {
		return []byte("RIGHT")
	}
	return []byte("LEFT")
}

func blmove(c *Ctx) error {
	from, to, err := sides(c.Argv[3], c.Argv[4])
	if err != nil {
		return err
	}
	return c.waitToMove(c.Argv[5], from, to)
}

func brpoplpush(c *Ctx) error { return c.waitToMove(c.Argv[3], true, false) }

func (c *Ctx) waitToMove(timeout []byte, from, to bool) error {
	deadline, err := c.timeout(timeout)
	if err != nil {
		return err
	}
	done, err := c.moveElem(from, to)
	if err != nil || done {
		return err
	}
	// A wait that ends with nothing is a null array, what may not wait a null.
	if !c.Env.Block(c, c.Argv[1:2], deadline, (*resp.Writer).NullArray) {
		c.Reply.Null()
	}
	return nil
}

func blpop(c *Ctx) error { return c.bpop(false) }
func brpop(c *Ctx) error { return c.bpop(true) }

func (c *Ctx) bpop(back bool) error {
	last := len(c.Argv) - 1
	deadline, err := c.timeout(c.Argv[last])
	if err != nil {
		return err
	}
	keys := c.Argv[1:last]
	for _, key := range keys {
		l, ok, err := c.list(key)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		c.Reply.Array(2)
		c.Reply.Bulk(key)
		c.replyElem(l.End(back))
		c.drop(key, l, 1, back)
		c.Propagate(popName(back), key)
		return nil
	}
	return c.Block(keys, deadline, (*resp.Writer).NullArray)
}

func popName(back bool) string {
	if back {
		return "RPOP"
	}
	return "LPOP"
}

func lmpop(c *Ctx) error {
	q, err := c.listMultiPop(1)
	if err != nil {
		return err
	}
	return q.runOnce(c)
}

func blmpop(c *Ctx) error {
	q, err := c.listMultiPop(2)
	if err != nil {
		return err
	}
	return q.runOrWait(c)
}

func (c *Ctx) listMultiPop(i int) (multiPop, error) {
	q, err := c.multiPop(i, side)
	q.take = popSome
	return q, err
}

// popSome takes from the list at key.
func popSome(c *Ctx, q *multiPop, key []byte) (done bool, err error) {
	l, ok, err := c.list(key)
	if err != nil || !ok {
		return false, err
	}
	n := int(min(q.count, int64(l.Len())))
	c.Reply.Array(2)
	c.Reply.Bulk(key)
	c.replyEnd(l, n, q.last)
	c.drop(key, l, n, q.last)
	c.Propagate(popName(q.last), key, countText(n))
	return true, nil
}
