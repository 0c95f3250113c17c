package acl

import (
	"errors"
	"strings"
	"testing"
)

// catalog is a few commands: 0 get, 1 set, 2 del, 3 config, 4 config|get,
// 5 config|set, 6 select, 7 publish.
func catalog() *Catalog {
	c := NewCatalog(8, []string{"read", "write", "string", "admin"})
	c.Add("get", 0, []string{"read", "string"})
	c.Add("set", 1, []string{"write", "string"})
	c.Add("del", 2, []string{"write"})
	c.Add("config", 3, nil)
	c.Add("config|get", 4, []string{"admin"})
	c.Add("config|set", 5, []string{"admin"})
	c.Add("select", 6, nil)
	c.Add("publish", 7, nil)
	return c
}

func user(t *testing.T, rules string) *User {
	t.Helper()
	c := catalog()
	u, err := New("u", c, false).Apply(c, strings.Fields(rules), false)
	if err != nil {
		t.Fatalf("%q: %v", rules, err)
	}
	return u
}

func TestCheck(t *testing.T) {
	get := func(key string) *Call {
		return &Call{Number: 0, Keys: []Key{{Name: []byte(key), Read: true}}}
	}
	set := func(key string) *Call {
		return &Call{Number: 1, Keys: []Key{{Name: []byte(key), Write: true}}}
	}
	publish := func(channel string) *Call {
		return &Call{Number: 7, Channels: []Channel{{Name: []byte(channel)}}}
	}
	pick := func(db string) *Call { return &Call{Number: 6, First: []byte(db)} }
	for _, test := range []struct {
		rules string
		call  *Call
		want  Reason
	}{
		{"", get("k"), DeniedCommand},
		{"+@all", get("k"), DeniedKey},
		{"+@all ~*", get("k"), Allowed},
		{"+get ~a* ~k", get("k"), Allowed},
		{"+get ~a*", get("k"), DeniedKey},
		{"+get +set %R~k", get("k"), Allowed},
		{"+get +set %R~k", set("k"), DeniedKey},
		{"+get +set %W~k", set("k"), Allowed},
		{"+get +set %R~k %W~k", set("k"), Allowed},
		{"+@string -set ~*", get("k"), Allowed},
		{"+@string -set ~*", set("k"), DeniedCommand},
		{"+@all -@write ~*", set("k"), DeniedCommand},
		{"-@all +@read (+set ~s*) ~k", set("s1"), Allowed},
		{"-@all +@read (+set ~s*) ~k", set("k"), DeniedKey},
		{"-@all +@read (+set ~s*) clearselectors ~k", set("s1"), DeniedCommand},
		{"+config", &Call{Number: 4}, Allowed},
		{"+config -config|set", &Call{Number: 5}, DeniedCommand},
		{"+config|get", &Call{Number: 4}, Allowed},
		{"+config|get", &Call{Number: 5}, DeniedCommand},
		{"+select|0", pick("0"), Allowed},
		{"+select|0", pick("1"), DeniedCommand},
		{"+select|0 -select", pick("0"), DeniedCommand},
		{"+publish", publish("c"), DeniedChannel},
		{"+publish &c", publish("c"), Allowed},
		{"+publish &c*", publish("cc"), Allowed},
		{"+publish allchannels", publish("x"), Allowed},
		{"+publish &c resetchannels", publish("c"), DeniedChannel},
		{"allcommands allkeys nocommands", get("k"), DeniedCommand},
		{"+get ~* resetkeys ~x", get("k"), DeniedKey},
		{"+@all ~* reset", get("k"), DeniedCommand},
	} {
		if got, _ := user(t, test.rules).Check(test.call); got != test.want {
			t.Errorf("%q and %+v: %d, want %d", test.rules, test.call, got, test.want)
		}
	}
}

// A pattern of channels has to be allowed as it stands.
func TestPatternsOfChannels(t *testing.T) {
	u := user(t, "&news.*")
	for name, want := range map[string]bool{"news.*": true, "news.a*": false, "*": false} {
		if got := u.MayListen(Channel{Name: []byte(name), Pattern: true}); got != want {
			t.Errorf("pattern %s: %v", name, got)
		}
	}
	if !u.MayListen(Channel{Name: []byte("news.a")}) {
		t.Error("a channel that the pattern matches is not allowed")
	}
}

