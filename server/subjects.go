package server

import (
	"slices"

	"cached/commands"
)

// ownGates are the server's gates, in the order in which clients see their errors.
func (s *Server) ownGates() []Gate {
	return []Gate{
		{Name: "auth", Origins: Client, Ask: authGate},
		{Name: "acl", Origins: Client | Exec | Script | Waiter, Ask: s.users.aclGate},
		{Name: "memory", Origins: Client | Waiter, Speaks: func() bool { return s.memory.limit.bytes.Load() > 0 }, Ask: s.memory.gate},
		{Name: "script-memory", Origins: Script, Speaks: func() bool { return s.memory.limit.bytes.Load() > 0 }, Ask: memoryGateOfScripts},
		{Name: "disk", Origins: Client | Script | Waiter, Ask: diskGate},
		{Name: "pause", Origins: Client, Speaks: func() bool { return !s.pause.over(s.nowMS()) }, Ask: pauseGate},
		{Name: "busy", Origins: Client, Speaks: func() bool { return s.scripts.busy.Load() > 0 }, Ask: s.scripts.busyGate},
	}
}

// HoldScripts has no script begin until it is called with false, and ends those that have
// written nothing. It is for the time before the server ends.
func (s *Server) HoldScripts(on bool) { s.scripts.HoldScripts(on) }

// RunningScript describes a script or function that runs; ok is false when there is
// none. A script that has just begun has no name yet.
func (s *Server) RunningScript() (what string, ok bool) { return s.scripts.RunningScript() }

// LibraryCode returns the code of all libraries of functions, for snapshots.
func (s *Server) LibraryCode() []string { return s.scripts.LibraryCode() }

// LoadLibrary loads the code of a library of functions from a snapshot.
func (s *Server) LoadLibrary(code string) error { return s.scripts.LoadLibrary(code) }

// DropLibraries ends all libraries. The whole keyspace is locked.
func (s *Server) DropLibraries() { s.scripts.DropLibraries() }

// ReloadTLS reads certificates and keys anew. If they cannot be used those that
// were read before stay.
func (s *Server) ReloadTLS() { s.transport.ReloadTLS() }

// EachListener calls visit with the kind of each listener (tcp, tls, unix or the name of a
// protocol), and with its port, or its path if the kind is unix.
func (s *Server) EachListener(visit func(kind string, port int64, path string)) {
	s.transport.EachListener(visit)
}

// logMoved is called by the log when waiting replies may be able to leave, or never
// will. It does not wait.
func (s *Server) logMoved() {
	s.transport.logMoved()
	s.wakeLogWaiters()
}

// commands are the rows of everything the server answers itself.
func (s *Server) commands() []commands.Spec {
	return slices.Concat(s.connectionCommands(), s.clientRows(), s.commandRows(), s.configRows(), s.infoRows(),
		s.memory.rows(), s.cacheRows(), s.lockRows(), s.debugRows(), s.slowlogRows(), s.commandlogRows(), s.hotkeysRows(), s.latencyRows(), s.multiRows(), s.push.pubsubRows(), s.push.monitorRows(), s.users.aclRows(), s.users.loginRows(), s.scripts.scriptRows(), s.scripts.functionRows(), s.miscRows(), clusterRows())
}
