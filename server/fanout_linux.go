package server

import (
	"golang.org/x/sys/unix"

	"cached/internal/pubsub"
)

func (c *loopConn) outlet() outlet { return c.loop }

// deliver queues a message for clients of the loop. The loop that publishes
// needs no waking.
func (l *loop) deliver(w *worker, m *message, to []*pubsub.Subscription) {
	if l.fan.add(delivery{m, to}) && w != l.worker && !l.woken.Swap(true) {
		_, _ = unix.Write(l.wakeFD, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

// fanOut gives the loop's clients some of the messages that wait for them.
func (l *loop) fanOut() {
	if l.fan.pending.Load() == 0 {
		return
	}
	out := l.reply.B
	l.fan.run(func(c *client, b []byte) {
		// Written straight from the shared bytes, unless the client is behind.
		l.reply.B, l.base = b, 0
		l.write(c.conn.(*loopConn))
	})
	l.reply.B, l.base = out, 0
}
