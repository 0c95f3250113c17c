// Package commands is the table of commands and the handlers of those that work
// on keys.
//
// A command is a row, a Spec, and a handler. From the row follow its arity check,
// flags, ACL categories, keys, locks, and what COMMAND says of it. The handler
// reads its arguments with a cursor (Args), looks at and changes keys through
// c.Tx, says what changed (Modified, Propagate) and writes exactly one reply, or
// returns an error and writes none.
//
// Handlers take no locks, read no clock, know no socket. The dispatcher (package
// server) has locked the shards of the row's keys before and commits and unlocks
// after.
//
// A command that has to wait ends with c.Block, which parks the client; it runs
// again, from the start, when one of the keys it waits for is changed.
package commands
