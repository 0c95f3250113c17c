package compat

import (
	"bytes"
	"strings"
)

// A difference is a reply that is meant to differ from the reference's.
type difference struct {
	call string // the command in lower case, with its subcommand if it has one
	why  string
}

// differences is the whole list; it is empty as long as nothing differs. What
// cannot be compared at all, such as random replies, is in random_rules_test.go.
var differences = []difference{}

// knownDifference returns the reason why the replies to a call may differ, or "".
func knownDifference(args [][]byte) string {
	if len(args) == 0 {
		return ""
	}
	call := string(bytes.ToLower(bytes.Join(args[:min(2, len(args))], []byte(" "))))
	for _, d := range differences {
		if call == d.call || strings.HasPrefix(call, d.call+" ") {
			return d.why
		}
	}
	return ""
}
