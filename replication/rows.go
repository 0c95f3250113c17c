package replication

import (
	"strconv"
	"strings"

	"cached/commands"
)

// Commands returns the rows of the commands of replication.
func (r *Replication) Commands() []commands.Spec {
	of := []commands.Arg{commands.OneOf("args",
		commands.Block("host-port", commands.Str("host"), commands.Int("port")),
		commands.Block("no-one", commands.Token("no", "NO"), commands.Token("one", "ONE")))}
	return []commands.Spec{
		{
			Name: "failover", Group: commands.Server, Since: "6.2.0", Arity: -1, Complexity: "O(1)",
			Summary: "Start a coordinated failover between this server and one of its replicas.",
			Flags:   commands.Admin | commands.NoScript | commands.Stale,
			Args: []commands.Arg{
				commands.Opt(commands.After("TO", commands.Block("target", commands.Str("host"), commands.Int("port"), commands.Opt(commands.Token("force", "FORCE"))))),
				commands.Opt(commands.Token("abort", "ABORT")), commands.Opt(commands.After("TIMEOUT", commands.Int("milliseconds")))},
			Run: r.failoverCmd,
		},
		{
			Name: "psync", Group: commands.Server, Since: "2.8.0", Arity: -3,
			Summary: "Internal command used for replication",
			Flags:   commands.Admin | commands.NoScript | commands.NoAsyncLoading | commands.NoMulti | commands.Keyspace,
			Args:    []commands.Arg{commands.Str("replicationid"), commands.Int("offset")},
			Run:     r.sync,
		},
		{
			Name: "replconf", Group: commands.Server, Since: "3.0.0", Arity: -1, Complexity: "O(1)",
			Summary: "An internal command for configuring the replication stream",
			Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale | commands.AllowBusy,
			Doc:     commands.SysCmd,
			Run:     r.replconf,
		},
		{
			Name: "replicaof", Group: commands.Server, Since: "5.0.0", Arity: 3, Complexity: "O(1)",
			Summary: "Make the server a replica of another instance, or promote it as master.",
			Flags:   commands.Admin | commands.NoScript | commands.Stale | commands.NoAsyncLoading | commands.Keyspace,
			Args:    of, Run: r.replicaof,
		},
		{
			Name: "role", Group: commands.Server, Since: "2.8.12", Arity: 1, Complexity: "O(1)",
			Summary: "Return the role of the instance in the context of replication.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale | commands.Fast, ACL: commands.CatAdmin | commands.CatDangerous,
			Run: r.role,
		},
		{
			Name: "slaveof", Group: commands.Server, Since: "1.0.0", Arity: 3, Complexity: "O(1)",
			Summary: "Make the server a replica of another instance, or promote it as master.",
			Flags:   commands.Admin | commands.NoScript | commands.Stale | commands.NoAsyncLoading | commands.Keyspace,
			Args:    of, Run: r.replicaof,
			Doc: commands.Deprecated, DeprecatedSince: "5.0.0", ReplacedBy: "`REPLICAOF`",
		},
		{
			Name: "sync", Group: commands.Server, Since: "1.0.0", Arity: 1,
			Summary: "Internal command used for replication",
			Flags:   commands.Admin | commands.NoScript | commands.NoAsyncLoading | commands.NoMulti | commands.Keyspace,
			Run:     r.sync,
		},
		{
			Name: "wait", Group: commands.Generic, Since: "3.0.0", Arity: 3, Complexity: "O(1)",
			Summary: "Wait for the synchronous replication of all the write commands sent in the context of the current connection.",
			Flags:   commands.Blocking, ACL: commands.CatConnection, Tips: []string{"request_policy:all_shards", "response_policy:agg_min"},
			Args: []commands.Arg{commands.Int("numreplicas"), commands.Int("timeout")},
			Run:  r.wait,
		},
	}
}

