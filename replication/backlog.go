package replication

import (
	"slices"
	"sync"
)

// A backlog is the last part of the stream of effects, for replicas to read: once for all
// of them. It holds as many bytes as it is told to, and what a follower has still to read,
// up to a limit. It does no I/O.
//
// While the server is a primary, the backlog is a sink of the engine's stream and gets
// bytes of its own in between (pings, messages of channels); so its offsets are not those
// of the stream. A replica's backlog gets what its primary sends.
type backlog struct {
	mu        sync.Mutex // guards what follows; taken under the stream's lock
	chunks    []*chunk   // one behind the other, the last with room
	spare     *chunk
	end       int64 // the offset behind the last byte
	size      int64 // bytes that are held even if everybody has read them
	most      int64 // bytes that a follower may be behind; 0: no limit
	own       []span
	followers []*follower
	asleep    int   // of these, those that wait
	ended     int64 // chunks that begin before may still be read by a follower that was ended
}

// A chunk is bytes of the stream. What has been written stays as it is.
type chunk struct {
	at int64 // offset of the first
	b  []byte
}

func (c *chunk) end() int64 { return c.at + int64(len(c.b)) }

// A span is a command that only servers of this kind know.
type span struct {
	at   int64
	size int
}

// chunkBytes is the capacity of a chunk.
const chunkBytes = 64 << 10

// newBacklog begins at an offset and holds size bytes.
func newBacklog(offset, size int64) *backlog { return &backlog{end: offset, size: size} }

// offset is how many bytes there were.
func (b *backlog) offset() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.end
}

// reset forgets all bytes and goes on at an offset. Followers end.
func (b *backlog) reset(offset int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.followers {
		f.lost = true
		b.rouse(f)
	}
	b.chunks, b.own, b.followers, b.end = nil, nil, nil, offset
}

// held is the range of bytes that there are: those behind offset first.
func (b *backlog) held() (first, end int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.firstLocked(), b.end
}

func (b *backlog) firstLocked() int64 {
	if len(b.chunks) == 0 {
		return b.end
	}
	return b.chunks[0].at
}

// setSize changes how many bytes are held.
func (b *backlog) setSize(size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size = size
	b.trim()
}

// setMost changes how many bytes a follower may be behind.
func (b *backlog) setMost(most int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.most = most
}

// bytes is how much memory the backlog takes.
func (b *backlog) bytes() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := int64(0)
	for _, c := range b.chunks {
		n += int64(cap(c.b))
	}
	return n
}

// write adds whole commands.
func (b *backlog) write(p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.own = appendOwn(b.own, p, b.end)
	for len(p) > 0 {
		c := b.last()
		n := min(len(p), cap(c.b)-len(c.b))
		c.b = append(c.b, p[:n]...)
		p = p[n:]
		b.end += int64(n)
	}
	if b.asleep > 0 {
		for _, f := range b.followers {
			b.rouse(f)
		}
	}
}

// last is the chunk that has room.
func (b *backlog) last() *chunk {
	if n := len(b.chunks); n > 0 {
		if c := b.chunks[n-1]; len(c.b) < cap(c.b) {
			return c
		}
	}
	b.dropLate()
	b.trim()
	c := b.spare
	if b.spare = nil; c == nil {
		c = &chunk{b: make([]byte, 0, chunkBytes)}
	}
	c.at = b.end
	b.chunks = append(b.chunks, c)
	return c
}

// dropLate ends followers that are too far behind.
func (b *backlog) dropLate() {
	if b.most <= 0 {
		return
	}
	b.followers = slices.DeleteFunc(b.followers, func(f *follower) bool {
		if b.end-f.at <= b.most {
			return false
		}
		f.lost = true
		b.ended = b.end
		b.rouse(f)
		return true
	})
}

// trim drops what nobody needs.
func (b *backlog) trim() {
	least := b.end
	for _, f := range b.followers {
		least = min(least, f.at)
	}
	n := 0
	for n < len(b.chunks) && b.chunks[n].end() <= least && b.end-b.chunks[n].end() >= b.size {
		n++
	}
	if n == 0 {
		return
	}
	if c := b.chunks[0]; c.at >= b.ended {
		b.spare = &chunk{b: c.b[:0]} // nobody reads it any more
	}
	b.chunks = slices.Delete(b.chunks, 0, n)
	first := b.firstLocked()
	i := 0
	for i < len(b.own) && b.own[i].at+int64(b.own[i].size) <= first {
		i++
	}
	b.own = slices.Delete(b.own, 0, i)
}

// A follower reads the backlog from an offset on. It belongs to one goroutine, except that
// the backlog may end it.
type follower struct {
	b     *backlog
	plain bool // it does not know our own commands
	wake  chan struct{}
	fill  []byte

	// Guarded by backlog.mu.
	at     int64
	asleep bool
	lost   bool // it has come too late, or what it read has ended
}

// follow returns a follower that begins behind offset; nil if the bytes there are gone or
// have not come yet.
func (b *backlog) follow(offset int64, plain bool) *follower {
	b.mu.Lock()
	defer b.mu.Unlock()
	if offset < b.firstLocked() || offset > b.end {
		return nil
	}
	f := &follower{b: b, plain: plain, at: offset, wake: make(chan struct{}, 1)}
	b.followers = append(b.followers, f)
	return f
}

// close ends the follower: what it has not read may be dropped.
func (f *follower) close() {
	b := f.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if f.asleep {
		f.asleep = false
		b.asleep--
	}
	f.lost = true
	b.followers = slices.DeleteFunc(b.followers, func(x *follower) bool { return x == f })
	b.trim()
}

// next returns bytes that the follower has not read, at most so many, which are good until
// advance. Without any, wake will be told of the next; ok is false if there will be none.
func (f *follower) next(most int) (p []byte, ok bool) {
	b := f.b
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case f.lost:
		return nil, false
	case f.at == b.end:
		if !f.asleep {
			f.asleep = true
			b.asleep++
		}
		return nil, true
	}
	i, found := slices.BinarySearchFunc(b.chunks, f.at, func(c *chunk, at int64) int { return int(c.at - at) })
	if !found {
		i--
	}
	c := b.chunks[i]
	p = c.b[f.at-c.at:]
	if f.plain {
		if p, ok = f.instead(p); ok {
			return p, true
		}
	}
	return p[:min(len(p), most)], true
}

// instead cuts p, what is at f.at, off in front of the next command that the follower does
// not know. At or in such a command it returns what the follower is sent in its place.
func (f *follower) instead(p []byte) (_ []byte, replaced bool) {
	for _, s := range f.b.own {
		switch to := s.at + int64(s.size); {
		case to <= f.at:
		case s.at >= f.at+int64(len(p)):
			return p, false
		case s.at > f.at:
			return p[:s.at-f.at], false
		default:
			f.fill = appendFiller(f.fill[:0], s.size)
			return f.fill[f.at-s.at:], true
		}
	}
	return p, false
}

// advance notes that the follower has read so many bytes of what next returned.
func (f *follower) advance(n int) {
	b := f.b
	b.mu.Lock()
	defer b.mu.Unlock()
	f.at += int64(n)
}

// behind is how many bytes the follower has still to read.
func (f *follower) behind() int64 {
	f.b.mu.Lock()
	defer f.b.mu.Unlock()
	return f.b.end - f.at
}

// rouse has a follower that waits look again.
func (b *backlog) rouse(f *follower) {
	if !f.asleep {
		return
	}
	f.asleep = false
	b.asleep--
	select {
	case f.wake <- struct{}{}:
	default:
	}
}
