package commands

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"

	"cached/engine"
	"cached/engine/table"
	"cached/engine/value"
)

// A digest is equal for two servers with equal data; DEBUG DIGEST replies with it. Texts are added by their SHA-1:
// mixed in where their order counts, and xored where it does not (the keys, the members of a set).
type digest [sha1.Size]byte

// xor adds b, whatever comes before or after it.
func (d *digest) xor(b []byte) {
	for i, x := range sha1.Sum(b) {
		d[i] ^= x
	}
}

// mix adds b after the texts so far.
func (d *digest) mix(b []byte) {
	d.xor(b)
	*d = sha1.Sum(d[:])
}

func (d *digest) mixNumber(n uint32) { d.mix(binary.BigEndian.AppendUint32(nil, n)) }

func (d *digest) mixElem(e value.Elem) { d.mix(e.Append(nil)) }

// value adds the value of an item of e and that it has a deadline.
func (d *digest) value(e *engine.Engine, it table.Item) {
	d.mixNumber(uint32(value.TypeOf(it))) // the numbers are those of Redis's types
	switch value.TypeOf(it) {
	case value.String:
		d.mix(e.AppendText(nil, it))
	case value.List:
		value.EachList(it, func(e value.Elem) bool { d.mixElem(e); return true })
	case value.Set:
		value.EachMember(it, func(e value.Elem, due int64) bool {
			b := e.Append(nil)
			if due != 0 {
				b = append(b, "!!sexpire!!"...)
			}
			d.xor(b)
			return true
		})
	case value.ZSet:
		value.EachZSet(it, func(e value.Elem, f float64) bool {
			var one digest
			one.mixElem(e)
			one.mix(longFloat(f))
			d.xor(one[:])
			return true
		})
	case value.Hash:
		value.EachHash(it, func(f, v value.Elem, due int64) bool {
			var one digest
			one.mixElem(f)
			one.mixElem(v)
			if due != 0 {
				one.xor([]byte("!!hexpire!!"))
			}
			d.xor(one[:])
			return true
		})
	case value.Stream:
		value.StreamOf(it).Range(value.StreamID{}, value.MaxStreamID, false, func(e value.StreamEntry) bool {
			id := strconv.AppendUint(nil, e.ID.MS, 10)
			d.mix(strconv.AppendUint(append(id, '.'), e.ID.Seq, 10))
			e.Each(func(name, v []byte) {
				d.mix(name)
				d.mix(v)
			})
			return true
		})
	}
	if value.TypeOf(it).Native() {
		d.mix(it.Value())
	}
	if it.DeadlineMS() != 0 {
		d.xor([]byte("!!expire!!"))
	}
}

// longFloat is a float with all the digits that may count.
func longFloat(f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return []byte("inf")
	case math.IsInf(f, -1):
		return []byte("-inf")
	}
	return strconv.AppendFloat(nil, f, 'g', 17, 64)
}

// DebugDigest replies the digest of everything. The whole keyspace is locked.
func DebugDigest(c *Ctx) error {
	var all digest
	saved := c.Tx.DB
	defer func() { c.Tx.DB = saved }()
	for db := range c.Tx.Engine().Databases() {
		c.Tx.DB = db
		if n, err := c.Tx.Len(); n == 0 {
			if err != nil {
				return err
			}
			continue
		}
		lives := false // Len also counts keys that have ended and are not removed yet
		err := c.Tx.Each(func(it table.Item) bool {
			if !lives {
				all.mixNumber(uint32(db))
				lives = true
			}
			var one digest
			one.mix(it.Key())
			one.value(c.Tx.Engine(), it)
			all.xor(one[:])
			return true
		})
		if err != nil {
			return err
		}
	}
	c.Reply.Status(hex.EncodeToString(all[:]))
	return nil
}

// DebugDigestValue replies the digests of the values of the keys from argument 2 on.
func DebugDigestValue(c *Ctx) error {
	c.Reply.Array(len(c.Argv) - 2)
	for _, key := range c.Argv[2:] {
		var one digest
		if it := c.Tx.Peek(key); !it.IsZero() {
			one.value(c.Tx.Engine(), it)
		}
		c.Reply.Status(hex.EncodeToString(one[:]))
	}
	return nil
}
