// Package version says which version of the server this is, and of Redis it behaves as.
package version

// Redis is the version of Redis whose behaviour is met, as clients that
// decide by it must see it. HELLO's server field says redis for the same reason.
const Redis = "7.4.0"

// Cached is cached's own.
const Cached = "0.1.0"
