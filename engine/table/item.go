package table

import (
	"cached/engine/arena"
	"cached/internal/invariants"
)

// An Item is a block that holds one key and its value:
//
//	header 8 bytes | lengths 8, if long | deadline 8, if any | extension, if any | key | value
//
// The header word, from its low end: kind 8 bits (free to the holder), flags 8,
// access 24 (free to the eviction policy), key length 8, value length 16. A key
// over 255 bytes or a value over 65535 makes the item long: the lengths are
// then 32 bits each in the word that follows.
//
// The extension is a number of words whose meaning the holder defines. The low byte of
// the first is their number, itself included; the rest of that word is the holder's too.
// An item without an extension has no memory for it.
//
// An Item is valid as long as its block: until the lock under which it was found is
// released, or its size changes.
type Item struct{ a arena.Addr }

const (
	headBytes = 8

	flagDeadline = 1 << 8
	flagLong     = 1 << 9
	flagParts    = 1 << 10
	flagExt      = 1 << 11
	flagMarks    = 15 << marksShift

	marksShift  = 12
	accessShift = 16
	keyShift    = 40
	valueShift  = 48

	maxShortKey   = 1<<8 - 1
	maxShortValue = 1<<16 - 1

	// MaxBytes bounds a key and a value, each.
	MaxBytes = 1<<32 - 1

	// MaxExt bounds the words of an extension.
	MaxExt = 1<<8 - 1
)

// ItemAt views the block at a, which NewItem made, as an item; 0 gives the zero
// Item.
func ItemAt(a arena.Addr) Item { return Item{a} }

// ItemBytes is the block size of an item with these lengths.
func ItemBytes(keyLen, valueLen int, deadline bool) int {
	n := headBytes + keyLen + valueLen
	if keyLen > maxShortKey || valueLen > maxShortValue {
		n += 8
	}
	if deadline {
		n += 8
	}
	return n
}

// NewItem makes an item with room for a value of valueLen bytes, whose contents
// are undefined. deadlineMS 0 is none. kind and access start as given.
func NewItem(h *arena.Heap, kind uint8, access uint32, key []byte, valueLen int, deadlineMS int64) Item {
	size := ItemBytes(len(key), valueLen, deadlineMS != 0)
	it := Item{h.Alloc(size)}
	it.format(kind, access, len(key), valueLen, deadlineMS, nil)
	copy(it.Key(), key)
	return it
}

// NewItemLike makes an item with the kind, access, extension and HasParts of another, and
// with room for a value of the same length, whose contents are undefined.
func NewItemLike(h *arena.Heap, like Item, key []byte, deadlineMS int64) Item {
	ext, valueLen := like.Ext(), like.ValueLen()
	it := Item{h.Alloc(ItemBytes(len(key), valueLen, deadlineMS != 0) + 8*len(ext))}
	it.format(like.Kind(), like.Access(), len(key), valueLen, deadlineMS, ext)
	it.SetParts(like.HasParts())
	copy(it.Key(), key)
	return it
}

// format writes the header of an item whose block is large enough, with an extension, or
// none if ext is empty, which lies elsewhere.
func (it Item) format(kind uint8, access uint32, keyLen, valueLen int, deadlineMS int64, ext []uint64) {
	w := uint64(kind) | uint64(access&0xFFFFFF)<<accessShift
	next := 1
	if keyLen > maxShortKey || valueLen > maxShortValue {
		w |= flagLong
		*it.a.Word(1) = uint64(uint32(keyLen)) | uint64(uint32(valueLen))<<32
		next = 2
	} else {
		w |= uint64(keyLen)<<keyShift | uint64(valueLen)<<valueShift
	}
	if deadlineMS != 0 {
		w |= flagDeadline
		*it.a.Word(next) = uint64(deadlineMS)
		next++
	}
	if len(ext) > 0 {
		w |= flagExt
		copy(arena.Array[uint64](it.a, next+len(ext))[next:], ext)
	}
	*it.a.Word(0) = w
}

