package commands

// A Spec is everything the server knows about one command. Dispatch, COMMAND
// INFO/DOCS/GETKEYS, ACL categories, cluster routing and key locking are all
// read from it, so no two of them can disagree.
type Spec struct {
	Name, Since, Summary, Complexity string

	Origin string // the server that brought it at version Since; "" for Redis

	Group Group
	Arity int      // counts the name; negative means "at least"
	Flags Flag     // for the gates and the dispatcher
	ACL   Category // beyond those that flags imply
	Tips  []string // hints for clients of clusters
	Keys  []KeySpec
	Part  int   // position of the first field or member that is looked up, -1: the last word, 0: none
	Text  int   // position of a string that the key in front of it, or the only one, is set to; 0: none
	Inner int   // position of a command that it runs, whose keys are its own too; 0: none
	Args  []Arg // for COMMAND DOCS, and the source of generated calls
	Doc   DocFlag
	Sub   []Spec

	DeprecatedSince, ReplacedBy string // of a Deprecated command

	Run func(*Ctx) error // writes exactly one reply, or returns an error and writes none

	table   *Table
	full    string // "config|get" for a subcommand, otherwise Name
	number  int
	acl     Category
	sub     map[string]*Spec
	slow    bool
	divides bool // see Divide
	sorts   bool // locks as SORT does
	locks   lockKind
	oneKey  int // position of the only key, or 0
}

// FullName is the name as COMMAND and ACL write it: config|get.
func (s *Spec) FullName() string { return s.full }

// MayTakeLong reports whether there are calls of the command that take some milliseconds.
func (s *Spec) MayTakeLong() bool { return s.slow }

// Categories are the ACL categories of the command, implied ones included.
func (s *Spec) Categories() Category { return s.acl }

// Number is a number of the command that no other of its table has: 0 to Table.Numbers-1.
func (s *Spec) Number() int { return s.number }

// Touches reports whether the command counts as an access even for a client
// that asked for none.
func (s *Spec) Touches() bool { return s.Name == "touch" }

// Reads reports whether the command only reads, and whether a key it looks up is a
// hit or a miss.
func (s *Spec) Reads() (only, counted bool) {
	return s.Flags&ReadOnly != 0, s.Flags&(ReadOnly|CountsReads) != 0
}

// A Group is the part of the documentation that a command is in.
type Group string

// The groups.
const (
	Generic      Group = "generic"
	String       Group = "string"
	List         Group = "list"
	Set          Group = "set"
	SortedSet    Group = "sorted-set"
	Hash         Group = "hash"
	PubSub       Group = "pubsub"
	Transactions Group = "transactions"
	Connection   Group = "connection"
	Server       Group = "server"
	Scripting    Group = "scripting"
	HyperLogLog  Group = "hyperloglog"
	Cluster      Group = "cluster"
	Geo          Group = "geo"
	Stream       Group = "stream"
	Bitmap       Group = "bitmap"
	Limits       Group = "rate-limit"
	Lock         Group = "lock" // our own: locks and semaphores
)

// A Flag is a property of a command that is known before it runs.
type Flag uint64

// The flags, in the order COMMAND INFO lists their names.
const (
	Write Flag = 1 << iota
	ReadOnly
	DenyOOM
	Module
	Admin
	PubSubCmd
	NoScript
	Blocking
	Loading
	Stale
	SkipMonitor
	SkipSlowlog
	Asking
	Fast
	NoAuth
	NoAsyncLoading
	NoMulti
	NoMandatoryKeys
	MovableKeys
	AllowBusy

	// The following flags are not in replies of COMMAND.

	Keyspace // works on the whole keyspace: locks all of it
	Deferred // takes its own locks; inside EXEC it finds the whole keyspace locked
	InMulti  // runs at once inside MULTI, where others are queued
	InPubSub // is allowed to a RESP2 client that has subscriptions

	CountsReads  // writes, and yet a look-up is a hit or a miss, as it is for all that are ReadOnly
	MayReplicate // no Write, and may change data of replicas: CLIENT PAUSE WRITE holds it
)

var flagNames = []string{"write", "readonly", "denyoom", "module", "admin", "pubsub", "noscript", "blocking",
	"loading", "stale", "skip_monitor", "skip_slowlog", "asking", "fast", "no_auth",
	"no_async_loading", "no_multi", "no_mandatory_keys", "movablekeys", "allow_busy"}

// A Category is an ACL category, a bit each.
type Category uint32

// The categories, in the order ACL CAT and COMMAND INFO list them.
const (
	CatKeyspace Category = 1 << iota
	CatRead
	CatWrite
	CatSet
	CatSortedSet
	CatList
	CatHash
	CatString
	CatBitmap
	CatHyperLogLog
	CatGeo
	CatStream
	CatPubSub
	CatAdmin
	CatFast
	CatSlow
	CatBlocking
	CatDangerous
	CatConnection
	CatTransaction
	CatScripting
	CatThrottle // rate limits, which Redis does not have
)

// CategoryNames are the names of the categories, by bit.
var CategoryNames = []string{"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap",
	"hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection",
	"transaction", "scripting", "throttle"}

