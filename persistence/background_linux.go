package persistence

import (
	"runtime"

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
