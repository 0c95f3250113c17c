package rdb

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"cached/engine/table"
	"cached/engine/value"
)

// An Encoder appends values of the format to B. The zero Encoder writes
// BaseVersion and does not compress.
type Encoder struct {
	B        []byte
	Version  int  // 0 means BaseVersion
	Compress bool // strings of more than 20 bytes, where it helps
	// Later has these strings noted in Noted instead, for a Compressor.
	Later bool
	Noted []Place
	// Text appends the string that an item holds to dst. It is needed if there are
	// items that do not hold theirs as it is.
	Text func(dst []byte, it table.Item) []byte
	// Used says how long ago an item was used, and how often as LFU counts. It is
	// needed where KeyValue or Part are to write one of them.
	Used func(it table.Item, nowMS int64) (idleMS int64, count uint8)
	// Meta appends the metadata of an item, or nothing. Without it none is written.
	Meta func(dst []byte, it table.Item) []byte

	compressor *Compressor
	words      []byte // metadata that is being written
	pack       []byte // a packed form being made
	dues       []dueField
	plain      []byte // a string that its item does not hold as it is
}

type dueField struct {
	field, v value.Elem
	due      int64
}

// nodeBytes is how large a node of a list becomes.
const nodeBytes = 8 << 10

// packedMost is the largest packed form that is written as one.
const packedMost = 256 << 20

// NeedsLatest reports whether only Version can express a value.
func NeedsLatest(it table.Item) bool {
	return value.TypeOf(it) == value.Hash && value.FieldsDue(it) != 0
}

// typeOf is the type that Value writes.
func (e *Encoder) typeOf(it table.Item) byte {
	small := it.ValueLen() <= packedMost
	enc := value.EncodingOf(it)
	switch value.TypeOf(it) {
	case value.List:
		return typeQuicklist
	case value.Set:
		switch {
		case enc == value.IntSet && small:
			return typeSetInts
		case enc == value.Packed && small && e.Version >= 11:
			return typeSetListpack
		}
		return typeSet
	case value.ZSet:
		if enc == value.Packed && small {
			return typeZSetListpack
		}
		return typeZSet
	case value.Hash:
		due := value.FieldsDue(it) != 0
		switch {
		case enc != value.Table && small && due:
			return typeHashPackTTL
		case enc != value.Table && small:
			return typeHashListpack
		case due:
			return typeHashTTL
		}
		return typeHash
	case value.Stream:
		if e.Version >= 11 {
			return typeStream3
		}
		return typeStream2
	}
	return typeString
}

// Value appends the type and the value of an item, as DUMP does.
func (e *Encoder) Value(it table.Item) {
	t := e.typeOf(it)
	e.B = append(e.B, t)
	e.body(t, it)
}

// metaAux is the name of the auxiliary field in front of a key, or behind the value of a
// payload, that has the key's metadata. Redis skips both.
const metaAux = "cached-meta"

// typeAux is the name of the auxiliary field in front of a key, or behind the value of a
// payload, that has the name of a native type. The value itself is a string. Redis skips
// the field, and finds a string.
const typeAux = "cached-type"

// meta appends what is known of a key beside its value and deadline.
func (e *Encoder) meta(it table.Item) {
	if t := value.TypeOf(it); t.Native() {
		e.Aux(typeAux, t.String())
	}
	if e.Meta == nil {
		return
	}
	if e.words = e.Meta(e.words[:0], it); len(e.words) > 0 {
		e.B = append(e.B, opAux)
		e.String([]byte(metaAux))
		e.String(e.words)
	}
}

// Forms in which KeyValue writes the access history.
const (
	NoAccess = iota
	IdleTime
	Frequency
)

// KeyValue appends a key of a file.
func (e *Encoder) KeyValue(it table.Item, access int, nowMS int64) {
	t := e.typeOf(it)
	e.memberDues(it)
	e.keyHead(it, t, access, nowMS)
	e.body(t, it)
}

func (e *Encoder) keyHead(it table.Item, t byte, access int, nowMS int64) {
	e.meta(it)
	if due := it.DeadlineMS(); due != 0 {
		e.B = append(e.B, opExpireMS)
		e.B = binary.LittleEndian.AppendUint64(e.B, uint64(due))
	}
	switch access {
	case IdleTime:
		idleMS, _ := e.Used(it, nowMS)
		e.B = append(e.B, opIdle)
		e.length(uint64(idleMS / 1000))
	case Frequency:
		_, count := e.Used(it, nowMS)
		e.B = append(e.B, opFreq, count)
	}
	e.B = append(e.B, t)
	e.String(it.Key())
}

