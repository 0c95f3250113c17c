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
func (t *transport) setMaxClients(v *config.Value) error {
	wanted := uint64(v.Int()) + reservedFiles
	have := t.openFiles(wanted)
	switch {
	case have >= wanted:
		return nil
	case t.started:
		return fmt.Errorf("The operating system is not able to handle the specified number of clients, try with %d",
			max(int64(have)-reservedFiles, 0))
	case have <= reservedFiles:
		return fmt.Errorf("the current 'ulimit -n' of %d is not enough for the server to start; at least %d are needed",
			have, reservedFiles+1)
	}
	n := have - reservedFiles
	t.log.Warn("maxclients is lowered to what the limit of open files allows; for more, raise it with 'ulimit -n'",
		"wanted", v.Int(), "maxclients", n, "open-files", have)
	return t.cfg.Set([]config.Pair{{Name: "maxclients", Value: strconv.FormatUint(n, 10)}}, true)
}

// cannotAccept logs that connections cannot be accepted, once until one could be.
func (t *transport) cannotAccept(err error) {
	if !t.acceptFails.Swap(true) {
		t.log.Warn("cannot accept connections; the limit of open files may be reached", "error", err)
	}
}

// accepts notes that a connection was accepted.
func (t *transport) accepts() {
	if t.acceptFails.Load() {
		t.acceptFails.Store(false)
	}
}
