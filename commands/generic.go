package commands

import (
	"math"
	"strconv"

	"cached/engine"
	"cached/engine/table"
	"cached/engine/value"
	"cached/internal/glob"
)

func del(c *Ctx) error    { return c.deleteAll((*engine.Tx).Delete) }
func unlink(c *Ctx) error { return c.deleteAll((*engine.Tx).Unlink) }

func (c *Ctx) deleteAll(end func(*engine.Tx, []byte) bool) error {
	n := int64(0)
	for _, key := range c.Argv[1:] {
		if end(c.Tx, key) {
			c.Tx.Modified(key, engine.EventDel)
			n++
		}
	}
	c.Reply.Int(n)
	return nil
}

func exists(c *Ctx) error {
	n := int64(0)
	for _, key := range c.Argv[1:] {
		if c.Tx.Exists(key) {
			n++
		}
	}
	c.Reply.Int(n)
	return nil
}

func touch(c *Ctx) error {
	n := int64(0)
	for _, key := range c.Argv[1:] {
		if _, ok := c.Tx.Value(key); ok {
			n++
		}
	}
	c.Reply.Int(n)
	return nil
}

func typeOf(c *Ctx) error {
	it := c.Tx.Look(c.Argv[1])
	if it.IsZero() {
		c.Reply.Status("none")
	} else {
		c.Reply.Status(value.TypeOf(it).String())
	}
	return nil
}

func expire(c *Ctx) error    { return c.setDeadline(1000, true) }
func pexpire(c *Ctx) error   { return c.setDeadline(1, true) }
func expireat(c *Ctx) error  { return c.setDeadline(1000, false) }
func pexpireat(c *Ctx) error { return c.setDeadline(1, false) }

// setDeadline is the EXPIRE family: a time in units of unitMS, from now or from
// the epoch.
func (c *Ctx) setDeadline(unitMS int64, relative bool) error {
	var nx, xx, gt, lt bool
	for a := c.Args(3); a.More(); {
		switch {
		case a.Is("NX"):
			nx = true
		case a.Is("XX"):
			xx = true
		case a.Is("GT"):
			gt = true
		case a.Is("LT"):
			lt = true
		default:
			return Error("ERR Unsupported option " + cString(a.Next()))
		}
	}
	if nx && (xx || gt || lt) {
		return ErrNXorXXGTLT
	}
	if gt && lt {
		return ErrGTandLT
	}
	at, ok := value.ParseInt(c.Argv[2])
	if !ok {
		return ErrNotInt
	}
	at, ok = absolute(at, unitMS, relative, c.NowMS)
	if !ok {
		return invalidExpire(c.Spec.FullName())
	}
	key := c.Argv[1]
	c.Tx.Touch(key)
	old, found := c.Tx.Deadline(key)
	switch {
	case !found,
		nx && old != 0,
		xx && old == 0,
		gt && (old == 0 || at <= old),
		lt && old != 0 && at >= old:
		c.Reply.Int(0)
		return nil
	}
	if c.passed(at) {
		c.Tx.Unlink(key)
		c.Tx.Modified(key, engine.EventDel)
		c.Propagate("DEL", key)
	} else {
		c.expireAt(key, at)
	}
	c.Reply.Int(1)
	return nil
}

// absolute turns a client's time into Unix milliseconds, if it fits.
func absolute(n, unitMS int64, relative bool, nowMS int64) (int64, bool) {
	if n > math.MaxInt64/unitMS || n < math.MinInt64/unitMS {
		return 0, false
	}
	n *= unitMS
	if relative {
		if n > math.MaxInt64-nowMS {
			return 0, false
		}
		n += nowMS
	}
	return n, true
}

// expireAt sets a deadline in the future and propagates it as an absolute time.
func (c *Ctx) expireAt(key []byte, at int64) {
	c.Tx.ExpireAt(key, at)
	c.Tx.Modified(key, engine.EventExpire)
	var d decimal
	c.Propagate("PEXPIREAT", key, d.of(at))
}

func ttl(c *Ctx) error         { return c.replyDeadline(1000, true) }
func pttl(c *Ctx) error        { return c.replyDeadline(1, true) }
func expiretime(c *Ctx) error  { return c.replyDeadline(1000, false) }
func pexpiretime(c *Ctx) error { return c.replyDeadline(1, false) }

func (c *Ctx) replyDeadline(unitMS int64, relative bool) error {
	at, found := c.Tx.Deadline(c.Argv[1])
	switch {
	case !found:
		at = -2
	case at == 0:
		at = -1
	default:
		if relative {
			at = max(at-c.NowMS, 0)
		}
		at = int64((uint64(at) + uint64(unitMS/2)) / uint64(unitMS)) // the sum may pass int64
	}
	c.Reply.Int(at)
	return nil
}

