package compat

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cached/internal/script"
)

// A difference is a reply that is meant to differ from a reference's.
type difference struct {
	of    string         // the reference it concerns; empty: both
	calls []string       // how the calls begin, in lower case, words apart by one blank; none: any call
	word  *regexp.Regexp // matches a whole word
	// mine and theirs are raw replies; one that is given is the only one.
	mine, theirs string
	same         func(mine, theirs []byte) bool // where the replies cannot be listed
	unasked      bool                           // the call would leave different data; it is sent to neither server
	why          string
}

// differences is the whole list. Replies that cannot be compared at all, such as random ones, are in
// random_rules_test.go.
var differences = []difference{
	{of: redis70, same: sameNumbers, why: "numbers have their shortest form since Redis 7.2; 7.0 prints seventeen digits"},
	{of: redis70, calls: []string{"set"}, word: regexp.MustCompile(`(?i)^if(d?eq|d?ne)$`), unasked: true,
		why: "conditions about the value came with Valkey 8.1 and Redis 8.4"},
	{of: valkey91, calls: []string{"set"}, word: regexp.MustCompile(`(?i)^if(deq|d?ne)$`), unasked: true,
		why: "Valkey 9.1 has IFEQ only"},
	{of: redis70, calls: []string{"object encoding"}, mine: "$8\r\nlistpack\r\n", theirs: "$9\r\nhashtable\r\n",
		why: "Redis 7.2 and later keep small sets of strings in a listpack"},
	{of: redis70, calls: []string{"object encoding"}, mine: "$8\r\nlistpack\r\n", theirs: "$9\r\nquicklist\r\n",
		why: "Redis 7.2 and later keep small lists in a listpack"},
	{of: redis70, calls: []string{"zrank"}, theirs: "-ERR wrong number of arguments for 'zrank' command\r\n", why: withScore},
	{of: redis70, calls: []string{"zrevrank"}, theirs: "-ERR wrong number of arguments for 'zrevrank' command\r\n", why: withScore},
	{of: redis70, calls: []string{"bitcount", "bitpos"}, mine: notAnInteger, why: "Redis 7.2 and later read the range before they look at the key"},
	{of: redis70, calls: []string{"bitcount", "bitpos"}, mine: aSyntaxError, why: "Redis 7.2 and later read the range before they look at the key"},
	{of: redis70, calls: []string{"lrem"}, word: regexp.MustCompile(`^-9223372036854775808$`), unasked: true,
		why: "Redis 7.2 and later refuse the number that has no opposite, 7.0 removes elements"},
	{of: valkey91, calls: []string{"zrangebyscore", "zrevrangebyscore", "zrange"}, word: regexp.MustCompile(`^-\d+$`), mine: "*0\r\n",
		why: "with a LIMIT that begins in front of the first element Redis 7.0 has nothing, Valkey the elements from the first on"},
	{of: valkey91, calls: []string{"object encoding"}, mine: "$8\r\nlistpack\r\n", theirs: "$8\r\nskiplist\r\n",
		why: "a ZADD with more members than are kept small makes a sorted set large there, even if it adds none of them"},
	{of: redis70, calls: []string{"lpos", "lrem"}, mine: "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\r\n",
		why: "Redis 7.2 and later refuse a number without an opposite"},
	{of: redis70, calls: []string{"xread", "xreadgroup"}, same: sameUnbalanced, why: "Redis 7.2 and later name the command"},
	{of: redis70, calls: []string{"xsetid"}, mine: "-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id\r\n",
		unasked: true, why: "Redis 7.2 and later refuse an ID below those that were deleted"},
	{of: valkey91, calls: []string{"xread"}, mine: "-ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be specified.\r\n",
		theirs: "-ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.\r\n", why: "the last entry, +, came with Redis 7.4"},
	{of: redis70, calls: []string{"xinfo groups", "xinfo stream"}, same: sameButLag, why: lagCounts},

	{of: valkey91, calls: []string{"hexpire", "hpexpire", "hexpireat", "hpexpireat", "httl", "hpttl", "hexpiretime", "hpexpiretime",
		"hpersist", "hgetdel", "hgetex", "hsetex"}, unasked: true, why: "Valkey made the deadlines of fields anew, with other texts and limits"},
	{of: valkey91, calls: []string{"eval", "evalsha", "eval_ro", "evalsha_ro", "fcall", "fcall_ro", "function", "exec"},
		same: sameScriptTexts, why: "Valkey's messages name neither the script nor Redis"},
	{of: valkey91, calls: []string{"function load #!lua name=l\nredis.log(", "function load replace #!lua name=l\nredis.log("}, unasked: true,
		why: "Valkey 9.1 crashes"},
	{of: valkey91, calls: []string{"eval return redis.call('xread','block',0,'streams',keys[1],'$')", "eval return redis.call('xread','block',0,'streams',keys[1],0)"},
		why: "Redis refuses BLOCK of XREAD in scripts; Valkey runs it as if its time was over"},
	{of: valkey91, calls: []string{"eval #!"}, why: "Valkey has a choice of engines, and reads their line its own way"},
	{of: valkey91, calls: []string{"eval return redis.call('config','foo')", "eval return redis.call('object','foo')"},
		why: "Valkey says what the subcommand is"},
	{of: valkey91, calls: []string{"fcall nw 1 k"}, mine: "-ERR Write commands are not allowed from read-only scripts. script: nw, on @user_function:2.\r\n",
		why: "Valkey looks at the memory first"},
	{of: valkey91, calls: []string{"fcall ao 1 k"}, theirs: "+QUEUED\r\n", why: "Valkey lets the script say it when it runs"},
	{of: valkey91, calls: []string{"eval return redis.set_repl()"}, theirs: "-ERR server.set_repl() requires one argument. script: on @user_script:1.\r\n",
		why: "Valkey mended the text"},
	{of: valkey91, calls: []string{"function load #!lua name=x\nredis.register_function('a-b'"},
		theirs: "-ERR Function names can only contain letters, numbers, or underscores(_) and must be at least one character long\r\n",
		why:    "Valkey mended the text"},
	{of: valkey91, calls: []string{"function load #!lua name=l\nredis.log(", "function load replace #!lua name=l\nredis.log("}, unasked: true,
		why: "Valkey dies of a library that writes to the log"},
	{of: valkey91, same: sameLongNumbers, why: "of a number in two thousand Redis finds other digits than the fewest that read back as it"},
	{of: valkey91, calls: []string{"script help"}, why: "Valkey has more of it"},
	{of: valkey91, same: sameHelp, why: "Valkey words the help of HELP its own way"},
	{of: valkey91, calls: []string{"bitcount"}, mine: aSyntaxError, why: "Valkey lets the end be left out"},
	{of: valkey91, calls: []string{"bitcount"}, mine: notAnInteger, theirs: aSyntaxError, why: "Valkey lets the end be left out"},
	{of: valkey91, calls: []string{"client list", "client kill"}, why: "Valkey has filters of its own"},
	{of: valkey91, calls: []string{"client pause"}, theirs: "+OK\r\n", why: "Valkey overlooks what follows"},
	{of: valkey91, calls: []string{"command info"}, same: sameTips, why: "Valkey has tips and flags of its own"},
	{of: valkey91, calls: []string{"dump"}, why: "Valkey has its own version of the format"},
	{of: valkey91, calls: []string{"georadiusbymember", "georadiusbymember_ro", "geosearch", "geosearchstore"},
		mine: "-ERR could not decode requested zset member\r\n", why: "Valkey names the member"},
	{of: valkey91, calls: []string{"getex"}, theirs: "-ERR invalid expire time in 'getex' command\r\n", why: earlyTimes},
	{of: valkey91, calls: []string{"getex"}, theirs: notAnInteger, why: earlyTimes},
	{of: valkey91, calls: []string{"object encoding"}, mine: "$3\r\nraw\r\n", theirs: "$6\r\nembstr\r\n",
		why: "Valkey embeds longer strings in their objects"},
	{of: valkey91, calls: []string{"scan 0 count 1000 type bogus"}, why: "Valkey, and Redis from 8.0, refuse an unknown type"},
	{of: valkey91, calls: []string{"scan", "sscan", "hscan", "zscan"}, why: "Valkey reads cursors its own way"},
	{of: valkey91, calls: []string{"sort"}, theirs: "-ERR One or more scores can't be converted into double\r\n", why: floats},
	{of: valkey91, word: regexp.MustCompile(`^(\s.*|0x[0-9a-f]+)$`), unasked: true, why: floats},
	{of: valkey91, calls: []string{"zrange k -inf +inf byscore limit -1", "zrange k - + bylex limit -1", "zrangebylex k - + limit -1",
		"zrangebyscore k 0 9 limit -1", "zrevrangebylex k + - limit -1", "zrevrangebyscore k 9 0 limit -1"}, mine: "*0\r\n",
		why: "Valkey counts a negative offset from the end"},
	{of: valkey91, calls: []string{"lset"}, word: regexp.MustCompile(`^-?\d{10,}$`), unasked: true,
		why: "Valkey keeps 32 bits of the index"},
	{of: valkey91, calls: []string{"xreadgroup noack group g streams streams"}, why: "where the keys are has to be known before they are locked"},
	{of: valkey91, calls: []string{"xinfo groups", "xinfo stream"}, same: sameButLag, why: lagCounts},
}

