// Package crash kills a server again and again, at random moments and while clients
// write, and looks after each restart whether it has kept its promise:
//
//   - Every change that was answered is there. That holds for each value of
//     appendfsync, since the system keeps what a process has written; what a power cut
//     leaves is tested in package persistence, on a file system that forgets.
//   - What is there of a client's changes is the beginning of them, in their order.
//   - A transaction is there, or not.
//
// It is short by default; see the flags for more:
//
//	go test ./tests/crash -kills 500
package crash