func persist(c *Ctx) error {
	c.Tx.Touch(c.Argv[1])
	if !c.Tx.Persist(c.Argv[1]) {
		c.Reply.Int(0)
		return nil
	}
	c.Tx.Modified(c.Argv[1], engine.EventPersist)
	c.Reply.Int(1)
	return nil
}

func rename(c *Ctx) error {
	if !c.Tx.Touch(c.Argv[1]) {
		return ErrNoKey
	}
	c.rename()
	c.Reply.OK()
	return nil
}

func renamenx(c *Ctx) error {
	if !c.Tx.Touch(c.Argv[1]) {
		return ErrNoKey
	}
	if c.Tx.Touch(c.Argv[2]) {
		c.Reply.Int(0)
		return nil
	}
	c.rename()
	c.Reply.Int(1)
	return nil
}

func (c *Ctx) rename() {
	from, to := c.Argv[1], c.Argv[2]
	if string(from) == string(to) {
		return
	}
	c.Tx.Rename(from, to)
	c.Tx.Modified(from, engine.EventRenameFrom)
	c.Tx.Modified(to, engine.EventRenameTo)
}

func copyKey(c *Ctx) error {
	from, to, db, replace := c.Argv[1], c.Argv[2], c.Tx.DB, false
	for a := c.Args(3); a.More(); {
		switch {
		case a.Is("REPLACE"):
			replace = true
		case a.Left() > 1 && a.Is("DB"):
			n, err := c.Database(a.Next())
			if err != nil {
				return err
			}
			db = n
		default:
			return ErrSyntax
		}
	}
	if db == c.Tx.DB && string(from) == string(to) {
		return ErrSameObject
	}
	if !c.Tx.Copy(from, to, db, replace) {
		c.Reply.Int(0)
		return nil
	}
	c.modifiedIn(db, to, engine.EventCopyTo)
	c.Reply.Int(1)
	return nil
}

// modifiedIn is Modified for a key of another database than the client's.
func (c *Ctx) modifiedIn(db int, key []byte, ev engine.Event) {
	own := c.Tx.DB
	c.Tx.DB = db
	c.Tx.Modified(key, ev)
	c.Tx.DB = own
}

// Database reads the index of a database.
func (c *Ctx) Database(b []byte) (int, error) {
	n, err := parseInt32(b)
	if err != nil {
		return 0, err
	}
	if n < 0 || n >= c.Tx.Engine().Databases() {
		return 0, ErrDBIndex
	}
	return n, nil
}

// parseInt32 reads an integer that Redis keeps in a C int.
func parseInt32(b []byte) (int, error) {
	n, ok := value.ParseInt(b)
	if !ok {
		return 0, ErrNotInt
	}
	if n < math.MinInt32 || n > math.MaxInt32 {
		return 0, outOfRange(math.MinInt32, math.MaxInt32)
	}
	return int(n), nil
}

// outOfRange is the error of an integer outside [low, high].
func outOfRange(low, high int64) error {
	return Error("ERR value is out of range, value must between " + strconv.FormatInt(low, 10) +
		" and " + strconv.FormatInt(high, 10))
}

func moveKey(c *Ctx) error {
	db, err := c.Database(c.Argv[2])
	if err != nil {
		return err
	}
	if db == c.Tx.DB {
		return ErrSameObject
	}
	key := c.Argv[1]
	if !c.Tx.Move(key, db) {
		c.Reply.Int(0)
		return nil
	}
	c.Tx.Modified(key, engine.EventMoveFrom)
	c.modifiedIn(db, key, engine.EventMoveTo)
	c.Reply.Int(1)
	return nil
}

func randomkey(c *Ctx) error {
	key, err := c.Tx.RandomKey()
	if err == nil {
		c.Reply.BulkOrNull(key)
	}
	return err
}

func listKeys(c *Ctx) error {
	pattern := c.Argv[1]
	all := string(pattern) == "*"
	n, mark := 0, len(c.Reply.B)
	err := c.Tx.Each(func(it table.Item) bool {
		if all || glob.Match(pattern, it.Key(), false) {
			c.Reply.Bulk(it.Key())
			n++
		}
		return !c.Reply.Full
	})
	if err == nil {
		c.arrayAt(mark, n)
	}
	return err
}

// arrayAt puts the beginning of an array in front of its n elements, which begin at mark.
func (c *Ctx) arrayAt(mark, n int) {
	end := len(c.Reply.B)
	c.Reply.Array(n)
	c.Reply.Hoist(mark, end)
}

const errNoValues = Error("ERR NOVALUES option can only be used in HSCAN")

// scanOptions are the options of SCAN, HSCAN, SSCAN and ZSCAN.
type scanOptions struct {
	count   int
	pattern []byte // nil: everything
	typ     []byte // nil: every type

	noValues bool // HSCAN: fields only
}

// scanCursor reads word i.
func (c *Ctx) scanCursor(i int) (uint64, error) {
	a := c.Args(i)
	cursor := a.cursor()
	return cursor, a.Err()
}