const (
	notAnInteger = "-ERR value is not an integer or out of range\r\n"
	aSyntaxError = "-ERR syntax error\r\n"

	withScore  = "WITHSCORE came with Redis 7.2"
	earlyTimes = "Valkey looks at the time before the key"
	floats     = "Valkey's reader of numbers takes neither hexadecimal ones nor space in front nor nothing"
	lagCounts  = "Redis 7.2.6 and 7.4.1 count better what a group has not read"
)

// concerns reports whether the difference is about a call to a reference.
func (d *difference) concerns(o *oracle, args [][]byte) bool {
	if d.of != "" && d.of != o.name || len(args) == 0 {
		return false
	}
	if d.word != nil && !slices.ContainsFunc(args[1:], d.word.Match) {
		return false
	}
	if d.calls == nil {
		return true
	}
	call := string(bytes.ToLower(bytes.Join(args, []byte(" "))))
	return slices.ContainsFunc(d.calls, func(begin string) bool {
		rest, ok := strings.CutPrefix(call, begin)
		return ok && (rest == "" || rest[0] == ' ' || strings.Contains(begin, "#!"))
	})
}

// knownDifference returns the reason why the replies to a call may differ as
// these do, or "". Without a reply of ours it may be any.
func knownDifference(o *oracle, args [][]byte, mine, theirs []byte) string {
	for _, d := range differences {
		if d.concerns(o, args) && (d.same == nil || mine != nil && d.same(mine, theirs)) &&
			(d.mine == "" || mine == nil || d.mine == string(mine)) && (d.theirs == "" || d.theirs == string(theirs)) {
			return d.why
		}
	}
	return ""
}

