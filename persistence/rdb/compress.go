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

// moved is the place when what is in front of it has become so much longer.
func (p Place) moved(n int) Place { return Place{p.at + n, p.text + n, p.end + n} }

// A Compressor compresses strings. The zero Compressor is ready.
type Compressor struct {
	packer lzf.Packer
	text   []byte
	spare  []byte
}

// append appends s compressed to dst, or reports false if that would be no shorter.
func (c *Compressor) append(dst, s []byte) ([]byte, bool) {
	text, ok := c.packer.Append(c.text[:0], s, len(s)-4)
	if ok {
		dst = append(dst, 0xC0+encLZF)
		dst = appendLength(dst, uint64(len(text)))
		dst = appendLength(dst, uint64(len(s)))
		dst = append(dst, text...)
	}
	if c.text = text; cap(text) > keptScratch {
		c.text = nil
	}
	return dst, ok
}

// Places returns b with the strings compressed for which that helps, of those that an
// Encoder has noted in it, and keeps b to make the next result in.
func (c *Compressor) Places(b []byte, noted []Place) []byte {
	if len(noted) == 0 {
		return b
	}
	out, from := c.spare[:0], 0
	for _, p := range noted {
		out = append(out, b[from:p.at]...)
		from = p.end
		var ok bool
		if out, ok = c.append(out, b[p.text:p.end]); !ok {
			out = append(out, b[p.at:p.end]...)
		}
	}
	out = append(out, b[from:]...)
	if c.spare = b; cap(b) > keptScratch {
		c.spare = nil
	}
	return out
}

// AppendAll appends what another Encoder has encoded.
func (e *Encoder) AppendAll(o *Encoder) {
	for _, p := range o.Noted {
		e.Noted = append(e.Noted, p.moved(len(e.B)))
	}
	e.B = append(e.B, o.B...)
	o.Noted = o.Noted[:0]
}
