package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// pause is the longest time a second client waits while many keys are loaded.
func (b *bench) pause() error {
	n := b.small(5_000_000, 1_000_000)
	programs := b.redisLike()
	longest, p999, seconds := make([][]float64, len(programs)), make([][]float64, len(programs)), make([][]float64, len(programs))
	for range b.rounds {
		for i, p := range programs {
			b.note("pause: loading %d keys into %s", n, p.name)
			s, err := b.start(p)
			if err != nil {
				return err
			}
			waits, took, err := probeWhile(s, func() error { return loadStrings(s, n, 16, 64, 0) })
			s.stop()
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			slices.Sort(waits)
			ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
			longest[i] = append(longest[i], ms(waits[len(waits)-1]))
			p999[i] = append(p999[i], ms(waits[len(waits)*999/1000]))
			seconds[i] = append(seconds[i], took.Seconds())
		}
	}
	t := newTable("server", "longest pause ms", "p99.9 ms", "load s", "longest to redis")
	for i, p := range programs {
		t.add(p.name, twoDigits(median(longest[i])), twoDigits(median(p999[i])), oneDigit(median(seconds[i])),
			ratio(median(longest[i]), median(longest[1])))
	}
	b.section("Pauses", t, fmt.Sprintf(
		"A client sends GET every millisecond while another loads %d keys of 16+64 bytes, %d to a batch.", n, batch))
	return nil
}

// probeWhile asks for a key every millisecond until the load is done, and
// returns how long each answer took.
func probeWhile(s *server, load func() error) ([]time.Duration, time.Duration, error) {
	l, err := newLoader(s)
	if err != nil {
		return nil, 0, err
	}
	defer l.close()
	done := make(chan error, 1)
	start := time.Now()
	go func() { done <- load() }()

	// A thread for this goroutine alone: the measurement must not include the scheduler of this process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	waits := make([]time.Duration, 0, 100_000)
	for {
		select {
		case err := <-done:
			return waits, time.Since(start), err
		default:
		}
		from := time.Now()
		if err := l.call([]byte("GET"), []byte("key:000000000001")); err != nil {
			return nil, 0, err
		}
		if err := l.flush(); err != nil {
			return nil, 0, err
		}
		waits = append(waits, time.Since(from))
		time.Sleep(time.Millisecond)
	}
}
