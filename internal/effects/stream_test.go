package effects_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"cached/internal/effects"
	"cached/internal/effects/effectstest"
)

func words(s string) (argv [][]byte) {
	for _, w := range strings.Fields(s) {
		argv = append(argv, []byte(w))
	}
	return argv
}

func expect(t *testing.T, r *effectstest.Recorder, want ...string) {
	t.Helper()
	if got := r.Take(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Each sink sees everything from the offset on at which it was attached, whatever other
// sinks come and go, and knows the database of its first effect.
func TestSinksSeeEverythingFromTheirOffsetOn(t *testing.T) {
	var s effects.Stream
	s.Append(0, words("SET nobody follows")...)
	if s.Active() || s.End() != 0 {
		t.Fatalf("active %v, end %d without a sink", s.Active(), s.End())
	}
	var a, b effectstest.Recorder
	if at := s.Attach(&a); at != 0 {
		t.Errorf("attached at %d", at)
	}
	s.Append(3, words("SET a 1")...)
	s.Append(3, words("SET b 2")...)
	at := s.Attach(&b)
	if int(at) != len(a.Raw()) || at != s.End() {
		t.Errorf("attached at %d, end %d, the first sink has %d bytes", at, s.End(), len(a.Raw()))
	}
	s.Append(3, words("INCR c")...)
	s.AppendAll([]effects.Effect{{DB: 3, Argv: words("DEL a")}, {DB: 4, Argv: words("SET d 5")}})
	expect(t, &a, "3 SET a 1", "3 SET b 2", "3 INCR c", "3 MULTI", "3 DEL a", "4 SET d 5", "4 EXEC")
	expect(t, &b, "3 INCR c", "3 MULTI", "3 DEL a", "4 SET d 5", "4 EXEC")
	end := s.Detach(&a)
	if int(end) != len(a.Raw()) {
		t.Errorf("detached at %d, the sink has %d bytes", end, len(a.Raw()))
	}
	s.Append(4, words("SET e 6")...)
	expect(t, &a)
	expect(t, &b, "4 SET e 6")
	if int(s.End()-at) != len(b.Raw()) {
		t.Errorf("%d bytes since %d, end %d", len(b.Raw()), at, s.End())
	}
	s.Detach(&b)
	if s.Active() {
		t.Error("active without a sink")
	}
}

// What a primary has sent is passed on as it came.
func TestPassedEffectsKeepTheirBytes(t *testing.T) {
	var s effects.Stream
	var r effectstest.Recorder
	s.Attach(&r)
	s.Append(1, words("SET a 1")...)
	before := len(r.Raw())
	sent := effects.AppendCommand(effects.AppendSelect(nil, 7), words("SET b 2")...)
	s.Pass(sent)
	if string(r.Raw()[before:]) != string(sent) {
		t.Errorf("passed on as %q", r.Raw()[before:])
	}
	s.Append(7, words("SET c 3")...)
	expect(t, &r, "1 SET a 1", "7 SET b 2", "7 SET c 3")
}

// Effects of many goroutines come one behind the other, each whole, while sinks come and go.
func TestEffectsOfManyGoroutines(t *testing.T) {
	var s effects.Stream
	var all effectstest.Recorder
	s.Attach(&all)
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 500 {
				if i%3 == 0 {
					s.AppendAll([]effects.Effect{{DB: g, Argv: words(fmt.Sprint("SET x ", g, " ", i))}, {DB: g, Argv: words("DEL x")}})
				} else {
					s.Append(g, words(fmt.Sprint("SET y ", g, " ", i))...)
				}
			}
		})
	}
	group.Go(func() {
		for range 100 {
			var r effectstest.Recorder
			s.Attach(&r)
			s.Detach(&r)
		}
	})
	group.Wait()
	last := map[string]int{}
	depth := 0
	for _, line := range all.Lines() {
		f := strings.Fields(line)
		switch f[1] {
		case "MULTI":
			depth++
		case "EXEC":
			depth--
		case "SET":
			var i int
			fmt.Sscan(f[4], &i)
			if f[0] != f[3] || last[f[3]] > i {
				t.Fatalf("%q after %d", line, last[f[3]])
			}
			last[f[3]] = i
		}
		if depth < 0 || depth > 1 {
			t.Fatalf("%q: not nested as MULTI and EXEC", line)
		}
	}
	if int(s.End()) != len(all.Raw()) {
		t.Errorf("end %d, %d bytes", s.End(), len(all.Raw()))
	}
}

// A second sink, such as a backlog, costs an effect one copy.
func BenchmarkAppend(b *testing.B) {
	for _, sinks := range []int{0, 1, 2} {
		b.Run(fmt.Sprint(sinks, " sinks"), func(b *testing.B) {
			var s effects.Stream
			for range sinks {
				s.Attach(&counter{})
			}
			argv := words("SET key:000000012345 " + strings.Repeat("x", 64))
			b.ReportAllocs()
			for b.Loop() {
				s.Append(0, argv...)
			}
		})
	}
}

type counter struct{ buf []byte }

func (c *counter) Append(_ int64, b []byte) { c.buf = append(c.buf[:0], b...) }
