// Package rdb reads and writes Redis's own format of values and files: what DUMP
// and RESTORE exchange, and what dump.rdb is made of. All versions up to 12, of
// Redis 7.4, are read. Version 10, which Redis 7.0 loads, is written, or 12.
//
// # Reading
//
// A file is divided into values without decoding them: a pattern for each type
// (types.go) determines where a value ends. The goroutine that reads does only this,
// and distributes the raw values by shard; one goroutine for each processor decodes
// them and inserts them into the keyspace. A value of many elements is passed in
// pieces, so that no buffer has to hold all of it.
//
// A Decoder turns a raw value into an item that is in no table until it is complete.
// The input is not trusted: lengths are compared with the bytes that are there before
// memory is allocated, and packed forms are walked, never copied. An error has its
// offset in the file.
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
