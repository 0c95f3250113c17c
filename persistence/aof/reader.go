package aof

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// ErrTruncated: the file ends in the middle of a command or a transaction. The part before Reader.Valid is
// complete.
var ErrTruncated = errors.New("the file ends in the middle of a command")

// A FormatError is an error in a file, with its place.
type FormatError struct {
	Offset int64
	What   string
}

func (e *FormatError) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.What) }

const (
	readBytes = 256 << 10
	maxArgs   = 1 << 30
	maxBulk   = 1 << 32 // longer strings than the engine holds need not be read
	maxHead   = 64      // bytes of a line with a length
	maxNote   = 1024    // bytes of a line with a note
)

// A Reader reads the commands of a file.
type Reader struct {
	src   io.Reader
	buf   []byte
	r, w  int   // the part of the buffer that was read and not returned yet
	base  int64 // of buf in the file
	ended bool  // src has no more
	start int64 // of the command that Next returned
	valid int64
	multi int64 // where the transaction that is open began, or -1
	args  [][]byte
	ends  []int
}

// NewReader returns a Reader of src, which begins at offset, where a command begins.
func NewReader(src io.Reader, offset int64) *Reader {
	return &Reader{src: src, buf: make([]byte, readBytes), base: offset, valid: offset, multi: -1}
}

// Offset is how far the file has been read.
func (r *Reader) Offset() int64 { return r.base + int64(r.r) }

// Start is where the command begins that Next returned.
func (r *Reader) Start() int64 { return r.start }

// Valid is the offset behind the last command that was not inside an open transaction.
func (r *Reader) Valid() int64 { return r.valid }

// Next returns the next command, whose words are valid until the next call. MULTI and EXEC are returned like other
// commands. At the end it returns io.EOF, or ErrTruncated if that is in the middle of a command or a transaction.
func (r *Reader) Next() ([][]byte, error) {
	for {
		if r.r == r.w {
			if err := r.fill(1); err != nil {
				if err == ErrTruncated && r.multi < 0 {
					return nil, io.EOF
				}
				return nil, err
			}
		}
		start := r.Offset()
		if r.buf[r.r] == '#' {
			if _, err := r.line(maxNote); err != nil {
				return nil, err
			}
			if r.multi < 0 {
				r.valid = r.Offset()
			}
			continue
		}
		argv, err := r.command()
		if err != nil {
			return nil, err
		}
		r.start = start
		switch {
		case r.multi < 0 && len(argv) == 1 && bytes.EqualFold(argv[0], []byte("multi")):
			r.multi = start
		case r.multi >= 0 && len(argv) == 1 && bytes.EqualFold(argv[0], []byte("exec")):
			r.multi = -1
		}
		if r.multi < 0 {
			r.valid = r.Offset()
		}
		return argv, nil
	}
}

// command reads the command that begins here.
func (r *Reader) command() ([][]byte, error) {
	start := r.Offset()
	n, err := r.head('*', maxArgs)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, &FormatError{start, "a command without words"}
	}
	// Positions of words are relative to the command's first byte, since the buffer may move.
	from := int(r.Offset() - start)
	r.ends = r.ends[:0]
	pos := from
	for range n {
		at := pos
		size, next, err := r.headAt(start, at)
		if err != nil {
			return nil, err
		}
		pos = next + size + 2
		if err := r.need(start, pos); err != nil {
			return nil, err
		}
		i := int(start-r.base) + pos
		if r.buf[i-2] != '\r' || r.buf[i-1] != '\n' {
			return nil, &FormatError{start + int64(pos) - 2, "a word does not end where it should"}
		}
		r.ends = append(r.ends, next, pos-2)
	}
	first := int(start - r.base)
	r.args = r.args[:0]
	for i := 0; i < len(r.ends); i += 2 {
		a, b := first+r.ends[i], first+r.ends[i+1]
		r.args = append(r.args, r.buf[a:b:b])
	}
	r.r = first + pos
	return r.args, nil
}

// headAt reads the line with the length of a word, at a distance from the command that began at start, and returns
// the end of the line.
func (r *Reader) headAt(start int64, at int) (n, next int, err error) {
	if err := r.need(start, at+4); err != nil { // the shortest: $0\r\n
		return 0, 0, err
	}
	for {
		i := int(start-r.base) + at
		line := r.buf[i:min(r.w, i+maxHead)]
		end := bytes.IndexByte(line, '\n')
		if end < 0 {
			if len(line) == maxHead {
				return 0, 0, &FormatError{start + int64(at), "a length is too long"}
			}
			if err := r.need(start, at+len(line)+1); err != nil {
				return 0, 0, err
			}
			continue
		}
		n, what := length(line[:end+1], '$', maxBulk)
		if what != "" {
			return 0, 0, &FormatError{start + int64(at), what}
		}
		return n, at + end + 1, nil
	}
}

// head reads the line with the number of words.
func (r *Reader) head(kind byte, most int) (int, error) {
	start := r.Offset()
	if r.buf[r.r] != kind {
		return 0, &FormatError{start, "not the beginning of a command"}
	}
	line, err := r.line(maxHead)
	if err != nil {
		return 0, err
	}
	n, what := length(line, kind, most)
	if what != "" {
		return 0, &FormatError{start, what}
	}
	return n, nil
}

// length parses the number in a line such as *3 or $12; what is the error, if any.
func length(line []byte, kind byte, most int) (n int, what string) {
	if line[0] != kind {
		return 0, "a word has no length"
	}
	if len(line) < 4 || line[len(line)-2] != '\r' {
		return 0, "not a length"
	}
	for _, c := range line[1 : len(line)-2] {
		if c < '0' || c > '9' {
			return 0, "not a length"
		}
		if n = n*10 + int(c-'0'); n > most {
			return 0, "a length is too large"
		}
	}
	return n, ""
}

// line reads a line of at most most bytes, with its end.
func (r *Reader) line(most int) ([]byte, error) {
	for {
		if i := bytes.IndexByte(r.buf[r.r:r.w], '\n'); i >= 0 && i < most {
			line := r.buf[r.r : r.r+i+1]
			r.r += i + 1
			return line, nil
		} else if r.w-r.r >= most {
			return nil, &FormatError{r.Offset(), "a line is too long"}
		}
		if err := r.fill(r.w - r.r + 1); err != nil {
			return nil, err
		}
	}
}

// need reads until there are n bytes of the command that began at start. The bytes of it that were consumed are
// kept before the others.
func (r *Reader) need(start int64, n int) error {
	r.r = int(start - r.base)
	if r.w-r.r >= n {
		return nil
	}
	return r.fill(n)
}

// fill reads until n bytes are there, or more.
func (r *Reader) fill(n int) error {
	if r.r > 0 {
		copy(r.buf, r.buf[r.r:r.w])
		r.base += int64(r.r)
		r.w -= r.r
		r.r = 0
	}
	for empty := 0; r.w < n; {
		if r.w == len(r.buf) {
			// A length in the file allocates nothing before its bytes are there.
			r.buf = append(r.buf, make([]byte, len(r.buf))...)
		}
		if r.ended {
			return ErrTruncated
		}
		k, err := r.src.Read(r.buf[r.w:])
		r.w += k
		switch {
		case err == io.EOF:
			r.ended = true
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
