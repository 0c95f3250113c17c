package commands

// hyperloglogCommands are the rows of HyperLogLogs.
var hyperloglogCommands = []Spec{
	{
		Name: "pfadd", Group: HyperLogLog, Since: "2.8.9", Arity: -2, Complexity: "O(1) to add every element.",
		Summary: "Adds the specified elements to the specified HyperLogLog.",
		Flags:   Write | DenyOOM | Fast, ACL: CatHyperLogLog,
		Keys: []KeySpec{KeyAt(1, RW|Insert)},
		Args: []Arg{Key("key", 0), Opt(Many(Str("element")))},
		Run:  pfadd,
	},
	{
		Name: "pfcount", Group: HyperLogLog, Since: "2.8.9", Arity: -2,
		Complexity: "O(1) with a very small average constant time when called with a single key. O(N) with N being the number of keys, and much bigger constant times, when called with multiple keys.",
		Summary:    "Return the approximated cardinality of the set(s) observed by the HyperLogLog at key(s).",
		Flags:      ReadOnly | MayReplicate, ACL: CatHyperLogLog,
		Keys: []KeySpec{{Index: 1, Last: -1, Step: 1, Flags: RW | Access, Notes: "RW because it may change the internal representation of the key, and propagate to replicas"}},
		Args: []Arg{Many(Key("key", 0))},
		Run:  pfcount,
	},
	{
		Name: "pfdebug", Group: HyperLogLog, Since: "2.8.9", Arity: 3, Complexity: "N/A",
		Summary: "Internal commands for debugging HyperLogLog values",
		Flags:   Write | DenyOOM | Admin, ACL: CatHyperLogLog, Doc: SysCmd,
		Keys: []KeySpec{KeyAt(2, RW|Access)},
		Args: []Arg{Str("subcommand"), Key("key", 0)},
		Run:  pfdebug,
	},
	{
		Name: "pfmerge", Group: HyperLogLog, Since: "2.8.9", Arity: -2, Complexity: "O(N) to merge N HyperLogLogs, but with high constant times.",
		Summary: "Merge N different HyperLogLogs into a single one.",
		Flags:   Write | DenyOOM | CountsReads, ACL: CatHyperLogLog,
		Keys: []KeySpec{KeyAt(1, RW|Access|Insert), KeysFrom(2, -1, 1, RO|Access)},
		Args: []Arg{Key("destkey", 0), Many(Key("sourcekey", 1))},
		Run:  pfmerge,
	},
	{
		Name: "pfselftest", Group: HyperLogLog, Since: "2.8.9", Arity: 1, Complexity: "N/A",
		Summary: "An internal command for testing HyperLogLog values",
		Flags:   Admin, ACL: CatHyperLogLog, Doc: SysCmd,
		Run: pfselftest,
	},
}
