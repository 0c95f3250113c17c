package server

import (
	"strings"

	"cached/commands"
	"cached/engine/value"
)

const (
	errLogCount = commands.Error("ERR count should be greater than or equal to -1")
	errLogKind  = commands.Error("ERR type should be one of the following: slow, large-request, large-reply")
)

func (s *Server) slowlogGet(c *commands.Ctx) error {
	n := int64(10)
	switch len(c.Argv) {
	case 2:
	case 3:
		v, ok := value.ParseInt(c.Argv[2])
		if !ok || v < -1 {
			return errLogCount
		}
		n = v
	default:
		return errSubcommand(c)
	}
	s.replyLog(c, slowCommands, n)
	return nil
}

// replyLog replies the n newest entries of a log, or all for -1.
func (s *Server) replyLog(c *commands.Ctx, kind logKind, n int64) {
	entries := s.slow.logs[kind].get(int(min(n, 1<<31)))
	c.Reply.Array(len(entries))
	for _, e := range entries {
		c.Reply.Array(6)
		c.Reply.Int(e.id)
		c.Reply.Int(e.unixS)
		c.Reply.Int(e.amount)
		replyStrings(c.Reply, e.argv)
		c.Reply.BulkString(e.addr)
		c.Reply.BulkString(e.name)
	}
}

func (s *Server) slowlogLen(c *commands.Ctx) error {
	c.Reply.Int(int64(s.slow.logs[slowCommands].len()))
	return nil
}

func (s *Server) slowlogReset(c *commands.Ctx) error {
	s.slow.logs[slowCommands].reset()
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

// logNamed is the log that a word of COMMANDLOG names.
func logNamed(word []byte) (logKind, error) {
	for k, name := range logKinds {
		if strings.EqualFold(string(word), name) {
			return logKind(k), nil
		}
	}
	return 0, errLogKind
}

func (s *Server) commandlogGet(c *commands.Ctx) error {
	n, ok := value.ParseInt(c.Argv[2])
	if !ok || n < -1 {
		return errLogCount
	}
	kind, err := logNamed(c.Argv[3])
	if err != nil {
		return err
	}
	s.replyLog(c, kind, n)
	return nil
}

func (s *Server) commandlogLen(c *commands.Ctx) error {
	kind, err := logNamed(c.Argv[2])
	if err != nil {
		return err
	}
	c.Reply.Int(int64(s.slow.logs[kind].len()))
	return nil
}

func (s *Server) commandlogReset(c *commands.Ctx) error {
	kind, err := logNamed(c.Argv[2])
	if err != nil {
		return err
	}
	s.slow.logs[kind].reset()
	c.Reply.OK()
	return nil
}

func (s *Server) commandlogHelp(c *commands.Ctx) error {
	return c.ReplyHelp("COMMANDLOG",
		"GET <count> <type>",
		"    Return top <count> entries of the specified <type> from the commandlog (-1 mean all).",
		"    Entries are made of:",
		"    id, timestamp,",
		"        time in microseconds for type of slow,",
		"        or size in bytes for type of large-request,",
		"        or size in bytes for type of large-reply",
		"    arguments array, client IP and port,",
		"    client name",
		"LEN <type>",
		"    Return the length of the specified type of commandlog.",
		"RESET <type>",
		"    Reset the specified type of commandlog.")
}
