package glob

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// answers is what KEYS of redis-server 7.0.15 said for these keys.
var keys = []string{"", "a", "b", "c", "ab", "abc", "abd", "acd", "*", "\\", "[", "]", "-", "^", "a]", "a\\", "[a", "aXbXc", "d", "!", "e", "[]"}

var answers = []struct {
	pattern string
	match   []string
}{
	{"*", []string{"", "!", "*", "-", "[", "[]", "[a", "\\", "]", "^", "a", "aXbXc", "a\\", "a]", "ab", "abc", "abd", "acd", "b", "c", "d", "e"}},
	{"?", []string{"!", "*", "-", "[", "\\", "]", "^", "a", "b", "c", "d", "e"}},
	{"a", []string{"a"}},
	{"a*", []string{"a", "aXbXc", "a\\", "a]", "ab", "abc", "abd", "acd"}},
	{"*a", []string{"[a", "a"}},
	{"[ab]", []string{"a", "b"}},
	{"[a-c]", []string{"a", "b", "c"}},
	{"[c-a]", []string{"a", "b", "c"}},
	{"[^a]", []string{"!", "*", "-", "[", "\\", "]", "^", "b", "c", "d", "e"}},
	{"[^a-c]", []string{"!", "*", "-", "[", "\\", "]", "^", "d", "e"}},
	{"\\*", []string{"*"}},
	{"\\a", []string{"a"}},
	{"a\\", []string{"a\\"}},
	{"[a", []string{"a"}},
	{"[", []string{}},
	{"[]", []string{}},
	{"[^]", []string{"!", "*", "-", "[", "\\", "]", "^", "a", "b", "c", "d", "e"}},
	{"[a-]", []string{"]", "^", "a"}},
	{"[-a]", []string{"-", "a"}},
	{"[\\]]", []string{"]"}},
	{"[\\a-c]", []string{"-", "a", "c"}},
	{"a[bc]d", []string{"abd", "acd"}},
	{"**", []string{"!", "*", "-", "[", "[]", "[a", "\\", "]", "^", "a", "aXbXc", "a\\", "a]", "ab", "abc", "abd", "acd", "b", "c", "d", "e"}},
	{"*?", []string{"!", "*", "-", "[", "[]", "[a", "\\", "]", "^", "a", "aXbXc", "a\\", "a]", "ab", "abc", "abd", "acd", "b", "c", "d", "e"}},
	{"?*?", []string{"[]", "[a", "aXbXc", "a\\", "a]", "ab", "abc", "abd", "acd"}},
	{"a*b*c", []string{"aXbXc", "abc"}},
	{"", []string{""}},
	{"[^", []string{"!", "*", "-", "[", "\\", "]", "^", "a", "b", "c", "d", "e"}},
	{"[]a]", []string{}},
	{"a]", []string{"a]"}},
	{"[a-", []string{"-", "a"}},
	{"[a\\", []string{"\\", "a"}},
	{"[!a]", []string{"!", "a"}},
	{"[a-c-e]", []string{"-", "a", "b", "c", "e"}},
	{"\\", []string{"\\"}},
	{"*\\", []string{"\\", "a\\"}},
	{"a?", []string{"a\\", "a]", "ab"}},
	{"[a-c]*", []string{"a", "aXbXc", "a\\", "a]", "ab", "abc", "abd", "acd", "b", "c"}},
	{"*[", []string{}},
	{"[a]]", []string{"a]"}},
}

func TestMatchAnswersAsKEYSDoes(t *testing.T) {
	for _, a := range answers {
		var got []string
		for _, k := range keys {
			if Match([]byte(a.pattern), []byte(k), false) {
				got = append(got, k)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, a.match) {
			t.Errorf("%q: got %q, want %q", a.pattern, got, a.match)
		}
	}
}

func TestCaseFolding(t *testing.T) {
	for _, c := range []struct {
		p, s string
		want bool
	}{{"MaxMem*", "maxmemory", true}, {"[A-C]x", "bX", true}, {"\\Q", "q", true}, {"[^A]", "a", false}} {
		if got := Match([]byte(c.p), []byte(c.s), true); got != c.want {
			t.Errorf("Match(%q, %q, nocase) = %v", c.p, c.s, got)
		}
		if Match([]byte(c.p), []byte(c.s), false) == c.want {
			t.Errorf("Match(%q, %q): case did not matter", c.p, c.s)
		}
	}
}

func TestManyStarsStayCheap(t *testing.T) {
	start := time.Now()
	if Match([]byte(strings.Repeat("a*", 200)+"b"), []byte(strings.Repeat("a", 5000)), false) {
		t.Error("matched")
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
}

// naive is the definition, one case a line, exponential in the stars.
func naive(p, s []byte) bool {
	switch {
	case len(p) == 0:
		return len(s) == 0
	case p[0] == '*':
		return naive(p[1:], s) || len(s) > 0 && naive(p, s[1:])
	case len(s) == 0:
		return false
	}
	n, ok := element(p, s[0], false)
	return ok && naive(p[n:], s[1:])
}

func FuzzMatch(f *testing.F) {
	f.Add("a*b?[c-e]\\*", "axxbyd*")
	f.Add("[a", "a")
	f.Add("*a*[^b", "caac")
	f.Fuzz(func(t *testing.T, p, s string) {
		got := Match([]byte(p), []byte(s), false)
		if len(p) < 12 && 0 < len(s) && len(s) < 12 && got != naive([]byte(p), []byte(s)) {
			t.Fatalf("Match(%q, %q) = %v", p, s, got)
		}
		Match([]byte(p), []byte(s), true)
	})
}
