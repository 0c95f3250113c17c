package commands

import (
	"encoding/binary"
	"math"
	"math/bits"

	"cached/engine"
	"cached/engine/value"
)

// The errors of BITFIELD.
const (
	errBitFieldType  = Error("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.")
	errBitOverflow   = Error("ERR Invalid OVERFLOW type specified")
	errBitFieldWrite = Error("ERR BITFIELD_RO only supports the GET subcommand")
)

// An intType is a kind of integer that a bit field holds: i1 to i64, u1 to u63.
type intType struct {
	signed bool
	width  uint // bits
}

// An overflowMode decides the result for a number that its field cannot hold.
type overflowMode uint8

const (
	overflowWrap overflowMode = iota // lose the high bits
	overflowSat                      // stay at the nearest number that fits
	overflowFail                     // leave the field alone and reply null
)

// A bitFieldOp is one of the operations of a BITFIELD.
type bitFieldOp struct {
	kind bitAction
	mode overflowMode
	typ  intType
	off  int64 // of the field's first bit
	arg  int64 // what to set or add
}

type bitAction uint8

const (
	bitGet bitAction = iota
	bitSet
	bitIncr
)

// maxFieldStack is how many operations are kept without allocating.
const maxFieldStack = 8

func bitfield(c *Ctx) error {
	var few [maxFieldStack]bitFieldOp
	ops, end, err := c.fieldOps(few[:0])
	if err != nil {
		return err
	}
	if end == 0 {
		c.Tx.Counting = true // it only reads this time
		return c.getFields(ops)
	}
	return c.changeFields(ops, end)
}

func bitfieldRO(c *Ctx) error {
	var few [maxFieldStack]bitFieldOp
	ops, end, err := c.fieldOps(few[:0])
	if err != nil {
		return err
	}
	if end > 0 {
		return errBitFieldWrite
	}
	return c.getFields(ops)
}

// fieldOps reads the operations, and how many bytes the string must have for
// those that write: 0 if none does.
func (c *Ctx) fieldOps(ops []bitFieldOp) (_ []bitFieldOp, end int64, err error) {
	mode := overflowWrap
	for a := c.Args(2); a.More(); {
		op := bitFieldOp{mode: mode}
		switch {
		case a.Left() >= 3 && a.Is("GET"):
		case a.Left() >= 4 && a.Is("SET"):
			op.kind = bitSet
		case a.Left() >= 4 && a.Is("INCRBY"):
			op.kind = bitIncr
		case a.Left() >= 2 && a.Is("OVERFLOW"):
			if mode, err = overflowOf(&a); err != nil {
				return nil, 0, err
			}
			continue
		default:
			return nil, 0, ErrSyntax
		}
		if op.typ, err = parseIntType(a.Next()); err != nil {
			return nil, 0, err
		}
		if op.off, err = c.fieldOffset(a.Next(), op.typ); err != nil {
			return nil, 0, err
		}
		if op.kind != bitGet {
			if op.arg = a.Int(); a.Err() != nil {
				return nil, 0, a.Err()
			}
			end = max(end, (op.off+int64(op.typ.width)-1)>>3+1)
		}
		ops = append(ops, op)
	}
	return ops, end, nil
}

func overflowOf(a *Args) (overflowMode, error) {
	switch {
	case a.Is("WRAP"):
		return overflowWrap, nil
	case a.Is("SAT"):
		return overflowSat, nil
	case a.Is("FAIL"):
		return overflowFail, nil
	}
	return 0, errBitOverflow
}

func parseIntType(b []byte) (intType, error) {
	if len(b) == 0 || b[0] != 'i' && b[0] != 'u' {
		return intType{}, errBitFieldType
	}
	t := intType{signed: b[0] == 'i'}
	n, ok := value.ParseInt(b[1:])
	if !ok || n < 1 || n > 64 || n == 64 && !t.signed {
		return intType{}, errBitFieldType
	}
	t.width = uint(n)
	return t, nil
}

// fieldOffset reads the position of a field: in bits or, behind a #, in fields
// of its width.
func (c *Ctx) fieldOffset(b []byte, t intType) (int64, error) {
	if len(b) == 0 || b[0] != '#' {
		return c.bitOffset(b)
	}
	n, ok := value.ParseInt(b[1:])
	if !ok || n < 0 || n > math.MaxInt64/int64(t.width) {
		return 0, errBitOffset
	}
	if n *= int64(t.width); n>>3 >= int64(c.Env.MaxBulk()) {
		return 0, errBitOffset
	}
	return n, nil
}

