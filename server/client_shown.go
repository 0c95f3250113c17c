package server

import (
	"strconv"
	"strings"

	"cached/internal/pubsub"
)

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
	if sh.tracking.Load() != 0 {
		redirect = sh.redirect.Load()
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
	if sh.primary.Load() {
		b = append(b, 'M')
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
	for i, letter := range "tRB" {
		if sh.tracking.Load()>>i&1 != 0 {
			b = append(b, byte(letter))
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

func (c *client) kind() string {
	switch {
	case c.isSubscribed():
		return "pubsub"
	case c.shown.replica.Load():
		return "replica"
	case c.shown.primary.Load():
		return "master"
	}
	return "normal"
}

// isSubscribed is what others see of the client's subscriptions.
func (c *client) isSubscribed() bool {
	n := &c.shown.subs
	return n[pubsub.Channel].Load()+n[pubsub.Pattern].Load()+n[pubsub.Shard].Load() > 0
}

func (c *client) setName(b []byte) {
	if len(b) == 0 {
		c.shown.name.Store(nil)
		return
	}
	name := string(b)
	c.shown.name.Store(&name)
}
