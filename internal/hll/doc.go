// Package hll counts distinct elements approximately: HyperLogLogs in the
// representation that Redis gives them, byte for byte, so that a value made by
// one server is good for the other.
//
// A value is a string: a header of 16 bytes and 16384 registers. Each element
// hashes to one register and a rank, and a register keeps the highest rank it
// was given. The header is "HYLL", the encoding, three unused bytes and the
// cardinality as it was last computed, little-endian, whose highest bit says
// that it is out of date.
//
// A dense value has six bits for each register. A sparse one describes runs of
// registers, in order:
//
//	00xxxxxx           x+1 registers of zero, up to 64
//	01xxxxxx yyyyyyyy  xy+1 registers of zero, up to 16384
//	1vvvvvxx           x+1 registers of v+1, up to 4 of up to 32
//
// Values come from clients, who may write whatever they like: every function
// that walks one reports ErrCorrupt for what does not add up.
package hll
