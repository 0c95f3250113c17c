// Package codec compresses the bytes of a value and decompresses them. It knows neither
// items nor locks: the caller stores the result of Encode and passes it to Decode.
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
// Small values of one kind have much in common, but each repeats little. A dictionary
// holds what they have in common. Keys are grouped by their text before the first
// colon. Each group in use keeps a bounded sample of values, and Train makes a
// dictionary of it if values outside of the sample get smaller with it. When a group's
// values change so much that its dictionary no longer helps, it gets another one, and
// the first is retired: no further value is encoded with it, and once the caller has
// visited all values and encoded those with the retired one again, its number is free
// (BeginPass, Outdated, EndPass).
//
// A value that does not get smaller is stored as it is. In a group where values do not
// get smaller, encoding is tried less and less often.
//
// # Goroutines
//
// None of its own. Train takes some ten milliseconds and should run on a background
// goroutine; everything else may be called by any.
//
// # Locks
//
// Codec.mu guards the making of groups and dictionaries; group.mu a group's sample.
// Neither is held while values are encoded or decoded. An encoder of zstd serves one
// caller at a time, and so does a part of a decoder; there may be as many as
// processors, and further callers wait for one.
package codec
