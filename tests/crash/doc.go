// Package crash kills a server again and again, at random moments and while clients
// write, and checks after each restart that these promises were kept:
//
//   - Every change with a reply survives. That holds for each value of appendfsync,
//     since the system keeps the data that a process has written; power cuts are
//     tested in package persistence, on a file system that loses unsynced data.
//   - If a change of a client survives, so do all earlier changes of this client.
//   - A transaction survives as a whole or not at all.
//   - Fencing tokens of locks only grow, with a log or without it, and with the file of
//     their bound or without it. Granted locks still belong to their owners, except the
//     locks of connections.
//
// It is short by default; see the flags for more:
//
//	go test ./tests/crash -kills 500
package crash
