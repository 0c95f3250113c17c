package compat

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cached/internal/script"
)

// randomGroups are the groups whose commands are called at random.
var randomGroups = []string{"string", "generic", "list", "hash", "set", "sorted-set", "bitmap", "hyperloglog", "geo", "stream"}

// excluded are commands that two servers cannot answer alike, or that stop a
// test, with the reason each. A name covers its subcommands.
var excluded = map[string]string{
	"spop":            "removes a random member, so the servers would differ from then on",
	"wait":            "waits",
	"waitaof":         "waits",
	"blpop":           "waits",
	"brpop":           "waits",
	"blmove":          "waits",
	"blmpop":          "waits",
	"brpoplpush":      "waits",
	"bzpopmin":        "waits",
	"bzpopmax":        "waits",
	"bzmpop":          "waits",
	"migrate":         "talks to another server",
	"dump":            "the payload carries the version of the format",
	"restore":         "the payload carries the version of the format",
	"object help":     "text for people",
	"xinfo help":      "text for people",
	"xgroup help":     "text for people",
	"pfdebug":         "shows the inside",
	"pfselftest":      "takes seconds",
	"xinfo consumers": "shows idle times",
	"xinfo stream":    "shows idle times, and how the nodes are built",
	"object freq":     "counts at random",
	"hexpire":         "newer than the reference",
	"hscan":           "cursors are the server's own",
	"sscan":           "cursors are the server's own",
	"zscan":           "cursors are the server's own",
	"zlexcount":       "not defined where scores differ; its replies are in scripts",
	"zrangebylex":     "not defined where scores differ; its replies are in scripts",
	"zrevrangebylex":  "not defined where scores differ; its replies are in scripts",
	"zremrangebylex":  "not defined where scores differ; its replies are in scripts",
	"sort":            "order of equal weights and of sets is not defined; its replies are in scripts",
}

// looseReplies are compared by their type alone: they are random, cursors, or show times.
var looseReplies = map[string]bool{
	"xpending":  true,
	"randomkey": true, "srandmember": true, "hrandfield": true, "zrandmember": true, "scan": true,
	"object idletime": true, "object refcount": true,
}

// nearReplies are times: integers are equal when they are this near.
var nearReplies = map[string]int64{
	"ttl": 1, "pttl": 3000, "expiretime": 1, "pexpiretime": 3000,
}

// unorderedReplies have their elements in an order that is the server's own.
var unorderedReplies = map[string]bool{
	"keys": true, "smembers": true, "sinter": true, "sunion": true, "sdiff": true,
	"hgetall": true, "hkeys": true, "hvals": true,
	"geosearch": true, "georadius": true, "georadius_ro": true, "georadiusbymember": true, "georadiusbymember_ro": true,
	"sort_ro": true,
}

// choosingWords are options with which an unordered reply is a part of all elements.
var choosingWords = []string{"COUNT", "LIMIT"}

func callName(args []string) string {
	name := strings.ToLower(args[0])
	switch name {
	case "object", "xinfo", "xgroup", "memory":
		if len(args) > 1 {
			return name + " " + strings.ToLower(args[1])
		}
	}
	return name
}

func isExcluded(name string) bool {
	first, _, _ := strings.Cut(name, " ")
	return excluded[name] != "" || excluded[first] != ""
}

// sameReply compares two replies to a call as exactly as the call allows.
func sameReply(o *oracle, args []string, a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if a, b = withoutNegativeZero(a), withoutNegativeZero(b); bytes.Equal(a, b) {
		return true
	}
	name := callName(args)
	if knownDifference(o, argv(args...), a, b) != "" {
		return true
	}
	step := script.Step{Loose: looseReplies[name], Unordered: unorderedReplies[name]}
	if step.Unordered && slices.ContainsFunc(args, func(a string) bool { return slices.Contains(choosingWords, strings.ToUpper(a)) }) {
		step.Loose = true
	}
	if limit := nearReplies[name]; limit > 0 && a[0] == ':' && b[0] == ':' {
		x, _ := strconv.ParseInt(string(bytes.TrimSpace(a[1:])), 10, 64)
		y, _ := strconv.ParseInt(string(bytes.TrimSpace(b[1:])), 10, 64)
		return x > 1000 && y > 1000 && x-y <= limit && y-x <= limit
	}
	if name == "hgetall" && a[0] == '*' && b[0] == '*' {
		return bytes.Equal(sortedPairs(a), sortedPairs(b))
	}
	if step.Loose && step.Same(a, b) {
		return true
	}
	if step.Loose { // one may be null where the other has chosen another element
		return a[0] != '-' && b[0] != '-' && a[0] == b[0]
	}
	return step.Same(a, b)
}

