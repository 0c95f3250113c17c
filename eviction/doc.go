// Package eviction ranks what could be thrown away.
//
// It knows nothing of keys and values: it reads and writes the 24 bits of
// access history that every item carries, and says which of two histories is
// worth less. The engine samples items and asks.
//
// The functions are pure; the caller passes the time in.
package eviction
