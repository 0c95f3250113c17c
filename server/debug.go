package server

import (
	"fmt"
	"time"

	"cached/commands"
	"cached/engine/value"
	"cached/internal/glob"
)

const errDebugOff = commands.Error("ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", " +
	"you can run it from a local connection, otherwise you need to set this option in the configuration file, and then " +
	"restart the server.")

// maxDebugSleep bounds how long DEBUG SLEEP may hold a loop.
const maxDebugSleep = 10 * time.Minute

// debug is for tests and for examining a server. It has no subcommands for features that do not exist here, such
// as the heap of a C allocator. It runs with the whole keyspace locked: DEBUG SLEEP blocks all clients that use
// the keyspace.
func (s *Server) debug(c *commands.Ctx) error {
	switch s.cfg.Value("enable-debug-command").String() {
	case "yes":
	case "local":
		if !clientOf(c).local {
			return errDebugOff
		}
	default:
		return errDebugOff
	}
	n := len(c.Argv)
	switch sub := fold(c.Argv[1]); {
	case sub == "help":
		return s.debugHelp(c)
	case sub == "sleep" && n == 3:
		f, _ := commands.ParseFloat(c.Argv[2])
		time.Sleep(min(time.Duration(max(f, 0)*float64(time.Second)), maxDebugSleep))
		c.Reply.OK()
	case sub == "object" && (n == 3 || n == 4 && fold(c.Argv[3]) == "fast"):
		return s.debugObject(c)
	case sub == "reload" && n >= 2:
		return s.debugReload(c)
	case sub == "loadaof" && n == 2:
		return s.debugLoadLog(c)
	case sub == "digest" && n == 2:
		return commands.DebugDigest(c)
	case sub == "digest-value" && n >= 2:
		return commands.DebugDigestValue(c)
	case sub == "set-active-expire" && n == 3:
		s.keys.SetActiveExpiry(string(c.Argv[2]) != "0")
		c.Reply.OK()
	case sub == "stringmatch-len" && n == 4:
		text := make([]byte, 0)
		if l, ok := value.ParseInt(c.Argv[2]); ok && l >= 0 && l <= 1<<20 {
			text = make([]byte, l)
			for i := range text {
				text[i] = 'a'
			}
		}
		c.Reply.Bool(glob.Match(c.Argv[3], text, false))
	case sub == "error" && n == 3:
		return commands.Error(c.Argv[2])
	case sub == "log" && n == 3:
		s.log.Warn("DEBUG LOG: " + string(c.Argv[2]))
		c.Reply.OK()
	case sub == "protocol" && n == 3:
		return debugProtocol(c)
	default:
		if done, err := s.debugMore(c, sub); done || err != nil {
			return err
		}
		return errSubcommand(c)
	}
	return nil
}

func (s *Server) debugObject(c *commands.Ctx) error {
	key := c.Argv[2]
	it := c.Tx.Peek(key)
	if it.IsZero() {
		return commands.ErrNoKey
	}
	p := s.keys.AccessPolicy()
	idle := int64(0)
	if !p.LFU {
		idle = c.Tx.IdleMS(key, it) / 1000
	}
	serialized := ""
	if len(c.Argv) == 3 {
		bytes := it.ValueLen()
		if s.disk != nil {
			bytes = s.disk.Serialized(c.Tx, key)
		}
		serialized = fmt.Sprintf(" serializedlength:%d", bytes)
	}
	c.Reply.Status(fmt.Sprintf("Value at:0x%x refcount:1 encoding:%s%s lru:%d lru_seconds_idle:%d",
		uint64(it.Addr()), value.EncodingOf(it), serialized, it.Access(), idle))
	return nil
}

// debugProtocol replies something of each type of RESP.
func debugProtocol(c *commands.Ctx) error {
	w := c.Reply
	switch fold(c.Argv[2]) {
	case "string":
		w.BulkString("Hello World")
	case "integer":
		w.Int(12345)
	case "double":
		w.Double(3.141)
	case "null":
		w.Null()
	case "array", "set", "map":
		switch fold(c.Argv[2]) {
		case "array":
			w.Array(3)
		case "set":
			w.Set(3)
		default:
			w.Map(3)
		}
		for i := range int64(3) {
			w.Int(i)
			if fold(c.Argv[2]) == "map" {
				w.Bool(i == 1)
			}
		}
	case "bignum":
		w.BigNumber("1234567999999999999999999999999999999")
	case "true":
		w.Bool(true)
	case "false":
		w.Bool(false)
	case "verbatim":
		w.Verbatim("txt", "This is a verbatim\nstring")
	case "attrib":
		if w.Proto == 3 {
			w.Attribute(1)
			w.BulkString("key-popularity")
			w.Array(2)
			w.BulkString("key:123")
			w.Int(90)
		}
		w.BulkString("Some real reply following the attribute")
	case "push":
		if w.Proto < 3 {
			return commands.Error("ERR RESP2 is not supported by this command")
		}
		w.Push(2)
		w.BulkString("server-cpu-usage")
		w.Int(42)
	default:
		return commands.Error("ERR Wrong protocol type name. Please use one of the following: " +
			"string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false")
	}
	return nil
}

