package server

import (
	"slices"

	"cached/commands"
	"cached/internal/acl"
	"cached/internal/pubsub"
)

// subscriptions are a client's subscriptions, by kind and name.
type subscriptions [3]map[string]*pubsub.Subscription

func appendBulk(b, v []byte) []byte {
	b = appendLen(b, '$', len(v))
	b = append(b, v...)
	return append(b, '\r', '\n')
}

// Messages and their bytes are allocated in blocks, since there may be very many of them.
const (
	messageBlock = 64
	bytesBlock   = 16 << 10
	blockMost    = 1 << 10 // bytes of a message that is cut from one
)

// newMessage makes a message with room for n bytes.
func newMessage(worker *worker, n int) *message {
	w := pushWorks.of(worker)
	if len(w.messages) == 0 {
		w.messages = make([]message, messageBlock)
	}
	m := &w.messages[0]
	w.messages = w.messages[1:]
	switch {
	case n > blockMost:
		m.bytes = make([]byte, 0, n)
		return m
	case n > len(w.messageBytes):
		w.messageBytes = make([]byte, bytesBlock)
	}
	m.bytes = w.messageBytes[:0:n]
	w.messageBytes = w.messageBytes[n:]
	return m
}

// publication is the message for the subscribers of a publication.
func (p *Pusher) publication(w *worker, pattern *string, kind string, channel, payload []byte) *message {
	n := 64 + len(kind) + len(channel) + len(payload)
	if pattern != nil {
		n += 16 + len(*pattern)
	}
	m := newMessage(w, n)
	b := m.bytes
	if pattern != nil {
		b = append(b, ">4\r\n$8\r\npmessage\r\n"...)
		b = appendBulk(b, []byte(*pattern))
	} else {
		b = append(b, ">3\r\n"...)
		b = appendBulk(b, []byte(kind))
	}
	b = appendBulk(b, channel)
	m.bytes = appendBulk(b, payload)
	return m
}

// broadcast publishes a message and returns how many receive it. sender is the client
// whose command does it, or nil: its own copy comes behind the command's reply.
func (p *Pusher) broadcast(w *worker, k pubsub.Kind, sender *client, channel, payload []byte) int {
	kind := "message"
	if k == pubsub.Shard {
		kind = "smessage"
	}
	var plain *message // for those of the channel itself
	var last *message  // of a pattern
	var lastPattern *string
	return p.hub.Publish(k, channel, func(out pubsub.Outlet, pattern *string, to []*pubsub.Subscription) {
		m := plain
		if pattern != nil && pattern == lastPattern {
			m = last
		}
		if m == nil || pattern != nil && pattern != lastPattern {
			m = p.publication(w, pattern, kind, channel, payload)
			topic, sub := string(channel), k
			if pattern == nil {
				plain = m
			} else {
				last, lastPattern = m, pattern
				topic, sub = *pattern, pubsub.Pattern
			}
			if sender != nil && sender.mode&subscribed != 0 && pushStates.of(sender).subs[sub][topic] != nil {
				m.skip = sender
				w.pushOwn(m.as(sender.proto, nil))
			}
		}
		out.(outlet).deliver(w, m, to)
	})
}

func (p *Pusher) publish(c *commands.Ctx) error {
	clientOf(c).publishes = true
	c.Reply.Int(int64(p.broadcast(workerOf(c), pubsub.Channel, clientOf(c), c.Argv[1], c.Argv[2])))
	if p.on.Published != nil {
		p.on.Published(c.Argv)
	}
	return nil
}

func (p *Pusher) spublish(c *commands.Ctx) error {
	clientOf(c).publishes = true
	c.Reply.Int(int64(p.broadcast(workerOf(c), pubsub.Shard, clientOf(c), c.Argv[1], c.Argv[2])))
	if p.on.Published != nil {
		p.on.Published(c.Argv)
	}
	return nil
}

// subCount is the number that replies to subscribing carry: shard channels are
// counted apart.
func (p *Pusher) subCount(c *client, k pubsub.Kind) int {
	subs := &pushStates.of(c).subs
	if k == pubsub.Shard {
		return len(subs[pubsub.Shard])
	}
	return len(subs[pubsub.Channel]) + len(subs[pubsub.Pattern])
}

// noteSubs follows a change of the client's subscriptions.
func (p *Pusher) noteSubs(c *client, k pubsub.Kind) {
	c.shown.subs[k].Store(int32(len(pushStates.of(c).subs[k])))
	was := c.mode&subscribed != 0
	is := p.subCount(c, pubsub.Channel)+p.subCount(c, pubsub.Shard) > 0
	switch {
	case is && !was:
		c.mode |= subscribed
		p.subscribers.Add(1)
	case was && !is:
		c.mode &^= subscribed
		p.subscribers.Add(-1)
	}
}

// A client's replies to subscribing are pushes: they come even if it wants no
// replies.
func pushReply(c *commands.Ctx, verb string, name []byte, count int) {
	c.Reply.Push(3)
	c.Reply.BulkString(verb)
	c.Reply.BulkOrNull(name)
	c.Reply.Int(int64(count))
	workerOf(c).pushed = true
}

func (p *Pusher) subscribeTo(c *commands.Ctx, k pubsub.Kind, verb string) error {
	cl := clientOf(c)
	subs := &pushStates.of(cl).subs
	for _, name := range c.Argv[1:] {
		if subs[k][string(name)] == nil {
			if subs[k] == nil {
				subs[k] = make(map[string]*pubsub.Subscription)
			}
			topic := string(name)
			cl.keeps(len(topic))
			subs[k][topic] = p.hub.Subscribe(k, topic, cl, cl.conn.outlet())
		}
		pushReply(c, verb, name, p.subCount(cl, k))
	}
	p.noteSubs(cl, k)
	return nil
}

