package lock

import (
	"bytes"
	"errors"
)

// What a lock and a semaphore hold at most.
const (
	MaxName    = 255  // bytes of an owner or of a permit's ID
	MaxHolds   = 1024 // shared holds of a lock
	MaxPermits = 8192 // permits of a semaphore
	MaxCount   = 1<<31 - 1
)

// The reasons for which a request is refused for good, not for the time being.
var (
	ErrShared   = errors.New("the owner has a shared hold")
	ErrMany     = errors.New("too many holds")
	ErrNested   = errors.New("the owner has fewer holds")
	ErrNoTokens = errors.New("there are no tokens left")
)

// A Hold is what an owner has of a lock.
type Hold struct {
	Owner   []byte
	Token   int64
	UntilMS int64 // Unix milliseconds; at this time it has ended
	DelayMS int64 // for how long then nobody gets the lock
	Client  int64 // the connection that took it last
	Count   int32 // how often the owner has taken it
	Shared  bool
	Bound   bool // it ends with the connection
	Lost    bool // it has ended by itself, and its client has been told
}

// FreeMS is when the hold does not stand in the way any more.
func (h *Hold) FreeMS() int64 { return h.UntilMS + h.DelayMS }

// A Lock is the state of a lock. Its holds that have ended are those which still stand in
// the way for their delay.
type Lock struct {
	Holds []Hold
	room  [2]Hold
}

// A Request is what is asked of a lock.
type Request struct {
	Owner   []byte
	NowMS   int64
	TTLMS   int64
	DelayMS int64
	Client  int64
	Holds   int32 // which hold of the owner it is, from 1 on; 0: one more than it has
	Shared  bool
	Bound   bool
	Behind  bool // somebody who came before waits
}

// A Grant is the answer.
type Grant struct {
	Hold *Hold // of the owner, or nil: refused
	New  bool  // it got a token
	// Of a refusal: the hold that stands in the way for the longest time, or nil if only
	// those do who wait.
	Blocker *Hold
}

// Tidy takes out what does not stand in the way at nowMS, and bound holds with a token
// up to born, whose connections ended with an earlier life of the server. It reports
// whether anything changed. Of each hold that has ended lost is called once.
func (l *Lock) Tidy(nowMS, born int64, lost func(Hold)) (changed bool) {
	kept := l.Holds[:0]
	for i := range l.Holds {
		h := &l.Holds[i]
		dead := h.Bound && h.Token <= born
		if (dead || h.UntilMS <= nowMS) && !h.Lost {
			h.Lost, changed = true, true
			if lost != nil {
				lost(*h)
			}
		}
		if dead || h.FreeMS() <= nowMS {
			changed = true
			continue
		}
		kept = append(kept, *h)
	}
	l.Holds = kept
	return changed
}

// Of returns the hold of an owner at nowMS, or nil. token, if not 0, is the one it has.
func (l *Lock) Of(owner []byte, token, nowMS int64) *Hold {
	for i := range l.Holds {
		if h := &l.Holds[i]; h.UntilMS > nowMS && bytes.Equal(h.Owner, owner) {
			if token != 0 && token != h.Token {
				return nil
			}
			return h
		}
	}
	return nil
}

// Has reports whether a token is that of a hold at nowMS.
func (l *Lock) Has(token, nowMS int64) bool {
	for i := range l.Holds {
		if h := &l.Holds[i]; h.Token == token && h.UntilMS > nowMS {
			return true
		}
	}
	return false
}

// Newest is the largest token of the holds, or 0.
func (l *Lock) Newest() (token int64) {
	for i := range l.Holds {
		token = max(token, l.Holds[i].Token)
	}
	return token
}

// DeadlineMS is when nothing is left of the lock.
func (l *Lock) DeadlineMS() (at int64) {
	for i := range l.Holds {
		at = max(at, l.Holds[i].FreeMS())
	}
	return at
}

