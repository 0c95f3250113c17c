package server

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"

	"cached/commands"
	"cached/engine/value"
	"cached/internal/acl"
)

const errNoACLFile = commands.Error("ERR This Redis instance is not configured to use an ACL file. You may want to specify " +
	"users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in " +
	"order to store users in the Redis configuration.")

func (us *Users) aclSetuser(c *commands.Ctx) error {
	name := string(c.Argv[2])
	if !validUserName(name) {
		return commands.Error("ERR Usernames can't contain spaces or null characters")
	}
	rules := make([]string, len(c.Argv)-3)
	for i, a := range c.Argv[3:] {
		rules[i] = string(a)
	}
	a, err := us.accounts.set(name, rules, us.channelsByDefault())
	if err != nil {
		return ruleError(err)
	}
	us.narrowed(clientOf(c), a)
	c.Reply.OK()
	return nil
}

// ruleError is the error of ACL SETUSER for a bad rule.
func ruleError(err error) error {
	var bad *acl.RuleError
	if errors.As(err, &bad) {
		return commands.Error("ERR Error in ACL SETUSER modifier '" + bad.Rule + "': " + bad.Error())
	}
	return commands.Error("ERR " + err.Error())
}

func (us *Users) aclDeluser(c *commands.Ctx) error {
	var gone []*account
	for _, name := range c.Argv[2:] {
		if string(name) == "default" {
			return commands.Error("ERR The 'default' user cannot be removed")
		}
	}
	for _, name := range c.Argv[2:] {
		if a := us.accounts.remove(string(name)); a != nil {
			gone = append(gone, a)
		}
	}
	us.disown(clientOf(c), gone...)
	c.Reply.Int(int64(len(gone)))
	return nil
}

func (us *Users) aclGetuser(c *commands.Ctx) error {
	a := us.accounts.find(string(c.Argv[2]))
	if a == nil {
		c.Reply.Null()
		return nil
	}
	d, r := a.user.Load().Describe(), c.Reply
	r.Map(6)
	r.BulkString("flags")
	r.Set(len(d.Flags))
	for _, f := range d.Flags {
		r.BulkString(f)
	}
	r.BulkString("passwords")
	r.Array(len(d.Passwords))
	for _, p := range d.Passwords {
		r.BulkString(p)
	}
	permissions := func(p acl.Permissions) {
		r.BulkString("commands")
		r.BulkString(p.Commands)
		r.BulkString("keys")
		r.BulkString(p.Keys)
		r.BulkString("channels")
		r.BulkString(p.Channels)
	}
	permissions(d.Selectors[0])
	r.BulkString("selectors")
	r.Array(len(d.Selectors) - 1)
	for _, p := range d.Selectors[1:] {
		r.Map(3)
		permissions(p)
	}
	return nil
}

func (us *Users) aclList(c *commands.Ctx) error {
	all := us.accounts.sorted()
	c.Reply.Array(len(all))
	for _, a := range all {
		c.Reply.BulkString("user " + a.name + " " + a.user.Load().String())
	}
	return nil
}

func (us *Users) aclUsers(c *commands.Ctx) error {
	all := us.accounts.sorted()
	c.Reply.Array(len(all))
	for _, a := range all {
		c.Reply.BulkString(a.name)
	}
	return nil
}

func (us *Users) aclWhoami(c *commands.Ctx) error {
	c.Reply.BulkString(clientOf(c).account.Load().name)
	return nil
}

func (us *Users) aclCat(c *commands.Ctx) error {
	if len(c.Argv) > 3 {
		return errSubcommand(c)
	}
	if len(c.Argv) == 2 {
		c.Reply.Array(len(commands.CategoryNames))
		for _, name := range commands.CategoryNames {
			c.Reply.BulkString(name)
		}
		return nil
	}
	i := slices.Index(commands.CategoryNames, fold(c.Argv[2]))
	if i < 0 {
		return commands.Error("ERR Unknown category '" + clip(c.Argv[2], 128) + "'")
	}
	var names []string
	for _, spec := range us.table.All() {
		if spec.Categories()&(1<<i) != 0 {
			names = append(names, spec.FullName())
		}
		for j := range spec.Sub {
			if spec.Sub[j].Categories()&(1<<i) != 0 {
				names = append(names, spec.Sub[j].FullName())
			}
		}
	}
	c.Reply.Array(len(names))
	for _, name := range names {
		c.Reply.BulkString(name)
	}
	return nil
}

