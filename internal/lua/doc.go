// Package lua runs scripts: Lua 5.1 in a sandbox, the libraries that Redis gives
// to scripts, and the way of values between Lua and the protocol. It knows no
// clients and no keys: what a script asks of the server goes through a Host.
//
// The idea. A Program is a compiled script; it is immutable and may run in any
// number of States at once. A State is an interpreter whose globals a script
// cannot change, so that it can be used again for the next script. The interpreter
// is gopher-lua, whose values are what Go's collector sees; a panic in a library
// becomes an error of the script.
//
// Programs are read by a parser of this package, which knows the grammar, limits and
// words of C's Lua 5.1 and notes what errors call operands; the interpreter compiles
// the tree. Where the interpreter does otherwise than C's Lua, the tree is changed:
// what `..` joins passes a function that formats numbers as %.14g. So it is where the
// interpreter's compiler errs: assignments to several variables, calls of calls in a for
// statement, loops whose body begins with a jump (parser.go says each). Patterns, sorting
// and what else of the libraries may take long is here, and counts as work.
//
// Goroutines: none. A State is used by one goroutine at a time.
//
// Locks: none.
package lua
