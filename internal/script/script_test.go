package script

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

const sample = `# What SET does.
> SET k "a \x00\n\"b\""
OK

# unordered
> KEYS *
1) "a"
2) "b"
# since 7.4
> NEW
#conn b
# sleep 20
# resp3
> GET 'it''
`

func TestParseReadsCallsRepliesAndDirectives(t *testing.T) {
	s, err := Parse("sample", []byte(strings.Replace(sample, "'it''", `'it\'s'`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Steps) != 5 {
		t.Fatalf("%d steps, want 5", len(s.Steps))
	}
	if got := string(s.Steps[0].Args[2]); got != "a \x00\n\"b\"" {
		t.Errorf("argument %q", got)
	}
	if st := s.Steps[1]; !st.Unordered || st.Want != "1) \"a\"\n2) \"b\"" || !st.Matches("1) \"b\"\n2) \"a\"") {
		t.Errorf("step %+v", st)
	}
	if st := s.Steps[2]; st.Since != "7.4" || st.Unordered || st.Want != "" || st.Conn != "a" {
		t.Errorf("step %+v", st)
	}
	if st := s.Steps[3]; st.Sleep == 0 {
		t.Errorf("step %+v", st)
	}
	if st := s.Steps[4]; st.Conn != "b" || !st.RESP3 || string(st.Args[1]) != "it's" {
		t.Errorf("step %+v", st)
	}
}

func TestParseNamesTheLineOfAMistake(t *testing.T) {
	for _, bad := range []string{"OK", "\n> GET \"a", ">", "> GET \"a\"b"} {
		if _, err := Parse("bad.txt", []byte(bad)); err == nil || !strings.HasPrefix(err.Error(), "bad.txt:") {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}

func TestUpdateReplacesOnlyTheRepliesGiven(t *testing.T) {
	text := "# note\n> A\nold\nold2\n\n> B\n> C\nkept\n"
	s, err := Parse("x", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := string(s.Update(map[int]string{0: "new", 1: "1) x\n2) y"}))
	if want := "# note\n> A\nnew\n\n> B\n1) x\n2) y\n> C\nkept\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRenderLooksLikeRedisCli(t *testing.T) {
	for raw, want := range map[string]string{
		"+OK\r\n":                        "OK",
		"-ERR no\r\n":                    "(error) ERR no",
		":-1\r\n":                        "(integer) -1",
		"$-1\r\n":                        "(nil)",
		"*-1\r\n":                        "(nil)",
		"_\r\n":                          "(nil)",
		"$3\r\na\x00\"\r\n":              `"a\x00\""`,
		"*0\r\n":                         "(empty array)",
		"~0\r\n":                         "(empty set)",
		"%0\r\n":                         "(empty hash)",
		",1.5\r\n":                       "(double) 1.5",
		"#t\r\n":                         "(true)",
		"=6\r\ntxt:ab\r\n":               `"txt:ab"`,
		"*2\r\n:1\r\n*1\r\n$1\r\nx\r\n":  "1) (integer) 1\n2) 1) \"x\"",
		"%1\r\n+a\r\n*2\r\n:1\r\n:2\r\n": "1# a => 1) (integer) 1\n   2) (integer) 2",
		"junk":                           `(malformed) "junk"`,
	} {
		if got := RenderRaw([]byte(raw)); got != want {
			t.Errorf("%q: got %q, want %q", raw, got, want)
		}
		if raw == "junk" {
			continue
		}
		got, err := Read(bufio.NewReader(strings.NewReader(raw + "+next\r\n")))
		if err != nil || string(got) != raw {
			t.Errorf("Read(%q) = %q, %v", raw, got, err)
		}
		for i := range raw {
			if _, _, err := Decode([]byte(raw[:i])); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("Decode(%q): error %v", raw[:i], err)
			}
		}
	}
}

func TestLooseAndUnorderedReplies(t *testing.T) {
	loose := Step{Loose: true, Want: "(integer) 5"}
	if !loose.Matches("(integer) 7") || loose.Matches("(nil)") || loose.Matches(`"7"`) {
		t.Error("loose compares more or less than types")
	}
	long := "*11\r\n" + strings.Repeat(":1\r\n", 10) + ":2\r\n"
	turned := "*11\r\n:2\r\n" + strings.Repeat(":1\r\n", 10)
	if !(Step{Unordered: true}).Same([]byte(long), []byte(turned)) {
		t.Error("unordered replies differ")
	}
	if (Step{}).Same([]byte(long), []byte(turned)) {
		t.Error("ordered replies do not differ")
	}
}

func TestLineIsReadBackAsItWas(t *testing.T) {
	args := [][]byte{[]byte("SET"), {}, []byte("a b"), []byte("\x00\xff\r\n\t\\\"'"), []byte("plain")}
	back, err := Split(Line(args))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.Join(args, []byte("|")), bytes.Join(back, []byte("|"))) {
		t.Errorf("got %q, want %q", back, args)
	}
}
