package resp

import "bytes"

// inline reads a command that is a line of words, as a person would type it.
func (p *Parser) inline(buf []byte, args [][]byte) ([][]byte, int, error) {
	i := bytes.IndexByte(buf, '\n')
	if nul := bytes.IndexByte(buf[:max(i, 0)], 0); nul >= 0 {
		i = -1 // Redis looks no further than a NUL
	}
	if i < 0 {
		if len(buf) > maxInline {
			return args, 0, ProtocolError("Protocol error: too big inline request")
		}
		return args, 0, nil
	}
	text := buf[:i]
	if i > 0 && text[i-1] == '\r' {
		text = text[:i-1]
	}
	args, ok := SplitArgs(text, args)
	if !ok {
		return args[:0], 0, ProtocolError("Protocol error: unbalanced quotes in request")
	}
	return args, i + 1, nil
}

// SplitArgs splits a line into words as Redis does: at white space, with "..."
// holding escapes (\n \r \t \b \a \xHH \" \\) and '...' only \'. A closing quote
// must end the word. It reports whether the quotes were balanced. Words without
// quotes alias text.
func SplitArgs(text []byte, args [][]byte) ([][]byte, bool) {
	if i := bytes.IndexByte(text, 0); i >= 0 {
		text = text[:i] // Redis's C string ends there
	}
	for {
		for len(text) > 0 && isSpace(text[0]) {
			text = text[1:]
		}
		if len(text) == 0 {
			return args, true
		}
		n := 0
		for n < len(text) && !isSpace(text[n]) && text[n] != '"' && text[n] != '\'' {
			n++
		}
		if n == len(text) || isSpace(text[n]) {
			args = append(args, text[:n:n])
			text = text[n:]
			continue
		}
		word, rest, ok := quotedWord(text)
		if !ok {
			return args, false
		}
		args = append(args, word)
		text = rest
	}
}

// quotedWord reads a word that has a quote in it.
func quotedWord(text []byte) (word, rest []byte, ok bool) {
	word = make([]byte, 0, len(text))
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == 0:
			if isSpace(c) {
				return word, text[i:], true
			}
			if c == '"' || c == '\'' {
				quote = c
				continue
			}
			word = append(word, c)
		case c == quote:
			if i+1 < len(text) && !isSpace(text[i+1]) {
				return nil, nil, false
			}
			return word, text[i+1:], true
		case quote == '"' && c == '\\' && i+3 < len(text) && text[i+1] == 'x' && isHex(text[i+2]) && isHex(text[i+3]):
			word = append(word, unhex(text[i+2])<<4|unhex(text[i+3]))
			i += 3
		case quote == '"' && c == '\\' && i+1 < len(text):
			i++
			word = append(word, unescape(text[i]))
		case quote == '\'' && c == '\\' && i+1 < len(text) && text[i+1] == '\'':
			i++
			word = append(word, '\'')
		default:
			word = append(word, c)
		}
	}
	return word, nil, quote == 0
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	default:
		return c - 'A' + 10
	}
}
