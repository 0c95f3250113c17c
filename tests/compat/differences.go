package compat

import (
	"bytes"
	"strings"
)

// A difference is a reply that is meant to differ from the reference's.
type difference struct {
	call string // the command in lower case, with its subcommand if it has one
	// mine and theirs are raw replies; one that is given is the only one.
	mine, theirs string
	why          string
}

// differences is the whole list. What cannot be compared at all, such as random
// replies, is in random_rules_test.go.
var differences = []difference{
	{call: "object encoding", mine: "$8\r\nlistpack\r\n", theirs: "$9\r\nhashtable\r\n",
		why: "Redis 7.2 and later keep small sets of strings in a listpack; the reference is 7.0"},
	{call: "object encoding", mine: "$8\r\nlistpack\r\n", theirs: "$9\r\nquicklist\r\n",
		why: "Redis 7.2 and later keep small lists in a listpack; the reference is 7.0"},
	{call: "zrank", theirs: "-ERR wrong number of arguments for 'zrank' command\r\n", why: "WITHSCORE came with Redis 7.2"},
	{call: "zrevrank", theirs: "-ERR wrong number of arguments for 'zrevrank' command\r\n", why: "WITHSCORE came with Redis 7.2"},
}

// knownDifference returns the reason why the replies to a call may differ as
// these do, or "".
func knownDifference(args [][]byte, mine, theirs []byte) string {
	if len(args) == 0 {
		return ""
	}
	call := string(bytes.ToLower(bytes.Join(args[:min(2, len(args))], []byte(" "))))
	for _, d := range differences {
		if call != d.call && !strings.HasPrefix(call, d.call+" ") {
			continue
		}
		if (d.mine == "" || d.mine == string(mine)) && (d.theirs == "" || d.theirs == string(theirs)) {
			return d.why
		}
	}
	return ""
}
