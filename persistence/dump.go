package persistence

import (
	"strconv"

	"cached/commands"
	"cached/engine"
	"cached/persistence/rdb"
)

// Errors of DUMP and RESTORE.
const (
	errBusyKey  = commands.Error("BUSYKEY Target key name already exists.")
	errPayload  = commands.Error("ERR DUMP payload version or checksum are wrong")
	errFormat   = commands.Error("ERR Bad data format")
	errTTL      = commands.Error("ERR Invalid TTL value, must be >= 0")
	errIdleTime = commands.Error("ERR Invalid IDLETIME value, must be >= 0")
	errFreq     = commands.Error("ERR Invalid FREQ value, must be >= 0 and <= 255")
)

var eventRestore = engine.Event{Name: "restore", Class: engine.ClassGeneric}

// keptDump is the largest buffer that is kept from one DUMP to the next.
const keptDump = 64 << 10

// payload calls use with the DUMP payload of the item at key, and reports whether
// there is one.
func (d *Disk) payload(tx *engine.Tx, key []byte, use func([]byte)) bool {
	it := tx.Peek(key)
	if it.IsZero() {
		return false
	}
	x := d.codecs.Get().(*codec)
	x.enc.B, x.enc.Text, x.enc.Meta, x.enc.Compress = x.enc.B[:0], d.keys.AppendText, d.keys.AppendDumped, d.cfg.Value("rdbcompression").Bool()
	x.enc.Dump(it)
	use(x.enc.B)
	if cap(x.enc.B) > keptDump {
		x.enc.B = nil
	}
	d.codecs.Put(x)
	return true
}

// Serialized is how many bytes the value at key takes in a snapshot, as DEBUG OBJECT
// says; tx holds the key.
func (d *Disk) Serialized(tx *engine.Tx, key []byte) (bytes int) {
	d.payload(tx, key, func(p []byte) { bytes = rdb.ValueLen(p) })
	return bytes
}

func (d *Disk) dump(c *commands.Ctx) error {
	key := c.Argv[1]
	if _, ok := c.Tx.Value(key); !ok {
		c.Reply.Null()
		return nil
	}
	d.payload(c.Tx, key, c.Reply.Bulk)
	return nil
}

// restore creates a key from the output of DUMP, of this server or Redis. The stream gets an absolute time instead
// of a duration.
func (d *Disk) restore(c *commands.Ctx) error {
	replace, absolute := false, false
	origin := engine.NoOrigin
	for a := c.Args(4); ; {
		switch {
		case a.Is("REPLACE"):
			replace = true
		case a.Is("ABSTTL"):
			absolute = true
		case a.Left() >= 2 && origin.Freq < 0 && a.Is("IDLETIME"):
			seconds := a.Int()
			if a.Err() == nil && seconds < 0 {
				return errIdleTime
			}
			origin.IdleMS = min(seconds, 1<<40) * 1000
		case a.Left() >= 2 && origin.IdleMS < 0 && a.Is("FREQ"):
			n := a.Int()
			if a.Err() == nil && (n < 0 || n > 255) {
				return errFreq
			}
			origin.Freq = int(n)
		default:
			a.Fail(a.End())
		}
		if a.Err() != nil {
			return a.Err()
		}
		if !a.More() {
			break
		}
	}
	key, payload := c.Argv[1], c.Argv[3]
	if !replace && c.Tx.Touch(key) {
		return errBusyKey
	}
	t := c.Args(2)
	ttl := t.Int()
	switch {
	case t.Err() != nil:
		return t.Err()
	case ttl < 0:
		return errTTL
	case !rdb.PayloadOK(payload, d.skipChecksums.Load()):
		return errPayload
	}
	if ttl != 0 && !absolute {
		ttl += c.NowMS
	}
	origin.DeadlineMS = max(ttl, 0) // a sum beyond the range is never
	x := d.codecs.Get().(*codec)
	defer d.codecs.Put(x)
	it, meta, err := x.dec.Undump(c.Tx, key, payload, origin)
	if err != nil {
		return errFormat
	}
	if ttl > 0 && ttl <= c.NowMS && !c.Tx.Applying {
		c.Tx.Discard(it)
		if c.Tx.Delete(key) {
			c.Tx.Modified(key, engine.EventDel)
			c.Propagate("DEL", key)
		}
		c.Reply.OK()
		return nil
	}
	c.Tx.Adopt(it, true)
	if !meta.IsZero() {
		c.Tx.SetMeta(key, &meta)
	}
	c.Tx.Modified(key, eventRestore)
	if ttl > 0 && !absolute {
		words := append([][]byte{key, strconv.AppendInt(nil, ttl, 10)}, c.Argv[3:]...)
		c.Propagate(c.Spec.Name, append(words, []byte("ABSTTL"))...)
	}
	c.Reply.OK()
	return nil
}
