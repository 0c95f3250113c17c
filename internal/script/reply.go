package script

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Reply is one decoded RESP2 or RESP3 value.
type Reply struct {
	Kind  byte // the first byte on the wire: + - : $ * _ , # ! = ( % ~ > |
	Null  bool // $-1, *-1 or _
	Text  []byte
	Elems []Reply // of a map: key, value, key, value
}

// IsError reports whether the reply is an error of either protocol.
func (r Reply) IsError() bool { return r.Kind == '-' || r.Kind == '!' }

// ErrMalformed is the error for bytes that are no reply.
var ErrMalformed = errors.New("malformed reply")

// maxDepth is how deep replies may nest; the deepest of Redis is COMMAND DOCS.
const maxDepth = 64

// Read returns the bytes of one whole reply, nested ones included. Attributes
// ("|") are returned together with the reply they belong to.
func Read(r *bufio.Reader) ([]byte, error) {
	return readInto(nil, r, 0)
}

func readInto(buf []byte, r *bufio.Reader, depth int) ([]byte, error) {
	if depth > maxDepth {
		return buf, fmt.Errorf("%w: nested too deep", ErrMalformed)
	}
	line, err := r.ReadBytes('\n')
	buf = append(buf, line...)
	if err != nil {
		return buf, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return buf, fmt.Errorf("%w: %q", ErrMalformed, line)
	}
	n := 0
	switch line[0] {
	case '+', '-', ':', '_', ',', '#', '(':
		return buf, nil
	case '$', '!', '=', '*', '~', '>', '%', '|':
		if n, err = strconv.Atoi(string(line[1 : len(line)-2])); err != nil || n < -1 {
			return buf, fmt.Errorf("%w: %q", ErrMalformed, line)
		}
	default:
		return buf, fmt.Errorf("%w: %q", ErrMalformed, line)
	}
	if n == -1 {
		return buf, nil
	}
	switch line[0] {
	case '$', '!', '=':
		at := len(buf)
		buf = append(buf, make([]byte, n+2)...)
		if _, err := io.ReadFull(r, buf[at:]); err != nil {
			return buf, err
		}
		if !bytes.HasSuffix(buf, []byte("\r\n")) {
			return buf, fmt.Errorf("%w: a bulk that is longer than its length", ErrMalformed)
		}
		return buf, nil
	case '%':
		n *= 2
	case '|':
		n = 2*n + 1
	}
	for range n {
		if buf, err = readInto(buf, r, depth+1); err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// Decode reads one reply and returns how many bytes it took. An incomplete one
// is io.ErrUnexpectedEOF.
func Decode(raw []byte) (Reply, int, error) {
	return decode(raw, 0)
}

func decode(raw []byte, depth int) (Reply, int, error) {
	eol := bytes.Index(raw, []byte("\r\n"))
	if eol < 1 {
		if eol == 0 || depth > maxDepth {
			return Reply{}, 0, ErrMalformed
		}
		return Reply{}, 0, io.ErrUnexpectedEOF
	}
	r := Reply{Kind: raw[0], Text: raw[1:eol]}
	at := eol + 2
	switch r.Kind {
	case '+', '-', ':', ',', '#', '(':
		return r, at, nil
	case '_':
		r.Null = true
		return r, at, nil
	}
	n, err := strconv.Atoi(string(r.Text))
	if err != nil || n < -1 {
		return Reply{}, 0, fmt.Errorf("%w: %q", ErrMalformed, raw[:eol])
	}
	r.Text = nil
	if n == -1 {
		r.Null = true
		return r, at, nil
	}
	switch r.Kind {
	case '$', '!', '=':
		if len(raw)-at < n+2 {
			return Reply{}, 0, io.ErrUnexpectedEOF
		}
		r.Text = raw[at : at+n]
		return r, at + n + 2, nil
	case '%', '|':
		n *= 2
	case '*', '~', '>':
	default:
		return Reply{}, 0, fmt.Errorf("%w: %q", ErrMalformed, raw[:eol])
	}
	for range n {
		e, used, err := decode(raw[at:], depth+1)
		if err != nil {
			return Reply{}, 0, err
		}
		r.Elems = append(r.Elems, e)
		at += used
	}
	if r.Kind == '|' { // the value that the attribute is about follows
		e, used, err := decode(raw[at:], depth+1)
		return e, at + used, err
	}
	return r, at, nil
}

// Render writes a reply as redis-cli shows it on a terminal, without a last
// line's end.
func Render(r Reply) string {
	var b strings.Builder
	render(&b, r, "")
	return b.String()
}

// RenderRaw is Render for bytes from the wire; bytes that are no reply are quoted.
func RenderRaw(raw []byte) string {
	r, n, err := Decode(raw)
	if err != nil || n != len(raw) {
		return "(malformed) " + Quote(raw)
	}
	return Render(r)
}

func render(b *strings.Builder, r Reply, prefix string) {
	if r.Null {
		b.WriteString("(nil)")
		return
	}
	switch r.Kind {
	case '+':
		b.Write(r.Text)
	case '-', '!':
		b.WriteString("(error) ")
		b.Write(r.Text)
	case ':', '(':
		b.WriteString("(integer) ")
		b.Write(r.Text)
	case ',':
		b.WriteString("(double) ")
		b.Write(r.Text)
	case '#':
		if string(r.Text) == "t" {
			b.WriteString("(true)")
		} else {
			b.WriteString("(false)")
		}
	case '$', '=':
		b.WriteString(Quote(r.Text))
	default:
		renderElems(b, r, prefix)
	}
}

func renderElems(b *strings.Builder, r Reply, prefix string) {
	mark, empty, per := ") ", "(empty array)", 1
	switch r.Kind {
	case '%':
		mark, empty, per = "# ", "(empty hash)", 2
	case '~':
		mark, empty = "~ ", "(empty set)"
	case '>':
		empty = "(empty push)"
	}
	n := len(r.Elems) / per
	if n == 0 {
		b.WriteString(empty)
		return
	}
	width := len(strconv.Itoa(n))
	inner := prefix + strings.Repeat(" ", width+len(mark))
	for i := range n {
		if i > 0 {
			b.WriteByte('\n')
			b.WriteString(prefix)
		}
		fmt.Fprintf(b, "%*d%s", width, i+1, mark)
		render(b, r.Elems[i*per], inner)
		if per == 2 {
			b.WriteString(" => ")
			render(b, r.Elems[i*per+1], inner)
		}
	}
}

// Quote writes bytes as redis-cli shows a bulk string.
func Quote(p []byte) string {
	b := make([]byte, 0, len(p)+2)
	b = append(b, '"')
	for _, c := range p {
		switch c {
		case '\\', '"':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		case '\a':
			b = append(b, `\a`...)
		case '\b':
			b = append(b, `\b`...)
		default:
			if c >= 0x20 && c < 0x7f {
				b = append(b, c)
			} else {
				b = fmt.Appendf(b, `\x%02x`, c)
			}
		}
	}
	return string(append(b, '"'))
}
