package commands

import (
	"bytes"
	"slices"
	"strconv"

	"cached/engine"
	"cached/internal/invariants"
)

// EachKey calls visit with the position and flags of every key in argv. It
// reports false when argv does not say where its keys are.
func (s *Spec) EachKey(argv [][]byte, visit func(i int, flags KeyFlag)) bool {
	for k := range s.Keys {
		if !s.Keys[k].each(argv, visit) {
			return false
		}
	}
	if s.Inner != 0 {
		return s.eachInner(argv, visit)
	}
	return true
}

// InnerOf returns the command that a call of s runs, and its words; nil if it is not there
// or has not as many words as it takes.
func (s *Spec) InnerOf(argv [][]byte) (*Spec, [][]byte) {
	if s.Inner == 0 || s.Inner >= len(argv) {
		return nil, nil
	}
	argv = argv[s.Inner:]
	inner, _ := s.table.Find(argv)
	if inner == nil || inner.Inner != 0 || !inner.ArityOK(argv) {
		return nil, nil
	}
	return inner, argv
}

// eachInner is EachKey of the command that a call of s runs.
func (s *Spec) eachInner(argv [][]byte, visit func(i int, flags KeyFlag)) bool {
	inner, words := s.InnerOf(argv)
	if inner == nil {
		return true // it fails before it touches any
	}
	uses, err := inner.KeyUses(words)
	if err != nil {
		return false
	}
	for _, u := range uses {
		visit(s.Inner+u.Index, u.Flags)
	}
	return true
}

func (k *KeySpec) each(argv [][]byte, visit func(i int, flags KeyFlag)) bool {
	if k.UnknownBegin || k.UnknownFind {
		return false
	}
	first, ok := k.begin(argv)
	if !ok {
		return true // an optional part that is not there
	}
	if k.Instead != "" && first < len(argv) && len(argv[first]) == 0 {
		other := KeySpec{Keyword: k.Instead, From: -2}
		if _, ok := other.begin(argv); ok {
			return true
		}
	}
	last, step := first, max(k.Step, 1)
	if k.Counted {
		at := first + k.CountAt
		if at >= len(argv) {
			return false
		}
		n, err := strconv.Atoi(string(argv[at]))
		first += k.FirstAt
		if err != nil || n < 0 || n > len(argv) || first+(n-1)*step >= len(argv) {
			return false
		}
		last = first + (n-1)*step
	} else {
		switch {
		case k.Last >= 0:
			last = first + k.Last
		case k.Limit > 1:
			last = first + (len(argv)-first)/k.Limit + k.Last
		default:
			last = len(argv) + k.Last
		}
	}
	if first >= len(argv) {
		return false
	}
	for i := first; i <= last && i < len(argv); i += step {
		visit(i, k.Flags)
	}
	return true
}

// begin finds where the keys of k begin.
func (k *KeySpec) begin(argv [][]byte) (int, bool) {
	if k.Keyword == "" {
		return k.Index, true
	}
	if k.Rival != "" {
		return k.lastOfTwo(argv)
	}
	from, step := k.From, 1
	if from < 0 {
		from, step = len(argv)+from, -1
	}
	for i := from; i > 0 && i < len(argv); i += step {
		if equalFold(argv[i], k.Keyword) {
			return i + 1, true
		}
	}
	return 0, false
}

// lastOfTwo finds the word behind the last of two keywords, if it is Keyword's.
func (k *KeySpec) lastOfTwo(argv [][]byte) (at int, ok bool) {
	for i := k.From; i+1 < len(argv); i++ {
		switch {
		case equalFold(argv[i], k.Keyword):
			i++
			at, ok = i, true
		case equalFold(argv[i], k.Rival):
			i++
			ok = false
		}
	}
	return at, ok
}

// HasKeys reports whether the command has keys of some kind.
func (s *Spec) HasKeys() bool {
	return slices.ContainsFunc(s.Keys, func(k KeySpec) bool { return k.Flags&NotKey == 0 })
}

// OneKey returns the key of a command that has just one, always at the same position; otherwise nil.
func (s *Spec) OneKey(argv [][]byte) []byte {
	if s.oneKey == 0 || s.oneKey >= len(argv) {
		return nil
	}
	return argv[s.oneKey]
}

// PartOf returns the first field or member that a command looks up in the value
// of its one key, or nil.
func (s *Spec) PartOf(argv [][]byte) []byte {
	switch i := s.Part; {
	case i == 0 || i >= len(argv):
		return nil
	case i < 0:
		return argv[len(argv)-1]
	default:
		return argv[i]
	}
}

// AddLocks adds to l the shards that the command argv needs when it runs among
// others.
func (s *Spec) AddLocks(e *engine.Engine, argv [][]byte, l *engine.LockSet) {
	switch {
	case s.sorts && !looksUpByPattern(argv):
		l.Add(e, argv[1])
		for i := 3; i < len(argv); i++ {
			if equalFold(argv[i-1], "STORE") {
				l.Add(e, argv[i])
			}
		}
	case s.locks == lockAll || s.Flags&Deferred != 0:
		l.AddAll(e)
	case s.locks != lockNone:
		// A command that does not say where its keys are fails before it
		// touches any.
		s.EachKey(argv, func(i int, flags KeyFlag) {
			if flags&NotKey == 0 {
				l.Add(e, argv[i])
			}
		})
	}
}

// Lock locks the keys of the call argv, after it has compressed the values that keys are going to be set to. It
// reports false, with nothing locked, if tx gives up.
func (s *Spec) Lock(tx *engine.Tx, argv [][]byte) bool {
	if s.Text != 0 && tx.Compresses() {
		s.squeeze(tx, argv)
	}
	switch s.locks {
	case lockNone:
		invariants.Check(!tx.Kept(), "a command without keys begins with a lock kept")
		return true
	case lockOne:
		return tx.LockKey(argv[s.oneKey])
	}
	var l engine.LockSet
	s.AddLocks(tx.Engine(), argv, &l)
	return tx.Lock(&l)
}

// looksUpByPattern reports whether a call of SORT may look up keys whose names are made of
// elements.
func looksUpByPattern(argv [][]byte) bool {
	return slices.ContainsFunc(argv[2:], func(a []byte) bool { return bytes.IndexByte(a, '*') >= 0 })
}

// Divide has what a command does that may take long be such that others can be let in
// at any moment: see engine.Tx.Divide. It returns nil if that is of no use. The keys are locked.
func (s *Spec) Divide(tx *engine.Tx, argv [][]byte) *engine.Division {
	if s.sorts && looksUpByPattern(argv) {
		return nil
	}
	huge := false
	s.EachKey(argv, func(i int, flags KeyFlag) {
		huge = huge || flags&NotKey == 0 && tx.IsHuge(argv[i])
	})
	if !huge {
		return nil
	}
	s.EachKey(argv, func(i int, flags KeyFlag) {
		if flags&RO != 0 {
			tx.Use(argv[i])
		}
	})
	return tx.Divide()
}

// Divides reports whether Divide is to be asked.
func (s *Spec) Divides() bool { return s.divides }

// squeeze compresses the strings that the command argv sets keys to.
func (s *Spec) squeeze(tx *engine.Tx, argv [][]byte) {
	if key := s.OneKey(argv); key != nil {
		tx.Prepare(key, argv[s.Text])
		return
	}
	for i := s.Text; i < len(argv); i += 2 {
		tx.Prepare(argv[i-1], argv[i])
	}
}

func equalFold(b []byte, upper string) bool {
	if len(b) != len(upper) {
		return false
	}
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != upper[i] {
			return false
		}
	}
	return true
}
