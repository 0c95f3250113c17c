package commands

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"slices"

	"cached/engine"
	"cached/engine/value"
)

const errBitOpNot = Error("ERR BITOP NOT must be called with a single source key.")

// A bitOp is one of the operations of BITOP.
type bitOp struct {
	name string
	keys int // at least; 1 for NOT is exactly
	// make makes block, which is as long as the block of res, of the parts of src.
	make func(block []byte, src [][]byte, part func([]byte) []byte)
}

var bitOps = [...]bitOp{
	{"AND", 1, inTurn(andBytes)},
	{"OR", 1, inTurn(orBytes)},
	{"XOR", 1, inTurn(xorBytes)},
	{"NOT", 1, inTurn(nil)},
	{"DIFF", 2, withOthers(func(others, first []byte) { // in the first, and in no other
		notBytes(others)
		andBytes(others, first)
	})},
	{"DIFF1", 2, withOthers(func(others, first []byte) { // in another, and not in the first
		andNotBytes(others, first)
	})},
	{"ANDOR", 2, withOthers(andBytes)},
	{"ONE", 1, inJustOne},
}

// bitop combines strings, the shorter ones followed by zeros, into another.
func bitop(c *Ctx) error {
	dst, keys := c.Argv[2], c.Argv[3:]
	i := slices.IndexFunc(bitOps[:], func(op bitOp) bool { return equalFold(c.Argv[1], op.name) })
	if i < 0 {
		return ErrSyntax
	}
	op := &bitOps[i]
	switch {
	case op.name == "NOT" && len(keys) != 1:
		return errBitOpNot
	case len(keys) < op.keys:
		return Error("ERR BITOP " + op.name + " must be called with at least two source keys.")
	}
	src, n, err := c.strings(keys)
	if err != nil {
		return err
	}
	c.Tx.Counting = false
	if n == 0 {
		if c.Tx.Delete(dst) {
			c.Tx.Modified(dst, engine.EventDel)
		}
		c.Reply.Int(0)
		return nil
	}
	if !slices.ContainsFunc(keys, func(k []byte) bool { return bytes.Equal(k, dst) }) {
		op.combine(c.Tx.MakeString(dst, n, 0, value.Raw), src)
	} else {
		// One of the sources may move as it grows to be the destination as well.
		res, err := c.Tx.GrowString(dst, n)
		if err != nil {
			return clientError(err)
		}
		if src, _, err = c.strings(keys); err != nil {
			return err
		}
		op.combine(res, src)
		c.Tx.Persist(dst)
	}
	c.Tx.Modified(dst, engine.EventSet)
	c.Reply.Int(int64(n))
	return nil
}

// strings returns the strings at keys and the length of the longest.
func (c *Ctx) strings(keys [][]byte) (all [][]byte, longest int, err error) {
	all = make([][]byte, len(keys))
	for i, k := range keys {
		if all[i], err = c.Tx.String(k); err != nil {
			return nil, 0, clientError(err)
		}
		longest = max(longest, len(all[i]))
	}
	return all, longest, nil
}

// combine makes res what the operation makes of all of src. It goes from block to block,
// so that a block is in the fastest cache for all sources, and res may be one of them.
func (op *bitOp) combine(res []byte, src [][]byte) {
	var room [bitBlock]byte
	for off := 0; off < len(res); off += len(room) {
		b := room[:min(len(room), len(res)-off)]
		op.make(b, src, func(s []byte) []byte { return s[min(off, len(s)):min(off+len(b), len(s))] })
		copy(res[off:], b)
	}
}

const bitBlock = 4096

// fill makes b the bytes of s followed by zeros.
func fill(b, s []byte) { clear(b[copy(b, s):]) }

// inTurn combines the first source with one after the other; without op, it is the
// inverse of the one there is.
func inTurn(op func(dst, src []byte)) func([]byte, [][]byte, func([]byte) []byte) {
	return func(b []byte, src [][]byte, part func([]byte) []byte) {
		fill(b, part(src[0]))
		if op == nil {
			notBytes(b)
		}
		for _, s := range src[1:] {
			op(b, part(s))
		}
	}
}

// withOthers combines what is in any of the sources behind the first with the first.
func withOthers(op func(others, first []byte)) func([]byte, [][]byte, func([]byte) []byte) {
	return func(b []byte, src [][]byte, part func([]byte) []byte) {
		fill(b, part(src[1]))
		for _, s := range src[2:] {
			orBytes(b, part(s))
		}
		op(b, part(src[0]))
	}
}

// inJustOne has the bits that are set in one source and in no other.
func inJustOne(b []byte, src [][]byte, part func([]byte) []byte) {
	fill(b, part(src[0]))
	var room [bitBlock]byte // what is in more than one
	more := room[:len(b)]
	for _, s := range src[1:] {
		p := part(s)
		for i, x := range p {
			more[i] |= b[i] & x
		}
		orBytes(b, p)
	}
	andNotBytes(b, more)
}

// The operations of BITOP change dst, which is at least as long as src. Each
// has a loop of its own over four words of eight bytes: a call for each word
// would cost more than the word.

// word is the order of bytes that words are read in, which is all the same.
var word = binary.NativeEndian

func andBytes(dst, src []byte) {
	clear(dst[len(src):])
	dst = dst[:len(src)]
	for ; len(dst) >= 32 && len(src) >= 32; dst, src = dst[32:], src[32:] {
		d, s := (*[32]byte)(dst), (*[32]byte)(src)
		word.PutUint64(d[0:], word.Uint64(d[0:])&word.Uint64(s[0:]))
		word.PutUint64(d[8:], word.Uint64(d[8:])&word.Uint64(s[8:]))
		word.PutUint64(d[16:], word.Uint64(d[16:])&word.Uint64(s[16:]))
		word.PutUint64(d[24:], word.Uint64(d[24:])&word.Uint64(s[24:]))
	}
	for i := range dst {
		dst[i] &= src[i]
	}
}

// andNotBytes clears the bits of dst that src has.
func andNotBytes(dst, src []byte) {
	for i, x := range src {
		dst[i] &^= x
	}
}

func orBytes(dst, src []byte) {
	dst = dst[:len(src)]
	for ; len(dst) >= 32 && len(src) >= 32; dst, src = dst[32:], src[32:] {
		d, s := (*[32]byte)(dst), (*[32]byte)(src)
		word.PutUint64(d[0:], word.Uint64(d[0:])|word.Uint64(s[0:]))
		word.PutUint64(d[8:], word.Uint64(d[8:])|word.Uint64(s[8:]))
		word.PutUint64(d[16:], word.Uint64(d[16:])|word.Uint64(s[16:]))
		word.PutUint64(d[24:], word.Uint64(d[24:])|word.Uint64(s[24:]))
	}
	for i := range dst {
		dst[i] |= src[i]
	}
}

func xorBytes(dst, src []byte) { subtle.XORBytes(dst, dst[:len(src)], src) }

func notBytes(dst []byte) {
	for ; len(dst) >= 32; dst = dst[32:] {
		d := (*[32]byte)(dst)
		word.PutUint64(d[0:], ^word.Uint64(d[0:]))
		word.PutUint64(d[8:], ^word.Uint64(d[8:]))
		word.PutUint64(d[16:], ^word.Uint64(d[16:]))
		word.PutUint64(d[24:], ^word.Uint64(d[24:]))
	}
	for i := range dst {
		dst[i] = ^dst[i]
	}
}
