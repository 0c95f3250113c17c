package commands

import (
	"math"

	"cached/engine/value"
)

// Deadlines of fields: HEXPIRE and the other commands that set or read them, HGETEX, HSETEX, HGETDEL.

// The errors of fields' deadlines.
const (
	errFieldsMissing  = Error("ERR Mandatory argument FIELDS is missing or not at the right position")
	errNumFields      = Error("ERR Number of fields must be a positive integer")
	errNumFieldsSet   = Error("ERR invalid number of fields")                       // HSETEX's
	errNumFieldsTimed = Error("ERR Parameter `numFields` should be greater than 0") // HEXPIRE's
	errNumMismatch    = Error("ERR The `numfields` parameter must match the number of arguments")
	errFieldTime      = Error("ERR invalid expire time, must be >= 0")
	errOneExpiry      = Error("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified")
	errOneCondition   = Error("ERR Only one of FXX or FNX arguments can be specified")
)

// maxFieldTime is the latest deadline of a field, in Unix milliseconds: 46 bits,
// as in Redis.
const maxFieldTime = 1<<46 - 1

// fieldParts are the names about a hash's fields.
var fieldParts = partKind{
	keyword: "FIELDS", expireAt: "HPEXPIREAT", persist: "HPERSIST", remove: "HDEL",
	expires: eventHExpire, persists: eventHPersist, removes: eventHDel,
	missing: errFieldsMissing, mismatch: errNumMismatch, badNumber: errNumFields, badNumberOfDeadline: errNumFieldsTimed,
}

// counted reads a number and that many groups of width words, which must be the last words.
func (a *Args) counted(width int, badNumber, mismatch error) [][]byte {
	n, ok := value.ParseInt(a.Next())
	switch {
	case a.err != nil:
	case !ok || n < 1 || n > math.MaxInt32:
		a.Fail(badNumber)
	case int(n)*width != a.Left():
		a.Fail(mismatch)
	default:
		words := a.argv[a.i:]
		a.i = len(a.argv)
		return words
	}
	return nil
}

// fieldTime converts a number in units, relative to now or to the epoch, to a deadline. It is never 0, which means
// no deadline.
func (c *Ctx) fieldTime(number []byte, unitMS int64, relative bool) (int64, error) {
	n, ok := value.ParseInt(number)
	if !ok {
		return 0, ErrNotInt
	}
	if n < 0 {
		return 0, errFieldTime
	}
	at, ok := absolute(n, unitMS, relative, c.NowMS)
	if !ok || at > maxFieldTime {
		return 0, invalidExpire(c.Spec.FullName())
	}
	return max(at, 1), nil
}

// A deadlineCondition is NX, XX, GT or LT, about the deadline that a field has; "" is none.
type deadlineCondition string

// deadlineCondition takes a condition, if there is one.
func (a *Args) deadlineCondition() deadlineCondition {
	for _, w := range [...]string{"NX", "XX", "GT", "LT"} {
		if a.Is(w) {
			return deadlineCondition(w)
		}
	}
	return ""
}

// refuses reports whether a field with the deadline old, 0 for none, which counts as
// endless, does not get the deadline at.
func (q deadlineCondition) refuses(old, at int64) bool {
	switch q {
	case "NX":
		return old != 0
	case "XX":
		return old == 0
	case "GT":
		return old == 0 || at <= old
	case "LT":
		return old != 0 && at >= old
	}
	return false
}

func hexpire(c *Ctx) error    { return expireParts(c, &fieldParts, c.hash, 1000, true) }
func hpexpire(c *Ctx) error   { return expireParts(c, &fieldParts, c.hash, 1, true) }
func hexpireat(c *Ctx) error  { return expireParts(c, &fieldParts, c.hash, 1000, false) }
func hpexpireat(c *Ctx) error { return expireParts(c, &fieldParts, c.hash, 1, false) }

func httl(c *Ctx) error         { return partTimes(c, &fieldParts, c.hash, 1000, true) }
func hpttl(c *Ctx) error        { return partTimes(c, &fieldParts, c.hash, 1, true) }
func hexpiretime(c *Ctx) error  { return partTimes(c, &fieldParts, c.hash, 1000, false) }
func hpexpiretime(c *Ctx) error { return partTimes(c, &fieldParts, c.hash, 1, false) }

func hpersist(c *Ctx) error { return persistParts(c, &fieldParts, c.hash) }

// fieldDeadline is the deadline of an option; 0 when it names none.
func (c *Ctx) fieldDeadline(e expiry) (int64, error) {
	switch e.unit {
	case "EX":
		return c.fieldTime(e.arg, 1000, true)
	case "PX":
		return c.fieldTime(e.arg, 1, true)
	case "EXAT":
		return c.fieldTime(e.arg, 1000, false)
	case "PXAT":
		return c.fieldTime(e.arg, 1, false)
	}
	return 0, nil
}

