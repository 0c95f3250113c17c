package commands

import (
	"bytes"
	"cmp"
	"slices"

	"cached/engine"
	"cached/engine/value"
)

var eventSortStore = engine.Event{Name: "sortstore", Class: engine.ClassList}

const errSortScores = Error("ERR One or more scores can't be converted into double")

func sortStoring(c *Ctx) error { return c.sort(true) }
func sortRO(c *Ctx) error      { return c.sort(false) }

// A sortCall is a call of SORT with its words read.
type sortCall struct {
	by            []byte   // pattern, or nil
	get           [][]byte // patterns
	store         []byte   // destination, or nil
	alpha, desc   bool
	unsorted      bool // BY a word that is no pattern
	offset, count int64
}

// A sortItem is an element and the weight it is compared by.
type sortItem struct {
	elem  []byte
	by    []byte // under ALPHA; nil: nothing
	score float64
}

func (q *sortCall) parse(c *Ctx, mayStore bool) error {
	q.count = -1
	a := c.Args(2)
	for a.More() {
		switch {
		case a.Is("ASC"):
			q.desc = false
		case a.Is("DESC"):
			q.desc = true
		case a.Is("ALPHA"):
			q.alpha = true
		case a.Left() > 2 && a.Is("LIMIT"):
			q.offset, q.count = a.Int(), a.Int()
		case mayStore && a.Left() > 1 && a.Is("STORE"):
			q.store = a.Next()
		case a.Left() > 1 && a.Is("BY"):
			q.by = a.Next()
			q.unsorted = bytes.IndexByte(q.by, '*') < 0
		case a.Left() > 1 && a.Is("GET"):
			q.get = append(q.get, a.Next())
		default:
			return ErrSyntax
		}
	}
	return a.Err()
}

// sort sorts the elements of a collection by themselves or by the values of keys whose names are made of them.
func (c *Ctx) sort(mayStore bool) error {
	var q sortCall
	if err := q.parse(c, mayStore); err != nil {
		return err
	}
	elems, isSet, err := c.sortElements(&q)
	if err != nil {
		return err
	}
	if q.unsorted && isSet && (q.store != nil || c.Script) {
		// A result that is stored, or that a script uses, must not depend on the order of a hash table.
		q.unsorted, q.alpha, q.by = false, true, nil
	}
	if !q.unsorted {
		if elems, err = c.sorted(&q, elems); err != nil {
			return err
		}
	}
	first := min(max(q.offset, 0), int64(len(elems)))
	end := int64(len(elems))
	if q.count >= 0 {
		end = first + min(q.count, end-first)
	}
	elems = elems[first:end]
	if q.store != nil {
		c.storeSorted(&q, elems)
		return nil
	}
	c.Reply.Array(len(elems) * max(len(q.get), 1))
	for _, e := range elems {
		if c.Reply.Full {
			break
		}
		if len(q.get) == 0 {
			c.Reply.Bulk(e)
		}
		for _, pattern := range q.get {
			if v := c.byPattern(pattern, e); v != nil {
				c.Reply.Bulk(v)
			} else {
				c.Reply.Null()
			}
		}
	}
	return nil
}

// sortBlock is how many bytes of elements are together in memory at most.
const sortBlock = 64 << 10

// sortElements returns the elements of the collection at the first key, in its own order; that of a sorted set is
// reversed with DESC if the elements are not sorted otherwise.
func (c *Ctx) sortElements(q *sortCall) (elems [][]byte, isSet bool, err error) {
	it, ok := c.Tx.Value(c.Argv[1])
	if !ok {
		return nil, false, nil
	}
	var block []byte // room for some elements
	add := func(e value.Elem) bool {
		if n := e.Len(); n > cap(block)-len(block) {
			block = make([]byte, 0, max(n, min(sortBlock, 16+2*cap(block))))
		}
		from := len(block)
		block = e.Append(block)
		elems = push(elems, block[from:len(block):len(block)])
		return true
	}
	switch value.TypeOf(it) {
	case value.List:
		value.EachList(it, add)
	case value.Set:
		value.EachSet(it, add)
		isSet = true
	case value.ZSet:
		value.EachZSet(it, func(m value.Elem, _ float64) bool { return add(m) })
	default:
		return nil, false, ErrWrongType
	}
	if q.unsorted && q.desc && !isSet {
		slices.Reverse(elems)
	}
	return elems, isSet, nil
}

