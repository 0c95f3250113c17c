//go:build !linux

package persistence

import "time"

// giveWay does nothing where threads have no priority of their own.
func giveWay() {}

// othersTime is not known.
func othersTime() time.Duration { return -1 }
