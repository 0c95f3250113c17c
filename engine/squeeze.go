package engine

import (
	"cached/engine/codec"
	"cached/engine/table"
	"cached/engine/value"
)

// Strings may be compressed. Commands are given the uncompressed string. A string that a command has changed in
// place is stored uncompressed until it is set again. A value is compressed before its shard is locked if the
// command calls Prepare, and when it is set otherwise.

// SetCompression has strings of at least least bytes compressed when they are set
// from now on. Those that Redis would call embstr never are.
func (e *Engine) SetCompression(m codec.Mode, least int) {
	e.codec.Configure(m, max(least, value.EmbstrMax+1))
}

// Compression returns the counters of compression.
func (e *Engine) Compression() codec.Stats { return e.codec.Stats() }

// Train makes dictionaries from values that were set, if there are enough of them; it may take some ten
// milliseconds, and holds no lock. It reports whether it made one. Train and Renew are called by one goroutine.
func (e *Engine) Train() bool { return e.codec.Train() }

// Squeezes reports whether Train or Renew may have something to do.
func (e *Engine) Squeezes() bool { return e.codec.Learns() || e.codec.Stale() }

// AppendText appends the string that an item holds to dst. The lock of its shard is
// held.
func (e *Engine) AppendText(dst []byte, it table.Item) []byte {
	if it.Kind() != squeezedString {
		return append(dst, it.Value()...)
	}
	frame, _ := e.frames.Get().(*[]byte)
	if frame == nil {
		frame = new([]byte)
	}
	dst = e.codec.Decode(dst, it.Value(), frame)
	e.frames.Put(frame)
	return dst
}

// A squeezer is a Tx's room for compressing and the reverse.
type squeezer struct {
	frame    []byte     // the codec's
	text     []byte     // strings that were asked for
	packed   []byte     // values that were compressed
	prepared []prepared // before the locks
}

// A prepared value is one that a command is going to set.
type prepared struct {
	v  *byte // address of its first byte, which identifies it
	n  int
	p  codec.Packed
	ok bool // false: it is stored uncompressed
}

// keptRoom is how much room is kept from one unit of work to the next.
const keptRoom = 1 << 20

// end releases what one unit of work needed.
func (q *squeezer) end() {
	q.prepared = q.prepared[:0]
	q.text, q.packed, q.frame = emptied(q.text), emptied(q.packed), emptied(q.frame)
}

func emptied(b []byte) []byte {
	if cap(b) > keptRoom {
		return nil
	}
	return b[:0]
}

// Compresses reports whether values may be compressed, so that Prepare is worth
// while.
func (tx *Tx) Compresses() bool { return tx.e.codec.Compresses() }

// Prepare compresses the value that key is going to be set to, before the lock.
func (tx *Tx) Prepare(key, v []byte) {
	if !tx.e.codec.Wants(len(v)) {
		return
	}
	p, ok, _ := tx.squeeze(key, v)
	tx.prepared = append(tx.prepared, prepared{&v[0], len(v), p, ok})
}

// squeeze compresses a value into the buffer of the Tx, from position at on. A caller that no longer needs the
// result truncates the buffer to at.
func (tx *Tx) squeeze(key, v []byte) (p codec.Packed, ok bool, at int) {
	tx.used = true
	at = len(tx.packed)
	p, ok = tx.e.codec.Encode(tx.packed, key, v)
	if !ok {
		return p, false, at
	}
	if end := at + len(p.Bytes); end <= cap(tx.packed) && &tx.packed[:end][at] == &p.Bytes[0] {
		tx.packed = tx.packed[:end]
	} else { // a new buffer; values that were compressed earlier keep the old one
		tx.packed, at = p.Bytes, 0
	}
	return p, true, at
}

