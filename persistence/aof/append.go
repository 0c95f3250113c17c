package aof

import "strconv"

// AppendTime appends a comment with the time of the following commands, as Redis 7 writes it; readers skip it.
func AppendTime(b []byte, seconds int64) []byte {
	b = append(b, "#TS:"...)
	b = strconv.AppendInt(b, seconds, 10)
	return append(b, '\r', '\n')
}
