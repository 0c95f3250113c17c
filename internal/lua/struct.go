package lua

import (
	"encoding/binary"
	"fmt"
	"math"

	glua "github.com/yuin/gopher-lua"
)

// A layout reads the format of struct.pack and struct.unpack.
type layout struct {
	l     *glua.LState
	f     string
	order binary.ByteOrder
	align int
}

const maxAlign = 8

func newLayout(l *glua.LState, f string) *layout {
	return &layout{l: l, f: f, order: binary.LittleEndian, align: 1}
}

// count reads digits, or says n.
func (p *layout) count(n int) int {
	if p.f == "" || p.f[0] < '0' || p.f[0] > '9' {
		return n
	}
	n = 0
	for p.f != "" && p.f[0] >= '0' && p.f[0] <= '9' {
		if n > (math.MaxInt32-9)/10 {
			p.l.RaiseError("integral size overflow")
		}
		n = n*10 + int(p.f[0]-'0')
		p.f = p.f[1:]
	}
	return n
}

// next is the next option and the size of its value.
func (p *layout) next() (opt byte, size int) {
	opt = p.f[0]
	p.f = p.f[1:]
	switch opt {
	case 'B', 'b':
		return opt, 1
	case 'H', 'h':
		return opt, 2
	case 'L', 'l', 'T', 'd', 'n':
		return opt, 8
	case 'f':
		return opt, 4
	case 'x':
		return opt, 1
	case 'c':
		return opt, p.count(1)
	case 'I', 'i':
		size = p.count(4)
		if size > 32 {
			p.l.RaiseError("integral size %d is larger than limit of %d", size, 32)
		}
		return opt, size
	}
	return opt, 0
}

// pad is the number of bytes between at and the alignment of the next value.
func (p *layout) pad(at, size int, opt byte) int {
	if size == 0 || opt == 'c' {
		return 0
	}
	a := min(size, p.align)
	if a <= 1 {
		return 0
	}
	return (a - at&(a-1)) & (a - 1)
}

// control applies an option that has no value.
func (p *layout) control(opt byte) {
	switch opt {
	case ' ':
	case '>':
		p.order = binary.BigEndian
	case '<':
		p.order = binary.LittleEndian
	case '!':
		n := p.count(maxAlign)
		if n == 0 || n&(n-1) != 0 {
			p.l.RaiseError("alignment %d is not a power of 2", n)
		}
		p.align = n
	default:
		p.l.ArgError(1, fmt.Sprintf("invalid format option '%c'", opt))
	}
}

func (s *State) structTable() *glua.LTable {
	t := s.l.NewTable()
	s.set(t, "pack", s.pack)
	s.set(t, "unpack", s.unpack)
	s.set(t, "size", s.packSize)
	return t
}

func (s *State) pack(l *glua.LState) int {
	p := newLayout(l, s.argText(l, 1))
	var b []byte
	arg := 1
	for p.f != "" {
		opt, size := p.next()
		b = append(b, make([]byte, p.pad(len(b), size, opt))...)
		switch opt {
		case 'b', 'B', 'h', 'H', 'l', 'L', 'T', 'i', 'I':
			arg++
			b = p.appendInt(b, argNumber(l, arg), size)
		case 'x':
			b = append(b, 0)
		case 'f':
			arg++
			var buf [4]byte
			p.order.PutUint32(buf[:], math.Float32bits(float32(argNumber(l, arg))))
			b = append(b, buf[:]...)
		case 'd', 'n':
			arg++
			var buf [8]byte
			p.order.PutUint64(buf[:], math.Float64bits(argNumber(l, arg)))
			b = append(b, buf[:]...)
		case 'c', 's':
			arg++
			text := s.argText(l, arg)
			if size == 0 {
				size = len(text)
			}
			if len(text) < size {
				l.ArgError(arg+1, "string too short") // counted so by the library
			}
			b = append(b, text[:size]...)
			if opt == 's' {
				b = append(b, 0)
			}
		default:
			p.control(opt)
		}
		if len(b) > maxString {
			l.RaiseError("not enough memory")
		}
	}
	l.Push(glua.LString(b))
	return 1
}

func (p *layout) appendInt(b []byte, f float64, size int) []byte {
	var v uint64
	if f < 0 {
		v = uint64(truncate(f))
	} else if f < 1<<63 {
		v = uint64(f)
	} else if f < 1<<64 {
		v = uint64(f-1<<63) + 1<<63
	}
	from := len(b)
	for range size {
		b = append(b, byte(v))
		v >>= 8 // bytes beyond the eighth are zero, as in C
	}
	if p.order == binary.BigEndian {
		reverse(b[from:])
	}
	return b
}

func reverse(b []byte) {
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}

func (s *State) unpack(l *glua.LState) int {
	p := newLayout(l, s.argText(l, 1))
	data := s.argText(l, 2)
	start := l.OptInt(3, 1)
	if start <= 0 {
		l.ArgError(3, "offset must be 1 or greater")
	}
	at, n := start-1, 0
	for p.f != "" {
		opt, size := p.next()
		at += p.pad(at, size, opt)
		if at > len(data) || size > len(data)-at {
			l.ArgError(2, "data string too short")
		}
		if n > 7990 {
			l.RaiseError("too many results")
		}
		field := []byte(data[at : at+size])
		switch opt {
		case 'b', 'B', 'h', 'H', 'l', 'L', 'T', 'i', 'I':
			l.Push(glua.LNumber(p.integer(field, opt >= 'a')))
			n++
		case 'x':
		case 'f':
			l.Push(glua.LNumber(math.Float32frombits(p.order.Uint32(field))))
			n++
		case 'd', 'n':
			l.Push(glua.LNumber(math.Float64frombits(p.order.Uint64(field))))
			n++
		case 'c':
			if size == 0 {
				last, ok := l.Get(-1).(glua.LNumber)
				if n == 0 || !ok {
					l.RaiseError("format 'c0' needs a previous size")
				}
				size = int(truncate(float64(last)))
				l.Pop(1)
				n--
				if size < 0 || size > len(data)-at {
					l.ArgError(2, "data string too short")
				}
			}
			l.Push(glua.LString(data[at : at+size]))
			n++
		case 's':
			end := at
			for end < len(data) && data[end] != 0 {
				end++
			}
			if end == len(data) {
				l.RaiseError("unfinished string in data")
			}
			l.Push(glua.LString(data[at:end]))
			size = end - at + 1
			n++
		default:
			p.control(opt)
		}
		at += size
	}
	l.Push(glua.LNumber(at + 1))
	return n + 1
}

func (p *layout) integer(b []byte, signed bool) float64 {
	if p.order == binary.BigEndian {
		b = append([]byte(nil), b...)
		reverse(b)
	}
	var v uint64
	for i := min(len(b), 8) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	if !signed {
		return float64(v)
	}
	if len(b) < 8 && len(b) > 0 {
		shift := 64 - 8*len(b)
		return float64(int64(v<<shift) >> shift)
	}
	return float64(int64(v))
}

func (s *State) packSize(l *glua.LState) int {
	p := newLayout(l, s.argText(l, 1))
	at := 0
	for p.f != "" {
		opt, size := p.next()
		at += p.pad(at, size, opt)
		switch {
		case opt == 's' || opt == 'c' && size == 0:
			l.ArgError(1, fmt.Sprintf("option '%c' has no fixed size", opt))
		case size == 0:
			p.control(opt)
		}
		at += size
		if at > math.MaxInt32 {
			l.RaiseError("integral size overflow")
		}
	}
	l.Push(glua.LNumber(at))
	return 1
}