// IsZero reports whether there is no item.
func (it Item) IsZero() bool { return it.a == 0 }

// Addr is the address of the item's block.
func (it Item) Addr() arena.Addr { return it.a }

func (it Item) head() uint64 { return *it.a.Word(0) }

// Kind returns the byte the holder gave to the item.
func (it Item) Kind() uint8 { return uint8(it.head()) }

// SetKind changes it.
func (it Item) SetKind(k uint8) { *it.a.Word(0) = it.head()&^0xFF | uint64(k) }

// Access returns the 24 bits of the eviction policy.
func (it Item) Access() uint32 { return uint32(it.head()>>accessShift) & 0xFFFFFF }

// SetAccess changes them.
func (it Item) SetAccess(v uint32) {
	*it.a.Word(0) = it.head()&^(0xFFFFFF<<accessShift) | uint64(v&0xFFFFFF)<<accessShift
}

// DeadlineMS returns the time after which the item has expired, or 0.
func (it Item) DeadlineMS() int64 {
	w := it.head()
	if w&flagDeadline == 0 {
		return 0
	}
	if w&flagLong != 0 {
		return int64(*it.a.Word(2))
	}
	return int64(*it.a.Word(1))
}

// MoveDeadline changes the deadline of an item that has one, where it stands; deadlineMS is
// not 0. The slot takes notice with SetItem.
func (it Item) MoveDeadline(deadlineMS int64) {
	w := it.head()
	invariants.Check(w&flagDeadline != 0 && deadlineMS != 0, "a deadline that is moved is there")
	if w&flagLong != 0 {
		*it.a.Word(2) = uint64(deadlineMS)
		return
	}
	*it.a.Word(1) = uint64(deadlineMS)
}

// HasParts returns the value last given to SetParts.
func (it Item) HasParts() bool { return it.head()&flagParts != 0 }

// Special reports whether the item has parts with deadlines or an extension.
func (it Item) Special() bool { return it.head()&(flagParts|flagExt) != 0 }

// SetParts marks an item as one whose value has parts with deadlines of their
// own, so that Sweep visits it too. The slot takes notice with SetItem.
func (it Item) SetParts(on bool) {
	w := it.head() &^ flagParts
	if on {
		w |= flagParts
	}
	*it.a.Word(0) = w
}

// Marks is how many bits SetMarks has.
const Marks = 4

// Marks returns the bits that SetMarks set; a new item has none. Reshape keeps them.
func (it Item) Marks() uint8 { return uint8(it.head()>>marksShift) & (1<<Marks - 1) }

// SetMarks gives the item bits that the table's owner gives a meaning, such as that a
// walk has been there.
func (it Item) SetMarks(m uint8) {
	*it.a.Word(0) = it.head()&^flagMarks | uint64(m)<<marksShift&flagMarks
}

// layout returns where the key begins and how long key and value are.
func (it Item) layout() (off, keyLen, valueLen int) {
	w := it.head()
	off = headBytes
	if w&flagLong != 0 {
		l := *it.a.Word(1)
		off += 8
		keyLen, valueLen = int(uint32(l)), int(l>>32)
	} else {
		keyLen, valueLen = int(w>>keyShift&0xFF), int(w>>valueShift)
	}
	if w&(flagDeadline|flagExt) != 0 {
		if w&flagDeadline != 0 {
			off += 8
		}
		if w&flagExt != 0 {
			off += 8 * int(uint8(*it.a.Word(off / 8)))
		}
	}
	return off, keyLen, valueLen
}

// Extended reports whether the item has an extension.
func (it Item) Extended() bool { return it.head()&flagExt != 0 }

