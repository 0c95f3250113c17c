package persistence

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// backgroundNice is how much less of a processor work in the background gets than
// others who want it: a third. With much less, whoever waits for a lock that such
// work holds would wait for long on a machine that is busy otherwise.
const backgroundNice = 5

// giveWay has the calling goroutine's work come behind that for clients. It is for
// goroutines that end with this work: their thread ends with them.
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
