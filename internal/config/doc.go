// Package config holds the settings of a server: the directives, the parsing, replies
// and changes of their values, and rewriting their file.
//
// A directive is a row, a [Param]. From the rows follow the configuration file,
// the command line, CONFIG GET, SET and REWRITE, and docs/configuration.md. Texts
// of values and of errors are those of Redis, which clients and operators compare.
//
// # Locks
//
// One mutex orders everything that changes settings, hooks included: a hook may
// read values but must not call a method of [Config] that takes the lock. A
// [Value] is read without it and is never seen half changed; a CONFIG SET of
// several directives becomes visible one directive at a time.
package config