func (us *Users) aclDryrun(c *commands.Ctx) error {
	a := us.accounts.find(string(c.Argv[2]))
	if a == nil {
		return commands.Error("ERR User '" + clip(c.Argv[2], 128) + "' not found")
	}
	argv := c.Argv[3:]
	spec, _ := us.table.Find(argv)
	if spec == nil {
		return commands.Error("ERR Command '" + clip(argv[0], 128) + "' not found")
	}
	if !spec.ArityOK(argv) {
		return commands.WrongArity(spec.FullName())
	}
	if reason, object := may(a.user.Load(), spec, argv); reason != acl.Allowed {
		c.Reply.BulkString(describeDenial(a.name, reason, object, true))
		return nil
	}
	c.Reply.OK()
	return nil
}

func (us *Users) aclGenpass(c *commands.Ctx) error {
	if len(c.Argv) > 3 {
		return errSubcommand(c)
	}
	bits := int64(256)
	if len(c.Argv) == 3 {
		n, ok := value.ParseInt(c.Argv[2])
		if !ok {
			return commands.ErrNotInt
		}
		bits = n
	}
	if bits <= 0 || bits > 4096 {
		return commands.Error("ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096")
	}
	digits := (bits + 3) / 4
	b := make([]byte, (digits+1)/2)
	_, _ = rand.Read(b) // it does not fail
	c.Reply.BulkString(hex.EncodeToString(b)[:digits])
	return nil
}

func (us *Users) aclLogCommand(c *commands.Ctx) error {
	if len(c.Argv) > 3 {
		return errSubcommand(c)
	}
	n := int64(10)
	if len(c.Argv) == 3 {
		if fold(c.Argv[2]) == "reset" {
			us.accounts.log.reset()
			c.Reply.OK()
			return nil
		}
		var ok bool
		if n, ok = value.ParseInt(c.Argv[2]); !ok {
			return commands.ErrNotInt
		}
	}
	entries, r := us.accounts.log.get(int(max(min(n, 1<<20), 0))), c.Reply
	r.Array(len(entries))
	for _, e := range entries {
		r.Map(10)
		r.BulkString("count")
		r.Int(e.count)
		for _, field := range [][2]string{{"reason", e.reason}, {"context", e.context}, {"object", e.object}, {"username", e.user}} {
			r.BulkString(field[0])
			r.BulkString(field[1])
		}
		r.BulkString("age-seconds")
		r.Double(float64(c.NowMS-e.updatedMS) / 1000)
		r.BulkString("client-info")
		r.BulkString(e.client)
		r.BulkString("entry-id")
		r.Int(e.id)
		r.BulkString("timestamp-created")
		r.Int(e.createdMS)
		r.BulkString("timestamp-last-updated")
		r.Int(e.updatedMS)
	}
	return nil
}

func (us *Users) aclSave(c *commands.Ctx) error {
	path := us.cfg.Value("aclfile").String()
	if path == "" {
		return errNoACLFile
	}
	if err := us.writeACLFile(path); err != nil {
		us.log.Warn("cannot write the aclfile", "error", err)
		return commands.Error("ERR There was an error trying to save the ACLs. Please check the server logs for more information")
	}
	c.Reply.OK()
	return nil
}

func (us *Users) aclLoad(c *commands.Ctx) error {
	path := us.cfg.Value("aclfile").String()
	if path == "" {
		return errNoACLFile
	}
	users, err := us.readACLFile(path)
	if err != nil {
		return commands.Error("ERR " + err.Error())
	}
	me := clientOf(c)
	us.disown(me, us.accounts.replace(users)...)
	for _, a := range us.accounts.sorted() {
		us.narrowed(me, a)
	}
	c.Reply.OK()
	return nil
}

func (us *Users) aclHelp(c *commands.Ctx) error {
	return c.ReplyHelp("ACL",
		"CAT [<category>]",
		"    List all commands that belong to <category>, or all command categories",
		"    when no category is specified.",
		"DELUSER <username> [<username> ...]",
		"    Delete a list of users.",
		"DRYRUN <username> <command> [<arg> ...]",
		"    Returns whether the user can execute the given command without executing the command.",
		"GETUSER <username>",
		"    Get the user's details.",
		"GENPASS [<bits>]",
		"    Generate a secure 256-bit user password. The optional `bits` argument can",
		"    be used to specify a different size.",
		"LIST",
		"    Show users details in config file format.",
		"LOAD",
		"    Reload users from the ACL file.",
		"LOG [<count> | RESET]",
		"    Show the ACL log entries.",
		"SAVE",
		"    Save the current config to the ACL file.",
		"SETUSER <username> <attribute> [<attribute> ...]",
		"    Create or modify a user with the specified attributes.",
		"USERS",
		"    List all the registered usernames.",
		"WHOAMI",
		"    Return the current connection username.")
}
