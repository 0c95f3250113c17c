// Package codec turns the bytes of a value into fewer and back. It knows neither
// items nor locks: whoever keeps what Encode returns keeps it as it is, and gives it
// to Decode.
//
// A packed value is
//
//	method 1 byte | length of the value, as uvarint | S2 or zstd blocks
//
// The method says S2, zstd, or zstd with the dictionary of that number; what a frame
// of zstd has in front of its blocks follows from the first two and is not kept.
//
// # Dictionaries
//
// Small values of one kind say the same over and over, but each says it once. A
// dictionary is what they have in common. Keys are grouped by what stands before
// their first colon; each group in use keeps a bounded sample of values, and Train
// makes a dictionary of it if values that are not in the sample get smaller by it.
// When a group's values change so much that its dictionary does not serve them any
// more, it gets another one, and the first is retired: nothing is encoded with it
// from then on, and when the holder of the values has gone through all of them and
// encoded those anew, its number is free (BeginPass, Outdated, EndPass).
//
// What does not get smaller is left alone, and a group in which nothing does is
// asked ever more rarely.
//
// # Goroutines
//
// None of its own. Train takes some ten milliseconds and wants a goroutine that has
// nothing else to do; everything else may be called by any.
//
// # Locks
//
// Codec.mu guards the making of groups and dictionaries; group.mu a group's sample.
// Neither is held while values are encoded or decoded. An encoder of zstd serves one
// caller at a time, and so does a part of a decoder; there may be as many as
// processors, and further callers wait for one.
package codec