// sortedPairs orders a flat list of fields and values by field.
func sortedPairs(raw []byte) []byte {
	r, _, err := script.Decode(raw)
	if err != nil {
		return raw
	}
	r.Kind = '%'
	out := []byte(script.Render(r))
	lines := bytes.Split(regexp.MustCompile(`(?m)^ *\d+# `).ReplaceAll(out, nil), []byte("\n"))
	return bytes.Join(sortLines(lines), []byte("\n"))
}

func sortLines(lines [][]byte) [][]byte {
	for i := range lines { // few of them
		for j := i; j > 0 && bytes.Compare(lines[j], lines[j-1]) < 0; j-- {
			lines[j], lines[j-1] = lines[j-1], lines[j]
		}
	}
	return lines
}

// tame changes a call that would make two servers differ by time alone, or make a string of more than a few
// kilobytes.
func tame(c *caller, args []string) []string {
	name := callName(args)
	relative := func(i int) {
		// A deadline in the near future would pass between two calls. No two are
		// the same, so that GT and LT do not depend on the millisecond of a call.
		if i < len(args) {
			if n, err := strconv.ParseInt(args[i], 10, 64); err == nil && n > 0 && n < 1<<40 {
				c.seq++
				args[i] = strconv.FormatInt(20_000_000+int64(c.IntN(20_000))*100_000+int64(c.seq%10_000)*10, 10)
			}
		}
	}
	bounded := func(i int, limit int64) {
		if i < len(args) {
			// 1<<33 and more is refused by every server.
			if n, err := strconv.ParseInt(strings.TrimPrefix(args[i], "#"), 10, 64); err == nil && n > limit && n < 1<<33 {
				args[i] = strconv.FormatInt(n%limit, 10)
			}
		}
	}
	switch name {
	case "expire", "pexpire", "setex", "psetex":
		relative(2)
	case "set", "getex", "msetex":
		for i := 2; i < len(args)-1; i++ {
			if w := strings.ToUpper(args[i]); w == "EX" || w == "PX" {
				relative(i + 1)
			}
		}
	case "setrange":
		bounded(2, 4000)
	case "setbit":
		bounded(2, 30_000)
	case "bitfield":
		for i := 2; i < len(args); i++ {
			bounded(i, 400)
		}
	case "xclaim", "xautoclaim":
		if len(args) > 4 { // which entries have been idle for that long depends on the clock
			if n, err := strconv.ParseInt(args[4], 10, 64); err == nil && n > 0 {
				args[4] = "0"
			}
		}
	case "xread", "xreadgroup":
		for i := range args { // would wait
			if strings.EqualFold(args[i], "BLOCK") {
				args[i] = "COUNT"
			}
		}
	case "xadd":
		for i := range args { // an ID from the clock is another on each server
			if args[i] == "*" {
				c.seq++
				args[i] = fmt.Sprintf("%d-*", c.seq)
			}
		}
	case "lpop", "rpop", "zrandmember", "srandmember", "hrandfield", "zpopmin", "zpopmax":
		// Redis allocates memory for a huge negative count.
		if len(args) > 2 {
			if n, err := strconv.ParseInt(args[2], 10, 64); err == nil && n < -1000 {
				args[2] = "-1000"
			}
		}
	}
	return args
}

// withoutNegativeZero makes scores of -0 to 0: Redis keeps the sign in a skiplist
// and loses it in a listpack, so it is no more than a trace of the encoding.
func withoutNegativeZero(raw []byte) []byte {
	raw = bytes.ReplaceAll(raw, []byte(",-0\r\n"), []byte(",0\r\n"))
	return bytes.ReplaceAll(raw, []byte("$2\r\n-0\r\n"), []byte("$1\r\n0\r\n"))
}
