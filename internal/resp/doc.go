// Package resp reads requests and writes replies of the Redis serialization
// protocol, versions 2 and 3.
//
// A Parser parses the bytes received on a connection and returns commands whose
// arguments alias the buffer of these bytes. It is not redcon's parser, although
// a fuzz test compares it with redcon's results on well-formed input: redcon's
// parser starts again at the first byte whenever a command is incomplete, which is
// quadratic for a command of a million arguments, its limits and error texts are
// not Redis's, and a negative length makes it index outside the buffer.
//
// A Writer appends replies to a byte slice, by redcon's append functions where
// the two versions of the protocol agree. It knows the version that the client chose;
// handlers say what a reply is (a map, a double, null), and the Writer encodes it.
//
// The package knows no sockets, keys or commands.
package resp
