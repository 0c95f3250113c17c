package rdb

import (
	"bytes"
	"encoding/binary"

	"cached/engine"
	"cached/engine/table"
	"cached/engine/value"
	"cached/internal/crc"
)

// A payload is the output of DUMP for a value: its type, the value, two bytes of the
// version and eight of a checksum. Behind the value of a native type, which is a string,
// are the name of the type, its length in one byte and typeMark; behind that of a set,
// deadlines of its members, if it has any (dues.go). In front of the version is the metadata
// of the key, if it has any, with its length in four bytes and metaMark. Redis ignores bytes
// behind the value.
const (
	payloadTail = 10
	metaMark    = metaAux
	typeMark    = typeAux
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
	if t := value.TypeOf(it); t.Native() {
		name := t.String()
		e.B = append(append(append(e.B, name...), byte(len(name))), typeMark...)
	}
	e.dumpDues(it)
	if e.Meta != nil {
		start := len(e.B)
		if e.B = e.Meta(e.B, it); len(e.B) > start {
			e.B = binary.LittleEndian.AppendUint32(e.B, uint32(len(e.B)-start))
			e.B = append(e.B, metaMark...)
		}
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

// Undump makes an item for key of a payload that is OK. The metadata is what the caller
// sets when it has adopted the item.
func (d *Decoder) Undump(tx *engine.Tx, key, p []byte, o engine.Origin) (table.Item, engine.Meta, error) {
	p = p[:len(p)-payloadTail]
	it, err := d.undump(tx, key, p, value.String, o)
	if err == nil {
		return it, engine.Meta{}, nil
	}
	// A value whose last bytes only look like metadata, deadlines or a type was decoded above.
	rest, m, hasMeta := cutMeta(p)
	if !hasMeta {
		rest, m = p, engine.Meta{}
	}
	rest, native := cutType(rest)
	it, err = d.undumpDues(tx, key, rest, native, o)
	return it, m, err
}

// cutType cuts off the end of a payload that may be the name of a native type. The type
// is String if there is none.
func cutType(p []byte) (rest []byte, t value.Type) {
	rest, ok := bytes.CutSuffix(p, []byte(typeMark))
	if !ok || len(rest) == 0 {
		return p, value.String
	}
	n := int(rest[len(rest)-1])
	rest = rest[:len(rest)-1]
	if n > len(rest) {
		return p, value.String
	}
	t, ok = value.TypeNamed(string(rest[len(rest)-n:]))
	if !ok || !t.Native() {
		return p, value.String
	}
	return rest[:len(rest)-n], t
}

// undumpDues makes an item of a payload that may have deadlines of members behind its
// value, and nothing behind them.
func (d *Decoder) undumpDues(tx *engine.Tx, key, p []byte, native value.Type, o engine.Origin) (table.Item, error) {
	it, err := d.undump(tx, key, p, native, o)
	rest, dues, ok := cutDues(p)
	if err == nil || !ok {
		return it, err
	}
	if it, err = d.undump(tx, key, rest, native, o); err != nil {
		return it, err
	}
	it, wrong := setDues(tx, it, dues)
	if wrong != "" {
		tx.Discard(it)
		return table.Item{}, &FormatError{int64(len(rest)), wrong}
	}
	return it, nil
}

// cutMeta cuts off the end of a payload that may be metadata.
func cutMeta(p []byte) (rest []byte, m engine.Meta, ok bool) {
	p, ok = bytes.CutSuffix(p, []byte(metaMark))
	if !ok || len(p) < 4 {
		return nil, m, false
	}
	n := int64(binary.LittleEndian.Uint32(p[len(p)-4:]))
	p = p[:len(p)-4]
	if n == 0 || n > int64(len(p)) {
		return nil, m, false
	}
	rest = p[:int64(len(p))-n]
	m, ok = engine.ParseMeta(p[len(rest):])
	m.Pinned = false
	return rest, m, ok
}

// undump makes an item of a value. native is its type if that is a native one, else String.
func (d *Decoder) undump(tx *engine.Tx, key, p []byte, native value.Type, o engine.Origin) (table.Item, error) {
	if len(p) == 0 {
		return table.Item{}, &FormatError{0, "unexpected end"}
	}
	d.Begin(tx, p[0], key, o)
	d.Native(native)
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
