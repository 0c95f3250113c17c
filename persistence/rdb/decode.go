package rdb

import (
	"errors"
	"math"
	"strconv"

	"cached/engine"
	"cached/engine/table"
	"cached/engine/value"
)

// A Decoder turns values of the format into items, one after the other: Begin,
// Feed with all of the value or with piece after piece, and then End or Abandon.
// The lock of the key's shard is held in each of them. The zero Decoder is
// ready.
type Decoder struct {
	build   value.Builder
	tx      *engine.Tx
	typ     byte
	native  value.Type // of the value that is a string in the file, or String
	origin  engine.Origin
	key     []byte
	started bool   // the first piece has come
	left    uint64 // elements to come
	offset  int64  // of the last piece
	dueBase int64  // time that deadlines of fields are relative to
	whole   table.Item

	a, b []byte // strings that had to be unpacked
	pend pending

	str   streamDecoder
	elems []value.Elem // of a run of a stream
}

// keptScratch is the largest buffer that is kept from one value to the next.
const keptScratch = 1 << 20

var errIncomplete = errors.New("the value is not complete")

// pending is an element of a packed form that is not complete yet.
type pending struct {
	a, b value.Elem
	n    int
}

// Begin begins the value of key in the database of tx.
func (d *Decoder) Begin(tx *engine.Tx, typ byte, key []byte, o engine.Origin) {
	d.tx, d.typ, d.native, d.origin = tx, typ, value.String, o
	d.started, d.left, d.dueBase, d.whole = false, 1, 0, table.Item{}
	d.key = append(d.key[:0], key...)
	if cap(d.a) > keptScratch {
		d.a = nil
	}
	if cap(d.b) > keptScratch {
		d.b = nil
	}
	if int(typ) < numTypes && forms[typ].kind != value.String {
		tx.Build(&d.build, forms[typ].kind, key, o)
	}
	d.str.done = true
	if int(typ) < numTypes && forms[typ].kind == value.Stream {
		d.str.to, d.str.done = d.build.Stream(), false
	}
}

// Native says that the string which Begin was told of is a value of the native type t,
// unless t is String. It comes in front of Feed.
func (d *Decoder) Native(t value.Type) { d.native = t }

// Feed decodes a piece of whole elements; offset is where it begins in a file.
func (d *Decoder) Feed(piece []byte, offset int64) error {
	c := &cursor{b: piece, base: offset}
	d.offset = offset
	if int(d.typ) >= numTypes || forms[d.typ].layout == "" {
		return d.refuse(c)
	}
	if d.native != value.String && d.typ != typeString {
		return c.fail("a value of type " + d.native.String() + " is no string")
	}
	if !d.started {
		d.started = true
		if err := d.head(c); err != nil {
			return err
		}
	}
	if forms[d.typ].kind == value.Stream {
		return d.stream(c)
	}
	for c.left() > 0 {
		if d.left == 0 {
			return c.fail("more than the value needs")
		}
		if err := d.element(c); err != nil {
			return err
		}
		d.left--
	}
	return nil
}

// refuse returns the error for a type that cannot be read.
func (d *Decoder) refuse(c *cursor) error {
	if d.typ == typeModule || d.typ == typeModuleOld {
		if id, err := c.length(); err == nil {
			return c.fail("a value of module type " + moduleName(id) + ", and there are no modules")
		}
	}
	return c.fail("unknown type of value " + strconv.Itoa(int(d.typ)))
}

// head reads the part in front of the elements.
func (d *Decoder) head(c *cursor) (err error) {
	layout := forms[d.typ].layout
	if layout[0] == 'd' {
		n, err := c.uint64()
		if err != nil {
			return err
		}
		if n > math.MaxInt64 {
			return c.fail("a deadline is out of range")
		}
		if d.typ == typeHashTTL {
			d.dueBase = int64(n)
		}
		layout = layout[1:]
	}
	if layout[0] == '(' {
		if d.left, err = c.length(); err != nil {
			return err
		}
		if d.left == 0 && forms[d.typ].kind != value.Stream {
			return ErrEmpty
		}
	}
	return nil
}

// End returns the item. The value is complete or this is an error.
func (d *Decoder) End() (table.Item, error) {
	if d.left > 0 || !d.started || !d.str.done {
		return table.Item{}, errIncomplete
	}
	if !d.whole.IsZero() {
		it := d.whole
		d.whole = table.Item{}
		return it, nil
	}
	if forms[d.typ].kind != value.Stream && d.build.Len() == 0 {
		return table.Item{}, ErrEmpty
	}
	it, err := d.build.End()
	if err != nil {
		err = &FormatError{d.offset, err.Error()}
	}
	return it, err
}

// Abandon frees an unfinished value.
func (d *Decoder) Abandon() {
	d.build.Abandon()
	if !d.whole.IsZero() {
		d.tx.Discard(d.whole)
		d.whole = table.Item{}
	}
}

