package compat

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"cached/internal/script"
)

// TestRandomCallsGetTheReferencesReplies makes calls from the grammar of the
// subject's own COMMAND DOCS and sends each to both servers.
func TestRandomCallsGetTheReferencesReplies(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = time.Now().UnixNano() % 1_000_000_000
	}
	eachOracle(t, func(t *testing.T, o *oracle) { randomCalls(t, o, seed) })
}

func randomCalls(t *testing.T, o *oracle, seed int64) {
	sub, ref := subject(t), o.process(t)
	all := sharedGrammar(t, sub, ref)
	for i, group := range randomGroups {
		if *groupsFlag != "" && !slices.Contains(strings.Split(*groupsFlag, ","), group) {
			continue
		}
		var mine []grammar
		for _, g := range all {
			if g.group == group && !isExcluded(g.name) {
				mine = append(mine, g)
			}
		}
		if len(mine) == 0 {
			continue
		}
		t.Run(group, func(t *testing.T) {
			// Keys come and go and change their type between the group's own calls.
			for _, g := range all {
				if slices.Contains([]string{"del", "set", "expire", "rename", "copy", "type", "object encoding", "persist"}, g.name) && g.group != group {
					mine = append(mine, g)
				}
			}
			groupSeed := seed + int64(i)
			if *groupsFlag != "" {
				groupSeed = seed
			}
			t.Logf("-groups %s -seed %d -calls %d", group, groupSeed, *callsFlag)
			d := duel{t: t, oracle: o, sub: sub, ref: ref, errorf: t.Errorf}
			d.run(newCaller(groupSeed), mine, *callsFlag)
			t.Logf("%d of %d calls were refused", d.refused, *callsFlag)
		})
	}
}

// The test must find a difference where there is one, and print how to reproduce it.
func TestADifferenceIsFoundAndShrunk(t *testing.T) {
	ref, other := older.process(t), older.start(t, "--hash-max-listpack-entries", "1")
	var from []grammar
	for _, g := range sharedGrammar(t, ref, ref) {
		if slices.Contains([]string{"hset", "hdel", "del", "set", "type", "object encoding"}, g.name) {
			from = append(from, g)
		}
	}
	var report string
	d := duel{t: t, oracle: older, sub: other, ref: ref, errorf: func(format string, args ...any) { report = fmt.Sprintf(format, args...) }}
	d.run(newCaller(1), from, 3000)
	if calls := strings.Count(report, "\n> "); calls < 2 || calls > 3 || !strings.Contains(strings.ToLower(report), "encoding") {
		t.Errorf("a report of %d calls:\n%s", calls, report)
	}
}

// sharedGrammar is the grammar of the commands that both servers have.
func sharedGrammar(t *testing.T, sub, ref *process) []grammar {
	t.Helper()
	mine, err := readGrammar(dial(t, sub))
	if err != nil {
		t.Fatalf("the subject's COMMAND DOCS: %v", err)
	}
	theirs, err := readGrammar(dial(t, ref))
	if err != nil {
		t.Fatalf("the reference's COMMAND DOCS: %v", err)
	}
	known := map[string]bool{}
	for _, g := range theirs {
		known[g.name] = true
	}
	mine = slices.DeleteFunc(mine, func(g grammar) bool { return !known[g.name] })
	for i := range mine { // as zrangebylex in excluded
		mine[i].args = without(mine[i].args, "BYLEX")
	}
	// The order of COMMAND DOCS is not defined, and a seed must mean something.
	slices.SortFunc(mine, func(a, b grammar) int { return strings.Compare(a.name, b.name) })
	return mine
}

// maxFindings stops a run that finds many differences.
const maxFindings = 8

// A duel sends the same calls to two servers.
type duel struct {
	t        *testing.T
	oracle   *oracle
	sub, ref *process
	errorf   func(format string, args ...any) // takes a difference
	history  []randomCall
	found    map[string]bool // commands with a difference so far
	refused  int             // calls that both servers answered with an error
}

type randomCall struct {
	args  []string
	resp3 bool
}

// perPipeline is how many calls are sent at once at most.
const perPipeline = 10

func (d *duel) run(c *caller, from []grammar, calls int) {
	d.found = map[string]bool{}
	pair := d.connect()
	for n := 0; n < calls; {
		if n%1000 == 0 { // a fresh start now and then keeps tails short
			pair.close()
			pair = d.connect()
			d.history = d.history[:0]
		}
		var sent []randomCall
		most := 1
		if n/1000%2 == 1 { // every other thousand is pipelined
			most = 1 + c.IntN(perPipeline)
		}
		for first := n; n == first || n < first+most && n%perPipeline != 0; n++ {
			call := randomCall{args: c.call(from[c.IntN(len(from))]), resp3: n/perPipeline%2 == 1}
			if !isExcluded(callName(call.args)) && !unasked(d.oracle, argv(call.args...)) { // a call that was not spoilt into another command
				sent = append(sent, call)
			}
		}
		refused, differs, a, b := pair.send(sent)
		d.refused += refused
		if differs < 0 {
			d.history = append(d.history, sent...)
			continue
		}
		d.history = append(d.history, sent[:differs+1]...)
		name := callName(sent[differs].args)
		if !d.found[name] {
			d.found[name] = true
			d.report(n, a, b)
		}
		if len(d.found) >= maxFindings {
			d.t.Logf("stopped after %d calls and %d commands with differences", n+1, len(d.found))
			break
		}
		pair.close()
		pair = d.connect()
		d.history = d.history[:0]
	}
	pair.close()
}

