package host

import (
	"errors"
	"strings"
	"syscall"
)

// Reason is what the system says of a failed call, in Redis's letters.
func Reason(err error) string {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return err.Error()
	}
	text := no.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}
