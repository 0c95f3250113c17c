package server

import (
	"cached/commands"
)

// clientOf returns the client whose command runs.
func clientOf(c *commands.Ctx) *client { return c.Env.(*client) }

// workerOf returns the worker that runs it.
func workerOf(c *commands.Ctx) *worker { return c.Tx.Owner.(*worker) }

func (s *Road) ping(c *commands.Ctx) error {
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

func (s *Road) echo(c *commands.Ctx) error {
	c.Reply.Bulk(c.Argv[1])
	return nil
}

func (s *Road) selectDB(c *commands.Ctx) error {
	n, err := c.Database(c.Argv[1])
	if err != nil {
		return err
	}
	clientOf(c).SelectDB(n)
	c.Reply.OK()
	return nil
}

func (s *Road) quit(c *commands.Ctx) error {
	clientOf(c).closing = true
	c.Reply.OK()
	return nil
}

func (s *Road) reset(c *commands.Ctx) error {
	cl := clientOf(c)
	cl.reset()
	c.Reply.Proto = cl.proto
	c.Reply.Status("RESET")
	return nil
}
