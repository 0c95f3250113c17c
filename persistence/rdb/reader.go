package rdb

import (
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"sync/atomic"

	"cached/engine/table"
	"cached/internal/crc"
)

// A reader finds the ends of values. Bytes that it passes over are appended to out, if that is not nil: a string
// is appended as it is read, so that a length in the file allocates nothing before its bytes are there.
type reader struct {
	src     io.Reader
	buf     []byte
	r, w    int
	base    int64 // of buf in the file
	sum     uint64
	noSum   bool
	version int
	passed  *atomic.Int64 // bytes read, for the progress

	out *[]byte
}

const readBytes = 256 << 10

func newReader(src io.Reader) *reader { return &reader{src: src, buf: make([]byte, readBytes)} }

func (r *reader) offset() int64 { return r.base + int64(r.r) }

func (r *reader) fail(what string) error { return &FormatError{r.offset(), what} }

// fill reads more, until n bytes, which the buffer can hold, are there or the
// end is.
func (r *reader) fill(n int) error {
	if !r.noSum {
		r.sum = crc.Sum64(r.sum, r.buf[:r.r])
	}
	copy(r.buf, r.buf[r.r:r.w])
	r.base += int64(r.r)
	r.w -= r.r
	r.r = 0
	if r.passed != nil {
		r.passed.Store(r.base)
	}
	for empty := 0; r.w < n; {
		k, err := r.src.Read(r.buf[r.w:])
		r.w += k
		switch {
		case r.w >= n:
		case err == io.EOF:
			r.r = r.w
			return r.fail("unexpected end")
		case err != nil:
			return err
		case k == 0:
			if empty++; empty == 100 {
				return io.ErrNoProgress
			}
		}
	}
	return nil
}

// next returns the next n bytes, at most 16, until the next call.
func (r *reader) next(n int) ([]byte, error) {
	if r.w-r.r < n {
		if err := r.fill(n); err != nil {
			return nil, err
		}
	}
	b := r.buf[r.r : r.r+n]
	r.r += n
	if r.out != nil {
		*r.out = append(*r.out, b...)
	}
	return b, nil
}

// pass passes over n bytes.
func (r *reader) pass(n uint64) error {
	for n > 0 {
		if r.r == r.w {
			if err := r.fill(1); err != nil {
				return err
			}
		}
		k := int(min(n, uint64(r.w-r.r)))
		if r.out != nil {
			*r.out = append(*r.out, r.buf[r.r:r.r+k]...)
		}
		r.r += k
		n -= uint64(k)
	}
	return nil
}

func (r *reader) lengthOrEncoding() (n uint64, encoded bool, err error) {
	for {
		n, size, encoded, ok := parseLength(r.buf[r.r:r.w])
		if !ok {
			return 0, false, r.fail("unknown form of a length")
		}
		if size > 0 {
			_, err := r.next(size)
			return n, encoded, err
		}
		if err := r.fill(r.w - r.r + 1); err != nil {
			return 0, false, err
		}
	}
}

func (r *reader) length() (uint64, error) {
	n, encoded, err := r.lengthOrEncoding()
	if err == nil && encoded {
		return 0, r.fail("a string where a length should be")
	}
	return n, err
}

// passString passes over a string.
func (r *reader) passString() error {
	n, encoded, err := r.lengthOrEncoding()
	if err != nil {
		return err
	}
	if encoded {
		switch n {
		case encInt8:
			n = 1
		case encInt16:
			n = 2
		case encInt32:
			n = 4
		case encLZF:
			if n, err = r.length(); err != nil {
				return err
			}
			if _, err := r.length(); err != nil {
				return err
			}
		default:
			return r.fail("unknown form of a string")
		}
	}
	if n > table.MaxBytes {
		return r.fail("a string is too long")
	}
	return r.pass(n)
}

// string reads a string into *buf.
func (r *reader) string(buf, scratch *[]byte) ([]byte, error) {
	saved := r.out
	defer func() { r.out = saved }()
	*buf = (*buf)[:0]
	r.out = buf
	at := r.offset()
	if err := r.passString(); err != nil {
		return nil, err
	}
	c := cursor{b: *buf, base: at}
	return c.bytes(scratch)
}

