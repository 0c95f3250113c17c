package server

import (
	"sync"
	"sync/atomic"
)

// A Memory keeps the process within maxmemory, and knows where its memory is.
type Memory struct {
	*Road
	parts MemoryParts

	limit memoryLimit
	gc    gcPace

	evictedClients  atomic.Int64  // clients closed for what all of them take
	evictingClients sync.Mutex    // held while they are chosen
	peak            atomic.Int64  // most memory used
	startBytes      int64         // used before the first key
	squeeze         chan struct{} // there may be something to compress
}

// MemoryParts are what a Memory needs of others.
type MemoryParts struct {
	// Slow reports whether a slow script runs, which may hold locks for long.
	Slow func() bool
	// Hurry has cron come soon.
	Hurry func()
	// LogBuffer is how many bytes wait to be written to the log.
	LogBuffer func() int64
	// Scripts is what scripts and functions take.
	Scripts func() ScriptUse
}

// A ScriptUse counts scripts and functions that are kept, and their memory in bytes.
type ScriptUse struct {
	Scripts, ScriptBytes               int64
	Libraries, Functions, LibraryBytes int64
}

// newMemory returns the memory of a road, and hangs it there.
func newMemory(r *Road, parts MemoryParts) *Memory {
	mm := &Memory{Road: r, parts: parts, squeeze: make(chan struct{}, 1)}
	r.on.Freed, r.on.Grown = mm.limit.letGo, mm.addUp
	return mm
}

// begin notes what the process takes before the first key.
func (mm *Memory) begin() {
	mm.startBytes = mm.memoryUse(nil).used()
}
