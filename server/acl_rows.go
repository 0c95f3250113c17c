package server

import "cached/commands"

// aclRows are the rows of commands about users.
func (us *Users) aclRows() []commands.Spec {
	const (
		own   = commands.NoScript | commands.Loading | commands.Stale
		admin = own | commands.Admin
	)
	return []commands.Spec{{
		Name: "acl", Group: commands.Server, Since: "6.0.0", Arity: -2, Complexity: "Depends on subcommand.",
		Summary: "A container for Access List Control commands ",
		Sub: []commands.Spec{
			{
				Name: "cat", Since: "6.0.0", Arity: -2, Complexity: "O(1) since the categories and commands are a fixed set.",
				Summary: "List the ACL categories or the commands inside a category", Flags: own,
				Args: []commands.Arg{commands.Opt(commands.Str("categoryname"))}, Run: us.aclCat,
			},
			{
				Name: "deluser", Since: "6.0.0", Arity: -3, Complexity: "O(1) amortized time considering the typical user.",
				Summary: "Remove the specified ACL users and the associated rules", Flags: admin,
				Args: []commands.Arg{commands.Many(commands.Str("username"))}, Run: us.aclDeluser,
			},
			{
				Name: "dryrun", Since: "7.0.0", Arity: -4, Complexity: "O(1).",
				Summary: "Returns whether the user can execute the given command without executing the command.", Flags: admin,
				Args: []commands.Arg{commands.Str("username"), commands.Str("command"), commands.Opt(commands.Many(commands.Str("arg")))},
				Run:  us.aclDryrun,
			},
			{
				Name: "genpass", Since: "6.0.0", Arity: -2, Complexity: "O(1)",
				Summary: "Generate a pseudorandom secure password to use for ACL users", Flags: own,
				Args: []commands.Arg{commands.Opt(commands.Int("bits"))}, Run: us.aclGenpass,
			},
			{
				Name: "getuser", Since: "6.0.0", Arity: 3, Complexity: "O(N). Where N is the number of password, command and pattern rules that the user has.",
				Summary: "Get the rules for a specific ACL user", Flags: admin,
				Args: []commands.Arg{commands.Str("username")}, Run: us.aclGetuser,
			},
			{
				Name: "help", Since: "6.0.0", Arity: 2, Complexity: "O(1)",
				Summary: "Show helpful text about the different subcommands", Flags: commands.Loading | commands.Stale, Run: us.aclHelp,
			},
			{
				Name: "list", Since: "6.0.0", Arity: 2, Complexity: "O(N). Where N is the number of configured users.",
				Summary: "List the current ACL rules in ACL config file format", Flags: admin, Run: us.aclList,
			},
			{
				Name: "load", Since: "6.0.0", Arity: 2, Complexity: "O(N). Where N is the number of configured users.",
				Summary: "Reload the ACLs from the configured ACL file", Flags: admin, Run: us.aclLoad,
			},
			{
				Name: "log", Since: "6.0.0", Arity: -2, Complexity: "O(N) with N being the number of entries shown.",
				Summary: "List latest events denied because of ACLs in place", Flags: admin,
				Args: []commands.Arg{commands.Opt(commands.OneOf("operation", commands.Int("count"), commands.Token("reset", "RESET")))},
				Run:  us.aclLogCommand,
			},
			{
				Name: "save", Since: "6.0.0", Arity: 2, Complexity: "O(N). Where N is the number of configured users.",
				Summary: "Save the current ACL rules in the configured ACL file", Flags: admin, Run: us.aclSave,
			},
			{
				Name: "setuser", Since: "6.0.0", Arity: -3, Complexity: "O(N). Where N is the number of rules provided.",
				Summary: "Modify or create the rules for a specific ACL user", Flags: admin,
				Args: []commands.Arg{commands.Str("username"), commands.Opt(commands.Many(commands.Str("rule")))}, Run: us.aclSetuser,
			},
			{
				Name: "users", Since: "6.0.0", Arity: 2, Complexity: "O(N). Where N is the number of configured users.",
				Summary: "List the username of all the configured ACL rules", Flags: admin, Run: us.aclUsers,
			},
			{
				Name: "whoami", Since: "6.0.0", Arity: 2, Complexity: "O(1)",
				Summary: "Return the name of the user associated to the current connection", Flags: own, Run: us.aclWhoami,
			},
		},
	}}
}
