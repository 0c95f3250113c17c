package server

import (
	"math"
	"slices"

	"cached/commands"
	"cached/engine/value"
	"cached/internal/resp"
)

func (s *Server) clientID(c *commands.Ctx) error {
	c.Reply.Int(clientOf(c).id)
	return nil
}

func (s *Server) clientGetname(c *commands.Ctx) error {
	if name := clientOf(c).shown.name.Load(); name != nil {
		c.Reply.BulkString(*name)
	} else {
		c.Reply.Null()
	}
	return nil
}

func (s *Server) clientSetname(c *commands.Ctx) error {
	if !validName(c.Argv[2]) {
		return errNameChars
	}
	clientOf(c).setName(c.Argv[2])
	c.Reply.OK()
	return nil
}

func (s *Server) clientSetinfo(c *commands.Ctx) error {
	cl, attr, v := clientOf(c), fold(c.Argv[2]), string(c.Argv[3])
	to := &cl.shown.libName
	switch attr {
	case "lib-name":
	case "lib-ver":
		to = &cl.shown.libVer
	default:
		return commands.Error("ERR Unrecognized option '" + clip(c.Argv[2], 128) + "'")
	}
	if !validName(c.Argv[3]) {
		return commands.Error("ERR " + attr + " cannot contain spaces, newlines or special characters.")
	}
	to.Store(&v)
	c.Reply.OK()
	return nil
}

func (s *Server) clientInfo(c *commands.Ctx) error {
	cl := clientOf(c)
	cl.shown.last.Store(c.Spec)
	c.Reply.Verbatim("txt", string(append(cl.describe(nil, c.NowMS), '\n')))
	return nil
}

// clientKind is the type of a client as filters name it.
func clientKind(b []byte) (string, error) {
	switch kind := fold(b); kind {
	case "normal", "master", "pubsub":
		return kind, nil
	case "slave", "replica":
		return "replica", nil
	}
	return "", commands.Error("ERR Unknown client type '" + clip(b, 128) + "'")
}

func (s *Server) clientList(c *commands.Ctx) error {
	a := c.Args(2)
	keep := func(*client) bool { return true }
	switch {
	case !a.More():
	case a.Left() == 2 && a.Is("TYPE"):
		kind, err := clientKind(a.Next())
		if err != nil {
			return err
		}
		keep = func(cl *client) bool { return cl.kind() == kind }
	case a.Left() > 1 && a.Is("ID"):
		ids := map[int64]bool{}
		for a.More() {
			id, ok := value.ParseInt(a.Next())
			if !ok {
				return commands.Error("ERR Invalid client ID")
			}
			ids[id] = true
		}
		keep = func(cl *client) bool { return ids[cl.id] }
	default:
		return commands.ErrSyntax
	}
	clientOf(c).shown.last.Store(c.Spec)
	var b []byte
	for _, cl := range s.sortedClients() {
		if keep(cl) {
			b = append(cl.describe(b, c.NowMS), '\n')
		}
	}
	c.Reply.Verbatim("txt", string(b))
	return nil
}

// sortedClients are all clients in the order of their ids.
func (s *Server) sortedClients() []*client {
	all := s.allClients()
	slices.SortFunc(all, func(a, b *client) int { return int(a.id - b.id) })
	return all
}

// A clientFilter says which clients CLIENT KILL means.
type clientFilter struct {
	users       *Users
	id          int64 // 0: any
	kind, user  string
	addr, laddr []byte
	skipMe      bool
	maxAge      int64 // seconds; 0: any
}

func (s *Server) clientKill(c *commands.Ctx) error {
	me := clientOf(c)
	f := clientFilter{users: s.users, skipMe: true}
	old := len(c.Argv) == 3
	if old {
		f.addr, f.skipMe = c.Argv[2], false
	} else if err := f.parse(c); err != nil {
		return err
	}
	killed := 0
	for _, cl := range s.allClients() {
		if !f.matches(cl, c.NowMS) || cl == me && f.skipMe {
			continue
		}
		killed++
		if cl == me {
			me.closing = true // after the reply
		} else {
			s.kill(cl)
		}
	}
	switch {
	case !old:
		c.Reply.Int(int64(killed))
	case killed == 0:
		return commands.Error("ERR No such client")
	default:
		c.Reply.OK()
	}
	return nil
}

