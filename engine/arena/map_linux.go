package arena

import "golang.org/x/sys/unix"

const adviceRelease = unix.MADV_DONTNEED

// adviseSmall asks for no huge pages, even if the system gives them to all.
func adviseSmall(a Addr, n int) { _ = unix.Madvise(a.Bytes(n), unix.MADV_NOHUGEPAGE) }

// adviseHuge asks for huge pages; a kernel without them says no, which costs
// nothing but speed.
func adviseHuge(a Addr, n int) { _ = unix.Madvise(a.Bytes(n), unix.MADV_HUGEPAGE) }

// populate has memory come behind n bytes at a, as if all of them were touched. A
// kernel before 5.14 does not.
func populate(a Addr, n int) { _ = unix.Madvise(a.Bytes(n), unix.MADV_POPULATE_WRITE) }
