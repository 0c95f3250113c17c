package persistence_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"cached/internal/vfs"
)

// A logOnDisk is one state that the files of a log may be in, and what n is in it.
type logOnDisk struct {
	name  string
	files *vfs.Mem
	n     int
	whole bool // it has an increment: nothing has to be written to go on
}

const incrN = "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"

// logsOnDisk are the states of a log: each kind of base, some increments, files that
// are of no use any more, an end that is torn, and a rewrite that ended early.
func logsOnDisk() (all []logOnDisk) {
	const snapshot = "REDIS0010\xfe\x00\x00\x01n\xc0\x05\xff\x00\x00\x00\x00\x00\x00\x00\x00"
	bases := []struct {
		name, file, text string
		n                int
	}{
		{"no base", "", "", 0},
		{"snapshot", "appendonly.aof.3.base.rdb", snapshot, 5},
		{"commands", "appendonly.aof.3.base.aof", strings.Repeat(incrN, 5), 5},
		{"empty base", "appendonly.aof.3.base.aof", "", 0},
		{"upgraded", "appendonly.aof", strings.Repeat(incrN, 5), 5},
	}
	for _, base := range bases {
		for increments := range 4 {
			for _, extra := range []string{"", "history", "torn", "torn and empty", "rest of a rewrite"} {
				files, m, n := new(vfs.Mem), "", base.n
				if base.file != "" {
					m += fmt.Sprintf("file %s seq 3 type b\n", base.file)
					files.WriteFile(logDir+base.file, []byte(base.text))
				}
				if extra == "history" {
					for _, old := range []string{"appendonly.aof.4.base.rdb", "appendonly.aof.1.incr.aof", "appendonly.aof.5.incr.aof"} {
						m += fmt.Sprintf("file %s seq 1 type h\n", old)
						files.WriteFile(logDir+old, []byte(incrN))
					}
				}
				for i := range increments {
					name, text := fmt.Sprintf("appendonly.aof.%d.incr.aof", i+2), strings.Repeat(incrN, i+1)
					if i == increments-1 && strings.HasPrefix(extra, "torn") {
						text += incrN[:12]
					}
					files.WriteFile(logDir+name, []byte(text))
					m += fmt.Sprintf("file %s seq %d type i\n", name, i+2)
					n += i + 1
				}
				switch extra {
				case "torn and empty":
					files.WriteFile(logDir+"appendonly.aof.9.incr.aof", nil)
					m += "file appendonly.aof.9.incr.aof seq 9 type i\n"
				case "rest of a rewrite": // files that got their names, and did not get into the manifest
					for _, name := range []string{"appendonly.aof.4.base.rdb", fmt.Sprintf("appendonly.aof.%d.incr.aof", increments+2),
						"appendonly.aof.1.incr.aof", "temp-rewriteaof-bg.aof", "temp-appendonly.aof.incr"} {
						files.WriteFile(logDir+name, []byte(incrN))
					}
				}
				if m != "" {
					files.WriteFile(logDir+"appendonly.aof.manifest", []byte(m))
				}
				whole := increments > 0 || extra == "torn and empty"
				all = append(all, logOnDisk{fmt.Sprintf("%s, %d increments, %s", base.name, increments, extra), files, n, whole})
			}
		}
	}
	files := new(vfs.Mem)
	files.WriteFile("appendonly.aof", []byte(strings.Repeat(incrN, 4)))
	return append(all, logOnDisk{"one file", files, 4, false})
}

// counted starts a server and returns what n is there, after counting it up once if
// more is set, which the server has answered.
func counted(t *testing.T, files vfs.FS, more, rewritten bool) string {
	t.Helper()
	s := startOn(t, files, logged("--appendfsync", "always")...)
	defer s.stop()
	if rewritten {
		rewrite(t, s.Client)
	}
	if more {
		if err := s.Incr(ctx, "n").Err(); err != nil {
			t.Fatal(err)
		}
	}
	v, _ := s.Get(ctx, "n").Result()
	return v
}