func (f *clientFilter) parse(c *commands.Ctx) error {
	a := c.Args(2)
	for a.More() {
		if a.Left() < 2 {
			return commands.ErrSyntax
		}
		switch option, v := fold(a.Next()), a.Next(); option {
		case "id":
			id, ok := value.ParseInt(v)
			if !ok || id < 1 {
				return commands.Error("ERR client-id should be greater than 0")
			}
			f.id = id
		case "type":
			kind, err := clientKind(v)
			if err != nil {
				return err
			}
			f.kind = kind
		case "addr":
			f.addr = v
		case "laddr":
			f.laddr = v
		case "user":
			if f.users.accounts.find(string(v)) == nil {
				return commands.Error("ERR No such user '" + clip(v, 128) + "'")
			}
			f.user = string(v)
		case "maxage":
			age, ok := value.ParseInt(v)
			if !ok {
				return commands.Error("ERR maxage is not an integer or out of range")
			}
			if age <= 0 {
				return commands.Error("ERR maxage should be greater than 0")
			}
			f.maxAge = age
		case "skipme":
			switch fold(v) {
			case "yes":
				f.skipMe = true
			case "no":
				f.skipMe = false
			default:
				return commands.ErrSyntax
			}
		default:
			return commands.ErrSyntax
		}
	}
	return nil
}

func (f *clientFilter) matches(c *client, nowMS int64) bool {
	return (f.id == 0 || f.id == c.id) &&
		(f.kind == "" || f.kind == c.kind()) &&
		(f.addr == nil || string(f.addr) == c.addr) &&
		(f.user == "" || f.user == c.account.Load().name) &&
		(f.laddr == nil || string(f.laddr) == c.laddr) &&
		(f.maxAge == 0 || (nowMS-c.created)/1000 >= f.maxAge)
}

func (s *Server) clientNoEvict(c *commands.Ctx) error {
	on, err := onOff(c.Argv[2])
	if err != nil {
		return err
	}
	clientOf(c).shown.noEvict.Store(on)
	c.Reply.OK()
	return nil
}

func (s *Server) clientNoTouch(c *commands.Ctx) error {
	on, err := onOff(c.Argv[2])
	if err != nil {
		return err
	}
	cl := clientOf(c)
	cl.noTouch = on
	cl.shown.noTouch.Store(on)
	c.Reply.OK()
	return nil
}

func (s *Server) clientReply(c *commands.Ctx) error {
	cl := clientOf(c)
	switch fold(c.Argv[2]) {
	case "on":
		cl.replyOff, cl.skip = false, 0
		c.Reply.OK()
	case "off":
		cl.replyOff = true
	case "skip":
		if !cl.replyOff {
			cl.skip = 2
		}
	default:
		return commands.ErrSyntax
	}
	return nil
}

func (s *Server) clientPause(c *commands.Ctx) error {
	onlyWrite := false
	if len(c.Argv) > 4 {
		return errSubcommand(c)
	}
	if len(c.Argv) == 4 {
		switch fold(c.Argv[3]) {
		case "write":
			onlyWrite = true
		case "all":
		default:
			return commands.Error("ERR CLIENT PAUSE mode must be WRITE or ALL")
		}
	}
	ms, ok := value.ParseInt(c.Argv[2])
	switch {
	case !ok:
		return commands.ErrTimeoutInt
	case ms < 0:
		return commands.ErrTimeoutNeg
	case ms > math.MaxInt64-c.NowMS:
		return commands.ErrTimeoutRange
	}
	s.pause.begin(c.NowMS, c.NowMS+ms, onlyWrite)
	s.pauseUntil(s.pause.untilMS.Load())
	c.Reply.OK()
	return nil
}

