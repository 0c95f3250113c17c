package compat

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Users may come from the configuration, from an aclfile and from clients. Random
// rules make the same of them here and there, whichever way they take.
func TestUsersComeInAsToTheReference(t *testing.T) {
	rules := strings.Fields("on on on off nopass resetpass reset sanitize-payload skip-sanitize-payload allkeys resetkeys allchannels resetchannels " +
		"allcommands nocommands clearselectors ~* ~a* %R~b* %W~b* %RW~c &* &a* &b +@all -@all +@read -@read +@write +@string -@dangerous +get -get " +
		"+set -set +config -config +config|get -config|get +select|0 +select -select >pw >pw2 ~k* +acl -client (~x&+@read) (%R~q&+mset) ()")
	wrong := strings.Fields("%~x +get|x|y +nonesuch -nonesuch +@nope <none #zz + - foo +get| +|x")
	rng := rand.New(rand.NewPCG(5, 6))
	ruleSet := func() string {
		var words []string
		for range rng.IntN(7) {
			words = append(words, strings.ReplaceAll(rules[rng.IntN(len(rules))], "&+", " +"))
		}
		if rng.IntN(12) == 0 {
			words = append(words, wrong[rng.IntN(len(wrong))])
		}
		return strings.Join(words, " ")
	}
	names := []string{"default", "one", "two", "three"}
	lines := func() (all []string) {
		for _, name := range names {
			if rng.IntN(4) > 0 {
				all = append(all, "user "+name+" "+ruleSet())
			}
			if rng.IntN(15) == 0 {
				all = append(all, "user "+name+" on")
			}
		}
		return all
	}
	for round := range 12 {
		text, next := strings.Join(lines(), "\n")+"\n", strings.Join(lines(), "\n")+"\n"
		inFile := round%2 == 0
		extra := []string{"", "requirepass pp\n", "acl-pubsub-default allchannels\n"}[round%3]
		var seen [2][]string
		for i, bin := range []string{subjectBin, needReference(t)} {
			dir := t.TempDir()
			conf, users := filepath.Join(dir, "redis.conf"), filepath.Join(dir, "users.acl")
			config := extra + text
			if inFile {
				config = extra + "aclfile " + users + "\n"
			}
			write(t, users, text)
			write(t, conf, config)
			p, err := tryStart(bin, []string{conf, "--enable-debug-command", "no"})
			if err != nil {
				seen[i] = append(seen[i], "does not start")
				continue
			}
			w := dial(t, p)
			say := func(args ...string) {
				seen[i] = append(seen[i], strings.Join(args, " ")+": "+outcome(strings.ReplaceAll(w.do(t, args...), dir, "")))
			}
			look := func() {
				say("GET", "a")
				say("SET", "a", "1")
				for _, login := range [][]string{{"pp"}, {"pw"}, {"one", "pw"}, {"two", "pw2"}} {
					say(append([]string{"AUTH"}, login...)...)
				}
				for _, name := range names {
					say("ACL", "GETUSER", name)
					for _, call := range []string{"GET a", "SET k1 v", "CONFIG GET x", "SELECT 0", "PUBLISH b m", "MSET q 1", "GET b1", "CLIENT LIST"} {
						say(append([]string{"ACL", "DRYRUN", name}, strings.Fields(call)...)...)
					}
				}
			}
			look()
			if inFile {
				say("ACL", "SAVE")
				write(t, users, next)
				w = dial(t, p) // LOAD closes clients of removed users
				w.do(t, "AUTH", "pw")
				say("ACL", "LOAD")
				w = dial(t, p)
				look()
			}
			p.stop()
		}
		if !slices.Equal(seen[0], seen[1]) {
			for i := range min(len(seen[0]), len(seen[1])) {
				if seen[0][i] != seen[1][i] {
					t.Errorf("round %d, %q then %q: %s, the reference %s", round, extra+text, next, seen[0][i], seen[1][i])
				}
			}
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// outcome is what a reply about users says in every version: rules about commands are
// shown in several ways, and newer versions always show whether payloads are checked.
func outcome(reply string) string {
	if strings.Contains(reply, " has no permissions ") || strings.Contains(reply, "NOPERM") || strings.Contains(reply, "No permissions") {
		return "denied"
	}
	var lines []string
	for line := range strings.SplitSeq(strings.ReplaceAll(reply, " sanitize-payload ", " "), "\n") {
		if !strings.Contains(line, "sanitize-payload") && !strings.Contains(line, `"-@all`) && !strings.Contains(line, `"+@all`) {
			lines = append(lines, numbering.ReplaceAllString(line, ""))
		}
	}
	return strings.Join(lines, "\n")
}

var numbering = regexp.MustCompile(`[0-9]+\) `)
