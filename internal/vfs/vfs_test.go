package vfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestReplaceLeavesTheOldFileOrTheNew(t *testing.T) {
	failed := errors.New("failed")
	for _, op := range []string{"", "create", "write", "sync", "rename", "syncdir"} {
		m := new(Mem)
		write := func(text string) error {
			return Replace(m, "f", "temp", func(f File) error { _, err := f.Write([]byte(text)); return err })
		}
		if err := write("old"); err != nil {
			t.Fatal(err)
		}
		m.Fail(func(o, _ string) error {
			if o == op {
				return failed
			}
			return nil
		})
		err := write("new")
		if (op != "") != errors.Is(err, failed) {
			t.Errorf("with a failing %q: %v", op, err)
		}
		m.Crash()
		want := "old"
		if op == "" {
			want = "new"
		}
		if got, _ := m.ReadFile("f"); string(got) != want || m.Names() != 1 {
			t.Errorf("with a failing %q and a crash: %q among %d files, want %q", op, got, m.Names(), want)
		}
	}
}

func TestReplaceOnDisk(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	for _, text := range []string{"one", "two"} {
		err := Replace(OS, name, filepath.Join(dir, "temp"), func(f File) error { _, err := f.Write([]byte(text)); return err })
		got, _ := os.ReadFile(name)
		if err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files are left", len(entries))
	}
}
