//go:build profile

package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"
)

// With the build tag profile the server writes a CPU profile to a file in $CACHED_PROFILE, until SIGUSR2. The
// bench makes default.pgo of such files.
func init() {
	dir := os.Getenv("CACHED_PROFILE")
	if dir == "" {
		return
	}
	name := filepath.Join(dir, fmt.Sprintf("%d.pprof", os.Getpid()))
	f, err := os.Create(name + ".part")
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cached: profile:", err)
		os.Exit(1)
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGUSR2)
	go func() {
		<-end
		pprof.StopCPUProfile()
		if err := f.Close(); err == nil {
			_ = os.Rename(name+".part", name) // it is whole
		}
	}()
}