// replicaof is REPLICAOF and SLAVEOF. The whole keyspace is locked.
func (r *Replication) replicaof(c *commands.Ctx) error {
	host, port := string(c.Argv[1]), string(c.Argv[2])
	if strings.EqualFold(host, "no") && strings.EqualFold(port, "one") {
		if r.following.Load() {
			r.promote()
			_ = r.cfg.Put("replicaof", "")
			r.log.Info("MASTER MODE enabled (user request from '" + r.clientName(c) + "')")
		}
		c.Reply.OK()
		return nil
	}
	n, ok := parseInt(c.Argv[2])
	if !ok || n < 0 || n > 65535 {
		return commands.Error("ERR Invalid master port")
	}
	port = strconv.FormatInt(n, 10)
	if was, at, ok := r.primary(); ok && strings.EqualFold(was, host) && at == port && r.following.Load() {
		r.log.Info("REPLICAOF would result into synchronization with the master we are already connected with. No operation performed.")
		c.Reply.Status("OK Already connected to specified master")
		return nil
	}
	if err := r.cfg.Put("replicaof", host+" "+port); err != nil {
		return commands.Error("ERR " + err.Error())
	}
	r.follow(host, port)
	r.log.Info("REPLICAOF " + host + ":" + port + " enabled (user request from '" + r.clientName(c) + "')")
	c.Reply.OK()
	return nil
}

func (r *Replication) clientName(c *commands.Ctx) string {
	id, addr := r.srv.ClientAddr(c)
	return "id=" + strconv.FormatInt(id, 10) + " addr=" + addr
}

// role is ROLE.
func (r *Replication) role(c *commands.Ctx) error {
	if r.following.Load() {
		host, port, _ := r.primary()
		n, _ := strconv.ParseInt(port, 10, 64)
		r.mu.Lock()
		state, offset := stateWords[connecting], int64(-1)
		if r.link != nil {
			state = stateWords[r.link.state.Load()]
		}
		if r.position.known {
			offset = r.backlog.offset()
		}
		r.mu.Unlock()
		c.Reply.Array(5)
		c.Reply.BulkString("slave")
		c.Reply.BulkString(host)
		c.Reply.Int(n)
		c.Reply.BulkString(state)
		c.Reply.Int(offset)
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c.Reply.Array(3)
	c.Reply.BulkString("master")
	c.Reply.Int(r.backlog.offset())
	n := 0
	for _, p := range r.peers {
		if p.is(online) {
			n++
		}
	}
	c.Reply.Array(n)
	for _, p := range r.peers {
		if p.is(online) {
			c.Reply.Array(3)
			c.Reply.BulkString(p.host())
			c.Reply.BulkString(strconv.Itoa(p.port))
			c.Reply.BulkString(strconv.FormatInt(p.acked.Load(), 10))
		}
	}
	return nil
}

const (
	errReadOnly   = commands.Error("READONLY You can't write against a read only replica.")
	errNoReplicas = commands.Error("NOREPLICAS Not enough good replicas to write.")
	errMasterDown = commands.Error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")
)

// Refusing reports whether Refuse may have something to say.
func (r *Replication) Refusing() bool {
	return r.following.Load() || r.cfg.Value("min-replicas-to-write").Int() > 0
}

// Refuse returns the error of a command that may not run now. flags are those that the command,
// or any of the transaction that it runs, has; missing those that any of them lacks.
func (r *Replication) Refuse(flags, missing commands.Flag) error {
	if !r.following.Load() {
		if flags&commands.Write != 0 && !r.enoughReplicas() {
			return errNoReplicas
		}
		return nil
	}
	switch {
	case flags&commands.Write != 0 && r.cfg.Value("replica-read-only").Bool():
		return errReadOnly
	case missing&commands.Stale != 0 && !r.up.Load() && !r.cfg.Value("replica-serve-stale-data").Bool():
		return errMasterDown
	}
	return nil
}
