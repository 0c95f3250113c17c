package compat

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cached/internal/script"
)

func scripts(t *testing.T) []*script.Script {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var all []*script.Script
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := script.Parse(f, text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

func scriptName(s *script.Script) string {
	return strings.TrimSuffix(filepath.Base(s.Name), ".txt")
}

// TestScripts plays every script against its own text, and against each reference in both protocols.
func TestScripts(t *testing.T) {
	if *updateFlag {
		recordScripts(t)
	}
	all := scripts(t)
	t.Run("Expected", func(t *testing.T) {
		for _, s := range all {
			t.Run(scriptName(s), func(t *testing.T) { checkExpected(t, s) })
		}
	})
	eachOracle(t, func(t *testing.T, o *oracle) {
		for _, proto := range []string{"RESP2", "RESP3"} {
			t.Run(proto, func(t *testing.T) {
				for _, s := range all {
					t.Run(scriptName(s), func(t *testing.T) { checkSame(t, s, o, proto == "RESP3") })
				}
			})
		}
	})
}

// A player sends the steps of one script to one server.
type player struct {
	t     *testing.T
	p     *process
	all3  bool // every connection speaks RESP3
	conns map[string]*playerConn
	clerk *wire // counts waiting clients; of scripts with blocking commands
}

type playerConn struct {
	*wire
	resp3   bool
	pending func() // reads the reply of a step that blocks
}

// skipWithout skips a script that needs commands the subject does not have.
func skipWithout(t *testing.T, s *script.Script) {
	t.Helper()
	if len(s.Needs) == 0 {
		return
	}
	w := dial(t, subject(t))
	for _, name := range s.Needs {
		if w.do(t, "COMMAND", "INFO", name) == "1) (nil)" {
			t.Skipf("the subject has no command %s", name)
		}
	}
}

func newPlayer(t *testing.T, p *process, resp3 bool) *player {
	t.Helper()
	freshWire(t, p, false).Close()
	return &player{t: t, p: p, all3: resp3, conns: map[string]*playerConn{}}
}

// play sends one step and hands its reply to take, at once or, for a step that
// blocks, before the connection is used again.
func (pl *player) play(st script.Step, take func(raw []byte)) {
	pl.t.Helper()
	c := pl.conns[st.Conn]
	if c == nil {
		c = &playerConn{wire: dial(pl.t, pl.p)}
		pl.conns[st.Conn] = c
	}
	pl.settle(c)
	if want := st.RESP3 || pl.all3; want != c.resp3 {
		proto := map[bool]string{false: "2", true: "3"}[want]
		if _, err := c.call(argv("HELLO", proto)); err != nil {
			pl.t.Fatalf("HELLO %s: %v", proto, err)
		}
		c.resp3 = want
	}
	waiting := 0
	if st.Blocks {
		waiting = pl.waiting()
	}
	if err := c.send(st.Args); err != nil {
		pl.t.Fatalf("line %d: %v", st.Line, err)
	}
	read := func() {
		raw, err := c.reply(repliesByPush(st.Args))
		if err != nil {
			pl.t.Fatalf("line %d: %s: %v (so far %q)", st.Line, script.Line(st.Args), err, raw)
		}
		take(raw)
	}
	if !st.Blocks {
		read()
		return
	}
	c.pending = read
	pl.awaitWaiting(c, waiting)
}

var blockedClients = regexp.MustCompile(`blocked_clients:(\d+)`)

// waiting is how many clients of the server wait.
func (pl *player) waiting() int {
	if pl.clerk == nil {
		pl.clerk = dial(pl.t, pl.p)
	}
	found := blockedClients.FindStringSubmatch(pl.clerk.do(pl.t, "INFO", "clients"))
	if found == nil {
		return 0 // a script keeps the server busy
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

// awaitWaiting returns when a client has begun to wait, where before others did, or has its reply: the order in
// which clients begin to wait decides who is served first. A client that is not counted, and waits for a pause to
// end, has had some time at least.
func (pl *player) awaitWaiting(c *playerConn, before int) {
	pl.t.Helper()
	start := time.Now()
	for asked := 0; asked < 20 || time.Since(start) < 30*time.Millisecond; asked++ {
		c.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := c.r.Peek(1); err == nil || pl.waiting() > before {
			return
		}
	}
}

func (pl *player) settle(c *playerConn) {
	if read := c.pending; read != nil {
		c.pending = nil
		read()
	}
}

// finish reads the replies that are still to come and hangs up.
func (pl *player) finish() {
	for _, c := range pl.conns {
		pl.settle(c)
		c.Close()
	}
	if pl.clerk != nil {
		pl.clerk.Close()
	}
}

func checkExpected(t *testing.T, s *script.Script) {
	skipWithout(t, s)
	pl := newPlayer(t, subject(t), false)
	for _, st := range s.Steps {
		if st.Sleep > 0 {
			time.Sleep(st.Sleep)
			continue
		}
		if st.Since != "" && subjectIsReference() {
			continue
		}
		pl.play(st, func(raw []byte) {
			if got := script.RenderRaw(raw); !st.Matches(got) {
				t.Errorf("%s:%d\n> %s\ngot:\n%s\nwant:\n%s", s.Name, st.Line, script.Line(st.Args), got, st.Want)
			}
		})
	}
	pl.finish()
}

// checkSame plays a script to both servers. A step that the reference does not know is sent to neither, as it
// would leave them in different states.
func checkSame(t *testing.T, s *script.Script, o *oracle, resp3 bool) {
	skipWithout(t, s)
	a, b := newPlayer(t, subject(t), resp3), newPlayer(t, o.process(t), resp3)
	mine := make([][]byte, len(s.Steps))
	theirs := make([][]byte, len(s.Steps))
	for i, st := range s.Steps {
		if st.Sleep > 0 {
			time.Sleep(st.Sleep)
			continue
		}
		if !o.knows(st) {
			continue
		}
		a.play(st, func(raw []byte) { mine[i] = raw })
		b.play(st, func(raw []byte) { theirs[i] = raw })
	}
	a.finish()
	b.finish()
	for i, st := range s.Steps {
		if st.Sleep > 0 || !o.knows(st) || st.Same(mine[i], theirs[i]) {
			continue
		}
		if why := knownDifference(o, st.Args, mine[i], theirs[i]); why != "" {
			continue
		}
		t.Errorf("%s:%d\n> %s\ngot:       %q\n%s: %q", s.Name, st.Line, script.Line(st.Args), mine[i], o.name, theirs[i])
	}
}

// knows reports whether the reference knows a step. The newer one has some features since Redis 7.4; it has none
// since Redis 8.2, unless the step says so.
func (o *oracle) knows(st script.Step) bool {
	if unasked(o, st.Args) {
		return false
	}
	major, minor, _ := strings.Cut(st.Since, ".")
	a, _ := strconv.Atoi(major)
	b, _ := strconv.Atoi(minor)
	return st.Since == "" || o == newer && (strings.HasPrefix(st.Since, "valkey-") || a < 8 || a == 8 && b < 2)
}

// recordScripts writes the newer reference's replies into the scripts. Existing replies stay where ours are known
// to differ, and in a script with a step that is not sent to the reference, as later replies may differ.
func recordScripts(t *testing.T) {
	for _, s := range scripts(t) {
		unknown := slices.ContainsFunc(s.Steps, func(st script.Step) bool { return st.Sleep == 0 && !newer.knows(st) })
		ours, pl := newPlayer(t, subject(t), false), newPlayer(t, newer.process(t), false)
		mine, want := map[int][]byte{}, map[int]string{}
		for i, st := range s.Steps {
			if st.Sleep > 0 {
				time.Sleep(st.Sleep)
				continue
			}
			if !newer.knows(st) || unknown && st.Want != "" {
				continue
			}
			ours.play(st, func(raw []byte) { mine[i] = raw })
			pl.play(st, func(raw []byte) {
				if st.Want != "" && mine[i] != nil && !st.Same(mine[i], raw) && knownDifference(newer, st.Args, mine[i], raw) != "" {
					return
				}
				got := script.RenderRaw(raw)
				if st.Loose {
					got = firstWords(got)
				}
				if st.Want != "" && st.Matches(got) {
					got = st.Want // another order or another time is no news
				}
				want[i] = got
			})
		}
		ours.finish()
		pl.finish()
		old, err := os.ReadFile(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		if text := s.Update(want); string(text) != string(old) {
			t.Logf("recorded %s", s.Name)
			if err := os.WriteFile(s.Name, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// firstWords is enough to recognise the type of a reply whose content changes.
func firstWords(text string) string {
	line, _, more := strings.Cut(text, "\n")
	if len(line) > 60 {
		line, more = line[:60], true
	}
	if more {
		line += " ..."
	}
	return line
}
