// Package lock is what a lock and a semaphore are, without keys, clients and a clock.
//
// A Lock is the set of its holds: one exclusive hold, or several shared ones. A hold
// belongs to an owner, a name that clients choose, and counts how often the owner has
// taken it. It ends when it is released, or at its time. From then on nobody gets the
// lock for the delay of the hold, if it has one.
//
// A Semaphore is a limit and a set of permits, each with an ID, a cost and a time at which
// it ends. The costs together never exceed the limit that held when the last was given.
//
// Who waits, and in which order, is known by others: Request.Behind says that somebody
// who came before waits.
//
// Both are kept as blocks of bytes (Parse, Append). Parse takes any bytes, and refuses
// those that Append has not made. What it returns refers to the block.
//
// Tokens are numbers that grow, whatever happens to the process: see Counter.
package lock
