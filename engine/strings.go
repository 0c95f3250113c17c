package engine

import (
	"cached/engine/table"
	"cached/engine/value"
)

// String returns the string at key: nil if the key is not there, not nil if it
// is empty.
func (tx *Tx) String(key []byte) ([]byte, error) {
	a := tx.lookup(key)
	if a.slot == nil {
		return nil, nil
	}
	it := table.ItemOf(a.slot)
	if value.TypeOf(it) != value.String {
		return nil, ErrWrongType
	}
	return it.Value(), nil
}

// SetString makes v the string at key, whatever was there. deadlineMS is when
// it expires: 0 for never, KeepDeadline for what it was. v must not alias the
// engine's memory.
func (tx *Tx) SetString(key, v []byte, deadlineMS int64) {
	tx.setString(key, v, deadlineMS, value.StringEncoding(v))
}

// SetStringAs is SetString with an encoding other than the one SetString picks:
// some commands keep numbers as text.
func (tx *Tx) SetStringAs(key, v []byte, deadlineMS int64, enc value.Encoding) {
	tx.setString(key, v, deadlineMS, enc)
}

// KeepDeadline, given to SetString, leaves the key's deadline as it is.
const KeepDeadline = -1

func (tx *Tx) setString(key, v []byte, deadlineMS int64, enc value.Encoding) {
	copy(tx.MakeString(key, len(v), deadlineMS, enc), v)
}

// MakeString is SetStringAs for a string of n bytes that the caller fills in:
// it returns them, and they are undefined.
func (tx *Tx) MakeString(key []byte, n int, deadlineMS int64, enc value.Encoding) []byte {
	a := tx.find(tx.DB, key)
	if deadlineMS == KeepDeadline {
		deadlineMS = 0
		if a.slot != nil {
			deadlineMS = table.ItemOf(a.slot).DeadlineMS()
		}
	}
	kind := value.Kind(value.String, enc)
	if a.slot == nil {
		it := table.NewItem(a.s.heap, kind, tx.newAccess(&a), key, n, deadlineMS)
		tx.insert(tx.DB, &a, it)
		return it.Value()
	}
	it := table.ItemOf(a.slot)
	if value.TypeOf(it) != value.String {
		tx.remove(&a, true)
		it := table.NewItem(a.s.heap, kind, tx.newAccess(&a), key, n, deadlineMS)
		tx.insert(tx.DB, &a, it)
		return it.Value()
	}
	had := it.DeadlineMS() != 0
	if had || deadlineMS != 0 || it.ValueLen() != n {
		it = it.Reshape(a.s.heap, n, deadlineMS)
		table.SetItem(a.slot, it)
		switch has := deadlineMS != 0; {
		case has && !had:
			a.ks.expires++
		case had && !has:
			a.ks.expires--
		}
	}
	it.SetKind(kind)
	tx.touch(&a)
	return it.Value()
}

// GrowString makes the string at key at least n bytes long, creating it if need
// be and filling what is new with zeros, and returns it for the caller to
// change in place. The string counts as raw from then on.
func (tx *Tx) GrowString(key []byte, n int) ([]byte, error) {
	r, err := tx.Ref(key, value.String)
	if err != nil {
		return nil, err
	}
	if r.IsZero() {
		r = tx.Create(key, value.String, value.Raw, n)
		clear(r.Bytes())
		return r.Bytes(), nil
	}
	old := len(r.Bytes())
	b := r.Bytes()
	if n > old {
		b = r.Resize(n)
		clear(b[old:])
	}
	r.SetEncoding(value.Raw)
	return b, nil
}
