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

// lacking are the commands of the reference that are not there, and why.
var lacking = map[string]string{
	"failover":  noReplicas,
	"replicaof": noReplicas,
	"slaveof":   noReplicas,
}

const fromScripts = "scripts may run it, as since Redis 7.2"

const noReplicas = "there is no replication yet"

// differentRows are the commands of which COMMAND INFO tells something else.
var differentRows = map[string]string{
	"blmove":                  fromScripts,
	"blpop":                   fromScripts,
	"brpop":                   fromScripts,
	"brpoplpush":              fromScripts,
	"bzpopmax":                fromScripts,
	"bzpopmin":                fromScripts,
	"wait":                    fromScripts,
	"command|getkeys":         "the command asked about may be one word, as in Redis 7.2",
	"zrank":                   "WITHSCORE came with Redis 7.2",
	"zrevrank":                "WITHSCORE came with Redis 7.2",
	"command|getkeysandflags": "the command asked about may be one word, as in Redis 7.2",
}

// lackingInfo are the fields of INFO that are not there, and why.
var lackingInfo = map[string]string{
	"atomicvar_api":             "it tells how C was compiled",
	"gcc_version":               "it tells how C was compiled; go_version stands for it",
	"used_cpu_sys_main_thread":  "there is no main thread: event loops move between those of the Go runtime",
	"used_cpu_user_main_thread": "there is no main thread: event loops move between those of the Go runtime",
}