// PartElements is about how many elements Part appends at a time.
const PartElements = 1024

// Part appends a part of a huge value: its key and the first elements when cursor
// is 0, later those from the cursor on that it returned before. It returns 0
// with the last. The value does not change in between.
func (e *Encoder) Part(it table.Item, cursor uint64, access int, nowMS int64) (next uint64) {
	first := cursor == 0
	switch value.TypeOf(it) {
	case value.Stream:
		return e.streamPart(it, cursor, access, nowMS)
	case value.List:
		if first {
			// The number of nodes would have to be known; that of elements is.
			e.keyHead(it, typeList, access, nowMS)
			e.length(uint64(value.ListLen(it)))
		}
		return value.EachListFrom(it, cursor, PartElements, e.Elem)
	case value.Set:
		if value.EncodingOf(it) == value.Table {
			if first && hasDues(it) {
				cursor = duesPhase
			}
			if cursor&duesPhase != 0 {
				if next = e.someDues(it, cursor&^duesPhase); next != 0 {
					return next | duesPhase
				}
				return keyPhase
			}
			if first || cursor == keyPhase {
				e.keyHead(it, typeSet, access, nowMS)
				e.length(uint64(value.SetLen(it)))
				cursor = 0
			}
			return value.EachSetFrom(it, cursor, PartElements, e.Elem)
		}
	case value.ZSet:
		if value.EncodingOf(it) == value.SkipList {
			if first {
				e.keyHead(it, typeZSet, access, nowMS)
				e.length(uint64(value.ZSetLen(it)))
			}
			return value.EachZSetFrom(it, cursor, PartElements, e.scored)
		}
	case value.Hash:
		if value.EncodingOf(it) == value.Table {
			t := e.typeOf(it)
			due := value.FieldsDue(it)
			if first {
				e.keyHead(it, t, access, nowMS)
				e.hashHead(t, due, value.HashLen(it))
			}
			return value.EachHashFrom(it, cursor, PartElements, func(f, v value.Elem, d int64) { e.field(t, due, f, v, d) })
		}
	}
	e.KeyValue(it, access, nowMS)
	return 0
}

// body appends the value of an item, as type t.
func (e *Encoder) body(t byte, it table.Item) {
	switch t {
	case typeString:
		if value.EncodingOf(it) == value.Squeezed {
			e.plain = e.Text(e.plain[:0], it)
			e.String(e.plain)
			return
		}
		e.String(it.Value())
	case typeQuicklist:
		e.list(it)
	case typeSet:
		e.length(uint64(value.SetLen(it)))
		value.EachSet(it, func(m value.Elem) bool { e.Elem(m); return true })
	case typeSetInts:
		e.intset(it)
	case typeSetListpack:
		e.beginPack()
		value.EachSet(it, func(m value.Elem) bool { e.packElem(m); return true })
		e.endPack(value.SetLen(it))
	case typeZSet:
		e.length(uint64(value.ZSetLen(it)))
		value.EachZSet(it, func(m value.Elem, f float64) bool { e.scored(m, f); return true })
	case typeZSetListpack:
		e.beginPack()
		value.EachZSet(it, func(m value.Elem, f float64) bool { e.packElem(m); e.packScore(f); return true })
		e.endPack(2 * value.ZSetLen(it))
	case typeHash, typeHashTTL:
		due := value.FieldsDue(it)
		e.hashHead(t, due, value.HashLen(it))
		value.EachHash(it, func(f, v value.Elem, d int64) bool { e.field(t, due, f, v, d); return true })
	case typeHashListpack:
		e.beginPack()
		value.EachHash(it, func(f, v value.Elem, _ int64) bool { e.packElem(f); e.packElem(v); return true })
		e.endPack(2 * value.HashLen(it))
	case typeHashPackTTL:
		e.packTTL(it)
	case typeStream2, typeStream3:
		e.stream(t, it)
	}
}

func (e *Encoder) scored(m value.Elem, f float64) {
	e.Elem(m)
	e.B = binary.LittleEndian.AppendUint64(e.B, math.Float64bits(f))
}

