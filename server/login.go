package server

import (
	"cached/commands"
	"cached/engine"
	"cached/engine/value"
	"cached/internal/version"
)

const (
	errWrongPass = commands.Error("WRONGPASS invalid username-password pair or user is disabled.")
	errNoPass    = commands.Error("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
	errNoProto   = commands.Error("NOPROTO unsupported protocol version")
	errHelloAuth = commands.Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
)

func (us *Users) auth(c *commands.Ctx) error {
	cl := clientOf(c)
	user, password := []byte("default"), c.Argv[1]
	switch len(c.Argv) {
	case 2:
		if us.accounts.std.user.Load().NoPass {
			return errNoPass
		}
	case 3:
		user, password = c.Argv[1], c.Argv[2]
	default:
		return commands.ErrSyntax
	}
	a := us.login(cl, "AUTH", user, password)
	if a == nil {
		return errWrongPass
	}
	cl.setAccount(a)
	c.Reply.OK()
	return nil
}

func (us *Users) hello(c *commands.Ctx) error {
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
		a := us.login(cl, "HELLO", user, password)
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
	c.Reply.BulkString(version.Redis)
	c.Reply.BulkString("proto")
	c.Reply.Int(int64(proto))
	c.Reply.BulkString("id")
	c.Reply.Int(cl.id)
	c.Reply.BulkString("mode")
	c.Reply.BulkString("standalone")
	c.Reply.BulkString("role")
	if us.keys.Role() == engine.Replica {
		c.Reply.BulkString("replica")
	} else {
		c.Reply.BulkString("master")
	}
	c.Reply.BulkString("modules")
	c.Reply.Array(0)
	return nil
}
