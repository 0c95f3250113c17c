package engine

import (
	"cached/engine/table"
	"cached/engine/value"
)

// A State is the value of a native type (value.Type.Native) where it stands, or the place
// where it would be. It is good until the next change of the keyspace by anything but its
// own SetState, and until Unlock.
type State struct {
	a at
	t value.Type
}

// State returns the value at key, which must be of the native type t or not there. It is
// an access, as all look-ups of commands are.
func (tx *Tx) State(key []byte, t value.Type) (State, error) {
	s := State{tx.lookup(key), t}
	if s.a.slot != nil && value.TypeOf(table.ItemOf(s.a.slot)) != t {
		return State{t: t}, ErrWrongType
	}
	return s, nil
}

// Type is the type that State was asked for.
func (s *State) Type() value.Type { return s.t }

// Exists reports whether the key is there.
func (s *State) Exists() bool { return s.a.slot != nil }

// Bytes returns the block of the value, nil if the key is not there. It aliases the
// engine's memory and is good until SetState.
func (s *State) Bytes() []byte {
	if s.a.slot == nil {
		return nil
	}
	return table.ItemOf(s.a.slot).Value()
}

// DeadlineMS is when the key expires in Unix milliseconds, or 0.
func (s *State) DeadlineMS() int64 {
	if s.a.slot == nil {
		return 0
	}
	return table.ItemOf(s.a.slot).DeadlineMS()
}

// SetState makes b the value of s at key, the key that State was given, creating the key
// if need be. deadlineMS is when it expires in Unix milliseconds: 0 for never,
// KeepDeadline for what it was. The metadata of the key stays. A block of the same length
// is changed in place, and nothing is allocated. b must not alias the engine's memory.
// Callers follow with Modified, and propagate the state, never the command.
func (tx *Tx) SetState(s *State, key, b []byte, deadlineMS int64) {
	if deadlineMS == KeepDeadline {
		deadlineMS = s.DeadlineMS()
	}
	a := &s.a
	if a.slot == nil {
		it := table.NewItem(a.s.heap, value.Kind(s.t, value.Raw), tx.newAccess(a), key, len(b), deadlineMS)
		copy(it.Value(), b)
		tx.insert(tx.DB, a, it)
		return
	}
	it := table.ItemOf(a.slot)
	switch had, same := it.DeadlineMS(), it.ValueLen() == len(b); {
	case had == deadlineMS && same:
	case had != 0 && deadlineMS != 0 && same:
		it.MoveDeadline(deadlineMS)
		if deadlineMS < had { // what the sweep knows of a later one holds
			table.SetItem(a.slot, it)
		}
	default:
		it = it.Reshape(a.s.heap, len(b), deadlineMS)
		table.SetItem(a.slot, it)
		switch {
		case had == 0 && deadlineMS != 0:
			a.ks.expires++
		case had != 0 && deadlineMS == 0:
			a.ks.expires--
		}
	}
	copy(it.Value(), b)
}

// PutState makes b the value of the native type t at key, whatever was there. It is for
// work that applies effects.
func (tx *Tx) PutState(key []byte, t value.Type, b []byte, deadlineMS int64) {
	a := tx.find(tx.DB, key)
	if a.slot != nil && value.TypeOf(table.ItemOf(a.slot)) != t {
		tx.remove(&a, true)
	}
	tx.SetState(&State{a, t}, key, b, deadlineMS)
}
