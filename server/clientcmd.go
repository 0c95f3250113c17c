package server

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"

	"cached/commands"
	"cached/engine/value"
	"cached/internal/pubsub"
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

// describe is the client's line in CLIENT LIST.
func (c *client) describe(b []byte, nowMS int64) []byte {
	sh := &c.shown
	num := func(name string, n int64) {
		b = append(b, name...)
		b = strconv.AppendInt(b, n, 10)
	}
	str := func(name, v string) { b = append(append(b, name...), v...) }
	num("id=", c.id)
	str(" addr=", c.addr)
	str(" laddr=", c.laddr)
	num(" fd=", int64(c.fd))
	str(" name=", text(&sh.name))
	num(" age=", (nowMS-c.created)/1000)
	num(" idle=", max(nowMS-sh.activeMS.Load(), 0)/1000)
	str(" flags=", c.flags())
	num(" db=", int64(sh.db.Load()))
	num(" sub=", int64(sh.subs[pubsub.Channel].Load()))
	num(" psub=", int64(sh.subs[pubsub.Pattern].Load()))
	num(" ssub=", int64(sh.subs[pubsub.Shard].Load()))
	num(" multi=", int64(sh.multi.Load())-1)
	num(" watch=", int64(sh.watches.Load()))
	num(" qbuf=", sh.inBytes.Load())
	num(" qbuf-free=", sh.inFree.Load())
	num(" argv-mem=", sh.argv.Load())
	num(" multi-mem=", sh.multiMem.Load())
	num(" rbs=", 0)
	num(" rbp=", 0)
	num(" obl=", 0)
	num(" oll=", min(sh.outBytes.Load(), 1))
	num(" omem=", sh.outBytes.Load())
	num(" tot-mem=", c.memory())
	str(" events=", "r")
	if sh.outBytes.Load() > 0 {
		b = append(b, 'w')
	}
	cmd := "NULL"
	if spec := sh.last.Load(); spec != nil {
		cmd = spec.FullName()
	}
	str(" cmd=", cmd)
	str(" user=", c.account.Load().name)
	redirect := int64(-1)
	if tr := sh.tracking.Load(); tr != nil {
		redirect = tr.redirect
	}
	num(" redir=", redirect)
	num(" resp=", int64(sh.proto.Load()))
	str(" lib-name=", text(&sh.libName))
	str(" lib-ver=", text(&sh.libVer))
	return b
}

// memory is about what the client costs, in bytes.
func (c *client) memory() int64 {
	sh := &c.shown
	names := len(text(&sh.name)) + len(text(&sh.libName)) + len(text(&sh.libVer))
	return clientBytes + sh.inBytes.Load() + sh.inFree.Load() + sh.outBytes.Load() + sh.argv.Load() +
		sh.multiMem.Load() + sh.kept.Load() + int64(names)
}

// keeps counts something of a name of so many bytes that is kept for the client from now
// on, such as a watched key, a subscription, a prefix it tracks or a key it waits for;
// forgets counts it off.
func (c *client) keeps(name int)   { c.shown.kept.Add(int64(name) + keptBytes) }
func (c *client) forgets(name int) { c.shown.kept.Add(-int64(name) - keptBytes) }

// keptBytes is what each of these takes beside its name: about as much as a watch or a
// subscription with its places in two tables.
const keptBytes = 160

// clientBytes is what a client without anything in its buffers costs.
const clientBytes = 1024

// flags are the letters of the client's states.
func (c *client) flags() string {
	var b []byte
	sh := &c.shown
	if sh.replica.Load() {
		b = append(b, 'S')
	}
	if sh.monitor.Load() {
		b = append(b, 'O')
	}
	if c.isSubscribed() {
		b = append(b, 'P')
	}
	if sh.multi.Load() > 0 {
		b = append(b, 'x')
	}
	if sh.blocked.Load() || sh.paused.Load() {
		b = append(b, 'b')
	}
	if tr := sh.tracking.Load(); tr != nil {
		b = append(b, 't')
		if tr.broken.Load() {
			b = append(b, 'R')
		}
		if tr.options&trackBcast != 0 {
			b = append(b, 'B')
		}
	}
	if sh.changed.Load() {
		b = append(b, 'd')
	}
	if sh.closing.Load() {
		b = append(b, 'c')
	}
	if strings.HasPrefix(c.addr, "/") {
		b = append(b, 'U')
	}
	if sh.noEvict.Load() {
		b = append(b, 'e')
	}
	if sh.noTouch.Load() {
		b = append(b, 'T')
	}
	if len(b) == 0 {
		return "N"
	}
	return string(b)
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

func (c *client) kind() string {
	switch {
	case c.isSubscribed():
		return "pubsub"
	case c.shown.replica.Load():
		return "replica"
	}
	return "normal"
}

// isSubscribed is what others see of the client's subscriptions.
func (c *client) isSubscribed() bool {
	n := &c.shown.subs
	return n[pubsub.Channel].Load()+n[pubsub.Pattern].Load()+n[pubsub.Shard].Load() > 0
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
	id          int64 // 0: any
	kind, user  string
	addr, laddr []byte
	skipMe      bool
	maxAge      int64 // seconds; 0: any
}

func (s *Server) clientKill(c *commands.Ctx) error {
	me := clientOf(c)
	f := clientFilter{skipMe: true}
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
			if clientOf(c).srv.accounts.find(string(v)) == nil {
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

// onOff reads the argument of CLIENT NO-EVICT and NO-TOUCH.
func onOff(b []byte) (bool, error) {
	switch {
	case bytes.EqualFold(b, []byte("on")):
		return true, nil
	case bytes.EqualFold(b, []byte("off")):
		return false, nil
	}
	return false, commands.ErrSyntax
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
			cl.giveUp(wt.timeout)
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
