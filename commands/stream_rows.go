package commands

// refPolicy says what becomes of what groups hold of entries that are deleted.
var refPolicy = Opt(OneOf("condition", Token("keepref", "KEEPREF"), Token("delref", "DELREF"), Token("acked", "ACKED")))

// idsBlock is a number and as many IDs.
var idsBlock = After("IDS", Block("ids", Int("numids"), Many(Str("id"))))

// streamCommands are the rows of streams.
var streamCommands = []Spec{
	{
		Name: "xadd", Group: Stream, Since: "5.0.0", Arity: -5, Complexity: "O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.",
		Summary: "Appends a new entry to a stream",
		Flags:   Write | DenyOOM | Fast, ACL: CatStream,
		Tips: []string{"nondeterministic_output"},
		Keys: []KeySpec{{Flags: RW | Update, Notes: "UPDATE instead of INSERT because of the optional trimming feature", Index: 1, Step: 1}},
		Args: []Arg{Key("key", 0), Opt(Since("6.2.0", Token("nomkstream", "NOMKSTREAM"))), Opt(trimArg),
			OneOf("id_or_auto", Token("auto_id", "*"), Str("id")), Many(Block("field_value", Str("field"), Str("value")))},
		Run: xadd,
	},
	{
		Name: "xdel", Group: Stream, Since: "5.0.0", Arity: -3, Complexity: "O(1) for each single item to delete in the stream, regardless of the stream size.",
		Summary: "Removes the specified entries from the stream. Returns the number of items actually deleted, that may be different from the number of IDs passed in case certain IDs do not exist.",
		Flags:   Write | Fast, ACL: CatStream,
		Keys: []KeySpec{KeyAt(1, RW|Delete)},
		Args: []Arg{Key("key", 0), Many(Str("id"))},
		Run:  xdel,
	},
	{
		Name: "xdelex", Group: Stream, Since: "8.2.0", Arity: -5, Complexity: "O(1) for each single item to delete in the stream, regardless of the stream size.",
		Summary: "Deletes one or multiple entries from the stream.",
		Flags:   Write | Fast, ACL: CatStream,
		Keys: []KeySpec{KeyAt(1, RW|Delete)},
		Args: []Arg{Key("key", 0), refPolicy, idsBlock},
		Run:  xdelex,
	},
	{
		Name: "xlen", Group: Stream, Since: "5.0.0", Arity: 2, Complexity: "O(1)",
		Summary: "Return the number of entries in a stream",
		Flags:   ReadOnly | Fast, ACL: CatStream,
		Keys: []KeySpec{KeyAt(1, RO)},
		Args: []Arg{Key("key", 0)},
		Run:  xlen,
	},
	{
		Name: "xrange", Group: Stream, Since: "5.0.0", Arity: -4, Complexity: "O(N) with N being the number of elements being returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).",
		Summary: "Return a range of elements in a stream, with IDs matching the specified IDs interval",
		Flags:   ReadOnly, ACL: CatStream,
		Keys: []KeySpec{KeyAt(1, RO|Access)},
		Args: []Arg{Key("key", 0), Str("start"), Str("end"), Opt(After("COUNT", Int("count")))},
		Run:  xrange,
	},
	{
		Name: "xrevrange", Group: Stream, Since: "5.0.0", Arity: -4, Complexity: "O(N) with N being the number of elements returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).",
		Summary: "Return a range of elements in a stream, with IDs matching the specified IDs interval, in reverse order (from greater to smaller IDs) compared to XRANGE",
		Flags:   ReadOnly, ACL: CatStream,
		Keys: []KeySpec{KeyAt(1, RO|Access)},
		Args: []Arg{Key("key", 0), Str("end"), Str("start"), Opt(After("COUNT", Int("count")))},
		Run:  xrevrange,
	},
	{
		Name: "xtrim", Group: Stream, Since: "5.0.0", Arity: -4, Complexity: "O(N), with N being the number of evicted entries. Constant times are very small however, since entries are organized in macro nodes containing multiple entries that can be released with a single deallocation.",
		Summary: "Trims the stream to (approximately if '~' is passed) a certain size",
		Flags:   Write, ACL: CatStream,
		Tips: []string{"nondeterministic_output"},
		Keys: []KeySpec{KeyAt(1, RW|Delete)},
		Args: []Arg{Key("key", 0), trimArg},
		Run:  xtrim,
	},
}

// trimArg is the trimming option of XADD and XTRIM.
var trimArg = Block("trim", OneOf("strategy", Token("maxlen", "MAXLEN"), Since("6.2.0", Token("minid", "MINID"))),
	Opt(OneOf("operator", Token("equal", "="), Token("approximately", "~"))), Str("threshold"),
	Opt(Since("6.2.0", After("LIMIT", Int("count")))))
