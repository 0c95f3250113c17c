// Package eviction ranks items that may be evicted.
//
// It knows nothing of keys and values: it reads and writes the 24 bits of
// access history that every item carries, and computes a rank from them. The
// engine samples items and evicts the one with the lowest rank.
//
// clock.go has Redis's meanings of the bits: the time of the last access, and a
// counter of accesses that decays; its functions are pure, and the caller passes
// the time in. density.go has the server's own, which learns from the requests.
package eviction
