package rdb

import (
	"encoding/binary"

	"cached/engine"
	"cached/engine/table"
	"cached/internal/crc"
)

// A payload is what DUMP makes of a value: its type, the value, two bytes of the
// version and eight of a checksum.
const payloadTail = 10

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
	e.B = binary.LittleEndian.AppendUint16(e.B, uint16(version))
	e.B = binary.LittleEndian.AppendUint64(e.B, crc.Sum64(0, e.B))
}

// ValueLen is how many bytes of a payload are the value.
func ValueLen(p []byte) int { return len(p) - 1 - payloadTail }

// PayloadOK reports whether the version and the checksum of a payload are right.
func PayloadOK(p []byte) bool {
	if len(p) < payloadTail {
		return false
	}
	if binary.LittleEndian.Uint16(p[len(p)-payloadTail:]) > Version {
		return false
	}
	sum := len(p) - 8
	return crc.Sum64(0, p[:sum]) == binary.LittleEndian.Uint64(p[sum:])
}

// Undump makes an item for key of a payload that is OK.
func (d *Decoder) Undump(tx *engine.Tx, key, p []byte, o engine.Origin) (table.Item, error) {
	p = p[:len(p)-payloadTail]
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
