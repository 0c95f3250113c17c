package compat

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cached/internal/script"
)

// docsOf asks a server for COMMAND DOCS of everything, by full name.
func docsOf(t *testing.T, p *process) map[string]script.Reply {
	t.Helper()
	all := map[string]script.Reply{}
	var add func(r script.Reply)
	add = func(r script.Reply) {
		for i := 0; i+1 < len(r.Elems); i += 2 {
			all[string(r.Elems[i].Text)] = r.Elems[i+1]
			if subs := field(r.Elems[i+1], "subcommands"); subs != nil {
				add(*subs)
			}
		}
	}
	add(decoded(t, p, "COMMAND", "DOCS"))
	return all
}

// decoded is the reply to a call on a connection of its own.
func decoded(t *testing.T, p *process, args ...string) script.Reply {
	t.Helper()
	raw, err := dial(t, p).call(argv(args...))
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := script.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// isNewer reports whether a version is newer than the reference.
func isNewer(version []byte) bool {
	words := strings.Split(string(version), ".")
	for i, limit := range []int{7, 0} {
		if i >= len(words) {
			return false
		}
		if n, _ := strconv.Atoi(words[i]); n != limit {
			return n > limit
		}
	}
	return false
}

// whatItKnows is a copy of arguments or a history without the parts that the reference cannot have: newer entries,
// and newer fields.
func whatItKnows(r script.Reply) script.Reply {
	out := r
	out.Elems = nil
	for _, e := range r.Elems {
		if v := field(e, "since"); v != nil && isNewer(v.Text) {
			continue
		}
		if len(e.Elems) == 2 && len(e.Elems[0].Text) > 0 && e.Elems[0].Text[0] < 'A' && isNewer(e.Elems[0].Text) {
			continue
		}
		kept := e
		kept.Elems = nil
		for i := 0; i+1 < len(e.Elems); i += 2 {
			name, v := e.Elems[i], e.Elems[i+1]
			switch string(name.Text) {
			case "display_text":
				continue
			case "arguments":
				v = whatItKnows(v)
			}
			kept.Elems = append(kept.Elems, name, v)
		}
		out.Elems = append(out.Elems, kept)
	}
	return out
}

// TestCommandDocsAreTheReferences compares the documentation of each command except for its summary.
func TestCommandDocsAreTheReferences(t *testing.T) {
	mine, theirs := docsOf(t, subject(t)), docsOf(t, older.process(t))
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		m, ok := mine[name]
		if !ok {
			if lacking[name] == "" {
				t.Errorf("%s: no such command", name)
			}
			continue
		}
		for _, f := range []string{"since", "group", "doc_flags", "deprecated_since", "replaced_by", "arguments", "history"} {
			var a, b string
			if r := field(m, f); r != nil && len(whatItKnows(*r).Elems)+len(r.Text) > 0 {
				a = script.Render(whatItKnows(*r))
			}
			if r := field(theirs[name], f); r != nil {
				b = script.Render(whatItKnows(*r))
			}
			if a != b {
				t.Errorf("%s, %s:\n%s\nthe reference says\n%s", name, f, a, b)
			}
		}
		// The bound is the same; Redis adds descriptions of its implementation, which do not apply here.
		var a, b string
		if r := field(m, "complexity"); r != nil {
			a = strings.TrimSuffix(string(r.Text), ".")
		}
		if r := field(theirs[name], "complexity"); r != nil {
			b = string(r.Text)
		}
		if a == "" && b != "" || !strings.HasPrefix(b, a) {
			t.Errorf("%s, complexity: %q; the reference says %q", name, a, b)
		}
	}
	for name := range lacking {
		if _, ok := mine[name]; ok && !subjectIsReference() {
			t.Errorf("%s is there: it is no longer lacking", name)
		}
	}
}

// TestCommandInfoIsTheReferences compares arity, flags, keys, categories and tips
// of each command.
func TestCommandInfoIsTheReferences(t *testing.T) {
	sub, ref := dial(t, subject(t)), dial(t, older.process(t))
	known := docsOf(t, subject(t))
	for _, name := range slices.Sorted(maps.Keys(docsOf(t, older.process(t)))) {
		if _, ok := known[name]; !ok {
			continue // the other test names it
		}
		var raw [2][]byte
		for i, w := range []*wire{sub, ref} {
			b, err := w.call(argv("COMMAND", "INFO", name))
			if err != nil {
				t.Fatal(err)
			}
			r, _, err := script.Decode(b)
			if err != nil || len(r.Elems) != 1 || len(r.Elems[0].Elems) != 10 {
				t.Fatalf("COMMAND INFO %s: %q, %v", name, b, err)
			}
			r.Elems[0].Elems = r.Elems[0].Elems[:9] // subcommands are in the list themselves
			raw[i] = []byte(script.Render(r))
		}
		same := script.Step{Unordered: true, Want: string(raw[1])}.Matches(string(raw[0]))
		if same != (differentRows[name] == "") && !subjectIsReference() {
			t.Errorf("%s:\n%s\nthe reference says\n%s", name, raw[0], raw[1])
		}
	}
}

