package rdb

import "cached/internal/lzf"

// compressFrom is how long a string is at least that is compressed.
const compressFrom = 21

// A Place is where an Encoder has appended a string as it is, with its length, that
// may be shorter compressed.
type Place struct {
	at   int // of the length in B
	text int // of the string, behind it
	end  int
}

// moved is the place after n bytes were inserted in front of it.
func (p Place) moved(n int) Place { return Place{p.at + n, p.text + n, p.end + n} }

// A Compressor compresses strings. The zero Compressor is ready.
type Compressor struct {
	packer lzf.Packer
	text   []byte
	spare  []byte
	failed int // strings in a row that did not get shorter
}

// After a number of strings in a row that did not get shorter, only one of some is tried until one does: trying
// each takes a third of the time for a file.
const (
	failedMany = 256
	triedOf    = 8
)

// worthTrying reports whether the next string may get shorter.
func (c *Compressor) worthTrying() bool {
	if c.failed < failedMany {
		return true
	}
	c.failed++
	return c.failed%triedOf == 0
}

// append appends s compressed to dst, or reports false if that would be no shorter.
func (c *Compressor) append(dst, s []byte) ([]byte, bool) {
	if !c.pack(s) {
		return dst, false
	}
	return c.put(dst, s), true
}

// pack compresses s into c.text, and reports false if that would be no shorter.
func (c *Compressor) pack(s []byte) (ok bool) {
	c.text, ok = c.packer.Append(c.text[:0], s, len(s)-4)
	if !ok && cap(c.text) > keptScratch {
		c.text = nil
	}
	return ok
}

// put appends the result of pack for s.
func (c *Compressor) put(dst, s []byte) []byte {
	dst = append(dst, 0xC0+encLZF)
	dst = appendLength(dst, uint64(len(c.text)))
	dst = appendLength(dst, uint64(len(s)))
	dst = append(dst, c.text...)
	if cap(c.text) > keptScratch {
		c.text = nil
	}
	return dst
}

// Places returns b with the strings compressed for which that helps, of those that an
// Encoder has noted in it, and keeps b to make the next result in.
func (c *Compressor) Places(b []byte, noted []Place) []byte {
	if len(noted) == 0 {
		return b
	}
	out, from := c.spare[:0], 0
	for _, p := range noted {
		if !c.worthTrying() {
			continue
		}
		text := b[p.text:p.end]
		if !c.pack(text) {
			c.failed++
			continue
		}
		out = c.put(append(out, b[from:p.at]...), text)
		from, c.failed = p.end, 0
	}
	if from == 0 {
		return b
	}
	out = append(out, b[from:]...)
	if c.spare = b; cap(b) > keptScratch {
		c.spare = nil
	}
	return out
}

// AppendAll appends the output of another Encoder.
func (e *Encoder) AppendAll(o *Encoder) {
	for _, p := range o.Noted {
		e.Noted = append(e.Noted, p.moved(len(e.B)))
	}
	e.B = append(e.B, o.B...)
	o.Noted = o.Noted[:0]
}
