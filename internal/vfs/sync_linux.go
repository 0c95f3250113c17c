package vfs

import (
	"os"
	"syscall"
)

// Sync does not sync metadata that is not needed to read the data again, such as the time of the last change.
func (f osFile) Sync() error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		for {
			if failed = syscall.Fdatasync(int(fd)); failed != syscall.EINTR {
				return
			}
		}
	})
	if err == nil && failed != nil {
		err = &os.PathError{Op: "sync", Path: f.Name(), Err: failed}
	}
	return err
}
