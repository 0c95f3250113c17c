package aof

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cached/internal/effects"
	"testing/iotest"
)

func TestManifestsAreReadAsTheyAreWritten(t *testing.T) {
	m := new(Manifest)
	var log []string
	for i := range 4 {
		m.AddIncrement("a log")
		base := m.Replace("a log", i%2 == 0, 1)
		log = append(log, base.Name)
	}
	want := []string{"a log.1.base.rdb", "a log.2.base.aof", "a log.3.base.rdb", "a log.4.base.aof"}
	if !slices.Equal(log, want) {
		t.Errorf("bases %q, want %q", log, want)
	}
	text := m.Append(nil)
	got, err := ParseManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Append(nil)) != string(text) {
		t.Errorf("read and written again:\n%s\nwas:\n%s", got.Append(nil), text)
	}
	const lines = `file "a log.4.base.aof" seq 4 type b
file "a log.1.base.rdb" seq 1 type h
file "a log.1.incr.aof" seq 1 type h
file "a log.2.base.aof" seq 2 type h
file "a log.2.incr.aof" seq 2 type h
file "a log.3.base.rdb" seq 3 type h
file "a log.3.incr.aof" seq 3 type h
file "a log.4.incr.aof" seq 4 type i
`
	if string(text) != lines {
		t.Errorf("the manifest is\n%s\nwant\n%s", text, lines)
	}
	if f := got.AddIncrement("a log"); f.Seq != 5 {
		t.Errorf("the next increment is %v", f)
	}
}