// infoFields are the names of the fields of INFO everything, by section.
func infoFields(t *testing.T, p *process) map[string][]string {
	t.Helper()
	w := dial(t, p)
	w.do(t, "SET", "infofields", "x", "PX", "60000")
	w.do(t, "GET", "infofields")
	w.do(t, "NOSUCHCOMMAND")
	raw, err := w.call(argv("INFO", "everything"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := bytes.Cut(raw, []byte("\r\n"))
	sections := map[string][]string{}
	section := ""
	for _, line := range strings.Split(string(text), "\r\n") {
		if name, ok := strings.CutPrefix(line, "# "); ok {
			section = name
			sections[section] = nil
		} else if name, _, ok := strings.Cut(line, ":"); ok {
			sections[section] = append(sections[section], name)
		}
	}
	return sections
}

// TestInfoHasTheFieldsOfTheReference checks that INFO has all fields of the reference, in the same sections.
func TestInfoHasTheFieldsOfTheReference(t *testing.T) {
	mine := infoFields(t, startOwn(t, subjectBin))
	for section, names := range infoFields(t, older.start(t)) {
		has, ok := mine[section]
		if !ok {
			t.Errorf("no section %s", section)
		}
		if section == "Commandstats" || section == "Latencystats" {
			names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, "_get") })
		}
		for _, name := range names {
			there, why := slices.Contains(has, name), lackingInfo[name]
			if !there && why == "" {
				t.Errorf("%s lacks %s", section, name)
			}
			if there && why != "" && !subjectIsReference() {
				t.Errorf("%s has %s: it is no longer lacking", section, name)
			}
		}
	}
}

// RESETSTAT left the counts of snapshots, of rewrites and of turns, and forgot the peak of memory.
func TestResetstatResetsWhatTheReferenceResets(t *testing.T) {
	since(t, "7.4") // for eventloop_cycles
	p := startOwn(t, subjectBin, "--appendonly", "yes", "--save", "")
	w := dial(t, p)
	field := func(name string) int64 {
		_, after, found := strings.Cut(w.do(t, "INFO", "everything"), `\n`+name+":")
		value, _, _ := strings.Cut(after, `\r`)
		n, err := strconv.ParseInt(value, 10, 64)
		if !found || err != nil {
			t.Fatalf("INFO has %q for %s", value, name)
		}
		return n
	}
	for range 300 {
		w.do(t, "GET", "a")
	}
	w.want(t, "OK", "SET", "big", strings.Repeat("x", 8<<20))
	field("used_memory") // so that the peak is noted
	w.want(t, "(integer) 1", "DEL", "big")
	w.want(t, "OK", "SAVE")
	w.do(t, "BGREWRITEAOF")
	eventually(t, func() string {
		if field("aof_rewrites") == 0 {
			return "the log was not rewritten"
		}
		return ""
	})
	if n := field("rdb_saves"); n == 0 {
		t.Error("no snapshot was counted")
	}
	turns := field("eventloop_cycles")
	w.want(t, "OK", "CONFIG", "RESETSTAT")
	for _, name := range []string{"rdb_saves", "aof_rewrites", "keyspace_misses", "aof_delayed_fsync", "total_active_defrag_time",
		"total_eviction_exceeded_time"} {
		if n := field(name); n != 0 {
			t.Errorf("%s is %d", name, n)
		}
	}
	if n := field("eventloop_cycles"); n >= turns {
		t.Errorf("%d turns, before there were %d", n, turns)
	}
	if n := field("used_memory_peak"); n < 8<<20 {
		t.Errorf("the peak of memory is %d", n)
	}
}

