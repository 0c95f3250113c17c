package server

import (
	"cached/commands"
	"cached/internal/config"
)

func (s *Server) configGet(c *commands.Ctx) error {
	patterns := make([]string, len(c.Argv)-2)
	for i, a := range c.Argv[2:] {
		patterns[i] = string(a)
	}
	pairs := s.cfg.Get(patterns...)
	c.Reply.Map(len(pairs))
	for _, p := range pairs {
		c.Reply.BulkString(p.Name)
		c.Reply.BulkString(p.Value)
	}
	return nil
}

func (s *Server) configSet(c *commands.Ctx) error {
	words := c.Argv[2:]
	if len(words)%2 != 0 {
		return commands.ErrSyntax
	}
	var pairs []config.Pair
	for ; len(words) > 0; words = words[2:] {
		pairs = append(pairs, config.Pair{Name: string(words[0]), Value: string(words[1])})
	}
	if err := s.cfg.Set(pairs, clientOf(c).local); err != nil {
		return commands.Error(err.Error())
	}
	c.Reply.OK()
	return nil
}

func (s *Server) configRewrite(c *commands.Ctx) error {
	if err := s.cfg.Rewrite(); err != nil {
		return commands.Error(err.Error())
	}
	c.Reply.OK()
	return nil
}

func (s *Server) configResetstat(c *commands.Ctx) error {
	for _, sec := range s.sections(c.Tx, c.NowMS) {
		if sec.Reset != nil {
			sec.Reset()
		}
	}
	c.Reply.OK()
	return nil
}

func (s *Server) configHelp(c *commands.Ctx) error {
	return c.ReplyHelp("CONFIG",
		"GET <pattern>",
		"    Return parameters matching the glob-like <pattern> and their values.",
		"SET <directive> <value>",
		"    Set the configuration <directive> to <value>.",
		"RESETSTAT",
		"    Reset statistics reported by the INFO command.",
		"REWRITE",
		"    Rewrite the configuration file.")
}
