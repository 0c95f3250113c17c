package vfs

import (
	"bytes"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
)

// A Mem is a file system in memory for tests, which can fail and can lose what
// was not synced. The zero Mem is empty.
type Mem struct {
	asked atomic.Pointer[func(op, name string) error]

	mu     sync.Mutex // guards what follows
	names  map[string]*memFile
	synced map[string]*memFile // as names was at the last SyncDir
}

type memFile struct {
	data, safe []byte // what was written, and what of it is on the disk
}

// Fail has f asked before each operation ("create", "open", "write", "sync",
// "rename", "remove", "syncdir"); it may return an error. nil is asked nothing.
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

// Crash leaves what was on the disk: synced contents under synced names.
func (m *Mem) Crash() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names = map[string]*memFile{}
	for name, f := range m.synced {
		m.names[name] = &memFile{data: bytes.Clone(f.safe), safe: f.safe}
	}
}

// ReadFile returns what a file has.
func (m *Mem) ReadFile(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.names[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return bytes.Clone(f.data), nil
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
func (m *Mem) Create(name string) (File, error) {
	if err := m.fail("create", name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names == nil {
		m.names = map[string]*memFile{}
	}
	f := &memFile{}
	m.names[name] = f
	return &memHandle{m: m, name: name, f: f}, nil
}

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

// SyncDir implements FS; there is one directory.
func (m *Mem) SyncDir(dir string) error {
	if err := m.fail("syncdir", dir); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.synced = map[string]*memFile{}
	for name, f := range m.names {
		m.synced[name] = f
	}
	return nil
}

// A memHandle is an open file.
type memHandle struct {
	m    *Mem
	name string
	f    *memFile
	at   int // where Read goes on
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
	if err := h.m.fail("write", h.name); err != nil {
		return 0, err
	}
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.f.data = append(h.f.data, p...)
	return len(p), nil
}

func (h *memHandle) Sync() error {
	if err := h.m.fail("sync", h.name); err != nil {
		return err
	}
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.f.safe = bytes.Clone(h.f.data)
	return nil
}

func (h *memHandle) Size() (int64, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	return int64(len(h.f.data)), nil
}

func (h *memHandle) Close() error { return nil }
