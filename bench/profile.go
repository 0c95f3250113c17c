package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// endProfile has the server write its CPU profile, if it was built to do so (cmd/cached/profile.go).
func (s *server) endProfile() {
	if s.profiles == "" || s.cmd.Process.Signal(syscall.SIGUSR2) != nil {
		return
	}
	name := filepath.Join(s.profiles, fmt.Sprintf("%d.pprof", s.cmd.Process.Pid))
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(name); err == nil {
			return
		}
	}
}

// mergeProfiles makes one file of the profiles that the servers wrote.
func (b *bench) mergeProfiles() error {
	if b.profiles == "" {
		return nil
	}
	stopAll()
	parts, err := filepath.Glob(filepath.Join(b.profiles, "*.pprof"))
	if err != nil || len(parts) == 0 {
		return fmt.Errorf("no server wrote a profile")
	}
	cmd := exec.Command("go", append([]string{"tool", "pprof", "-proto", "-output", b.profile}, parts...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("merge profiles: %w\n%s", err, out)
	}
	return nil
}
