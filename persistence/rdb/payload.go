package rdb

import (
	"bytes"
	"encoding/binary"

	"cached/engine"
	"cached/engine/table"
	"cached/internal/crc"
)

// A payload is what DUMP makes of a value: its type, the value, two bytes of the
// version and eight of a checksum. In front of the version is the metadata of the key, if
// it has any, with its length in one byte and metaMark. Redis looks at nothing behind the
// value.
const (
	payloadTail = 10
	metaMark    = "cached-meta"
)

// Dump appends the payload of an item to e.B, which was empty.
func (e *Encoder) Dump(it table.Item) {
	version := e.Version
	if version == 0 {
		version = BaseVersion
	}
	if NeedsLatest(it) {
		version = Version
	}
	e.Value(it)
	if it.Extended() {
		start := len(e.B)
		e.B = it.AppendExt(e.B)
		e.B = append(append(e.B, byte((len(e.B)-start)/8)), metaMark...)
	}
	e.B = binary.LittleEndian.AppendUint16(e.B, uint16(version))
	e.B = binary.LittleEndian.AppendUint64(e.B, crc.Sum64(0, e.B))
}

// ValueLen is how many bytes of a payload are the value.
func ValueLen(p []byte) int { return len(p) - 1 - payloadTail }

// PayloadOK reports whether the version and the checksum of a payload are right; with
// noChecksum, whether the version is.
func PayloadOK(p []byte, noChecksum bool) bool {
	if len(p) < payloadTail {
		return false
	}
	if binary.LittleEndian.Uint16(p[len(p)-payloadTail:]) > Version {
		return false
	}
	sum := len(p) - 8
	return noChecksum || crc.Sum64(0, p[:sum]) == binary.LittleEndian.Uint64(p[sum:])
}

// Undump makes an item for key of a payload that is OK.
func (d *Decoder) Undump(tx *engine.Tx, key, p []byte, o engine.Origin) (table.Item, error) {
	p = p[:len(p)-payloadTail]
	if it, err := d.undump(tx, key, p, o); err == nil {
		return it, nil
	}
	// A value that only ends like metadata was whole.
	value, m, ok := cutMeta(p)
	if !ok {
		return d.undump(tx, key, p, o)
	}
	it, err := d.undump(tx, key, value, o)
	if err == nil {
		it = tx.WithMeta(it, &m)
	}
	return it, err
}

// cutMeta cuts what may be metadata from the end of a payload.
func cutMeta(p []byte) (value []byte, m engine.Meta, ok bool) {
	p, ok = bytes.CutSuffix(p, []byte(metaMark))
	if !ok || len(p) == 0 {
		return nil, m, false
	}
	n := 8 * int(p[len(p)-1])
	p = p[:len(p)-1]
	if n == 0 || n > len(p) {
		return nil, m, false
	}
	m, ok = engine.ParseMeta(p[len(p)-n:])
	return p[:len(p)-n], m, ok
}

func (d *Decoder) undump(tx *engine.Tx, key, p []byte, o engine.Origin) (table.Item, error) {
	if len(p) == 0 {
		return table.Item{}, &FormatError{0, "unexpected end"}
	}
	d.Begin(tx, p[0], key, o)
	err := d.Feed(p[1:], 1)
	var it table.Item
	if err == nil {
		it, err = d.End()
	}
	if err != nil {
		d.Abandon()
	}
	return it, err
}