func TestPasswords(t *testing.T) {
	hash := "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8" // of "password"
	for rules, right := range map[string]string{
		"on >secret >other": "secret other", "on #" + hash: "password", "on >secret <secret": "", "on >secret !" + strings.Repeat("0", 64): "error",
		"on nopass": "anything", ">secret": "", "on >secret nopass": "anything", "on nopass >secret": "secret", "on nopass resetpass": "",
	} {
		c := catalog()
		u, err := New("u", c, false).Apply(c, strings.Fields(rules), false)
		if (err != nil) != (right == "error") {
			t.Errorf("%q: %v", rules, err)
		}
		if err != nil {
			continue
		}
		for _, pw := range []string{"secret", "other", "password", "anything", ""} {
			want := pw != "" && strings.Contains(" "+right+" ", " "+pw+" ") || right == "anything"
			if u.Login([]byte(pw)) != want {
				t.Errorf("%q lets %q in: %v", rules, pw, !want)
			}
		}
	}
}

// What a user is shown as makes the same user.
func TestStringMakesTheSameUser(t *testing.T) {
	for rules, want := range map[string]string{
		"": "off sanitize-payload resetchannels -@all",
		"on >secret ~x* %R~r* %RW~rw* &ch* +@read -get +set +config|get (+get ~z %W~q &c) +select|0": "on sanitize-payload #2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b " +
			"~x* %R~r* ~rw* resetchannels &ch* -@all +@read -get +set +config|get +select|0 (~z %W~q resetchannels &c -@all +get)",
		"on nopass ~* &* +@all":           "on nopass sanitize-payload ~* &* +@all",
		"+@all -@admin +config":           "off sanitize-payload resetchannels +@all -@admin +config",
		"+config|get +config":             "off sanitize-payload resetchannels -@all +config",
		"skip-sanitize-payload +get":      "off skip-sanitize-payload resetchannels -@all +get",
		"reset":                           "off sanitize-payload resetchannels -@all",
		"~* allkeys +get -get +@all +get": "off sanitize-payload ~* resetchannels +@all +get",
	} {
		u := user(t, rules)
		if got := u.String(); got != want {
			t.Errorf("%q:\n%s, want\n%s", rules, got, want)
		}
		if again := user(t, u.String()).String(); again != u.String() {
			t.Errorf("%q comes back as %q", u, again)
		}
	}
}

func TestBadRules(t *testing.T) {
	for rules, want := range map[string]error{
		"+nosuch": ErrUnknown, "+@nosuch": ErrUnknown, "-@nosuch": ErrUnknown, "nosuch": errSyntax, "#12": errHash,
		"#" + strings.Repeat("A", 64): errHash, "<nopw": errPass, "%X~a": errSyntax, "%~a": errSyntax, "%RR~a": errSyntax, "%Ra": errSyntax,
		"+config|nosuch": ErrUnknown, "+get|x|y": ErrUnknown, "-get|x": ErrUnknown, "+@all|x": ErrUnknown,
		"~* ~x": errKeys, "&* &x": errChannels, "(+nosuch)": ErrUnknown,
	} {
		c := catalog()
		u := New("u", c, false)
		before := u.String()
		_, err := u.Apply(c, strings.Fields(rules), false)
		var rule *RuleError
		if !errors.As(err, &rule) || !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", rules, err, want)
		}
		if u.String() != before {
			t.Errorf("%q changed the user that it was applied to", rules)
		}
	}
	c := catalog()
	if _, err := New("u", c, false).Apply(c, []string{"(+get", "~x"}, false); err == nil ||
		err.Error() != "Unmatched parenthesis in acl selector starting at '(+get'." {
		t.Errorf("an open selector: %v", err)
	}
}

// No rule makes the parser panic, and what it accepts comes back from its own
// description.
func FuzzRules(f *testing.F) {
	for _, s := range []string{"on >pw ~x +get", "%RW~a &b (+@read ~z) reset", "+select|0 -@all +config|get", "#zz", "(", "() +@all"} {
		f.Add(s)
	}
	c := catalog()
	f.Fuzz(func(t *testing.T, rules string) {
		u, err := New("u", c, false).Apply(c, strings.Fields(rules), false)
		if err != nil {
			return
		}
		text := u.String()
		again, err := New("u", c, false).Apply(c, strings.Fields(text), false)
		if err != nil || again.String() != text {
			t.Errorf("%q is shown as %q, which gives %v, %v", rules, text, again, err)
		}
	})
}
