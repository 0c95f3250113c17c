package commands

// lockOptions are the options of the commands that take locks.
var lockOptions = []Arg{After("TTL", Int("ttl-milliseconds")), Opt(After("WAIT", Int("wait-milliseconds"))), Opt(Token("shared", "SHARED")),
	Opt(Block("while", Token("while", "WHILE"), Token("connected", "CONNECTED"))),
	Opt(After("DELAY", Int("delay-milliseconds"))), Opt(After("HOLDS", Int("holds")))}

// lockCommands are the rows of locks and semaphores, which are our own.
var lockCommands = []Spec{
	{
		Name: "lock.acquire", Group: Lock, Since: "0.1.0", Origin: "cached", Arity: -5, Complexity: "O(N) where N is the number of shared holds and of clients that wait for the lock.",
		Summary: "Takes a lock, or waits for it, first come first served.",
		Flags:   Write | DenyOOM | Blocking | Fast, ACL: CatKeyspace,
		Keys: []KeySpec{KeyAt(1, RW|Access|Update)},
		Args: append([]Arg{Key("key", 0), Str("owner")}, lockOptions...),
		Run:  lockAcquire,
	},
	{
		Name: "lock.force", Group: Lock, Since: "0.1.0", Origin: "cached", Arity: -2, Complexity: "O(N) where N is the number of holds.",
		Summary: "Ends the holds of a lock, whoever has them.",
		Flags:   Write | Admin | Fast, ACL: CatKeyspace,
		Keys: []KeySpec{KeyAt(1, RW|Access|Delete)},
		Args: []Arg{Key("key", 0), Opt(After("OWNER", Str("owner")))},
		Run:  lockForce,
	},
	{
		Name: "lock.info", Group: Lock, Since: "0.1.0", Origin: "cached", Arity: 2, Complexity: "O(N) where N is the number of holds.",
		Summary: "Tells who holds a lock, for how long, and how many wait.",
		Flags:   ReadOnly | Fast, ACL: CatKeyspace,
		Keys: []KeySpec{KeyAt(1, RO|Access)},
		Args: []Arg{Key("key", 0)},
		Run:  lockInfo,
	},
	{
		Name: "lock.macquire", Group: Lock, Since: "0.1.0", Origin: "cached", Arity: -6, Complexity: "O(N) where N is the number of locks, their holds, and clients that wait for them.",
		Summary: "Takes several locks or none, or waits for all of them.",
		Flags:   Write | DenyOOM | Blocking | MovableKeys, ACL: CatKeyspace,
		Keys: []KeySpec{KeysCounted(1, RW|Access|Update)},
		Args: append([]Arg{Int("numkeys"), Many(Key("key", 0)), Str("owner")}, lockOptions...),
		Run:  lockMacquire,
	},
	{
		Name: "lock.release", Group: Lock, Since: "0.1.0", Origin: "cached", Arity: -3, Complexity: "O(N) where N is the number of holds.",
		Summary: "Gives back a lock. To do so again changes nothing.",
		Flags:   Write | Fast, ACL: CatKeyspace,
		Keys: []KeySpec{KeyAt(1, RW|Access|Delete)},
		Args: []Arg{Key("key", 0), Str("owner"), Opt(After("TOKEN", Int("token"))), Opt(OneOf("which", After("HOLDS", Int("holds")), Token("all", "ALL")))},
		Run:  lockRelease,
	},
	{
		Name: "lock.renew", Group: Lock, Since: "0.1.0", Origin: "cached", Arity: -5, Complexity: "O(N) where N is the number of holds.",
		Summary: "Sets the time to live of a hold anew.",
		Flags:   Write | Fast, ACL: CatKeyspace,
		Keys: []KeySpec{KeyAt(1, RW|Access|Update)},
		Args: []Arg{Key("key", 0), Str("owner"), After("TTL", Int("ttl-milliseconds")), Opt(After("TOKEN", Int("token")))},
		Run:  lockRenew,
	},
	{
		Name: "sem.acquire", Group: Lock, Since: "0.1.0", Origin: "cached", Arity: -5, Complexity: "O(N) where N is the number of permits and of clients that wait for one.",
		Summary: "Takes a permit of a semaphore, or waits for it, first come first served.",
		Flags:   Write | DenyOOM | Blocking | Fast, ACL: CatKeyspace,
		Keys: []KeySpec{KeyAt(1, RW|Access|Update)},
		Args: []Arg{Key("key", 0), Int("limit"), After("TTL", Int("ttl-milliseconds")), Opt(After("COST", Int("cost"))),
			Opt(After("ID", Str("permit"))), Opt(After("WAIT", Int("wait-milliseconds")))},
		Run: semAcquire,
	},
	{
		Name: "sem.info", Group: Lock, Since: "0.1.0", Origin: "cached", Arity: 2, Complexity: "O(N) where N is the number of permits.",
		Summary: "Tells the limit of a semaphore, its permits, and how many wait.",
		Flags:   ReadOnly | Fast, ACL: CatKeyspace,
		Keys: []KeySpec{KeyAt(1, RO|Access)},
		Args: []Arg{Key("key", 0)},
		Run:  semInfo,
	},
	{
		Name: "sem.release", Group: Lock, Since: "0.1.0", Origin: "cached", Arity: 3, Complexity: "O(N) where N is the number of permits.",
		Summary: "Gives back a permit. To do so again changes nothing.",
		Flags:   Write | Fast, ACL: CatKeyspace,
		Keys: []KeySpec{KeyAt(1, RW|Access|Delete)},
		Args: []Arg{Key("key", 0), Str("permit")},
		Run:  semRelease,
	},
	{
		Name: "sem.renew", Group: Lock, Since: "0.1.0", Origin: "cached", Arity: 5, Complexity: "O(N) where N is the number of permits.",
		Summary: "Sets the time to live of a permit anew.",
		Flags:   Write | Fast, ACL: CatKeyspace,
		Keys: []KeySpec{KeyAt(1, RW|Access|Update)},
		Args: []Arg{Key("key", 0), Str("permit"), After("TTL", Int("ttl-milliseconds"))},
		Run:  semRenew,
	},
}
