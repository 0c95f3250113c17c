package persistence_test

import (
	"testing"
	"time"

	"cached/internal/vfs"
)

// rdb-key-save-delay and key-load-delay make a saving and a loading last, until they
// are changed.
func TestSavingAndLoadingCanBeSlowedDown(t *testing.T) {
	files := new(vfs.Mem)
	s := startOn(t, files, "--enable-debug-command", "yes")
	if err := s.Do(ctx, "DEBUG", "POPULATE", 300).Err(); err != nil {
		t.Fatal(err)
	}
	s.ConfigSet(ctx, "rdb-key-save-delay", "10000000")
	if err := s.BgSave(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(30 * time.Millisecond)
	waitFor(t, s.Client, "rdb_bgsave_in_progress:1")
	if err := s.Set(ctx, "a", "1", 0).Err(); err != nil { // others go on
		t.Error(err)
	}
	s.ConfigSet(ctx, "rdb-key-save-delay", "-100")
	waitFor(t, s.Client, "rdb_bgsave_in_progress:0", "rdb_last_bgsave_status:ok")
	for _, log := range []string{"no", "yes"} {
		if log == "yes" {
			s.ConfigSet(ctx, "appendonly", "yes")
			waitFor(t, s.Client, "aof_rewrites:1", "aof_rewrite_in_progress:0")
			s.Set(ctx, "b", "1", 0)
		}
		slow, loaded := startLoading(t, files.Copy(), "--appendonly", log, "--key-load-delay", "10000000")
		select {
		case err := <-loaded:
			t.Errorf("appendonly %s: the loading is over: %v", log, err)
		case <-time.After(30 * time.Millisecond):
		}
		if err := slow.ConfigSet(ctx, "key-load-delay", "0").Err(); err != nil {
			t.Error(err)
		}
		if err := <-loaded; err != nil {
			t.Error(err)
		}
		if n := slow.DBSize(ctx).Val(); n < 300 {
			t.Errorf("appendonly %s: %d keys are loaded", log, n)
		}
	}
}

// What DEBUG POPULATE made is in the log like anything else, whoever loads it.
func TestPopulatedKeysAreLogged(t *testing.T) {
	files := new(vfs.Mem)
	s := startOn(t, files, logged("--appendfsync", "always")...)
	if err := s.Do(ctx, "DEBUG", "POPULATE", 100, "p", 20).Err(); err != nil {
		t.Fatal(err)
	}
	s.stop()
	after := startOn(t, files.AfterCrash(), logged("--enable-debug-command", "no")...)
	if n, v := after.DBSize(ctx).Val(), after.Get(ctx, "p:99").Val(); n != 100 || len(v) != 20 {
		t.Errorf("%d keys, and p:99 is %q", n, v)
	}
}
