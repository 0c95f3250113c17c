//go:build !unix

package arena

import "unsafe"

// On systems without mmap, regions are plain byte slices. Go does not move heap
// objects, and the Pool and the Heap keep every slice alive.

func mapMemory(n int) ([]byte, error) { return make([]byte, n), nil }

func unmapMemory([]byte) {}

func release(Addr, int) {}

func adviseHuge(Addr, int) {}

func addressOf(b []byte) Addr { return Addr(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

func adviseSmall(Addr, int) {}

func populate(Addr, int) {}
