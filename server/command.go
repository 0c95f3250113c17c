package server

import (
	"cached/commands"
	"cached/internal/glob"
	"cached/internal/resp"
)

// COMMAND and its subcommands tell what the table knows.

func (s *Server) command(c *commands.Ctx) error {
	all := s.table.All()
	c.Reply.Array(len(all))
	for _, spec := range all {
		spec.WriteInfo(c.Reply)
	}
	return nil
}

func (s *Server) commandCount(c *commands.Ctx) error {
	c.Reply.Int(int64(len(s.table.All())))
	return nil
}

func (s *Server) commandInfo(c *commands.Ctx) error {
	if len(c.Argv) == 2 {
		return s.command(c)
	}
	c.Reply.Array(len(c.Argv) - 2)
	for _, name := range c.Argv[2:] {
		if spec := s.table.Named(string(name)); spec != nil {
			spec.WriteInfo(c.Reply)
		} else {
			c.Reply.Null()
		}
	}
	return nil
}

func (s *Server) commandDocs(c *commands.Ctx) error {
	specs := s.table.All()
	if len(c.Argv) > 2 {
		specs = nil
		for _, name := range c.Argv[2:] {
			if spec := s.table.Named(string(name)); spec != nil {
				specs = append(specs, spec)
			}
		}
	}
	c.Reply.Map(len(specs))
	for _, spec := range specs {
		c.Reply.BulkString(spec.FullName())
		spec.WriteDocs(c.Reply)
	}
	return nil
}

func (s *Server) commandList(c *commands.Ctx) error {
	keep := func(*commands.Spec) bool { return true }
	a := c.Args(2)
	if a.More() {
		if len(c.Argv) != 5 || !a.Is("FILTERBY") {
			return commands.ErrSyntax
		}
		switch {
		case a.Is("MODULE"):
			keep = func(*commands.Spec) bool { return false }
		case a.Is("ACLCAT"):
			cat := commands.CategoryNamed(string(a.Next()))
			keep = func(spec *commands.Spec) bool { return spec.Categories()&cat != 0 }
		case a.Is("PATTERN"):
			pattern := a.Next()
			keep = func(spec *commands.Spec) bool { return glob.Match(pattern, []byte(spec.FullName()), true) }
		default:
			return commands.ErrSyntax
		}
	}
	var names []string
	for _, spec := range s.table.All() {
		if keep(spec) {
			names = append(names, spec.FullName())
		}
		for i := range spec.Sub {
			if keep(&spec.Sub[i]) {
				names = append(names, spec.Sub[i].FullName())
			}
		}
	}
	replyStrings(c.Reply, names)
	return nil
}

// replyStrings replies an array of strings.
func replyStrings(w *resp.Writer, list []string) {
	w.Array(len(list))
	for _, x := range list {
		w.BulkString(x)
	}
}

func (s *Server) commandGetkeys(c *commands.Ctx) error {
	uses, err := s.keyUses(c)
	if err != nil {
		return err
	}
	c.Reply.Array(len(uses))
	for _, u := range uses {
		c.Reply.Bulk(c.Argv[2+u.Index])
	}
	return nil
}

func (s *Server) commandGetkeysandflags(c *commands.Ctx) error {
	uses, err := s.keyUses(c)
	if err != nil {
		return err
	}
	c.Reply.Array(len(uses))
	for _, u := range uses {
		c.Reply.Array(2)
		c.Reply.Bulk(c.Argv[2+u.Index])
		u.WriteFlags(c.Reply)
	}
	return nil
}

// keyUses finds the keys of the call that follows the subcommand.
func (s *Server) keyUses(c *commands.Ctx) ([]commands.KeyUse, error) {
	argv := c.Argv[2:]
	spec, _ := s.table.Find(argv)
	switch {
	case spec == nil:
		return nil, commands.ErrInvalidCommand
	case !spec.HasKeys():
		return nil, commands.ErrNoKeysInArgs
	case !spec.ArityOK(argv):
		return nil, commands.ErrInvalidArgs
	}
	return spec.KeyUses(argv)
}

func (s *Server) commandHelp(c *commands.Ctx) error {
	return c.ReplyHelp("COMMAND",
		"(no subcommand)",
		"    Return details about all Redis commands.",
		"COUNT",
		"    Return the total number of commands in this Redis server.",
		"LIST",
		"    Return a list of all commands in this Redis server.",
		"INFO [<command-name> ...]",
		"    Return details about multiple Redis commands.",
		"    If no command names are given, documentation details for all",
		"    commands are returned.",
		"DOCS [<command-name> ...]",
		"    Return documentation details about multiple Redis commands.",
		"    If no command names are given, documentation details for all",
		"    commands are returned.",
		"GETKEYS <full-command>",
		"    Return the keys from a full Redis command.",
		"GETKEYSANDFLAGS <full-command>",
		"    Return the keys and the access flags from a full Redis command.")
}
