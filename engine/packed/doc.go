// Package packed keeps small collections in one run of bytes.
//
// A sequence is a list of byte strings that can be walked both ways: a two-byte
// count, then the entries one after another. It is the value of a small hash,
// set or sorted set, and a chunk of a large list or stream. An IntSet is a
// sorted array of integers in the narrowest width that holds them all.
//
// # Storage
//
// The caller owns it, an arena block or a Go slice. A sequence is a slice whose
// length is what the sequence uses and whose capacity is what it may grow into;
// an edit that needs more capacity than there is panics. So the caller asks
// first (Size, IntSize, ReplaceGrowth, IntSet.AddSize), grows the storage,
// and keeps the slice an edit returns, as with append. An edit's arguments must
// not alias the sequence; what reads return aliases it until the next edit. An
// owner with room in front of a sequence may move its beginning there, or towards
// the end, and call Fill or Drop for the entry that was added or removed.
//
// # Positions
//
// A position is the byte offset of an entry. 0, which lies in the count, means
// that there is none, and len(b) is where an entry would be appended. An edit
// invalidates all positions behind its own.
//
// # Format
//
// An entry is a head, the bytes of a string, and its back-length: the size of
// head and string, seven bits to a byte, to be read from the right; the high
// bit of a byte means that there are more to its left. The heads:
//
//	0vvvvvvv                 an integer from 0 to 127
//	10nnnnnn                 a string of n bytes
//	110vvvvv v               an integer of 13 bits, two's complement
//	1110nnnn n               a string of 64 to 4095 bytes
//	0xF0 n n n n             a longer string, little-endian length
//	0xF1 to 0xF5, v ...      an integer of 2, 3, 4, 6 or 8 bytes, little-endian
//
// A string that is the canonical decimal form of an int64 is stored as that
// integer, everything in the shortest form that holds it. So equal strings have
// equal bytes, and a search compares bytes without decoding. The count stays at
// 65535 once it has reached it; the entries are then counted by walking.
package packed
