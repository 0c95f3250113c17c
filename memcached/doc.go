// Package memcached has the classic text protocol of memcached, for a listener of its own beside RESP's: the parser of
// its requests, the rows of its commands with their handlers, and its directives. Both protocols have the same keys,
// and the same strings, deadlines, limits of memory, logs and snapshots.
//
//	mc, err := memcached.New(cfg)
//	server.Protocol{Name: memcached.Name, Port: mc.Port, Rows: mc.Rows(), ...}
//
// It behaves as memcached 1.6.18, byte for byte where docs/memcached.md names no difference: tests/compat plays the
// same requests to both.
//
// The parser looks at a line as far as memcached does before it reads a value, and gives each request a fixed order of
// words (see Parser). What it finds malformed is the request of a command of its own, which replies the error: nothing
// but a line that does not end closes the connection.
//
// Client flags and the CAS number are metadata of the item, which takes memory for them only if the flags are not 0, or
// if a client has asked for a CAS number and the key was not set since. A key gets its number when it is asked for.
//
// Handlers run under the locks of their keys as all others do. Beside them one timer may run: that of flush_all with a
// delay.
package memcached
