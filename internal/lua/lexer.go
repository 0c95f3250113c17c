package lua

import (
	"fmt"
	"strings"
)

// A token is a unit that the lexer reads: a character, or one of these.
type token int

const (
	tokEOF token = iota + 256
	tokName
	tokNumber
	tokString
	tokConcat // ..
	tokDots   // ...
	tokEq
	tokGE
	tokLE
	tokNE
	tokAnd // the first of the reserved words
	tokBreak
	tokDo
	tokElse
	tokElseif
	tokEnd
	tokFalse
	tokFor
	tokFunction
	tokIf
	tokIn
	tokLocal
	tokNil
	tokNot
	tokOr
	tokRepeat
	tokReturn
	tokThen
	tokTrue
	tokUntil
	tokWhile
)

var tokenNames = [...]string{"<eof>", "<name>", "<number>", "<string>", "..", "...", "==", ">=", "<=", "~=",
	"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or",
	"repeat", "return", "then", "true", "until", "while"}

var reserved = func() map[string]token {
	m := make(map[string]token)
	for t := tokAnd; t <= tokWhile; t++ {
		m[tokenNames[t-tokEOF]] = t
	}
	return m
}()

func (t token) String() string {
	switch {
	case t >= tokEOF:
		return tokenNames[t-tokEOF]
	case t < ' ' || t == 127:
		return fmt.Sprintf("char(%d)", int(t))
	}
	return string([]byte{byte(t)})
}

// A lexer reads the tokens of Lua 5.1. It reports an error by a panic with a syntaxError.
type lexer struct {
	name string
	in   string
	at   int
	line int    // at which it reads
	last int    // of the token before the current one
	buf  []byte // text of the token being read, as an error shows it

	tok  token
	text string // of a name, number or string
	next *ahead // the token behind the current one, if it was looked at

	work func(n int) // counts the work done; may be nil
}

type ahead struct {
	tok  token
	text string
	buf  []byte
}

// A syntaxError is an error that a compiler finds in a program.
type syntaxError string

func (e syntaxError) Error() string { return string(e) }

// fail raises an error. near is the token that shows its place, if there is one.
func (x *lexer) fail(text string, near token) {
	text = fmt.Sprintf("%s:%d: %s", x.name, x.line, text)
	switch near {
	case 0:
	case tokName, tokNumber, tokString:
		shown, _, _ := strings.Cut(string(x.buf), "\x00")
		text += " near '" + shown + "'"
	default:
		text += " near '" + near.String() + "'"
	}
	panic(syntaxError(text))
}

// workPerToken is the cost of reading and compiling a token, in instructions.
const workPerToken = 20

// advance reads the next token.
func (x *lexer) advance() {
	if x.work != nil {
		x.work(workPerToken + len(x.text)/16)
	}
	x.last = x.line
	if n := x.next; n != nil {
		x.tok, x.text, x.buf, x.next = n.tok, n.text, n.buf, nil
		return
	}
	x.tok = x.read()
}

// peek is the token behind the current one.
func (x *lexer) peek() token {
	tok, text, buf := x.tok, x.text, x.buf
	x.buf = nil
	n := &ahead{tok: x.read()}
	n.text, n.buf = x.text, x.buf
	x.tok, x.text, x.buf, x.next = tok, text, buf, n
	return n.tok
}

// char is the current character; -1 is the end.
func (x *lexer) char() int {
	if x.at >= len(x.in) {
		return -1
	}
	return int(x.in[x.at])
}

func (x *lexer) save() {
	x.buf = append(x.buf, x.in[x.at])
	x.at++
}

func isNewline(c int) bool { return c == '\n' || c == '\r' }
func isDigit(c int) bool   { return c >= '0' && c <= '9' }
func isAlpha(c int) bool   { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }

// newline skips the end of a line, of one or two characters.
func (x *lexer) newline() {
	c := x.char()
	x.at++
	if d := x.char(); isNewline(d) && d != c {
		x.at++
	}
	x.line++
}

