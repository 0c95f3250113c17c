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

// debug is for tests and for people who look into a server. Subcommands about
// what does not exist here, such as a heap of C, do nothing. It runs with the
// whole keyspace locked: DEBUG SLEEP stops everybody who uses it.
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
	case sub == "object" && n >= 3:
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
		s.log.Warn("DEBUG LOG", "text", string(c.Argv[2]))
		c.Reply.OK()
	case sub == "protocol" && n == 3:
		return debugProtocol(c)
	case sub == "quicklist-packed-threshold" && n == 3, sub == "set-disable-deny-scripts" && n == 3,
		sub == "dict-resizing" && n == 3, sub == "replybuffer" && n == 4, sub == "pause-cron" && n == 3,
		sub == "mallctl" && n >= 3, sub == "drop-cluster-packet-filter" && n == 3,
		sub == "change-repl-id" && n == 2, sub == "config-rewrite-force-all" && n == 2:
		c.Reply.OK()
	default:
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
	bytes := it.ValueLen()
	if s.disk != nil {
		bytes = s.disk.Serialized(c.Tx, key)
	}
	c.Reply.Status(fmt.Sprintf("Value at:0x%x refcount:1 encoding:%s serializedlength:%d lru:%d lru_seconds_idle:%d",
		uint64(it.Addr()), value.EncodingOf(it), bytes, it.Access(), idle))
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
	case "push":
		if w.Proto < 3 {
			return commands.Error("ERR RESP2 is not supported by this command")
		}
		w.Push(2)
		w.BulkString("server-cpu-usage")
		w.Int(42)
	default:
		return commands.Error("ERR Wrong protocol type name. Please use one of the following: " +
			"string|integer|double|null|array|set|map|attrib|push|verbatim|true|false")
	}
	return nil
}

func (s *Server) debugHelp(c *commands.Ctx) error {
	return c.ReplyHelp("DEBUG",
		"DIGEST",
		"    Output a hex signature representing the current DB content.",
		"DIGEST-VALUE <key> [<key> ...]",
		"    Output a hex signature of the values of all the specified keys.",
		"ERROR <string>",
		"    Return a Redis protocol error with <string> as message. Useful for clients",
		"    unit tests to simulate Redis errors.",
		"LOADAOF",
		"    Flush the AOF buffers on disk and reload the AOF in memory.",
		"LOG <message>",
		"    Write <message> to the server log.",
		"OBJECT <key>",
		"    Show low level info about `key` and associated value.",
		"PROTOCOL <type>",
		"    Reply with a test value of the specified type. <type> can be: string,",
		"    integer, double, null, array, set, map, push, verbatim, true, false, bignum.",
		"RELOAD [option ...]",
		"    Save the RDB on disk and reload it back to memory. Valid <option> values:",
		"    * MERGE: conflicting keys will be loaded from RDB.",
		"    * NOFLUSH: the existing database will not be removed before load, but",
		"      conflicting keys will generate an exception and kill the server.",
		"    * NOSAVE: the database will be loaded from an existing RDB file.",
		"SET-ACTIVE-EXPIRE <0|1>",
		"    Setting it to 0 disables expiring keys (and hash-fields) in background ",
		"    when they are not accessed (otherwise the Redis behavior). Setting it",
		"    to 1 reenables back the default.",
		"SLEEP <seconds>",
		"    Stop the server for <seconds>. Decimals allowed.",
		"STRINGMATCH-LEN <len> <pattern>",
		"    Run the string match algorithm on a string of <len> and <pattern>.")
}