func (s *Server) debugHelp(c *commands.Ctx) error {
	return c.ReplyHelp("DEBUG",
		"AOF-FLUSH-SLEEP <microsec>",
		"    Server will sleep before flushing the AOF, this is used for testing.",
		"ASSERT",
		"    Crash by assertion failed.",
		"CHANGE-REPL-ID",
		"    Change the replication IDs of the instance.",
		"    Dangerous: should be used only for testing the replication subsystem.",
		"CLIENT-EVICTION",
		"    Show low level client eviction pools info (maxmemory-clients).",
		"CONFIG-REWRITE-FORCE-ALL",
		"    Like CONFIG REWRITE but writes all configuration options, including",
		"    keywords not listed in original configuration file or default values.",
		"CRASH-AND-RECOVER [<milliseconds>]",
		"    Hard crash and restart after a <milliseconds> delay (default 0).",
		"DIGEST",
		"    Output a hex signature representing the current DB content.",
		"DIGEST-VALUE <key> [<key> ...]",
		"    Output a hex signature of the values of all the specified keys.",
		"ERROR <string>",
		"    Return a Redis protocol error with <string> as message. Useful for clients",
		"    unit tests to simulate Redis errors.",
		"HTSTATS <dbid> [full]",
		"    Return hash table statistics of the specified Redis database.",
		"HTSTATS-KEY <key> [full]",
		"    Like HTSTATS but for the hash table stored at <key>'s value.",
		"LEAK <string>",
		"    Create a memory leak of the input string.",
		"LISTPACK <key>",
		"    Show low level info about the listpack encoding of <key>.",
		"LOADAOF",
		"    Flush the AOF buffers on disk and reload the AOF in memory.",
		"LOG <message>",
		"    Write <message> to the server log.",
		"OBJECT <key> [fast]",
		"    Show low level info about `key` and associated value.",
		"    Some fields of the default behavior may be time consuming to fetch,",
		"    and `fast` can be passed to avoid fetching them.",
		"OOM",
		"    Crash the server simulating an out-of-memory error.",
		"PANIC",
		"    Crash the server simulating a panic.",
		"PAUSE-CRON <0|1>",
		"    Stop periodic cron job processing.",
		"POPULATE <count> [<prefix>] [<size>]",
		"    Create <count> string keys named key:<num>. If <prefix> is specified then",
		"    it is used instead of the 'key' prefix. These are not propagated to",
		"    replicas. Cluster slots are not respected so keys not belonging to the",
		"    current node can be created in cluster mode.",
		"PROTOCOL <type>",
		"    Reply with a test value of the specified type. <type> can be: string,",
		"    integer, double, null, array, set, map, attrib, push, verbatim, true,",
		"    false.",
		"QUICKLIST <key> [<0|1>]",
		"    Show low level info about the quicklist encoding of <key>.",
		"    The optional argument (0 by default) sets the level of detail",
		"QUICKLIST-PACKED-THRESHOLD <size>",
		"    Checks the setting; lists here are stored in the same way with any.",
		"RELOAD [option ...]",
		"    Save the RDB on disk and reload it back to memory. Valid <option> values:",
		"    * MERGE: conflicting keys will be loaded from RDB.",
		"    * NOFLUSH: the existing database will not be removed before load, but",
		"      conflicting keys will generate an exception and kill the server.",
		"    * NOSAVE: the database will be loaded from an existing RDB file.",
		"RESTART [<milliseconds>]",
		"    Graceful restart: save config, db, restart after a <milliseconds> delay (default 0).",
		"SDSLEN <key>",
		"    Show low level SDS string info representing `key` and value.",
		"SEGFAULT",
		"    Crash the server with sigsegv.",
		"SET-ACTIVE-EXPIRE <0|1>",
		"    Setting it to 0 disables expiring keys (and hash-fields) in background ",
		"    when they are not accessed (otherwise the Redis behavior). Setting it",
		"    to 1 reenables back the default.",
		"SET-DISABLE-DENY-SCRIPTS <0|1>",
		"    Let scripts run administrative commands, which are denied to them.",
		"SET-SKIP-CHECKSUM-VALIDATION <0|1>",
		"    Enables or disables checksum checks for RDB files and RESTORE's payload",
		"SLEEP <seconds>",
		"    Stop the server for <seconds>. Decimals allowed.",
		"STRINGMATCH-LEN <len> <pattern>",
		"    Run the string match algorithm on a string of <len> and <pattern>.",
		"STRINGMATCH-TEST",
		"    Run a fuzz tester against the stringmatchlen() function.",
		"STRUCTSIZE",
		"    Return the size of different core C structures.")
}
