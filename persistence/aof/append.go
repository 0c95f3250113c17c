package aof

import "strconv"

// AppendCommand appends a command to b as clients send it.
func AppendCommand(b []byte, argv ...[]byte) []byte {
	b = appendHead(b, '*', len(argv))
	for _, a := range argv {
		b = appendBulk(b, a)
	}
	return b
}

func appendHead(b []byte, kind byte, n int) []byte {
	b = append(b, kind)
	if n < 10 {
		b = append(b, byte('0'+n))
	} else {
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return append(b, '\r', '\n')
}

func appendBulk(b, text []byte) []byte {
	b = appendHead(b, '$', len(text))
	b = append(b, text...)
	return append(b, '\r', '\n')
}

// AppendSelect appends the command that makes db the database of what follows.
func AppendSelect(b []byte, db int) []byte {
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], int64(db), 10)
	b = append(b, "*2\r\n$6\r\nSELECT\r\n"...)
	return appendBulk(b, text)
}

// The commands around what must be seen whole.
const (
	Multi = "*1\r\n$5\r\nMULTI\r\n"
	Exec  = "*1\r\n$4\r\nEXEC\r\n"
)

// AppendTime appends a note of when what follows was done, which Redis 7 writes
// and every reader passes over.
func AppendTime(b []byte, seconds int64) []byte {
	b = append(b, "#TS:"...)
	b = strconv.AppendInt(b, seconds, 10)
	return append(b, '\r', '\n')
}
