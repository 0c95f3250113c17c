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

	mu    sync.Mutex // guards queue
	queue []delivery

	// The loop's own.
	work []delivery
	next int    // receivers of work[0] that have it
	buf2 []byte // work[0] and more for the same receivers, as RESP2
	buf3 []byte
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
)

// add queues a delivery and reports whether the loop has none otherwise.
func (f *fanout) add(d delivery) (first bool) {
	f.mu.Lock()
	f.queue = append(f.queue, d)
	f.mu.Unlock()
	return f.pending.Add(1) == 1
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
			done = f.join(done)
		}
		d := &f.work[done]
		for f.next < len(d.to) && turn > 0 {
			sub := d.to[f.next]
			f.next++
			turn--
			c := sub.Owner.(*client)
			if sub.Ended || c == d.m.skip {
				continue
			}
			if c.proto == 3 {
				send(c, f.buf3)
			} else {
				send(c, f.buf2)
			}
		}
		if f.next == len(d.to) {
			f.next = 0
			done++
		}
	}
	f.pending.Add(-int32(done))
	n := copy(f.work, f.work[done:])
	clear(f.work[n:])
	f.work = f.work[:n]
}

// join encodes the delivery at i together with those behind it that go to the
// same receivers, and returns the place of the last, which stands for all.
func (f *fanout) join(i int) int {
	f.buf2, f.buf3 = f.buf2[:0], f.buf3[:0]
	first := &f.work[i]
	for {
		d := &f.work[i]
		f.buf3 = append(f.buf3, d.m.bytes...)
		at := len(f.buf2)
		f.buf2 = append(f.buf2, d.m.bytes...)
		if !d.m.raw {
			f.buf2[at] = '*'
		}
		if i+1 == len(f.work) || len(f.buf3) > 64<<10 || d.m.skip != nil {
			return i
		}
		n := &f.work[i+1]
		if n.m.skip != nil || len(n.to) != len(first.to) || len(n.to) > 0 && &n.to[0] != &first.to[0] {
			return i
		}
		i++
	}
}
