package replication

import (
	"bytes"
	"strconv"
)

// Replicas count the bytes that they are sent: a command that they do not know cannot be
// left out for them alone. In its place they are sent a PING of the same length, which a
// replica takes from its primary without an answer.

// appendOwn appends the places of such commands in p, which is whole commands and begins at
// an offset: those with a dot in their name.
func appendOwn(own []span, p []byte, offset int64) []span {
	for at := 0; at < len(p); {
		name, size, ok := commandAt(p[at:])
		if !ok {
			return own
		}
		if bytes.IndexByte(name, '.') >= 0 && size >= leastFiller {
			own = append(own, span{offset + int64(at), size})
		}
		at += size
	}
	return own
}

// commandAt returns the name of the command in front of p, and how long it is.
func commandAt(p []byte) (name []byte, size int, ok bool) {
	words, at, ok := number(p, 0, '*')
	for i := 0; ok && i < words; i++ {
		var n int
		if n, at, ok = number(p, at, '$'); !ok || n > len(p)-at-2 {
			return nil, 0, false
		}
		if i == 0 {
			name = p[at : at+n]
		}
		at += n + 2
	}
	return name, at, ok
}

// number reads a line of a kind and a number at a place, and returns where it ends.
func number(p []byte, at int, kind byte) (n, end int, ok bool) {
	if at >= len(p) || p[at] != kind {
		return 0, 0, false
	}
	for at++; at < len(p) && p[at] >= '0' && p[at] <= '9' && n < 1<<40; at++ {
		n = n*10 + int(p[at]-'0')
	}
	return n, at + 2, at+1 < len(p) && p[at] == '\r' && p[at+1] == '\n'
}

const (
	ping     = "*1\r\n$4\r\nPING\r\n"
	pingHead = "*2\r\n$4\r\nPING\r\n"
	// leastFiller is how many bytes a command has at least that can be replaced: two PINGs
	// are needed for some lengths.
	leastFiller = len(ping) + len(pingHead) + len("$0\r\n\r\n")
)

// appendFiller appends commands without effect of exactly size bytes, leastFiller or more.
func appendFiller(b []byte, size int) []byte {
	for {
		rest := size - len(pingHead)
		for digits := 1; digits < 12; digits++ {
			n := rest - digits - len("$\r\n\r\n")
			if n < 0 || len(strconv.Itoa(n)) != digits {
				continue
			}
			b = append(b, pingHead+"$"...)
			b = strconv.AppendInt(b, int64(n), 10)
			b = append(b, "\r\n"...)
			b = append(b, bytes.Repeat([]byte{'.'}, n)...)
			return append(b, "\r\n"...)
		}
		b = append(b, ping...) // no word is as long that the command were
		size -= len(ping)
	}
}
