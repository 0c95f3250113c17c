// Package server puts the command table behind sockets: clients, dispatch,
// blocking, configuration, and the commands that speak of these.
//
// A request's way: an event loop reads what a client sent (loop_linux.go; on
// other systems and for connections that need one, a goroutine in netconn.go),
// a worker parses and runs all complete commands (feed in client.go, dispatch in
// dispatch.go), and the replies leave with one write.
//
// # Who knows whom
//
// A Road (core.go) is what all clients share, and knows no subject. Scripts, Users, Pusher
// (channels, events, invalidations, MONITOR) and Memory are beside each other on it: each has
// state of its own, in slots of clients and workers where it needs some there (slot.go), and
// hands the road rows, gates and what it hangs on Subjects. The transport brings bytes to
// clients and from them. Server puts them together (server.go, subjects.go) and has what
// administrators ask for.
//
// # Goroutines
//
// An event loop owns its clients: only it reads, changes and closes them. Others
// reach a client by post, which runs a function on its loop; its replies and pushes
// come that way when somebody else completes them. Loops have turns, each on the
// goroutine of the driver that has the loop at present (driver_linux.go); there are as
// many drivers as loops. One goroutine gives loops to drivers by their load
// (balance_linux.go), one does the background work (cron.go), one that of compression
// (compression.go), timers have clients look again whose key nobody changes (wake.go),
// and there is one per listener that is not on a loop. All end with Server.Close.
//
// # Locks
//
// A loop's turn is locked for as long as a driver serves it, around all else; it is
// only tried for. Of the others, shard locks of the engine come first. Under them are
// taken, each for a moment and none under another: blocker.mu (who waits for which
// key), waker.mu (who looks again at what time), Road.mu (the list of clients), the
// queue of a loop, the statistics, inputPool.mu.
// Memory.evictingClients alone is held around two of them, Road.mu and queues.
package server
