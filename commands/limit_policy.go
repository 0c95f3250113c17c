package commands

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"cached/engine"
	"cached/internal/limit"
)

// Named policies are kept by the engine, of no database, as limit.AppendPolicies writes them.

// maxNamedPolicies bounds how many there are.
const maxNamedPolicies = 10_000

const (
	errPolicyName  = Error("ERR a policy name is 1 to 64 letters, digits, and . _ : -")
	errPolicyCount = Error("ERR there are 10000 named policies already")
	errNested      = Error("ERR a named policy cannot hold another one")
)

func noPolicy(name []byte) error {
	if len(name) > 64 {
		name = name[:64]
	}
	return Error("ERR no policy '" + string(name) + "'")
}

func policyName(name []byte) bool {
	if len(name) == 0 || len(name) > 64 {
		return false
	}
	for _, c := range name {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != ':' && c != '-' {
			return false
		}
	}
	return true
}

// parsePolicies reads the words of policies, and nothing else.
func parsePolicies(a *Args) (text []byte, err error) {
	var t takeCall
	for a.More() {
		switch known, err := t.policy(a); {
		case err != nil:
			return nil, err
		case known:
		case a.Is("POLICY"):
			return nil, errNested
		default:
			return nil, unknownOption(a.Peek())
		}
	}
	if t.n == 0 {
		return nil, errNoPolicy
	}
	return limit.AppendPolicies(nil, t.policies[:t.n]), nil
}

func limitPolicySet(c *Ctx) error {
	name := c.Argv[2]
	if !policyName(name) {
		return errPolicyName
	}
	a := c.Args(3)
	text, err := parsePolicies(&a)
	if err != nil {
		return err
	}
	all := c.Tx.Engine().Policies()
	if _, there := all.Get(name); !there && len(all.All()) >= maxNamedPolicies {
		return errPolicyCount
	}
	all.Set(string(name), string(text))
	c.Tx.Logged()
	c.Reply.OK()
	return nil
}

func limitPolicyDel(c *Ctx) error {
	all := c.Tx.Engine().Policies()
	n := int64(0)
	for _, name := range c.Argv[2:] {
		if _, there := all.Get(name); there {
			all.Set(string(name), "")
			c.Tx.Logged()
			n++
		}
	}
	c.Reply.Int(n)
	return nil
}

func limitPolicyGet(c *Ctx) error {
	text, ok := c.Tx.Engine().Policies().Get(c.Argv[2])
	if !ok {
		c.Reply.Null()
		return nil
	}
	c.Reply.Bulk(policyWords(text))
	return nil
}

func limitPolicyList(c *Ctx) error {
	all := c.Tx.Engine().Policies().All()
	c.Reply.Map(len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c.Reply.BulkString(name)
		c.Reply.Bulk(policyWords(all[name]))
	}
	return nil
}

// policyWords are the words of policies.
func policyWords(text string) (words []byte) {
	all, _ := limit.ReadPolicies(text, nil)
	for i := range all {
		if i > 0 {
			words = append(words, ' ')
		}
		words = all[i].AppendText(words)
	}
	return words
}

// LimitPolicies returns the named policies of an engine as files hold them: a line for each,
// its name and its words.
func LimitPolicies(e *engine.Engine) string {
	var b strings.Builder
	all := e.Policies().All()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b.WriteString(name)
		b.WriteByte(' ')
		b.Write(policyWords(all[name]))
		b.WriteByte('\n')
	}
	return b.String()
}

// LoadLimitPolicies gives an engine, whose keyspace nobody else uses, the policies of a text
// that LimitPolicies made.
func LoadLimitPolicies(e *engine.Engine, text string) error {
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if text == "" {
			return nil
		}
		name, rest, _ := strings.Cut(line, " ")
		var words [][]byte
		for _, w := range strings.Fields(rest) {
			words = append(words, []byte(w))
		}
		a := Args{argv: words}
		policies, err := parsePolicies(&a)
		if err != nil || !policyName([]byte(name)) {
			return Error("line " + strconv.Itoa(i+1) + " of the policies of limits is malformed")
		}
		e.Policies().Set(name, string(policies))
	}
	return nil
}
