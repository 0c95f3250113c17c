// Package rdb reads and writes Redis's own format of values and files: what DUMP
// and RESTORE exchange, and what dump.rdb is made of. All versions up to 12, of
// Redis 7.4, are read. Version 10, which Redis 7.0 loads, is written, or 12.
//
// # Reading
//
// A file is cut into values without looking into them: a pattern for each type
// (types.go) says where a value ends. The goroutine that reads does only this,
// and deals the raw values out by shard; decoding them and putting them into the
// keyspace is done by one goroutine for each processor. A value of many elements
// comes in pieces, so that no buffer has to hold all of it.
//
// A Decoder turns a raw value into an item that nobody sees until it is whole.
// What is read is not trusted: lengths are compared with what there is before
// anything is allocated, and packed forms are walked, never copied. An error
// says where in the file it is.
//
// # Writing
//
// An Encoder appends values to a buffer. It holds no lock and sees no file; a
// value too large for one step comes in parts.
//
// # Goroutines
//
// Load starts some and waits for them. Otherwise none.
package rdb
