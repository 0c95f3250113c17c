package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var errQuotes = errors.New("Unbalanced quotes in configuration line")

// Split cuts a line of a configuration file into words. A word may be quoted:
// "..." knows \n \r \t \b \a \xff and \ before any other byte, '...' only \'. A
// closing quote must end its word.
func Split(line string) ([]string, error) {
	var words []string
	for i := 0; ; {
		for i < len(line) && blank(line[i]) {
			i++
		}
		if i == len(line) {
			return words, nil
		}
		word, n, err := word(line[i:])
		if err != nil {
			return nil, err
		}
		words = append(words, word)
		i += n
	}
}

func word(s string) (string, int, error) {
	var b []byte
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && blank(c):
			return string(b), i, nil
		case quote != 0 && c == quote:
			if i+1 < len(s) && !blank(s[i+1]) {
				return "", 0, errQuotes
			}
			return string(b), i + 1, nil
		case quote == '"' && c == '\\' && i+1 < len(s):
			c, n := unescape(s[i:])
			b = append(b, c)
			i += n - 1
		case quote == '\'' && c == '\\' && i+1 < len(s) && s[i+1] == '\'':
			b = append(b, '\'')
			i++
		default:
			b = append(b, c)
		}
	}
	if quote != 0 {
		return "", 0, errQuotes
	}
	return string(b), len(s), nil
}

// unescape reads the escape at the start of s, which has at least two bytes.
func unescape(s string) (byte, int) {
	if s[1] == 'x' && len(s) > 3 {
		if n, err := strconv.ParseUint(s[2:4], 16, 8); err == nil {
			return byte(n), 4
		}
	}
	if i := strings.IndexByte("nrtba", s[1]); i >= 0 {
		return "\n\r\t\b\a"[i], 2
	}
	return s[1], 2
}

func blank(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r' || c == 0
}

// Quote writes s so that Split reads it back, with every byte visible.
func Quote(s string) string {
	b := []byte{'"'}
	for i := range len(s) {
		c := s[i]
		switch j := strings.IndexByte("\n\r\t\b\a", c); {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case j >= 0:
			b = append(b, '\\', "nrtba"[j])
		case ' ' <= c && c <= '~':
			b = append(b, c)
		default:
			b = fmt.Appendf(b, "\\x%02x", c)
		}
	}
	return string(append(b, '"'))
}
