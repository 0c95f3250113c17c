package server

import (
	"bytes"
	"strings"

	"cached/commands"
)

// errSubcommand is the error of a subcommand that does not take these words.
func errSubcommand(c *commands.Ctx) error {
	name := c.Spec.FullName()
	for i := range name {
		if name[i] == '|' {
			name = name[:i]
			break
		}
	}
	return commands.Error("ERR unknown subcommand or wrong number of arguments for '" + clip(c.Argv[1], 128) +
		"'. Try " + upper(name) + " HELP.")
}

// onOff reads the argument of CLIENT NO-EVICT and NO-TOUCH.
func onOff(b []byte) (bool, error) {
	switch {
	case bytes.EqualFold(b, []byte("on")):
		return true, nil
	case bytes.EqualFold(b, []byte("off")):
		return false, nil
	}
	return false, commands.ErrSyntax
}

// clip shortens what a client sent to n bytes, as C's %.*s does: up to a NUL.
func clip(b []byte, n int) string {
	if len(b) > n {
		b = b[:n]
	}
	s := string(b)
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	return s
}

// fold is a word of a client in lower case, to switch on.
func fold(b []byte) string { return strings.ToLower(string(b)) }

// upper is a name in capitals, for messages.
func upper(s string) string { return strings.ToUpper(s) }

// validName reports whether a client may be called b.
func validName(b []byte) bool {
	for _, c := range b {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}

const errNameChars = commands.Error("ERR Client names cannot contain spaces, newlines or special characters.")