func (x *lexer) read() token {
	x.buf = x.buf[:0]
	for {
		c := x.char()
		switch {
		case c < 0:
			return tokEOF
		case isNewline(c):
			x.newline()
			continue
		case c == '-':
			x.at++
			if x.char() != '-' {
				return '-'
			}
			x.at++
			x.comment()
			continue
		case c == '[':
			sep := x.bracket()
			switch {
			case sep >= 0:
				x.long(sep, true)
				return tokString
			case sep == -1:
				return '['
			}
			x.fail("invalid long string delimiter", tokString)
		case c == '=' || c == '<' || c == '>' || c == '~':
			x.at++
			if x.char() != '=' {
				return token(c)
			}
			x.at++
			return map[int]token{'=': tokEq, '<': tokLE, '>': tokGE, '~': tokNE}[c]
		case c == '"' || c == '\'':
			x.quoted(c)
			return tokString
		case c == '.':
			x.save()
			if x.char() == '.' {
				x.at++
				if x.char() == '.' {
					x.at++
					return tokDots
				}
				return tokConcat
			}
			if !isDigit(x.char()) {
				return '.'
			}
			x.number()
			return tokNumber
		case c == ' ' || c >= '\t' && c <= '\r':
			x.at++
			continue
		case isDigit(c):
			x.number()
			return tokNumber
		case isAlpha(c):
			for isAlpha(x.char()) || isDigit(x.char()) {
				x.save()
			}
			x.text = string(x.buf)
			if t := reserved[x.text]; t != 0 {
				return t
			}
			return tokName
		default:
			x.at++
			return token(c)
		}
	}
}

func (x *lexer) comment() {
	if x.char() == '[' {
		sep := x.bracket()
		x.buf = x.buf[:0]
		if sep >= 0 {
			x.long(sep, false)
			x.buf = x.buf[:0]
			return
		}
	}
	for c := x.char(); c >= 0 && !isNewline(c); c = x.char() {
		x.at++
	}
}

// bracket skips [ or ] and the = after it: it returns their number, if the same bracket follows, otherwise -1 less
// that.
func (x *lexer) bracket() int {
	n, c := 0, x.char()
	x.save()
	for x.char() == '=' {
		x.save()
		n++
	}
	if x.char() == c {
		return n
	}
	return -n - 1
}

// long reads a long string or comment whose opening bracket has sep times =.
func (x *lexer) long(sep int, isString bool) {
	x.save() // the second [
	if isNewline(x.char()) {
		x.newline()
	}
	opening := len(x.buf)
	for {
		c := x.char()
		switch {
		case c < 0:
			if isString {
				x.fail("unfinished long string", tokEOF)
			}
			x.fail("unfinished long comment", tokEOF)
		case c == ']' && x.bracket() == sep:
			x.save()
			x.text = string(x.buf[opening : len(x.buf)-opening])
			return
		case c == ']':
		case isNewline(c):
			x.buf = append(x.buf, '\n')
			x.newline()
		default:
			x.save()
		}
	}
}

var escaped = map[int]byte{'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// quoted reads a string between quotes.
func (x *lexer) quoted(quote int) {
	x.save()
	for {
		c := x.char()
		switch {
		case c == quote:
			x.save()
			x.text = string(x.buf[1 : len(x.buf)-1])
			return
		case c < 0:
			x.fail("unfinished string", tokEOF)
		case isNewline(c):
			x.fail("unfinished string", tokString)
		case c != '\\':
			x.save()
			continue
		}
		x.at++ // the backslash
		c = x.char()
		switch {
		case c < 0: // said at the next turn
		case isNewline(c):
			x.buf = append(x.buf, '\n')
			x.newline()
		case isDigit(c):
			n := 0
			for i := 0; i < 3 && isDigit(x.char()); i++ {
				n = n*10 + x.char() - '0'
				x.at++
			}
			if n > 255 {
				x.fail("escape sequence too large", tokString)
			}
			x.buf = append(x.buf, byte(n))
		case escaped[c] != 0:
			x.buf = append(x.buf, escaped[c])
			x.at++
		default:
			x.save()
		}
	}
}

// number reads a number, of which buf may have the point. As in C, a NUL belongs to the characters that are
// searched, and ends the number's text.
func (x *lexer) number() {
	for isDigit(x.char()) || x.char() == '.' {
		x.save()
	}
	if c := x.char(); c == 'e' || c == 'E' || c == 0 {
		x.save()
		if c := x.char(); c == '+' || c == '-' || c == 0 {
			x.save()
		}
	}
	for isAlpha(x.char()) || isDigit(x.char()) {
		x.save()
	}
	x.text, _, _ = strings.Cut(string(x.buf), "\x00")
	if _, ok := parseNumber(x.text); !ok {
		x.fail("malformed number", tokNumber)
	}
}