// getFields replies to operations none of which writes: no key is made.
func (c *Ctx) getFields(ops []bitFieldOp) error {
	s, err := c.Tx.String(c.Argv[1])
	if err != nil {
		return clientError(err)
	}
	c.Reply.Array(len(ops))
	for _, op := range ops {
		c.Reply.Int(op.typ.get(s, op.off))
	}
	return nil
}

// changeFields makes the string end bytes long and does the operations in order.
func (c *Ctx) changeFields(ops []bitFieldOp, end int64) error {
	key := c.Argv[1]
	s, err := c.Tx.String(key)
	if err != nil {
		return clientError(err)
	}
	grows := end > int64(len(s))
	if s, err = c.Tx.GrowString(key, max(len(s), int(end))); err != nil {
		return clientError(err)
	}
	c.Reply.Array(len(ops))
	changed := false
	for _, op := range ops {
		old := op.typ.get(s, op.off)
		if op.kind == bitGet {
			c.Reply.Int(old)
			continue
		}
		// SET checks its number like the other operations: by adding nothing to it.
		from, by := old, op.arg
		if op.kind == bitSet {
			from, by = op.arg, 0
		}
		n, fits := op.typ.add(from, by, op.mode)
		if !fits && op.mode == overflowFail {
			c.Reply.Null()
			continue
		}
		op.typ.set(s, op.off, n)
		changed = changed || grows || n != old
		if op.kind == bitSet {
			n = old
		}
		c.Reply.Int(n)
	}
	switch {
	case changed:
		c.Tx.Modified(key, engine.EventSetBit)
	case grows:
		// Every write failed, and Redis notifies no client of that; but the log needs the effect if the string has
		// become longer.
		c.Tx.Modified(key, engine.Event{})
	}
	return nil
}

// get reads the integer at bit off of s, which counts as followed by zeros.
func (t intType) get(s []byte, off int64) int64 {
	hi, lo := window(s, off)
	w := hi<<(off&7) | lo>>(8-off&7)
	if t.signed {
		return int64(w) >> (64 - t.width)
	}
	return int64(w >> (64 - t.width))
}

// window returns the eight bytes that bit off is in the first of, and the ninth.
func window(s []byte, off int64) (hi, lo uint64) {
	var b [9]byte
	if at := off >> 3; at < int64(len(s)) {
		copy(b[:], s[at:])
	}
	return binary.BigEndian.Uint64(b[:]), uint64(b[8])
}

// set writes the low bits of n at bit off of s, which is long enough.
func (t intType) set(s []byte, off, n int64) {
	hi, lo := window(s, off)
	shift := uint(off & 7)
	mask := ^uint64(0) << (64 - t.width)
	w := uint64(n) << (64 - t.width)
	hi = hi&^(mask>>shift) | w>>shift
	lo = lo&^(mask<<(8-shift)&0xff) | w<<(8-shift)&0xff
	var b [9]byte
	binary.BigEndian.PutUint64(b[:], hi)
	b[8] = byte(lo)
	copy(s[off>>3:(off+int64(t.width)-1)>>3+1], b[:])
}

// add returns n+by as the type holds it under mode, and whether it fits.
func (t intType) add(n, by int64, mode overflowMode) (int64, bool) {
	if t.signed {
		return t.addSigned(n, by, mode)
	}
	return t.addUnsigned(uint64(n), by, mode)
}

func (t intType) addSigned(n, by int64, mode overflowMode) (int64, bool) {
	most := int64(math.MaxInt64) >> (64 - t.width)
	least := -most - 1
	// As in Redis, the room above wraps around for numbers far below the least:
	// setting one counts as too large.
	room, below := most-n, least-n
	var edge int64
	switch {
	case n > most || t.width < 64 && by > room || n >= 0 && by > 0 && by > room:
		edge = most
	case n < least || t.width < 64 && by < below || n < 0 && by < 0 && by < below:
		edge = least
	default:
		return n + by, true
	}
	if mode == overflowSat {
		return edge, false
	}
	return (n + by) << (64 - t.width) >> (64 - t.width), false
}

func (t intType) addUnsigned(n uint64, by int64, mode overflowMode) (int64, bool) {
	most := uint64(1)<<t.width - 1
	sum, carry := bits.Add64(n, uint64(by), 0)
	negative := by < 0 && carry == 0
	if !negative && (by < 0 || carry == 0) && n <= most && sum <= most {
		return int64(sum), true
	}
	if mode == overflowSat {
		if n <= most && negative {
			return 0, false
		}
		return int64(most), false
	}
	return int64(sum & most), false
}
