//go:build unix && !linux

package arena

import "golang.org/x/sys/unix"

const adviceRelease = unix.MADV_FREE

func adviseHuge(Addr, int) {}

func adviseSmall(Addr, int) {}

func populate(Addr, int) {}