// setSqueezed sets a string in its compressed form, if it has one.
func (tx *Tx) setSqueezed(key, v []byte, deadlineMS int64) bool {
	var p codec.Packed
	ok, found := false, false
	for i := range tx.prepared {
		if x := &tx.prepared[i]; x.v == &v[0] && x.n == len(v) {
			p, ok, found = x.p, x.ok, true
			break
		}
	}
	if !found {
		var at int
		p, ok, at = tx.squeeze(key, v)
		tx.packed = tx.packed[:at] // it is copied before another value is compressed
	}
	// Under the lock: a dictionary that is current now is not dropped before the renewal has visited this shard.
	if !ok || !p.Current() {
		return false
	}
	copy(tx.MakeString(key, len(p.Bytes), deadlineMS, value.Squeezed), p.Bytes)
	return true
}

// unpack returns the string of t, which is good until the next Begin.
func (tx *Tx) unpack(t Text) []byte {
	tx.used = true
	n := t.Len()
	if cap(tx.text)-len(tx.text) < n {
		// Strings that were asked for before stay where they are.
		tx.text = make([]byte, 0, max(n, min(2*cap(tx.text), keptRoom), 4096))
	}
	at := len(tx.text)
	tx.text = tx.e.codec.Decode(tx.text, t.bytes, &tx.frame)
	return tx.text[at : at+n : at+n]
}

// moved notes that an item was put in another place, whose lock is held.
func (tx *Tx) moved(it table.Item) {
	if it.Kind() == squeezedString {
		tx.e.codec.Moved(it.Value())
	}
}

// squeezeItem compresses the string of an item that is in no table.
func (tx *Tx) squeezeItem(a *at, it table.Item) table.Item {
	if it.Kind() != value.Kind(value.String, value.Raw) || !tx.e.codec.Wants(it.ValueLen()) {
		return it
	}
	p, ok, at := tx.squeeze(it.Key(), it.Value())
	tx.packed = tx.packed[:at]
	if !ok || !p.Current() {
		return it
	}
	it = it.Reshape(a.s.heap, len(p.Bytes), it.DeadlineMS())
	copy(it.Value(), p.Bytes)
	it.SetKind(squeezedString)
	return it
}

// A renewal walks over all strings and compresses those again whose dictionary is retired, and those for which
// there is a dictionary now.
type renewal struct {
	running   bool
	shard, db int
	cursor    uint64

	text, packed, frame []byte
}

// renewMost is how many values one step of Renew compresses under a shard's lock:
// some hundred microseconds.
const renewMost = 8

// Renew does one step of compressing strings again, and reports whether there is more to do.
func (e *Engine) Renew() bool {
	r := &e.renewal
	if !r.running {
		if !e.codec.Stale() {
			return false
		}
		*r = renewal{running: true}
		e.codec.BeginPass()
	}
	s := &e.shards[r.shard]
	s.mu.Lock()
	if len(s.claims) > 0 {
		s.unlock()
		return true // later
	}
	ks, done, more := &s.dbs[r.db], 0, false
	next := ks.keys.Walk(r.cursor, func(slot table.Slot) {
		it := table.ItemOf(slot)
		switch {
		case it.Kind() != squeezedString || !e.codec.Outdated(it.Key(), it.Value()):
		case done == renewMost:
			more = true
		default:
			done++
			r.renew(e, s, slot)
		}
	})
	s.unlock()
	if more {
		return true // the same segment again
	}
	if r.cursor = next; next != 0 {
		return true
	}
	if r.db++; r.db < len(s.dbs) {
		return true
	}
	if r.shard, r.db = r.shard+1, 0; r.shard < len(e.shards) {
		return true
	}
	e.codec.EndPass()
	*r = renewal{}
	return e.codec.Stale()
}

func (r *renewal) renew(e *Engine, s *shard, slot table.Slot) {
	it := table.ItemOf(slot)
	r.text = e.codec.Decode(r.text[:0], it.Value(), &r.frame)
	p, ok := e.codec.Renew(r.packed[:0], it.Key(), r.text)
	r.packed = p.Bytes
	v, kind := p.Bytes, squeezedString
	if !ok {
		v, kind = r.text, value.Kind(value.String, value.Raw)
	}
	it = it.Reshape(s.heap, len(v), it.DeadlineMS())
	copy(it.Value(), v)
	it.SetKind(kind)
	table.SetItem(slot, it)
}
