package commands

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Table finds commands by name.
type Table struct {
	byName  map[string]*Spec
	sorted  []*Spec // by name
	numbers int
}

// lockKind says how the dispatcher finds the locks of a command.
type lockKind uint8

const (
	lockNone lockKind = iota
	lockOne           // the shard of the only key, at Spec.oneKey
	lockKeys          // those of all keys
	lockAll           // the whole keyspace
)

// NewTable joins groups of rows into a table. It panics if two rows have the
// same name or one contradicts itself: rows are code, not input.
func NewTable(groups ...[]Spec) *Table {
	t := &Table{byName: make(map[string]*Spec)}
	for _, rows := range groups {
		for i := range rows {
			s := &rows[i]
			s.table = t
			s.prepare("", &t.numbers)
			if t.byName[s.Name] != nil {
				panic("commands: two rows named " + s.Name)
			}
			t.byName[s.Name] = s
			t.sorted = append(t.sorted, s)
		}
	}
	slices.SortFunc(t.sorted, func(a, b *Spec) int { return strings.Compare(a.Name, b.Name) })
	return t
}

// Beside returns a table of further commands, those of another protocol, whose full names begin
// with its name and a dot. Their numbers follow those of t, and t.Numbers counts them too. It
// panics as NewTable does.
func (t *Table) Beside(protocol string, rows []Spec) *Table {
	other := &Table{byName: make(map[string]*Spec), numbers: t.numbers}
	for i := range rows {
		s := &rows[i]
		s.prepare("", &other.numbers)
		s.full = protocol + "." + s.Name
		if other.byName[s.Name] != nil {
			panic("commands: two rows named " + s.full)
		}
		other.byName[s.Name] = s
		other.sorted = append(other.sorted, s)
	}
	slices.SortFunc(other.sorted, func(a, b *Spec) int { return strings.Compare(a.Name, b.Name) })
	t.numbers = other.numbers
	return other
}

// mayTakeLong are commands without keys that may take some milliseconds.
var mayTakeLong = []string{"exec", "bgsave", "save", "bgrewriteaof"}

// dividing are commands that look up all their keys by methods of engine.Tx that find a key,
// then only read what they have found, and call Tx.Rejoin before they write.
var dividing = []string{
	"hgetall", "hkeys", "hvals", "lrange", "lpos", "smembers", "sinter", "sunion", "sdiff", "sintercard", "xrange", "xrevrange",
	"zrange", "zrevrange", "zrangebyscore", "zrevrangebyscore", "zrangebylex", "zrevrangebylex", "zunion", "zinter", "zdiff", "zintercard",
	"sort", "sort_ro", "sinterstore", "sunionstore", "sdiffstore", "zunionstore", "zinterstore", "zdiffstore", "zrangestore",
}

// prepare derives the values that follow from the row.
func (s *Spec) prepare(parent string, numbers *int) {
	s.number = *numbers
	*numbers++
	s.full = s.Name
	if parent != "" {
		s.full = parent + "|" + s.Name
	}
	if s.Run == nil && len(s.Sub) == 0 {
		panic(fmt.Sprintf("commands: %s has no handler", s.full))
	}
	s.slow = s.Flags&(Fast|Blocking) == 0 && s.Flags&(ReadOnly|Write|NoMandatoryKeys|Keyspace|Deferred) != 0 && s.Name != "set" ||
		slices.Contains(mayTakeLong, s.Name)
	s.divides = parent == "" && slices.Contains(dividing, s.Name)
	s.sorts = s.Name == "sort" || s.Name == "sort_ro"
	s.acl = s.ACL | impliedCategories(s.Flags, s.Group)
	switch {
	case s.Flags&Deferred != 0:
		s.locks = lockNone
	case s.Flags&Keyspace != 0:
		s.locks = lockAll
	case s.Inner != 0:
		s.locks = lockKeys
	case len(s.Keys) == 1 && s.Keys[0].Flags&NotKey != 0:
		s.locks = lockNone
	case len(s.Keys) == 1 && s.Keys[0].Keyword == "" && !s.Keys[0].Counted && s.Keys[0].Last == 0 && !s.Keys[0].UnknownBegin:
		s.locks, s.oneKey = lockOne, s.Keys[0].Index
	case len(s.Keys) > 0:
		s.locks = lockKeys
	}
	if len(s.Sub) > 0 {
		s.Sub = slices.Clone(s.Sub) // rows may be in several tables
		s.sub = make(map[string]*Spec, len(s.Sub))
		for i := range s.Sub {
			sub := &s.Sub[i]
			if sub.Group == "" {
				sub.Group = s.Group
			}
			sub.prepare(s.full, numbers)
			s.sub[sub.Name] = sub
		}
	}
}

func impliedCategories(f Flag, g Group) (c Category) {
	if f&Write != 0 {
		c |= CatWrite
	}
	if f&ReadOnly != 0 && g != Scripting {
		c |= CatRead
	}
	if f&Admin != 0 {
		c |= CatAdmin | CatDangerous
	}
	if f&PubSubCmd != 0 {
		c |= CatPubSub
	}
	if f&Blocking != 0 {
		c |= CatBlocking
	}
	if f&Fast != 0 {
		c |= CatFast
	} else {
		c |= CatSlow
	}
	return c
}

// Rename gives a command another name, or none if to is empty. It comes before the
// table's first use.
func (t *Table) Rename(from, to string) error {
	from, to = strings.ToLower(from), strings.ToLower(to)
	s := t.byName[from]
	switch {
	case s == nil:
		return errors.New("no such command")
	case to != "" && t.byName[to] != nil:
		return errors.New("there is a command of that name")
	case len(to) > maxName:
		return errors.New("the name is too long")
	}
	delete(t.byName, from)
	if to != "" {
		t.byName[to] = s
	}
	return nil
}

// All returns the commands in the order of their names. The slice is the
// table's own.
func (t *Table) All() []*Spec { return t.sorted }

// Numbers is how many commands and subcommands there are.
func (t *Table) Numbers() int { return t.numbers }

// maxName bounds the names that are compared without allocating; no command is longer.
const maxName = 32

// Find returns the command named by argv, a subcommand if it has them and one is
// named, or nil. The letters' case does not matter. parent is the command
// itself when the subcommand is unknown.
func (t *Table) Find(argv [][]byte) (spec, parent *Spec) {
	var buf [maxName]byte
	s := t.byName[string(lower(buf[:0], argv[0]))]
	if s == nil || s.sub == nil || len(argv) < 2 {
		return s, nil
	}
	if sub := s.sub[string(lower(buf[:0], argv[1]))]; sub != nil {
		return sub, s
	}
	return nil, s
}

// Named returns the command with a full name such as "get" or "config|get".
func (t *Table) Named(name string) *Spec {
	name = strings.ToLower(name)
	first, rest, has := strings.Cut(name, "|")
	s := t.byName[first]
	if s == nil || !has {
		return s
	}
	return s.sub[rest]
}

// lower appends b in lower case, or nothing if it is longer than any name.
func lower(buf, b []byte) []byte {
	if len(b) > maxName {
		return buf
	}
	for _, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf = append(buf, c)
	}
	return buf
}

// ArityOK reports whether argv has as many words as the command takes.
func (s *Spec) ArityOK(argv [][]byte) bool {
	n := len(argv)
	return n == s.Arity || s.Arity < 0 && n >= -s.Arity
}
