package server

import (
	"cached/commands"
	"cached/engine/value"
)

func (s *Server) slowlogGet(c *commands.Ctx) error {
	n := int64(10)
	switch len(c.Argv) {
	case 2:
	case 3:
		v, ok := value.ParseInt(c.Argv[2])
		if !ok || v < -1 {
			return commands.Error("ERR count should be greater than or equal to -1")
		}
		n = v
	default:
		return errSubcommand(c)
	}
	entries := s.slow.get(int(min(n, 1<<31)))
	c.Reply.Array(len(entries))
	for _, e := range entries {
		c.Reply.Array(6)
		c.Reply.Int(e.id)
		c.Reply.Int(e.unixS)
		c.Reply.Int(e.us)
		replyStrings(c.Reply, e.argv)
		c.Reply.BulkString(e.addr)
		c.Reply.BulkString(e.name)
	}
	return nil
}

func (s *Server) slowlogLen(c *commands.Ctx) error {
	c.Reply.Int(int64(s.slow.len()))
	return nil
}

func (s *Server) slowlogReset(c *commands.Ctx) error {
	s.slow.reset()
	c.Reply.OK()
	return nil
}

func (s *Server) slowlogHelp(c *commands.Ctx) error {
	return c.ReplyHelp("SLOWLOG",
		"GET [<count>]",
		"    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
		"    Entries are made of:",
		"    id, timestamp, time in microseconds, arguments array, client IP and port,",
		"    client name",
		"LEN",
		"    Return the length of the slowlog.",
		"RESET",
		"    Reset the slowlog.")
}
