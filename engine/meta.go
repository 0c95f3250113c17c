package engine

import (
	"encoding/binary"
	"math/bits"

	"cached/engine/table"
)

// A MetaField is a kind of metadata that is one word.
type MetaField uint8

// The fields. Those from the first free one on are for further kinds; there is room for
// seven in all.
const (
	MetaVersion    MetaField         = iota // changes with the value; memcached calls it CAS
	MetaSoftMS                              // the soft deadline in Unix milliseconds
	MetaLease                               // token of the client that holds the lease and may set the value
	MetaLeaseMS                             // when the lease expires, in Unix milliseconds
	metaFirstFree                           // of the fields above
	metaFields     = 7                      // of all
	metaTags       = 1 << metaFields        // in the mask: the words behind the fields are tags
	metaFieldsMask = metaTags - 1
)

// Meta is what an item carries beside key, value and deadline. Few items carry any of it; each kind that an item
// has costs it one word. It stays with the key through every change of the value in place, through RENAME, COPY,
// MOVE, DUMP and RESTORE, snapshots and the log; a key that is set again has none. The zero Meta is empty.
type Meta struct {
	// Flags are the client flags of memcached.
	Flags uint32
	// Tags are the identities of tags, in the order in which they were given.
	Tags []uint64
	// Pinned keeps the key from being evicted. It stays when the key is set anew, and is
	// not in DUMP payloads: see Tx.Pin.
	Pinned bool

	set    uint8 // a bit for each field
	fields [metaFields]uint64
}

// Get returns a field, and whether it is there.
func (m *Meta) Get(f MetaField) (uint64, bool) { return m.fields[f], m.set>>f&1 != 0 }

// Set sets a field.
func (m *Meta) Set(f MetaField, v uint64) {
	m.fields[f] = v
	m.set |= 1 << f
}

// Clear takes a field away.
func (m *Meta) Clear(f MetaField) {
	m.fields[f] = 0
	m.set &^= 1 << f
}

// MaxTags is how many tags an item may have.
const MaxTags = table.MaxExt - 1 - metaFields

// An extension has, in its first word from the low end, the number of words 8 bits, the
// mask of fields and tags 8, whether it is pinned 1, unused 15, flags 32; then the fields
// that there are, then the tags.
const (
	metaMaskShift  = 8
	metaPinned     = 1 << 16
	metaUnused     = 0x7FFF << 17
	metaFlagsShift = 32
)

// words are m as the extension of an item in room, or none if there is nothing in it.
func (m *Meta) words(room []uint64) []uint64 {
	if m.Flags == 0 && m.set == 0 && len(m.Tags) == 0 && !m.Pinned {
		return nil
	}
	mask := uint64(m.set)
	w := append(room[:0], 0)
	for s := m.set; s != 0; s &= s - 1 {
		w = append(w, m.fields[bits.TrailingZeros8(s)])
	}
	if len(m.Tags) > 0 {
		mask |= metaTags
		w = append(w, m.Tags...)
	}
	w[0] = uint64(len(w)) | mask<<metaMaskShift | uint64(m.Flags)<<metaFlagsShift
	if m.Pinned {
		w[0] |= metaPinned
	}
	return w
}

// metaOf reads an extension. Tags alias it.
func metaOf(ext []uint64) (m Meta) {
	if len(ext) == 0 {
		return m
	}
	m.Flags = uint32(ext[0] >> metaFlagsShift)
	m.Pinned = ext[0]&metaPinned != 0
	mask := uint8(ext[0] >> metaMaskShift)
	m.set = mask & metaFieldsMask
	rest := ext[1:]
	for s := m.set; s != 0; s &= s - 1 {
		m.fields[bits.TrailingZeros8(s)] = rest[0]
		rest = rest[1:]
	}
	if mask&metaTags != 0 {
		m.Tags = rest
	}
	return m
}

// Append appends m in the form that files have, which is that of Item.AppendExt: the words of the extension, least
// significant byte first.
func (m *Meta) Append(b []byte) []byte {
	var room [table.MaxExt]uint64
	for _, w := range m.words(room[:0]) {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

// ParseMeta parses the output of Append, and reports whether b is metadata.
func ParseMeta(b []byte) (m Meta, ok bool) {
	n := len(b) / 8
	if len(b)%8 != 0 || n > table.MaxExt {
		return m, false
	}
	if n == 0 {
		return m, true
	}
	ext := make([]uint64, n)
	for i := range ext {
		ext[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	mask := uint8(ext[0] >> metaMaskShift)
	left := n - 1 - bits.OnesCount8(mask&metaFieldsMask)
	if int(uint8(ext[0])) != n || ext[0]>>metaMaskShift == 0 || ext[0]&metaUnused != 0 || left < 0 || (left > 0) != (mask&metaTags != 0) || left > MaxTags {
		return m, false
	}
	return metaOf(ext), true
}

// Meta returns the metadata of key, and whether the key is there. It is no access. Tags
// are good until the next change of the key or Unlock.
func (tx *Tx) Meta(key []byte) (m Meta, exists bool) {
	a := tx.find(tx.DB, key)
	if a.slot == nil {
		return m, false
	}
	return metaOf(table.ItemOf(a.slot).Ext()), true
}

// SetMeta replaces the metadata of key and reports whether the key is there. m has at
// most MaxTags tags. A key that is pinned stays so. Callers follow with Modified where clients see a change, and
// propagate it.
func (tx *Tx) SetMeta(key []byte, m *Meta) bool {
	a := tx.find(tx.DB, key)
	if a.slot == nil {
		return false
	}
	keepPin(m, table.ItemOf(a.slot))
	tx.extend(&a, m)
	return true
}

// extend replaces the metadata of the item at a.
func (tx *Tx) extend(a *at, m *Meta) {
	var room [table.MaxExt]uint64
	it := table.ItemOf(a.slot)
	switch was := isPinned(it); {
	case m.Pinned && !was:
		a.ks.pinned++
	case was && !m.Pinned:
		a.ks.pinned--
	}
	table.SetItem(a.slot, it.Extend(a.s.heap, m.words(room[:0])))
}

// WithMeta gives an item that was built and not adopted its metadata, and returns it.
func (tx *Tx) WithMeta(it table.Item, m *Meta) table.Item {
	var room [table.MaxExt]uint64
	return it.Extend(tx.shard(table.Hash(it.Key())).heap, m.words(room[:0]))
}
