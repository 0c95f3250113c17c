package arena

import "unsafe"

// Addr is the address of a block outside the Go heap; 0 is none. Addresses are
// multiples of 8 below 1<<48, so a holder may keep 16 bits above and 3 below.
type Addr uint64

// Bytes returns the n bytes at a. The slice aliases the block: it is valid
// until the block is freed, moved or its owner's lock is released.
func (a Addr) Bytes(n int) []byte {
	return unsafe.Slice((*byte)(a.pointer()), n)
}

// pointer converts without going through a uintptr expression, which vet rejects: a never refers to a Go object
// that could move or be collected.
func (a Addr) pointer() unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&a))
}

// At views the block at a as a T, which must be free of Go pointers and fit the
// block. The pointer is valid as long as Bytes would be.
func At[T any](a Addr) *T {
	return (*T)(a.pointer())
}

// Array views the block at a as n elements of T, under the conditions of At.
func Array[T any](a Addr, n int) []T {
	return unsafe.Slice((*T)(a.pointer()), n)
}

// Word returns the i-th 8-byte word of the block at a.
func (a Addr) Word(i int) *uint64 {
	return (*uint64)(unsafe.Add(a.pointer(), i*8))
}

// Prefetch asks the processor to have the cache line at a at hand soon. It waits
// for nothing and reads nothing: any address will do, also that of a block that
// is no longer there.
func (a Addr) Prefetch() { prefetch(a) }

// Prefetch is Addr.Prefetch for an object on the Go heap.
func Prefetch[T any](p *T) { prefetch(Addr(uintptr(unsafe.Pointer(p)))) }

// SizeOf is the size of a T in a block.
func SizeOf[T any]() int {
	var t T
	return int(unsafe.Sizeof(t))
}
