package commands

import (
	"cached/engine"
	"cached/engine/value"
	"cached/internal/glob"
	"cached/internal/resp"
)

// Helpers of the commands of lists, hashes, sets and sorted sets.

// ref returns the value of type t at key; ok is false when there is none.
func (c *Ctx) ref(key []byte, t value.Type) (ref value.Ref, ok bool, err error) {
	if ref, err = c.Tx.Ref(key, t); err != nil {
		return ref, false, clientError(err)
	}
	return ref, !ref.IsZero(), nil
}

// endIfEmpty removes the key of a collection if n, its number of elements, is 0.
func (c *Ctx) endIfEmpty(key []byte, n int) {
	if n == 0 {
		c.Tx.Delete(key)
		c.Tx.Modified(key, engine.EventDel)
	}
}

// replyLen replies how many elements a collection has that was looked up.
func replyLen[T interface{ Len() int }](c *Ctx, coll T, ok bool, err error) error {
	if err != nil {
		return err
	}
	n := 0
	if ok {
		n = coll.Len()
	}
	c.Reply.Int(int64(n))
	return nil
}

// removeAll removes the elements that are named behind the key, and replies how
// many there were.
func removeAll[T interface {
	Len() int
	Remove([]byte) bool
}](c *Ctx, coll T, ok bool, err error, ev engine.Event) error {
	if err != nil {
		return err
	}
	key, n, left := c.Argv[1], 0, 1
	for _, b := range c.Argv[2:] {
		if !ok || left == 0 {
			break
		}
		if coll.Remove(b) {
			n++
			left = coll.Len()
		}
	}
	if n > 0 {
		c.Tx.Modified(key, ev)
		c.endIfEmpty(key, left)
	}
	c.Reply.Int(int64(n))
	return nil
}

// A scanned holds the arguments of one call of HSCAN, SSCAN or ZSCAN.
type scanned struct {
	scanOptions
	cursor uint64
	buf    [20]byte
}

// scan reads the words of HSCAN, SSCAN or ZSCAN. find looks the collection up: if it does not exist, scan replies
// at once, whatever the options are, and done is true.
func (c *Ctx) scan(find func(key []byte) (ok bool, err error)) (s scanned, done bool, err error) {
	if s.cursor, err = c.scanCursor(2); err != nil {
		return s, true, err
	}
	ok, err := find(c.Argv[1])
	if err == nil && ok {
		s.scanOptions, err = c.scanOptions(3, false)
		return s, err != nil, err
	}
	if err == nil {
		c.replyScanned(0, 0, nil)
	}
	return s, true, err
}

// wants reports whether an element is asked for.
func (s *scanned) wants(e value.Elem) bool {
	return s.pattern == nil || glob.Match(s.pattern, e.Bytes(s.buf[:]), false)
}

// replyScanned replies a cursor and n elements, which write replies.
func (c *Ctx) replyScanned(next uint64, n int, write func()) {
	c.Reply.Array(2)
	c.replyCursor(next)
	c.Reply.Array(n)
	if write != nil {
		write()
	}
}

// replyScannedElems is replyScanned with the elements themselves.
func (c *Ctx) replyScannedElems(next uint64, elems []value.Elem) {
	c.replyScanned(next, len(elems), func() {
		for _, e := range elems {
			c.replyElem(e)
		}
	})
}

// A multiPop is LMPOP or ZMPOP, or a blocking form of them, with its words read.
type multiPop struct {
	keys  [][]byte
	last  bool // from the right, or from the top
	count int64

	take func(c *Ctx, q *multiPop, key []byte) (done bool, err error) // from one key
}

const errCountAbove0 = Error("ERR count should be greater than 0")

// multiPop reads the words from i on; end reads which end is meant.
func (c *Ctx) multiPop(i int, end func([]byte) (last bool, err error)) (q multiPop, err error) {
	a := c.Args(i)
	n, ok := value.ParseInt(a.Next())
	if !ok || n < 1 {
		return q, errNumKeys
	}
	if n >= int64(a.Left()) {
		return q, ErrSyntax
	}
	q.keys = a.argv[a.i : a.i+int(n)]
	a.i += int(n)
	if q.last, err = end(a.Next()); err != nil {
		return q, err
	}
	q.count = -1
	for a.More() {
		if q.count != -1 || a.Left() < 2 || !a.Is("COUNT") {
			return q, ErrSyntax
		}
		n, ok := value.ParseInt(a.Next())
		if !ok || n < 1 {
			return q, errCountAbove0
		}
		q.count = n
	}
	q.count = max(q.count, 1)
	return q, a.End()
}

// run takes from the first key that has something; done is false when none has.
func (q *multiPop) run(c *Ctx) (done bool, err error) {
	for _, key := range q.keys {
		if done, err = q.take(c, q, key); done || err != nil {
			break
		}
	}
	return done, err
}

// runOnce is a form that does not wait.
func (q *multiPop) runOnce(c *Ctx) error {
	done, err := q.run(c)
	if err == nil && !done {
		c.Reply.NullArray()
	}
	return err
}

// runOrWait is a form that waits until the time in the first word.
func (q *multiPop) runOrWait(c *Ctx) error {
	deadline, err := c.timeout(c.Argv[1])
	if err != nil {
		return err
	}
	done, err := q.run(c)
	if err != nil || done {
		return err
	}
	return c.Block(q.keys, deadline, (*resp.Writer).NullArray)
}
