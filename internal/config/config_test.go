package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func rows() []Param {
	return []Param{
		{Name: "port", Kind: Int, Default: "6379", Min: 0, Max: 65535},
		{Name: "maxmemory", Kind: Memory, Default: "0", Flags: Percent},
		{Name: "appendonly", Kind: Bool, Default: "no"},
		{Name: "policy", Alias: "old-policy", Kind: Enum, Enum: []string{"none", "lru"}, Default: "none"},
		{Name: "requirepass", Kind: String, Flags: Secret},
		{Name: "databases", Kind: Int, Default: "16", Min: 1, Max: 100, Flags: Immutable},
		{Name: "dir", Kind: String, Default: ".", Flags: Protected},
		{Name: "unixsocketperm", Kind: Octal, Default: "0", Min: 0, Max: 0o777},
		{Name: "hz", Kind: Int, Default: "10", Flags: Ignored},
		{Name: "secret-hidden", Kind: String, Flags: Hidden},
		{Name: "bind", Kind: Words, Default: "*", Words: func(_ string, w []string) (string, error) { return strings.Join(w, " "), nil }},
		{Name: "save", Kind: Words, Default: "3600 1", Fresh: true,
			Words: func(old string, w []string) (string, error) {
				if len(w) == 0 {
					return "", nil
				}
				if len(w)%2 != 0 {
					return "", errors.New("Invalid save parameters")
				}
				return strings.TrimSpace(old + " " + strings.Join(w, " ")), nil
			},
			Rewrite: func(v string) (lines []string) {
				for w := strings.Fields(v); len(w) > 1; w = w[2:] {
					lines = append(lines, w[0]+" "+w[1])
				}
				return lines
			}},
		{Name: "user", Kind: Lines, Args: [2]int{1, 0}},
		{Name: "enable-protected-configs", Kind: Enum, Enum: []string{"no", "yes", "local"}, Default: "no"},
	}
}

func fresh(t testing.TB) *Config {
	t.Helper()
	c, err := New(rows())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFilesAreReadAsRedisReadsThem(t *testing.T) {
	for _, tt := range []struct{ text, name, want string }{
		{"port 7000", "port", "7000"},
		{"  PORT\t7000  ", "port", "7000"},
		{"# port 1\n\nport 7000", "port", "7000"},
		{"port \"7000\"", "port", "7000"},
		{"requirepass \"a b\\x41\\n\"", "requirepass", "a bA\n"},
		{"requirepass 'it\\'s'", "requirepass", "it's"},
		{"maxmemory 100mb", "maxmemory", "104857600"},
		{"maxmemory 1g", "maxmemory", "1000000000"},
		{"maxmemory 50%", "maxmemory", "50%"},
		{"appendonly YES", "appendonly", "yes"},
		{"old-policy LRU", "policy", "lru"},
		{"unixsocketperm 700", "unixsocketperm", "700"},
		{"bind 127.0.0.1 -::1", "bind", "127.0.0.1 -::1"},
		{"save 60 1\nsave 30 2", "save", "60 1 30 2"},
		{"save \"\"", "save", ""},
		{"save 60 1\nsave \"\"", "save", ""},
		{"port 1\nport 2", "port", "2"},
	} {
		c := fresh(t)
		if err := c.LoadReader("test.conf", strings.NewReader(tt.text)); err != nil {
			t.Errorf("%q: %v", tt.text, err)
		} else if got := c.Value(tt.name).String(); got != tt.want {
			t.Errorf("%q: %s is %q, want %q", tt.text, tt.name, got, tt.want)
		}
	}
}

func TestABadLineIsNamedWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"port 7000\nprot 1":    "test.conf, line 2: 'prot 1': Bad directive or wrong number of arguments",
		"port":                 "test.conf, line 1: 'port': wrong number of arguments",
		"port 1 2":             "test.conf, line 1: 'port 1 2': wrong number of arguments",
		"port abc":             "test.conf, line 1: 'port abc': argument couldn't be parsed into an integer",
		"port 65536":           "test.conf, line 1: 'port 65536': argument must be between 0 and 65535 inclusive",
		"policy x":             "test.conf, line 1: 'policy x': argument(s) must be one of the following: none, lru",
		"appendonly maybe":     "test.conf, line 1: 'appendonly maybe': argument must be 'yes' or 'no'",
		"maxmemory lots":       "test.conf, line 1: 'maxmemory lots': argument must be a memory value",
		"requirepass \"x":      "test.conf, line 1: 'requirepass (redacted)': Unbalanced quotes in configuration line",
		"save 1":               "test.conf, line 1: 'save 1': Invalid save parameters",
		"include /no/such.cnf": "test.conf, line 1: 'include /no/such.cnf': config file: open /no/such.cnf: no such file or directory",
	} {
		err := fresh(t).LoadReader("test.conf", strings.NewReader(text))
		var line *LineError
		if !errors.As(err, &line) || err.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestIncludedFilesCountAsIfTheyStoodThere(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.conf": "port 1\ninclude " + dir + "/b.conf\n", "b.conf": "port 2\nhz 5\n", "loop.conf": "include " + dir + "/loop.conf"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := fresh(t)
	if err := c.LoadFile(filepath.Join(dir, "a.conf")); err != nil || c.Value("port").Int() != 2 {
		t.Errorf("port is %d, %v", c.Value("port").Int(), err)
	}
	if got := c.Ignored(); !slices.Equal(got, []string{"hz"}) {
		t.Errorf("without effect: %v", got)
	}
	// "daemonize no" was named as a setting without effect.
	c = fresh(t)
	if err := c.LoadArgs([]string{"--hz", "10"}, nil); err != nil || len(c.Ignored()) > 0 {
		t.Errorf("the default is without effect: %v, %v", c.Ignored(), err)
	}
	if err := fresh(t).LoadFile(filepath.Join(dir, "loop.conf")); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("a file that includes itself: %v", err)
	}
}

