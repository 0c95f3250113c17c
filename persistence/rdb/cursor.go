package rdb

import (
	"encoding/binary"
	"math"
	"strconv"

	"cached/engine/value"
	"cached/internal/lzf"
)

// A cursor reads from memory. base is the offset of b in the file.
type cursor struct {
	b    []byte
	p    int
	base int64
}

func (c *cursor) fail(what string) error { return &FormatError{c.base + int64(c.p), what} }

func (c *cursor) left() int { return len(c.b) - c.p }

// take returns the next n bytes, which alias b.
func (c *cursor) take(n uint64) ([]byte, error) {
	if n > uint64(c.left()) {
		return nil, c.fail("unexpected end")
	}
	p := c.p
	c.p += int(n)
	return c.b[p:c.p], nil
}

func (c *cursor) uint64() (uint64, error) {
	b, err := c.take(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// parseLength reads a length at the front of b, which has all of it, and returns
// how many bytes it takes: 0 if that is more than there are. encoded says that n
// is one of enc.
func parseLength(b []byte) (n uint64, size int, encoded, ok bool) {
	if len(b) == 0 {
		return 0, 0, false, true
	}
	switch c := b[0]; c >> 6 {
	case 0:
		return uint64(c & 63), 1, false, true
	case 1:
		if len(b) < 2 {
			return 0, 0, false, true
		}
		return uint64(c&63)<<8 | uint64(b[1]), 2, false, true
	case 3:
		return uint64(c & 63), 1, true, true
	default:
		switch {
		case c == 0x80 && len(b) >= 5:
			return uint64(binary.BigEndian.Uint32(b[1:])), 5, false, true
		case c == 0x81 && len(b) >= 9:
			return binary.BigEndian.Uint64(b[1:]), 9, false, true
		}
		return 0, 0, false, c == 0x80 || c == 0x81
	}
}

func (c *cursor) lengthOrEncoding() (n uint64, encoded bool, err error) {
	n, size, encoded, ok := parseLength(c.b[c.p:])
	if !ok {
		return 0, false, c.fail("unknown form of a length")
	}
	if size == 0 {
		return 0, false, c.fail("unexpected end")
	}
	c.p += size
	return n, encoded, nil
}

func (c *cursor) length() (uint64, error) {
	n, encoded, err := c.lengthOrEncoding()
	if err == nil && encoded {
		return 0, c.fail("a string where a length should be")
	}
	return n, err
}

// elem reads a string. It aliases b or is in *scratch.
func (c *cursor) elem(scratch *[]byte) (value.Elem, error) {
	n, encoded, err := c.lengthOrEncoding()
	if err != nil {
		return value.Elem{}, err
	}
	if !encoded {
		b, err := c.take(n)
		return value.Text(b), err
	}
	switch n {
	case encInt8:
		b, err := c.take(1)
		if err != nil {
			return value.Elem{}, err
		}
		return value.Number(int64(int8(b[0]))), nil
	case encInt16:
		b, err := c.take(2)
		if err != nil {
			return value.Elem{}, err
		}
		return value.Number(int64(int16(binary.LittleEndian.Uint16(b)))), nil
	case encInt32:
		b, err := c.take(4)
		if err != nil {
			return value.Elem{}, err
		}
		return value.Number(int64(int32(binary.LittleEndian.Uint32(b)))), nil
	case encLZF:
		b, err := c.unpack(scratch)
		return value.Text(b), err
	}
	return value.Elem{}, c.fail("unknown form of a string")
}

// unpack reads a compressed string into *scratch.
func (c *cursor) unpack(scratch *[]byte) ([]byte, error) {
	packed, err := c.length()
	if err != nil {
		return nil, err
	}
	n, err := c.length()
	if err != nil {
		return nil, err
	}
	b, err := c.take(packed)
	if err != nil {
		return nil, err
	}
	if n > uint64(len(b))*lzf.MaxRatio {
		return nil, c.fail("a compressed string cannot be that long")
	}
	if uint64(cap(*scratch)) < n+lzf.Room {
		*scratch = make([]byte, n+lzf.Room)
	}
	s := (*scratch)[:n]
	if err := lzf.Unpack(s, b); err != nil {
		return nil, c.fail(err.Error())
	}
	return s, nil
}

// bytes reads a string as bytes. An integer is written out in *scratch.
func (c *cursor) bytes(scratch *[]byte) ([]byte, error) {
	e, err := c.elem(scratch)
	if err != nil {
		return nil, err
	}
	if n, ok := e.Int(); ok {
		*scratch = strconv.AppendInt((*scratch)[:0], n, 10)
		return *scratch, nil
	}
	return e.Bytes(nil), nil
}

// score reads eight bytes, or with text a number in decimal.
func (c *cursor) score(text bool) (float64, error) {
	var f float64
	if !text {
		n, err := c.uint64()
		if err != nil {
			return 0, err
		}
		f = math.Float64frombits(n)
	} else {
		n, err := c.take(1)
		if err != nil {
			return 0, err
		}
		switch n[0] {
		case 253:
			f = math.NaN()
		case 254:
			f = math.Inf(1)
		case 255:
			f = math.Inf(-1)
		default:
			b, err := c.take(uint64(n[0]))
			if err != nil {
				return 0, err
			}
			if f, err = strconv.ParseFloat(string(b), 64); err != nil {
				return 0, c.fail("a score is not a number")
			}
		}
	}
	if math.IsNaN(f) {
		return 0, c.fail("a score is not a number")
	}
	return f, nil
}
