package persistence

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"cached/internal/vfs"
)

// tokenFile has what fencing tokens of locks have come to at most. It is written before they
// do, so that it holds whatever becomes of snapshots and logs; and only when locks are used.
const tokenFile = "cached-tokens"

// TokenBound returns what KeepTokenBound kept last, or 0.
func (d *Disk) TokenBound() (int64, error) {
	text, err := readFile(d.fs, tokenFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", tokenFile, err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("read %s: it has no number", tokenFile)
	}
	return n, nil
}

// KeepTokenBound keeps a number. When it returns, it is on the disk.
func (d *Disk) KeepTokenBound(n int64) error {
	err := vfs.Replace(d.fs, tokenFile, "temp-"+tokenFile, func(f vfs.File) error {
		_, err := f.Write(strconv.AppendInt(nil, n, 10))
		return err
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", tokenFile, err)
	}
	return nil
}