func (p *Pusher) unsubscribeFrom(c *commands.Ctx, k pubsub.Kind, verb string) error {
	cl := clientOf(c)
	subs := &pushStates.of(cl).subs
	leave := func(name string) {
		if sub := subs[k][name]; sub != nil {
			p.hub.Unsubscribe(sub)
			delete(subs[k], name)
			cl.forgets(len(name))
		}
	}
	switch {
	case len(c.Argv) > 1:
		for _, name := range c.Argv[1:] {
			leave(string(name))
			pushReply(c, verb, name, p.subCount(cl, k))
		}
	case len(subs[k]) == 0:
		pushReply(c, verb, nil, p.subCount(cl, k))
	default:
		for _, name := range sortedNames(subs[k]) {
			leave(name)
			pushReply(c, verb, []byte(name), p.subCount(cl, k))
		}
	}
	p.noteSubs(cl, k)
	return nil
}

func sortedNames(subs map[string]*pubsub.Subscription) []string {
	names := make([]string, 0, len(subs))
	for name := range subs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// leaveAll removes all of the client's subscriptions.
func (p *Pusher) leaveAll(c *client) {
	if c.mode&subscribed == 0 {
		return
	}
	subs := &pushStates.of(c).subs
	for k := range subs {
		for name, sub := range subs[k] {
			p.hub.Unsubscribe(sub)
			c.forgets(len(name))
		}
		clear(subs[k])
		p.noteSubs(c, pubsub.Kind(k))
	}
}

func (p *Pusher) subscribe(c *commands.Ctx) error {
	return p.subscribeTo(c, pubsub.Channel, "subscribe")
}

func (p *Pusher) psubscribe(c *commands.Ctx) error {
	return p.subscribeTo(c, pubsub.Pattern, "psubscribe")
}

func (p *Pusher) ssubscribe(c *commands.Ctx) error {
	if clientOf(c).mode&inExec != 0 {
		return commands.Error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
	}
	return p.subscribeTo(c, pubsub.Shard, "ssubscribe")
}

func (p *Pusher) unsubscribe(c *commands.Ctx) error {
	return p.unsubscribeFrom(c, pubsub.Channel, "unsubscribe")
}

func (p *Pusher) punsubscribe(c *commands.Ctx) error {
	return p.unsubscribeFrom(c, pubsub.Pattern, "punsubscribe")
}

func (p *Pusher) sunsubscribe(c *commands.Ctx) error {
	return p.unsubscribeFrom(c, pubsub.Shard, "sunsubscribe")
}

func (p *Pusher) pubsubChannels(c *commands.Ctx) error { return p.listTopics(c, pubsub.Channel) }

func (p *Pusher) pubsubShardchannels(c *commands.Ctx) error { return p.listTopics(c, pubsub.Shard) }

func (p *Pusher) listTopics(c *commands.Ctx, k pubsub.Kind) error {
	if len(c.Argv) > 3 {
		return errSubcommand(c)
	}
	var pattern []byte
	if len(c.Argv) == 3 {
		pattern = c.Argv[2]
	}
	names := p.hub.Names(k, pattern)
	c.Reply.Array(len(names))
	for _, name := range names {
		c.Reply.BulkString(name)
	}
	return nil
}

func (p *Pusher) pubsubNumpat(c *commands.Ctx) error {
	c.Reply.Int(int64(p.hub.Len(pubsub.Pattern)))
	return nil
}

func (p *Pusher) pubsubNumsub(c *commands.Ctx) error { return p.countTopics(c, pubsub.Channel) }

func (p *Pusher) pubsubShardnumsub(c *commands.Ctx) error { return p.countTopics(c, pubsub.Shard) }

func (p *Pusher) countTopics(c *commands.Ctx, k pubsub.Kind) error {
	c.Reply.Array(2 * len(c.Argv[2:]))
	for _, name := range c.Argv[2:] {
		c.Reply.Bulk(name)
		c.Reply.Int(int64(p.hub.Count(k, name)))
	}
	return nil
}

func (p *Pusher) pubsubHelp(c *commands.Ctx) error {
	return c.ReplyHelp("PUBSUB",
		"CHANNELS [<pattern>]",
		"    Return the currently active channels matching a <pattern> (default: '*').",
		"NUMPAT",
		"    Return number of subscriptions to patterns.",
		"NUMSUB [<channel> ...]",
		"    Return the number of subscribers for the specified channels, excluding",
		"    pattern subscriptions(default: no channels).",
		"SHARDCHANNELS [<pattern>]",
		"    Return the currently active shard level channels matching a <pattern> (default: '*').",
		"SHARDNUMSUB [<shardchannel> ...]",
		"    Return the number of subscribers for the specified shard level channel(s)")
}

// silence closes the clients of an account that have subscriptions which its user
// may not have any more; me, if it is one of them, after its reply.
func (p *Pusher) silence(me *client, a *account) {
	for _, c := range p.allClients() {
		if c.account.Load() != a || !c.isSubscribed() {
			continue
		}
		if c == me {
			me.closing = me.closing || !mayListen(me)
			continue
		}
		c.conn.post(func(_ *worker, c *client) {
			if !mayListen(c) {
				c.closing = true
				c.conn.resume()
			}
		})
	}
}

// mayListen reports whether the client's user may have all its subscriptions.
func mayListen(c *client) bool {
	u := c.account.Load().user.Load()
	for kind, subs := range pushStates.of(c).subs {
		for name := range subs {
			if !u.MayListen(acl.Channel{Name: []byte(name), Pattern: pubsub.Kind(kind) == pubsub.Pattern}) {
				return false
			}
		}
	}
	return true
}
