//go:build !linux

package persistence

// giveWay does nothing where threads have no priority of their own.
func giveWay() {}
