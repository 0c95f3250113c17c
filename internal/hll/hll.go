package hll

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

const (
	// Registers is how many registers a HyperLogLog has.
	Registers = 1 << indexBits

	indexBits    = 14
	rankBits     = 64 - indexBits
	registerBits = 6
	registerMax  = 1<<registerBits - 1

	headerLen = 16
	denseLen  = headerLen + Registers*registerBits/8

	dense  = 0
	sparse = 1

	stale = 1 << 63 // in the cardinality: out of date
)

// ErrCorrupt is the error of a value whose registers do not add up.
var ErrCorrupt = errors.New("corrupt HyperLogLog")

// Valid reports whether b has the header of a HyperLogLog. The registers of a sparse one are checked by the
// functions that walk them.
func Valid(b []byte) bool {
	return len(b) >= headerLen && string(b[:4]) == "HYLL" && b[4] <= sparse && (b[4] == sparse || len(b) == denseLen)
}

// IsDense reports whether a valid b is dense, so that Add changes it in place.
func IsDense(b []byte) bool { return b[4] == dense }

// AppendNew appends a HyperLogLog of nothing.
func AppendNew(b []byte) []byte {
	b = append(b, "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	return appendZeros(b, Registers)
}

// Cached returns the cardinality kept in the header, if it is up to date.
func Cached(b []byte) (int64, bool) {
	n := binary.LittleEndian.Uint64(b[8:])
	return int64(n), n&stale == 0
}

// SetCached keeps a cardinality in the header.
func SetCached(b []byte, n int64) { binary.LittleEndian.PutUint64(b[8:], uint64(n)) }

// Invalidate says that the cardinality in the header is out of date.
func Invalidate(b []byte) { b[15] |= 0x80 }

// place returns the register of an element and the rank that it gives it.
func place(element []byte) (register int, rank byte) {
	h := hash(element)
	// The bit that is set here ends the run of zeros that is counted.
	return int(h % Registers), byte(bits.TrailingZeros64(h>>indexBits|1<<rankBits)) + 1
}

// Add adds an element to b, which must be valid, and reports whether that
// changed a register. A sparse value is changed in place or grows by append; one
// that would be longer than sparseMax bytes becomes dense.
func Add(b, element []byte, sparseMax int) ([]byte, bool, error) {
	register, rank := place(element)
	return raise(b, register, rank, sparseMax, new(seat))
}

// raise makes a register at least rank; from is that of raiseSparse.
func raise(b []byte, register int, rank byte, sparseMax int, from *seat) ([]byte, bool, error) {
	if IsDense(b) {
		return b, raiseDense(b[headerLen:], register, rank), nil
	}
	return raiseSparse(b, register, rank, sparseMax, from)
}

// getDense reads a register of six bits, which lies in at most two bytes.
func getDense(regs []byte, i int) byte {
	at, shift := i*registerBits>>3, i*registerBits&7
	w := uint(regs[at])
	if at+1 < len(regs) {
		w |= uint(regs[at+1]) << 8
	}
	return byte(w >> shift & registerMax)
}

func raiseDense(regs []byte, i int, rank byte) bool {
	if getDense(regs, i) >= rank {
		return false
	}
	setDense(regs, i, rank)
	return true
}

func setDense(regs []byte, i int, rank byte) {
	at, shift := i*registerBits>>3, i*registerBits&7
	w, mask := uint(rank)<<shift, uint(registerMax)<<shift
	regs[at] = regs[at]&^byte(mask) | byte(w)
	if mask > 0xff {
		regs[at+1] = regs[at+1]&^byte(mask>>8) | byte(w>>8)
	}
}

// unpackDense gives each register a byte: eight of them are six bytes.
func unpackDense(to *[Registers]byte, regs []byte) {
	for i := 0; i < Registers; i += 8 {
		r := regs[i/8*6:][:6]
		w := uint64(binary.LittleEndian.Uint32(r)) | uint64(binary.LittleEndian.Uint16(r[4:]))<<32
		t := to[i:][:8]
		for j := range t {
			t[j] = byte(w & registerMax)
			w >>= registerBits
		}
	}
}

// packDense is the inverse of unpackDense.
func packDense(regs []byte, from *[Registers]byte) {
	for i := 0; i < Registers; i += 8 {
		w := uint64(0)
		for j, rank := range from[i:][:8] {
			w |= uint64(rank&registerMax) << (j * registerBits)
		}
		r := regs[i/8*6:][:6]
		binary.LittleEndian.PutUint32(r, uint32(w))
		binary.LittleEndian.PutUint16(r[4:], uint16(w>>32))
	}
}

// ToDense returns b as a dense value, which is b itself if it is one.
func ToDense(b []byte) ([]byte, error) {
	if IsDense(b) {
		return b, nil
	}
	d := make([]byte, denseLen)
	copy(d, b[:headerLen])
	d[4] = dense
	err := eachRun(b[headerLen:], func(r run) {
		for i := r.first; r.rank > 0 && i < r.first+r.length; i++ {
			setDense(d[headerLen:], i, r.rank)
		}
	})
	if err != nil {
		return b, err
	}
	return d, nil
}

// EachRegister calls f with every register in order.
func EachRegister(b []byte, f func(i int, rank byte)) error {
	if IsDense(b) {
		for i := range Registers {
			f(i, getDense(b[headerLen:], i))
		}
		return nil
	}
	return eachRun(b[headerLen:], func(r run) {
		for i := r.first; i < r.first+r.length; i++ {
			f(i, r.rank)
		}
	})
}

// A Union has the highest rank that each register has in any of several values.
type Union struct {
	ranks [Registers]byte
	dense bool // one of them is dense
}

// Merge adds the registers of b, which must be valid.
func (u *Union) Merge(b []byte) error {
	if IsDense(b) {
		u.dense = true
		var ranks [Registers]byte
		unpackDense(&ranks, b[headerLen:])
		for i, rank := range ranks {
			u.ranks[i] = max(u.ranks[i], rank)
		}
		return nil
	}
	return eachRun(b[headerLen:], func(r run) {
		if r.rank == 0 {
			return
		}
		for i := r.first; i < r.first+r.length; i++ {
			u.ranks[i] = max(u.ranks[i], r.rank)
		}
	})
}

// MergeInto raises the registers of b, which must be valid, to those of u. The
// result is dense if anything merged was.
func (u *Union) MergeInto(b []byte, sparseMax int) ([]byte, error) {
	var err error
	if u.dense {
		if b, err = ToDense(b); err != nil {
			return b, err
		}
	}
	if IsDense(b) {
		if err := u.Merge(b); err != nil {
			return b, err
		}
		packDense(b[headerLen:], &u.ranks)
		Invalidate(b)
		return b, nil
	}
	var from seat // each register is behind the one before it
	for i, rank := range u.ranks {
		if rank == 0 {
			continue
		}
		if b, _, err = raise(b, i, rank, sparseMax, &from); err != nil {
			return b, err
		}
	}
	Invalidate(b)
	return b, nil
}

// Count estimates how many elements the values had together.
func (u *Union) Count() int64 { return histogramOf(&u.ranks).estimate() }

// Count estimates how many elements b, which must be valid, was given.
func Count(b []byte) (int64, error) {
	if IsDense(b) {
		var ranks [Registers]byte
		unpackDense(&ranks, b[headerLen:])
		return histogramOf(&ranks).estimate(), nil
	}
	var h histogram
	err := eachRun(b[headerLen:], func(r run) { h[r.rank] += r.length })
	return h.estimate(), err
}
