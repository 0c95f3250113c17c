package acl

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Errors of rules, as clients see them.
var (
	// ErrUnknown is the error of a command or category that does not exist.
	ErrUnknown = errors.New("Unknown command or category name in ACL")
	errSyntax  = errors.New("Syntax error")
	errKeys    = errors.New("Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not " +
		"have any effect. Try 'resetkeys' to start with an empty list of patterns")
	errChannels = errors.New("Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not " +
		"have any effect. Try 'resetchannels' to start with an empty list of channels")
	errFirst = errors.New("Allowing first-arg of a subcommand is not supported")
	errHash  = errors.New("The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters")
	errPass  = errors.New("The password you are trying to remove from the user does not exist")
)

// A RuleError is a rule that cannot be applied.
type RuleError struct {
	Rule string
	Err  error
}

func (e *RuleError) Error() string { return e.Err.Error() }
func (e *RuleError) Unwrap() error { return e.Err }

// UnmatchedError is the error of a selector that does not end.
type UnmatchedError struct{ Start string }

func (e *UnmatchedError) Error() string {
	return fmt.Sprintf("Unmatched parenthesis in acl selector starting at '%s'.", e.Start)
}

// Apply returns the user that results from applying the rules to u, or the error of the first bad rule: a
// *RuleError or an *UnmatchedError. allChannels says whether "reset" and a new selector allow all channels.
func (u *User) Apply(catalog *Catalog, rules []string, allChannels bool) (*User, error) {
	rules, err := joinSelectors(rules)
	if err != nil {
		return nil, err
	}
	n := u.clone()
	for _, rule := range rules {
		if err := n.apply(catalog, rule, allChannels); err != nil {
			return nil, &RuleError{Rule: rule, Err: err}
		}
	}
	return n, nil
}

// ApplyAll returns the user that results from applying the valid rules to u, and the errors of the others. It
// applies nothing if a selector is not closed.
func (u *User) ApplyAll(catalog *Catalog, rules []string, allChannels bool) (*User, []error) {
	rules, err := joinSelectors(rules)
	if err != nil {
		return u, []error{err}
	}
	n, bad := u.clone(), []error(nil)
	for _, rule := range rules {
		if err := n.apply(catalog, rule, allChannels); err != nil {
			bad = append(bad, &RuleError{Rule: rule, Err: err})
		}
	}
	return n, bad
}

// joinSelectors makes one rule of the words between parentheses.
func joinSelectors(words []string) ([]string, error) {
	var rules []string
	open := -1
	for _, w := range words {
		switch {
		case open >= 0:
			rules[open] += " " + w
		case strings.HasPrefix(w, "("):
			open = len(rules)
			rules = append(rules, w)
		default:
			rules = append(rules, w)
			continue
		}
		if strings.HasSuffix(w, ")") {
			open = -1
		}
	}
	if open >= 0 {
		return nil, &UnmatchedError{strings.Fields(rules[open])[0]}
	}
	return rules, nil
}

func (u *User) clone() *User {
	n := *u
	n.passwords = slices.Clone(u.passwords)
	n.selectors = make([]selector, len(u.selectors))
	for i := range u.selectors {
		n.selectors[i] = u.selectors[i].clone()
	}
	return &n
}

func (s *selector) clone() selector {
	n := *s
	n.commands, n.rules = slices.Clone(s.commands), slices.Clone(s.rules)
	n.keys, n.channels = slices.Clone(s.keys), slices.Clone(s.channels)
	if s.firsts != nil {
		n.firsts = make(map[int][]string, len(s.firsts))
		for k, v := range s.firsts {
			n.firsts[k] = slices.Clone(v)
		}
	}
	return n
}

func (u *User) apply(catalog *Catalog, rule string, allChannels bool) error {
	switch strings.ToLower(rule) {
	case "on":
		u.Enabled = true
	case "off":
		u.Enabled = false
	case "nopass":
		u.NoPass, u.passwords = true, nil
	case "resetpass":
		u.NoPass, u.passwords = false, nil
	case "sanitize-payload":
		u.trusted = false
	case "skip-sanitize-payload":
		u.trusted = true
	case "clearselectors":
		u.selectors = u.selectors[:1]
	case "reset":
		*u = *New(u.Name, catalog, allChannels)
	default:
		switch {
		case rule == "":
			return nil
		case rule[0] == '>' || rule[0] == '#':
			return u.addPassword(rule)
		case rule[0] == '<' || rule[0] == '!':
			return u.removePassword(rule)
		case rule[0] == '(':
			return u.addSelector(catalog, rule, allChannels)
		}
		return u.selectors[0].apply(catalog, rule)
	}
	return nil
}

// parsePassword parses a rule after its first letter: a password after > and <, a hash after # and !.
func parsePassword(rule string) (p password, err error) {
	if rule[0] == '>' || rule[0] == '<' {
		return sha256.Sum256([]byte(rule[1:])), nil
	}
	if len(rule) != 1+2*len(p) || strings.ToLower(rule) != rule {
		return p, errHash
	}
	if _, err := hex.Decode(p[:], []byte(rule[1:])); err != nil {
		return p, errHash
	}
	return p, nil
}

func (u *User) addPassword(rule string) error {
	p, err := parsePassword(rule)
	if err != nil {
		return err
	}
	if !slices.Contains(u.passwords, p) {
		u.passwords = append(u.passwords, p)
	}
	u.NoPass = false
	return nil
}

