package commands

import (
	"math"
	"strconv"
	"strings"

	"cached/engine"
	"cached/engine/value"
)

// Events of streams.
var (
	eventXAdd  = engine.Event{Name: "xadd", Class: engine.ClassStream}
	eventXDel  = engine.Event{Name: "xdel", Class: engine.ClassStream}
	eventXTrim = engine.Event{Name: "xtrim", Class: engine.ClassStream}
)

// The errors of streams.
const (
	errStreamID    = Error("ERR Invalid stream ID specified as stream command argument")
	errIDSmall     = Error("ERR The ID specified in XADD is equal or smaller than the target stream top item")
	errIDZero      = Error("ERR The ID specified in XADD must be greater than 0-0")
	errIDsEnded    = Error("ERR The stream has exhausted the last possible ID, unable to add more items")
	errStartID     = Error("ERR invalid start ID for the interval")
	errEndID       = Error("ERR invalid end ID for the interval")
	errMaxLen      = Error("ERR The MAXLEN argument must be >= 0.")
	errTrimLimit   = Error("ERR The LIMIT argument must be >= 0.")
	errTrimBoth    = Error("ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
	errTrimNone    = Error("ERR syntax error, XTRIM must be called with a valid trimming strategy")
	errLimitNoTrim = Error("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
	errLimitExact  = Error("ERR syntax error, LIMIT cannot be used without the special ~ option")
)

// stream returns the stream at key; ok is false when there is none.
func (c *Ctx) stream(key []byte) (s value.StreamRef, ok bool, err error) {
	ref, err := c.Tx.Ref(key, value.Stream)
	if err != nil {
		return s, false, clientError(err)
	}
	return value.StreamRef{Ref: ref, Limits: c.Tx.Limits()}, !ref.IsZero(), nil
}

// parseUint reads a number as C's strtoull does, whole.
func parseUint(s string) (uint64, bool) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if negative {
		n = -n
	}
	return n, err == nil
}

// parseStreamID parses ms-seq, or ms alone, which has the given seq. anySeq reports the form ms-*.
func parseStreamID(b []byte, seq uint64) (id value.StreamID, anySeq, ok bool) {
	if len(b) > 127 {
		return id, false, false
	}
	ms, rest, split := strings.Cut(cString(b), "-")
	if id.MS, ok = parseUint(ms); !ok {
		return id, false, false
	}
	switch {
	case !split:
		id.Seq = seq
	case rest == "*":
		return id, true, true
	default:
		// A number that is not canonical may have a sign, but a plain negative number is invalid.
		if n, isInt := value.ParseInt([]byte(rest)); isInt && n < 0 {
			return id, false, false
		}
		id.Seq, ok = parseUint(rest)
	}
	return id, false, ok
}

// streamID parses a complete ID; without a seq that is 0.
func streamID(b []byte) (value.StreamID, error) {
	id, anySeq, ok := parseStreamID(b, 0)
	if !ok || anySeq {
		return id, errStreamID
	}
	return id, nil
}

// streamEdge reads an ID, or "-" or "+" for the first and the last that can be.
func streamEdge(b []byte) (value.StreamID, error) {
	switch string(b) {
	case "-":
		return value.StreamID{}, nil
	case "+":
		return value.MaxStreamID, nil
	}
	return streamID(b)
}

// streamBound reads one end of an interval: an ID, "-", "+" or "(" and an ID
// that is not in it.
func streamBound(b []byte, end bool) (value.StreamID, error) {
	seq := uint64(0)
	if end {
		seq = math.MaxUint64
	}
	open := len(b) > 1 && b[0] == '('
	switch {
	case open:
		b = b[1:]
	case string(b) == "-":
		return value.StreamID{}, nil
	case string(b) == "+":
		return value.MaxStreamID, nil
	}
	id, anySeq, ok := parseStreamID(b, seq)
	switch {
	case !ok || anySeq:
		return id, errStreamID
	case open && end:
		if id, ok = id.Prev(); !ok {
			return id, errEndID
		}
	case open:
		if id, ok = id.Next(); !ok {
			return id, errStartID
		}
	}
	return id, nil
}

func streamIDText(id value.StreamID) []byte {
	b := strconv.AppendUint(make([]byte, 0, 41), id.MS, 10)
	return strconv.AppendUint(append(b, '-'), id.Seq, 10)
}

func (c *Ctx) replyStreamID(id value.StreamID) {
	var buf [41]byte
	b := append(strconv.AppendUint(buf[:0], id.MS, 10), '-')
	c.Reply.Bulk(strconv.AppendUint(b, id.Seq, 10))
}

// An xaddCall holds the arguments of XADD or XTRIM.
type xaddCall struct {
	trims, noMake bool
	trim          value.StreamTrim
	auto, anySeq  bool
	id            value.StreamID
	fields        int // where they begin
}

func (c *Ctx) parseXAdd(add bool) (q xaddCall, err error) {
	limited, limit, i := false, int64(0), 2
options:
	for ; i < len(c.Argv); i++ {
		w, more := c.Argv[i], len(c.Argv)-1-i
		isLen := equalFold(w, "MAXLEN")
		switch {
		case add && string(w) == "*":
			q.auto = true
			break options
		case more > 0 && (isLen || equalFold(w, "MINID")):
			if q.trims {
				return q, errTrimBoth
			}
			if more > 1 && string(c.Argv[i+1]) == "~" {
				q.trim.Approx = true
				i++
			} else if more > 1 && string(c.Argv[i+1]) == "=" {
				i++
			}
			i++
			q.trims = true
			if isLen {
				n, ok := value.ParseInt(c.Argv[i])
				if !ok {
					return q, ErrNotInt
				}
				if n < 0 {
					return q, errMaxLen
				}
				q.trim.MaxLen = uint64(n)
			} else if q.trim.MinID, err = streamID(c.Argv[i]); err != nil {
				return q, err
			} else {
				q.trim.ByID = true
			}
		case more > 0 && equalFold(w, "LIMIT"):
			i++
			n, ok := value.ParseInt(c.Argv[i])
			if !ok {
				return q, ErrNotInt
			}
			if n < 0 {
				return q, errTrimLimit
			}
			limited, limit = true, n
		case add && equalFold(w, "NOMKSTREAM"):
			q.noMake = true
		case add:
			ok := false
			if q.id, q.anySeq, ok = parseStreamID(w, 0); !ok {
				return q, errStreamID
			}
			break options
		default:
			return q, ErrSyntax
		}
	}
	q.fields = i + 1
	switch {
	case limit > 0 && !q.trims:
		return q, errLimitNoTrim
	case !add && !q.trims:
		return q, errTrimNone
	case limited && !q.trim.Approx:
		return q, errLimitExact
	case limited:
		q.trim.Limit = uint64(limit)
	case q.trim.Approx:
		if n := 100 * c.Tx.Limits().StreamNodeItems; n > 0 {
			q.trim.Limit = uint64(min(n, 1_000_000))
		} else {
			q.trim.Limit = 10_000
		}
	}
	return q, nil
}

// nextID is the ID of a new entry behind last.
func (q *xaddCall) nextID(last value.StreamID, nowMS int64) (id value.StreamID, err error) {
	ok := true
	switch {
	case last == value.MaxStreamID:
		return id, errIDsEnded
	case q.auto:
		if id.MS = uint64(nowMS); id.MS <= last.MS {
			id, _ = last.Next()
		}
	case q.anySeq:
		if id.MS = q.id.MS; id.MS == last.MS {
			id, ok = last.Next()
			ok = ok && id.MS == last.MS
		}
	default:
		id = q.id
	}
	if !ok || id.Compare(last) <= 0 {
		return id, errIDSmall
	}
	return id, nil
}

func xadd(c *Ctx) error {
	q, err := c.parseXAdd(true)
	if err != nil {
		return err
	}
	fields := c.Argv[min(q.fields, len(c.Argv)):]
	if len(fields) < 2 || len(fields)%2 == 1 {
		return WrongArity(c.Spec.FullName())
	}
	if !q.auto && !q.anySeq && q.id.IsZero() {
		return errIDZero
	}
	key := c.Argv[1]
	s, ok, err := c.stream(key)
	if err != nil {
		return err
	}
	if !ok && q.noMake {
		c.Reply.Null()
		return nil
	}
	last := value.StreamID{}
	if ok {
		last = s.State().Last
	}
	id, err := q.nextID(last, c.NowMS)
	if err != nil {
		return err
	}
	if !ok {
		s.Ref = c.Tx.Create(key, value.Stream, value.StreamTree, value.NewStreamBytes)
		s.Init()
	}
	s.Append(id, fields)
	c.Tx.Modified(key, eventXAdd)
	if q.trims && s.Trim(q.trim) > 0 {
		c.Tx.Modified(key, eventXTrim)
	}
	if c.Tx.Journaled() && (q.auto || q.anySeq || q.trim.Approx) {
		args := [][]byte{key}
		if q.trims {
			args = append(args, trimWords(s, q.trim)...)
		}
		c.Propagate("XADD", append(append(args, streamIDText(id)), fields...)...)
	}
	c.replyStreamID(id)
	return nil
}

// trimWords are the options of an exact trim that keeps the entries that t kept.
func trimWords(s value.StreamRef, t value.StreamTrim) [][]byte {
	if t.ByID {
		if t.Approx {
			t.MinID = s.End(false)
		}
		return [][]byte{[]byte("MINID"), []byte("="), streamIDText(t.MinID)}
	}
	if t.Approx {
		t.MaxLen = uint64(s.Len())
	}
	return [][]byte{[]byte("MAXLEN"), []byte("="), strconv.AppendUint(nil, t.MaxLen, 10)}
}

func xtrim(c *Ctx) error {
	q, err := c.parseXAdd(false)
	if err != nil {
		return err
	}
	key := c.Argv[1]
	s, ok, err := c.stream(key)
	if err != nil {
		return err
	}
	n := uint64(0)
	if ok {
		n = s.Trim(q.trim)
	}
	if n > 0 {
		c.Tx.Modified(key, eventXTrim)
		if q.trim.Approx {
			c.Propagate("XTRIM", append([][]byte{key}, trimWords(s, q.trim)...)...)
		}
	}
	c.Reply.Int(int64(n))
	return nil
}

func xlen(c *Ctx) error {
	s, ok, err := c.stream(c.Argv[1])
	if err != nil {
		return err
	}
	n := 0
	if ok {
		n = s.Len()
	}
	c.Reply.Int(int64(n))
	return nil
}

func xdel(c *Ctx) error {
	key := c.Argv[1]
	s, ok, err := c.stream(key)
	if err != nil {
		return err
	}
	if !ok {
		c.Reply.Int(0)
		return nil
	}
	for _, b := range c.Argv[2:] { // all of them, before any is applied
		if _, err := streamID(b); err != nil {
			return err
		}
	}
	n := int64(0)
	for _, b := range c.Argv[2:] {
		if id, _ := streamID(b); s.Delete(id) {
			n++
		}
	}
	if n > 0 {
		c.Tx.Modified(key, eventXDel)
	}
	c.Reply.Int(n)
	return nil
}

func xrange(c *Ctx) error    { return c.xrange(2, 3, false) }
func xrevrange(c *Ctx) error { return c.xrange(3, 2, true) }

func (c *Ctx) xrange(start, end int, rev bool) error {
	from, err := streamBound(c.Argv[start], false)
	if err != nil {
		return err
	}
	to, err := streamBound(c.Argv[end], true)
	if err != nil {
		return err
	}
	count := int64(-1)
	for a := c.Args(4); a.More(); {
		if a.Left() < 2 || !a.Is("COUNT") {
			return ErrSyntax
		}
		n, ok := value.ParseInt(a.Next())
		if !ok {
			return ErrNotInt
		}
		count = max(n, 0)
	}
	s, ok, err := c.stream(c.Argv[1])
	switch {
	case err != nil:
		return err
	case !ok:
		c.Reply.Array(0)
	case count == 0:
		c.Reply.NullArray()
	default:
		c.replyStreamRange(s, from, to, rev, count)
	}
	return nil
}

// replyStreamRange replies entries, at most count unless it is negative. It walks
// twice, since their number comes first.
func (c *Ctx) replyStreamRange(s value.StreamRef, from, to value.StreamID, rev bool, count int64) {
	n := int64(0)
	s.Range(from, to, rev, func(value.StreamEntry) bool { n++; return n != count })
	c.Reply.Array(int(n))
	if n == 0 {
		return
	}
	s.Range(from, to, rev, func(e value.StreamEntry) bool {
		c.replyStreamEntry(e)
		n--
		return n > 0 && !c.Reply.Full
	})
}
