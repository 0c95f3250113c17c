//go:build !linux

package server

import "math/rand/v2"

// moveALoop has nothing to move: all clients are on package net.
func moveALoop(*Server, *rand.Rand) {}
