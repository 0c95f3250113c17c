package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
)

// A Mem is a file system in memory for tests, which can fail and can lose data that was not synced. The zero Mem
// is empty.
type Mem struct {
	asked atomic.Pointer[func(op, name string) error]

	mu     sync.Mutex // guards the following
	names  map[string]*memFile
	synced map[string]*memFile // as names was at the last SyncDir
}

type memFile struct {
	data, safe []byte // all written data, and the part of it on the disk
}

// A Short is an error of a write that wrote something nevertheless.
type Short struct {
	N   int // bytes that were written
	Err error
}

func (s *Short) Error() string { return s.Err.Error() }

// Fail has f asked before each operation ("create", "open", "append", "write",
// "sync", "truncate", "rename", "remove", "mkdir", "syncdir"); it may return an
// error, for a write a Short. nil is asked nothing.
func (m *Mem) Fail(f func(op, name string) error) {
	if f == nil {
		m.asked.Store(nil)
		return
	}
	m.asked.Store(&f)
}

func (m *Mem) fail(op, name string) error {
	ask := m.asked.Load()
	if ask == nil {
		return nil
	}
	if err := (*ask)(op, name); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// Crash keeps only the data on the disk: synced contents under synced names.
func (m *Mem) Crash() {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := map[string]*memFile{}
	for name, f := range m.synced {
		names[name] = &memFile{data: slices.Clip(f.safe), safe: f.safe}
	}
	m.names, m.synced = names, maps.Clone(names)
}

// AfterCrash is a copy of the file system as Crash would leave it.
func (m *Mem) AfterCrash() *Mem {
	c := m.Copy()
	c.Crash()
	return c
}

// Copy is a copy of the file system with the same contents, as if the process had been killed.
func (m *Mem) Copy() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &Mem{names: map[string]*memFile{}, synced: map[string]*memFile{}}
	copies := map[*memFile]*memFile{}
	copyOf := func(f *memFile) *memFile {
		if copies[f] == nil {
			copies[f] = &memFile{data: slices.Clip(f.data), safe: f.safe}
		}
		return copies[f]
	}
	for name, f := range m.names {
		c.names[name] = copyOf(f)
	}
	for name, f := range m.synced {
		c.synced[name] = copyOf(f)
	}
	return c
}

// ReadFile returns the contents of a file.
func (m *Mem) ReadFile(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.names[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return bytes.Clone(f.data), nil
}

// WriteFile makes a file, on the disk at once.
func (m *Mem) WriteFile(name string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.init()
	f := &memFile{data: bytes.Clone(data), safe: bytes.Clone(data)}
	m.names[name], m.synced[name] = f, f
}

func (m *Mem) init() {
	if m.names == nil {
		m.names, m.synced = map[string]*memFile{}, map[string]*memFile{}
	}
}

// List returns the names of all files, sorted.
func (m *Mem) List() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.names))
}

// Names returns how many files there are.
func (m *Mem) Names() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.names)
}

// Open implements FS.
func (m *Mem) Open(name string) (File, error) {
	if err := m.fail("open", name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.names[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memHandle{m: m, name: name, f: f}, nil
}

// Create implements FS.
func (m *Mem) Create(name string) (File, error) { return m.make("create", name, true) }

// Append implements FS.
func (m *Mem) Append(name string) (File, error) { return m.make("append", name, false) }

func (m *Mem) make(op, name string, empty bool) (File, error) {
	if err := m.fail(op, name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.init()
	f := m.names[name]
	if f == nil || empty {
		f = &memFile{}
		m.names[name] = f
	}
	return &memHandle{m: m, name: name, f: f}, nil
}

// MakeDir implements FS. Directories are there whenever they are needed.
func (m *Mem) MakeDir(name string) error { return m.fail("mkdir", name) }

// Rename implements FS.
func (m *Mem) Rename(from, to string) error {
	if err := m.fail("rename", from); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.names[from]
	if f == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	delete(m.names, from)
	m.names[to] = f
	return nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	if err := m.fail("remove", name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(m.names, name)
	return nil
}

// SyncDir implements FS.
func (m *Mem) SyncDir(dir string) error {
	if err := m.fail("syncdir", dir); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.init()
	in := func(name string) bool { return filepath.Dir(name) == filepath.Clean(dir) }
	maps.DeleteFunc(m.synced, func(name string, _ *memFile) bool { return in(name) })
	for name, f := range m.names {
		if in(name) {
			m.synced[name] = f
		}
	}
	return nil
}

// A memHandle is an open file.
type memHandle struct {
	m    *Mem
	name string
	f    *memFile
	at   int // position of the next Read
}

func (h *memHandle) Read(p []byte) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if h.at == len(h.f.data) && len(p) > 0 {
		return 0, io.EOF
	}
	n := copy(p, h.f.data[h.at:])
	h.at += n
	return n, nil
}

func (h *memHandle) Write(p []byte) (int, error) {
	failed, n := h.m.fail("write", h.name), len(p)
	if failed != nil {
		n = 0
		var short *Short
		if errors.As(failed, &short) {
			n = min(short.N, len(p))
		}
	}
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.f.data = append(h.f.data, p[:n]...)
	return n, failed
}

func (h *memHandle) Truncate(size int64) error {
	if err := h.m.fail("truncate", h.name); err != nil {
		return err
	}
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.f.data = h.f.data[:min(int(size), len(h.f.data)):min(int(size), len(h.f.data))]
	return nil
}

func (h *memHandle) Sync() error {
	if err := h.m.fail("sync", h.name); err != nil {
		return err
	}
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.f.safe = slices.Clip(h.f.data) // a write behind it is not seen
	return nil
}

func (h *memHandle) Size() (int64, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	return int64(len(h.f.data)), nil
}

func (h *memHandle) Close() error { return nil }
