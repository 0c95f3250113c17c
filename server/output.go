package server

import "slices"

// An output is a client's replies and pushes that have not left, in the order in which
// they leave. They are in chunks, which never move while they grow in number: adding
// costs one copy at most, and the memory of what was sent is free as soon as its chunk
// has left. A slot is the place of a reply that another goroutine still makes: what stands
// behind it waits for it. The zero value is empty.
type output struct {
	chunks [][]byte // each from its first unsent byte on; nil is a slot, others are not empty
	slots  []*slot  // the empty ones, in order
	size   int      // bytes unsent
	gone   int      // bytes in front of chunks[0] that were sent
}

// A slot is one place in an output; pointers to two of them differ.
type slot struct{ _ byte }

const (
	// chunkBytes is the size of a chunk that gathers small replies.
	chunkBytes = 64 << 10
	// adoptFrom is the size from which a chunk is worth taking over instead of copying.
	adoptFrom = flushAt
)

// add copies b behind everything else.
func (o *output) add(b []byte) {
	o.size += len(b)
	if i := len(o.chunks) - 1; i >= 0 && o.chunks[i] != nil {
		last := o.chunks[i]
		n := min(len(b), cap(last)-len(last))
		o.chunks[i] = append(last, b[:n]...)
		b = b[n:]
	}
	if len(b) > 0 {
		// As large as all that waits already, for a client that falls behind more and more.
		room := max(len(b), min(o.size, chunkBytes))
		o.chunks = append(o.chunks, append(make([]byte, 0, room), b...))
	}
}

// adopt puts b behind everything else. It takes b over, of which the caller knows that
// nothing else writes to it, if that saves a copy and wastes little memory, and reports
// whether it did.
func (o *output) adopt(b []byte) bool {
	if len(b) < adoptFrom || cap(b)-len(b) > len(b)/4 {
		o.add(b)
		return false
	}
	o.size += len(b)
	o.chunks = append(o.chunks, b[:len(b):len(b)])
	return true
}

// keep puts b, if there is any, behind everything else, by adopt if it is the caller's own.
func (o *output) keep(b []byte, own bool) (adopted bool) {
	switch {
	case len(b) == 0:
	case own:
		return o.adopt(b)
	default:
		o.add(b)
	}
	return false
}

// reserve puts a slot behind everything else, for fill.
func (o *output) reserve() *slot {
	s := &slot{}
	o.chunks, o.slots = append(o.chunks, nil), append(o.slots, s)
	return s
}

// fill puts a reply, which it takes over, in its slot. It does nothing if the output was
// dropped meanwhile.
func (o *output) fill(s *slot, reply []byte) {
	n := slices.Index(o.slots, s)
	if n < 0 {
		return
	}
	o.slots = slices.Delete(o.slots, n, n+1)
	i := 0
	for ; o.chunks[i] != nil || n > 0; i++ {
		if o.chunks[i] == nil {
			n--
		}
	}
	if len(reply) == 0 {
		o.chunks = slices.Delete(o.chunks, i, i+1)
		return
	}
	o.chunks[i] = reply[:len(reply):len(reply)]
	o.size += len(reply)
}

// waits reports whether something has not left yet, if only the reply of a slot.
func (o *output) waits() bool { return len(o.chunks) > 0 }

// ready reports whether something can leave now.
func (o *output) ready() bool { return len(o.chunks) > 0 && o.chunks[0] != nil }

// take returns what can leave now, and keeps the rest.
func (o *output) take() (now output) {
	if len(o.slots) == 0 {
		now, *o = *o, output{}
		return now
	}
	i := slices.IndexFunc(o.chunks, func(b []byte) bool { return b == nil })
	now = output{chunks: o.chunks[:i:i], gone: o.gone}
	for _, b := range now.chunks {
		now.size += len(b)
	}
	o.chunks, o.size, o.gone = o.chunks[i:], o.size-now.size, 0
	return now
}

// head is what leaves next, or nil.
func (o *output) head() []byte {
	if len(o.chunks) == 0 {
		return nil
	}
	return o.chunks[0]
}

// sent drops the first n bytes of head. What they occupied stays in memory until as much
// is gone of the chunk as is left. It returns how many bytes of memory are free now.
func (o *output) sent(n int) (freed int) {
	o.size -= n
	o.gone += n
	rest := o.chunks[0][n:]
	switch {
	case len(rest) == 0:
		freed = o.gone + cap(rest)
		o.chunks[0] = nil
		if o.chunks = o.chunks[1:]; len(o.chunks) == 0 {
			o.chunks = nil
		}
		o.gone = 0
	case o.gone >= len(rest) && o.gone >= chunkBytes:
		freed = o.gone + cap(rest)
		o.chunks[0], o.gone = append([]byte(nil), rest...), 0
	default:
		o.chunks[0] = rest
	}
	return freed
}

// memory is how many bytes the output occupies.
func (o *output) memory() int {
	n := o.gone
	for _, b := range o.chunks {
		n += cap(b)
	}
	return n
}

// drop empties the output and returns how many bytes of memory are free now.
func (o *output) drop() (freed int) {
	freed = o.memory()
	*o = output{}
	return freed
}