// hashHead appends the part in front of the fields of a large hash. due is the earliest deadline of a field.
func (e *Encoder) hashHead(t byte, due int64, n int) {
	if t == typeHashTTL {
		e.B = binary.LittleEndian.AppendUint64(e.B, uint64(due))
	}
	e.length(uint64(n))
}

func (e *Encoder) field(t byte, first int64, f, v value.Elem, due int64) {
	if t == typeHashTTL {
		if due != 0 {
			due += 1 - first
		}
		e.length(uint64(due))
	}
	e.Elem(f)
	e.Elem(v)
}

// packTTL appends a small hash with deadlines in their order, those that have
// none at the end: that is where Redis looks for the first.
func (e *Encoder) packTTL(it table.Item) {
	e.B = binary.LittleEndian.AppendUint64(e.B, uint64(value.FieldsDue(it)))
	e.dues = e.dues[:0]
	value.EachHash(it, func(f, v value.Elem, due int64) bool {
		e.dues = append(e.dues, dueField{f, v, due})
		return true
	})
	slices.SortStableFunc(e.dues, func(a, b dueField) int {
		x, y := uint64(a.due)-1, uint64(b.due)-1 // 0 becomes the greatest
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	e.beginPack()
	for _, f := range e.dues {
		e.packElem(f.field)
		e.packElem(f.v)
		e.packElem(value.Number(f.due))
	}
	e.endPack(3 * len(e.dues))
	clear(e.dues) // they alias the value
}

// list appends the nodes of a list.
func (e *Encoder) list(it table.Item) {
	// The number of nodes comes first: it gets four bytes, unless there is one.
	at := len(e.B)
	e.B = append(e.B, 0x80, 0, 0, 0, 0)
	nodes, n := 0, 0
	e.beginPack()
	flush := func() {
		e.length(quicklistPack)
		e.endPack(n)
		nodes++
		n = 0
		e.beginPack()
	}
	value.EachList(it, func(x value.Elem) bool {
		if n > 0 && len(e.pack)+x.Len()+11 > nodeBytes {
			flush()
		}
		if x.Len() > packedMost {
			e.length(quicklistPlain)
			e.Elem(x)
			nodes++
			return true
		}
		e.packElem(x)
		n++
		return true
	})
	if n > 0 {
		flush()
	}
	if nodes < 64 {
		e.B[at] = byte(nodes)
		e.B = slices.Delete(e.B, at+1, at+5)
		for i := len(e.Noted) - 1; i >= 0 && e.Noted[i].at > at; i-- {
			e.Noted[i] = e.Noted[i].moved(-4)
		}
		return
	}
	binary.BigEndian.PutUint32(e.B[at+1:], uint32(nodes))
}

// intset appends a set of integers in the narrowest width.
func (e *Encoder) intset(it table.Item) {
	width := 2
	value.EachSet(it, func(m value.Elem) bool {
		n, _ := m.Int()
		if n != int64(int32(n)) {
			width = 8
		} else if n != int64(int16(n)) {
			width = max(width, 4)
		}
		return width < 8
	})
	p := binary.LittleEndian.AppendUint32(e.pack[:0], uint32(width))
	p = binary.LittleEndian.AppendUint32(p, uint32(value.SetLen(it)))
	value.EachSet(it, func(m value.Elem) bool {
		n, _ := m.Int()
		switch width {
		case 2:
			p = binary.LittleEndian.AppendUint16(p, uint16(n))
		case 4:
			p = binary.LittleEndian.AppendUint32(p, uint32(n))
		default:
			p = binary.LittleEndian.AppendUint64(p, uint64(n))
		}
		return true
	})
	e.pack = p
	e.raw(p)
}

// Elem appends an element of a collection.
func (e *Encoder) Elem(x value.Elem) {
	if n, ok := x.Int(); ok {
		e.number(n)
		return
	}
	e.String(x.Bytes(nil))
}

// String appends a string: as an integer if it is a short one.
func (e *Encoder) String(b []byte) {
	if len(b) <= 11 {
		if n, ok := value.ParseInt(b); ok && n == int64(int32(n)) {
			e.number(n)
			return
		}
	}
	e.raw(b)
}

// number appends the text of an integer.
func (e *Encoder) number(n int64) {
	switch {
	case n == int64(int8(n)):
		e.B = append(e.B, 0xC0+encInt8, byte(n))
	case n == int64(int16(n)):
		e.B = binary.LittleEndian.AppendUint16(append(e.B, 0xC0+encInt16), uint16(n))
	case n == int64(int32(n)):
		e.B = binary.LittleEndian.AppendUint32(append(e.B, 0xC0+encInt32), uint32(n))
	default:
		var buf [20]byte
		e.raw(strconv.AppendInt(buf[:0], n, 10))
	}
}

// raw appends a string as it is, or compressed.
func (e *Encoder) raw(b []byte) {
	compress := e.Compress && len(b) >= compressFrom
	if compress && !e.Later {
		if e.compressor == nil {
			e.compressor = new(Compressor)
		}
		var ok bool
		if e.B, ok = e.compressor.append(e.B, b); ok {
			return
		}
	}
	at := len(e.B)
	e.length(uint64(len(b)))
	text := len(e.B)
	e.B = append(e.B, b...)
	if compress && e.Later {
		e.Noted = append(e.Noted, Place{at, text, len(e.B)})
	}
}

// length appends a length.
func (e *Encoder) length(n uint64) { e.B = appendLength(e.B, n) }

func appendLength(b []byte, n uint64) []byte {
	switch {
	case n < 1<<6:
		return append(b, byte(n))
	case n < 1<<14:
		return append(b, 0x40|byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, 0x80), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, 0x81), n)
}

// beginPack begins a listpack; see eachListpack.
func (e *Encoder) beginPack() {
	if cap(e.pack) > keptScratch {
		e.pack = nil
	}
	e.pack = append(e.pack[:0], 0, 0, 0, 0, 0, 0)
}

// endPack appends the finished listpack as a string.
func (e *Encoder) endPack(entries int) {
	e.pack = append(e.pack, 0xFF)
	binary.LittleEndian.PutUint32(e.pack, uint32(len(e.pack)))
	binary.LittleEndian.PutUint16(e.pack[4:], uint16(min(entries, 0xFFFF)))
	e.raw(e.pack)
}

func (e *Encoder) packElem(x value.Elem) {
	if n, ok := x.Int(); ok {
		e.packInt(n)
		return
	}
	e.packText(x.Bytes(nil))
}

// packInt appends an integer in the shortest form.
func (e *Encoder) packInt(n int64) {
	start := len(e.pack)
	switch {
	case n >= 0 && n < 128:
		e.pack = append(e.pack, byte(n))
	case n >= -4096 && n < 4096:
		e.pack = append(e.pack, 0xC0|byte(n>>8)&0x1F, byte(n))
	case n == int64(int16(n)):
		e.pack = binary.LittleEndian.AppendUint16(append(e.pack, 0xF1), uint16(n))
	case n >= -1<<23 && n < 1<<23:
		e.pack = append(e.pack, 0xF2, byte(n), byte(n>>8), byte(n>>16))
	case n == int64(int32(n)):
		e.pack = binary.LittleEndian.AppendUint32(append(e.pack, 0xF3), uint32(n))
	default:
		e.pack = binary.LittleEndian.AppendUint64(append(e.pack, 0xF4), uint64(n))
	}
	e.packBack(len(e.pack) - start)
}

func (e *Encoder) packText(b []byte) {
	if n, ok := value.ParseInt(b); ok {
		e.packInt(n)
		return
	}
	start := len(e.pack)
	switch n := len(b); {
	case n < 64:
		e.pack = append(e.pack, 0x80|byte(n))
	case n < 4096:
		e.pack = append(e.pack, 0xE0|byte(n>>8), byte(n))
	default:
		e.pack = binary.LittleEndian.AppendUint32(append(e.pack, 0xF0), uint32(n))
	}
	e.pack = append(e.pack, b...)
	e.packBack(len(e.pack) - start)
}

func (e *Encoder) packScore(f float64) {
	if n := int64(f); float64(n) == f && n > -1<<53 && n < 1<<53 {
		e.packInt(n)
		return
	}
	var buf [32]byte
	switch {
	case math.IsInf(f, 1):
		e.packText([]byte("inf"))
	case math.IsInf(f, -1):
		e.packText([]byte("-inf"))
	default:
		e.packText(strconv.AppendFloat(buf[:0], f, 'g', -1, 64))
	}
}

// packBack appends the size of an entry behind it.
func (e *Encoder) packBack(size int) {
	for shift := 7 * (backLen(size) - 1); shift >= 0; shift -= 7 {
		c := byte(size >> shift & 127)
		if shift < 7*(backLen(size)-1) {
			c |= 128
		}
		e.pack = append(e.pack, c)
	}
}