func text(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// Whatever state a log is in, each start has what was in it and what was answered
// since, once, whether the power is cut or the process ends.
func TestEveryStateOfALogIsLoadedOnce(t *testing.T) {
	for i, l := range logsOnDisk() {
		if i%2 != 0 { // half of them: each base, number of increments and extra, though not all together
			continue
		}
		n := l.n
		for start := 1; start <= 3; start++ {
			n++
			if got := counted(t, l.files, true, start == 2 && i%4 == 0); got != text(n) {
				t.Errorf("%s: at start %d n is %s instead of %d", l.name, start, got, n)
				break
			}
			if start == 1 {
				l.files = l.files.AfterCrash()
			}
		}
	}
}

// Whenever the process ends or the power is cut while a server starts, or makes a
// base, the next one finds the log, and so does the one after it.
func TestAStartThatIsCutShort(t *testing.T) {
	for i, l := range logsOnDisk() {
		if i%23 != 0 && l.name != "one file" && l.name != "no base, 1 increments, " {
			continue
		}
		var mu sync.Mutex // guards cuts and last
		var cuts []*vfs.Mem
		last := ""
		l.files.Fail(func(op, name string) error {
			mu.Lock()
			defer mu.Unlock()
			if op != "open" && len(cuts) < 40 && op+name != last {
				cuts = append(cuts, l.files.AfterCrash(), l.files.Copy())
				last = op + name
			}
			return nil
		})
		got := counted(t, l.files, false, true)
		l.files.Fail(nil)
		if got != text(l.n) {
			t.Errorf("%s: n is %s instead of %d", l.name, got, l.n)
		}
		for j, cut := range cuts {
			if j%4 != i%4 {
				continue
			}
			for start := 1; start <= 2; start++ {
				if got := counted(t, cut, false, false); got != text(l.n) {
					t.Errorf("%s: at start %d after cut %d n is %s instead of %d", l.name, start, j, got, l.n)
				}
			}
		}
	}
}

// After a disk ran full the server starts, and refuses changes until there is room.
func TestAServerStartsOnAFullDisk(t *testing.T) {
	for i, l := range logsOnDisk() {
		if !l.whole || i%17 != 0 {
			continue
		}
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			full := func(op, name string) error {
				if op == "create" || op == "write" || op == "mkdir" {
					return errNoSpace
				}
				return nil
			}
			l.files.Fail(full)
			s := startOn(t, l.files, logged()...)
			if v, _ := s.Get(ctx, "n").Result(); v != text(l.n) {
				t.Errorf("%s: n is %s instead of %d", l.name, v, l.n)
			}
			c := alone(t, s.addr)
			poll(t, "writes are not refused", func() bool {
				err := c.Set(ctx, "a", "1", 0).Err()
				return err != nil && err.Error() == misconf
			})
			l.files.Fail(nil)
			poll(t, "writes stay refused", func() bool { return c.Set(ctx, "b", "2", 0).Err() == nil })
			s.stop()
			if got := counted(t, l.files, true, false); got != text(l.n+1) {
				t.Errorf("%s: then n is %s instead of %d", l.name, got, l.n+1)
			}
		})
	}
}

// Wherever the beginning of a log by CONFIG SET is cut short, a server that loads the log
// finds the one of before or the new one, and goes on with it.
func TestTheBeginningOfALogIsCutShort(t *testing.T) {
	for _, old := range []string{"", strings.Repeat(incrN, 9)} {
		files, before := new(vfs.Mem), ""
		if old != "" {
			files, before = withIncrement(old), "9"
		}
		s := startOn(t, files)
		if err := s.Set(ctx, "n", 5, 0).Err(); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex // guards cuts
		var cuts []*vfs.Mem
		files.Fail(func(op, _ string) error {
			mu.Lock()
			defer mu.Unlock()
			if op != "open" && len(cuts) < 60 {
				cuts = append(cuts, files.AfterCrash(), files.Copy())
			}
			return nil
		})
		if err := s.ConfigSet(ctx, "appendonly", "yes").Err(); err != nil {
			t.Fatal(err)
		}
		waitInfo(t, s.Client, "aof_rewrites:1")
		files.Fail(nil)
		s.stop()
		for i, cut := range append(cuts, files) {
			if i%4 == 1 || i%4 == 2 { // in turn after a cut and after an end
				continue
			}
			got := counted(t, cut, false, false)
			if got != before && got != "5" {
				t.Errorf("after cut %d n is %q, before the log it was %q", i, got, before)
			}
			n, _ := strconv.Atoi(got)
			for start := 1; start <= 2; start++ {
				if again := counted(t, cut, true, false); again != text(n+start) {
					t.Errorf("after cut %d, at start %d, n is %s instead of %d", i, start, again, n+start)
				}
			}
		}
	}
}
