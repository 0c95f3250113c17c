// Package resp reads requests and writes replies of the Redis serialization
// protocol, versions 2 and 3.
//
// A Parser takes what has arrived on a connection and yields commands whose
// arguments alias the buffer they arrived in. It is not redcon's parser, though
// a fuzz test holds it to redcon's answers on well-formed input: redcon's
// begins anew at the first byte whenever a command is incomplete, which is
// quadratic for a command of a million arguments, its limits and error texts are
// not Redis's, and a negative length makes it index outside the buffer.
//
// A Writer appends replies to a byte slice, by redcon's append functions where
// the two versions agree. It knows the version of the protocol the client chose;
// handlers say what a reply is (a map, a double, null) and the Writer how it
// looks.
//
// The package knows no sockets, keys or commands.
package resp
