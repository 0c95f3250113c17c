//go:build !linux

package server

import "runtime/debug"

// What this system says of memory is not asked; the caller adds up what it
// knows.

func residentBytes() int64 { return 0 }

func machineBytes() int64 { return 0 }

// settleMemory gives back what only the start needed.
func settleMemory() { debug.FreeOSMemory() }
