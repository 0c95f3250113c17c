package commands

import (
	"encoding/binary"
	"math/bits"

	"cached/engine"
	"cached/engine/value"
)

// The errors of bitmaps.
const (
	errBitOffset = Error("ERR bit offset is not an integer or out of range")
	errBit       = Error("ERR bit is not an integer or out of range")
	errBitPosBit = Error("ERR The bit argument must be 1 or 0.")
)

// bitOffset reads the position of a bit, which may not lie beyond the longest
// string a client may make.
func (c *Ctx) bitOffset(arg []byte) (int64, error) {
	n, ok := value.ParseInt(arg)
	if !ok || n < 0 || n>>3 >= int64(c.Env.MaxBulk()) {
		return 0, errBitOffset
	}
	return n, nil
}

// bitAt is the bit at offset off of s, counted from the highest bit of the first byte; bits beyond the end are
// zero.
func bitAt(s []byte, off int64) int64 {
	if off>>3 >= int64(len(s)) {
		return 0
	}
	return int64(s[off>>3] >> (7 - off&7) & 1)
}

func getbit(c *Ctx) error {
	off, err := c.bitOffset(c.Argv[2])
	if err != nil {
		return err
	}
	s, err := c.Tx.String(c.Argv[1])
	if err != nil {
		return clientError(err)
	}
	c.Reply.Int(bitAt(s, off))
	return nil
}

// setbit changes one bit and replies with its old value. If the bit has that value already, in a string that is
// long enough, nothing is changed and no watcher notified.
func setbit(c *Ctx) error {
	key := c.Argv[1]
	off, err := c.bitOffset(c.Argv[2])
	if err != nil {
		return err
	}
	on, ok := value.ParseInt(c.Argv[3])
	if !ok || on&^1 != 0 {
		return errBit
	}
	s, err := c.Tx.String(key)
	if err != nil {
		return clientError(err)
	}
	was, grows := bitAt(s, off), off>>3 >= int64(len(s))
	if s, err = c.Tx.GrowString(key, max(len(s), int(off>>3)+1)); err != nil {
		return clientError(err)
	}
	if grows || was != on {
		mask := byte(1) << (7 - off&7)
		s[off>>3] = s[off>>3]&^mask | byte(on)<<(7-off&7)
		c.Tx.Modified(key, engine.EventSetBit)
	}
	c.Reply.Int(was)
	return nil
}

// bitSpan is a range of bits, first to last, of a string.
type bitSpan struct{ first, last int64 }

// clampSpan counts negative ends from the end of n units and cuts the range to the existing units.
func clampSpan(first, last, n int64) bitSpan {
	if first < 0 {
		first = max(first+n, 0)
	}
	if last < 0 {
		last = max(last+n, 0)
	}
	return bitSpan{first, min(last, n-1)}
}

// isBit reads BIT or BYTE, the unit of a range.
func isBit(arg []byte) (bool, error) {
	a := Args{argv: [][]byte{arg}}
	switch {
	case a.Is("BIT"):
		return true, nil
	case a.Is("BYTE"):
		return false, nil
	}
	return false, ErrSyntax
}

// spanOf gives a range, in bytes or bits, as bits of an n byte string.
func spanOf(first, last int64, bit bool, n int) bitSpan {
	if bit {
		return clampSpan(first, last, int64(n)*8)
	}
	s := clampSpan(first, last, int64(n))
	if s.first > s.last {
		return bitSpan{0, -1} // a first byte far beyond the end has no bits
	}
	return bitSpan{s.first * 8, s.last*8 + 7}
}

