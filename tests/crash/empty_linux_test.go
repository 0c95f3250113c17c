package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// status sums a line of the status of a process, or of all its threads.
func status(t *testing.T, pattern, name string) (sum int64) {
	t.Helper()
	files, _ := filepath.Glob(pattern)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has exited
		}
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, name+":"); ok {
				n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				sum += n
			}
		}
	}
	return sum
}

// A process without data takes little memory, and wakes up rarely without requests.
func TestAnEmptyProcessIsSmallAndRests(t *testing.T) {
	p := &process{binary: build(t), dir: t.TempDir(), policy: "everysec"}
	c := p.ready(t)
	defer p.kill()
	defer c.Close()
	for range 100 {
		if err := c.Ping(ctx).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Info(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	pid := p.cmd.Process.Pid
	if kb := status(t, fmt.Sprintf("/proc/%d/status", pid), "VmRSS"); kb == 0 || kb > 8<<10 {
		t.Errorf("an empty process takes %d KB", kb)
	}
	switches := func() int64 {
		return status(t, fmt.Sprintf("/proc/%d/task/*/status", pid), "voluntary_ctxt_switches")
	}
	time.Sleep(time.Second) // after which it rests
	before, start := switches(), time.Now()
	time.Sleep(time.Second)
	// A slow machine makes a second longer, not the process more restless.
	if perSecond := float64(switches()-before) / time.Since(start).Seconds(); perSecond > 150 {
		t.Errorf("the threads of an idle process wait anew %.0f times a second", perSecond)
	}
}
