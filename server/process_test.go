package server

import (
	"os"
	"path/filepath"
	"testing"

	"cached/internal/config"
)

// oom-score-adj is written where Linux reads it, and taken back.
func TestTheOOMScoreIsSet(t *testing.T) {
	old := oomScoreFile
	defer func() { oomScoreFile = old }()
	oomScoreFile = filepath.Join(t.TempDir(), "oom_score_adj")
	if err := os.WriteFile(oomScoreFile, []byte("10\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ := startWith(t, Options{}, "--oom-score-adj", "no")
	now := func() string {
		text, _ := os.ReadFile(oomScoreFile)
		return string(text)
	}
	set := func(name, value, want string) {
		t.Helper()
		if err := s.cfg.Set([]config.Pair{{Name: name, Value: value}}, true); err != nil {
			t.Errorf("%s %s: %v", name, value, err)
		}
		if now() != want {
			t.Errorf("after %s %s it is %q, want %q", name, value, now(), want)
		}
	}
	set("oom-score-adj-values", "100 200 800", "10\n")
	set("oom-score-adj", "relative", "110")
	set("oom-score-adj-values", "-7 200 800", "3")
	set("oom-score-adj", "absolute", "-7")
	set("oom-score-adj-values", "-2000 0 0", "-1000")
	set("oom-score-adj", "yes", "-1000")
	set("oom-score-adj", "no", "10")
	if err := os.Remove(oomScoreFile); err != nil {
		t.Fatal(err)
	}
	oomScoreFile = filepath.Join(oomScoreFile, "missing")
	err := s.cfg.Set([]config.Pair{{Name: "oom-score-adj", Value: "absolute"}}, true)
	const want = "ERR CONFIG SET failed (possibly related to argument 'oom-score-adj') - Failed to apply new oom_score_adj configuration, check server logs."
	if err == nil || err.Error() != want || s.cfg.Value("oom-score-adj").String() != "no" {
		t.Errorf("where there is no such file: %v", err)
	}
}
