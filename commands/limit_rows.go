package commands

// limitPolicies are the words that a policy may be.
func limitPolicies(named bool) Arg {
	all := []Arg{
		Block("gcra", Token("gcra", "GCRA"), Int("burst"), Int("count"), Str("period")),
		Block("bucket", Token("bucket", "BUCKET"), Int("capacity"), Int("refill"), Str("period")),
		Block("fixed", Token("fixed", "FIXED"), Int("limit"), Str("window"), Opt(Token("aligned", "ALIGNED"))),
		Block("sliding", Token("sliding", "SLIDING"), Int("limit"), Str("window")),
		Block("log", Token("log", "LOG"), Int("limit"), Str("window")),
	}
	if named {
		all = append(all, After("POLICY", Str("name")))
	}
	return Many(OneOf("policy", all...))
}

func limitOptions(more ...Arg) []Arg {
	args := []Arg{Key("key", 0), limitPolicies(true), Opt(After("COST", Int("cost"))), Opt(Token("atmost", "ATMOST"))}
	args = append(args, more...)
	return append(args, Opt(After("ID", Str("request-id"))), Opt(Token("shadow", "SHADOW")), Opt(Token("headers", "HEADERS")))
}

func throttleRow(name string) Spec {
	return Spec{
		Name: name, Group: Limits, Since: "7.4.0", Arity: -2, Complexity: "O(1)",
		Summary: "Takes from a rate limit by GCRA, with the arithmetic and the reply of the module redis-cell.",
		Flags:   Write | DenyOOM | Fast, ACL: CatThrottle,
		Keys: []KeySpec{KeyAt(1, RW|Access|Update)},
		Args: []Arg{Key("key", 0), Int("max_burst"), Int("count"), Int("period"), Opt(Int("quantity"))},
		Run:  clThrottle,
	}
}

// limitCommands are the rows of rate limits.
var limitCommands = []Spec{
	throttleRow("cl.throttle"),
	throttleRow("rl.throttle"),
	{
		Name: "limit.take", Group: Limits, Since: "7.4.0", Arity: -3,
		Complexity: "O(P) where P is the number of policies; for LOG also O(N) where N is the number of entries that go",
		Summary:    "Takes from a limiter with one or several policies, all of them or none.",
		Flags:      Write | DenyOOM | Fast, ACL: CatThrottle,
		Keys: []KeySpec{KeyAt(1, RW|Access|Update)},
		Args: limitOptions(Opt(Token("force", "FORCE")), Opt(Token("peek", "PEEK"))),
		Run:  limitTake,
	},
	{
		Name: "limit.peek", Group: Limits, Since: "7.4.0", Arity: -3, Complexity: "O(P) where P is the number of policies",
		Summary: "Says what LIMIT.TAKE would answer, and takes nothing.",
		Flags:   ReadOnly | Fast, ACL: CatThrottle,
		Keys: []KeySpec{KeyAt(1, RO|Access)},
		Args: limitOptions(),
		Run:  limitPeek,
	},
	{
		Name: "limit.refund", Group: Limits, Since: "7.4.0", Arity: -3, Complexity: "O(P) where P is the number of policies",
		Summary: "Gives back what was taken from a limiter, by its amount or by the ID of the request.",
		Flags:   Write | Fast, ACL: CatThrottle,
		Keys: []KeySpec{KeyAt(1, RW|Access|Update)},
		Args: []Arg{Key("key", 0), OneOf("refund", Int("cost"), After("ID", Str("request-id")))},
		Run:  limitRefund,
	},
	{
		Name: "limit.reset", Group: Limits, Since: "7.4.0", Arity: 2, Complexity: "O(1)",
		Summary: "Removes a limiter, so that nothing is used of its limits.",
		Flags:   Write | Fast, ACL: CatThrottle,
		Keys: []KeySpec{KeyAt(1, RW|Delete)},
		Args: []Arg{Key("key", 0)},
		Run:  limitReset,
	},
	{
		Name: "limit.info", Group: Limits, Since: "7.4.0", Arity: 2, Complexity: "O(P) where P is the number of policies",
		Summary: "Returns what a limiter has counted by the policies it was last given.",
		Flags:   ReadOnly | Fast, ACL: CatThrottle,
		Keys: []KeySpec{KeyAt(1, RO|Access)},
		Args: []Arg{Key("key", 0)},
		Run:  limitInfo,
	},
	{
		Name: "limit.policy", Group: Limits, Since: "7.4.0", Arity: -2, Complexity: "Depends on subcommand.",
		Summary: "A container for commands on named policies of rate limits.",
		Sub: []Spec{
			{
				Name: "set", Since: "7.4.0", Arity: -4, Complexity: "O(N) where N is the number of named policies",
				Summary: "Gives one or several policies of rate limits a name.",
				Flags:   Write | DenyOOM | Keyspace, ACL: CatThrottle | CatDangerous,
				Args: []Arg{Str("name"), limitPolicies(false)},
				Run:  limitPolicySet,
			},
			{
				Name: "get", Since: "7.4.0", Arity: 3, Complexity: "O(1)",
				Summary: "Returns the policies that a name stands for.",
				Flags:   ReadOnly | Fast, ACL: CatThrottle,
				Args: []Arg{Str("name")},
				Run:  limitPolicyGet,
			},
			{
				Name: "list", Since: "7.4.0", Arity: 2, Complexity: "O(N log N) where N is the number of named policies",
				Summary: "Returns all named policies of rate limits.",
				Flags:   ReadOnly, ACL: CatThrottle,
				Run: limitPolicyList,
			},
			{
				Name: "del", Since: "7.4.0", Arity: -3, Complexity: "O(N) where N is the number of named policies",
				Summary: "Removes named policies of rate limits.",
				Flags:   Write | Keyspace, ACL: CatThrottle | CatDangerous,
				Args: []Arg{Many(Str("name"))},
				Run:  limitPolicyDel,
			},
		},
	},
}
