package resp

import (
	"bytes"
	"math"
)

// A ProtocolError is malformed input; its text is Redis's reply after "ERR ", before it closes the connection.
type ProtocolError string

func (e ProtocolError) Error() string { return string(e) }

// Limits bound the size of a request.
type Limits struct {
	BulkBytes int // longest argument: proto-max-bulk-len
	Args      int // most arguments
}

// Limits of a client that has not authenticated.
const (
	UnauthArgs      = 10
	UnauthBulkBytes = 16384

	maxInline = 64 << 10 // longest inline request, and longest line of a length
	maxArgs   = math.MaxInt32
)

// DefaultLimits are those of Redis's default configuration.
var DefaultLimits = Limits{BulkBytes: 512 << 20, Args: maxArgs}

// A Parser reads the commands of one connection. The zero Parser is ready.
//
// It remembers its position in an incomplete command as offsets from the command's first byte, so that the caller
// may move the bytes as long as it keeps them together.
type Parser struct {
	pos    int   // how far the incomplete command has been read
	left   int   // arguments still to come; 0: its first line is not complete
	bounds []int // begin and end of each argument that has arrived
}

// Pending reports whether part of a command has been read.
func (p *Parser) Pending() bool { return p.left > 0 }

// Need is the number of bytes of the incomplete command that must be there before Next can make progress; 0 if
// that is not known.
func (p *Parser) Need(buf []byte) int {
	if p.left == 0 || p.pos >= len(buf) || buf[p.pos] != '$' {
		return 0
	}
	n, rest, ok := line(buf[p.pos:])
	if !ok {
		return 0
	}
	size, ok := parseLength(n[1:])
	if !ok {
		return 0
	}
	return p.pos + rest + size + 2
}

// Next reads one command from the front of buf. It returns its arguments, in
// args[:0] if they fit, and how many bytes it took. The arguments alias buf, to
// be read only: appending to one would write over the next. With n 0 the command is not
// complete: Next is called again when more has arrived behind the same bytes. A
// command without arguments (an empty line) takes bytes and has no arguments.
func (p *Parser) Next(buf []byte, args [][]byte, lim Limits) (argv [][]byte, n int, err error) {
	args = args[:0]
	if len(buf) == 0 {
		return args, 0, nil
	}
	if buf[0] != '*' {
		return p.inline(buf, args)
	}
	if p.left > 0 {
		return p.resume(buf, args, lim)
	}
	first, pos, ok := line(buf)
	if !ok {
		if len(buf) > maxInline {
			return args, 0, ProtocolError("Protocol error: too big mbulk count string")
		}
		return args, 0, nil
	}
	count, ok := parseLength(first[1:])
	if !ok || count > maxArgs {
		return args, 0, ProtocolError("Protocol error: invalid multibulk length")
	}
	if count > lim.Args {
		return args, 0, ProtocolError("Protocol error: unauthenticated multibulk length")
	}
	if count <= 0 {
		return args, pos, nil
	}
	p.pos, p.left, p.bounds = pos, count, p.bounds[:0]
	for p.left > 0 {
		start, end, err := bulk(buf, p.pos, lim)
		if err != nil {
			return args, 0, err
		}
		if end == 0 {
			// Arguments that have arrived are remembered by offsets: buf may move.
			for _, a := range args {
				from := cap(buf) - cap(a)
				p.bounds = append(p.bounds, from, from+len(a))
			}
			return args[:0], 0, nil
		}
		args = append(args, buf[start:end-2])
		p.pos, p.left = end, p.left-1
	}
	return args, p.pos, nil
}

// bulk finds the argument whose length is at pos; end, behind its line end, is 0
// when it has not arrived.
func bulk(buf []byte, pos int, lim Limits) (start, end int, err error) {
	if pos >= len(buf) {
		return 0, 0, nil
	}
	size, rest := shortLength(buf[pos:])
	if rest == 0 {
		first, next, ok := line(buf[pos:])
		if !ok {
			if len(buf)-pos > maxInline {
				return 0, 0, ProtocolError("Protocol error: too big bulk count string")
			}
			return 0, 0, nil
		}
		if buf[pos] != '$' {
			return 0, 0, ProtocolError("Protocol error: expected '$', got '" + string(buf[pos:pos+1]) + "'")
		}
		if size, ok = parseLength(first[1:]); !ok || size < 0 {
			return 0, 0, ProtocolError("Protocol error: invalid bulk length")
		}
		rest = next
	}
	if size > lim.BulkBytes {
		if lim.BulkBytes == UnauthBulkBytes {
			return 0, 0, ProtocolError("Protocol error: unauthenticated bulk length")
		}
		return 0, 0, ProtocolError("Protocol error: invalid bulk length")
	}
	start = pos + rest
	if len(buf)-start < size+2 {
		return 0, 0, nil
	}
	return start, start + size + 2, nil
}

// resume continues a command of which a part has been read before.
func (p *Parser) resume(buf []byte, args [][]byte, lim Limits) ([][]byte, int, error) {
	for p.left > 0 {
		start, end, err := bulk(buf, p.pos, lim)
		if err != nil || end == 0 {
			return args, 0, err
		}
		p.bounds = append(p.bounds, start, end-2)
		p.pos, p.left = end, p.left-1
	}
	for i := 0; i < len(p.bounds); i += 2 {
		args = append(args, buf[p.bounds[i]:p.bounds[i+1]])
	}
	if cap(p.bounds) > 1024 {
		p.bounds = nil // a giant command leaves no giant memory behind
	}
	p.bounds = p.bounds[:0]
	return args, p.pos, nil
}

// shortLength reads "$n\r\n" with n of one to four digits, which are nearly all lengths; next is 0 for anything
// else.
func shortLength(b []byte) (n, next int) {
	if len(b) < 8 || b[0] != '$' {
		return 0, 0
	}
	b = b[:8]
	n = int(b[1]) - '0'
	if n < 0 || n > 9 || (n == 0 && b[2] != '\r') {
		return 0, 0
	}
	for i := 2; i < 6; i++ {
		c := int(b[i])
		if c == '\r' {
			return n, i + 2
		}
		if c -= '0'; c < 0 || c > 9 {
			return 0, 0
		}
		n = n*10 + c
	}
	return 0, 0
}

// line returns the bytes before the first line end and where the next line
// begins.
func line(b []byte) (text []byte, next int, ok bool) {
	i := bytes.IndexByte(b, '\r')
	if i < 0 || i+1 >= len(b) {
		return nil, 0, false
	}
	return b[:i], i + 2, true
}

// parseLength reads a decimal integer as Redis's string2ll does: canonical, of
// 64 bits.
func parseLength(b []byte) (int, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	neg := b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 18 || (b[0] == '0' && (len(b) > 1 || neg)) {
		return 0, false
	}
	n := 0
	for _, c := range b {
		c -= '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int(c)
	}
	if neg {
		n = -n
	}
	return n, true
}