func TestTheCommandLineIsThatOfRedis(t *testing.T) {
	file := filepath.Join(t.TempDir(), "redis.conf")
	if err := os.WriteFile(file, []byte("port 1\npolicy lru\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args  []string
		stdin string
		want  map[string]string
	}{
		{[]string{"--port", "7000", "--maxmemory", "100mb"}, "", map[string]string{"port": "7000", "maxmemory": "104857600"}},
		{[]string{file, "--port", "7000"}, "", map[string]string{"port": "7000", "policy": "lru"}},
		{[]string{file}, "", map[string]string{"port": "1"}},
		{[]string{"-"}, "port 3\n", map[string]string{"port": "3"}},
		{[]string{"-", "--policy", "lru"}, "port 3\n", map[string]string{"port": "3", "policy": "lru"}},
		{[]string{"-", "--port", "7000", "-"}, "port 3\npolicy lru\n", map[string]string{"port": "7000", "policy": "lru"}},
		{[]string{"--port", "7000", "-"}, "port 3\npolicy lru\n", map[string]string{"port": "7000", "policy": "lru"}},
		{[]string{"--bind", "127.0.0.1", "::1", "--save", "", "--appendonly", "yes"}, "",
			map[string]string{"bind": "127.0.0.1 ::1", "save": "", "appendonly": "yes"}},
		{[]string{"--save", "--port", "5"}, "", map[string]string{"save": "", "port": "5"}},
		{[]string{"--requirepass", "--odd"}, "", map[string]string{"requirepass": "--odd"}},
	} {
		c := fresh(t)
		if err := c.LoadArgs(tt.args, strings.NewReader(tt.stdin)); err != nil {
			t.Errorf("%q: %v", tt.args, err)
			continue
		}
		for name, want := range tt.want {
			if got := c.Value(name).String(); got != want {
				t.Errorf("%q: %s is %q, want %q", tt.args, name, got, want)
			}
		}
	}
	if err := fresh(t).LoadArgs([]string{"--prot", "1"}, nil); err == nil {
		t.Error("a misspelt option was taken")
	}
}

func TestGetTakesPatterns(t *testing.T) {
	c := fresh(t)
	for pattern, want := range map[string][]string{
		"port": {"port"}, "PORT": {"PORT"}, "p*": {"policy", "port"}, "*polic*": {"old-policy", "policy"}, "nosuch": nil,
		"secret-hidden": {"secret-hidden"}, "secret*": nil, "user": nil,
	} {
		var got []string
		for _, p := range c.Get(pattern) {
			got = append(got, p.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", pattern, got, want)
		}
	}
	if n := len(c.Get("port", "p*", "port")); n != 2 {
		t.Errorf("overlapping patterns give %d", n)
	}
}

func TestSetIsAllOrNothing(t *testing.T) {
	c := fresh(t)
	var applied []string
	c.OnChange("port", func(v *Value) error { applied = append(applied, "port "+v.String()); return nil })
	c.OnChange("policy", func(v *Value) error {
		if v.String() == "lru" {
			return errors.New("not today")
		}
		return nil
	})
	for _, tt := range []struct {
		pairs []Pair
		want  string
	}{
		{[]Pair{{"port", "1"}, {"nosuch", "2"}}, "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"},
		{[]Pair{{"port", "1"}, {"PORT", "2"}}, "ERR CONFIG SET failed (possibly related to argument 'port') - duplicate parameter"},
		{[]Pair{{"port", "1"}, {"maxmemory", "x"}}, "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value"},
		{[]Pair{{"databases", "1"}}, "ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config"},
		{[]Pair{{"dir", "/"}}, "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config"},
		{[]Pair{{"port", "5"}, {"policy", "lru"}}, "ERR CONFIG SET failed (possibly related to argument 'policy') - not today"},
	} {
		if err := c.Set(tt.pairs, false); err == nil || err.Error() != tt.want {
			t.Errorf("%v:\ngot  %v\nwant %s", tt.pairs, err, tt.want)
		}
		if c.Value("port").Int() != 6379 || c.Value("policy").String() != "none" {
			t.Fatalf("%v left port %s, policy %s", tt.pairs, c.Value("port"), c.Value("policy"))
		}
	}
	if want := []string{"port 5", "port 6379"}; !slices.Equal(applied, want) {
		t.Errorf("applied %v, want %v", applied, want)
	}
	if err := c.Set([]Pair{{"port", "7"}, {"maxmemory", "1kb"}}, false); err != nil || c.Value("port").Int() != 7 || c.Value("maxmemory").Int() != 1024 {
		t.Errorf("%v, port %s", err, c.Value("port"))
	}
	if err := c.Set([]Pair{{"enable-protected-configs", "local"}}, false); err != nil {
		t.Error(err)
	}
	if err := c.Set([]Pair{{"dir", "/"}}, true); err != nil {
		t.Errorf("a protected directive from this machine: %v", err)
	}
}

// What was set was added to the save points that were there, and nothing could
// take them away.
func TestSetReplacesWhatLinesOfAFileAddUpTo(t *testing.T) {
	c := fresh(t)
	if err := c.LoadArgs([]string{"--save", "60 1", "--save", "30 2"}, nil); err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"10 5", "10 5 20 6", "", "3600 1"} {
		if err := c.Set([]Pair{{"save", value}}, false); err != nil || c.Value("save").String() != value {
			t.Errorf("%q: %v, %q", value, err, c.Value("save"))
		}
	}
	if err := c.Set([]Pair{{"save", ""}, {"port", "x"}}, false); err == nil || c.Value("save").String() != "3600 1" {
		t.Errorf("%v, %q", err, c.Value("save"))
	}
}

func TestAFailedSetTakesBackWhatReadingDid(t *testing.T) {
	at := "/"
	c, err := New([]Param{
		{Name: "port", Kind: Int, Default: "1"},
		{Name: "dir", Kind: String, Default: "/",
			Canon: func(name string) (string, error) { at = name; return at, nil },
			Undo:  func(old string) { at = old }},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Set([]Pair{{"dir", "/tmp"}, {"port", "x"}}, false); err == nil || at != "/" {
		t.Errorf("%v, at %s", err, at)
	}
}

func TestRewriteKeepsWhatPeopleWrote(t *testing.T) {
	file := filepath.Join(t.TempDir(), "redis.conf")
	before := "# my server\nport 1\n\n# memory\nmaxmemory 1mb\nsave 60 1\nsave 30 2\nuser a on\n"
	if err := os.WriteFile(file, []byte(before), 0o640); err != nil {
		t.Fatal(err)
	}
	c := fresh(t)
	if err := c.LoadFile(file); err != nil {
		t.Fatal(err)
	}
	if err := c.Set([]Pair{{"port", "2"}, {"maxmemory", "3mb"}, {"save", "10 1"}, {"requirepass", "a b\""}}, false); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time changes nothing
		if err := c.Rewrite(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		again := fresh(t)
		if err := again.LoadFile(file); err != nil {
			t.Fatalf("%v in\n%s", err, got)
		}
		for _, name := range []string{"port", "maxmemory", "save", "requirepass"} {
			if again.Value(name).String() != c.Value(name).String() {
				t.Errorf("%s is %q after reading\n%s", name, again.Value(name), got)
			}
		}
		if !strings.HasPrefix(string(got), "# my server\nport 2\n\n# memory\nmaxmemory 3mb\n") || !strings.Contains(string(got), "\nuser a on\n") {
			t.Errorf("the file is now\n%s", got)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := fresh(t).Rewrite(); err == nil || err.Error() != "ERR The server is running without a config file" {
		t.Errorf("without a file: %v", err)
	}
}

func FuzzQuotedWordsComeBack(f *testing.F) {
	f.Add("a b\x00\n\"'\\x41", "")
	f.Fuzz(func(t *testing.T, a, b string) {
		words, err := Split(Quote(a) + " " + Quote(b))
		if err != nil || !slices.Equal(words, []string{a, b}) {
			t.Fatalf("%q and %q came back as %q, %v", a, b, words, err)
		}
	})
}

func FuzzAnyFileIsReadOrRefused(f *testing.F) {
	f.Add("port 1\ninclude x\nsave 1 1\nuser a\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := fresh(t)
		c.Files = noFiles{}
		_ = c.LoadReader("fuzz", strings.NewReader(text))
	})
}

type noFiles struct{ osFiles }
