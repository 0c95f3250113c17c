package commands_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/internal/lock"
	"cached/internal/resp"
	"cached/internal/script"
)

// A stage plays scripts on handlers alone: no server, no socket, and a clock that only
// the script moves.
type stage struct {
	table *commands.Table
	keys  *engine.Engine
	tx    engine.Tx
	ctx   commands.Ctx
	nowMS int64
	conns map[string]*actor
}

// An actor is a connection of a script. It never waits: what would block is answered as
// if its time was over.
type actor struct {
	db    int
	proto int
}

func (a *actor) Block(*commands.Ctx, [][]byte, int64, func(*resp.Writer)) bool { return false }
func (a *actor) Background(*commands.Ctx, any, func()) bool                    { return false }
func (a *actor) TooManyWait(int, []byte) bool                                  { return false }
func (a *actor) WakeAt(int, []byte, int64)                                     {}
func (a *actor) SelectDB(db int)                                               { a.db = db }
func (a *actor) MaxBulk() int                                                  { return 512 << 20 }

func (a *actor) Locks() commands.Locks { return a }

// As locks, an actor has tokens of its own and waits for nothing.
func (a *actor) Token(above int64) int64                                  { return max(above, 1_000_000) + 1 }
func (a *actor) Born() int64                                              { return 1_000_000 }
func (a *actor) Client() int64                                            { return 1 }
func (a *actor) Ahead(*commands.Ctx, []byte) int                          { return 0 }
func (a *actor) Waiting(*commands.Ctx, []byte) int                        { return 0 }
func (a *actor) Waits() (again, over bool)                                { return false, false }
func (a *actor) Wait(*commands.Ctx, [][]byte, int64, int64) (bool, error) { return false, nil }
func (a *actor) Bindable(int) error                                       { return nil }
func (a *actor) Bind(*commands.Ctx, []byte, int64)                        {}
func (a *actor) Unbind(*commands.Ctx, []byte)                             {}
func (a *actor) Lost(*commands.Ctx, []byte, lock.Hold, string)            {}

func newStage() *stage {
	return &stage{table: commands.NewTable(commands.Data()), keys: engine.New(engine.Options{Shards: 4}),
		nowMS: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), conns: map[string]*actor{}}
}

// can reports whether every step of a script is a command that needs no server.
func (s *stage) can(all *script.Script) bool {
	for _, st := range all.Steps {
		if st.Blocks {
			return false
		}
		if st.Sleep > 0 {
			continue
		}
		// FLUSHALL, SELECT and their kin are commands of keys; what is of a server alone is
		// not in the table.
		if spec, parent := s.table.Find(st.Args); spec == nil && parent == nil && !unknownOnPurpose(st) {
			return false
		}
	}
	return true
}

// unknownOnPurpose reports whether a script wants to see that a command does not exist.
func unknownOnPurpose(st script.Step) bool { return strings.Contains(st.Want, "unknown command") }

// do runs one call as the road of a server does.
func (s *stage) do(who string, argv [][]byte, resp3 bool) []byte {
	a := s.conns[who]
	if a == nil {
		a = &actor{}
		s.conns[who] = a
	}
	a.proto = 2
	if resp3 {
		a.proto = 3
	}
	w := &resp.Writer{Proto: a.proto}
	spec, parent := s.table.Find(argv)
	err := error(nil)
	switch {
	case spec == nil && parent != nil:
		return nil // a text that the server makes
	case spec == nil:
		return nil
	case !spec.ArityOK(argv):
		err = commands.WrongArity(spec.FullName())
	default:
		tx := &s.tx
		tx.Begin(s.keys, a.db, s.nowMS)
		tx.ReadOnly, tx.Counting = spec.Reads()
		spec.Lock(tx, argv)
		s.ctx.Argv, s.ctx.Reply, s.ctx.Tx, s.ctx.NowMS, s.ctx.Spec, s.ctx.Table, s.ctx.Env = argv, w, tx, s.nowMS, spec, s.table, a
		err = spec.Run(&s.ctx)
		tx.Commit(argv)
		tx.Unlock()
	}
	if err != nil {
		var e commands.Error
		if !errors.As(err, &e) {
			e = commands.Error("ERR " + err.Error())
		}
		w.B = w.B[:0]
		w.Error(string(e))
	}
	return w.B
}

// The scripts of tests/compat that need no more than handlers say the same of handlers
// alone. Time moves when they say so, and at once.
func TestScriptsOnHandlersAlone(t *testing.T) {
	files, err := filepath.Glob("../tests/compat/testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	played := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all, err := script.Parse(f, text)
		if err != nil {
			t.Fatal(err)
		}
		s := newStage()
		if all.Server || !s.can(all) {
			continue
		}
		played++
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			for _, st := range all.Steps {
				if st.Sleep > 0 {
					s.nowMS += st.Sleep.Milliseconds()
					continue
				}
				raw := s.do(st.Conn, st.Args, st.RESP3)
				if raw == nil {
					continue
				}
				s.nowMS++ // no two calls are at the same moment
				if got := script.RenderRaw(raw); !st.Matches(got) {
					t.Errorf("%s:%d\n> %s\ngot:\n%s\nwant:\n%s", f, st.Line, script.Line(st.Args), got, st.Want)
				}
			}
		})
	}
	if played < 120 {
		t.Errorf("%d scripts of %d were played", played, len(files))
	}
}

// A deadline passes when the clock is moved past it, and not before.
func TestDeadlinesFollowTheMovedClock(t *testing.T) {
	s := newStage()
	words := func(line string) [][]byte { return bytes.Fields([]byte(line)) }
	s.do("a", words("SET k v PX 60000"), false)
	s.nowMS += 59_999
	if got := s.do("a", words("PTTL k"), false); string(got) != ":1\r\n" {
		t.Errorf("PTTL a millisecond before: %q", got)
	}
	s.nowMS += 2
	if got := s.do("a", words("GET k"), false); string(got) != "$-1\r\n" {
		t.Errorf("GET a millisecond behind: %q", got)
	}
	for i := range 100 { // a whole day of hourly deadlines, in no time
		s.do("a", words("SET h"+strconv.Itoa(i)+" v EX "+strconv.Itoa(3600*(i%24+1))), false)
	}
	s.nowMS += (24*time.Hour + time.Second).Milliseconds()
	for i := range 100 {
		if got := s.do("a", words("EXISTS h"+strconv.Itoa(i)), false); string(got) != ":0\r\n" {
			t.Fatalf("h%d after a day: %q", i, got)
		}
	}
}
