package server

import (
	"slices"

	"cached/commands"
	"cached/engine/value"
)

// commands are the rows of everything the server answers itself.
func (s *Server) commands() []commands.Spec {
	return slices.Concat(s.connectionCommands(), s.clientRows(), s.commandRows(), s.configRows(), s.infoRows(),
		s.memoryRows(), s.cacheRows(), s.debugRows(), s.slowlogRows(), s.latencyRows(), s.multiRows(), s.pubsubRows(), s.monitorRows(), s.aclRows(), s.scriptRows(), s.functionRows(), s.miscRows(), s.syncRows(), clusterRows())
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

const (
	errWrongPass = commands.Error("WRONGPASS invalid username-password pair or user is disabled.")
	errNoPass    = commands.Error("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
	errNoProto   = commands.Error("NOPROTO unsupported protocol version")
	errHelloAuth = commands.Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
	errNameChars = commands.Error("ERR Client names cannot contain spaces, newlines or special characters.")
)

func (s *Server) auth(c *commands.Ctx) error {
	cl := clientOf(c)
	user, password := []byte("default"), c.Argv[1]
	switch len(c.Argv) {
	case 2:
		if s.accounts.std.user.Load().NoPass {
			return errNoPass
		}
	case 3:
		user, password = c.Argv[1], c.Argv[2]
	default:
		return commands.ErrSyntax
	}
	a := s.login(cl, "AUTH", user, password)
	if a == nil {
		return errWrongPass
	}
	cl.setAccount(a)
	c.Reply.OK()
	return nil
}

func (s *Server) hello(c *commands.Ctx) error {
	cl := clientOf(c)
	proto := cl.proto
	a := c.Args(1)
	if a.More() {
		n, ok := value.ParseInt(a.Next())
		if !ok {
			return commands.Error("ERR Protocol version is not an integer or out of range")
		}
		if n < 2 || n > 3 {
			return errNoProto
		}
		proto = int(n)
	}
	var user, password, name []byte
	for a.More() {
		switch {
		case a.Left() > 2 && a.Is("AUTH"):
			user, password = a.Next(), a.Next()
		case a.Left() > 1 && a.Is("SETNAME"):
			name = a.Next()
			if !validName(name) {
				return errNameChars
			}
		default:
			return commands.Error("ERR Syntax error in HELLO option '" + clip(a.Next(), 128) + "'")
		}
	}
	if user != nil {
		a := s.login(cl, "HELLO", user, password)
		if a == nil {
			return errWrongPass
		}
		cl.setAccount(a)
	}
	if !cl.authed {
		return errHelloAuth
	}
	if name != nil {
		cl.setName(name)
	}
	cl.setProto(proto)
	c.Reply.Proto = proto
	c.Reply.Map(7)
	c.Reply.BulkString("server")
	c.Reply.BulkString("redis")
	c.Reply.BulkString("version")
	c.Reply.BulkString(RedisVersion)
	c.Reply.BulkString("proto")
	c.Reply.Int(int64(proto))
	c.Reply.BulkString("id")
	c.Reply.Int(cl.id)
	c.Reply.BulkString("mode")
	c.Reply.BulkString("standalone")
	c.Reply.BulkString("role")
	c.Reply.BulkString("master")
	c.Reply.BulkString("modules")
	c.Reply.Array(0)
	return nil
}

// RedisVersion is the version of Redis whose behaviour is met, as clients that
// decide by it must see it. HELLO's server field says redis for the same reason.
const RedisVersion = "7.4.0"

// Version is cached's own.
const Version = "0.1.0"

// validName reports whether a client may be called b.
func validName(b []byte) bool {
	for _, c := range b {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}

func (c *client) setName(b []byte) {
	if len(b) == 0 {
		c.shown.name.Store(nil)
		return
	}
	name := string(b)
	c.shown.name.Store(&name)
}
