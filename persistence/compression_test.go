package persistence_test

import (
	"fmt"
	"strings"
	"testing"

	"cached/internal/vfs"
)

// What is on the disk, and what DUMP shows, are the strings, whatever they are in
// memory: files go from a server that compresses to one that does not, and back.
func TestFilesDoNotKnowOfCompression(t *testing.T) {
	const n = 300
	value := func(i int) string {
		return fmt.Sprintf(`{"customer":{"id":%d,"country":"de"},"price":"EUR","sku":"%08x"}`, i*104729%9973, i*2654435761%(1<<32)) + strings.Repeat("x", i)
	}
	check := func(s *subject) {
		t.Helper()
		for i := range n {
			if got, err := s.Get(ctx, fmt.Sprint("k:", i)).Result(); err != nil || got != value(i) {
				t.Fatalf("k:%d is %q, %v, want %q", i, got, err, value(i))
			}
		}
	}
	digest := func(s *subject) string { return s.Do(ctx, "DEBUG", "DIGEST").String() }
	compressed := func(s *subject) int64 { return s.keys.Compression().In }

	files := new(vfs.Mem)
	plain := startOn(t, files)
	for i := range n {
		plain.Set(ctx, fmt.Sprint("k:", i), value(i), 0)
	}
	var dumps []string
	for i := range n {
		dumps = append(dumps, plain.Dump(ctx, fmt.Sprint("k:", i)).Val())
	}
	if err := plain.Save(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	whole := digest(plain)
	plain.stop()

	for _, mode := range []string{"zstd", "s2"} {
		s := startOn(t, files, "--value-compression", mode)
		check(s)
		if compressed(s) == 0 {
			t.Errorf("%s: nothing that was loaded is compressed", mode)
		}
		if got := digest(s); got != whole {
			t.Errorf("%s: the digest is %s, want %s", mode, got, whole)
		}
		for i := range n {
			if got := s.Dump(ctx, fmt.Sprint("k:", i)).Val(); got != dumps[i] {
				t.Fatalf("%s: another payload of k:%d", mode, i)
			}
			s.RestoreReplace(ctx, fmt.Sprint("k:", i), 0, dumps[i])
		}
		check(s)
		if err := s.Save(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		if err := s.Do(ctx, "DEBUG", "RELOAD").Err(); err != nil {
			t.Fatal(err)
		}
		check(s)
		s.stop()
	}

	s := startOn(t, files)
	check(s)
	if compressed(s) != 0 {
		t.Error("something is compressed without being asked for")
	}
	s.stop()
}

// An append-only file that is rewritten as commands has the strings too.
func TestARewrittenLogHasTheStrings(t *testing.T) {
	for _, preamble := range []string{"yes", "no"} {
		files := new(vfs.Mem)
		args := []string{"--appendonly", "yes", "--aof-use-rdb-preamble", preamble}
		s := startOn(t, files, append(args, "--value-compression", "s2")...)
		want := strings.Repeat("some text that repeats, ", 40)
		s.Set(ctx, "k", want, 0)
		if compressed := s.keys.Compression().In; compressed == 0 {
			t.Fatal("nothing is compressed")
		}
		rewrite(t, s.Client)
		s.stop()
		s = startOn(t, files, args...)
		if got := s.Get(ctx, "k").Val(); got != want {
			t.Errorf("preamble %s: %q", preamble, got)
		}
		s.stop()
	}
}
