package server

import (
	"strconv"
	"sync"
	"sync/atomic"

	"cached/internal/pubsub"
)

func appendLen(b []byte, kind byte, n int) []byte {
	b = append(b, kind)
	b = strconv.AppendInt(b, int64(n), 10)
	return append(b, '\r', '\n')
}

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

// A delivery is a message and those of an outlet's clients that receive it.
type delivery struct {
	m  *message
	to []*pubsub.Subscription
}

// A fanout is the messages that an event loop has yet to give to its clients, in
// order. Publishing costs the publisher's loop one delivery for each loop; the
// rest is done by each loop for its own clients, some at a time, so that a
// channel with many subscribers holds up nobody.
type fanout struct {
	pending atomic.Int32 // deliveries in queue and work
	bytes   atomic.Int64 // of their messages

	mu    sync.Mutex // guards queue
	queue []delivery

	// The loop's own.
	work     []delivery
	next     int    // receivers of work[0] that have it
	together int    // how many go out as one with work[0]
	buf2     []byte // these, as RESP2; empty before somebody wants them so
	buf3     []byte // and as RESP3
}

// A loop gives messages to so many clients before it looks at its sockets again,
// and to some more when it is behind. Clients that publish wait then; the messages
// of others, such as notifications, may still pile up, and are told to the end at
// once when there are very many.
const (
	fanoutTurn    = 512
	fanoutBacklog = 1024 // deliveries
	behindTurn    = 2048
	fanoutMost    = 16 << 10 // deliveries
	fanoutBytes   = 2 << 20  // of messages: more is a backlog too
)

// behind reports whether there is much to tell.
func (f *fanout) behind() bool {
	return f.pending.Load() > fanoutBacklog || f.bytes.Load() > fanoutBytes
}

// add queues deliveries and reports whether the loop has none otherwise.
func (f *fanout) add(list ...delivery) (first bool) {
	bytes := int64(0)
	for _, d := range list {
		bytes += int64(len(d.m.bytes))
	}
	f.bytes.Add(bytes)
	f.mu.Lock()
	f.queue = append(f.queue, list...)
	f.mu.Unlock()
	n := int32(len(list))
	return f.pending.Add(n) == n
}

// A staged is what a worker has for an outlet and hands over after its batch of
// commands, all at once.
type staged struct {
	to   interface{ deliverAll(*worker, []delivery) }
	list []delivery
}

// handOver gives the outlets what was published since the last time.
func (w *worker) handOver() {
	for i := range w.staged {
		if x := &w.staged[i]; len(x.list) > 0 {
			x.to.deliverAll(w, x.list)
			clear(x.list)
			x.list = x.list[:0]
		}
	}
}

// run gives messages to clients by send, in order. Several messages for the same
// receivers go out as one.
func (f *fanout) run(send func(c *client, b []byte)) {
	if f.pending.Load() == 0 {
		return
	}
	f.mu.Lock()
	f.work = append(f.work, f.queue...)
	clear(f.queue)
	f.queue = f.queue[:0]
	f.mu.Unlock()
	turn := fanoutTurn
	switch {
	case len(f.work) > fanoutMost:
		turn = 1 << 30
	case len(f.work) > fanoutBacklog:
		turn = behindTurn
	}
	done := 0
	for done < len(f.work) && turn > 0 {
		if f.next == 0 {
			f.join(done)
		}
		d := &f.work[done]
		for f.next < len(d.to) && turn > 0 {
			sub := d.to[f.next]
			f.next++
			turn--
			c := sub.Owner.(*client)
			if sub.Ended || c == d.m.skip || c.shown.closing.Load() {
				continue
			}
			send(c, f.encoded(done, c.proto))
		}
		if f.next == len(d.to) {
			f.next = 0
			done += f.together
		}
	}
	told := int64(0)
	for _, d := range f.work[:done] {
		told += int64(len(d.m.bytes))
	}
	f.bytes.Add(-told)
	f.pending.Add(-int32(done))
	n := copy(f.work, f.work[done:])
	clear(f.work[n:])
	f.work = f.work[:n]
}

// join finds the deliveries behind the one at i that go to the same receivers: they
// go out together.
func (f *fanout) join(i int) {
	f.buf2, f.buf3 = f.buf2[:0], f.buf3[:0]
	first := &f.work[i]
	size := len(first.m.bytes)
	for f.together = 1; i+f.together < len(f.work) && size <= 64<<10 && first.m.skip == nil; f.together++ {
		n := &f.work[i+f.together]
		if n.m.skip != nil || len(n.to) != len(first.to) || len(n.to) > 0 && &n.to[0] != &first.to[0] {
			return
		}
		size += len(n.m.bytes)
	}
}

// encoded are the deliveries from i on that go out together, in a protocol.
func (f *fanout) encoded(i, proto int) []byte {
	b := &f.buf2
	if proto == 3 {
		b = &f.buf3
	}
	if len(*b) > 0 {
		return *b
	}
	for _, d := range f.work[i : i+f.together] {
		at := len(*b)
		*b = append(*b, d.m.bytes...)
		if proto != 3 && !d.m.raw {
			(*b)[at] = '*'
		}
	}
	return *b
}