// unasked reports whether a call is sent to neither server, since it would leave different data.
func unasked(o *oracle, args [][]byte) bool {
	return slices.ContainsFunc(differences, func(d difference) bool { return d.unasked && d.concerns(o, args) })
}

// sameUnbalanced compares the error about streams without IDs, in its old words.
func sameUnbalanced(mine, theirs []byte) bool {
	words := strings.NewReplacer("'xread'", "XREAD", "'xreadgroup'", "XREAD", "'>'", "'$'", "an ID, '+', or", "an ID or")
	return words.Replace(string(mine)) == string(theirs)
}

// sameButLag compares replies about groups without the numbers of entries they have read.
func sameButLag(mine, theirs []byte) bool {
	return bytes.Equal(lag.ReplaceAll(mine, nil), lag.ReplaceAll(theirs, nil))
}

var lag = regexp.MustCompile(`(entries-read|lag)\r\n(:-?\d+|\$-1|_)\r\n`)

// sameScriptTexts compares texts of scripts except for the words that Valkey removed.
func sameScriptTexts(mine, theirs []byte) bool {
	return sameNumbers(asValkeySays(mine), asValkeySays(theirs))
}

var (
	namedScript = regexp.MustCompile(`script: \w+, on `)
	bulkLength  = regexp.MustCompile(`\$\d+\r\n`)
	redisWords  = strings.NewReplacer("this redis lib call", "this call", "Unknown Redis command", "Unknown command",
		"calling Redis command", "calling command", "Lua redis lib command", "Command", "command arguments", "Command arguments",
		"This Redis command", "This Valkey command", "redis.", "server.", "debug level", "log level",
		"Error registering functions: ERR ", "", "Error registering functions: ", "", " Please use EVAL.", "", "Prints this help.", "Print this help.")
)

