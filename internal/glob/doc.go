// Package glob matches names against the patterns that KEYS, SCAN, PSUBSCRIBE,
// ACL rules and CONFIG GET take.
//
// In a pattern, * is any run of bytes, ? any one byte, [abc], [a-z] and [^abc]
// one byte of a class, and \x the byte x. Nothing is a syntax error: a class
// without its end lasts until the pattern does, a last \ is itself.
package glob
