//go:build unix

package host

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime is the processor time the process has used.
func CPUTime() (sys, user time.Duration) {
	var ru unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &ru) != nil {
		return 0, 0
	}
	return time.Duration(ru.Stime.Nano()), time.Duration(ru.Utime.Nano())
}

// Name is the system, its release and its machine, as uname says.
func Name() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " +
		unix.ByteSliceToString(u.Machine[:])
}

// OpenFiles returns how many files the process may have open, after it has tried to get
// leave for so many.
func OpenFiles(wanted uint64) uint64 {
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim) != nil {
		return wanted
	}
	if uint64(lim.Cur) >= wanted {
		return wanted
	}
	more := lim
	for _, hard := range []uint64{max(uint64(lim.Max), wanted), uint64(lim.Max)} {
		setNumber(&more.Cur, min(hard, wanted))
		setNumber(&more.Max, hard)
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &more) == nil {
			return min(hard, wanted)
		}
	}
	return uint64(lim.Cur)
}

// setNumber sets a number whose sign differs from system to system.
func setNumber[T int64 | uint64](to *T, n uint64) { *to = T(n) }

// CanRestart tells whether restart works here.
const CanRestart = true

// Restart has a program begin anew in this process, with the same words.
func Restart(exe string) error { return syscall.Exec(exe, os.Args, os.Environ()) }

// Crash ends the process as a fault does.
func Crash(how string) {
	if how == "segfault" {
		_ = syscall.Kill(os.Getpid(), syscall.SIGSEGV)
		time.Sleep(time.Second)
	}
	go panic("DEBUG " + how)
	select {}
}