func TestManifestsThatAreRefused(t *testing.T) {
	const ok = "# of a server\nfile a.1.base.rdb seq 1 type b\nfile a.1.incr.aof seq 1 type i startoffset 3\n"
	if _, err := ParseManifest([]byte(ok)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                               "Found an empty AOF manifest",
		"# nothing\n":                    "Found an empty AOF manifest",
		"file a seq 1 type b":            "line 1: The AOF manifest file contains a line without an end",
		"file a seq 1\n":                 "line 1: Invalid AOF manifest file format",
		"file a seq 1 type x\n":          "line 1: Unknown AOF file type",
		"file a seq 0 type b\n":          "line 1: Invalid AOF manifest file format",
		"file a seq one type b\n":        "line 1: Invalid AOF manifest file format",
		"file \"a seq 1 type b\n":        "line 1: Invalid AOF manifest file format",
		"file ../a seq 1 type b\n":       "line 1: File can't be a path, just a filename",
		ok + "file b seq 2 type b\n":     "line 4: Found duplicate base file information",
		ok + "file b seq 1 type i\n":     "line 4: Found a non-monotonic sequence number",
		"\n":                             "line 1: Invalid AOF manifest file format",
		strings.Repeat("f", 1100) + "\n": "line 1: The AOF manifest file contains too long line",
	} {
		_, err := ParseManifest([]byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func words(text string) (argv [][]byte) {
	for _, w := range strings.Fields(text) {
		argv = append(argv, []byte(w))
	}
	return argv
}

// all reads every command.
func all(r *Reader) (lines []string, err error) {
	for {
		argv, err := r.Next()
		if err == io.EOF {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		lines = append(lines, string(bytes.Join(argv, []byte(" "))))
	}
}

func TestEveryCutOfALogIsFound(t *testing.T) {
	b := AppendTime(nil, 1700000000)
	b = effects.AppendSelect(b, 12)
	b = effects.AppendCommand(b, words("SET key value")...)
	whole := []int{len(AppendTime(nil, 1700000000)), len(effects.AppendSelect(AppendTime(nil, 1700000000), 12)), len(b)}
	b = append(b, effects.Multi...)
	b = effects.AppendCommand(b, words("INCR a")...)
	b = AppendTime(b, 1700000001)
	b = effects.AppendCommand(b, []byte("SET"), []byte("b"), bytes.Repeat([]byte("x\r\n"), 100000))
	b = append(b, effects.Exec...)
	whole = append(whole, len(b))
	b = effects.AppendCommand(b, words("DEL a b c d e f g h i j")...)
	whole = append(whole, len(b))

	lines, err := all(NewReader(iotest.OneByteReader(bytes.NewReader(b)), 0))
	if err != nil || len(lines) != 7 || lines[6] != "DEL a b c d e f g h i j" || lines[2] != "MULTI" {
		t.Fatalf("%d commands, %v", len(lines), err)
	}
	for n := 0; n < len(b); n++ {
		if n > 400 && n < len(b)-400 && n%997 != 0 {
			continue // in the middle of the long string
		}
		r := NewReader(bytes.NewReader(b[:n]), 0)
		_, err := all(r)
		valid := 0
		for _, w := range whole {
			if w <= n {
				valid = w
			}
		}
		wantErr := error(nil)
		if valid != n {
			wantErr = ErrTruncated
		}
		if !errors.Is(err, wantErr) || r.Valid() != int64(valid) {
			t.Fatalf("cut at %d of %d: %v, valid to %d; want %v, %d", n, len(b), err, r.Valid(), wantErr, valid)
		}
	}
}

func TestBrokenLogsSayWhere(t *testing.T) {
	good := string(effects.AppendCommand(nil, words("SET a b")...))
	for text, want := range map[string]string{
		good + "hello\r\n":                         "at byte 27: not the beginning of a command",
		good + "*0\r\n":                            "at byte 27: a command without words",
		good + "*x\r\n":                            "at byte 27: not a length",
		good + "*-1\r\n":                           "at byte 27: not a length",
		good + "*1\n$1\r\na\r\n":                   "at byte 27: not a length",
		good + "*1\r\n+OK\r\n":                     "at byte 31: a word has no length",
		good + "*1\r\n$x\r\n\r\n":                  "at byte 31: not a length",
		good + "*1\r\n$1\r\nab\r\n":                "at byte 36: a word does not end where it should",
		good + "*9999999999\r\n":                   "at byte 27: a length is too large",
		good + "*1\r\n$9999999999\r\n":             "at byte 31: a length is too large",
		good + "*" + strings.Repeat("1", 80):       "at byte 27: a line is too long",
		good + "*1\r\n$" + strings.Repeat("0", 80): "at byte 31: a length is too long",
		good + "#" + strings.Repeat("x", 2000):     "at byte 27: a line is too long",
	} {
		_, err := all(NewReader(strings.NewReader(text), 0))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// What is read is the beginning of what was written, whatever the pieces it comes in.
func FuzzReader(f *testing.F) {
	f.Add([]byte("*1\r\n$4\r\nPING\r\n"), uint64(1))
	f.Add(AppendTime(effects.AppendSelect([]byte(effects.Multi), 3), 5), uint64(2))
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		whole := NewReader(bytes.NewReader(b), 0)
		lines, err := all(whole)
		pieces := NewReader(&inPieces{b, rand.New(rand.NewPCG(seed, 1))}, 0)
		again, err2 := all(pieces)
		if fmt.Sprint(err) != fmt.Sprint(err2) || !slices.Equal(lines, again) {
			t.Fatalf("at once: %q, %v; in pieces: %q, %v", lines, err, again, err2)
		}
		if v := whole.Valid(); v < 0 || v > int64(len(b)) || v != pieces.Valid() {
			t.Fatalf("valid to %d and %d of %d", v, pieces.Valid(), len(b))
		}
		if _, err := all(NewReader(bytes.NewReader(b[:whole.Valid()]), 0)); err != nil {
			t.Fatalf("what is valid is not: %v", err)
		}
	})
}

type inPieces struct {
	b []byte
	r *rand.Rand
}

func (p *inPieces) Read(to []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(to, p.b[:min(len(p.b), 1+p.r.IntN(9))])
	p.b = p.b[n:]
	return n, nil
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte("file a seq 1 type b\nfile \"b \\x00\" seq 1 type i\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		again, err := ParseManifest(m.Append(nil))
		if err != nil || string(again.Append(nil)) != string(m.Append(nil)) {
			t.Fatalf("%q was written as %q: %v", b, m.Append(nil), err)
		}
	})
}