// passValue passes over a value of type t. cut, if not nil, is called between
// elements at which the value may be cut.
func (r *reader) passValue(t byte, cut func() error) error {
	if int(t) >= numTypes || forms[t].layout == "" {
		if t == typeModule || t == typeModuleOld {
			r.out = nil
			if id, err := r.length(); err == nil {
				return r.fail("a value of module type " + moduleName(id) + ", and there are no modules")
			}
		}
		return r.fail("unknown type of value " + strconv.Itoa(int(t)))
	}
	if !forms[t].pieces {
		cut = nil
	}
	_, err := r.passLayout(forms[t].layout, cut)
	return err
}

// passLayout passes over the bytes of a layout, up to its end or a closing parenthesis, and returns the layout
// behind that.
func (r *reader) passLayout(layout string, cut func() error) (rest string, err error) {
	for layout != "" && layout[0] != ')' {
		switch layout[0] {
		case 's':
			err = r.passString()
		case 'l':
			_, err = r.length()
		case 'd':
			_, err = r.next(8)
		case 'i':
			_, err = r.next(16)
		case 'o':
			var b []byte
			if b, err = r.next(1); err == nil && b[0] < 253 {
				err = r.pass(uint64(b[0]))
			}
		case '(':
			var n uint64
			if n, err = r.length(); err != nil {
				return "", err
			}
			inside := layout[1:]
			layout = inside[closing(inside):]
			between := cut
			cut = nil // behind it a value is one piece
			for ; n > 0; n-- {
				if _, err = r.passLayout(inside, nil); err != nil {
					return "", err
				}
				if between != nil && n > 1 {
					if err = between(); err != nil {
						return "", err
					}
				}
			}
		}
		if err != nil {
			return "", err
		}
		layout = layout[1:]
	}
	return layout, nil
}

// closing is where the parentheses close that layout is inside of.
func closing(layout string) int {
	depth := 0
	for i, c := range layout {
		switch c {
		case '(':
			depth++
		case ')':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return len(layout)
}

// header reads the first nine bytes.
func (r *reader) header() error {
	b, err := r.next(9)
	if err != nil {
		return err
	}
	if string(b[:5]) != "REDIS" {
		return &FormatError{0, "not an RDB file"}
	}
	v, err := strconv.Atoi(string(b[5:]))
	if err != nil || v < 1 || v > Version {
		return &FormatError{5, "the version is " + strconv.QuoteToASCII(string(b[5:])) + ", not one of 1 to " + strconv.Itoa(Version)}
	}
	r.version = v
	return nil
}

// trailer compares the checksum behind the last byte, which files have since
// version 5. One of 0 says that there was none.
func (r *reader) trailer() error {
	if r.version < 5 {
		return nil
	}
	if !r.noSum {
		r.sum = crc.Sum64(r.sum, r.buf[:r.r])
	}
	skip := r.noSum
	sum := r.sum
	r.noSum = true
	b, err := r.next(8)
	if err != nil {
		return err
	}
	want := binary.LittleEndian.Uint64(b)
	if !skip && want != 0 && want != sum {
		return r.fail("wrong checksum: the file is corrupt")
	}
	return nil
}

// moduleAux passes over the data of a module that is not a value.
func (r *reader) moduleAux() error {
	const (
		auxEnd = iota
		auxSigned
		auxUnsigned
		auxFloat
		auxDouble
		auxString
	)
	if _, err := r.length(); err != nil { // the module
		return err
	}
	for {
		op, err := r.length()
		if err != nil {
			return err
		}
		switch op {
		case auxEnd:
			return nil
		case auxSigned, auxUnsigned:
			_, err = r.length()
		case auxFloat:
			_, err = r.next(4)
		case auxDouble:
			_, err = r.next(8)
		case auxString:
			err = r.passString()
		default:
			return r.fail("unknown opcode of a module")
		}
		if err != nil {
			return err
		}
	}
}

var errStopped = errors.New("loading was stopped")
