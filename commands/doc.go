// Package commands is the table of commands and the handlers of those that work
// on keys.
//
// A command is a row, a Spec, and a handler. From the row follow its arity check,
// flags, ACL categories, keys, locks, and its replies of COMMAND. The handler reads
// its arguments with a cursor (Args), reads and changes keys through c.Tx, reports
// its changes (Modified, Propagate) and writes exactly one reply, or returns an error
// and writes none.
//
// Handlers take no locks, read no clock and know no socket. The dispatcher (package
// server) locks the shards of the row's keys before it calls the handler, and commits
// and unlocks after it.
//
// A handler that has to wait calls c.Block, which parks the client; the command runs
// again, from the start, when one of the keys it waits for is changed.
package commands
