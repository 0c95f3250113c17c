package vfs

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// A File is an open file. Write appends.
type File interface {
	io.Reader
	io.Writer
	io.Closer
	// Sync returns when all written data is on the disk.
	Sync() error
	// Size is how long the file is.
	Size() (int64, error)
	// Truncate cuts the file off; Write continues at its end.
	Truncate(size int64) error
}

// An FS is a file system. A name that has no file gives an error that is
// fs.ErrNotExist.
type FS interface {
	// Open opens a file for reading.
	Open(name string) (File, error)
	// Create makes an empty file, or empties the one there is.
	Create(name string) (File, error)
	// Append opens a file for reading and for writing at its end, and makes it
	// if there is none.
	Append(name string) (File, error)
	// MakeDir makes a directory unless it is there.
	MakeDir(name string) error
	// Rename puts a file in the place of another, at once.
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir returns when the names in a directory are on the disk.
	SyncDir(dir string) error
}

// OS is the system's.
var OS FS = osFS{}

type osFS struct{}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

func (osFS) Open(name string) (File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Create(name string) (File, error) {
	return open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND)
}

func (osFS) Append(name string) (File, error) {
	return open(name, os.O_RDWR|os.O_CREATE|os.O_APPEND)
}

func open(name string, flags int) (File, error) {
	f, err := os.OpenFile(name, flags, 0o644)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) MakeDir(name string) error {
	if err := os.Mkdir(name, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

func (osFS) Rename(from, to string) error { return os.Rename(from, to) }
func (osFS) Remove(name string) error     { return os.Remove(name) }

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Replace writes a new file in the place of name. At every moment, the old file or the new one is there, complete
// and on the disk. temp is its name until then, in the same directory.
func Replace(fs FS, name, temp string, write func(File) error) error {
	f, err := fs.Create(temp)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = fs.Rename(temp, name)
	}
	if err != nil {
		_ = fs.Remove(temp) // it may not be there
		return err
	}
	return fs.SyncDir(filepath.Dir(name))
}
