package packed

import (
	"encoding/binary"

	"cached/internal/invariants"
)

// HeaderBytes is the size of an empty sequence.
const HeaderBytes = 2

// manyEntries in the header says that there may be more than it can count.
const manyEntries = 1<<16 - 1

// Init returns an empty sequence in the storage of b.
func Init(b []byte) []byte {
	b = b[:HeaderBytes]
	b[0], b[1] = 0, 0
	return b
}

// Len is the number of entries.
func Len(b []byte) int {
	if n := binary.LittleEndian.Uint16(b); n != manyEntries {
		return int(n)
	}
	return countTo(b, len(b))
}

// countTo counts the entries in front of end.
func countTo(b []byte, end int) int {
	n := 0
	for p := HeaderBytes; p < end; p += entrySize(b, p) {
		n++
	}
	return n
}

func addLen(b []byte, delta int) {
	n := int(binary.LittleEndian.Uint16(b))
	if n != manyEntries {
		setLen(b, n+delta)
	}
}

func setLen(b []byte, n int) {
	binary.LittleEndian.PutUint16(b, uint16(min(n, manyEntries)))
}

// First returns the position of the first entry, or 0.
func First(b []byte) int {
	if len(b) == HeaderBytes {
		return 0
	}
	return HeaderBytes
}

// Last returns the position of the last entry, or 0.
func Last(b []byte) int { return Prev(b, len(b)) }

// Next returns the position behind the entry at p, or 0 if that was the last.
func Next(b []byte, p int) int {
	if p += entrySize(b, p); p < len(b) {
		return p
	}
	return 0
}

// Prev returns the position of the entry in front of p, which may be len(b); 0
// if there is none.
func Prev(b []byte, p int) int {
	if p == HeaderBytes {
		return 0
	}
	return before(b, p)
}

// Skip returns the position n entries behind p, or 0.
func Skip(b []byte, p, n int) int {
	for ; n > 0 && p < len(b); n-- {
		p += entrySize(b, p)
	}
	if p < len(b) {
		return p
	}
	return 0
}

// Seek returns the position of the i-th entry, counted from 0, or from the end
// with -1 for the last; 0 if there is none. It walks from the nearer end.
func Seek(b []byte, i int) int {
	n := int(binary.LittleEndian.Uint16(b))
	if n == manyEntries {
		n = Len(b)
	}
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return 0
	}
	if i <= n/2 {
		return Skip(b, HeaderBytes, i)
	}
	p := len(b)
	for ; n > i; n-- {
		p = before(b, p)
	}
	return p
}

// Find returns the first position from p on whose entry is key, looking at
// every (skip+1)-th entry only; 0 if there is none, or if p is 0. A hash looks
// for a field with skip 1.
func Find(b []byte, p int, key []byte, skip int) int {
	if p == 0 {
		return 0
	}
	var h head
	h.of(key)
	c := h.bytes[0]
	// Equal strings have equal bytes, and most others differ already in the first byte, which has the length. Keys
	// of one length tend to differ at their end: comparing eight bytes there at once avoids most of the calls.
	tailed, tail, end := h.n == 1 && h.data >= 8, uint64(0), h.n+h.data
	if tailed {
		tail = binary.LittleEndian.Uint64(key[h.data-8:])
	}
	for p < len(b) {
		x := b[p]
		if x == c && (!tailed || binary.LittleEndian.Uint64(b[p+end-8:]) == tail) && h.at(b, p, key) {
			return p
		}
		p += entrySize(b, p)
		for i := skip; i > 0 && p < len(b); i-- {
			p += entrySize(b, p)
		}
	}
	return 0
}

// at says whether the entry at p has this head and holds s; the first byte is
// known to agree.
func (h *head) at(b []byte, p int, s []byte) bool {
	if h.n > 1 && string(b[p+1:p+h.n]) != string(h.bytes[1:h.n]) {
		return false
	}
	p += h.n
	return h.data == 0 || string(b[p:p+h.data]) == string(s)
}

// Size is how many bytes the entries take that store these strings.
func Size(entries ...[]byte) int {
	var h head
	n := 0
	for _, s := range entries {
		h.of(s)
		n += h.size()
	}
	return n
}

// IntSize is how many bytes the entry takes that stores v in decimal form.
func IntSize(v int64) int {
	var h head
	h.ofInt(v)
	return h.size()
}

// TextSize is how many bytes the entry takes that stores a string of n bytes
// which is not the decimal form of an integer.
func TextSize(n int) int {
	switch {
	case n <= maxShort:
		n++
	case n <= maxMedium:
		n += 2
	default:
		n += 5
	}
	return n + backSize(n)
}

