package lock

import (
	"bytes"
	"errors"
	"strconv"
)

// MaxLimit is the highest limit of a semaphore, and the highest cost of a permit.
const MaxLimit = 1_000_000_000_000

// The reasons for which a permit is refused for good.
var (
	ErrCost    = errors.New("the cost is above the limit")
	ErrOther   = errors.New("the permit has another cost")
	ErrPermits = errors.New("too many permits")
)

// A Permit is a part of a semaphore that is in use.
type Permit struct {
	ID      []byte // that the client chose; empty: Number
	Number  int64  // a token
	Cost    int64
	UntilMS int64 // Unix milliseconds; at this time it has ended
}

// AppendID appends the name by which clients know the permit.
func (p *Permit) AppendID(b []byte) []byte {
	if len(p.ID) > 0 {
		return append(b, p.ID...)
	}
	return strconv.AppendInt(b, p.Number, 10)
}

// A Semaphore is the state of a semaphore.
type Semaphore struct {
	Limit   int64 // that the last call said; 0: none has
	Permits []Permit
	room    [4]Permit
}

// A PermitRequest is what is asked of a semaphore.
type PermitRequest struct {
	ID     []byte // or empty
	NowMS  int64
	TTLMS  int64
	Cost   int64
	Behind bool // somebody who came before waits
}

// Tidy takes out what has ended at nowMS, and reports whether anything has.
func (s *Semaphore) Tidy(nowMS int64) bool {
	kept := s.Permits[:0]
	for _, p := range s.Permits {
		if p.UntilMS > nowMS {
			kept = append(kept, p)
		}
	}
	changed := len(kept) != len(s.Permits)
	s.Permits = kept
	return changed
}

// Used is the sum of the costs.
func (s *Semaphore) Used() (sum int64) {
	for i := range s.Permits {
		sum += s.Permits[i].Cost
	}
	return sum
}

// DeadlineMS is when the last permit ends.
func (s *Semaphore) DeadlineMS() (at int64) {
	for i := range s.Permits {
		at = max(at, s.Permits[i].UntilMS)
	}
	return at
}

// FreeMS is when enough permits have ended by themselves for one of a cost, or 0 if there
// is room for it now.
func (s *Semaphore) FreeMS(cost int64) (at int64) {
	room := s.Limit - s.Used()
	for room < cost {
		next := int64(1<<63 - 1)
		for i := range s.Permits {
			if t := s.Permits[i].UntilMS; t > at {
				next = min(next, t)
			}
		}
		if next == 1<<63-1 {
			return at
		}
		at = next
		for i := range s.Permits {
			if s.Permits[i].UntilMS == at {
				room += s.Permits[i].Cost
			}
		}
	}
	return at
}

// Of returns the permit with an ID, or nil.
func (s *Semaphore) Of(id []byte) *Permit {
	for i := range s.Permits {
		p := &s.Permits[i]
		if len(p.ID) > 0 {
			if bytes.Equal(p.ID, id) {
				return p
			}
			continue
		}
		var room [20]byte
		if bytes.Equal(strconv.AppendInt(room[:0], p.Number, 10), id) {
			return p
		}
	}
	return nil
}

// Acquire asks for a permit, and returns nil if there is no room. The semaphore is tidy as
// of r.NowMS and has a limit. A permit with the same ID is given again, and never ends
// earlier by that. number makes the number of a new one, or 0 if there are none left.
func (s *Semaphore) Acquire(r *PermitRequest, number func() int64) (*Permit, error) {
	if len(r.ID) > 0 {
		if p := s.Of(r.ID); p != nil {
			if p.Cost != r.Cost {
				return nil, ErrOther
			}
			p.UntilMS = max(p.UntilMS, r.NowMS+r.TTLMS)
			return p, nil
		}
	}
	switch {
	case r.Cost > s.Limit:
		return nil, ErrCost
	case r.Behind || s.Used()+r.Cost > s.Limit:
		return nil, nil
	case len(s.Permits) >= MaxPermits:
		return nil, ErrPermits
	}
	n := number()
	if n == 0 {
		return nil, ErrNoTokens
	}
	s.Permits = append(s.Permits, Permit{ID: r.ID, Number: n, Cost: r.Cost, UntilMS: r.NowMS + r.TTLMS})
	return &s.Permits[len(s.Permits)-1], nil
}

// Release takes out the permit with an ID, and reports whether it was there.
func (s *Semaphore) Release(id []byte) bool {
	p := s.Of(id)
	if p == nil {
		return false
	}
	for i := range s.Permits {
		if &s.Permits[i] == p {
			s.Permits = append(s.Permits[:i], s.Permits[i+1:]...)
			break
		}
	}
	return true
}
