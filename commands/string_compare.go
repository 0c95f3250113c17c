package commands

import (
	"strconv"

	"github.com/zeebo/xxh3"

	"cached/engine"
	"cached/engine/value"
)

// What compares a string with a value, or with a digest of one, before it does something:
// SET with IFEQ and its kin, DELEX, DELIFEQ, DIGEST; and MSETEX, which sets several.

const (
	errDigest         = Error("ERR must be exactly 16 hexadecimal characters")
	errDelexCondition = Error("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE")
	errDelexType      = Error("ERR Key should be of string type if conditions are specified")
	errMSetExKeys     = Error("ERR invalid numkeys value or out of range")
)

// digestChars is how many characters a digest has.
const digestChars = 16

// A condition is what the string at a key has to be equal to, or must not be. The zero
// condition is none.
type condition struct {
	word   string // IFEQ, IFNE, IFDEQ, IFDNE, or "" for none
	wanted []byte // the value, or its digest
}

func (q *condition) given() bool { return q.word != "" }

// take takes a condition, if the next word begins one and there is none yet.
func (q *condition) take(a *Args) bool {
	if q.given() {
		return false
	}
	for _, w := range [...]string{"IFEQ", "IFNE", "IFDEQ", "IFDNE"} {
		if a.Is(w) {
			q.word, q.wanted = w, a.Next()
			return a.Err() == nil
		}
	}
	return false
}

// met reports whether the string at a key, nil for none, is as the condition says. What
// is not there is not equal to anything.
func (q *condition) met(c *Ctx, s engine.Text) (bool, error) {
	same := false
	switch q.word {
	case "":
		return true, nil
	case "IFDEQ", "IFDNE":
		if len(q.wanted) != digestChars {
			return false, errDigest
		}
		if !s.IsNil() {
			same = equalFoldBytes(appendDigest(nil, c.text(s)), q.wanted)
		}
	default:
		same = !s.IsNil() && string(c.text(s)) == string(q.wanted)
	}
	return same == (q.word == "IFEQ" || q.word == "IFDEQ"), nil
}

// text returns the bytes of a string, which are good until the next that is asked for.
func (c *Ctx) text(s engine.Text) []byte {
	if b, ok := s.Stored(); ok {
		return b
	}
	c.scratch = c.Tx.AppendText(c.scratch[:0], s)
	return c.scratch
}

// appendDigest appends the digest of a string as clients know it: XXH3 of 64 bits in
// hexadecimal.
func appendDigest(b, s []byte) []byte {
	h := strconv.FormatUint(xxh3.Hash(s), 16)
	for n := len(h); n < digestChars; n++ {
		b = append(b, '0')
	}
	return append(b, h...)
}

// equalFoldBytes compares ASCII words in any case of letters; lower is in small ones.
func equalFoldBytes(lower, b []byte) bool {
	if len(lower) != len(b) {
		return false
	}
	for i, x := range b {
		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}
		if x != lower[i] {
			return false
		}
	}
	return true
}

// propagateSet logs that a string was set without a deadline of its own.
func (c *Ctx) propagateSet(key, v []byte, keepTTL bool) {
	if keepTTL {
		c.Propagate("SET", key, v, []byte("KEEPTTL"))
	} else {
		c.Propagate("SET", key, v)
	}
}

func stringDigest(c *Ctx) error {
	s, err := c.Tx.Text(c.Argv[1])
	if err != nil || s.IsNil() {
		return c.NullOr(err)
	}
	var buf [digestChars]byte
	c.Reply.Bulk(appendDigest(buf[:0], c.text(s)))
	return nil
}

// delex removes a key, with a condition only if the string there is as that says. A key
// that is not there outranks a condition that makes no sense.
func delex(c *Ctx) error {
	key := c.Argv[1]
	switch len(c.Argv) {
	case 2:
		c.deleteKey(key)
		return nil
	case 4:
	default:
		return WrongArity("delex")
	}
	s, err := c.Tx.Text(key)
	if err != nil {
		return errDelexType
	}
	if s.IsNil() {
		c.Reply.Int(0)
		return nil
	}
	var cond condition
	if a := c.Args(2); !cond.take(&a) {
		return errDelexCondition
	}
	met, err := cond.met(c, s)
	if err != nil {
		return err
	}
	if !met {
		c.Reply.Int(0)
		return nil
	}
	c.deleteKey(key)
	return nil
}

func delifeq(c *Ctx) error {
	s, err := c.Tx.Text(c.Argv[1])
	if err != nil {
		return clientError(err)
	}
	cond := condition{word: "IFEQ", wanted: c.Argv[2]}
	if met, _ := cond.met(c, s); !met {
		c.Reply.Int(0)
		return nil
	}
	c.deleteKey(c.Argv[1])
	return nil
}

// deleteKey removes a key and replies how many keys that were; DEL is logged, since the
// condition was met here.
func (c *Ctx) deleteKey(key []byte) {
	if !c.Tx.Delete(key) {
		c.Reply.Int(0)
		return
	}
	c.Tx.Modified(key, engine.EventDel)
	c.Propagate("DEL", key)
	c.Reply.Int(1)
}

// msetex sets several strings with one deadline, if all or none of them are there, where
// that is asked for. Its effects name the moment.
func msetex(c *Ctx) error {
	n, ok := value.ParseInt(c.Argv[1])
	if !ok || n < 1 || n > maxMSetExKeys {
		return errMSetExKeys
	}
	if int64(len(c.Argv)-2)/2 < n {
		return ErrSyntax
	}
	pairs := c.Argv[2 : 2+2*n]
	var exp expiry
	var nx, xx bool
	for a := c.Args(2 + 2*int(n)); a.More(); {
		switch {
		case !xx && a.Is("NX"):
			nx = true
		case !nx && a.Is("XX"):
			xx = true
		case !exp.take(&a, "EX", "PX", "EXAT", "PXAT", "KEEPTTL"):
			return ErrSyntax
		}
	}
	at, err := exp.deadline(c)
	if err != nil {
		return err
	}
	if nx || xx {
		for i := 0; i < len(pairs); i += 2 {
			if c.Tx.Touch(pairs[i]) == nx {
				c.Reply.Int(0)
				return nil
			}
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		c.setAt(pairs[i], pairs[i+1], at, exp.unit != "" && exp.unit != "KEEPTTL")
		if exp.unit == "" || exp.unit == "KEEPTTL" {
			c.propagateSet(pairs[i], pairs[i+1], exp.unit == "KEEPTTL")
		}
	}
	c.Reply.Int(1)
	return nil
}

// maxMSetExKeys is the largest number of keys that MSETEX reads.
const maxMSetExKeys = 1<<31 - 1
