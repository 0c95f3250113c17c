package server

// Replies of clients that have changed something wait until the append-only file has
// come as far as its promise goes: until what they tell of has been written, or is on
// the disk. Whoever is about to write replies asks settled; if the answer is no, they
// are kept, the client is read no further, and the log calls back.

// logged is how far the log has come, with what was just logged.
func (s *Road) logged() int64 {
	if s.disk == nil {
		return 0
	}
	return s.disk.Logged()
}

// settled reports whether the log has come as far as a client's replies need it. It
// is called without locks, by the client's owner.
func (s *Road) settled(logged int64) bool {
	if logged <= s.disk.Settled() {
		return true
	}
	s.disk.Flush()
	return logged <= s.disk.Settled()
}
