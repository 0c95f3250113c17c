package lua

import (
	"encoding/binary"
	"math"

	glua "github.com/yuin/gopher-lua"
)

// packDepth is how deep cmsgpack.pack follows tables; a deeper table is packed as nil.
const packDepth = 16

// unpackDepth bounds the nesting of values that are unpacked.
const unpackDepth = 1000

func (s *State) cmsgpackTable() *glua.LTable {
	t := s.l.NewTable()
	t.RawSetString("_NAME", glua.LString("cmsgpack"))
	t.RawSetString("_VERSION", glua.LString("lua-cmsgpack 0.4.0"))
	t.RawSetString("_COPYRIGHT", glua.LString("Copyright (C) 2012, Salvatore Sanfilippo"))
	t.RawSetString("_DESCRIPTION", glua.LString("MessagePack C implementation for Lua"))
	s.set(t, "pack", func(l *glua.LState) int {
		n := l.GetTop()
		if n == 0 {
			l.ArgError(0, "MessagePack pack needs input.")
		}
		var b []byte
		for i := 1; i <= n; i++ {
			b = s.appendPacked(b, l.Get(i), 0)
		}
		l.Push(glua.LString(b))
		return 1
	})
	s.set(t, "unpack", func(l *glua.LState) int { return s.unpackAll(l, 0, 0, false) })
	s.set(t, "unpack_one", func(l *glua.LState) int { return s.unpackAll(l, 1, l.OptInt(2, 0), true) })
	s.set(t, "unpack_limit", func(l *glua.LState) int { return s.unpackAll(l, l.CheckInt(2), l.OptInt(3, 0), true) })
	return t
}

func (s *State) appendPacked(b []byte, v glua.LValue, depth int) []byte {
	s.spend(s.l, 1)
	if len(b) > maxString {
		s.l.RaiseError("not enough memory")
	}
	switch v := v.(type) {
	case glua.LString:
		return appendPackedString(b, string(v))
	case glua.LBool:
		if v {
			return append(b, 0xc3)
		}
		return append(b, 0xc2)
	case glua.LNumber:
		return appendPackedNumber(b, float64(v))
	case *glua.LTable:
		if depth == packDepth {
			return append(b, 0xc0)
		}
		return s.appendPackedTable(b, s.behind(v), depth+1)
	}
	return append(b, 0xc0)
}

func appendPackedString(b []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		b = append(b, 0xa0|byte(n))
	case n <= 0xff:
		b = append(b, 0xd9, byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0xda), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(n))
	}
	return append(b, s...)
}

func appendPackedNumber(b []byte, f float64) []byte {
	if f == math.Trunc(f) && f >= -1<<63 && f < 1<<63 {
		n := int64(f)
		switch {
		case n >= 0 && n <= 127, n < 0 && n >= -32:
			return append(b, byte(n))
		case n >= 0 && n <= 0xff:
			return append(b, 0xcc, byte(n))
		case n >= 0 && n <= 0xffff:
			return binary.BigEndian.AppendUint16(append(b, 0xcd), uint16(n))
		case n >= 0 && n <= 0xffffffff:
			return binary.BigEndian.AppendUint32(append(b, 0xce), uint32(n))
		case n >= 0:
			return binary.BigEndian.AppendUint64(append(b, 0xcf), uint64(n))
		case n >= -128:
			return append(b, 0xd0, byte(n))
		case n >= -32768:
			return binary.BigEndian.AppendUint16(append(b, 0xd1), uint16(n))
		case n >= -1<<31:
			return binary.BigEndian.AppendUint32(append(b, 0xd2), uint32(n))
		}
		return binary.BigEndian.AppendUint64(append(b, 0xd3), uint64(n))
	}
	if f == float64(float32(f)) {
		return binary.BigEndian.AppendUint32(append(b, 0xca), math.Float32bits(float32(f)))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xcb), math.Float64bits(f))
}

func (s *State) appendPackedTable(b []byte, t *glua.LTable, depth int) []byte {
	n, most, array := 0, 0, true
	for k, _ := t.Next(glua.LNil); k != glua.LNil; k, _ = t.Next(k) {
		n++
		s.spend(s.l, 1)
		if i, ok := k.(glua.LNumber); ok && i >= 1 && i == glua.LNumber(math.Floor(float64(i))) && i < 1<<31 {
			most = max(most, int(i))
		} else {
			array = false
		}
	}
	if array && most == n {
		b = appendPackedLen(b, n, 0x90, 0xdc)
		for i := 1; i <= n; i++ {
			b = s.appendPacked(b, t.RawGetInt(i), depth)
		}
		return b
	}
	b = appendPackedLen(b, n, 0x80, 0xde)
	for k, v := t.Next(glua.LNil); k != glua.LNil; k, v = t.Next(k) {
		b = s.appendPacked(b, k, depth)
		b = s.appendPacked(b, v, depth)
	}
	return b
}

