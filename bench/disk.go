package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// dirBytes is how much the files in a directory have.
func dirBytes(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

// command makes one call on a connection of its own.
func command(s *server, args ...string) error {
	l, err := newLoader(s)
	if err != nil {
		return err
	}
	defer l.close()
	_, err = l.do(args...)
	return err
}

// awaitKeys waits until the server has loaded, and counts.
func awaitKeys(s *server, n int) error {
	l, err := newLoader(s)
	if err != nil {
		return err
	}
	defer l.close()
	for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		reply, err := l.do("DBSIZE")
		if err != nil {
			return err
		}
		if strings.Contains(reply, "LOADING") {
			continue
		}
		if reply = strings.TrimPrefix(strings.TrimSpace(reply), "(integer) "); reply != strconv.Itoa(n) {
			return fmt.Errorf("%s keys were loaded, want %d", reply, n)
		}
		return nil
	}
	return fmt.Errorf("it does not end loading")
}
