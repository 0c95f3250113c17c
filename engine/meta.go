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
	MetaSoftMS                              // the soft deadline in Unix milliseconds: from then on the value is stale
	MetaEndMS                               // from then on the value is only for want of another, in Unix milliseconds
	MetaCostMS                              // how long it took to compute the value, in milliseconds
	metaFirstFree                           // of the fields above
	metaFields     = 7                      // of all
	metaTags       = 1 << metaFields        // in the mask: there are tags
	metaFieldsMask = metaTags - 1
)

// Meta is what an item carries beside key, value and deadline. Few items carry any of it; each field that an item
// has costs it one word, and each tag half of one. It stays with the key through every change of the value in place,
// through RENAME, COPY, MOVE, DUMP and RESTORE, snapshots and the log; a key that is set again has none. The zero
// Meta is empty.
type Meta struct {
	// Flags are the client flags of memcached.
	Flags uint32
	// Nothing says that the value stands for "there is nothing".
	Nothing bool
	// Pinned keeps the key from being evicted. It stays when the key is set anew, and is
	// not in DUMP payloads: see Tx.Pin.
	Pinned bool
	// Tags are the names of tags, in the order in which they were given. A name that comes
	// twice counts once.
	Tags []string

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

// IsZero reports whether there is nothing in m.
func (m *Meta) IsZero() bool {
	return m.Flags == 0 && !m.Nothing && !m.Pinned && m.set == 0 && len(m.Tags) == 0
}

// soften makes the soft deadline no later than a time.
func (m *Meta) soften(sinceMS int64) {
	if at, ok := m.Get(MetaSoftMS); !ok || int64(at) > sinceMS {
		m.Set(MetaSoftMS, uint64(sinceMS))
	}
}

const (
	// MaxTags is how many tags an item may have.
	MaxTags = 256
	// MaxTagName is how long the name of a tag may be, in bytes.
	MaxTagName = 1024
)

// An extension has, in its first word from the low end, the number of words 8 bits, the
// mask of fields and tags 8, metaPinned and other bits 16, flags 32; then the
// fields that there are, then the identities of tags, two a word, 0 where there is none.
// An item without client flags has the identity of its first tag in their place.
const (
	metaMaskShift  = 8
	metaPinned     = 1 << 16
	metaTagFirst   = 1 << 17
	metaNothing    = 1 << 18
	metaUnused     = 0xFFFF << 16 &^ (metaPinned | metaNothing) // in files
	metaFlagsShift = 32
)

// words are m as the extension of an item in room, or none if there is nothing in it. ids
// are the identities of the tags.
func (m *Meta) words(room []uint64, ids []uint32) []uint64 {
	if m.Flags == 0 && !m.Nothing && !m.Pinned && m.set == 0 && len(ids) == 0 {
		return nil
	}
	head := uint64(m.set)<<metaMaskShift | uint64(m.Flags)<<metaFlagsShift
	if m.Nothing {
		head |= metaNothing
	}
	if m.Pinned {
		head |= metaPinned
	}
	w := append(room[:0], 0)
	for s := m.set; s != 0; s &= s - 1 {
		w = append(w, m.fields[bits.TrailingZeros8(s)])
	}
	if len(ids) > 0 {
		head |= metaTags << metaMaskShift
		if m.Flags == 0 {
			head |= metaTagFirst | uint64(ids[0])<<metaFlagsShift
			ids = ids[1:]
		}
		for ; len(ids) > 1; ids = ids[2:] {
			w = append(w, uint64(ids[0])|uint64(ids[1])<<32)
		}
		if len(ids) > 0 {
			w = append(w, uint64(ids[0]))
		}
	}
	w[0] = head | uint64(len(w))
	return w
}

// metaOf reads what an extension has beside tags.
func metaOf(ext []uint64) (m Meta) {
	if len(ext) == 0 {
		return m
	}
	if ext[0]&metaTagFirst == 0 {
		m.Flags = uint32(ext[0] >> metaFlagsShift)
	}
	m.Nothing, m.Pinned = ext[0]&metaNothing != 0, ext[0]&metaPinned != 0
	m.set = uint8(ext[0]>>metaMaskShift) & metaFieldsMask
	rest := ext[1:]
	for s := m.set; s != 0; s &= s - 1 {
		m.fields[bits.TrailingZeros8(s)] = rest[0]
		rest = rest[1:]
	}
	return m
}

// extTags are the words of an extension with identities of tags behind the first word, and
// the identity in that, or 0.
func extTags(ext []uint64) (first uint32, rest []uint64) {
	if len(ext) == 0 || ext[0]&(metaTags<<metaMaskShift) == 0 {
		return 0, nil
	}
	if ext[0]&metaTagFirst != 0 {
		first = uint32(ext[0] >> metaFlagsShift)
	}
	return first, ext[1+bits.OnesCount8(uint8(ext[0]>>metaMaskShift)&metaFieldsMask):]
}

// extIDs appends the identities of the tags in an extension.
func extIDs(ids []uint32, ext []uint64) []uint32 {
	first, rest := extTags(ext)
	if first != 0 {
		ids = append(ids, first)
	}
	for _, w := range rest {
		ids = append(ids, uint32(w))
		if w>>32 != 0 {
			ids = append(ids, uint32(w>>32))
		}
	}
	return ids
}

// Append appends m as files and the log carry it: the words of the extension without
// identities, the low byte first, then the names of the tags, each with its length in front.
func (m *Meta) Append(b []byte) []byte {
	if m.IsZero() {
		return b
	}
	var room [1 + metaFields]uint64
	w := m.words(room[:0], nil)
	if len(w) == 0 { // tags alone
		w = append(room[:0], 1)
	}
	if len(m.Tags) > 0 {
		w[0] |= metaTags << metaMaskShift
	}
	for _, w := range w {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	for _, t := range m.Tags {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
	}
	return b
}

// ParseMeta parses the output of Append, and reports whether b is metadata.
func ParseMeta(b []byte) (m Meta, ok bool) {
	if len(b) == 0 {
		return m, true
	}
	if len(b) < 8 {
		return m, false
	}
	head := binary.LittleEndian.Uint64(b)
	mask := uint8(head >> metaMaskShift)
	n := int(uint8(head))
	tagged := mask&metaTags != 0
	if n != 1+bits.OnesCount8(mask&metaFieldsMask) || len(b) < 8*n || head>>metaMaskShift == 0 ||
		head&metaUnused != 0 || (len(b) > 8*n) != tagged {
		return m, false
	}
	var room [1 + metaFields]uint64
	for i := range n {
		room[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	m = metaOf(room[:n])
	for b = b[8*n:]; len(b) > 0; {
		size, k := binary.Uvarint(b)
		if k <= 0 || size > MaxTagName || uint64(len(b)-k) < size || len(m.Tags) == MaxTags || k > 2 || k > 1 && size < 1<<7 {
			return Meta{}, false
		}
		m.Tags = append(m.Tags, string(b[k:][:size]))
		b = b[k+int(size):]
	}
	return m, true
}

// Meta returns the metadata of key, and whether the key is there. It is no access. What an
// invalidation has made stale has a soft deadline that is over.
func (tx *Tx) Meta(key []byte) (m Meta, exists bool) {
	a := tx.find(tx.DB, key)
	if a.slot == nil {
		return m, false
	}
	return a.s.fullMeta(a.ks, a.hash, table.ItemOf(a.slot)), true
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
	it := table.ItemOf(a.slot)
	var had, ids [16]uint32
	old := extIDs(had[:0], it.Ext())
	now := a.ks.tags.take(ids[:0], m.Tags)
	switch was := isPinned(it); {
	case m.Pinned && !was:
		a.ks.pinned++
	case was && !m.Pinned:
		a.ks.pinned--
	}
	var room [table.MaxExt]uint64
	table.SetItem(a.slot, it.Extend(a.s.heap, m.words(room[:0], now)))
	a.ks.tags.drop(old)
	if _, versioned := m.Get(MetaVersion); versioned {
		tx.e.minded.Store(true)
	}
}

// untag ends that an item which was at a has its tags. If an invalidation had ended it, what
// is computed under a lease on its key comes too late, whatever ends it now.
func (tx *Tx) untag(a *at, it table.Item) {
	var ids [16]uint32
	t := &a.ks.tags
	killed := t.dead > 0 && t.killedAlive(it.Ext(), it.DeadlineMS())
	t.drop(extIDs(ids[:0], it.Ext()))
	if killed && len(a.ks.leases.byKey) > 0 {
		saved := tx.DB
		tx.DB = a.s.number(a.ks)
		tx.endLease(a.ks, it.Key())
		tx.DB = saved
	}
}

// fullMeta is the metadata of an item of ks with all that is known of it elsewhere: the
// names of its tags, and what invalidations have made of its soft deadline.
func (s *shard) fullMeta(ks *keyspace, hash uint64, it table.Item) Meta {
	ext := it.Ext()
	m := metaOf(ext)
	m.Tags = ks.tags.namesOf(ext)
	if since := s.softened(ks, hash, it); since != 0 {
		m.soften(since)
	}
	return m
}

// AppendMeta appends the metadata of an item that is in a database, as files carry it, or
// nothing. The lock of its shard is held.
func (e *Engine) AppendMeta(b []byte, it table.Item) []byte { return e.appendMeta(b, it, true) }

// AppendDumped is AppendMeta without the pin: what was dumped is not pinned when it is restored.
func (e *Engine) AppendDumped(b []byte, it table.Item) []byte { return e.appendMeta(b, it, false) }

func (e *Engine) appendMeta(b []byte, it table.Item, pin bool) []byte {
	if !it.Extended() && e.purging.Load() == 0 {
		return b
	}
	hash := table.Hash(it.Key())
	s := &e.shards[e.shardOf(hash)]
	for i := range s.dbs {
		if ks := &s.dbs[i]; ks.keys.FindItem(hash, it.Addr()) != nil {
			m := s.fullMeta(ks, hash, it)
			m.Pinned = m.Pinned && pin
			return m.Append(b)
		}
	}
	return b
}

// MetaOf is the metadata of an item of a database, for a RemovalWatcher. The lock of the
// item's shard is held.
func (tx *Tx) MetaOf(db int, it table.Item) Meta {
	hash := table.Hash(it.Key())
	s := tx.shard(hash)
	return s.fullMeta(&s.dbs[db], hash, it)
}

// bump changes the version of an item that has one.
func bump(it table.Item) {
	if ext := it.Ext(); len(ext) > 0 && ext[0]>>metaMaskShift&(1<<MetaVersion) != 0 {
		ext[1]++ // it is the first of the fields
	}
}
