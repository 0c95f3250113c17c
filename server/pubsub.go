package server

import (
	"slices"

	"cached/commands"
	"cached/internal/pubsub"
)

// subscriptions are what a client has subscribed to, by kind and name.
type subscriptions [3]map[string]*pubsub.Subscription

// An outlet delivers messages to clients: an event loop to all of its own, a
// connection on a goroutine to itself. deliver may be called by any worker.
type outlet interface {
	deliver(w *worker, m *message, to []*pubsub.Subscription)
}

// A message is a push on its way, encoded once for all its receivers: as RESP3;
// RESP2 differs in the first byte.
type message struct {
	bytes []byte
	skip  *client // has it already
	raw   bool    // the same in both protocols
}

// as returns the message in a protocol. The result is good until the next call
// with the same buffer.
func (m *message) as(proto int, buf []byte) []byte {
	if proto == 3 || m.raw {
		return m.bytes
	}
	buf = append(buf[:0], m.bytes...)
	buf[0] = '*'
	return buf
}

func appendBulk(b, v []byte) []byte {
	b = appendLen(b, '$', len(v))
	b = append(b, v...)
	return append(b, '\r', '\n')
}

// Messages are cut from blocks, since there may be very many of them: so many
// from one, and their bytes from another.
const (
	messageBlock = 64
	bytesBlock   = 16 << 10
	blockMost    = 1 << 10 // bytes of a message that is cut from one
)

