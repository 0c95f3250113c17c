package commands

import (
	"strings"

	"cached/internal/resp"
)

// The description of a Spec for clients: COMMAND INFO is the same as Redis's, byte for byte, COMMAND DOCS has the
// fields of Redis 7.4.

// WriteInfo replies with the command's entry of COMMAND INFO.
func (s *Spec) WriteInfo(w *resp.Writer) {
	first, last, step := s.KeyRange()
	w.Array(10)
	w.BulkString(s.full)
	w.Int(int64(s.Arity))
	writeNames(w, uint64(s.Flags), flagNames, "")
	w.Int(int64(first))
	w.Int(int64(last))
	w.Int(int64(step))
	writeNames(w, uint64(s.acl), CategoryNames, "@")
	w.Set(len(s.Tips))
	for _, t := range s.Tips {
		w.BulkString(t)
	}
	w.Set(len(s.Keys))
	for i := range s.Keys {
		s.Keys[i].write(w)
	}
	w.Set(len(s.Sub))
	for i := range s.Sub {
		s.Sub[i].WriteInfo(w)
	}
}

// writeNames replies the set of the names whose bits are set.
func writeNames(w *resp.Writer, bits uint64, names []string, prefix string) {
	n := 0
	for i := range names {
		if bits>>i&1 != 0 {
			n++
		}
	}
	w.Set(n)
	for i, name := range names {
		if bits>>i&1 != 0 {
			w.Status(prefix + name)
		}
	}
}

func (k *KeySpec) write(w *resp.Writer) {
	if k.Notes != "" {
		w.Map(4)
		w.BulkString("notes")
		w.BulkString(k.Notes)
	} else {
		w.Map(3)
	}
	w.BulkString("flags")
	writeNames(w, uint64(k.Flags), keyFlagNames, "")

	w.BulkString("begin_search")
	switch {
	case k.UnknownBegin:
		writeSearch(w, "unknown")
	case k.Keyword != "":
		writeSearch(w, "keyword", "keyword", k.Keyword, "startfrom", k.From)
	default:
		writeSearch(w, "index", "index", k.Index)
	}
	w.BulkString("find_keys")
	switch {
	case k.UnknownFind:
		writeSearch(w, "unknown")
	case k.Counted:
		writeSearch(w, "keynum", "keynumidx", k.CountAt, "firstkey", k.FirstAt, "keystep", k.Step)
	default:
		writeSearch(w, "range", "lastkey", k.Last, "keystep", k.Step, "limit", k.Limit)
	}
}

// writeSearch replies one half of a KeySpec: its type and the fields of it, as
// pairs of a name and a string or int.
func writeSearch(w *resp.Writer, typ string, fields ...any) {
	w.Map(2)
	w.BulkString("type")
	w.BulkString(typ)
	w.BulkString("spec")
	w.Map(len(fields) / 2)
	for i := 0; i < len(fields); i += 2 {
		w.BulkString(fields[i].(string))
		switch v := fields[i+1].(type) {
		case string:
			w.BulkString(v)
		case int:
			w.Int(int64(v))
		}
	}
}

// KeyRange is where clients that know nothing of KeySpecs look for keys: the
// positions of the first and the last (negative: from the end) and the step
// between them; all 0 if the keys are found in no such way. Several ranges count
// as one when each begins behind the one before.
func (s *Spec) KeyRange() (first, last, step int) {
	plain := func(k *KeySpec) bool {
		return !k.UnknownBegin && !k.UnknownFind && k.Keyword == "" && !k.Counted
	}
	if len(s.Keys) == 1 && plain(&s.Keys[0]) {
		k := &s.Keys[0]
		return k.Index, k.lastPosition(), k.Step
	}
	for i := range s.Keys {
		k := &s.Keys[i]
		if !plain(k) || k.Step != 1 || first != 0 && last != k.Index-1 {
			continue
		}
		if first == 0 {
			first, step = k.Index, 1
		}
		last = k.lastPosition()
	}
	return first, last, step
}

// lastPosition is where the last key of a range is, from the command's name or,
// negative, from the end.
func (k *KeySpec) lastPosition() int {
	if k.Last < 0 {
		return k.Last
	}
	return k.Index + k.Last
}

// A field is one entry of a map that has only the entries with a value.
type field struct {
	name  string
	write func(*resp.Writer)
}

// fields gathers the entries of such a map.
type fields []field

func (f *fields) add(name string, write func(*resp.Writer)) { *f = append(*f, field{name, write}) }

// text adds an entry, if there is a text.
func (f *fields) text(name, text string) {
	if text != "" {
		f.add(name, func(w *resp.Writer) { w.BulkString(text) })
	}
}

func (f fields) reply(w *resp.Writer) {
	w.Map(len(f))
	for _, x := range f {
		w.BulkString(x.name)
		x.write(w)
	}
}