// appendPackedLen begins an array or map of n.
func appendPackedLen(b []byte, n int, short, long byte) []byte {
	switch {
	case n <= 15:
		return append(b, short|byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(b, long), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, long+1), uint32(n))
}

// unpackAll unpacks at most limit values (0: all) from offset on; asked with an
// offset, it returns first where the next would be, or -1.
func (s *State) unpackAll(l *glua.LState, limit, offset int, tellOffset bool) int {
	in := s.argText(l, 1)
	if offset < 0 || limit < 0 {
		l.RaiseError("Invalid request to unpack with offset of %d and limit of %d.", offset, len(in))
	}
	if offset > len(in) {
		l.RaiseError("Start offset %d greater than input length %d.", offset, len(in))
	}
	if limit == 0 {
		limit = math.MaxInt32
	}
	u := unpacker{s: s, in: in[offset:]}
	var out []glua.LValue
	for len(u.in) > 0 && len(out) < limit {
		if len(out) >= 7990 {
			l.RaiseError("too many results to unpack")
		}
		out = append(out, u.value(0))
	}
	n := len(out)
	if tellOffset {
		next := -1
		if len(u.in) > 0 {
			next = len(in) - len(u.in)
		}
		l.Push(glua.LNumber(next))
		n++
	}
	for _, v := range out {
		l.Push(v)
	}
	return n
}

// An unpacker reads values from the front of in.
type unpacker struct {
	s  *State
	in string
}

func (u *unpacker) take(n int) string {
	if n < 0 || n > len(u.in) {
		u.s.l.RaiseError("Missing bytes in input.")
	}
	b := u.in[:n]
	u.in = u.in[n:]
	return b
}

func (u *unpacker) uint(n int) uint64 {
	var v uint64
	for _, c := range []byte(u.take(n)) {
		v = v<<8 | uint64(c)
	}
	return v
}

func (u *unpacker) value(depth int) glua.LValue {
	u.s.spend(u.s.l, 2)
	if depth > unpackDepth {
		u.s.l.RaiseError("Bad data format in input.")
	}
	c := u.take(1)[0]
	switch {
	case c <= 0x7f:
		return glua.LNumber(c)
	case c >= 0xe0:
		return glua.LNumber(int8(c))
	case c <= 0x8f:
		return u.table(int(c&15), depth)
	case c <= 0x9f:
		return u.array(int(c&15), depth)
	case c <= 0xbf:
		return glua.LString(u.take(int(c & 31)))
	}
	switch c {
	case 0xc0:
		return glua.LNil
	case 0xc2:
		return glua.LFalse
	case 0xc3:
		return glua.LTrue
	case 0xca:
		return glua.LNumber(math.Float32frombits(uint32(u.uint(4))))
	case 0xcb:
		return glua.LNumber(math.Float64frombits(u.uint(8)))
	case 0xcc, 0xcd, 0xce:
		return glua.LNumber(u.uint(1 << (c - 0xcc)))
	case 0xcf: // read as signed, whatever was meant
		return glua.LNumber(int64(u.uint(8)))
	case 0xd0:
		return glua.LNumber(int8(u.uint(1)))
	case 0xd1:
		return glua.LNumber(int16(u.uint(2)))
	case 0xd2:
		return glua.LNumber(int32(u.uint(4)))
	case 0xd3:
		return glua.LNumber(int64(u.uint(8)))
	case 0xc4, 0xd9:
		return glua.LString(u.take(int(u.uint(1))))
	case 0xc5, 0xda:
		return glua.LString(u.take(int(u.uint(2))))
	case 0xc6, 0xdb:
		return glua.LString(u.take(int(u.uint(4))))
	case 0xdc:
		return u.array(int(u.uint(2)), depth)
	case 0xdd:
		return u.array(int(u.uint(4)), depth)
	case 0xde:
		return u.table(int(u.uint(2)), depth)
	case 0xdf:
		return u.table(int(u.uint(4)), depth)
	}
	u.s.l.RaiseError("Bad data format in input.")
	return nil
}

func (u *unpacker) array(n, depth int) glua.LValue {
	if n > len(u.in) {
		u.s.l.RaiseError("Missing bytes in input.")
	}
	t := u.s.l.NewTable()
	for i := 1; i <= n; i++ {
		t.RawSetInt(i, u.value(depth+1))
	}
	return t
}

func (u *unpacker) table(n, depth int) glua.LValue {
	t := u.s.l.NewTable()
	for range n {
		k := u.value(depth + 1)
		v := u.value(depth + 1)
		if f, ok := k.(glua.LNumber); k == glua.LNil || ok && f != f {
			u.s.l.RaiseError("Bad data format in input.")
		}
		t.RawSet(k, v)
	}
	return t
}
