package packed

import (
	"encoding/binary"
	"math"
)

// An IntSet is a sorted array of distinct integers after one byte with their width, 2, 4 or 8 bytes. Its length is
// what it uses and its capacity what it may grow into, as for a sequence. It never becomes narrower again.
type IntSet []byte

// IntSetHeader is the size of an empty IntSet.
const IntSetHeader = 1

// InitIntSet returns an empty set in the storage of b.
func InitIntSet(b []byte) IntSet {
	b = b[:IntSetHeader]
	b[0] = 2
	return b
}

// widthFor is the narrowest width that holds v.
func widthFor(v int64) int {
	switch {
	case v == int64(int16(v)):
		return 2
	case v == int64(int32(v)):
		return 4
	}
	return 8
}

// Width is the number of bytes in which each member is stored.
func (s IntSet) Width() int { return int(s[0]) }

// Len is the number of members.
func (s IntSet) Len() int {
	// The header byte does not make up another member at any width.
	switch s[0] {
	case 2:
		return len(s) >> 1
	case 4:
		return len(s) >> 2
	}
	return len(s) >> 3
}

// At returns the i-th smallest member.
func (s IntSet) At(i int) int64 { return s.at(i, int(s[0])) }

func (s IntSet) at(i, width int) int64 {
	p := s[IntSetHeader+i*width:]
	switch width {
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(p)))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(p)))
	}
	return int64(binary.LittleEndian.Uint64(p))
}

func (s IntSet) put(i, width int, v int64) {
	p := s[IntSetHeader+i*width:]
	switch width {
	case 2:
		binary.LittleEndian.PutUint16(p, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(p, uint32(v))
	default:
		binary.LittleEndian.PutUint64(p, uint64(v))
	}
}

// Find returns the index of v, or where it would be inserted.
func (s IntSet) Find(v int64) (i int, ok bool) {
	width, n := int(s[0]), s.Len()
	if n == 0 {
		return 0, false
	}
	switch width {
	case 2:
		if v < math.MinInt16 {
			return 0, false
		} else if v > math.MaxInt16 {
			return n, false
		}
	case 4:
		if v < math.MinInt32 {
			return 0, false
		} else if v > math.MaxInt32 {
			return n, false
		}
	}
	if s.at(n-1, width) < v { // the usual end of a set that is built in order
		return n, false
	}
	lo, left := 0, n
	for left > 1 {
		half := left >> 1
		if s.at(lo+half-1, width) < v {
			lo += half
		}
		left -= half
	}
	return lo, s.at(lo, width) == v
}

// Contains says whether v is a member.
func (s IntSet) Contains(v int64) bool {
	_, ok := s.Find(v)
	return ok
}

// AddSize is the length the set would have with v added as a new member.
func (s IntSet) AddSize(v int64) int {
	return IntSetHeader + (s.Len()+1)*max(int(s[0]), widthFor(v))
}

// Add adds v, for which there must be capacity for AddSize bytes; added is
// false if it was a member.
func (s IntSet) Add(v int64) (set IntSet, added bool) {
	width := int(s[0])
	if w := widthFor(v); w > width {
		return s.widen(w, v), true
	}
	i, ok := s.Find(v)
	if ok {
		return s, false
	}
	p, used := IntSetHeader+i*width, len(s)
	s = s[:used+width]
	copy(s[p+width:], s[p:used])
	s.put(i, width, v)
	return s, true
}

// widen makes all members width bytes wide and adds v, which is either below
// or above all of them, since it did not fit.
func (s IntSet) widen(width int, v int64) IntSet {
	old, n := int(s[0]), s.Len()
	s = s[:IntSetHeader+(n+1)*width]
	shift := 0
	if v < 0 {
		shift = 1
	}
	for i := n - 1; i >= 0; i-- { // from the end, so that no integer is overwritten before it is read
		s.put(i+shift, width, s.at(i, old))
	}
	if shift == 1 {
		s.put(0, width, v)
	} else {
		s.put(n, width, v)
	}
	s[0] = byte(width)
	return s
}

// Remove removes v; removed is false if it was no member.
func (s IntSet) Remove(v int64) (set IntSet, removed bool) {
	i, ok := s.Find(v)
	if !ok {
		return s, false
	}
	return s.RemoveAt(i), true
}

// RemoveAt removes the i-th smallest member.
func (s IntSet) RemoveAt(i int) IntSet {
	width := int(s[0])
	p := IntSetHeader + i*width
	copy(s[p:], s[p+width:])
	return s[:len(s)-width]
}

// Validate says whether s, which may be any bytes, is a set this package could
// have written.
func (s IntSet) Validate() error {
	if len(s) < IntSetHeader {
		return ErrTruncated
	}
	width := int(s[0])
	if width != 2 && width != 4 && width != 8 {
		return ErrForm
	}
	if (len(s)-IntSetHeader)%width != 0 {
		return ErrTruncated
	}
	for i := 1; i < s.Len(); i++ {
		if s.At(i-1) >= s.At(i) {
			return ErrSet
		}
	}
	return nil
}