// Acquire asks for a hold. The lock is tidy as of r.NowMS. token makes a token that is
// larger than the one it is given, or 0 if there are none left. An error is for good.
func (l *Lock) Acquire(r *Request, token func(above int64) int64) (Grant, error) {
	if h := l.Of(r.Owner, 0, r.NowMS); h != nil {
		return l.again(h, r)
	}
	if r.Holds > 1 {
		return Grant{}, ErrNested
	}
	var blocker *Hold
	for i := range l.Holds {
		h := &l.Holds[i]
		if (!r.Shared || !h.Shared || h.UntilMS <= r.NowMS) && (blocker == nil || h.FreeMS() > blocker.FreeMS()) {
			blocker = h
		}
	}
	if blocker != nil || r.Behind {
		return Grant{Blocker: blocker}, nil
	}
	if len(l.Holds) >= MaxHolds {
		return Grant{}, ErrMany
	}
	t := token(l.Newest())
	if t == 0 {
		return Grant{}, ErrNoTokens
	}
	if l.Holds == nil {
		l.Holds = l.room[:0]
	}
	l.Holds = append(l.Holds, Hold{Owner: r.Owner, Token: t, UntilMS: r.NowMS + r.TTLMS, DelayMS: r.DelayMS,
		Client: r.Client, Count: 1, Shared: r.Shared, Bound: r.Bound})
	return Grant{Hold: &l.Holds[len(l.Holds)-1], New: true}, nil
}

// again gives an owner what it has already. The hold never ends earlier by that.
func (l *Lock) again(h *Hold, r *Request) (Grant, error) {
	switch {
	case h.Shared && !r.Shared:
		return Grant{}, ErrShared // two of them would wait for each other
	case r.Holds > h.Count+1:
		return Grant{}, ErrNested
	case r.Holds == 0 && h.Count == MaxCount:
		return Grant{}, ErrMany
	case r.Holds == 0:
		h.Count++
	default:
		h.Count = max(h.Count, r.Holds)
	}
	h.UntilMS = max(h.UntilMS, r.NowMS+r.TTLMS)
	h.DelayMS = max(h.DelayMS, r.DelayMS)
	h.Client, h.Bound = r.Client, r.Bound || h.Bound
	return Grant{Hold: h}, nil
}

// A Release is what has become of a hold that was released.
type Release uint8

const (
	Gone     Release = iota // the owner does not have it, or not any more
	Kept                    // the owner has taken it more often
	Released                // it has ended
)

// Release gives back a hold of an owner, who has the token if that is not 0, and how many
// it has left. holds, if not 0, says which hold it is, from 1 on: if it was given back
// before, nothing changes. all gives back all that the owner has.
func (l *Lock) Release(owner []byte, token, nowMS int64, holds int32, all bool) (Release, int32) {
	h := l.Of(owner, token, nowMS)
	if h == nil {
		return Gone, 0
	}
	switch {
	case all:
		h.Count = 0
	case holds > h.Count:
		return Gone, h.Count
	case holds > 0:
		h.Count = holds - 1
	default:
		h.Count--
	}
	if h.Count > 0 {
		return Kept, h.Count
	}
	l.remove(h)
	return Released, 0
}

// Drop takes out the hold with a token, whoever has it, and reports whether it was there.
// With delayed the hold ends as if its time was over.
func (l *Lock) Drop(token, nowMS int64, delayed bool) bool {
	for i := range l.Holds {
		h := &l.Holds[i]
		if h.Token != token || h.UntilMS <= nowMS {
			continue
		}
		if delayed && h.DelayMS > 0 {
			h.UntilMS, h.Lost = nowMS, true
		} else {
			l.remove(h)
		}
		return true
	}
	return false
}

// Force ends all holds of an owner, or of all if owner is nil, and what is left of their
// delays. lost is called with each that had not ended.
func (l *Lock) Force(owner []byte, nowMS int64, lost func(Hold)) (n int) {
	kept := l.Holds[:0]
	for i := range l.Holds {
		h := l.Holds[i]
		if owner != nil && !bytes.Equal(h.Owner, owner) {
			kept = append(kept, h)
			continue
		}
		if h.UntilMS > nowMS {
			n++
			lost(h)
		}
	}
	l.Holds = kept
	return n
}

func (l *Lock) remove(h *Hold) {
	for i := range l.Holds {
		if &l.Holds[i] == h {
			l.Holds = append(l.Holds[:i], l.Holds[i+1:]...)
			return
		}
	}
}
