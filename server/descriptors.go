package server

import (
	"fmt"
	"strconv"

	"cached/internal/config"
)

// Each client takes a file descriptor, of which the system gives a process only so many.

// reservedFiles is how many descriptors are kept for other things than clients.
const reservedFiles = 32

// acceptRestMS is for how long no connection is accepted after one could not be.
const acceptRestMS = 100

// setMaxClients follows maxclients. At the start it is lowered to what the system allows;
// later more than that is refused.
func (s *Server) setMaxClients(v *config.Value) error {
	wanted := uint64(v.Int()) + reservedFiles
	have := s.openFiles(wanted)
	switch {
	case have >= wanted:
		return nil
	case s.stop != nil:
		return fmt.Errorf("The operating system is not able to handle the specified number of clients, try with %d",
			max(int64(have)-reservedFiles, 0))
	case have <= reservedFiles:
		return fmt.Errorf("the current 'ulimit -n' of %d is not enough for the server to start; at least %d are needed",
			have, reservedFiles+1)
	}
	n := have - reservedFiles
	s.log.Warn("maxclients is lowered to what the limit of open files allows; for more, raise it with 'ulimit -n'",
		"wanted", v.Int(), "maxclients", n, "open-files", have)
	return s.cfg.Set([]config.Pair{{Name: "maxclients", Value: strconv.FormatUint(n, 10)}}, true)
}

// cannotAccept logs that connections cannot be accepted, once until one could be.
func (s *Server) cannotAccept(err error) {
	if !s.acceptFails.Swap(true) {
		s.log.Warn("cannot accept connections; the limit of open files may be reached", "error", err)
	}
}

// accepts notes that a connection was accepted.
func (s *Server) accepts() {
	if s.acceptFails.Load() {
		s.acceptFails.Store(false)
	}
}
