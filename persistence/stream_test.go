package persistence_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cached/internal/vfs"
)

// What redis-cli --rdb fetches is a snapshot that both servers load.
func TestRedisCliFetchesASnapshot(t *testing.T) {
	cli := tool(t, "redis-cli")
	s := startSubject(t)
	all := append(samples(), hugeSamples()...)
	fill(t, s.Client, all)
	s.Do(ctx, "FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)")
	want := snapshotOf(t, s.Client, all)
	dir := t.TempDir()
	_, port, _ := net.SplitHostPort(s.addr)
	run := func(args ...string) string {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, cli, append([]string{"-p", port}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("redis-cli %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if out := run("--rdb", filepath.Join(dir, "dump.rdb")); !strings.Contains(out, "Transfer finished with success") {
		t.Errorf("redis-cli --rdb: %s", out)
	}
	check(t, dir)
	after := startOn(t, inDir{vfs.OS, dir})
	compare(t, snapshotOf(t, after.Client, all), want)
	if v, err := after.Do(ctx, "FCALL", "f", 0).Int(); v != 1 {
		t.Errorf("the function: %v, %v", v, err)
	}
	run("--functions-rdb", filepath.Join(dir, "functions.rdb"))
	if b, err := os.ReadFile(filepath.Join(dir, "functions.rdb")); err != nil || !strings.Contains(string(b), "register_function") || strings.Contains(string(b), "string0") {
		t.Errorf("redis-cli --functions-rdb: %d bytes, %v", len(b), err)
	}
}
