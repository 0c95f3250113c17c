//go:build !linux

package host

import "runtime/debug"

// What this system says of memory is not asked; the caller adds up what it
// knows.

func ResidentBytes() int64 { return 0 }

func MemoryBytes() int64 { return 0 }

// Settle gives back what only the start needed.
func Settle() { debug.FreeOSMemory() }
