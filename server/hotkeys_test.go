package server

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"cached/commands"
)

// The heaviest keys are followed however many there are: one with more than its share of
// the whole is always there, and its weight is as exact as it says.
func TestTopKeysBoundTheirErrors(t *testing.T) {
	for range 20 {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 1))
		most := 1 + r.IntN(30)
		top := newTopKeys(most)
		model, total := map[hotName]int64{}, int64(0)
		for range 5000 {
			db, key := r.IntN(2), fmt.Sprint(int(r.ExpFloat64()*20))
			weight := int64(r.IntN(100))
			top.add(db, []byte(key), weight)
			model[hotName{db, key}] += weight
			total += weight
		}
		seen := map[hotName]bool{}
		last := int64(-1)
		for _, k := range top.top(most) {
			name := hotName{k.db, k.key}
			seen[name] = true
			if last >= 0 && k.weight > last {
				t.Errorf("seed %d: %v is behind what has less", seed, name)
			}
			last = k.weight
			if w := model[name]; k.weight < w || k.weight-k.over > w {
				t.Errorf("seed %d: %v has %d, %d of which may be too much, and not %d", seed, name, k.weight, k.over, w)
			}
		}
		for name, w := range model {
			if w > total/int64(most) && !seen[name] {
				t.Errorf("seed %d: %v has %d of %d and is missing among %d", seed, name, w, total, most)
			}
		}
		if len(seen) != min(most, len(model)) {
			t.Errorf("seed %d: %d keys of at most %d", seed, len(seen), most)
		}
	}
}

// A window is told of when it is over, and as long as it is the last.
func TestWindowsOfHotKeys(t *testing.T) {
	get := &commands.Spec{Name: "get", Keys: []commands.KeySpec{commands.KeyAt(1, commands.RO)}}
	h := &hotkeys{windows: hotWindows{topK: 2, sampling: 1, spanMS: 1000}}
	h.windows.begin(10_000)
	note := func(key string, times int, nowMS int64) {
		for range times {
			h.note(0, get, [][]byte{[]byte("GET"), []byte(key)}, 1, 1, nowMS)
		}
	}
	told := func(nowMS int64) string {
		w := &h.windows
		w.turn(nowMS)
		var b strings.Builder
		for i := range w.last {
			fmt.Fprintf(&b, "%s %d ", w.last[i].key, w.perSecond(&w.last[i]))
		}
		return b.String()
	}
	note("a", 300, 10_100)
	note("b", 100, 10_200)
	for _, c := range []struct {
		nowMS int64
		want  string
	}{
		{10_999, ""},
		{11_000, "a 300 b 100 "},
		{11_500, "a 300 b 100 "},
		{12_250, ""}, // the next was empty
		{15_000, ""},
	} {
		if got := told(c.nowMS); got != c.want {
			t.Errorf("at %d: %q, want %q", c.nowMS, got, c.want)
		}
	}
	note("c", 50, 15_200)
	if got := told(17_100); got != "" {
		t.Errorf("a window that was open for too long: %q", got)
	}
	note("d", 75, 17_500)
	if got := told(18_600); got != "d 50 " { // in one and a half seconds
		t.Errorf("a window that ended late: %q", got)
	}
}