// scanOptions reads options from word i on; withType allows TYPE.
func (c *Ctx) scanOptions(i int, withType bool) (o scanOptions, err error) {
	a := c.Args(i)
	o.count = 10
	for a.More() {
		switch {
		case a.Left() > 1 && a.Is("COUNT"):
			n := a.Int()
			if a.Err() == nil && n < 1 {
				a.Fail(ErrSyntax)
			}
			o.count = int(min(n, math.MaxInt32))
		case a.Left() > 1 && a.Is("MATCH"):
			if o.pattern = a.Next(); string(o.pattern) == "*" {
				o.pattern = nil
			}
		case withType && a.Left() > 1 && a.Is("TYPE"):
			o.typ = a.Next()
		case a.Is("NOVALUES"):
			if c.Spec.Name != "hscan" {
				a.Fail(errNoValues)
			}
			o.noValues = true
		default:
			return o, ErrSyntax
		}
	}
	return o, a.End()
}

func scan(c *Ctx) error {
	cursor, err := c.scanCursor(1)
	if err != nil {
		return err
	}
	o, err := c.scanOptions(2, true)
	if err != nil {
		return err
	}
	wanted, known := value.TypeNamed(lowered(o.typ))
	return c.replyScan(cursor, o.count, func(it table.Item) bool {
		return (o.typ == nil || known && value.TypeOf(it) == wanted) && (o.pattern == nil || glob.Match(o.pattern, it.Key(), false))
	})
}

// replyScan replies a cursor and the keys from another one on that are wanted, as SCAN does.
func (c *Ctx) replyScan(cursor uint64, count int, wanted func(it table.Item) bool) error {
	n, mark := 0, len(c.Reply.B)
	next, err := c.Tx.Scan(cursor, count, func(it table.Item) {
		if !c.Reply.Full && wanted(it) {
			c.Reply.Bulk(it.Key())
			n++
		}
	})
	if err == nil {
		c.arrayAt(mark, n)
		keys := len(c.Reply.B)
		c.Reply.Array(2)
		c.replyCursor(next)
		c.Reply.Hoist(mark, keys)
	}
	return err
}

func lowered(b []byte) string {
	var buf [maxName]byte
	return string(lower(buf[:0], b))
}

func (c *Ctx) replyCursor(n uint64) {
	var buf [20]byte
	c.Reply.Bulk(strconv.AppendUint(buf[:0], n, 10))
}

func objectEncoding(c *Ctx) error {
	it := c.Tx.Peek(c.Argv[2])
	if it.IsZero() {
		c.Reply.Null()
		return nil
	}
	c.Reply.BulkString(value.EncodingOf(it).String())
	return nil
}

// objectRefcount is 1 for every key: values are not shared.
func objectRefcount(c *Ctx) error {
	if c.Tx.Peek(c.Argv[2]).IsZero() {
		c.Reply.Null()
		return nil
	}
	c.Reply.Int(1)
	return nil
}

const switchNote = " Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."

func objectIdletime(c *Ctx) error {
	it := c.Tx.Peek(c.Argv[2])
	if it.IsZero() {
		c.Reply.Null()
		return nil
	}
	if c.Tx.Engine().AccessPolicy().LFU {
		return Error("ERR An LFU maxmemory policy is selected, idle time not tracked." + switchNote)
	}
	c.Reply.Int(c.Tx.IdleMS(c.Argv[2], it) / 1000)
	return nil
}

func objectFreq(c *Ctx) error {
	it := c.Tx.Peek(c.Argv[2])
	if it.IsZero() {
		c.Reply.Null()
		return nil
	}
	if !c.Tx.Engine().AccessPolicy().LFU {
		return Error("ERR An LFU maxmemory policy is not selected, access frequency not tracked." + switchNote)
	}
	c.Reply.Int(int64(c.Tx.Frequency(c.Argv[2], it)))
	return nil
}

func objectHelp(c *Ctx) error {
	return c.ReplyHelp("OBJECT",
		"ENCODING <key>",
		"    Return the kind of internal representation used in order to store the value",
		"    associated with a <key>.",
		"FREQ <key>",
		"    Return the access frequency index of the <key>. The returned integer is",
		"    proportional to the logarithm of the recent access frequency of the key.",
		"IDLETIME <key>",
		"    Return the idle time of the <key>, that is the approximated number of",
		"    seconds elapsed since the last access to the key.",
		"REFCOUNT <key>",
		"    Return the number of references of the value associated with the specified",
		"    <key>.")
}

// ReplyHelp replies the lines of a HELP subcommand, under the usual heading.
func (c *Ctx) ReplyHelp(command string, lines ...string) error {
	c.Reply.Array(len(lines) + 3)
	c.Reply.Status(command + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for _, l := range lines {
		c.Reply.Status(l)
	}
	c.Reply.Status("HELP")
	c.Reply.Status("    Prints this help.")
	return nil
}
