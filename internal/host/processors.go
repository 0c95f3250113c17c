package host

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Processors is how many processors the process may keep busy: those it may run on, or
// fewer if its container has a quota. It is one at least.
var Processors = sync.OnceValue(func() int { return processors(os.DirFS("/")) })

func processors(root fs.FS) int {
	n := runtime.NumCPU()
	groups := []string{"."}
	if text, err := fs.ReadFile(root, "proc/self/cgroup"); err == nil {
		groups = append(groups, controlGroups(string(text))...)
	}
	for _, group := range groups {
		if quota := quotaOf(root, group); quota > 0 {
			n = min(n, int(math.Ceil(quota)))
		}
	}
	return max(n, 1)
}

// controlGroups are the groups that limit the processors of the process, with those
// around them, as /proc/self/cgroup has them.
func controlGroups(text string) (groups []string) {
	for line := range strings.SplitSeq(text, "\n") {
		parts := strings.SplitN(line, ":", 3)
		if len(parts) < 3 || parts[1] != "" && !slices.Contains(strings.Split(parts[1], ","), "cpu") {
			continue
		}
		for name := strings.Trim(path.Clean(parts[2]), "/"); name != "" && name != "."; name = path.Dir(name) {
			groups = append(groups, name)
		}
	}
	return groups
}

// quotaOf is how many processors a control group may use, 0 if there is no limit.
func quotaOf(root fs.FS, group string) float64 {
	number := func(name string) float64 {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return 0
		}
		n, _ := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
		return n
	}
	if text, err := fs.ReadFile(root, path.Join("sys/fs/cgroup", group, "cpu.max")); err == nil {
		quota, period, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
		q, err1 := strconv.ParseFloat(quota, 64) // or "max"
		p, err2 := strconv.ParseFloat(period, 64)
		if err1 != nil || err2 != nil || p <= 0 {
			return 0
		}
		return q / p
	}
	dir := path.Join("sys/fs/cgroup/cpu", group)
	if period := number(path.Join(dir, "cpu.cfs_period_us")); period > 0 {
		return number(path.Join(dir, "cpu.cfs_quota_us")) / period // -1 is no limit
	}
	return 0
}
