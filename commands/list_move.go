package commands

import (
	"math"
	"slices"

	"cached/engine/value"
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

// moveSource returns the list at src, of which elements move to that at dst; ok is false if there is none.
func (c *Ctx) moveSource(src, dst []byte) (l value.ListRef, ok bool, err error) {
	if l, ok, err = c.list(src); err != nil || !ok {
		return l, false, err
	}
	if _, _, err := c.list(dst); err != nil {
		return l, false, err
	}
	return c.list(src) // again: ending dst may have moved it
}

// moveElem moves an element from one end of the list at the first key to one end
// of that at the second, and replies it; done is false when there is none.
func (c *Ctx) moveElem(from, to bool) (done bool, err error) {
	src, dst := c.Argv[1], c.Argv[2]
	l, ok, err := c.moveSource(src, dst)
	if err != nil || !ok {
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
	c.Tx.Modified(dst, pushEvent(to)) // events are published in this order
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
	// The reply after a timeout is a null array; without waiting it is a null.
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

func pushName(back bool) string {
	if back {
		return "RPUSH"
	}
	return "LPUSH"
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

// A moveMany is LMOVEM or BLMOVEM with its words read.
type moveMany struct {
	from, to bool // the end of the list: true is the right one
	count    int64
	exactly  bool // nothing is moved unless there are count elements
	bulk     bool // the elements keep their order; else they are pushed one after the other
}

// moveMany reads the words from i on, which are the ends and how many: without that, one
// element is moved. With wait, a timeout is between the two, and its word is returned.
func (c *Ctx) moveMany(wait bool) (q moveMany, timeout []byte, err error) {
	if q.from, q.to, err = sides(c.Argv[3], c.Argv[4]); err != nil {
		return q, nil, err
	}
	a := c.Args(5)
	if wait {
		timeout = a.Next()
	}
	q.count, q.bulk = 1, true
	if !a.More() {
		return q, timeout, a.End()
	}
	if q.exactly = a.Is("EXACTLY"); !q.exactly && !a.Is("COUNT") {
		return q, nil, ErrSyntax
	}
	word := a.Next()
	if q.bulk = a.Is("BULK"); !q.bulk && !a.Is("OBO") {
		return q, nil, ErrSyntax
	}
	if err := a.End(); err != nil {
		return q, nil, err
	}
	n, ok := value.ParseInt(word)
	if !ok || n < 1 || n > math.MaxInt32 {
		return q, nil, errCountAbove0
	}
	q.count = n
	return q, timeout, nil
}

func lmovem(c *Ctx) error {
	q, _, err := c.moveMany(false)
	if err != nil {
		return err
	}
	done, err := q.run(c)
	if err == nil && !done {
		c.Reply.NullArray()
	}
	return err
}

func blmovem(c *Ctx) error {
	q, timeout, err := c.moveMany(true)
	if err != nil {
		return err
	}
	deadline, err := c.timeout(timeout)
	if err != nil {
		return err
	}
	done, err := q.run(c)
	if err != nil || done {
		return err
	}
	return c.Block(c.Argv[1:2], deadline, (*resp.Writer).NullArray)
}

// run moves elements and replies them as they are in the destination; done is false when
// there are not enough. What is logged is what it comes to for one list after the other,
// in commands that every server knows.
func (q *moveMany) run(c *Ctx) (done bool, err error) {
	src, dst := c.Argv[1], c.Argv[2]
	l, ok, err := c.moveSource(src, dst)
	if err != nil || !ok {
		return false, err
	}
	size := l.Len()
	n := int(min(q.count, int64(size)))
	if q.exactly && int64(n) < q.count {
		return false, nil
	}
	elems := make([][]byte, n) // in the order in which they are pushed
	for i := range elems {
		elems[i] = l.End(q.from).Append(nil)
		l.Pop(q.from)
	}
	// Pushed one by one to the left they would be the other way round; and so they are
	// when they come from the right, and are pushed to the right.
	if q.bulk && q.from == q.to {
		slices.Reverse(elems)
	}
	same := string(src) == string(dst)
	if !same {
		if l, err = c.makeList(dst); err != nil {
			return false, err
		}
	}
	c.pushAll(l, elems, q.to)
	c.Tx.Modified(dst, pushEvent(q.to)) // told in this order, as by LMOVE
	c.Tx.Modified(src, popEvent(q.from))
	push := append([][]byte{dst}, elems...)
	if same && n == size { // taken out first, they would leave no key, nor its deadline
		c.Propagate(pushName(q.to), push...)
		c.Propagate(popName(!q.to), src, countText(n))
	} else {
		c.Propagate(popName(q.from), src, countText(n))
		c.Propagate(pushName(q.to), push...)
	}
	if !same {
		c.endIfEmpty(src, size-n)
	}
	c.Reply.Array(n)
	for i := range elems {
		if !q.to { // what was pushed last is the first
			i = n - 1 - i
		}
		c.Reply.Bulk(elems[i])
	}
	return true, nil
}
