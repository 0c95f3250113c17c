package compat

import (
	"os"
	"path/filepath"
	"testing"
)

// Libraries of functions are in snapshots, and a redis-server finds them there as
// its own; the other way round too.
func TestFunctionsAreInSnapshots(t *testing.T) {
	const code = "#!lua name=counting\nredis.register_function('double', function(keys, args) return args[1] * 2 end)"
	for _, order := range [][2]string{{subjectBin, subjectBin}, {subjectBin, needReference(t)}, {needReference(t), subjectBin}} {
		first := startOwn(t, order[0])
		w := dial(t, first)
		w.want(t, `"counting"`, "FUNCTION", "LOAD", code)
		w.want(t, "OK", "SET", "k", "v")
		w.want(t, "OK", "SAVE")
		file, err := os.ReadFile(filepath.Join(first.dir, "dump.rdb"))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), file, 0o600); err != nil {
			t.Fatal(err)
		}
		w = dial(t, startOwn(t, order[1], "--dir", dir))
		w.want(t, "(integer) 42", "FCALL", "double", "0", "21")
		w.want(t, `"v"`, "GET", "k")
	}
}