// TestHelpIsTheReferences compares the HELP of every container, except for newer lines.
func TestHelpIsTheReferences(t *testing.T) {
	sub, ref := dial(t, subject(t)), dial(t, older.process(t))
	for _, name := range []string{"ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "FUNCTION", "LATENCY", "MEMORY", "MODULE",
		"OBJECT", "PUBSUB", "SCRIPT", "SLOWLOG", "XGROUP", "XINFO"} {
		mine := strings.Split(sub.do(t, name, "HELP"), "\n")
		for i, line := range mine {
			_, mine[i], _ = strings.Cut(line, ") ")
		}
		for _, line := range strings.Split(ref.do(t, name, "HELP"), "\n") {
			_, text, _ := strings.Cut(line, ") ")
			if !slices.Contains(mine, text) {
				t.Errorf("%s HELP lacks %q", name, text)
			}
		}
	}
}

// TestInfoCountsWhoWaitsAndWatches compares the fields about clients.
func TestInfoCountsWhoWaitsAndWatches(t *testing.T) {
	since(t, "7.4") // for some of the fields
	p := startOwn(t, subjectBin)
	a, b, c := dial(t, p), dial(t, p), dial(t, p)
	a.want(t, "OK", "WATCH", "w1", "w2")
	b.want(t, "OK", "WATCH", "w2")
	c.want(t, "OK", "XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
	c.send(argv("XREADGROUP", "GROUP", "g", "me", "BLOCK", "0", "STREAMS", "s", ">"))
	d := dial(t, p)
	d.send(argv("BLPOP", "l1", "l2", "100"))
	w := dial(t, p)
	eventually(t, func() string {
		info := w.do(t, "INFO", "clients")
		for _, f := range []string{"watching_clients:2", "total_watched_keys:2", "blocked_clients:2", "clients_in_timeout_table:1",
			"total_blocking_keys:3", "total_blocking_keys_on_nokey:1"} {
			if !strings.Contains(info, `\n`+f+`\r`) {
				return f + " is not in " + info
			}
		}
		return ""
	})
	a.want(t, "OK", "UNWATCH")
	b.Close()
	d.Close()
	eventually(t, func() string {
		info := w.do(t, "INFO", "clients")
		for _, f := range []string{"watching_clients:0", "total_watched_keys:0", "blocked_clients:1", "clients_in_timeout_table:0",
			"total_blocking_keys:1"} {
			if !strings.Contains(info, `\n`+f+`\r`) {
				return f + " is not in " + info
			}
		}
		return ""
	})
}

// eventually waits until wrong finds nothing wrong any more.
func eventually(t *testing.T, wrong func() string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		text := wrong()
		if text == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatal(text)
		}
	}
}

// Fields of INFO since 7.2: the listeners, and the time for which event loops were busy.
func TestInfoTellsOfListenersAndLoops(t *testing.T) {
	since(t, "7.4")
	p := startOwn(t, subjectBin)
	w := dial(t, p)
	for range 20 {
		w.do(t, "SET", "a", "b")
	}
	info := w.do(t, "INFO", "everything")
	for _, want := range []string{fmt.Sprintf("listener0:name=tcp,bind=127.0.0.1,port=%d", p.port), "listener1:name=unix,bind=" + p.unix,
		"used_cpu_sys_main_thread:", "used_cpu_user_main_thread:", "instantaneous_eventloop_cycles_per_sec:", "instantaneous_eventloop_duration_usec:"} {
		if !strings.Contains(info, `\n`+want) {
			t.Errorf("INFO lacks %s", want)
		}
	}
	for _, name := range []string{"eventloop_duration_sum", "eventloop_duration_cmd_sum"} {
		if _, after, _ := strings.Cut(info, name+":"); strings.HasPrefix(after, "0") || after == "" {
			t.Errorf("%s is nothing", name)
		}
	}
	w.want(t, "OK", "CONFIG", "SET", "bind", "* -::*")
	if info := w.do(t, "INFO", "server"); !strings.Contains(info, fmt.Sprintf("listener0:name=tcp,bind=*,bind=-::*,port=%d", p.port)) {
		t.Error("INFO does not follow bind")
	}
	w.want(t, "(error) ERR This instance has cluster support disabled", "CLUSTER", "MYSHARDID")
	w.want(t, "OK", "CONFIG", "SET", "hz", "1000")
	if got := w.do(t, "CONFIG", "GET", "hz"); !strings.Contains(got, `"500"`) {
		t.Errorf("hz is %s", got)
	}
	w.want(t, "OK", "CONFIG", "SET", "bind", "")
	if c, err := dialErr(p); err == nil {
		c.Close()
		t.Error("the server listens though it has nowhere to")
	}
	w.want(t, "OK", "CONFIG", "SET", "bind", "127.0.0.1")
	dial(t, p).want(t, "PONG", "PING")
}