// newMessage makes a message with room for n bytes.
func (w *worker) newMessage(n int) *message {
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

// publication is the message of what was published.
func (w *worker) publication(pattern *string, kind string, channel, payload []byte) *message {
	n := 64 + len(kind) + len(channel) + len(payload)
	if pattern != nil {
		n += 16 + len(*pattern)
	}
	m := w.newMessage(n)
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
func (w *worker) broadcast(k pubsub.Kind, sender *client, channel, payload []byte) int {
	kind := "message"
	if k == pubsub.Shard {
		kind = "smessage"
	}
	var plain *message // for those of the channel itself
	var last *message  // of a pattern
	var lastPattern *string
	return w.srv.hub.Publish(k, channel, func(out pubsub.Outlet, pattern *string, to []*pubsub.Subscription) {
		m := plain
		if pattern != nil && pattern == lastPattern {
			m = last
		}
		if m == nil || pattern != nil && pattern != lastPattern {
			m = w.publication(pattern, kind, channel, payload)
			topic, sub := string(channel), k
			if pattern == nil {
				plain = m
			} else {
				last, lastPattern = m, pattern
				topic, sub = *pattern, pubsub.Pattern
			}
			if sender != nil && sender.mode&subscribed != 0 && sender.subs[sub][topic] != nil {
				m.skip = sender
				w.own = append(w.own, m.as(sender.proto, nil)...)
			}
		}
		out.(outlet).deliver(w, m, to)
	})
}

func (s *Server) publish(c *commands.Ctx) error {
	clientOf(c).publishes = true
	c.Reply.Int(int64(workerOf(c).broadcast(pubsub.Channel, clientOf(c), c.Argv[1], c.Argv[2])))
	return nil
}

func (s *Server) spublish(c *commands.Ctx) error {
	clientOf(c).publishes = true
	c.Reply.Int(int64(workerOf(c).broadcast(pubsub.Shard, clientOf(c), c.Argv[1], c.Argv[2])))
	return nil
}

// subCount is the number that replies to subscribing carry: shard channels are
// counted apart.
func (c *client) subCount(k pubsub.Kind) int {
	if k == pubsub.Shard {
		return len(c.subs[pubsub.Shard])
	}
	return len(c.subs[pubsub.Channel]) + len(c.subs[pubsub.Pattern])
}

// noteSubs follows a change of the client's subscriptions.
func (c *client) noteSubs(k pubsub.Kind) {
	c.shown.subs[k].Store(int32(len(c.subs[k])))
	was := c.mode&subscribed != 0
	is := c.subCount(pubsub.Channel)+c.subCount(pubsub.Shard) > 0
	switch {
	case is && !was:
		c.mode |= subscribed
		c.srv.subscribers.Add(1)
	case was && !is:
		c.mode &^= subscribed
		c.srv.subscribers.Add(-1)
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

func (s *Server) subscribeTo(c *commands.Ctx, k pubsub.Kind, verb string) error {
	cl := clientOf(c)
	for _, name := range c.Argv[1:] {
		if cl.subs[k][string(name)] == nil {
			if cl.subs[k] == nil {
				cl.subs[k] = make(map[string]*pubsub.Subscription)
			}
			topic := string(name)
			cl.keeps(len(topic))
			cl.subs[k][topic] = s.hub.Subscribe(k, topic, cl, cl.conn.outlet())
		}
		pushReply(c, verb, name, cl.subCount(k))
	}
	cl.noteSubs(k)
	return nil
}

func (s *Server) unsubscribeFrom(c *commands.Ctx, k pubsub.Kind, verb string) error {
	cl := clientOf(c)
	leave := func(name string) {
		if sub := cl.subs[k][name]; sub != nil {
			s.hub.Unsubscribe(sub)
			delete(cl.subs[k], name)
			cl.forgets(len(name))
		}
	}
	switch {
	case len(c.Argv) > 1:
		for _, name := range c.Argv[1:] {
			leave(string(name))
			pushReply(c, verb, name, cl.subCount(k))
		}
	case len(cl.subs[k]) == 0:
		pushReply(c, verb, nil, cl.subCount(k))
	default:
		for _, name := range sortedNames(cl.subs[k]) {
			leave(name)
			pushReply(c, verb, []byte(name), cl.subCount(k))
		}
	}
	cl.noteSubs(k)
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

// leaveAll ends all of the client's subscriptions.
func (c *client) leaveAll() {
	if c.mode&subscribed == 0 {
		return
	}
	for k := range c.subs {
		for name, sub := range c.subs[k] {
			c.srv.hub.Unsubscribe(sub)
			c.forgets(len(name))
		}
		clear(c.subs[k])
		c.noteSubs(pubsub.Kind(k))
	}
}

func (s *Server) subscribe(c *commands.Ctx) error {
	return s.subscribeTo(c, pubsub.Channel, "subscribe")
}

func (s *Server) psubscribe(c *commands.Ctx) error {
	return s.subscribeTo(c, pubsub.Pattern, "psubscribe")
}

func (s *Server) ssubscribe(c *commands.Ctx) error {
	if clientOf(c).mode&inExec != 0 {
		return commands.Error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
	}
	return s.subscribeTo(c, pubsub.Shard, "ssubscribe")
}

func (s *Server) unsubscribe(c *commands.Ctx) error {
	return s.unsubscribeFrom(c, pubsub.Channel, "unsubscribe")
}

func (s *Server) punsubscribe(c *commands.Ctx) error {
	return s.unsubscribeFrom(c, pubsub.Pattern, "punsubscribe")
}

func (s *Server) sunsubscribe(c *commands.Ctx) error {
	return s.unsubscribeFrom(c, pubsub.Shard, "sunsubscribe")
}

func (s *Server) pubsubChannels(c *commands.Ctx) error { return s.listTopics(c, pubsub.Channel) }

func (s *Server) pubsubShardchannels(c *commands.Ctx) error { return s.listTopics(c, pubsub.Shard) }

func (s *Server) listTopics(c *commands.Ctx, k pubsub.Kind) error {
	if len(c.Argv) > 3 {
		return errSubcommand(c)
	}
	var pattern []byte
	if len(c.Argv) == 3 {
		pattern = c.Argv[2]
	}
	names := s.hub.Names(k, pattern)
	c.Reply.Array(len(names))
	for _, name := range names {
		c.Reply.BulkString(name)
	}
	return nil
}

func (s *Server) pubsubNumpat(c *commands.Ctx) error {
	c.Reply.Int(int64(s.hub.Len(pubsub.Pattern)))
	return nil
}

func (s *Server) pubsubNumsub(c *commands.Ctx) error { return s.countTopics(c, pubsub.Channel) }

func (s *Server) pubsubShardnumsub(c *commands.Ctx) error { return s.countTopics(c, pubsub.Shard) }

func (s *Server) countTopics(c *commands.Ctx, k pubsub.Kind) error {
	c.Reply.Array(2 * len(c.Argv[2:]))
	for _, name := range c.Argv[2:] {
		c.Reply.Bulk(name)
		c.Reply.Int(int64(s.hub.Count(k, name)))
	}
	return nil
}

func (s *Server) pubsubHelp(c *commands.Ctx) error {
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
