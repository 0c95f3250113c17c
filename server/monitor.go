package server

import (
	"strconv"
	"strings"

	"cached/commands"
	"cached/internal/pubsub"
)

func appendDB(b []byte, db int) []byte { return strconv.AppendInt(b, int64(db), 10) }

// monitor has the client receive a line for every command.
func (p *Pusher) monitor(c *commands.Ctx) error {
	cl := clientOf(c)
	if cl.mode&inExec != 0 {
		return commands.Error("ERR MONITOR isn't allowed for DENY BLOCKING client")
	}
	st := pushStates.of(cl)
	if st.monitoring != nil {
		return nil // without a reply, as in Redis
	}
	st.monitoring = p.watching.Subscribe(pubsub.Channel, "", cl, cl.conn.outlet())
	p.monitors.Add(1)
	cl.mode |= monitors
	cl.shown.monitor.Store(true)
	c.Reply.OK()
	return nil
}

// stopMonitor ends MONITOR.
func (p *Pusher) stopMonitor(c *client) {
	if st := pushStates.of(c); st.monitoring != nil {
		p.watching.Unsubscribe(st.monitoring)
		st.monitoring = nil
		p.monitors.Add(-1)
		c.mode &^= monitors
		c.shown.monitor.Store(false)
	}
}

// showMonitors sends a command that has run to the clients that monitor. from is
// what stands for its client: an address, or lua.
func (p *Pusher) showMonitors(w *worker, from string, db int, spec *commands.Spec, argv [][]byte) {
	if spec.Flags&(commands.SkipMonitor|commands.Admin) != 0 {
		return
	}
	p.feedMonitors(w, from, db, spec, argv)
}

// showScript sends a call of a script or function to the clients that monitor,
// before it runs: what the script does comes after it.
func (p *Pusher) showScript(w *worker, c *commands.Ctx) {
	if cl := clientOf(c); p.monitors.Load() > 0 && (cl.ticket == nil || !cl.ticket.Waits()) {
		p.feedMonitors(w, monitorAddr(cl), cl.db(), c.Spec, c.Argv)
	}
}

// showCall sends a command that a script has called to the clients that monitor.
func (p *Pusher) showCall(w *worker, db int, spec *commands.Spec, argv [][]byte) {
	if p.monitors.Load() > 0 {
		p.showMonitors(w, "lua", db, spec, argv)
	}
}

// showCommand sends a client's command to the clients that monitor.
func (p *Pusher) showCommand(w *worker, c *client, spec *commands.Spec, argv [][]byte) {
	p.showMonitors(w, monitorAddr(c), c.db(), spec, argv)
}

// monitorAddr is the client's address as MONITOR shows it.
func monitorAddr(c *client) string {
	if strings.HasPrefix(c.addr, "/") {
		return "unix:" + strings.TrimSuffix(c.addr, ":0")
	}
	return c.addr
}

func (p *Pusher) feedMonitors(w *worker, from string, db int, spec *commands.Spec, argv [][]byte) {
	p.watching.Publish(pubsub.Channel, nil, func(out pubsub.Outlet, _ *string, to []*pubsub.Subscription) {
		m := &message{bytes: p.monitorLine(w, from, db, spec, argv), raw: true}
		out.(outlet).deliver(w, m, to)
	})
}

func (p *Pusher) monitorLine(w *worker, from string, db int, spec *commands.Spec, argv [][]byte) []byte {
	us := p.wallNS.Load()/1000 + w.nowNS/1000
	b := strconv.AppendInt([]byte{'+'}, us/1e6, 10)
	b = append(b, '.')
	micros := strconv.Itoa(int(us % 1e6))
	b = append(append(b, "000000"[len(micros):]...), micros...)
	b = append(b, " ["...)
	b = appendDB(b, db)
	b = append(append(append(b, ' '), from...), ']')
	for i, a := range argv {
		b = append(b, ' ')
		if p.isSecret(spec, argv, i) {
			b = append(b, `"(redacted)"`...)
		} else {
			b = appendQuoted(b, a)
		}
	}
	return append(b, '\r', '\n')
}

// appendQuoted writes a word as Redis's logs do, with everything that is not
// printable escaped.
func appendQuoted(b, s []byte) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range s {
		switch c {
		case '\\', '"':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		case '\a':
			b = append(b, '\\', 'a')
		case '\b':
			b = append(b, '\\', 'b')
		default:
			if c >= ' ' && c <= '~' {
				b = append(b, c)
			} else {
				b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
			}
		}
	}
	return append(b, '"')
}
