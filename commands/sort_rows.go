package commands

// sortCommands are the rows of sorting any collection. Which keys a pattern names
// is known only when it is too late for their locks: all are locked.
var sortCommands = []Spec{
	{
		Name: "sort", Group: Generic, Since: "1.0.0", Arity: -2, Complexity: "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N).",
		Summary: "Sort the elements in a list, set or sorted set",
		Flags:   Write | DenyOOM | MovableKeys | Keyspace | CountsReads, ACL: CatSet | CatSortedSet | CatList | CatDangerous,
		Keys: []KeySpec{KeyAt(1, RO|Access), {Flags: RO | Access, Notes: "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort", UnknownBegin: true, UnknownFind: true}, {Flags: OW | Update, Notes: "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array", UnknownBegin: true, UnknownFind: true}},
		Args: []Arg{Key("key", 0), Opt(After("BY", sortPattern)), Opt(After("LIMIT", Block("offset_count", Int("offset"), Int("count")))), Opt(ManyTokens(After("GET", sortPattern))), Opt(OneOf("order", Token("asc", "ASC"), Token("desc", "DESC"))), Opt(Token("sorting", "ALPHA")), Opt(After("STORE", Key("destination", 2)))},
		Run:  sortStoring,
	},
	{
		Name: "sort_ro", Group: Generic, Since: "7.0.0", Arity: -2, Complexity: "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N).",
		Summary: "Sort the elements in a list, set or sorted set. Read-only variant of SORT.",
		Flags:   ReadOnly | MovableKeys | Keyspace, ACL: CatSet | CatSortedSet | CatList | CatDangerous,
		Keys: []KeySpec{KeyAt(1, RO|Access), {Flags: RO | Access, Notes: "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort", UnknownBegin: true, UnknownFind: true}},
		Args: []Arg{Key("key", 0), Opt(After("BY", sortPattern)), Opt(After("LIMIT", Block("offset_count", Int("offset"), Int("count")))), Opt(ManyTokens(After("GET", sortPattern))), Opt(OneOf("order", Token("asc", "ASC"), Token("desc", "DESC"))), Opt(Token("sorting", "ALPHA"))},
		Run:  sortRO,
	},
}

// sortPattern makes keys of elements.
var sortPattern = Arg{Name: "pattern", Type: TypePattern, Key: 1}