func (s *Server) clientUnpause(c *commands.Ctx) error {
	s.pause.untilMS.Store(0)
	s.pauseUntil(0)
	c.Reply.OK()
	return nil
}

const errUnblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK"

func (s *Server) clientUnblock(c *commands.Ctx) error {
	byError := false
	if len(c.Argv) > 4 {
		return errSubcommand(c)
	}
	if len(c.Argv) == 4 {
		switch fold(c.Argv[3]) {
		case "timeout":
		case "error":
			byError = true
		default:
			return commands.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
		}
	}
	id, ok := value.ParseInt(c.Argv[2])
	if !ok {
		return commands.ErrNotInt
	}
	s.mu.Lock()
	cl := s.clients[id]
	s.mu.Unlock()
	if cl == nil || !cl.shown.blocked.Load() {
		c.Reply.Int(0)
		return nil
	}
	cl.conn.post(func(w *worker, cl *client) {
		wt := cl.waiting
		switch {
		case wt == nil:
		case !byError:
			w.timeIsUp(wt)
		case cl.giveUp(func(w *resp.Writer) { w.Error(errUnblocked) }):
			s.countError(errUnblocked)
			w.accountWaiter(wt, false, true)
		}
	})
	c.Reply.Int(1)
	return nil
}

func (s *Server) clientHelp(c *commands.Ctx) error {
	return c.ReplyHelp("CLIENT",
		"CACHING (YES|NO)",
		"    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
		"GETREDIR",
		"    Return the client ID we are redirecting to when tracking is enabled.",
		"GETNAME",
		"    Return the name of the current connection.",
		"ID",
		"    Return the ID of the current connection.",
		"INFO",
		"    Return information about the current client connection.",
		"KILL <ip:port>",
		"    Kill connection made from <ip:port>.",
		"KILL <option> <value> [<option> <value> [...]]",
		"    Kill connections. Options are:",
		"    * ADDR (<ip:port>|<unixsocket>:0)",
		"      Kill connections made from the specified address",
		"    * LADDR (<ip:port>|<unixsocket>:0)",
		"      Kill connections made to specified local address",
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
		"      Kill connections by type.",
		"    * USER <username>",
		"      Kill connections authenticated by <username>.",
		"    * SKIPME (YES|NO)",
		"      Skip killing current connection (default: yes).",
		"    * ID <client-id>",
		"      Kill connections by client id.",
		"    * MAXAGE <maxage>",
		"      Kill connections older than the specified age.",
		"LIST [options ...]",
		"    Return information about client connections. Options:",
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
		"      Return clients of specified type.",
		"    * ID <client-id> [<client-id> ...]",
		"      Return clients of specified IDs only.",
		"UNPAUSE",
		"    Stop the current client pause, resuming traffic.",
		"PAUSE <timeout> [WRITE|ALL]",
		"    Suspend all, or just write, clients for <timeout> milliseconds.",
		"REPLY (ON|OFF|SKIP)",
		"    Control the replies sent to the current connection.",
		"SETNAME <name>",
		"    Assign the name <name> to the current connection.",
		"SETINFO <option> <value>",
		"    Set client meta attr. Options are:",
		"    * LIB-NAME: the client lib name.",
		"    * LIB-VER: the client lib version.",
		"UNBLOCK <clientid> [TIMEOUT|ERROR]",
		"    Unblock the specified blocked client.",
		"TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
		"         [OPTIN] [OPTOUT] [NOLOOP]",
		"    Control server assisted client side caching.",
		"TRACKINGINFO",
		"    Report tracking status for the current connection.",
		"NO-EVICT (ON|OFF)",
		"    Protect current client connection from eviction.",
		"NO-TOUCH (ON|OFF)",
		"    Will not touch LRU/LFU stats when this mode is on.")
}
