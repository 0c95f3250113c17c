package engine

import "cached/engine/table"

// A key that is pinned is not evicted, whatever the policy. Few keys are: the bit is in the
// extension of the item, among its metadata.

// isPinned reports whether an item is pinned.
func isPinned(it table.Item) bool { return it.Extended() && it.Ext()[0]&metaPinned != 0 }

// Pinned reports whether a key that a look-up or Scan returned is pinned.
func Pinned(it table.Item) bool { return isPinned(it) }

// keepPin has m, the new metadata of a key, pin it if it was pinned.
func keepPin(m *Meta, old table.Item) { m.Pinned = m.Pinned || isPinned(old) }

// Pin pins a key, or takes that back, and reports whether that is a change and whether the
// key is there. It is no access. Callers follow with Modified.
func (tx *Tx) Pin(key []byte, on bool) (changed, exists bool) {
	a := tx.find(tx.DB, key)
	if a.slot == nil {
		return false, false
	}
	m := a.s.fullMeta(a.ks, a.hash, table.ItemOf(a.slot))
	if m.Pinned == on {
		return false, true
	}
	m.Pinned = on
	tx.extend(&a, &m)
	return true, true
}

// repin pins what is at a now if what it has replaced was pinned.
func (tx *Tx) repin(a *at, was bool) {
	if !was {
		return
	}
	if m := a.s.fullMeta(a.ks, a.hash, table.ItemOf(a.slot)); !m.Pinned {
		m.Pinned = true
		tx.extend(a, &m)
	}
}
