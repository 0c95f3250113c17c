package server

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"cached/internal/config"
)

// A container's quota of processors counts, wherever around the process it is set.
func TestQuotasOfProcessorsCount(t *testing.T) {
	all := processors(fstest.MapFS{})
	if all < 2 {
		t.Logf("with %d processor a quota shows nothing", all)
	}
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  int
	}{
		"none":    {fstest.MapFS{"sys/fs/cgroup/cpu.max": file("max 100000\n")}, all},
		"large":   {fstest.MapFS{"sys/fs/cgroup/cpu.max": file("99000000 100000\n")}, all},
		"one":     {fstest.MapFS{"sys/fs/cgroup/cpu.max": file("100000 100000\n")}, 1},
		"a part":  {fstest.MapFS{"sys/fs/cgroup/cpu.max": file("20000 100000\n")}, 1},
		"rounded": {fstest.MapFS{"sys/fs/cgroup/cpu.max": file("110000 100000\n")}, min(2, all)},
		"above": {fstest.MapFS{"proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/cpu.max": file("50000 100000\n"),
			"sys/fs/cgroup/a/b/cpu.max": file("max 100000\n")}, 1},
		"version 1": {fstest.MapFS{"proc/self/cgroup": file("7:memory:/x\n4:cpu,cpuacct:/a\n"),
			"sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": file("50000\n"), "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": file("100000\n")}, 1},
		"version 1, none": {fstest.MapFS{"sys/fs/cgroup/cpu/cpu.cfs_quota_us": file("-1\n"), "sys/fs/cgroup/cpu/cpu.cfs_period_us": file("100000\n")}, all},
		"another group":   {fstest.MapFS{"proc/self/cgroup": file("0::/a\n"), "sys/fs/cgroup/b/cpu.max": file("10 100000\n")}, all},
	} {
		if got := processors(c.files); got != c.want {
			t.Errorf("%s: %d processors, want %d", name, got, c.want)
		}
	}
}

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
