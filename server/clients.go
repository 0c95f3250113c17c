package server

// admit registers a new client, or returns what to tell it before it is closed.
func (s *Road) admit(c *client, nowMS int64) (refusal string) {
	s.acceptedTotal.Add(1)
	c.srv, c.created = s, nowMS
	c.proto, c.authed = 2, s.open()
	c.account.Store(s.std)
	c.shown.proto.Store(2)
	c.shown.activeMS.Store(nowMS)
	s.mu.Lock()
	defer s.mu.Unlock()
	if int64(len(s.clients)) >= s.cfg.Value("maxclients").Int() {
		s.refusedTotal.Add(1)
		return c.refusal("-ERR max number of clients reached\r\n")
	}
	if !c.local && s.protected() {
		s.refusedTotal.Add(1)
		return c.refusal(deniedByProtectedMode)
	}
	c.id = s.nextID.Add(1)
	s.clients[c.id] = c
	return ""
}

// protected reports whether only clients of this machine are served: protected
// mode is on, and neither a password nor an address was configured.
func (s *Road) protected() bool {
	return s.cfg.Value("protected-mode").Bool() && s.open()
}

const deniedByProtectedMode = "-DENIED cached is running in protected mode because protected mode is enabled " +
	"and no password is set for the default user. In this mode connections are only accepted from the " +
	"loopback interface. If you want to connect from external computers you may set a password with the " +
	"requirepass directive, or turn protected mode off with CONFIG SET protected-mode no from the machine " +
	"the server runs on.\r\n"

// forget takes a closed client from the list.
func (s *Road) forget(c *client) {
	c.postpone(false)
	c.leaveQueue()
	s.letGoOf(c)
	s.mu.Lock()
	if s.clients[c.id] == c { // else its connection was taken
		delete(s.clients, c.id)
	}
	s.mu.Unlock()
}

// letGoOf ends what the client has begun: its transaction, and what subjects keep for it.
func (s *Road) letGoOf(c *client) {
	c.discard()
	c.unwatch()
	for _, leave := range s.on.Leave {
		leave(c)
	}
}

// clientByID returns the client of an ID as of CLIENT ID, or nil.
func (s *Road) clientByID(id int64) *client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clients[id]
}

// allClients returns all clients, in no order.
func (s *Road) allClients() []*client {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*client, 0, len(s.clients))
	for _, c := range s.clients {
		all = append(all, c)
	}
	return all
}

// kill has a client closed by its owner.
func (s *Road) kill(c *client) {
	c.shown.closing.Store(true)
	c.conn.post(func(_ *worker, c *client) {
		c.closing = true
		c.conn.gather()
		s.on.Freed(c.out.drop())
		c.conn.resume()
	})
}

// noteInput shows how much of a client's input waits, and how much room there is for
// more.
func (s *Road) noteInput(c *client, in []byte) {
	setIfChanged(&c.shown.inBytes, int64(len(in)))
	setIfChanged(&c.shown.inFree, int64(cap(in)-len(in)))
	switch n := int64(cap(in)); {
	case n > c.addedUpIn+addUpEvery:
		c.addedUpIn = n
		s.on.Grown()
	case n < c.addedUpIn:
		c.addedUpIn = n
	}
}