// Ext returns the words of the item's extension, or nil; it aliases the block. The low
// byte of the first is not to be changed.
func (it Item) Ext() []uint64 {
	w := it.head()
	if w&flagExt == 0 {
		return nil
	}
	at := 1
	if w&flagLong != 0 {
		at++
	}
	if w&flagDeadline != 0 {
		at++
	}
	n := int(uint8(*it.a.Word(at)))
	return arena.Array[uint64](it.a, at+n)[at:]
}

// Extend gives the item a copy of ext as its extension instead of the one it has; an
// empty one is none. It returns the item as Reshape does. The low byte of ext[0] is
// len(ext), at most MaxExt.
func (it Item) Extend(h *arena.Heap, ext []uint64) Item {
	if len(ext) > 0 {
		invariants.Check(len(ext) <= MaxExt && int(uint8(ext[0])) == len(ext), "an extension says how many words it has")
	}
	return it.reshape(h, it.ValueLen(), it.DeadlineMS(), ext)
}

// Key returns the key; it aliases the block.
func (it Item) Key() []byte {
	off, k, _ := it.layout()
	return (it.a + arena.Addr(off)).Bytes(k)
}

// Value returns the value; it aliases the block.
func (it Item) Value() []byte {
	off, k, v := it.layout()
	return (it.a + arena.Addr(off+k)).Bytes(v)
}

// ValueLen returns the length of the value.
func (it Item) ValueLen() int {
	_, _, v := it.layout()
	return v
}

// Bytes is the size the item's block was asked for.
func (it Item) Bytes() int {
	off, k, v := it.layout()
	return off + k + v
}

// hasKey compares without making the slices of the common, short item.
func (it Item) hasKey(key []byte) bool {
	w := it.head()
	if w&flagLong == 0 && int(w>>keyShift&0xFF) != len(key) {
		return false
	}
	return string(it.Key()) == string(key)
}

// PrefetchFree loads into the processor's cache what Free needs outside of the item.
func (it Item) PrefetchFree(h *arena.Heap) { h.PrefetchFree(it.a, it.Bytes()) }

// Free frees the item's block.
func (it Item) Free(h *arena.Heap) { h.Free(it.a, it.Bytes()) }

// Reshape gives the item a value of valueLen bytes and the deadline (0: none), keeping kind, access, extension,
// key and as much of the value as fits both; added bytes are undefined. It returns the item, which may be another
// block; the caller updates the one entry that refers to it.
func (it Item) Reshape(h *arena.Heap, valueLen int, deadlineMS int64) Item {
	return it.reshape(h, valueLen, deadlineMS, it.Ext())
}

func (it Item) reshape(h *arena.Heap, valueLen int, deadlineMS int64, ext []uint64) Item {
	off, k, v := it.layout()
	old := off + k + v
	size := ItemBytes(k, valueLen, deadlineMS != 0) + 8*len(ext)
	keep := min(v, valueLen)
	newOff := size - k - valueLen
	w := it.head()
	kind, access := uint8(w), uint32(w>>accessShift)&0xFFFFFF
	if arena.BlockBytes(size) == arena.BlockBytes(old) {
		if len(ext) > 0 { // the words written in front of the extension may overlap it
			var room [MaxExt]uint64
			ext = room[:copy(room[:], ext)]
		}
		if newOff != off { // the header grew or shrank: the rest moves
			copy((it.a + arena.Addr(newOff)).Bytes(k+keep), (it.a + arena.Addr(off)).Bytes(k+keep))
		}
		it.format(kind, access, k, valueLen, deadlineMS, ext)
		it.setFlags(w)
		return it
	}
	to := Item{h.Alloc(size)}
	copy((to.a + arena.Addr(newOff)).Bytes(k+keep), (it.a + arena.Addr(off)).Bytes(k+keep))
	to.format(kind, access, k, valueLen, deadlineMS, ext)
	to.setFlags(w)
	h.Free(it.a, old)
	return to
}

// setFlags takes over the flags of a header that do not follow from the layout.
func (it Item) setFlags(head uint64) { *it.a.Word(0) |= head & (flagParts | flagMarks) }