func asValkeySays(b []byte) []byte {
	b = bulkLength.ReplaceAll(namedScript.ReplaceAll(b, []byte("script: on ")), []byte("$\r\n"))
	return []byte(redisWords.Replace(string(b)))
}

func sameHelp(mine, theirs []byte) bool {
	help := strings.NewReplacer("Prints this help.", "Print this help.")
	return help.Replace(string(mine)) == help.Replace(string(theirs))
}

// sameTips compares COMMAND INFO of commands without their tips.
func sameTips(mine, theirs []byte) bool {
	plain := func(b []byte) string {
		r, _, err := script.Decode(b)
		if err != nil {
			return string(b)
		}
		for _, c := range r.Elems {
			if len(c.Elems) == 10 {
				c.Elems[2], c.Elems[7], c.Elems[9] = script.Reply{}, script.Reply{}, script.Reply{}
			}
		}
		return script.Render(r)
	}
	return plain(mine) == plain(theirs)
}

// sameNumbers compares replies but for the form in which they write numbers.
func sameNumbers(mine, theirs []byte) bool {
	return bytes.Equal(plainNumbers(mine), plainNumbers(theirs))
}

// plainNumbers writes each number of a reply that is not an integer, and the length
// in front of it, in one way.
func plainNumbers(raw []byte) []byte {
	return fraction.ReplaceAllFunc(raw, func(b []byte) []byte {
		parts := fraction.FindSubmatch(b)
		f, err := strconv.ParseFloat(string(parts[2]), 64)
		if err != nil {
			return b
		}
		return strconv.AppendFloat([]byte("~"), f, 'g', 15, 64)
	})
}

// sameLongNumbers compares replies but for numbers of which one has sixteen digits or
// more, when both are the same double.
func sameLongNumbers(mine, theirs []byte) bool {
	a, b := fraction.FindAllSubmatch(mine, -1), fraction.FindAllSubmatch(theirs, -1)
	if len(a) != len(b) || !bytes.Equal(fraction.ReplaceAll(mine, nil), fraction.ReplaceAll(theirs, nil)) {
		return false
	}
	for i := range a {
		x, y := a[i][2], b[i][2]
		f, _ := strconv.ParseFloat(string(x), 64)
		g, _ := strconv.ParseFloat(string(y), 64)
		if !bytes.Equal(x, y) && (f != g || max(len(x), len(y)) < 17) { // with the point
			return false
		}
	}
	return true
}

var fraction = regexp.MustCompile(`(\$\d*\r\n|,)(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?:\r\n)`)

// lacking are the commands of the reference that are not there, and why.
var lacking = map[string]string{}

const fromScripts = "scripts may run it, as since Redis 7.2"

// differentRows are the commands with another reply of COMMAND INFO.
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
	"atomicvar_api": "it tells how C was compiled",
	"gcc_version":   "it tells how C was compiled; go_version stands for it",
}
