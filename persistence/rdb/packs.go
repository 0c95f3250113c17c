package rdb

import (
	"encoding/binary"

	"cached/engine/value"
)

// Packed forms of small collections, as the format has them. Each walker checks every length against the bytes
// that are there.

// eachListpack visits the entries of a listpack: six bytes with its size and the
// number of its entries, the entries, each with its size behind it, and 0xFF.
func eachListpack(b []byte, visit func(value.Elem) error) (ok bool, err error) {
	if len(b) < 7 || binary.LittleEndian.Uint32(b) != uint32(len(b)) || b[len(b)-1] != 0xFF {
		return false, nil
	}
	count, n := int(binary.LittleEndian.Uint16(b[4:])), 0
	end := len(b) - 1
	for p := 6; p < end; n++ {
		e, size := listpackEntry(b[p:end])
		if size == 0 {
			return false, nil
		}
		p += size
		back := backLen(size)
		if p+back > end || !hasBackLen(b[p:p+back], size) {
			return false, nil
		}
		p += back
		if err := visit(e); err != nil {
			return true, err
		}
	}
	return count == n || count == 0xFFFF, nil
}

// listpackEntry reads an entry and returns its size without its back-length, or 0 if it is truncated or invalid.
func listpackEntry(b []byte) (value.Elem, int) {
	c := b[0]
	switch {
	case c < 0x80:
		return value.Number(int64(c)), 1
	case c < 0xC0:
		return textIn(b, 1, uint64(c&63))
	case len(b) < 2:
		return value.Elem{}, 0
	case c < 0xE0:
		n := int64(c&31)<<8 | int64(b[1])
		return value.Number(n << 51 >> 51), 2
	case c < 0xF0:
		return textIn(b, 2, uint64(c&15)<<8|uint64(b[1]))
	}
	switch c {
	case 0xF0:
		if len(b) < 5 {
			return value.Elem{}, 0
		}
		return textIn(b, 5, uint64(binary.LittleEndian.Uint32(b[1:])))
	case 0xF1:
		return numberIn(b, 2)
	case 0xF2:
		return numberIn(b, 3)
	case 0xF3:
		return numberIn(b, 4)
	case 0xF4:
		return numberIn(b, 8)
	}
	return value.Elem{}, 0
}

// signed reads a little-endian integer of up to eight bytes.
func signed(b []byte) int64 {
	var n uint64
	for i, c := range b {
		n |= uint64(c) << (8 * i)
	}
	shift := 64 - 8*len(b)
	return int64(n<<shift) >> shift
}

// backLen is how many bytes the size of an entry takes behind it. The greatest
// size that would fit a number of bytes gets one more, as Redis does it.
func backLen(size int) int {
	switch {
	case size < 1<<7:
		return 1
	case size < 1<<14-1:
		return 2
	case size < 1<<21-1:
		return 3
	case size < 1<<28-1:
		return 4
	}
	return 5
}

// hasBackLen reports whether b is the back-length of an entry of the given size.
func hasBackLen(b []byte, size int) bool {
	for i := len(b) - 1; i >= 0; i-- {
		want := byte(size & 127)
		if i > 0 {
			want |= 128
		}
		if b[i] != want {
			return false
		}
		size >>= 7
	}
	return size == 0
}

// eachZiplist visits the entries of a ziplist: ten bytes with its size, the place
// of the last entry and the number of entries, the entries, each with the size of
// the one in front of it, and 0xFF.
func eachZiplist(b []byte, visit func(value.Elem) error) (ok bool, err error) {
	if len(b) < 11 || binary.LittleEndian.Uint32(b) != uint32(len(b)) || b[len(b)-1] != 0xFF {
		return false, nil
	}
	count, n := int(binary.LittleEndian.Uint16(b[8:])), 0
	end, before := len(b)-1, 0
	for p := 10; p < end; n++ {
		head, size := 1, int(b[p])
		if size == 254 {
			if p+5 > end {
				return false, nil
			}
			head, size = 5, int(binary.LittleEndian.Uint32(b[p+1:]))
		}
		if size != before || p+head >= end {
			return false, nil
		}
		e, m := ziplistEntry(b[p+head : end])
		if m == 0 {
			return false, nil
		}
		before = head + m
		p += before
		if err := visit(e); err != nil {
			return true, err
		}
	}
	return count == n || count == 0xFFFF, nil
}

// textIn is an entry of n bytes behind the head, with its size, or 0 if it is cut
// off.
func textIn(b []byte, head int, n uint64) (value.Elem, int) {
	if n > uint64(len(b)-head) {
		return value.Elem{}, 0
	}
	return value.Text(b[head : head+int(n)]), head + int(n)
}

// numberIn is an entry of a byte and n more, which are a number.
func numberIn(b []byte, n int) (value.Elem, int) {
	if len(b) <= n {
		return value.Elem{}, 0
	}
	return value.Number(signed(b[1 : 1+n])), 1 + n
}

// ziplistEntry reads an entry behind the size of the one in front of it.
func ziplistEntry(b []byte) (value.Elem, int) {
	c := b[0]
	switch {
	case c < 0x40:
		return textIn(b, 1, uint64(c))
	case c < 0x80 && len(b) >= 2:
		return textIn(b, 2, uint64(c&63)<<8|uint64(b[1]))
	case c == 0x80 && len(b) >= 5:
		return textIn(b, 5, uint64(binary.BigEndian.Uint32(b[1:])))
	case c == 0xC0:
		return numberIn(b, 2)
	case c == 0xD0:
		return numberIn(b, 4)
	case c == 0xE0:
		return numberIn(b, 8)
	case c == 0xF0:
		return numberIn(b, 3)
	case c == 0xFE:
		return numberIn(b, 1)
	case c > 0xF0 && c < 0xFE:
		return value.Number(int64(c&15) - 1), 1
	}
	return value.Elem{}, 0
}

// eachZipmap visits fields and values in turn: a count, then strings with their
// lengths, those of values followed by the size of a gap behind them, and 0xFF.
func eachZipmap(b []byte, visit func(value.Elem) error) (ok bool, err error) {
	if len(b) < 2 || b[len(b)-1] != 0xFF {
		return false, nil
	}
	count, n := int(b[0]), 0
	end := len(b) - 1
	for p := 1; p < end; n++ {
		size := uint64(b[p])
		p++
		if size == 254 {
			if p+4 > end {
				return false, nil
			}
			size = uint64(binary.LittleEndian.Uint32(b[p:]))
			p += 4
		} else if size == 255 {
			return false, nil
		}
		gap := uint64(0)
		if n&1 == 1 {
			if p >= end {
				return false, nil
			}
			gap = uint64(b[p])
			p++
		}
		if size+gap > uint64(end-p) {
			return false, nil
		}
		if err := visit(value.Text(b[p : p+int(size)])); err != nil {
			return true, err
		}
		p += int(size + gap)
	}
	return n&1 == 0 && (count == n/2 || count >= 254), nil
}

// eachIntset visits the members of a set of integers: width and count, four bytes
// each, then the members in ascending order.
func eachIntset(b []byte, visit func(value.Elem) error) (ok bool, err error) {
	if len(b) < 8 {
		return false, nil
	}
	width, count := uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[4:]))
	if width != 2 && width != 4 && width != 8 || count*width != uint64(len(b)-8) {
		return false, nil
	}
	last := int64(0)
	for p := 8; p < len(b); p += int(width) {
		n := signed(b[p : p+int(width)])
		if p > 8 && n <= last {
			return false, nil
		}
		last = n
		if err := visit(value.Number(n)); err != nil {
			return true, err
		}
	}
	return true, nil
}
