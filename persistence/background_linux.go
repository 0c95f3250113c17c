package persistence

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// backgroundNice gives background work about a third of the processor time of other work that wants it. With much
// less, a client that waits for a lock that such work holds would wait for long on a busy machine.
const backgroundNice = 5

// giveWay lowers the priority of the calling goroutine's thread behind the work for clients. It is for goroutines
// that exit after this work: their thread exits with them.
func giveWay() {
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), backgroundNice)
}

// othersTime is how long the threads of the process but for the calling one have run so
// far. A negative number says that it is not known.
func othersTime() time.Duration {
	var all, own unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &all) != nil || unix.Getrusage(unix.RUSAGE_THREAD, &own) != nil {
		return -1
	}
	of := func(r *unix.Rusage) int64 { return r.Utime.Nano() + r.Stime.Nano() }
	return time.Duration(of(&all) - of(&own))
}
