package server

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	"cached/commands"
	"cached/internal/acl"
	"cached/internal/config"
)

// accounts are all users who may log in. The default account is always there.
type accounts struct {
	catalog *acl.Catalog
	std     *account // the default account
	log     aclLog

	mu     sync.Mutex // guards byName, and every change of a user
	byName map[string]*account
}

// newAccounts returns the default account alone, which has no rights before know.
func newAccounts() *accounts {
	as := &accounts{std: &account{name: "default"}, byName: make(map[string]*account)}
	as.byName["default"] = as.std
	return as
}

// know builds the catalog of the table's commands, and lets the default user run them all.
func (as *accounts) know(tables []*commands.Table) {
	catalog := acl.NewCatalog(tables[0].Numbers(), commands.CategoryNames)
	var add func(s *commands.Spec)
	add = func(s *commands.Spec) {
		catalog.Add(s.FullName(), s.Number(), categoryNames(s.Categories()))
		for i := range s.Sub {
			add(&s.Sub[i])
		}
	}
	for _, table := range tables {
		for _, s := range table.All() {
			add(s)
		}
	}
	as.catalog = catalog
	as.std.user.Store(acl.Default(catalog))
}

func categoryNames(c commands.Category) (names []string) {
	for i, name := range commands.CategoryNames {
		if c&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// find returns the account of a name, or nil.
func (as *accounts) find(name string) *account {
	as.mu.Lock()
	defer as.mu.Unlock()
	return as.byName[name]
}

// sorted returns all accounts in the order of their names.
func (as *accounts) sorted() []*account {
	as.mu.Lock()
	defer as.mu.Unlock()
	all := make([]*account, 0, len(as.byName))
	for _, a := range as.byName {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *account) int { return strings.Compare(a.name, b.name) })
	return all
}

// set applies rules to a user, which it creates if there is none.
func (as *accounts) set(name string, rules []string, allChannels bool) (*account, error) {
	as.mu.Lock()
	defer as.mu.Unlock()
	a, u := as.byName[name], (*acl.User)(nil)
	if a != nil {
		u = a.user.Load()
	} else {
		u = acl.New(name, as.catalog, allChannels)
	}
	u, err := u.Apply(as.catalog, rules, allChannels)
	if err != nil {
		return nil, err
	}
	if a == nil {
		a = &account{name: name}
		as.byName[name] = a
	}
	a.user.Store(u)
	return a, nil
}

// remove removes an account other than the default one.
func (as *accounts) remove(name string) *account {
	as.mu.Lock()
	defer as.mu.Unlock()
	a := as.byName[name]
	delete(as.byName, name)
	return a
}

// replace replaces all users; accounts whose names are still in use stay the same. It returns the removed ones.
func (as *accounts) replace(users map[string]*acl.User) (gone []*account) {
	as.mu.Lock()
	defer as.mu.Unlock()
	if users["default"] == nil {
		users["default"] = acl.Default(as.catalog)
	}
	for name, a := range as.byName {
		if users[name] == nil {
			gone = append(gone, a)
			delete(as.byName, name)
		}
	}
	for name, u := range users {
		a := as.byName[name]
		if a == nil {
			a = &account{name: name}
			as.byName[name] = a
		}
		a.user.Store(u)
	}
	return gone
}

// channelsByDefault reports whether new users may use all channels.
func (us *Users) channelsByDefault() bool {
	return us.cfg.Value("acl-pubsub-default").String() == "allchannels"
}

// setPassword makes requirepass the only password of the default user, or lets clients use it without one.
func (us *Users) setPassword(v *config.Value) error {
	rules := []string{"resetpass", "nopass"}
	if v.String() != "" {
		rules = []string{"resetpass", ">" + v.String()}
	}
	_, err := us.accounts.set("default", rules, us.channelsByDefault())
	return err
}

// login returns the account of a name and a password, or nil, which it notes.
func (us *Users) login(c *client, via string, name, password []byte) *account {
	a := us.accounts.find(string(name))
	if a != nil && a.user.Load().Login(password) {
		return a
	}
	us.deniedAuth.Add(1)
	us.accounts.log.add(us, c, denial{reason: "auth", object: via, user: string(name)})
	return nil
}

// mayRun refuses commands that the client's user may not run.
func (us *Users) mayRun(c *client, spec *commands.Spec, argv [][]byte) error {
	return us.allow(c, spec, argv, "", func(user string, reason acl.Reason, object string) string {
		return "NOPERM " + describeDenial(user, reason, object, false)
	})
}

// allow checks whether the client's user may run a command, whatever its origin. A denial is counted and logged
// with its context ("": that of the client), and returned with the text of describe.
func (us *Users) allow(c *client, spec *commands.Spec, argv [][]byte, context string,
	describe func(user string, reason acl.Reason, object string) string) error {
	a := c.account.Load()
	u := a.user.Load()
	if u.Full() {
		return nil
	}
	reason, object := may(u, spec, argv)
	if reason == acl.Allowed {
		return sortDenied(u, spec, argv)
	}
	us.deniedACL[reason].Add(1)
	us.accounts.log.add(us, c, denial{reason: reasonNames[reason], context: context, object: object, user: a.name})
	return commands.Error(describe(a.name, reason, object))
}

// sortDenied refuses patterns of SORT, which may name any key, to users who may not read all keys.
func sortDenied(u *acl.User, spec *commands.Spec, argv [][]byte) error {
	if spec.Name != "sort" && spec.Name != "sort_ro" || u.ReadsAllKeys() {
		return nil
	}
	for i := 2; i+1 < len(argv); i++ {
		switch option := strings.ToUpper(string(argv[i])); {
		case option == "LIMIT":
			i += 2
		case option == "BY" && bytes.IndexByte(argv[i+1], '*') >= 0, option == "GET":
			return commands.Error("ERR " + option + " option of SORT denied due to insufficient ACL permissions.")
		case option == "BY", option == "STORE":
			i++
		}
	}
	return nil
}

// aclGate refuses commands that the client's user may not run, with the text for their origin.
func (us *Users) aclGate(r *Request) Verdict {
	switch r.Origin {
	case FromExec:
		return refuse(us.stillAllowed(r.c, r.Spec, r.Argv))
	case FromScript:
		return refuse(us.mayFromScript(r.c, r.Spec, r.Argv))
	}
	return refuse(us.mayRun(r.c, r.Spec, r.Argv))
}

// stillAllowed refuses a queued command whose user lost the right to it since.
func (us *Users) stillAllowed(c *client, spec *commands.Spec, argv [][]byte) error {
	return us.allow(c, spec, argv, "", func(_ string, reason acl.Reason, _ string) string {
		return "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. " +
			"This command is no longer allowed for the following reason: " + stillDenied[reason]
	})
}

var stillDenied = [...]string{
	acl.DeniedCommand: "no permission to execute the command or subcommand",
	acl.DeniedKey:     "no permission to touch the specified keys",
	acl.DeniedChannel: "no permission to access one of the channels used as arguments to the command",
}

var reasonNames = [...]string{acl.DeniedCommand: "command", acl.DeniedKey: "key", acl.DeniedChannel: "channel"}

// describeDenial is the text of a denial; exactly names the key or channel.
func describeDenial(user string, reason acl.Reason, object string, exactly bool) string {
	switch {
	case reason == acl.DeniedCommand:
		return "User " + user + " has no permissions to run the '" + object + "' command"
	case exactly && reason == acl.DeniedKey:
		return "User " + user + " has no permissions to access the '" + object + "' key"
	case exactly:
		return "User " + user + " has no permissions to access the '" + object + "' channel"
	case reason == acl.DeniedKey:
		return "No permissions to access a key"
	default:
		return "No permissions to access a channel"
	}
}

// may reports whether a user may run a command with these words, and otherwise what is denied: the command's name,
// a key or a channel.
func may(u *acl.User, spec *commands.Spec, argv [][]byte) (acl.Reason, string) {
	if u.Full() || spec.Flags&commands.NoAuth != 0 {
		return acl.Allowed, ""
	}
	call := acl.Call{Number: spec.Number()}
	if len(argv) > 1 {
		call.First = argv[1]
	}
	uses, _ := spec.KeyUses(argv) // a call that hides its keys touches none: it fails
	for _, use := range uses {
		call.Keys = append(call.Keys, acl.Key{Name: argv[use.Index], Read: use.Flags&commands.Access != 0,
			Write: use.Flags&(commands.Insert|commands.Update|commands.Delete) != 0})
	}
	switch spec.Name {
	case "subscribe", "ssubscribe", "psubscribe":
		for _, a := range argv[1:] {
			call.Channels = append(call.Channels, acl.Channel{Name: a, Pattern: spec.Name == "psubscribe"})
		}
	case "publish", "spublish":
		call.Channels = append(call.Channels, acl.Channel{Name: argv[1]})
	}
	reason, i := u.Check(&call)
	switch reason {
	case acl.DeniedCommand:
		return reason, spec.FullName()
	case acl.DeniedKey:
		return reason, string(call.Keys[i].Name)
	case acl.DeniedChannel:
		return reason, string(call.Channels[i].Name)
	}
	return reason, ""
}

// disown closes the clients of removed accounts; me, if it is one of them, after its reply.
func (us *Users) disown(me *client, gone ...*account) {
	for _, c := range us.allClients() {
		if !slices.Contains(gone, c.account.Load()) {
			continue
		}
		if c == me {
			me.closing = true
		} else {
			us.kill(c)
		}
	}
}

// mayFromScript refuses a command that the script's user may not run.
func (us *Users) mayFromScript(c *client, spec *commands.Spec, argv [][]byte) error {
	return us.allow(c, spec, argv, "lua", func(user string, reason acl.Reason, object string) string {
		return "ERR ACL failure in script: " + describeDenial(user, reason, object, false)
	})
}
