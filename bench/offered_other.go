//go:build !linux

package main

import (
	"errors"
	"time"
)

func (o offer) measure(*server, time.Duration) (offered, error) {
	return offered{}, errors.ErrUnsupported
}

func (s *server) idleWith(int, time.Duration) (float64, error) { return 0, errors.ErrUnsupported }
