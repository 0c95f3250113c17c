package commands

import (
	"strconv"
	"strings"

	"cached/engine"
	"cached/engine/value"
)

// Events of consumer groups, which do not change the entries that clients watch a key for.
var (
	eventXGroupCreate    = engine.Event{Name: "xgroup-create", Class: engine.ClassStream, Beside: true}
	eventXGroupSetID     = engine.Event{Name: "xgroup-setid", Class: engine.ClassStream, Beside: true}
	eventXGroupDestroy   = engine.Event{Name: "xgroup-destroy", Class: engine.ClassStream, Beside: true, Wakes: true}
	eventXCreateConsumer = engine.Event{Name: "xgroup-createconsumer", Class: engine.ClassStream, Beside: true}
	eventXDelConsumer    = engine.Event{Name: "xgroup-delconsumer", Class: engine.ClassStream, Beside: true}
	eventXSetID          = engine.Event{Name: "xsetid", Class: engine.ClassStream, Beside: true}
)

const (
	errXNoKey       = Error("ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.")
	errXBusyGroup   = Error("BUSYGROUP Consumer Group name already exists")
	errXEntriesRead = Error("ERR value for ENTRIESREAD must be positive or -1")
	errXSetSmall    = Error("ERR The ID specified in XSETID is smaller than the target stream top item")
	errXSetDeleted  = Error("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
	errXSetCurrent  = Error("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id")
	errXSetAdded    = Error("ERR The entries_added specified in XSETID is smaller than the target stream length")
	errXAddedNeg    = Error("ERR entries_added must be positive")
)

// errSubcommand is the error of a subcommand with unknown words.
func (c *Ctx) errSubcommand() error {
	return Error("ERR unknown subcommand or wrong number of arguments for '" + cString(c.Argv[1]) + "'. Try " +
		strings.ToUpper(cString(c.Argv[0])) + " HELP.")
}

// groupOf returns the group of XGROUP's words: key and name.
func (c *Ctx) groupOf() (s value.StreamRef, g value.StreamGroup, err error) {
	s, ok, err := c.stream(c.Argv[2])
	if err != nil {
		return s, g, err
	}
	if !ok {
		return s, g, errXNoKey
	}
	g, ok = s.Group(c.Argv[3])
	if !ok {
		return s, g, noGroupFor(c.Argv[2], c.Argv[3])
	}
	return s, g, nil
}

// noGroupFor is the error of a stream that has no such group.
func noGroupFor(key, group []byte) error {
	return Error("NOGROUP No such consumer group '" + cString(group) + "' for key name '" + cString(key) + "'")
}

// streamGroup returns the group at key, or an error if there is none.
func (c *Ctx) streamGroup(key, group []byte) (s value.StreamRef, g value.StreamGroup, err error) {
	s, ok, err := c.stream(key)
	if err != nil {
		return s, g, err
	}
	if ok {
		g, ok = s.Group(group)
	}
	if !ok {
		return s, g, noGroup(key, group, "")
	}
	return s, g, nil
}

// groupOptions are those of XGROUP CREATE and SETID.
func (c *Ctx) groupOptions(create bool) (makeStream bool, read int64, err error) {
	read = value.NoRead
	for a := c.Args(5); a.More(); {
		switch {
		case create && a.Is("MKSTREAM"):
			makeStream = true
		case a.Left() > 1 && a.Is("ENTRIESREAD"):
			n, ok := value.ParseInt(a.Next())
			if !ok {
				return false, 0, ErrNotInt
			}
			if n < 0 && n != value.NoRead {
				return false, 0, errXEntriesRead
			}
			read = n
		default:
			return false, 0, c.errSubcommand()
		}
	}
	return makeStream, read, nil
}

func xgroupCreate(c *Ctx) error {
	makeStream, read, err := c.groupOptions(true)
	if err != nil {
		return err
	}
	key := c.Argv[2]
	s, ok, err := c.stream(key)
	if err != nil {
		return err
	}
	if !ok && !makeStream {
		return errXNoKey
	}
	if len(c.Argv) > 8 {
		return c.errSubcommand() // an option that comes twice
	}
	last := value.StreamID{}
	switch {
	case string(c.Argv[4]) != "$":
		if last, err = streamID(c.Argv[4]); err != nil {
			return err
		}
	case ok:
		last = s.State().Last
	}
	if !ok {
		s.Ref = c.Tx.Create(key, value.Stream, value.StreamTree, value.NewStreamBytes)
		s.Init()
		c.Tx.Modified(key, engine.Event{}) // a key that is there now
	}
	if _, created := s.CreateGroup(c.Argv[3], last, read); !created {
		return errXBusyGroup
	}
	c.Tx.Modified(key, eventXGroupCreate)
	c.Reply.OK()
	return nil
}

func xgroupSetID(c *Ctx) error {
	_, read, err := c.groupOptions(false)
	if err != nil {
		return err
	}
	s, g, err := c.groupOf()
	if err != nil {
		return err
	}
	if len(c.Argv) > 7 {
		return c.errSubcommand()
	}
	last := s.State().Last
	if string(c.Argv[4]) != "$" {
		if last, err = streamEdge(c.Argv[4]); err != nil {
			return err
		}
	}
	g.SetLast(last, read)
	c.Tx.Modified(c.Argv[2], eventXGroupSetID)
	c.Reply.OK()
	return nil
}

func xgroupDestroy(c *Ctx) error {
	s, ok, err := c.stream(c.Argv[2])
	if err != nil {
		return err
	}
	if !ok {
		return errXNoKey
	}
	if !s.DestroyGroup(c.Argv[3]) {
		c.Reply.Int(0)
		return nil
	}
	c.Tx.Modified(c.Argv[2], eventXGroupDestroy)
	c.Reply.Int(1)
	return nil
}

func xgroupCreateConsumer(c *Ctx) error {
	_, g, err := c.groupOf()
	if err != nil {
		return err
	}
	if _, created := g.CreateConsumer(c.Argv[4], c.NowMS); !created {
		c.Reply.Int(0)
		return nil
	}
	c.Tx.Modified(c.Argv[2], eventXCreateConsumer)
	c.Reply.Int(1)
	return nil
}

func xgroupDelConsumer(c *Ctx) error {
	_, g, err := c.groupOf()
	if err != nil {
		return err
	}
	pending := 0
	if _, ok := g.Consumer(c.Argv[4]); ok {
		pending = g.DeleteConsumer(c.Argv[4])
		c.Tx.Modified(c.Argv[2], eventXDelConsumer)
	}
	c.Reply.Int(int64(pending))
	return nil
}

func xgroupHelp(c *Ctx) error {
	return c.ReplyHelp("XGROUP",
		"CREATE <key> <groupname> <id|$> [option]",
		"    Create a new consumer group. Options are:",
		"    * MKSTREAM",
		"      Create the empty stream if it does not exist.",
		"    * ENTRIESREAD entries_read",
		"      Set the group's entries_read counter (internal use).",
		"CREATECONSUMER <key> <groupname> <consumer>",
		"    Create a new consumer in the specified group.",
		"DELCONSUMER <key> <groupname> <consumer>",
		"    Remove the specified consumer.",
		"DESTROY <key> <groupname>",
		"    Remove the specified group.",
		"SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
		"    Set the current group ID and entries_read counter.")
}

func xack(c *Ctx) error {
	s, ok, err := c.stream(c.Argv[1])
	if err != nil {
		return err
	}
	var g value.StreamGroup
	if ok {
		g, ok = s.Group(c.Argv[2])
	}
	if !ok {
		c.Reply.Int(0)
		return nil
	}
	ids, err := streamIDs(c.Argv[3:])
	if err != nil {
		return err
	}
	n := 0
	for _, id := range ids {
		if g.Ack(id) {
			n++
			c.Tx.Logged()
		}
	}
	c.Reply.Int(int64(n))
	return nil
}

// streamIDs reads IDs, all of them before any is used.
func streamIDs(words [][]byte) (ids []value.StreamID, err error) {
	for _, w := range words {
		id, err := streamID(w)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func xsetid(c *Ctx) error {
	id, err := streamID(c.Argv[2])
	if err != nil {
		return err
	}
	added, maxDeleted := int64(-1), value.StreamID{}
	a := c.Args(3)
	for a.More() {
		switch {
		case a.Left() > 1 && a.Is("ENTRIESADDED"):
			n, ok := value.ParseInt(a.Next())
			if !ok {
				return ErrNotInt
			}
			if n < 0 {
				return errXAddedNeg
			}
			added = n
		case a.Left() > 1 && a.Is("MAXDELETEDID"):
			if maxDeleted, err = streamID(a.Next()); err != nil {
				return err
			}
			if id.Compare(maxDeleted) < 0 {
				return errXSetDeleted
			}
		default:
			return ErrSyntax
		}
	}
	key := c.Argv[1]
	s, ok, err := c.stream(key)
	if err != nil {
		return err
	}
	if !ok {
		return ErrNoKey
	}
	if id.Compare(s.State().MaxDeleted) < 0 {
		return errXSetCurrent
	}
	if s.Len() > 0 {
		if s.End(true).Compare(id) > 0 {
			return errXSetSmall
		}
		if added >= 0 && int64(s.Len()) > added {
			return errXSetAdded
		}
	}
	st := s.State()
	st.Last = id
	if added >= 0 {
		st.Added = uint64(added)
	}
	if !maxDeleted.IsZero() {
		st.MaxDeleted = maxDeleted
	}
	s.SetState(st)
	c.Tx.Modified(key, eventXSetID)
	c.Reply.OK()
	return nil
}

// propagateClaim propagates that a consumer has a pending entry, as the command that has this result in any state.
func (c *Ctx) propagateClaim(key, group []byte, g value.StreamGroup, id value.StreamID) {
	if !c.Tx.Journaled() {
		return
	}
	p, _ := g.IsPending(id)
	var at, n decimal
	c.Propagate("XCLAIM", key, group, p.Consumer.Name(), []byte("0"), streamIDText(id), []byte("TIME"), at.of(p.DeliveredMS),
		[]byte("RETRYCOUNT"), n.of(int64(p.Count)), []byte("FORCE"), []byte("JUSTID"), []byte("LASTID"), streamIDText(g.Last()))
}

// propagateGroup propagates the last ID that a group has read.
func (c *Ctx) propagateGroup(key, group []byte, g value.StreamGroup) {
	if !c.Tx.Journaled() {
		return
	}
	c.Propagate("XGROUP", []byte("SETID"), key, group, streamIDText(g.Last()), []byte("ENTRIESREAD"),
		strconv.AppendInt(nil, g.Read(), 10))
}
