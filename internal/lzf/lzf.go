package lzf

import (
	"encoding/binary"
	"errors"
)

const (
	maxDistance = 1 << 13
	maxMatch    = 7 + 255 + 2
	maxLiteral  = 32
	tableBits   = 13
)

// MaxRatio is the largest ratio of the unpacked to the packed length: a reference of three bytes stands for
// maxMatch.
const MaxRatio = maxMatch / 3

// ErrCorrupt: Append could not have written the input.
var ErrCorrupt = errors.New("corrupt LZF data")

// A Packer holds the memory that Append needs. The zero Packer is ready.
type Packer struct {
	at [1 << tableBits]int32 // where three bytes with this hash were seen, plus base
	// base invalidates the entries of at from earlier calls, without clearing it.
	base int32
}

// Append appends the packed form of src to dst. If that is not shorter than limit bytes it returns false, and dst
// as it was, possibly with more capacity.
func (p *Packer) Append(dst, src []byte, limit int) ([]byte, bool) {
	if len(src) < 4 || len(src) > 1<<30 {
		return dst, false
	}
	if p.base > 1<<30 {
		*p = Packer{}
	}
	base := p.base + 1
	p.base = base + int32(len(src))
	start, out := len(dst), dst
	literal := 0 // where the literals not yet written begin
	misses := 0
	i := 0
	for end := len(src) - 3; i < end; {
		v := binary.LittleEndian.Uint32(src[i:])
		h := v << 8 * 2654435761 >> (32 - tableBits)
		ref := int(p.at[h] - base)
		p.at[h] = base + int32(i)
		d := i - ref - 1
		if ref < 0 || d >= maxDistance || (binary.LittleEndian.Uint32(src[ref:])^v)<<8 != 0 {
			// If nothing has repeated for a while, probably nothing will.
			misses++
			i += 1 + misses>>6
			continue
		}
		misses = 0
		n := 3
		for most := min(maxMatch, len(src)-i); n < most && src[ref+n] == src[i+n]; n++ {
		}
		out = literals(out, src[literal:i])
		if l := n - 2; l < 7 {
			out = append(out, byte(l<<5|d>>8), byte(d))
		} else {
			out = append(out, byte(7<<5|d>>8), byte(l-7), byte(d))
		}
		if len(out)-start >= limit {
			return out[:start], false
		}
		i += n
		literal = i
	}
	out = literals(out, src[literal:])
	if len(out)-start >= limit {
		return out[:start], false
	}
	return out, true
}

func literals(dst, b []byte) []byte {
	for len(b) > 0 {
		n := min(len(b), maxLiteral)
		dst = append(dst, byte(n-1))
		dst = append(dst, b[:n]...)
		b = b[n:]
	}
	return dst
}

// Room is the spare capacity that the destination of Unpack should have beyond its length.
// With it, Unpack copies in steps of fixed size.
const Room = maxLiteral

// Unpack fills dst, which has the unpacked length, with the unpacked form of src. The bytes
// between the length and the capacity of dst are undefined afterwards.
func Unpack(dst, src []byte) error {
	o, all := 0, dst[:cap(dst)]
	for i := 0; i < len(src); {
		c := int(src[i])
		i++
		if c < maxLiteral {
			n := c + 1
			switch {
			case i+maxLiteral <= len(src) && o+maxLiteral <= len(all):
				// Bytes that are copied beyond the literal are overwritten later.
				if *(*[16]byte)(all[o:]) = *(*[16]byte)(src[i:]); n > 16 {
					*(*[16]byte)(all[o+16:]) = *(*[16]byte)(src[i+16:])
				}
			case i+n > len(src) || o+n > len(dst):
				return ErrCorrupt
			default:
				copy(dst[o:], src[i:i+n])
			}
			if i, o = i+n, o+n; o > len(dst) {
				return ErrCorrupt
			}
			continue
		}
		n := c >> 5
		if n == 7 {
			if i == len(src) {
				return ErrCorrupt
			}
			n += int(src[i])
			i++
		}
		if i == len(src) {
			return ErrCorrupt
		}
		n += 2
		from := o - (c&31<<8 | int(src[i])) - 1
		i++
		if from < 0 || o+n > len(dst) {
			return ErrCorrupt
		}
		d := o - from
		switch {
		case d >= 16 && o+n+16 <= len(all):
			for end := o + n; ; o, from = o+16, from+16 {
				*(*[16]byte)(all[o:]) = *(*[16]byte)(all[from:])
				if o+16 >= end {
					o = end
					break
				}
			}
		case n <= 16 && d >= 8 && o+16 <= len(all):
			*(*[8]byte)(all[o:]) = *(*[8]byte)(all[from:])
			*(*[8]byte)(all[o+8:]) = *(*[8]byte)(all[from+8:])
			o += n
		case n <= 16:
			for end := o + n; o < end; o++ {
				dst[o] = dst[o-d]
			}
		default:
			for n > 0 { // the source may overlap the bytes being written
				k := copy(dst[o:o+n], dst[from:o])
				o, n = o+k, n-k
			}
		}
	}
	if o != len(dst) {
		return ErrCorrupt
	}
	return nil
}
