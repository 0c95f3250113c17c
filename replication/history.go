package replication

import (
	"crypto/rand"
	"encoding/hex"
)

// A History names the sequence of effects that a server and its replicas have in common.
// Offsets count the bytes of the stream from its beginning, as Redis counts them: an
// offset is how many bytes there were before.
type History struct {
	// ID is 40 hex digits that a primary chooses at random.
	ID string
	// ID2 is the name that the same bytes had up to the offset Second-1, before a replica
	// became a primary, or was told another name. Without such a name it is noID, and
	// Second is -1.
	ID2    string
	Second int64
}

// noID is what ID2 is when there is none.
const noID = "0000000000000000000000000000000000000000"

// newHistory is one that nobody knows yet.
func newHistory() History { return History{ID: newID(), ID2: noID, Second: -1} }

func newID() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // it does not fail
	return hex.EncodeToString(b[:])
}

// renamed is the history that goes on behind offset under another name.
func (h History) renamed(id string, offset int64) History {
	return History{ID: id, ID2: h.ID, Second: offset + 1}
}

// knows reports whether who has seen everything of the history id before next, the first
// byte that it wants (Redis counts bytes from one), has seen the same as is in h.
func (h History) knows(id string, next int64) bool {
	return id == h.ID || id == h.ID2 && id != noID && next <= h.Second
}
