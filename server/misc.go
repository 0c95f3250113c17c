package server

import (
	"context"
	"strings"
	"time"

	"cached/commands"
	"cached/internal/version"
)

func (s *Server) timeCmd(c *commands.Ctx) error {
	now := time.Now()
	c.Reply.Array(2)
	c.Reply.BulkInt(now.Unix())
	c.Reply.BulkInt(int64(now.Nanosecond() / 1000))
	return nil
}

func (s *Server) shutdown(c *commands.Ctx) error {
	var save, nosave, now, force, abort bool
	for _, a := range c.Argv[1:] {
		switch fold(a) {
		case "save":
			save = true
		case "nosave":
			nosave = true
		case "now":
			now = true
		case "force":
			force = true
		case "abort":
			abort = true
		default:
			return commands.ErrSyntax
		}
	}
	if save && nosave || abort && (save || nosave || now || force) {
		return commands.ErrSyntax
	}
	if abort {
		return commands.Error("ERR No shutdown in progress.")
	}
	if s.exit == nil {
		return commands.Error("ERR Errors trying to SHUTDOWN. Check logs.")
	}
	if !nosave {
		begin, err := s.scripts.await()
		if err != nil {
			return err
		}
		defer begin()
	}
	s.log.Info("User requested shutdown...", "client", clientOf(c).addr)
	if s.disk != nil {
		if err := s.disk.Shutdown(context.Background(), save, nosave, force); err != nil {
			return commands.Error("ERR Errors trying to SHUTDOWN. Check logs.")
		}
	}
	s.HoldScripts(true)
	s.endsNow.Store(now)
	clientOf(c).closing = true
	s.exit()
	return nil
}

// lolwut shows that the server is there, and a drawing of its shards.
func (s *Server) lolwut(c *commands.Ctx) error {
	a := c.Args(1)
	if a.Left() >= 2 && a.Is("VERSION") {
		if a.Int(); a.Err() != nil {
			return a.Err()
		}
	}
	var b strings.Builder
	for row := range 4 {
		for col := range 32 {
			b.WriteString([]string{"  ", "▖ ", "▚ ", "▟ "}[c.Random()>>(row+col%8)&3])
		}
		b.WriteByte('\n')
	}
	c.Reply.Verbatim("txt", b.String()+"\nRedis ver. "+version.Redis+", served by cached "+version.Cached+"\n")
	return nil
}

func (s *Server) moduleList(c *commands.Ctx) error {
	c.Reply.Array(0)
	return nil
}

func noModules(*commands.Ctx) error {
	return commands.Error("ERR MODULE command not allowed. cached has no modules.")
}

func (s *Server) moduleHelp(c *commands.Ctx) error {
	return c.ReplyHelp("MODULE",
		"LIST",
		"    Return a list of loaded modules.",
		"LOAD <path> [<arg> ...]",
		"    Load a module library from <path>, passing to it any optional arguments.",
		"LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
		"    Load a module library from <path>, while passing it module configurations and optional arguments.",
		"UNLOAD <name>",
		"    Unload a module.")
}

func noCluster(*commands.Ctx) error {
	return commands.Error("ERR This instance has cluster support disabled")
}