// report prints the shortest sequence of calls that still ends in a difference.
func (d *duel) report(n int, a, b []byte) {
	tail := d.shrink()
	var text strings.Builder
	resp3 := false
	for _, c := range tail {
		if c.resp3 != resp3 {
			resp3 = c.resp3
			fmt.Fprintf(&text, "# resp%d\n", map[bool]int{false: 2, true: 3}[resp3])
		}
		fmt.Fprintf(&text, "> %s\n", script.Line(argv(c.args...)))
	}
	d.errorf("call %d differs\nsubject:   %.600q\nreference: %.600q\nto see it again:\n%s", n, a, b, text.String())
}

// shrink drops calls as long as the last one still gets different replies.
func (d *duel) shrink() []randomCall {
	calls := slices.Clone(d.history)
	last := calls[len(calls)-1]
	// First drop calls that do not use the keys of the last call.
	related := slices.DeleteFunc(slices.Clone(calls), func(c randomCall) bool { return !shareKey(c.args, last.args) })
	if len(related) > 0 && d.differs(append(related[:len(related)-1:len(related)-1], last)) {
		calls = append(related[:len(related)-1:len(related)-1], last)
	}
	end := time.Now().Add(10 * time.Second)
	for size := len(calls) / 2; size > 0 && time.Now().Before(end); size /= 2 {
		for from := 0; from+size < len(calls) && time.Now().Before(end); {
			less := slices.Concat(calls[:from], calls[from+size:])
			if d.differs(less) {
				calls = less
			} else {
				from += size
			}
		}
	}
	return calls
}

func shareKey(a, b []string) bool {
	for _, x := range a {
		if isKey(x) && slices.Contains(b, x) {
			return true
		}
	}
	return false
}

// differs replays calls from an empty server, one by one or as pipelines, and
// reports whether only the last reply differs.
func (d *duel) differs(calls []randomCall) bool {
	return d.differsIn(calls, 1) || d.differsIn(calls, perPipeline)
}

func (d *duel) differsIn(calls []randomCall, most int) bool {
	pair := d.connect()
	defer pair.close()
	for len(calls) > 0 {
		n := 1
		for n < min(most, len(calls)) && calls[n].resp3 == calls[0].resp3 {
			n++
		}
		_, differs, _, _ := pair.send(calls[:n])
		if calls = calls[n:]; differs >= 0 {
			return len(calls) == 0 && differs == n-1
		}
	}
	return false
}

// A pair holds two connections to each server, one for each protocol.
type pair struct {
	t    *testing.T
	sub  [2]*wire
	ref  [2]*wire
	proc *process
	*oracle
}

func (d *duel) connect() *pair {
	p := &pair{t: d.t, proc: d.sub, oracle: d.oracle}
	for i, resp3 := range []bool{false, true} {
		p.sub[i], p.ref[i] = freshWire(d.t, d.sub, resp3), freshWire(d.t, d.ref, resp3)
	}
	for _, w := range []*wire{p.sub[0], p.ref[0]} {
		// In a keyspace of some size pipelines are looked ahead in.
		w.want(d.t, "OK", "SELECT", "9")
		w.want(d.t, "(integer) 5000001", "SETRANGE", "filler", "5000000", "x")
		w.want(d.t, "OK", "SELECT", "0")
	}
	return p
}

func (p *pair) close() {
	for i := range p.sub {
		p.sub[i].Close()
		p.ref[i].Close()
	}
}

// send sends calls of one protocol at once and compares the replies. differs is
// the first call with a difference, whose replies are a and b, or -1.
func (p *pair) send(calls []randomCall) (refused, differs int, a, b []byte) {
	p.t.Helper()
	if len(calls) == 0 {
		return 0, -1, nil, nil
	}
	i := 0
	if calls[0].resp3 {
		i = 1
	}
	var out []byte
	for _, c := range calls {
		out = encode(out, argv(c.args...))
	}
	_, errA := p.sub[i].Write(out)
	_, errB := p.ref[i].Write(out)
	for n, c := range calls {
		if errA == nil {
			a, errA = p.sub[i].reply(false)
		}
		if errB == nil {
			b, errB = p.ref[i].reply(false)
		}
		if errB != nil {
			p.t.Fatalf("the reference: %s: %v", script.Line(argv(c.args...)), errB)
		}
		if errA != nil {
			if errA == io.EOF {
				time.Sleep(100 * time.Millisecond) // its end is noticed by the harness
			}
			p.t.Fatalf("the subject: %s: %v (so far %q)", script.Line(argv(c.args...)), errA, a)
		}
		if !sameReply(p.oracle, c.args, a, b) {
			return refused, n, a, b
		}
		if a[0] == '-' {
			refused++
		}
	}
	return refused, -1, a, b
}
