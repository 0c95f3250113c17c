// Package script reads the command scripts of tests/compat/testdata and the
// replies they are compared with.
//
// A script is a list of calls, each with the reply a client should see, written
// as redis-cli prints it:
//
//	> SET k "a \x00 b"
//	OK
//	> LRANGE l 0 -1
//	1) "a"
//	2) "b"
//
// A reply ends at an empty line, at the next call or at a line that starts with
// '#'. Such a line is a comment, unless it is one of these directives:
//
//	# since 7.4      the next call is newer than the reference, which is not asked
//	# since valkey-9.0   the same, and Valkey is asked from that version on
//	# unordered      the elements of the next reply, and those in them, may
//	                 come in any order
//	# loose          only the type of the next reply counts
//	# blocks         the next call waits; its reply is read before the next call
//	                 of the same connection, or at the end
//	# sleep 20       wait that many milliseconds (in process: move the clock)
//	# conn b         the following calls are sent by another connection ("a" is the first)
//	# resp3, resp2   the protocol of the following calls; RESP2 at the start
//	# file server    the script needs a whole server, not just handlers
//	# file needs zadd  skip the script where a command is missing
//	# file since 7.4 as "since", for every call of the script
//
// Blanks after '#' do not matter. Every script starts on an empty server with
// new connections. Arguments are separated by blanks and may be quoted as in
// redis-cli.
//
// The package knows bytes and text only: the caller decides how a call is sent, and
// where to. So the same file can be played to handlers in one process, to
// a server over TCP, and to another server beside it.
package script
