package lock

import (
	"encoding/binary"
	"errors"
)

// ErrState is the error of a block that is not the state of a lock or semaphore.
var ErrState = errors.New("malformed state")

// format is the first byte of a block.
const format = 1

// What a hold and a permit take beside their names.
const (
	holdBytes   = 1 + 4 + 4*8 + 1
	permitBytes = 3*8 + 1
)

const (
	flagShared = 1 << iota
	flagBound
	flagLost
	flagsAll = flagShared | flagBound | flagLost
)

// maxMS bounds times in a block, so that sums of a few do not overflow.
const maxMS = 1 << 52

func fits(ms int64) bool { return ms >= 0 && ms < maxMS }

// Parse makes l what a block says. No block is a lock that nobody holds.
func (l *Lock) Parse(b []byte) error {
	l.Holds = l.room[:0]
	if len(b) == 0 {
		return nil
	}
	if b[0] != format {
		return ErrState
	}
	for b = b[1:]; len(b) > 0; {
		if len(b) < holdBytes || len(l.Holds) == MaxHolds {
			return ErrState
		}
		n := int(b[holdBytes-1])
		if len(b) < holdBytes+n || b[0]&^flagsAll != 0 {
			return ErrState
		}
		h := Hold{
			Shared: b[0]&flagShared != 0, Bound: b[0]&flagBound != 0, Lost: b[0]&flagLost != 0,
			Count:   int32(binary.LittleEndian.Uint32(b[1:])),
			Token:   int64(binary.LittleEndian.Uint64(b[5:])),
			UntilMS: int64(binary.LittleEndian.Uint64(b[13:])),
			DelayMS: int64(binary.LittleEndian.Uint64(b[21:])),
			Client:  int64(binary.LittleEndian.Uint64(b[29:])),
			Owner:   b[holdBytes : holdBytes+n : holdBytes+n],
		}
		if h.Count < 1 || h.Token < 1 || h.Token > MaxToken || !fits(h.UntilMS) || !fits(h.DelayMS) {
			return ErrState
		}
		l.Holds = append(l.Holds, h)
		b = b[holdBytes+n:]
	}
	return nil
}

// Append appends the block of l to b.
func (l *Lock) Append(b []byte) []byte {
	b = append(b, format)
	for i := range l.Holds {
		h := &l.Holds[i]
		flags := byte(0)
		if h.Shared {
			flags |= flagShared
		}
		if h.Bound {
			flags |= flagBound
		}
		if h.Lost {
			flags |= flagLost
		}
		b = binary.LittleEndian.AppendUint32(append(b, flags), uint32(h.Count))
		b = binary.LittleEndian.AppendUint64(b, uint64(h.Token))
		b = binary.LittleEndian.AppendUint64(b, uint64(h.UntilMS))
		b = binary.LittleEndian.AppendUint64(b, uint64(h.DelayMS))
		b = binary.LittleEndian.AppendUint64(b, uint64(h.Client))
		b = append(append(b, byte(len(h.Owner))), h.Owner...)
	}
	return b
}

// Parse makes s what a block says. No block is a semaphore that nobody has used.
func (s *Semaphore) Parse(b []byte) error {
	s.Limit, s.Permits = 0, s.room[:0]
	if len(b) == 0 {
		return nil
	}
	if len(b) < 9 || b[0] != format {
		return ErrState
	}
	s.Limit = int64(binary.LittleEndian.Uint64(b[1:]))
	if s.Limit < 1 || s.Limit > MaxLimit {
		return ErrState
	}
	for b = b[9:]; len(b) > 0; {
		if len(b) < permitBytes || len(s.Permits) == MaxPermits {
			return ErrState
		}
		n := int(b[permitBytes-1])
		if len(b) < permitBytes+n {
			return ErrState
		}
		p := Permit{
			Number:  int64(binary.LittleEndian.Uint64(b)),
			Cost:    int64(binary.LittleEndian.Uint64(b[8:])),
			UntilMS: int64(binary.LittleEndian.Uint64(b[16:])),
			ID:      b[permitBytes : permitBytes+n : permitBytes+n],
		}
		if p.Number < 1 || p.Number > MaxToken || p.Cost < 1 || p.Cost > MaxLimit || !fits(p.UntilMS) {
			return ErrState
		}
		s.Permits = append(s.Permits, p)
		b = b[permitBytes+n:]
	}
	return nil
}

// Append appends the block of s to b.
func (s *Semaphore) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(append(b, format), uint64(s.Limit))
	for i := range s.Permits {
		p := &s.Permits[i]
		b = binary.LittleEndian.AppendUint64(b, uint64(p.Number))
		b = binary.LittleEndian.AppendUint64(b, uint64(p.Cost))
		b = binary.LittleEndian.AppendUint64(b, uint64(p.UntilMS))
		b = append(append(b, byte(len(p.ID))), p.ID...)
	}
	return b
}

// MarkTold notes in a block of a lock that nobody need be told of the end of its holds.
func MarkTold(b []byte) {
	if len(b) == 0 {
		return
	}
	for b = b[1:]; len(b) >= holdBytes; {
		b[0] |= flagLost
		n := holdBytes + int(b[holdBytes-1])
		if n > len(b) {
			return
		}
		b = b[n:]
	}
}

// Told reports whether a block of a lock has no hold of whose end somebody has to be told.
func Told(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	for b = b[1:]; len(b) >= holdBytes; {
		n := holdBytes + int(b[holdBytes-1])
		if b[0]&flagLost == 0 || n > len(b) {
			return false
		}
		b = b[n:]
	}
	return true
}
