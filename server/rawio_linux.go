package server

import (
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawRead and rawWrite call the kernel without telling the Go scheduler, which
// a call that never blocks has no need of; that is worth a tenth of a small
// request. They are recvfrom and sendto, which know that they have a socket and
// take a shorter way than read and write (a fortieth of a small request).

func rawRead(fd int, b []byte) (int, error) { return raw(syscall.SYS_RECVFROM, fd, b) }

func rawWrite(fd int, b []byte) (int, error) { return raw(syscall.SYS_SENDTO, fd, b) }

func raw(call uintptr, fd int, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// rawEpollWait waits at most ms milliseconds and holds the processor meanwhile.
func rawEpollWait(epfd int, events []unix.EpollEvent, ms uint) (int, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epfd),
		uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), uintptr(ms), 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// rawEpollCtl changes what an epoll waits for.
func rawEpollCtl(epfd, op, fd int, events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(fd)}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(epfd), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(&ev)), 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// yield has the Go scheduler run the other goroutines that wait for this processor and
// then the caller again. Unlike runtime.Gosched it wakes no other thread: that thread
// would find nothing but the caller, and take it away to another processor.
//
//go:linkname yield runtime.goyield
func yield()

// rawSignal adds one to an eventfd.
func rawSignal(fd int) {
	one := [8]byte{1}
	_, _, _ = syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), uintptr(len(one)))
}

// rawExpired takes the event of a timerfd, and reports whether there was one.
func rawExpired(fd int) bool {
	var times [8]byte
	n, _, _ := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&times)), uintptr(len(times)))
	return int(n) == len(times)
}

// sockAddress writes an address as clients are listed, and reports whether it
// is of this machine.
func sockAddress(sa unix.Sockaddr) (text string, loopback bool) {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		ip := netip.AddrFrom4(a.Addr)
		return ip.String() + ":" + strconv.Itoa(a.Port), ip.IsLoopback()
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(a.Addr).Unmap()
		if ip.Is4() {
			return ip.String() + ":" + strconv.Itoa(a.Port), ip.IsLoopback()
		}
		return "[" + ip.String() + "]:" + strconv.Itoa(a.Port), ip.IsLoopback()
	}
	return "?:0", false
}
