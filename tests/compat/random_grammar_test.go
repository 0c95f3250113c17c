package compat

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"cached/internal/script"
)

// A grammar is one command as COMMAND DOCS describes it.
type grammar struct {
	name  string // "set", "object encoding"
	group string
	args  []argSpec
}

// An argSpec is one argument of COMMAND DOCS, or a block or choice of some.
type argSpec struct {
	name, kind, token          string
	optional, multiple, repeat bool // repeat: the token comes before every value
	args                       []argSpec
}

// readGrammar asks a server for the grammar of all its commands.
func readGrammar(w *wire) ([]grammar, error) {
	raw, err := w.call(argv("COMMAND", "DOCS"))
	if err != nil {
		return nil, err
	}
	r, _, err := script.Decode(raw)
	if err != nil {
		return nil, err
	}
	var all []grammar
	for i := 0; i+1 < len(r.Elems); i += 2 {
		all = append(all, grammarsOf(string(r.Elems[i].Text), "", r.Elems[i+1])...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("COMMAND DOCS is empty: %.200q", raw)
	}
	return all, nil
}

func grammarsOf(name, group string, doc script.Reply) []grammar {
	if g := field(doc, "group"); g != nil {
		group = string(g.Text)
	}
	if subs := field(doc, "subcommands"); subs != nil {
		var all []grammar
		for i := 0; i+1 < len(subs.Elems); i += 2 {
			sub := strings.ReplaceAll(string(subs.Elems[i].Text), "|", " ")
			all = append(all, grammarsOf(sub, group, subs.Elems[i+1])...)
		}
		return all
	}
	g := grammar{name: strings.ToLower(name), group: strings.ReplaceAll(group, "_", "-")}
	if args := field(doc, "arguments"); args != nil {
		g.args = argSpecs(*args)
	}
	return []grammar{g}
}

func argSpecs(r script.Reply) []argSpec {
	var out []argSpec
	for _, e := range r.Elems {
		var a argSpec
		for i := 0; i+1 < len(e.Elems); i += 2 {
			v := e.Elems[i+1]
			switch string(e.Elems[i].Text) {
			case "name":
				a.name = string(v.Text)
			case "type":
				a.kind = string(v.Text)
			case "token":
				a.token = string(v.Text)
			case "flags":
				for _, f := range v.Elems {
					a.optional = a.optional || string(f.Text) == "optional"
					a.multiple = a.multiple || string(f.Text) == "multiple"
					a.repeat = a.repeat || string(f.Text) == "multiple_token"
				}
			case "arguments":
				a.args = argSpecs(v)
			}
		}
		out = append(out, a)
	}
	return out
}

// field finds a key in a map, which RESP2 sends as a flat array.
func field(r script.Reply, name string) *script.Reply {
	for i := 0; i+1 < len(r.Elems); i += 2 {
		if string(r.Elems[i].Text) == name {
			return &r.Elems[i+1]
		}
	}
	return nil
}

// A caller makes calls from grammars.
type caller struct {
	*rand.Rand
	seq int // makes IDs and deadlines that never repeat
	// homes has the key a group of commands takes most of the time, so that calls
	// of many groups meet values of their own type more often than others.
	homes map[string]string
	home  string // that of the call being made
	long  bool   // values of some hundred bytes, too
}

func newCaller(seed int64) *caller {
	return &caller{Rand: rand.New(rand.NewPCG(uint64(seed), 0x9e3779b97f4a7c15))}
}

func (c *caller) pick(from ...string) string { return from[c.IntN(len(from))] }

func (c *caller) chance(percent int) bool { return c.IntN(100) < percent }

var randomKeys = []string{"k1", "k2", "k3", "k4", "k5"}

// call makes one call. Most are valid; some lack an argument, have one too
// many, or a wrong one.
func (c *caller) call(g grammar) []string {
	args := strings.Fields(g.name)
	c.home = c.homes[g.group]
	head := len(args)
	args = c.fill(args, g.args, head == 1)
	if c.chance(15) {
		args = c.spoil(args, head)
	}
	if c.chance(10) {
		i := c.IntN(len(args))
		if isWord(args[i]) && !isKey(args[i]) {
			args[i] = strings.ToLower(args[i])
		}
	}
	return tame(c, args)
}

func isWord(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' }) < 0
}

func isKey(s string) bool {
	for _, k := range randomKeys {
		if s == k {
			return true
		}
	}
	return false
}

// fill appends a choice of values for the arguments. At the top, options may
// change places, as Redis allows it.
func (c *caller) fill(out []string, specs []argSpec, top bool) []string {
	var options [][]string
	first := len(out)
	for _, a := range specs {
		if a.optional && c.chance(60) {
			continue
		}
		if a.optional && top {
			options = append(options, c.one(nil, a))
			if c.chance(8) { // said twice
				options = append(options, c.one(nil, a))
			}
			continue
		}
		// Options in front of a required argument stay there.
		for _, o := range options {
			out = append(out, o...)
		}
		options = nil
		out = c.one(out, a)
	}
	c.Shuffle(len(options), func(i, j int) { options[i], options[j] = options[j], options[i] })
	for _, o := range options {
		out = append(out, o...)
	}
	return fixCount(out, first, specs)
}

// fixCount makes "numkeys" the number of keys that follow, most of the time:
// the value was chosen before the keys were.
func fixCount(out []string, first int, specs []argSpec) []string {
	for i, a := range specs {
		if a.name != "numkeys" || first+i >= len(out) || a.optional {
			continue
		}
		n := 0
		for j := first + i + 1; j < len(out) && isKey(out[j]); j++ {
			n++
		}
		if n > 0 {
			out[first+i] = fmt.Sprint(n)
		}
		break
	}
	return out
}

func (c *caller) one(out []string, a argSpec) []string {
	times := 1
	if a.multiple {
		times += c.IntN(3)
	}
	if a.token != "" && a.kind != "pure-token" {
		out = append(out, a.token)
	}
	for i := range times {
		if i > 0 && a.repeat {
			out = append(out, a.token)
		}
		switch a.kind {
		case "oneof":
			if len(a.args) > 0 {
				out = c.one(out, a.args[c.IntN(len(a.args))])
			}
		case "block":
			out = c.fill(out, a.args, false)
		case "pure-token":
			out = append(out, a.token)
		default:
			out = append(out, c.value(a))
		}
	}
	return out
}

// value chooses a value for an argument by its type and name.
func (c *caller) value(a argSpec) string {
	if c.chance(5) {
		return c.extreme()
	}
	switch a.kind {
	case "key":
		if c.home != "" && c.chance(50) {
			return c.home
		}
		return c.pick(randomKeys...)
	case "pattern":
		return c.pick("*", "k*", "?1", "[a-c]", "a", "", "k[^1]", "\\*")
	case "double":
		return c.pick("0", "1", "-1", "1.5", "2", "3.25", "-0", "1e3", "inf", "-inf", "0.1", "+5", "1e-7", "1e17", "-3.5e-5",
			"123456789.12345679", "4611686018427387904", "5e18", "1.7976931348623157e308", "5e-324", "1e21", "9007199254740993")
	case "unix-time":
		return fmt.Sprint(33_000_000_000 + c.IntN(1_000_000_000))
	case "integer":
		return c.integer(a.name)
	}
	switch a.name {
	case "member", "element", "pivot", "member1", "member2":
		return c.pick("a", "b", "c", "d", "1", "2", "33", "-7")
	case "field":
		return c.pick("f", "g", "h", "1", "")
	case "min", "max", "start", "stop", "end":
		return c.pick("-", "+", "(1", "[a", "(b", "[c", "0", "1", "-1", "2", "+inf", "-inf", "(2", "1-1", "5-0")
	case "id", "lastid", "last-id", "start-id", "end-id", "threshold":
		return c.pick("0", "1-1", "5-0", "0-1", "3", "$", "7-*")
	case "encoding", "type":
		return c.pick("u8", "i8", "i5", "u1", "u2", "i1", "i33", "u63", "i64", "u64", "string", "list", "hash", "zset")
	case "operation":
		return c.pick("AND", "OR", "XOR", "NOT", "AND", "OR", "XOR", "NOT", "and", "NAND")
	case "group":
		return c.pick("g1", "g2")
	case "consumer":
		return c.pick("c1", "c2")
	}
	if c.long && c.chance(50) { // bytes that repeat, more or less
		return strings.Repeat(c.pick("ab", "key and value, ", "\x00", "\xff\x00\x10", "0123456789", "HYLL"), 30+c.IntN(60))
	}
	return c.pick("v", "", "abc", "5", "-3", "10", "1.5", "hello world", "\x00\xff", "0", "a", "b",
		"9223372036854775807", "01234567890123456789012345678901234567890123456789")
}

func (c *caller) integer(name string) string {
	switch name {
	case "seconds", "milliseconds":
		return fmt.Sprint(1_000_000 + c.IntN(1_000_000_000))
	case "count":
		return c.pick("1", "2", "3", "10", "-1", "-3", "0", "100")
	case "offset":
		return c.pick("0", "1", "2", "3", "7", "8", "10", "63", "100", "-1", "#0", "#1", "#2", "#7")
	case "bit":
		return c.pick("0", "1", "0", "1", "2")
	case "increment":
		return c.pick("1", "-1", "3", "-7", "100", "-100", "1000", "65536", "4611686018427387904", "-4611686018427387904")
	case "longitude", "latitude":
		return c.pick("13.36", "38.11", "-74", "40.7", "0")
	}
	return c.pick("0", "1", "2", "3", "5", "7", "10", "100", "-1", "-2", "-5", "-100", "8", "63")
}

// extreme is a value from the edges.
func (c *caller) extreme() string {
	return c.pick("", " 1", "1 ", "+1", "01", "-0", "1.0", "1e2", "abc", "nan", "inf", "-inf", "1e400", "1e17", "1e-7", "4503599627370497",
		"9223372036854775807", "-9223372036854775808", "9223372036854775808", "-9223372036854775809",
		"18446744073709551615", "4294967296", "2147483648", "-2147483649", "*", "\x00", "NX", "EX", "COUNT", "é",
		strings.Repeat("x", 100))
}

// spoil breaks a call in one way or another.
func (c *caller) spoil(args []string, head int) []string {
	i := head
	if len(args) > head {
		i += c.IntN(len(args) - head)
	}
	switch c.IntN(6) {
	case 0: // too few
		return args[:i]
	case 1: // too many
		return append(args, c.pick("x", "NX", "XX", "GET", "COUNT", "1", "REPLACE", "WITHSCORES", "EX"))
	case 2:
		if i < len(args) {
			args[i] = c.extreme()
		}
	case 3: // another place
		if i < len(args) {
			j := head + c.IntN(len(args)-head)
			args[i], args[j] = args[j], args[i]
		}
	case 4: // twice
		if i < len(args) {
			args = append(args[:i:i], append([]string{args[i]}, args[i:]...)...)
		}
	case 5: // missing in the middle
		if i < len(args) {
			args = append(args[:i:i], args[i+1:]...)
		}
	}
	return args
}
