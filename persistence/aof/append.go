package aof

import "strconv"

// AppendTime appends a note of when what follows was done, which Redis 7 writes
// and every reader passes over.
func AppendTime(b []byte, seconds int64) []byte {
	b = append(b, "#TS:"...)
	b = strconv.AppendInt(b, seconds, 10)
	return append(b, '\r', '\n')
}
