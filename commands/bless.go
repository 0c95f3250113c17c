package commands

import (
	"cached/engine"
)

// BLESS: keys that are not evicted.

var (
	eventBless   = engine.Event{Name: "bless", Class: engine.ClassGeneric, Beside: true}
	eventUnbless = engine.Event{Name: "unbless", Class: engine.ClassGeneric, Beside: true}
)

// blessScanCount is how many keys BLESS SCAN visits without a COUNT.
const blessScanCount = 1024

var noEvict = Token("no-evict", "NO-EVICT")

var blessCommands = []Spec{
	{
		Name: "bless", Group: Generic, Since: "8.12.0", Arity: -2, Complexity: "Depends on subcommand.",
		Summary: "A container for key-blessing commands.",
		Sub: []Spec{
			{
				Name: "clear", Since: "8.12.0", Arity: 4, Complexity: "O(1)",
				Summary: "Removes protection flags from a key.",
				Flags:   Write | Fast, ACL: CatDangerous,
				Keys: []KeySpec{KeyAt(2, RW)},
				Args: []Arg{Key("key", 0), noEvict},
				Run:  blessClear,
			},
			{
				Name: "get", Since: "8.12.0", Arity: 3, Complexity: "O(1).",
				Summary: "Returns the active protection flags of a key.",
				Flags:   ReadOnly | Fast, ACL: CatKeyspace,
				Keys: []KeySpec{KeyAt(2, RO)},
				Args: []Arg{Key("key", 0)},
				Run:  blessGet,
			},
			{
				Name: "help", Since: "8.12.0", Arity: 2, Complexity: "O(1)",
				Summary: "Returns helpful text about the different subcommands.",
				Flags:   Loading | Stale,
				Run:     blessHelp,
			},
			{
				Name: "scan", Since: "8.12.0", Arity: -4, Complexity: "O(1) for every call. O(N) for a complete iteration, where N is the number of keys of the database.",
				Summary: "Incrementally iterates the blessed keys of the current database that carry the given flag.",
				Flags:   ReadOnly | Deferred, ACL: CatKeyspace,
				Args: []Arg{Int("cursor"), noEvict, Opt(After("COUNT", Int("count")))},
				Run:  blessScan,
			},
			{
				Name: "set", Since: "8.12.0", Arity: 4, Complexity: "O(1)",
				Summary: "Adds protection flags to a key against memory pressure.",
				Flags:   Write | DenyOOM | Fast, ACL: CatDangerous,
				Keys: []KeySpec{KeyAt(2, RW)},
				Args: []Arg{Key("key", 0), noEvict},
				Run:  blessSet,
			},
		},
	},
}

func blessSet(c *Ctx) error   { return c.bless(true, eventBless) }
func blessClear(c *Ctx) error { return c.bless(false, eventUnbless) }

func (c *Ctx) bless(on bool, ev engine.Event) error {
	if !equalFold(c.Argv[3], "NO-EVICT") {
		return ErrSyntax
	}
	changed, exists := c.Tx.Pin(c.Argv[2], on)
	if !exists {
		return ErrNoKey
	}
	if changed {
		c.Tx.Modified(c.Argv[2], ev)
	}
	c.replyYes(changed)
	return nil
}

func blessGet(c *Ctx) error {
	it := c.Tx.Peek(c.Argv[2])
	if it.IsZero() {
		return ErrNoKey
	}
	if !engine.Pinned(it) {
		c.Reply.Array(0)
		return nil
	}
	c.Reply.Array(1)
	c.Reply.BulkString("NO-EVICT")
	return nil
}

// blessScan visits the keys of the database as SCAN does, and replies those of them that are
// pinned.
func blessScan(c *Ctx) error {
	cursor, err := c.scanCursor(2)
	if err != nil {
		return err
	}
	if !equalFold(c.Argv[3], "NO-EVICT") {
		return ErrSyntax
	}
	count := int64(blessScanCount)
	if a := c.Args(4); a.More() {
		if !a.Is("COUNT") {
			return ErrSyntax
		}
		count = a.Int()
		if err := a.End(); err != nil {
			return err
		}
		if count < 1 {
			return ErrSyntax
		}
	}
	return c.replyScan(cursor, int(min(count, 1<<31-1)), engine.Pinned)
}

func blessHelp(c *Ctx) error {
	return c.ReplyHelp("BLESS",
		"SET <key> NO-EVICT",
		"    Keep a key from being evicted.",
		"CLEAR <key> NO-EVICT",
		"    Let a key be evicted again.",
		"GET <key>",
		"    Return the protection flags of a key.",
		"SCAN <cursor> NO-EVICT [COUNT <count>]",
		"    Iterate the keys that have the flag.")
}
