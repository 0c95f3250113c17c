package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strconv"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/engine/value"
	"cached/internal/config"
	"cached/internal/glob"
	"cached/internal/host"
)

// debugState is the state that DEBUG changes.
type debugState struct {
	leaked [][]byte // by DEBUG LEAK; the whole keyspace is locked
}

// debugMore are the subcommands that change how the server works, or that show
// insides. done is false if there is none of that name and number of words.
func (s *Server) debugMore(c *commands.Ctx, sub string) (done bool, err error) {
	n := len(c.Argv)
	on := func() bool { return n > 2 && string(c.Argv[2]) != "0" }
	switch {
	case sub == "populate" && n >= 3 && n <= 5:
		return true, s.debugPopulate(c)
	case sub == "set-disable-deny-scripts" && n == 3:
		s.scripts.allowAll.Store(on())
	case sub == "set-skip-checksum-validation" && n == 3 && s.disk != nil:
		s.disk.DebugSet("skip-checksums", boolInt(on()))
	case sub == "aof-flush-sleep" && n == 3 && s.disk != nil:
		us, ok := value.ParseInt(c.Argv[2])
		if !ok {
			return true, commands.ErrNotInt
		}
		s.disk.DebugSet("flush-sleep", us)
	case sub == "pause-cron" && n == 3:
		s.cronPaused.Store(on())
	case sub == "change-repl-id" && n == 2:
		s.newReplID()
	case sub == "config-rewrite-force-all" && n == 2:
		if err := s.cfg.RewriteAll(); err != nil {
			return true, commands.Error("ERR CONFIG-REWRITE-FORCE-ALL failed: " + host.Reason(err))
		}
	case sub == "leak" && n == 3:
		s.debugged.leaked = append(s.debugged.leaked, append([]byte(nil), c.Argv[2]...))
	case sub == "quicklist-packed-threshold" && n == 3:
		return true, debugPackedThreshold(c)
	case sub == "stringmatch-test" && n == 2:
		matchAtRandom()
	case sub == "listpack" && n == 3, sub == "quicklist" && (n == 3 || n == 4):
		return true, s.debugStructure(c, sub)
	case sub == "sdslen" && n == 3:
		return true, s.debugLengths(c)
	case sub == "htstats" && (n == 3 || n == 4):
		return true, s.debugTables(c)
	case sub == "htstats-key" && (n == 3 || n == 4):
		return true, s.debugTableOf(c)
	case sub == "structsize" && n == 2:
		c.Reply.Status("bits:64 item_header:8 index_entry:8")
		return true, nil
	case sub == "client-eviction" && n == 2:
		return true, s.debugClientEviction(c)
	case (sub == "panic" || sub == "assert" || sub == "segfault" || sub == "oom") && n == 2:
		s.log.Error("the server ends as DEBUG " + sub + " wants")
		host.Crash(sub)
		return true, nil
	case (sub == "restart" || sub == "crash-and-recover") && (n == 2 || n == 3):
		return true, s.debugRestart(c, sub == "restart")
	default:
		return false, nil
	}
	c.Reply.OK()
	return true, nil
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// newReplID gives the server another name as a primary.
func (s *Server) newReplID() {
	var id [20]byte
	_, _ = rand.Read(id[:]) // it does not fail
	name := hex.EncodeToString(id[:])
	s.replID.Store(&name)
}

// maxPopulated bounds the size of values that DEBUG POPULATE makes.
const maxPopulated = 512 << 20

// debugPopulate makes keys.
func (s *Server) debugPopulate(c *commands.Ctx) error {
	count, ok := value.ParseInt(c.Argv[2])
	if !ok || count < 0 {
		return commands.Error("ERR value is out of range, must be positive")
	}
	prefix, size := "key", int64(0)
	if len(c.Argv) > 3 {
		prefix = string(c.Argv[3])
	}
	if len(c.Argv) > 4 {
		if size, ok = value.ParseInt(c.Argv[4]); !ok || size < 0 || size > maxPopulated {
			return commands.Error("ERR value is out of range, must be positive")
		}
	}
	var key, text []byte
	for i := range count {
		key = strconv.AppendInt(append(append(key[:0], prefix...), ':'), i, 10)
		if !c.Tx.Peek(key).IsZero() {
			continue
		}
		text = strconv.AppendInt(append(text[:0], "value:"...), i, 10)
		if size > 0 {
			for int64(len(text)) < size {
				text = append(text, 0)
			}
			text = text[:size]
		}
		c.Tx.SetString(key, text, 0)
		c.Tx.Modified(key, engine.EventSet)
		if c.Tx.Journaled() { // a log of this command would not be loaded where DEBUG is off
			c.Propagate("SET", append([]byte(nil), key...), append([]byte(nil), text...))
		}
	}
	c.Reply.OK()
	return nil
}

// debugPackedThreshold checks a setting of Redis's lists, whose form here does not depend
// on it.
func debugPackedThreshold(c *commands.Ctx) error {
	n, err := config.ParseMemory(string(c.Argv[2]))
	if err != nil || n < 0 || n > 4<<30 {
		return commands.Error("ERR argument must be a memory value bigger than 1 and smaller than 4gb")
	}
	c.Reply.OK()
	return nil
}

// matchAtRandom matches random patterns with random texts, as a test that matching terminates.
func matchAtRandom() {
	word := func(letters string, most int) []byte {
		b := make([]byte, mathrand.IntN(most))
		for i := range b {
			b[i] = letters[mathrand.IntN(len(letters))]
		}
		return b
	}
	for range 10000 {
		glob.Match(word(`ab*?[]\-^`, 12), word("ab-", 20), false)
	}
}

// debugStructure logs how a small collection, or a list, is stored.
func (s *Server) debugStructure(c *commands.Ctx, kind string) error {
	key := c.Argv[2]
	it := c.Tx.Peek(key)
	if it.IsZero() {
		return commands.ErrNoKey
	}
	if value.EncodingOf(it).String() != kind {
		return commands.Error("ERR Not a " + kind + " encoded object.")
	}
	s.log.Warn("DEBUG "+kind, "key", string(key), "encoding", kind, "bytes", it.ValueLen(), "address", fmt.Sprintf("0x%x", uint64(it.Addr())))
	name := "Listpack"
	if kind == "quicklist" {
		name = "Quicklist"
	}
	c.Reply.Status(name + " structure printed on stdout")
	return nil
}

// debugLengths replies with the lengths of a key and its string.
func (s *Server) debugLengths(c *commands.Ctx) error {
	key := c.Argv[2]
	it := c.Tx.Peek(key)
	if it.IsZero() {
		return commands.ErrNoKey
	}
	text, err := c.Tx.Text(key)
	if err != nil || value.EncodingOf(it).String() == "int" {
		return commands.Error("ERR Not an sds encoded string.")
	}
	n := text.Len()
	c.Reply.Status(fmt.Sprintf("key_sds_len:%d, key_sds_avail:0, key_zmalloc: %d, val_sds_len:%d, val_sds_avail:0, val_zmalloc: %d",
		len(key), len(key), n, n))
	return nil
}

// debugTables replies with the sizes of the tables of a database.
func (s *Server) debugTables(c *commands.Ctx) error {
	db, ok := value.ParseInt(c.Argv[2])
	if !ok {
		return commands.ErrNotInt
	}
	if db < 0 || db >= int64(s.keys.Databases()) {
		return commands.Error("ERR Out of range database")
	}
	st := s.keys.DBStats(c.Tx, int(db), c.NowMS)
	c.Reply.Verbatim("txt", "[Dictionary HT]\n"+tableStats(int64(st.Keys))+"[Expires HT]\n"+tableStats(int64(st.Expires)))
	return nil
}

func (s *Server) debugTableOf(c *commands.Ctx) error {
	it := c.Tx.Peek(c.Argv[2])
	if it.IsZero() {
		return commands.ErrNoKey
	}
	n := 0
	switch enc := value.EncodingOf(it).String(); {
	case enc == "hashtable" && value.TypeOf(it) == value.Hash:
		n = value.HashLen(it)
	case enc == "hashtable":
		n = value.SetLen(it)
	case enc == "skiplist":
		n = value.ZSetLen(it)
	}
	if n > 0 {
		c.Reply.Verbatim("txt", tableStats(int64(n)))
		return nil
	}
	return commands.Error("ERR The value stored at the specified key is not represented using an hash table")
}

func tableStats(elements int64) string {
	if elements == 0 {
		return "No stats available for empty dictionaries\n"
	}
	return fmt.Sprintf("Hash table 0 stats (main hash table):\n number of elements: %d\n", elements)
}

// debugClientEviction replies with the memory of clients that counts for maxmemory-clients.
func (s *Server) debugClientEviction(c *commands.Ctx) error {
	if s.cfg.Value("maxmemory-clients").Int() == 0 {
		return commands.Error("ERR maxmemory-clients is disabled.")
	}
	var in, out int64
	all := s.allClients()
	for _, cl := range all {
		in, out = in+cl.shown.inBytes.Load(), out+cl.shown.outBytes.Load()
	}
	c.Reply.Verbatim("txt", fmt.Sprintf("Tot Mem: %d, Clients: %d\n", in+out, len(all)))
	return nil
}

// debugRestart restarts the program after some time, with its data saved or not.
func (s *Server) debugRestart(c *commands.Ctx, save bool) error {
	ms := int64(0)
	if len(c.Argv) == 3 {
		var ok bool
		if ms, ok = value.ParseInt(c.Argv[2]); !ok || ms < 0 {
			return commands.ErrNotInt
		}
	}
	exe, err := os.Executable()
	if err == nil && !host.CanRestart {
		err = fmt.Errorf("not on this system")
	}
	if err != nil {
		return commands.Error("ERR failed to restart the server. Check server logs.")
	}
	go func() {
		time.Sleep(time.Duration(ms) * time.Millisecond)
		if save && s.disk != nil {
			if err := s.disk.Shutdown(context.Background(), false, false, false); err != nil {
				s.log.Error("restart", "error", err)
				return
			}
			s.disk.Flush()
		}
		s.log.Error("restart", "error", host.Restart(exe))
	}()
	c.Reply.OK()
	return nil
}
