//go:build unix

package arena

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapMemory maps n bytes of zeroed memory that is backed when first touched.
func mapMemory(n int) ([]byte, error) {
	return unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
}

// unmapMemory removes a mapping of mapMemory.
func unmapMemory(b []byte) { _ = unix.Munmap(b) }

// release gives the memory behind n bytes at a back to the system; they read
// as zero, or as they were, when touched again.
func release(a Addr, n int) { _ = unix.Madvise(a.Bytes(n), adviceRelease) }

func addressOf(b []byte) Addr { return Addr(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