// bitcount counts the bits that are set. A key that is not there outranks
// words that cannot be read.
func bitcount(c *Ctx) error {
	first, last, bit := int64(0), int64(-1), false
	switch len(c.Argv) {
	case 2:
	case 4, 5:
		var ok1, ok2 bool
		if first, ok1 = value.ParseInt(c.Argv[2]); !ok1 {
			return ErrNotInt
		}
		if last, ok2 = value.ParseInt(c.Argv[3]); !ok2 {
			return ErrNotInt
		}
		if len(c.Argv) == 5 {
			var err error
			if bit, err = isBit(c.Argv[4]); err != nil {
				return err
			}
		}
	default:
		return ErrSyntax
	}
	s, err := c.Tx.String(c.Argv[1])
	if err != nil {
		return clientError(err)
	}
	if s == nil || first < 0 && last < 0 && first > last {
		c.Reply.Int(0)
		return nil
	}
	c.Reply.Int(countBits(s, spanOf(first, last, bit, len(s))))
	return nil
}

// countBits counts the set bits of a range: eight bytes at a time, less the bits of the first and last byte that
// are outside of it.
func countBits(s []byte, r bitSpan) int64 {
	if r.first > r.last {
		return 0
	}
	lo, hi := s[r.first>>3], s[r.last>>3]
	n := -bits.OnesCount8(lo&^(0xff>>(r.first&7))) - bits.OnesCount8(hi&(0x7f>>(r.last&7)))
	b := s[r.first>>3 : r.last>>3+1]
	for ; len(b) >= 32; b = b[32:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b)) +
			bits.OnesCount64(binary.LittleEndian.Uint64(b[8:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(b[16:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(b[24:]))
	}
	for _, x := range b {
		n += bits.OnesCount8(x)
	}
	return int64(n)
}

// bitpos finds the first bit that is set, or clear. The string counts as followed by an endless row of zeros,
// unless the call has an end of the range.
func bitpos(c *Ctx) error {
	bit, ok := value.ParseInt(c.Argv[2])
	if !ok {
		return ErrNotInt
	}
	if bit&^1 != 0 {
		return errBitPosBit
	}
	if len(c.Argv) > 6 {
		return ErrSyntax
	}
	first, last, byBit := int64(0), int64(-1), false
	if len(c.Argv) > 3 {
		if first, ok = value.ParseInt(c.Argv[3]); !ok {
			return ErrNotInt
		}
	}
	if len(c.Argv) == 6 {
		var err error
		if byBit, err = isBit(c.Argv[5]); err != nil {
			return err
		}
	}
	if len(c.Argv) > 4 {
		if last, ok = value.ParseInt(c.Argv[4]); !ok {
			return ErrNotInt
		}
	}
	s, err := c.Tx.String(c.Argv[1])
	if err != nil {
		return clientError(err)
	}
	if s == nil {
		c.Reply.Int(-bit)
		return nil
	}
	span := spanOf(first, last, byBit, len(s))
	pos := int64(-1)
	if span.first <= span.last {
		pos = findBit(s, span, bit == 1)
		if pos < 0 && bit == 0 && len(c.Argv) < 5 {
			pos = span.last + 1
		}
	}
	c.Reply.Int(pos)
	return nil
}

// findBit is the position of the first bit in the range that is as wanted, or
// -1. Inverting makes the search for a zero one for a one.
func findBit(s []byte, r bitSpan, set bool) int64 {
	var flip uint64
	if !set {
		flip = ^uint64(0)
	}
	i, end := r.first>>3, r.last>>3+1
	pos := int64(-1)
	if x := (s[i] ^ byte(flip)) & (0xff >> (r.first & 7)); x != 0 {
		pos = i*8 + int64(bits.LeadingZeros8(x))
	}
	for i++; pos < 0 && i+8 <= end; i += 8 {
		if x := binary.BigEndian.Uint64(s[i:]) ^ flip; x != 0 {
			pos = i*8 + int64(bits.LeadingZeros64(x))
		}
	}
	for ; pos < 0 && i < end; i++ {
		if x := s[i] ^ byte(flip); x != 0 {
			pos = i*8 + int64(bits.LeadingZeros8(x))
		}
	}
	if pos > r.last {
		return -1
	}
	return pos
}
