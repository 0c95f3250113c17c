package hll

import (
	"slices"
	"strconv"
)

const (
	shortZeros = 64 // most registers in a run of zeros of one byte
	runMax     = 4  // most registers in a run of a rank
	rankMax    = 32 // highest rank of a run
)

// A run is some registers in a row of the same rank.
type run struct {
	first, length int
	rank          byte // 0 for zeros
	size          int  // bytes it is written in
}

// runAt reads the run at the beginning of ops, which is not empty.
func runAt(ops []byte, first int) (run, bool) {
	switch x := ops[0]; {
	case x&0x80 != 0:
		return run{first, int(x&3) + 1, x>>2&0x1f + 1, 1}, true
	case x&0x40 == 0:
		return run{first, int(x) + 1, 0, 1}, true
	case len(ops) > 1:
		return run{first, (int(x&0x3f)<<8 | int(ops[1])) + 1, 0, 2}, true
	}
	return run{}, false
}

// eachRun calls f with every run, and fails if they are not all registers.
func eachRun(ops []byte, f func(run)) error {
	first := 0
	for len(ops) > 0 {
		r, ok := runAt(ops, first)
		if !ok || r.first+r.length > Registers {
			return ErrCorrupt
		}
		f(r)
		first += r.length
		ops = ops[r.size:]
	}
	if first != Registers {
		return ErrCorrupt
	}
	return nil
}

// appendZeros appends a run of n registers of zero, 1 to Registers.
func appendZeros(b []byte, n int) []byte {
	switch {
	case n <= 0:
		return b
	case n <= shortZeros:
		return append(b, byte(n-1))
	}
	return append(b, 0x40|byte((n-1)>>8), byte(n-1))
}

// appendRank appends a run of n registers of a rank.
func appendRank(b []byte, n int, rank byte) []byte {
	if n <= 0 {
		return b
	}
	return append(b, rankRun(n, rank))
}

// rankRun is a run of n registers of a rank.
func rankRun(n int, rank byte) byte { return 0x80 | (rank-1)<<2 | byte(n-1) }

// appendRun appends the run of n registers of any rank.
func appendRun(b []byte, n int, rank byte) []byte {
	if rank == 0 {
		return appendZeros(b, n)
	}
	return appendRank(b, n, rank)
}

// A seat is a place in a sparse value where a walk may begin: a run, and the
// first register of it. The zero seat is the beginning.
type seat struct{ at, first int }

// raiseSparse makes a register of a sparse value at least rank. It makes the same bytes as Redis: the run that
// held the register is split, and a few runs around it are merged; others that could be merged are not. The walk
// begins at from, which is moved to a position where a walk for a higher register may begin.
func raiseSparse(b []byte, register int, rank byte, sparseMax int, from *seat) ([]byte, bool, error) {
	if rank > rankMax {
		return promote(b, register, rank)
	}
	at, r := from.at, run{first: from.first}
	if at == 0 {
		at = headerLen
	}
	begin, before := at, seat{at, r.first}
	for {
		if at >= len(b) {
			return b, false, ErrCorrupt
		}
		var ok bool
		if r, ok = runAt(b[at:], r.first+r.length); !ok || r.first+r.length > Registers {
			return b, false, ErrCorrupt
		}
		if register < r.first+r.length {
			break
		}
		*from = before // no merge behind the next run touches it
		before = seat{at, r.first}
		at += r.size
	}
	if at == begin && begin > headerLen {
		// A merge has taken the register into the run at from, and the one
		// before that is not known.
		*from = seat{}
		return raiseSparse(b, register, rank, sparseMax, from)
	}
	if r.rank >= rank {
		return b, false, nil
	}
	var room [5]byte
	parts := appendRun(room[:0], register-r.first, r.rank)
	parts = appendRank(parts, 1, rank)
	parts = appendRun(parts, r.first+r.length-1-register, r.rank)
	if grows := len(parts) - r.size; grows > 0 && len(b)+grows > sparseMax {
		return promote(b, register, rank)
	}
	b = slices.Replace(b, at, at+r.size, parts...)
	return mergeRuns(b, before.at), true, nil
}

// promote makes a sparse value dense because of a register that it cannot hold.
func promote(b []byte, register int, rank byte) ([]byte, bool, error) {
	d, err := ToDense(b)
	if err != nil {
		return b, false, err
	}
	return d, raiseDense(d[headerLen:], register, rank), nil
}

// mergeLook is how many runs from the one before a change are looked at for
// neighbours of the same rank.
const mergeLook = 5

// mergeRuns joins neighbours of the same rank as long as they fit one run.
func mergeRuns(b []byte, at int) []byte {
	for look := 0; look < mergeLook && at < len(b); look++ {
		r, ok := runAt(b[at:], 0)
		if !ok {
			break
		}
		if r.rank > 0 && at+1 < len(b) {
			next, ok := runAt(b[at+1:], 0)
			if ok && next.rank == r.rank && r.length+next.length <= runMax {
				b[at+1] = rankRun(r.length+next.length, r.rank)
				b = slices.Delete(b, at, at+1)
				continue // the joined run may go with the next one
			}
		}
		at += r.size
	}
	return b
}

// Describe appends the runs of a sparse value as text: z:n and Z:n for zeros in
// one byte and two, v:rank,n for ranks.
func Describe(out, b []byte) ([]byte, error) {
	begin := len(out)
	err := eachRun(b[headerLen:], func(r run) {
		if len(out) > begin {
			out = append(out, ' ')
		}
		switch {
		case r.rank > 0:
			out = append(out, "v:"...)
			out = strconv.AppendInt(out, int64(r.rank), 10)
			out = append(out, ',')
		case r.size == 1:
			out = append(out, "z:"...)
		default:
			out = append(out, "Z:"...)
		}
		out = strconv.AppendInt(out, int64(r.length), 10)
	})
	return out, err
}
