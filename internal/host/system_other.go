//go:build !unix

package host

import (
	"errors"
	"runtime"
	"time"
)

func CPUTime() (sys, user time.Duration) { return 0, 0 }

func Name() string { return runtime.GOOS + " " + runtime.GOARCH }

func OpenFiles(wanted uint64) uint64 { return wanted }

const CanRestart = false

func Restart(string) error { return errors.ErrUnsupported }

func Crash(how string) {
	go panic("DEBUG " + how)
	select {}
}