func (u *User) removePassword(rule string) error {
	p, err := parsePassword(rule)
	if err != nil {
		return err
	}
	i := slices.Index(u.passwords, p)
	if i < 0 {
		return errPass
	}
	u.passwords = slices.Delete(u.passwords, i, i+1)
	return nil
}

func (u *User) addSelector(catalog *Catalog, rule string, allChannels bool) error {
	s := newSelector(catalog, allChannels)
	for _, r := range strings.Fields(strings.TrimSuffix(rule[1:], ")")) {
		if err := s.apply(catalog, r); err != nil {
			return err
		}
	}
	u.selectors = append(u.selectors, s)
	return nil
}

// apply applies a rule about commands, keys or channels.
func (s *selector) apply(catalog *Catalog, rule string) error {
	switch strings.ToLower(rule) {
	case "allcommands", "+@all":
		s.all = true
		s.commands.fill(catalog.size)
		s.firsts, s.rules = nil, []string{"+@all"}
		return nil
	case "nocommands", "-@all":
		s.all = false
		clear(s.commands)
		s.firsts, s.rules = nil, []string{"-@all"}
		return nil
	case "allkeys", "~*":
		s.allKeys, s.keys = true, nil
		return nil
	case "resetkeys":
		s.allKeys, s.keys = false, nil
		return nil
	case "allchannels", "&*":
		s.allChannels, s.channels = true, nil
		return nil
	case "resetchannels":
		s.allChannels, s.channels = false, nil
		return nil
	}
	if rule == "" {
		return errSyntax
	}
	switch body := rule[1:]; rule[0] {
	case '~', '%':
		return s.addKeys(rule)
	case '&':
		if s.allChannels {
			return errChannels
		}
		if strings.ContainsAny(body, " \x00") {
			return errSyntax
		}
		if !slices.Contains(s.channels, body) {
			s.channels = append(s.channels, body)
		}
	case '+', '-':
		if strings.HasPrefix(body, "@") {
			return s.category(catalog, rule[0] == '+', strings.ToLower(body[1:]))
		}
		return s.command(catalog, rule[0] == '+', strings.ToLower(body))
	default:
		return errSyntax
	}
	return nil
}

func (s *selector) addKeys(rule string) error {
	if s.allKeys {
		return errKeys
	}
	p := keyPattern{pattern: rule[1:], read: true, write: true}
	if rule[0] == '%' {
		flags, pattern, ok := strings.Cut(rule[1:], "~")
		if !ok || flags == "" {
			return errSyntax
		}
		p = keyPattern{pattern: pattern}
		for _, f := range strings.ToUpper(flags) {
			switch {
			case f == 'R' && !p.read:
				p.read = true
			case f == 'W' && !p.write:
				p.write = true
			default:
				return errSyntax
			}
		}
	}
	if strings.ContainsAny(p.pattern, " \x00") {
		return errSyntax
	}
	if p.pattern == "*" && p.read && p.write {
		s.allKeys, s.keys = true, nil
		return nil
	}
	for i := range s.keys {
		if s.keys[i].pattern == p.pattern {
			s.keys[i].read = s.keys[i].read || p.read
			s.keys[i].write = s.keys[i].write || p.write
			return nil
		}
	}
	s.keys = append(s.keys, p)
	return nil
}

// category allows or forbids all commands of a category.
func (s *selector) category(catalog *Catalog, allow bool, name string) error {
	members, ok := catalog.category[name]
	if !ok {
		return ErrUnknown
	}
	for i := range s.commands {
		if allow {
			s.commands[i] |= members[i]
		} else {
			s.commands[i] &^= members[i]
		}
	}
	for n := range s.firsts {
		if members.has(n) {
			delete(s.firsts, n)
		}
	}
	s.addRule(allow, "@"+name, false)
	return nil
}

// command allows or forbids a command with its subcommands, a subcommand, or a
// command with a certain first argument.
func (s *selector) command(catalog *Catalog, allow bool, name string) error {
	if numbers, ok := catalog.numbers[name]; ok {
		for _, n := range numbers {
			if allow {
				s.commands.add(n)
			} else {
				s.commands.remove(n)
			}
			delete(s.firsts, n)
		}
		s.addRule(allow, name, true)
		return nil
	}
	parent, first, has := strings.Cut(name, "|")
	numbers, ok := catalog.numbers[parent]
	if sub, _, deeper := strings.Cut(first, "|"); deeper && allow && catalog.numbers[parent+"|"+sub] != nil {
		return errFirst
	}
	switch {
	case !has || !ok || catalog.subs[parent] || !allow:
		return ErrUnknown
	case first == "":
		return errSyntax
	case strings.Contains(first, "|"):
		return ErrUnknown
	}
	if s.firsts == nil {
		s.firsts = make(map[int][]string)
	}
	if n := numbers[0]; !s.commands.has(n) && !slices.Contains(s.firsts[n], first) {
		s.firsts[n] = append(s.firsts[n], first)
	}
	s.addRule(true, name, false)
	return nil
}

// addRule notes a rule behind the others, in the place of those that it makes void.
func (s *selector) addRule(allow bool, name string, whole bool) {
	s.rules = slices.DeleteFunc(s.rules, func(r string) bool {
		old := r[1:]
		return old == name || whole && strings.HasPrefix(old, name+"|")
	})
	sign := "-"
	if allow {
		sign = "+"
	}
	s.rules = append(s.rules, sign+name)
	s.all = s.all && allow
}
