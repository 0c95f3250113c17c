package server

import (
	"slices"

	"cached/commands"
)

// commands are the rows of everything the server answers itself.
func (s *Server) commands() []commands.Spec {
	return slices.Concat(s.connectionCommands(), s.clientRows(), s.commandRows(), s.configRows(), s.infoRows(),
		s.memoryRows(), s.cacheRows(), s.debugRows(), s.slowlogRows(), s.latencyRows(), s.multiRows(), s.push.pubsubRows(), s.push.monitorRows(), s.users.aclRows(), s.users.loginRows(), s.scripts.scriptRows(), s.scripts.functionRows(), s.miscRows(), s.syncRows(), clusterRows())
}

// clientOf returns the client whose command runs.
func clientOf(c *commands.Ctx) *client { return c.Env.(*client) }

// workerOf returns the worker that runs it.
func workerOf(c *commands.Ctx) *worker { return c.Tx.Owner.(*worker) }

func (s *Server) ping(c *commands.Ctx) error {
	if cl := clientOf(c); cl.mode&subscribed != 0 && cl.proto == 2 && len(c.Argv) <= 2 {
		// Among messages, the reply has to look like one.
		c.Reply.Array(2)
		c.Reply.BulkString("pong")
		if len(c.Argv) == 2 {
			c.Reply.Bulk(c.Argv[1])
		} else {
			c.Reply.BulkString("")
		}
		return nil
	}
	switch len(c.Argv) {
	case 1:
		c.Reply.Status("PONG")
	case 2:
		c.Reply.Bulk(c.Argv[1])
	default:
		return commands.WrongArity("ping")
	}
	return nil
}

func (s *Server) echo(c *commands.Ctx) error {
	c.Reply.Bulk(c.Argv[1])
	return nil
}

func (s *Server) selectDB(c *commands.Ctx) error {
	n, err := c.Database(c.Argv[1])
	if err != nil {
		return err
	}
	clientOf(c).SelectDB(n)
	c.Reply.OK()
	return nil
}

func (s *Server) quit(c *commands.Ctx) error {
	clientOf(c).closing = true
	c.Reply.OK()
	return nil
}

func (s *Server) reset(c *commands.Ctx) error {
	cl := clientOf(c)
	cl.reset()
	c.Reply.Proto = cl.proto
	c.Reply.Status("RESET")
	return nil
}

// RedisVersion is the version of Redis whose behaviour is met, as clients that
// decide by it must see it. HELLO's server field says redis for the same reason.
const RedisVersion = "7.4.0"

// Version is cached's own.
const Version = "0.1.0"
