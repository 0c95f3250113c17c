package commands

import (
	"errors"

	"cached/engine"
	"cached/engine/value"
	"cached/internal/hll"
)

// eventPFAdd is published for a merge as well, which adds the elements of other keys.
var eventPFAdd = engine.Event{Name: "pfadd", Class: engine.ClassString}

// The errors of HyperLogLogs.
const (
	errNotHLL     = Error("WRONGTYPE Key is not a valid HyperLogLog string value.")
	errCorruptHLL = Error("INVALIDOBJ Corrupted HLL object detected")
	errNotSparse  = Error("ERR HLL encoding is not sparse")
	errNoHLL      = Error("ERR The specified key does not exist")
)

// maxScratch is the most room that is kept for the next command: more than a
// sound HyperLogLog takes.
const maxScratch = 64 << 10

// hllError gives an error of the algorithm the text that clients know.
func hllError(err error) error {
	if errors.Is(err, hll.ErrCorrupt) {
		return errCorruptHLL
	}
	return err
}

// hyperLogLog returns the HyperLogLog at key to be read: nil if there is none.
func (c *Ctx) hyperLogLog(key []byte) ([]byte, error) {
	s, err := c.Tx.String(key)
	if err != nil {
		return nil, clientError(err)
	}
	if s != nil && !hll.Valid(s) {
		return nil, errNotHLL
	}
	return s, nil
}

// ownHyperLogLog returns the HyperLogLog at key to be changed in place: nil if
// there is none.
func (c *Ctx) ownHyperLogLog(key []byte) ([]byte, error) {
	s, err := c.hyperLogLog(key)
	if err != nil || s == nil {
		return nil, err
	}
	// PFCOUNT only reads by its row, and yet it writes the count it found: a
	// snapshot needs the value as it was.
	c.Tx.ReadOnly, c.Tx.Counting = false, false
	s, err = c.Tx.GrowString(key, 0)
	return s, clientError(err)
}

// copyHyperLogLog returns a copy of s, or a new HyperLogLog if s is nil, that
// may grow; storeHyperLogLog takes it back.
func (c *Ctx) copyHyperLogLog(s []byte) []byte {
	if s == nil {
		return hll.AppendNew(c.scratch[:0])
	}
	return append(c.scratch[:0], s...)
}

func (c *Ctx) storeHyperLogLog(key, b []byte) {
	c.Tx.SetStringAs(key, b, engine.KeepAll, value.Raw)
	if cap(b) <= maxScratch {
		c.scratch = b[:0]
	}
}

// pfadd changes a dense value where it is, and a sparse one, which may grow and
// become dense, in a copy.
func pfadd(c *Ctx) error {
	key := c.Argv[1]
	s, err := c.ownHyperLogLog(key)
	if err != nil {
		return err
	}
	b, inPlace := s, s != nil && hll.IsDense(s)
	if !inPlace {
		b = c.copyHyperLogLog(s)
	}
	changed, sparseMax := s == nil, c.Tx.Limits().HLLSparseBytes
	for _, element := range c.Argv[2:] {
		var raised bool
		if b, raised, err = hll.Add(b, element, sparseMax); err != nil {
			return hllError(err)
		}
		changed = changed || raised
	}
	if changed {
		hll.Invalidate(b)
		if !inPlace {
			c.storeHyperLogLog(key, b)
		}
		c.Tx.Modified(key, eventPFAdd)
	}
	c.replyYes(changed)
	return nil
}

// pfcount counts the elements of one key, and stores the count in it, or those of several keys together.
func pfcount(c *Ctx) error {
	if len(c.Argv) > 2 {
		return c.countUnion()
	}
	key := c.Argv[1]
	s, err := c.ownHyperLogLog(key)
	if err != nil {
		return err
	}
	if s == nil {
		c.Reply.Int(0)
		return nil
	}
	n, ok := hll.Cached(s)
	if !ok {
		if n, err = hll.Count(s); err != nil {
			return hllError(err)
		}
		hll.SetCached(s, n)
		c.Tx.Modified(key, engine.Event{}) // nothing that an event is published for
	}
	c.Reply.Int(n)
	return nil
}

func (c *Ctx) countUnion() error {
	var u hll.Union
	if err := c.mergeAll(&u, c.Argv[1:]); err != nil {
		return err
	}
	c.Reply.Int(u.Count())
	return nil
}

// mergeAll adds the HyperLogLogs at keys to u; a missing one is empty.
func (c *Ctx) mergeAll(u *hll.Union, keys [][]byte) error {
	for _, key := range keys {
		s, err := c.hyperLogLog(key)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		if err := u.Merge(s); err != nil {
			return hllError(err)
		}
	}
	return nil
}

// pfmerge merges HyperLogLogs into the first, which is one of the merged.
func pfmerge(c *Ctx) error {
	var u hll.Union
	if err := c.mergeAll(&u, c.Argv[1:]); err != nil {
		return err
	}
	dst := c.Argv[1]
	c.Tx.Counting = false // it was counted among the merged
	s, err := c.hyperLogLog(dst)
	if err != nil {
		return err
	}
	b, err := u.MergeInto(c.copyHyperLogLog(s), c.Tx.Limits().HLLSparseBytes)
	if err != nil {
		return hllError(err)
	}
	c.storeHyperLogLog(dst, b)
	c.Tx.Modified(dst, eventPFAdd)
	c.Reply.OK()
	return nil
}

// pfdebug shows the inside of a HyperLogLog. Two of its subcommands make it
// dense.
func pfdebug(c *Ctx) error {
	a, key := c.Args(1), c.Argv[2]
	s, err := c.ownHyperLogLog(key)
	if err != nil {
		return err
	}
	if s == nil {
		return errNoHLL
	}
	switch {
	case a.Is("GETREG"):
		if s, err = c.makeDense(key, s); err != nil {
			return err
		}
		c.Reply.Array(hll.Registers)
		return hll.EachRegister(s, func(_ int, rank byte) { c.Reply.Int(int64(rank)) })
	case a.Is("DECODE"):
		if hll.IsDense(s) {
			return errNotSparse
		}
		text, err := hll.Describe(nil, s)
		if err != nil {
			return hllError(err)
		}
		c.Reply.Bulk(text)
	case a.Is("ENCODING"):
		name := "sparse"
		if hll.IsDense(s) {
			name = "dense"
		}
		c.Reply.Status(name)
	case a.Is("TODENSE"):
		was := hll.IsDense(s)
		if _, err := c.makeDense(key, s); err != nil {
			return err
		}
		c.replyYes(!was)
	default:
		return Error("ERR Unknown PFDEBUG subcommand '" + cString(c.Argv[1]) + "'")
	}
	return nil
}

// makeDense makes the HyperLogLog s at key dense and returns it.
func (c *Ctx) makeDense(key, s []byte) ([]byte, error) {
	if hll.IsDense(s) {
		return s, nil
	}
	b, err := hll.ToDense(s)
	if err != nil {
		return nil, hllError(err)
	}
	c.Tx.SetStringAs(key, b, engine.KeepAll, value.Raw)
	c.Tx.Modified(key, engine.Event{})
	return b, nil
}

func pfselftest(c *Ctx) error {
	if err := hll.SelfTest(); err != nil {
		return Error("TESTFAILED " + err.Error())
	}
	c.Reply.OK()
	return nil
}
