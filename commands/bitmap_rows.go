package commands

// bitUnit is the unit of a range of a bitmap.
var bitUnit = Opt(Since("7.0.0", OneOf("index_unit", Token("byte", "BYTE"), Token("bit", "BIT"))))

// bitmapCommands are the rows of bitmaps.
var bitmapCommands = []Spec{
	{
		Name: "bitcount", Group: Bitmap, Since: "2.6.0", Arity: -2, Complexity: "O(N)",
		Summary: "Count set bits in a string",
		Flags:   ReadOnly, ACL: CatBitmap,
		Keys: []KeySpec{KeyAt(1, RO|Access)},
		Args: []Arg{Key("key", 0), Opt(Block("index", Int("start"), Int("end"), bitUnit))},
		Run:  bitcount,
	},
	{
		Name: "bitfield", Group: Bitmap, Since: "3.2.0", Arity: -2, Complexity: "O(1) for each subcommand specified",
		Summary: "Perform arbitrary bitfield integer operations on strings",
		Flags:   Write | DenyOOM, ACL: CatBitmap,
		Keys: []KeySpec{{Index: 1, Step: 1, Flags: RW | Access | Update | VariableFlags, Notes: "This command allows both access and modification of the key"}},
		Args: []Arg{Key("key", 0), Opt(Many(OneOf("operation",
			After("GET", Block("encoding_offset", Str("encoding"), Int("offset"))),
			Block("write",
				Opt(After("OVERFLOW", OneOf("wrap_sat_fail", Token("wrap", "WRAP"), Token("sat", "SAT"), Token("fail", "FAIL")))),
				OneOf("write_operation",
					After("SET", Block("encoding_offset_value", Str("encoding"), Int("offset"), Int("value"))),
					After("INCRBY", Block("encoding_offset_increment", Str("encoding"), Int("offset"), Int("increment"))),
				)),
		)))},
		Run: bitfield,
	},
	{
		Name: "bitfield_ro", Group: Bitmap, Since: "6.0.0", Arity: -2, Complexity: "O(1) for each subcommand specified",
		Summary: "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD",
		Flags:   ReadOnly | Fast, ACL: CatBitmap,
		Keys: []KeySpec{KeyAt(1, RO|Access)},
		Args: []Arg{Key("key", 0), Opt(ManyTokens(After("GET", Block("encoding_offset", Str("encoding"), Int("offset")))))},
		Run:  bitfieldRO,
	},
	{
		Name: "bitop", Group: Bitmap, Since: "2.6.0", Arity: -4, Complexity: "O(N)",
		Summary: "Perform bitwise operations between strings",
		Flags:   Write | DenyOOM | CountsReads, ACL: CatBitmap,
		Keys: []KeySpec{KeyAt(2, OW|Update), KeysFrom(3, -1, 1, RO|Access)},
		Args: []Arg{Str("operation"), Key("destkey", 0), Many(Key("key", 1))},
		Run:  bitop,
	},
	{
		Name: "bitpos", Group: Bitmap, Since: "2.8.7", Arity: -3, Complexity: "O(N)",
		Summary: "Find first bit set or clear in a string",
		Flags:   ReadOnly, ACL: CatBitmap,
		Keys: []KeySpec{KeyAt(1, RO|Access)},
		Args: []Arg{Key("key", 0), Int("bit"), Opt(Block("index", Int("start"), Opt(Block("end_index", Int("end"), bitUnit))))},
		Run:  bitpos,
	},
	{
		Name: "getbit", Group: Bitmap, Since: "2.2.0", Arity: 3, Complexity: "O(1)",
		Summary: "Returns the bit value at offset in the string value stored at key",
		Flags:   ReadOnly | Fast, ACL: CatBitmap,
		Keys: []KeySpec{KeyAt(1, RO|Access)},
		Args: []Arg{Key("key", 0), Int("offset")},
		Run:  getbit,
	},
	{
		Name: "setbit", Group: Bitmap, Since: "2.2.0", Arity: 4, Complexity: "O(1)",
		Summary: "Sets or clears the bit at offset in the string value stored at key",
		Flags:   Write | DenyOOM, ACL: CatBitmap,
		Keys: []KeySpec{KeyAt(1, RW|Access|Update)},
		Args: []Arg{Key("key", 0), Int("offset"), Int("value")},
		Run:  setbit,
	},
}
