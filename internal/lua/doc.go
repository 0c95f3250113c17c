// Package lua runs scripts: Lua 5.1 in a sandbox, the libraries that Redis gives
// to scripts, and the conversion of values between Lua and the protocol. It knows no
// clients and no keys: a script reaches the server through a Host.
//
// The idea. A Program is a compiled script; it is immutable and may run in any
// number of States at once. A State is an interpreter whose globals a script
// cannot change, so that it can be used again for the next script. The interpreter
// is gopher-lua, whose values are on the Go heap; a panic in a library becomes an
// error of the script.
//
// Programs are parsed by this package, with the grammar, the limits and the error
// texts of C's Lua 5.1; the parser notes the names of operands for errors. The
// interpreter compiles the tree. Where the interpreter behaves differently from C's
// Lua, the tree is changed: the operands of `..` are passed to a function that formats
// numbers as %.14g. The same is done for errors of the interpreter's compiler:
// assignments to several variables, calls of calls in a for statement, loops whose
// body begins with a jump (see parser.go). Patterns, sorting and other functions of the
// libraries that may take long are implemented here, and their work is counted.
//
// Goroutines: none. A State is used by one goroutine at a time.
//
// Locks: none.
package lua