// sorted puts elements in order.
func (c *Ctx) sorted(q *sortCall, elems [][]byte) ([][]byte, error) {
	items := make([]sortItem, len(elems))
	for i, e := range elems {
		by := e
		if q.by != nil {
			by = c.byPattern(q.by, e)
		}
		items[i] = sortItem{elem: e, by: by}
		if q.alpha || by == nil {
			continue
		}
		by = bytes.TrimLeft(by, " \t\n\v\f\r") // as strtod does
		f, ok := ParseFloat(by)
		if !ok && len(by) > 0 {
			return nil, errSortScores
		}
		items[i].score = f
	}
	slices.SortStableFunc(items, func(a, b sortItem) int {
		n := 0
		switch {
		case !q.alpha:
			if n = cmp.Compare(a.score, b.score); n == 0 {
				n = bytes.Compare(a.elem, b.elem)
			}
		case q.by != nil && (a.by == nil || b.by == nil):
			n = cmp.Compare(btoi(a.by != nil), btoi(b.by != nil))
		default:
			n = bytes.Compare(a.by, b.by)
		}
		if q.desc {
			return -n
		}
		return n
	})
	for i := range items {
		elems[i] = items[i].elem
	}
	return elems, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// byPattern returns the value of the key, or of the field of a hash, that a pattern names for an element:
// "weight:*", "object:*->weight", or "#" for the element itself. It returns nil if there is none.
func (c *Ctx) byPattern(pattern, elem []byte) []byte {
	if string(pattern) == "#" {
		return elem
	}
	star := bytes.IndexByte(pattern, '*')
	if star < 0 {
		return nil
	}
	var field []byte
	name := pattern
	if i := bytes.Index(pattern[star+1:], []byte("->")); i >= 0 && star+1+i+2 < len(pattern) {
		name, field = pattern[:star+1+i], pattern[star+1+i+2:]
	}
	key := slices.Concat(name[:star], elem, name[star+1:])
	it, ok := c.Tx.Value(key)
	if !ok {
		return nil
	}
	if field != nil {
		if value.TypeOf(it) != value.Hash {
			return nil
		}
		v, found := value.HashGet(it, field)
		if !found {
			return nil
		}
		return v.Append(make([]byte, 0, v.Len()))
	}
	if value.TypeOf(it) != value.String {
		return nil
	}
	return c.Tx.AppendText([]byte{}, engine.TextOf(it))
}

// storeSorted makes a list of the elements, or of the values that GET finds for them, and replies with its length.
func (c *Ctx) storeSorted(q *sortCall, elems [][]byte) {
	c.Tx.Rejoin()
	if len(elems) == 0 {
		if c.Tx.Delete(q.store) {
			c.Tx.Modified(q.store, engine.EventDel)
		}
		c.Reply.Int(0)
		return
	}
	out := elems
	if len(q.get) > 0 {
		out = make([][]byte, 0, len(elems)*len(q.get))
		for _, e := range elems {
			for _, pattern := range q.get {
				out = append(out, c.byPattern(pattern, e))
			}
		}
	}
	l := value.ListRef{Ref: c.Tx.Replace(q.store, value.List, value.Packed, value.NewListBytes), Limits: c.Tx.Limits()}
	l.Init()
	for i, e := range out {
		l.Room(len(e), 1)
		l.Push(e, true)
		if i%breatheAfter == breatheAfter-1 {
			l.Ref = c.Tx.Breathe(q.store, l.Ref)
		}
	}
	c.Tx.Modified(q.store, eventSortStore)
	c.Reply.Int(int64(len(out)))
}
