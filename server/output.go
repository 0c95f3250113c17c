package server

// An output is a client's replies and pushes that have not left, in the order in which
// they leave. They are in chunks, which never move while they grow in number: adding
// costs one copy at most, and the memory of what was sent is free as soon as its chunk
// has left. The zero value is empty.
type output struct {
	chunks [][]byte // not empty, each from its first unsent byte on
	size   int      // bytes unsent
	gone   int      // bytes in front of chunks[0] that were sent
}

const (
	// chunkBytes is the size of a chunk that gathers small replies.
	chunkBytes = 64 << 10
	// adoptFrom is the size from which a chunk is worth taking over instead of copying.
	adoptFrom = flushAt
)

// add copies b behind everything else.
func (o *output) add(b []byte) {
	o.size += len(b)
	if i := len(o.chunks) - 1; i >= 0 {
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
