// Package hll counts distinct elements approximately: HyperLogLogs in the
// representation of Redis, byte for byte, so that either server can use the values
// of the other.
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
// Values come from clients, which may write any bytes: every function that walks
// one reports ErrCorrupt for an inconsistent value.
package hll
