package commands

import (
	"cached/engine/value"
	"cached/internal/hll"
)

// How many members an intersection, a union or a difference has.

// cardLimit takes the LIMIT of SINTERCARD and its kin; 0 is none.
func (a *Args) cardLimit() int64 {
	limit := int64(0)
	for a.More() {
		if !a.limit(&limit) {
			a.Fail(ErrSyntax)
		}
	}
	return limit
}

// limit takes "LIMIT n", if the next word begins it.
func (a *Args) limit(limit *int64) bool {
	if a.Left() < 2 || !a.Is("LIMIT") {
		return false
	}
	n, ok := value.ParseInt(a.Next())
	if !ok || n < 0 {
		a.Fail(errLimitBelow0)
	}
	*limit = n
	return true
}

// countMembers replies how many members walk visits, LIMIT at most. none reports whether a set of the keys is missing.
func (c *Ctx) countMembers(walk func(sets []value.SetRef, none bool, visit func(value.Elem) bool)) error {
	a := c.Args(1)
	keys := a.countedKeys()
	limit := a.cardLimit()
	if err := a.End(); err != nil {
		return err
	}
	sets, none, err := c.sets(keys)
	if err != nil {
		return err
	}
	n := int64(0)
	walk(sets, none, func(value.Elem) bool { n++; return limit == 0 || n < limit })
	c.Reply.Int(n)
	return nil
}

func sintercard(c *Ctx) error {
	return c.countMembers(func(sets []value.SetRef, none bool, visit func(value.Elem) bool) {
		if !none {
			inter(sets, visit)
		}
	})
}

func sdiffcard(c *Ctx) error {
	return c.countMembers(func(sets []value.SetRef, _ bool, visit func(value.Elem) bool) { diff(sets, visit) })
}

// sunioncard counts the union: exactly, for which each member is looked up in the sets
// before its own, or with APPROX as a HyperLogLog does, which looks nothing up.
func sunioncard(c *Ctx) error {
	a := c.Args(1)
	keys := a.countedKeys()
	limit, approx := int64(0), false
	for a.More() {
		switch {
		case !approx && a.Is("APPROX"):
			approx = true
		case !a.limit(&limit):
			return ErrSyntax
		}
	}
	if err := a.End(); err != nil {
		return err
	}
	sets, _, err := c.sets(keys)
	if err != nil {
		return err
	}
	n := int64(0)
	if approx {
		if n, err = c.estimateUnion(sets); err != nil {
			return err
		}
		if limit > 0 {
			n = min(n, limit)
		}
	} else {
		union(sets, func(value.Elem) bool { n++; return limit == 0 || n < limit })
	}
	c.Reply.Int(n)
	return nil
}

// estimateUnion is about how many members are in any of the sets.
func (c *Ctx) estimateUnion(sets []value.SetRef) (n int64, err error) {
	counter, err := hll.ToDense(hll.AppendNew(nil))
	if err != nil {
		return 0, err
	}
	var buf [20]byte
	for _, s := range sets {
		if s.IsZero() {
			continue
		}
		s.Each(func(e value.Elem) bool {
			counter, _, err = hll.Add(counter, e.Bytes(buf[:]), 0)
			return err == nil
		})
		if err != nil {
			return 0, err
		}
	}
	count, err := hll.Count(counter)
	return int64(count), err
}
