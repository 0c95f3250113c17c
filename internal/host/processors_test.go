package host

import (
	"testing"
	"testing/fstest"
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
