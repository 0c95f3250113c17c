package compat

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// endOf waits until a server has exited by itself.
func endOf(t testing.TB, p *process) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		t.Fatalf("%s goes on", p.bin)
	}
}

func TestThePidfileIsThereWhileTheServerRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "server.pid")
	p := startOwn(t, subjectBin, "--pidfile", file)
	w := dial(t, p)
	text, err := os.ReadFile(file)
	for end := time.Now().Add(time.Minute); len(text) == 0 && time.Now().Before(end); text, err = os.ReadFile(file) {
		time.Sleep(5 * time.Millisecond)
	}
	if want := strconv.Itoa(p.cmd.Process.Pid) + "\n"; err != nil || string(text) != want {
		t.Errorf("%q, %v, want %q", text, err, want)
	}
	_, _ = w.call(argv("SHUTDOWN", "NOSAVE"))
	endOf(t, p)
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("after the end: %v", err)
	}
}

func TestServersTakeTurnsOnADirectory(t *testing.T) {
	// One stops, the other starts where it was; each adds keys of its own.
	if subjectIsReference() {
		return
	}
	dir := t.TempDir()
	ways := []func(p *process){
		func(p *process) { _, _ = dial(t, p).call(argv("SHUTDOWN")) },
		func(p *process) { _ = p.cmd.Process.Signal(syscall.SIGTERM) },
		func(p *process) { _, _ = dial(t, p).call(argv("SHUTDOWN", "SAVE")) },
		func(p *process) { _ = p.cmd.Process.Signal(os.Interrupt) },
	}
	for turn := range 6 {
		bin := subjectBin
		if turn%2 == 0 {
			bin = needReference(t)
		}
		p := startOwn(t, bin, "--dir", dir, "--save", "3600", "1000000")
		w := dial(t, p)
		for end := time.Now().Add(time.Minute); strings.HasPrefix(w.do(t, "GET", "x"), "(error) LOADING") && time.Now().Before(end); {
			time.Sleep(5 * time.Millisecond)
		}
		w.want(t, "(integer) "+strconv.Itoa(6*turn), "DBSIZE")
		for before := range turn {
			id := strconv.Itoa(before)
			w.want(t, strconv.Quote(id), "GET", "string"+id)
			w.want(t, `"300"`, "LINDEX", "list"+id, "1")
			w.want(t, "(integer) 2", "SCARD", "set"+id)
			w.want(t, `"1.5"`, "ZSCORE", "zset"+id, "m")
			w.want(t, `"v"`, "HGET", "hash"+id, "f")
			w.want(t, "(integer) 1", "XLEN", "stream"+id)
		}
		id := strconv.Itoa(turn)
		for _, words := range [][]string{{"SET", "string" + id, id, "EX", "100000"}, {"RPUSH", "list" + id, "a", "300"}, {"SADD", "set" + id, "a", "1"},
			{"ZADD", "zset" + id, "1.5", "m"}, {"HSET", "hash" + id, "f", "v"}, {"XADD", "stream" + id, "1-1", "f", "v"}} {
			if r := w.do(t, words...); strings.HasPrefix(r, "(error)") {
				t.Fatalf("%v: %s", words, r)
			}
		}
		ways[turn%len(ways)](p)
		endOf(t, p)
		if _, err := os.Stat(filepath.Join(dir, "dump.rdb")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestShutdownWithoutSavingSavesNothing(t *testing.T) {
	dir := t.TempDir()
	p := startOwn(t, subjectBin, "--dir", dir, "--save", "3600", "1")
	w := dial(t, p)
	w.want(t, "OK", "SET", "a", "b")
	_, _ = w.call(argv("SHUTDOWN", "NOSAVE"))
	endOf(t, p)
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("there is %v", entries)
	}
}

func TestAShutdownThatCannotSaveIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := startOwn(t, subjectBin, "--dir", dir, "--save", "3600", "1")
	w := dial(t, p)
	w.want(t, "OK", "SET", "a", "b")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	w.want(t, "(error) ERR Errors trying to SHUTDOWN. Check logs.", "SHUTDOWN")
	w.want(t, `"b"`, "GET", "a")
	_, _ = w.call(argv("SHUTDOWN", "FORCE"))
	endOf(t, p)
}

func TestACorruptFileEndsTheStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), []byte("REDIS0010\xFF\x01\x02\x03\x04\x05\x06\x07\x08"), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := startProcess(subjectBin, "--dir", dir)
	if err == nil {
		endOf(t, p) // it answered PING before it saw the end of the file
		p.stop()
		err = fmt.Errorf("%s", p.log.String())
	}
	if !strings.Contains(err.Error(), "wrong checksum") {
		t.Error(err)
	}
}