func TestHotKeysOfASession(t *testing.T) {
	srv, path := startWith(t, Options{})
	conn, r := dial(t, path)
	k := talk{t, conn, r}
	expect := func(want string, call ...string) {
		t.Helper()
		if got := k.do(call...); !regexp.MustCompile("^" + want + "$").MatchString(got) {
			t.Errorf("%v: %q, want %q", call, got, want)
		}
	}
	for _, bad := range []struct{ call, want string }{
		{"START", "-ERR METRICS parameter is required"},
		{"START COUNT 3", "-ERR METRICS parameter is required"},
		{"START METRICS", "-ERR syntax error"},
		{"START METRICS 3 CPU NET", "-ERR METRICS must be .*"},
		{"START METRICS 2 CPU CPU", "-ERR METRICS must be .*"},
		{"START METRICS 2 CPU", "-ERR METRICS must be .*"},
		{"START METRICS 1 CPU COUNT 0", "-ERR COUNT must be .*"},
		{"START METRICS 1 CPU COUNT 65", "-ERR COUNT must be .*"},
		{"START METRICS 1 CPU DURATION 0", "-ERR DURATION must be .*"},
		{"START METRICS 1 CPU SAMPLE x", "-ERR SAMPLE ratio must be .*"},
		{"START METRICS 1 CPU SLOTS 1 0", "-ERR SLOTS parameter cannot .*"},
		{"START METRICS 1 CPU FOO", "-ERR syntax error"},
	} {
		expect(bad.want+"\r\n", append([]string{"HOTKEYS"}, strings.Fields(bad.call)...)...)
	}
	null := `\$-1` + "\r\n"
	expect(null, "HOTKEYS", "GET")
	expect(null, "HOTKEYS", "STOP")
	from := srv.sizeFrom.Load()
	expect(`\+OK`+"\r\n", "HOTKEYS", "START", "METRICS", "2", "NET", "CPU", "COUNT", "2")
	expect("-ERR hotkey tracking session already in progress\r\n", "HOTKEYS", "START", "METRICS", "1", "CPU")
	expect("-ERR hotkey tracking session in progress, stop tracking first\r\n", "HOTKEYS", "RESET")
	for range 20 {
		k.do("SET", "hot", strings.Repeat("v", 1000))
		k.do("GET", "warm")
	}
	k.do("MGET", "cold", "warm")
	k.do("OBJECT", "ENCODING", "hot")
	expect(`\+OK`+"\r\n", "HOTKEYS", "STOP")
	k.do("SET", "late", strings.Repeat("v", 100_000))
	got := k.do("HOTKEYS", "GET")
	// 20 * (1036 + 5), 20 * (24 + 5) + 33 + 10 + 4
	for _, part := range []string{`\*1`, "tracking-active\r\n:0", "sample-ratio\r\n:1", "selected-slots\r\n" + `\*0`, "total-net-bytes", "by-cpu-time-us\r\n" + `\*4`,
		"by-net-bytes\r\n" + `\*4` + "\r\n" + `\$3` + "\r\nhot\r\n:2\\d{4}\r\n" + `\$4` + "\r\nwarm\r\n:6\\d\\d"} {
		if !regexp.MustCompile(part).MatchString(got) {
			t.Errorf("%q is not in %q", part, got)
		}
	}
	if strings.Contains(got, "late") || strings.Contains(got, "cold") {
		t.Errorf("what came later, or least, is in %q", got)
	}
	if now := srv.sizeFrom.Load(); now != from {
		t.Errorf("commands of %d bytes on are still noted, not %d", now, from)
	}
	expect(`\+OK`+"\r\n", "HOTKEYS", "RESET")
	expect(null, "HOTKEYS", "GET")
	k.do("CONFIG", "SET", "hotkeys-top-k", "3")
	expect(`\*0`+"\r\n", "HOTKEYS", "GET")
	if srv.sizeFrom.Load() != 0 {
		t.Error("commands are not noted for windows")
	}
	k.do("CONFIG", "SET", "hotkeys-top-k", "0")
	if now := srv.sizeFrom.Load(); now != from {
		t.Errorf("commands of %d bytes on are noted without windows, not %d", now, from)
	}
}

// A session that was given a duration ends by itself, and what is noted with it.
func TestAHotSessionEnds(t *testing.T) {
	get := &commands.Spec{Name: "get", Keys: []commands.KeySpec{commands.KeyAt(1, commands.RO)}}
	h := &hotkeys{session: &hotSession{byTime: true, count: 1, sample: 1, startMS: 1000, endMS: 3000, times: newTopKeys(1)}}
	argv := [][]byte{[]byte("GET"), []byte("k")}
	if !h.note(0, get, argv, 7, 1, 2999) || h.note(0, get, argv, 7, 1, 3000) || h.session.active(3001) {
		t.Error("a session does not end when its time is over")
	}
	if s := h.session; s.ns != 7 || s.stoppedMS != 3000 || s.times.top(1)[0].weight != 7 {
		t.Errorf("%d ns counted, stopped at %d", s.ns, s.stoppedMS)
	}
}