func (d *Decoder) element(c *cursor) error {
	switch d.typ {
	case typeString:
		b, err := c.bytes(&d.a)
		if err != nil {
			return err
		}
		if len(b) > table.MaxBytes {
			return c.fail("a string is too long")
		}
		if d.native != value.String {
			d.whole = d.tx.BuildNative(&d.build, d.native, d.key, b, d.origin)
			return nil
		}
		d.whole = d.tx.BuildString(&d.build, d.key, b, d.origin)
		return nil
	case typeList:
		e, err := c.elem(&d.a)
		if err != nil {
			return err
		}
		d.build.Element(e)
		return nil
	case typeSet:
		e, err := c.elem(&d.a)
		if err != nil {
			return err
		}
		return d.added(c, d.build.Member(e))
	case typeZSet, typeZSetText:
		e, err := c.elem(&d.a)
		if err != nil {
			return err
		}
		f, err := c.score(d.typ == typeZSetText)
		if err != nil {
			return err
		}
		return d.added(c, d.build.Scored(e, f))
	case typeHash, typeHashTTL, typeHashTTLOld:
		return d.field(c)
	case typeQuicklist:
		kind, err := c.length()
		if err != nil {
			return err
		}
		if kind == quicklistPlain {
			e, err := c.elem(&d.a)
			if err == nil {
				d.build.Element(e)
			}
			return err
		}
		if kind != quicklistPack {
			return c.fail("unknown kind of list node")
		}
	}
	return d.packed(c)
}

// added gives an error of the Builder its place.
func (d *Decoder) added(c *cursor, err error) error {
	if err != nil {
		return c.fail(err.Error())
	}
	return nil
}

func (d *Decoder) field(c *cursor) error {
	due := int64(0)
	if d.typ != typeHash {
		n, err := c.length()
		if err != nil {
			return err
		}
		if n > 0 && d.typ == typeHashTTL {
			n += uint64(d.dueBase) - 1
		}
		if due = int64(n); due < 0 {
			return c.fail("a deadline is out of range")
		}
	}
	f, err := c.elem(&d.a)
	if err != nil {
		return err
	}
	v, err := c.elem(&d.b)
	if err != nil {
		return err
	}
	return d.added(c, d.build.Field(f, v, due))
}

// packed reads a string that is a packed form.
func (d *Decoder) packed(c *cursor) error {
	b, err := c.bytes(&d.a)
	if err != nil {
		return err
	}
	d.pend = pending{}
	ok := false
	switch d.typ {
	case typeHashZipmap:
		ok, err = eachZipmap(b, d.pair)
	case typeListZiplist, typeQuicklistOld:
		ok, err = eachZiplist(b, d.single)
	case typeHashZiplist:
		ok, err = eachZiplist(b, d.pair)
	case typeZSetZiplist:
		ok, err = eachZiplist(b, d.scored)
	case typeQuicklist:
		ok, err = eachListpack(b, d.single)
	case typeSetInts:
		ok, err = eachIntset(b, d.member)
	case typeSetListpack:
		ok, err = eachListpack(b, d.member)
	case typeHashListpack:
		ok, err = eachListpack(b, d.pair)
	case typeZSetListpack:
		ok, err = eachListpack(b, d.scored)
	case typeHashPackTTL, typeHashPackTTLOld:
		ok, err = eachListpack(b, d.triple)
	}
	switch {
	case err != nil:
		return c.fail(err.Error())
	case !ok || d.pend.n != 0:
		return c.fail("a packed collection is corrupt")
	}
	return nil
}

func (d *Decoder) single(e value.Elem) error {
	d.build.Element(e)
	return nil
}

func (d *Decoder) member(e value.Elem) error { return d.build.Member(e) }

func (d *Decoder) pair(e value.Elem) error {
	if d.pend.n == 0 {
		d.pend.a, d.pend.n = e, 1
		return nil
	}
	d.pend.n = 0
	return d.build.Field(d.pend.a, e, 0)
}

func (d *Decoder) triple(e value.Elem) error {
	switch d.pend.n {
	case 0:
		d.pend.a, d.pend.n = e, 1
	case 1:
		d.pend.b, d.pend.n = e, 2
	default:
		d.pend.n = 0
		due, ok := e.Int()
		if !ok || due < 0 {
			return errors.New("a deadline is not a number")
		}
		return d.build.Field(d.pend.a, d.pend.b, due)
	}
	return nil
}

func (d *Decoder) scored(e value.Elem) error {
	if d.pend.n == 0 {
		d.pend.a, d.pend.n = e, 1
		return nil
	}
	d.pend.n = 0
	if n, ok := e.Int(); ok {
		return d.build.Scored(d.pend.a, float64(n))
	}
	f, err := strconv.ParseFloat(string(e.Bytes(nil)), 64)
	if err != nil && !math.IsInf(f, 0) || math.IsNaN(f) {
		return errors.New("a score is not a number")
	}
	return d.build.Scored(d.pend.a, f)
}