// WriteDocs replies with the command's entry of COMMAND DOCS, without its name.
func (s *Spec) WriteDocs(w *resp.Writer) {
	var f fields
	f.text("summary", s.Summary)
	f.text("since", s.Since)
	f.text("group", string(s.Group))
	f.text("complexity", s.Complexity)
	if h := histories[s.full]; len(h) > 0 {
		f.add("history", func(w *resp.Writer) { writeHistory(w, h) })
	}
	if s.Doc != 0 {
		f.add("doc_flags", func(w *resp.Writer) { writeNames(w, uint64(s.Doc), docFlagNames, "") })
	}
	f.text("deprecated_since", s.DeprecatedSince)
	f.text("replaced_by", s.ReplacedBy)
	if len(s.Args) > 0 {
		f.add("arguments", func(w *resp.Writer) { writeArgs(w, s.Args) })
	}
	if len(s.Sub) > 0 {
		f.add("subcommands", func(w *resp.Writer) {
			w.Map(len(s.Sub))
			for i := range s.Sub {
				w.BulkString(s.Sub[i].full)
				s.Sub[i].WriteDocs(w)
			}
		})
	}
	f.reply(w)
}

func writeHistory(w *resp.Writer, changes []change) {
	w.Set(len(changes))
	for _, c := range changes {
		w.Array(2)
		w.BulkString(c.version)
		w.BulkString(c.what)
	}
}

var docFlagNames = []string{"deprecated", "syscmd"}

func writeArgs(w *resp.Writer, args []Arg) {
	w.Array(len(args))
	for i := range args {
		args[i].write(w)
	}
}

func (a *Arg) write(w *resp.Writer) {
	var f fields
	f.text("name", a.Name)
	f.text("type", argTypeNames[a.Type])
	if a.Type != TypeOneOf && a.Type != TypeBlock {
		f.text("display_text", a.Name)
	}
	if a.Type == TypeKey || a.Key > 0 {
		f.add("key_spec_index", func(w *resp.Writer) { w.Int(int64(a.Key)) })
	}
	if a.Token != "" || a.Type == TypePureToken {
		f.add("token", func(w *resp.Writer) { w.BulkString(a.Token) })
	}
	f.text("summary", a.Summary)
	f.text("since", a.Since)
	f.text("deprecated_since", a.Deprecated)
	var flags uint64
	for i, on := range []bool{a.Optional, a.Multiple, a.EachToken} {
		if on {
			flags |= 1 << i
		}
	}
	if flags != 0 {
		f.add("flags", func(w *resp.Writer) { writeNames(w, flags, argFlagNames, "") })
	}
	if len(a.Args) > 0 {
		f.add("arguments", func(w *resp.Writer) { writeArgs(w, a.Args) })
	}
	f.reply(w)
}

var argFlagNames = []string{"optional", "multiple", "multiple_token"}

// A KeyUse is a key of a call and the call's use of it.
type KeyUse struct {
	Index int // its position in argv
	Flags KeyFlag
}

// WriteFlags replies the set of the names of the flags.
func (u KeyUse) WriteFlags(w *resp.Writer) { writeNames(w, uint64(u.Flags), keyFlagNames, "") }

// KeyUses returns the keys of the call argv, whose arity is right, or an error if argv does not have them in the
// right places. Where the row leaves the use open because it depends on options, it is decided here.
func (s *Spec) KeyUses(argv [][]byte) ([]KeyUse, error) {
	var uses []KeyUse
	ok := s.EachKey(argv, func(i int, flags KeyFlag) {
		if flags&NotKey == 0 {
			uses = append(uses, KeyUse{i, flags &^ (VariableFlags | Incomplete)})
		}
	})
	switch s.full {
	case "set":
		uses[0].Flags = OW | Update
		for _, a := range argv[3:] {
			if equalFold(a, "GET") {
				uses[0].Flags = RW | Access | Update
			}
		}
	case "bitfield":
		uses[0].Flags = RO | Access
		for _, a := range argv[2:] {
			if equalFold(a, "SET") || equalFold(a, "INCRBY") {
				uses[0].Flags = RW | Access | Update
			}
		}
	case "sort", "sort_ro":
		uses, ok = sortKeys(argv, s.Name == "sort"), true
	}
	switch {
	case ok && len(uses) > 0:
		return uses, nil
	case s.Flags&NoMandatoryKeys != 0:
		return nil, nil
	}
	return nil, errKeysUnknown
}

const errKeysUnknown = Error("ERR Invalid arguments specified for command")

// sortKeys are the keys of SORT: the last STORE counts.
func sortKeys(argv [][]byte, store bool) []KeyUse {
	uses := []KeyUse{{1, RO | Access}}
	for i := 2; i < len(argv); i++ {
		switch {
		case equalFold(argv[i], "LIMIT"):
			i += 2
		case equalFold(argv[i], "GET"), equalFold(argv[i], "BY"):
			i++
		case store && equalFold(argv[i], "STORE") && i+1 < len(argv):
			uses = append(uses[:1], KeyUse{i + 1, OW | Update})
		}
	}
	return uses
}

// CategoryNamed returns the ACL category of a name in any case, or 0.
func CategoryNamed(name string) Category {
	for i, n := range CategoryNames {
		if strings.EqualFold(n, name) {
			return 1 << i
		}
	}
	return 0
}
