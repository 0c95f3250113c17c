package engine

import (
	"cached/engine/codec"
	"cached/engine/table"
	"cached/engine/value"
)

// A Text is a string in its item, compressed or not. It is valid as long as the item is.
type Text struct {
	bytes    []byte
	squeezed bool
}

// squeezedString is the kind of an item whose string is compressed.
const squeezedString = uint8(value.String) | uint8(value.Squeezed)<<4

// TextOf returns the string that an item holds.
func TextOf(it table.Item) Text { return Text{it.Value(), it.Kind() == squeezedString} }

// IsNil reports whether there is no string, which differs from an empty one.
func (t Text) IsNil() bool { return t.bytes == nil }

// Len is the length of the string.
func (t Text) Len() int {
	if t.squeezed {
		return codec.Len(t.bytes)
	}
	return len(t.bytes)
}

// Stored returns the string itself, unless it is compressed.
func (t Text) Stored() (b []byte, ok bool) { return t.bytes, !t.squeezed }

// Text returns the string at key: nil if the key is not there.
func (tx *Tx) Text(key []byte) (Text, error) {
	a := tx.lookup(key)
	if a.slot == nil {
		return Text{}, nil
	}
	it := table.ItemOf(a.slot)
	if value.TypeOf(it) != value.String {
		return Text{}, ErrWrongType
	}
	return TextOf(it), nil
}

// AppendText appends a string to dst.
func (tx *Tx) AppendText(dst []byte, t Text) []byte {
	if t.squeezed {
		return tx.e.codec.Decode(dst, t.bytes, &tx.frame)
	}
	return append(dst, t.bytes...)
}

// String returns the string at key: nil if the key is not there, not nil if it
// is empty.
func (tx *Tx) String(key []byte) ([]byte, error) {
	t, err := tx.Text(key)
	if t.squeezed {
		return tx.unpack(t), err
	}
	return t.bytes, err
}

// SetString sets key to the string v, whatever its value was. deadlineMS is when it expires: 0 for never,
// or KeepDeadline or KeepAll. v must not alias the engine's memory.
func (tx *Tx) SetString(key, v []byte, deadlineMS int64) {
	if tx.e.codec.Wants(len(v)) && tx.setSqueezed(key, v, deadlineMS) {
		return
	}
	tx.setString(key, v, deadlineMS, value.StringEncoding(v))
}

// SetStringAs is SetString with an encoding other than the one SetString picks:
// some commands keep numbers as text.
func (tx *Tx) SetStringAs(key, v []byte, deadlineMS int64, enc value.Encoding) {
	tx.setString(key, v, deadlineMS, enc)
}

// Given to SetString in place of a deadline, KeepDeadline leaves the key's deadline as it
// is; KeepAll leaves its metadata as well: the string is changed rather than set.
const (
	KeepDeadline = -1
	KeepAll      = -2
)

func (tx *Tx) setString(key, v []byte, deadlineMS int64, enc value.Encoding) {
	copy(tx.MakeString(key, len(v), deadlineMS, enc), v)
}

// MakeString is SetStringAs for a string of n bytes that the caller fills in:
// it returns them, and they are undefined.
func (tx *Tx) MakeString(key []byte, n int, deadlineMS int64, enc value.Encoding) []byte {
	a := tx.find(tx.DB, key)
	change := deadlineMS == KeepAll
	if deadlineMS < 0 {
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
		pinned := isPinned(it)
		tx.remove(&a, true)
		tx.add(tx.DB, &a, table.NewItem(a.s.heap, kind, tx.newAccess(&a), key, n, deadlineMS))
		tx.repin(&a, pinned)
		return table.ItemOf(a.slot).Value()
	}
	if it.Extended() && !change { // a key that is set again has no metadata, but stays pinned
		tx.extend(&a, &Meta{Pinned: isPinned(it)})
		it = table.ItemOf(a.slot)
	}
	if a.s.alert&alertPurge != 0 && !change {
		tx.anew(&a, key)
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

// GrowString makes the string at key at least n bytes long, creates it if it does not exist, fills the new bytes
// with zeros, and returns the string for the caller to change in place. Its encoding is raw from then on, and it
// is not compressed.
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
	if t := TextOf(r.Item()); t.squeezed {
		s := tx.unpack(t)
		b := r.Resize(max(n, len(s)))
		clear(b[copy(b, s):])
		r.SetEncoding(value.Raw)
		return b, nil
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
