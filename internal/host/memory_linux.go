package host

import (
	"bytes"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A StatusFile is a small file of /proc or /sys that is read often. It stays open, so
// that nothing is allocated, and is read without a word to the Go scheduler, which the
// kernel's few microseconds for it are not worth.
type StatusFile struct{ fd int }

// OpenStatus opens such a file when it is read first.
func OpenStatus(path string) func() StatusFile {
	return sync.OnceValue(func() StatusFile {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return StatusFile{-1}
		}
		return StatusFile{fd}
	})
}

// Read returns what is in the file now, as far as buf holds it; nothing if there is no
// such file.
func (f StatusFile) Read(buf []byte) []byte {
	if f.fd < 0 {
		return nil
	}
	n, _, errno := syscall.RawSyscall6(syscall.SYS_PREAD64, uintptr(f.fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))),
		uintptr(len(buf)), 0, 0, 0)
	if errno != 0 {
		return nil
	}
	return buf[:n]
}

// ResidentBytes is what the system says that the process occupies. It may be asked a
// hundred times a second.
func ResidentBytes() int64 {
	var buf [128]byte
	_, rest, _ := bytes.Cut(statm().Read(buf[:]), []byte(" ")) // 7240 1891 1270 ...: pages in all, resident, shared
	pages := int64(0)
	for _, c := range rest {
		if c < '0' || c > '9' {
			break
		}
		pages = pages*10 + int64(c-'0')
	}
	return pages * int64(os.Getpagesize())
}

var statm = OpenStatus("/proc/self/statm")

// MemoryBytes is the memory of the machine, or what a container may have of it.
func MemoryBytes() int64 {
	var si unix.Sysinfo_t
	if unix.Sysinfo(&si) != nil {
		return 0
	}
	total := int64(si.Totalram) * int64(si.Unit)
	for _, path := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if b, err := os.ReadFile(path); err == nil {
			if n, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64); err == nil && n > 0 {
				total = min(total, n)
			}
		}
	}
	return total
}

// Settle gives back what only the start needed: free memory of the Go heap,
// and the pages of the program itself, most of which never run again. Those that
// do come back from the file, a few microseconds each, once.
func Settle() {
	debug.FreeOSMemory()
	mapProgramByPage()
	DropProgram()
}

func DropProgram() {
	for _, p := range programParts() {
		// Read-only pages of a file: what is dropped is read again.
		advise(p.from, p.to, unix.MADV_DONTNEED)
	}
}

// mapProgramByPage keeps the system from mapping sixteen pages of the program where
// one is read: of the tables that the collector and the runtime look into here and
// there, all would come to be resident. It maps no further than an area goes, and
// pages of unlike advice are no area; this advice is about core files, which never
// have such pages.
var mapProgramByPage = sync.OnceFunc(func() {
	page := uintptr(os.Getpagesize())
	for _, p := range programParts() {
		for at := p.from; at < p.to; at += 2 * page {
			if !advise(at, at+page, unix.MADV_DONTDUMP) {
				return
			}
		}
	}
})

// A programPart is where a read-only part of the program's file is mapped.
type programPart struct{ from, to uintptr }

// programParts finds them once: that is before mapProgramByPage makes thousands of
// areas of them.
var programParts = sync.OnceValue(func() (parts []programPart) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(maps)) {
		// 00400000-00b51000 r-xp 00000000 fe:00 1234  /usr/bin/cached
		f := strings.Fields(line)
		if len(f) < 6 || f[5] != self || !strings.HasPrefix(f[1], "r") || strings.Contains(f[1], "w") {
			continue
		}
		first, end, _ := strings.Cut(f[0], "-")
		from, err1 := strconv.ParseUint(first, 16, 64)
		to, err2 := strconv.ParseUint(end, 16, 64)
		if err1 == nil && err2 == nil {
			parts = append(parts, programPart{uintptr(from), uintptr(to)})
		}
	}
	return parts
})

func advise(from, to uintptr, advice uintptr) bool {
	_, _, errno := syscall.Syscall(syscall.SYS_MADVISE, from, to-from, advice)
	return errno == 0
}