func hgetex(c *Ctx) error {
	a := c.Args(2)
	var exp expiry
	exp.take(&a, "EX", "PX", "EXAT", "PXAT", "PERSIST") // one at most: FIELDS must follow
	at, err := c.fieldDeadline(exp)
	if err != nil {
		return err
	}
	fields := a.parts(&fieldParts, errNumFields)
	if err := a.End(); err != nil {
		return err
	}
	key := c.Argv[1]
	h, there, err := c.hash(key)
	if err != nil {
		return err
	}
	c.Reply.Array(len(fields))
	c.replyFields(h, there, fields)
	if !there || exp.unit == "" {
		return nil
	}
	var set, deleted [][]byte
	for _, f := range fields {
		old, found := h.Deadline(f)
		switch {
		case !found:
		case exp.unit == "PERSIST":
			if old != 0 {
				h.SetDeadline(f, 0)
				set = append(set, f)
			}
		case c.passed(at):
			h.Remove(f)
			deleted = append(deleted, f)
		default:
			h.SetDeadline(f, at)
			set = append(set, f)
		}
	}
	partsChanged(c, &fieldParts, key, h, set, at, deleted)
	return nil
}

// hsetexOptions are the words of HSETEX before its fields.
type hsetexOptions struct {
	fnx, fxx bool
	exp      expiry
	at       int64 // the deadline; 0 when there is none
}

// hsetexArgs reads the options of HSETEX, in any order and a time as soon as it
// comes, and then fields and values.
func (c *Ctx) hsetexArgs() (o hsetexOptions, words [][]byte, err error) {
	a := c.Args(2)
	for !a.Is("FIELDS") {
		var e expiry
		switch fnx := a.Is("FNX"); {
		case fnx || a.Is("FXX"):
			if o.fnx || o.fxx {
				return o, nil, errOneCondition
			}
			o.fnx, o.fxx = fnx, !fnx
		case e.take(&a, "EX", "PX", "EXAT", "PXAT", "KEEPTTL"):
			if o.exp.unit != "" {
				return o, nil, errOneExpiry
			}
			o.exp = e
			if o.at, err = c.fieldDeadline(e); err != nil {
				return o, nil, err
			}
		case a.Err() != nil:
			return o, nil, a.Err()
		case !a.More():
			return o, nil, errFieldsMissing
		default:
			return o, nil, Error("ERR unknown argument: " + string(a.Next()))
		}
	}
	words = a.counted(2, errNumFieldsSet, WrongArity(c.Spec.FullName()))
	return o, words, a.End()
}

func hsetex(c *Ctx) error {
	o, words, err := c.hsetexArgs()
	if err != nil {
		return err
	}
	key := c.Argv[1]
	h, there, err := c.hash(key)
	if err != nil {
		return err
	}
	for i := 0; (o.fnx || o.fxx) && i < len(words); i += 2 {
		found := false
		if there {
			_, found = h.Get(words[i])
		}
		if found == o.fnx {
			c.Reply.Int(0)
			return nil
		}
	}
	if !there {
		if h, err = c.makeHash(key); err != nil {
			return err
		}
	}
	var set, deleted [][]byte
	pairs := [][]byte{key}
	for i := 0; i < len(words); i += 2 {
		f := words[i]
		if o.at != 0 && c.passed(o.at) {
			if h.Remove(f) {
				deleted = append(deleted, f)
			}
			continue
		}
		h.Set(f, words[i+1], o.exp.unit == "KEEPTTL")
		pairs = append(pairs, f, words[i+1])
		if o.at != 0 {
			h.SetDeadline(f, o.at)
			set = append(set, f)
		}
	}
	if len(pairs) > 1 {
		c.Tx.Modified(key, eventHSet)
		if o.exp.unit != "KEEPTTL" {
			c.Propagate("HSET", pairs...)
		}
	}
	partsChanged(c, &fieldParts, key, h, set, o.at, deleted)
	if h.Ref = c.mustHash(key); !h.IsZero() && h.Len() == 0 {
		c.Tx.Delete(key) // made for fields that expire at once
		c.Tx.PropagateNothing()
	}
	c.Reply.Int(1)
	return nil
}

// mustHash returns the hash at key, or the zero Ref.
func (c *Ctx) mustHash(key []byte) value.Ref {
	r, _ := c.Tx.Ref(key, value.Hash)
	return r
}

func hgetdel(c *Ctx) error {
	a := c.Args(2)
	fields := a.parts(&fieldParts, errNumFields)
	if err := a.End(); err != nil {
		return err
	}
	key := c.Argv[1]
	h, there, err := c.hash(key)
	if err != nil {
		return err
	}
	c.Reply.Array(len(fields))
	var deleted [][]byte
	for _, f := range fields {
		v, found := value.Elem{}, false
		if there {
			v, found = h.Get(f)
		}
		if !found {
			c.Reply.Null()
			continue
		}
		c.replyElem(v) // before the field is removed
		h.Remove(f)
		deleted = append(deleted, f)
	}
	partsChanged(c, &fieldParts, key, h, nil, 0, deleted)
	return nil
}