// DocFlag marks a command in COMMAND DOCS.
type DocFlag uint8

// The doc flags.
const (
	Deprecated DocFlag = 1 << iota
	SysCmd
)

// A KeyFlag is a use that a command makes of the keys of one KeySpec.
type KeyFlag uint16

// The key flags, in the order COMMAND INFO lists their names.
const (
	RO KeyFlag = 1 << iota
	RW
	OW
	RM
	Access
	Update
	Insert
	Delete
	NotKey
	Incomplete
	VariableFlags
)

var keyFlagNames = []string{"RO", "RW", "OW", "RM", "access", "update", "insert", "delete", "not_key",
	"incomplete", "variable_flags"}

// A KeySpec gives the positions of some of a command's keys. Either the first is at
// Index, or the search begins behind Keyword, which is searched from argument From on
// (backwards from the end when From is negative). Then either there is a key at every
// Step-th argument up to Last (relative to the first; negative: from the end, and with
// Limit only in the first 1/Limit of the arguments), or the number of keys is at
// CountAt behind the beginning, and the first key at FirstAt behind it.
type KeySpec struct {
	Flags   KeyFlag
	Notes   string
	Index   int
	Keyword string
	From    int
	// Rival is another keyword: of the two, and of several of each, only the last one
	// in argv counts.
	Rival string

	Last, Step, Limit int

	Counted          bool
	CountAt, FirstAt int

	UnknownBegin, UnknownFind bool

	// Instead names the keyword with which an empty word at Index is no key,
	// since the keys are behind it.
	Instead string
}

// KeyAt is the KeySpec of the key at one position.
func KeyAt(index int, flags KeyFlag) KeySpec { return KeySpec{Flags: flags, Index: index, Step: 1} }

// KeysFrom is the KeySpec of keys from index to last (relative to index,
// negative: from the end) by step.
func KeysFrom(index, last, step int, flags KeyFlag) KeySpec {
	return KeySpec{Flags: flags, Index: index, Last: last, Step: step}
}

// KeysCounted is the KeySpec of keys whose number is at index.
func KeysCounted(index int, flags KeyFlag) KeySpec {
	return KeySpec{Flags: flags, Index: index, Counted: true, FirstAt: 1, Step: 1}
}

// ArgType is the type of an argument in COMMAND DOCS.
type ArgType uint8

// The argument types.
const (
	TypeString ArgType = iota
	TypeInteger
	TypeDouble
	TypeKey
	TypePattern
	TypeUnixTime
	TypePureToken
	TypeOneOf
	TypeBlock
)

var argTypeNames = []string{"string", "integer", "double", "key", "pattern", "unix-time", "pure-token", "oneof", "block"}

// An Arg describes an argument, or several, of a command.
type Arg struct {
	Name       string
	Type       ArgType
	Token      string // the word in front of it, or the word that it is
	Since      string
	Summary    string
	Deprecated string // since when
	Key        int    // which KeySpec, for a key and for a pattern of keys other than the first's
	Optional   bool
	Multiple   bool
	EachToken  bool // the token is repeated with each of Multiple
	Args       []Arg
}

// Shorthands for rows.

// Key is a key argument of the i-th KeySpec.
func Key(name string, i int) Arg { return Arg{Name: name, Type: TypeKey, Key: i} }

// Str is a string argument.
func Str(name string) Arg { return Arg{Name: name} }

// Int is an integer argument.
func Int(name string) Arg { return Arg{Name: name, Type: TypeInteger} }

// Double is a floating-point argument.
func Double(name string) Arg { return Arg{Name: name, Type: TypeDouble} }

// Pattern is a glob pattern argument.
func Pattern(name string) Arg { return Arg{Name: name, Type: TypePattern} }

// Time is a Unix time argument.
func Time(name string) Arg { return Arg{Name: name, Type: TypeUnixTime} }

// Token is an argument that is the word tok itself.
func Token(name, tok string) Arg { return Arg{Name: name, Type: TypePureToken, Token: tok} }

// After is the argument a behind the word tok.
func After(tok string, a Arg) Arg { a.Token = tok; return a }

// OneOf is an argument that is one of args.
func OneOf(name string, args ...Arg) Arg { return Arg{Name: name, Type: TypeOneOf, Args: args} }

// Block is several arguments that come together.
func Block(name string, args ...Arg) Arg { return Arg{Name: name, Type: TypeBlock, Args: args} }

// Opt makes an argument optional.
func Opt(a Arg) Arg { a.Optional = true; return a }

// Many makes an argument repeatable.
func Many(a Arg) Arg { a.Multiple = true; return a }

// ManyTokens makes an argument repeatable together with its token.
func ManyTokens(a Arg) Arg { a.Multiple, a.EachToken = true, true; return a }

// Since sets the version of Redis that an argument came with.
func Since(version string, a Arg) Arg { a.Since = version; return a }

// Obsolete says which version made an argument one that is better not used.
func Obsolete(version string, a Arg) Arg { a.Deprecated = version; return a }