// EntrySize is how many bytes the entry at p takes.
func EntrySize(b []byte, p int) int { return entrySize(b, p) }

// Append adds entries at the end; the sequence grows by their Size.
func Append(b []byte, entries ...[]byte) []byte { return Insert(b, len(b), entries...) }

// AppendInt is Append for the decimal form of v; it grows by IntSize.
func AppendInt(b []byte, v int64) []byte { return InsertInt(b, len(b), v) }

// Insert adds entries in front of the one at p, or at the end for len(b); the
// sequence grows by their Size. p is then the position of the first of them.
func Insert(b []byte, p int, entries ...[]byte) []byte {
	var h head
	if len(entries) == 1 {
		h.of(entries[0])
		b = open(b, p, h.size())
		h.put(b, p, entries[0])
		addLen(b, 1)
		return b
	}
	b = open(b, p, Size(entries...))
	for _, s := range entries {
		h.of(s)
		p = h.put(b, p, s)
	}
	addLen(b, len(entries))
	return b
}

// InsertInt is Insert for the decimal form of v; it grows by IntSize.
func InsertInt(b []byte, p int, v int64) []byte {
	var h head
	h.ofInt(v)
	b = open(b, p, h.size())
	h.put(b, p, nil)
	addLen(b, 1)
	return b
}

// Fill is Insert of one entry where the caller has already made room for it, of
// its Size at p: for storage that can grow at its front as well.
func Fill(b []byte, p int, s []byte) {
	invariants.Check(p >= HeaderBytes, "packed: edit in front of the first entry")
	var h head
	h.of(s)
	h.put(b, p, s)
	addLen(b, 1)
}

// Drop counts n entries less, whose bytes the caller has taken out.
func Drop(b []byte, n int) { addLen(b, -n) }

// open makes room for n bytes at p.
func open(b []byte, p, n int) []byte {
	invariants.Check(p >= HeaderBytes, "packed: edit in front of the first entry")
	used := len(b)
	b = b[:used+n]
	if p < used {
		copy(b[p+n:], b[p:used])
	}
	return b
}

// ReplaceGrowth is by how many bytes Replace with s at p lengthens the
// sequence; negative if it becomes shorter.
func ReplaceGrowth(b []byte, p int, s []byte) int { return Size(s) - entrySize(b, p) }

// Replace puts s in place of the entry at p.
func Replace(b []byte, p int, s []byte) []byte {
	var h head
	h.of(s)
	b = refit(b, p, h.size())
	h.put(b, p, s)
	return b
}

// ReplaceInt puts the decimal form of v in place of the entry at p.
func ReplaceInt(b []byte, p int, v int64) []byte {
	var h head
	h.ofInt(v)
	b = refit(b, p, h.size())
	h.put(b, p, nil)
	return b
}

// refit makes the room of the entry at p n bytes wide.
func refit(b []byte, p, n int) []byte {
	old, used := entrySize(b, p), len(b)
	if n > old {
		b = b[:used+n-old]
	}
	if n != old {
		copy(b[p+n:], b[p+old:used])
	}
	return b[:used+n-old]
}

// Delete removes n entries from p on, or as many as there are. The entry after them is then at p; p is len(b) if
// there was none.
func Delete(b []byte, p, n int) []byte {
	end, gone := p, 0
	for ; gone < n && end < len(b); gone++ {
		end += entrySize(b, end)
	}
	copy(b[p:], b[end:])
	b = b[:len(b)-(end-p)]
	addLen(b, -gone)
	return b
}

// DeleteRange removes n entries from the i-th on, or as many as there are; i
// counts as for Seek.
func DeleteRange(b []byte, i, n int) []byte {
	if p := Seek(b, i); p != 0 {
		return Delete(b, p, n)
	}
	return b
}

// Split moves the entries from p on into an empty sequence made in the storage
// of dst, which must hold HeaderBytes + len(b) - p, and returns both.
func Split(b []byte, p int, dst []byte) (left, right []byte) {
	n := Len(b)
	leftLen := countTo(b, p)
	right = dst[:HeaderBytes+len(b)-p]
	copy(right[HeaderBytes:], b[p:])
	setLen(right, n-leftLen)
	left = b[:p]
	setLen(left, leftLen)
	return left, right
}

// InsertSeq inserts all entries of src, another sequence, in front of p, or at
// the end for len(b), which merges the two. b grows by len(src) - HeaderBytes.
func InsertSeq(b []byte, p int, src []byte) []byte {
	b = open(b, p, len(src)-HeaderBytes)
	copy(b[p:], src[HeaderBytes:])
	if n := int(binary.LittleEndian.Uint16(src)); n != manyEntries {
		addLen(b, n)
	} else {
		setLen(b, manyEntries)
	}
	return b
}
