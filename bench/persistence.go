package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// persistence measures the cost of keeping data on the disk.
func (b *bench) persistence() error {
	for _, part := range []func() error{b.appendOnly, b.saving, b.loading} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// appendOnly is SET with an append-only file.
func (b *bench) appendOnly() error {
	t := newTable("appendfsync", "clients", "server", "requests/s", "server CPU µs/request", "p99 ms", "CPU to redis", "requests/s to redis")
	for _, policy := range []string{"everysec", "always"} {
		var all []*server
		for _, p := range b.redisLike() {
			s, err := b.start(p, "--appendonly", "yes", "--appendfsync", policy, "--auto-aof-rewrite-percentage", "0")
			if err != nil {
				return err
			}
			defer s.stop()
			all = append(all, s)
		}
		for _, clients := range []string{"16", "200"} {
			b.note("persistence: SET with appendfsync %s, %s clients", policy, clients)
			got, err := b.alternate(all, func(s *server) (speed, error) {
				return measure(s, b.small(200_000, 50_000), 1, "-d", "64", "-r", strconv.Itoa(keySpace), "-t", "set", "-c", clients)
			})
			if err != nil {
				return err
			}
			for i, s := range all {
				t.add(policy, clients, s.name, fmt.Sprintf("%.0f", got[i].perSecond), twoDigits(got[i].cpuUS), twoDigits(got[i].p99ms),
					ratio(got[i].cpuUS, got[1].cpuUS), ratio(got[i].perSecond, got[1].perSecond))
			}
		}
	}
	b.section("Append-only file", t, "redis-benchmark, SET of 64 bytes at depth 1.")
	return nil
}

// A saved is the effect of a snapshot on clients.
type saved struct {
	quiet, busy       float64 // requests a second
	quietP999, p999   float64 // ms
	seconds           float64
	extraPercent      float64 // memory beyond that before the snapshot
	quietMax, busyMax float64 // ms
}

// saving is a snapshot in the background under load.
func (b *bench) saving() error {
	n := b.small(5_000_000, 500_000)
	programs := b.redisLike()
	t := newTable("server", "writes/s quiet", "while saving", "of quiet", "p99.9 ms quiet", "while saving", "of quiet", "longest ms quiet", "while saving", "seconds", "memory beyond data %")
	for _, p := range programs {
		var all []saved
		for range b.rounds {
			b.note("persistence: BGSAVE of %d keys by %s", n, p.name)
			v, err := b.saveOnce(p, n)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			all = append(all, v)
		}
		of := func(get func(saved) float64) float64 {
			var v []float64
			for _, x := range all {
				v = append(v, get(x))
			}
			return median(v)
		}
		quiet, busy := of(func(v saved) float64 { return v.quiet }), of(func(v saved) float64 { return v.busy })
		q999, p999 := of(func(v saved) float64 { return v.quietP999 }), of(func(v saved) float64 { return v.p999 })
		t.add(p.name, fmt.Sprintf("%.0f", quiet), fmt.Sprintf("%.0f", busy), ratio(busy, quiet), twoDigits(q999), twoDigits(p999), ratio(p999, q999),
			twoDigits(of(func(v saved) float64 { return v.quietMax })), twoDigits(of(func(v saved) float64 { return v.busyMax })), oneDigit(of(func(v saved) float64 { return v.seconds })),
			oneDigit(of(func(v saved) float64 { return v.extraPercent })))
	}
	b.section("Saving in the background", t, fmt.Sprintf(
		"%d keys of 16+64 bytes. One client overwrites keys, 16 to a batch, while another asks for one every millisecond; first quiet, then during BGSAVE. "+
			"Memory is the growth of the process beyond what it had, for Redis what the forked process had to copy.", n))
	return nil
}

func (b *bench) saveOnce(p program, n int) (v saved, err error) {
	s, err := b.start(p)
	if err != nil {
		return v, err
	}
	defer s.stop()
	if err := loadStrings(s, n, 16, 64, 0); err != nil {
		return v, err
	}
	l, err := newLoader(s)
	if err != nil {
		return v, err
	}
	defer l.close()
	before := s.rss()
	waits, rate, err := underLoad(s, n, func() error { time.Sleep(5 * time.Second); return nil })
	if err != nil {
		return v, err
	}
	v.quiet, v.quietP999, v.quietMax = rate, percentile(waits, 0.999), percentile(waits, 1)
	before = max(before, s.rssNow())
	peak := before
	start := time.Now()
	waits, rate, err = underLoad(s, n, func() error {
		if _, err := l.do("BGSAVE"); err != nil {
			return err
		}
		for {
			info, err := l.do("INFO", "persistence")
			if err != nil {
				return err
			}
			if strings.Contains(info, "rdb_bgsave_in_progress:0") {
				return nil
			}
			peak = max(peak, s.rssNow())
			time.Sleep(20 * time.Millisecond)
		}
	})
	if err != nil {
		return v, err
	}
	v.seconds = time.Since(start).Seconds()
	v.busy, v.p999, v.busyMax = rate, percentile(waits, 0.999), percentile(waits, 1)
	extra := peak - before
	if info, err := l.do("INFO", "persistence"); err == nil {
		if _, text, ok := strings.Cut(info, "rdb_last_cow_size:"); ok {
			text, _, _ = strings.Cut(text, "\r")
			copied, _ := strconv.ParseFloat(text, 64)
			extra = max(extra, copied)
		}
	}
	v.extraPercent = 100 * extra / before
	return v, nil
}

// underLoad has one client overwrite keys and another ask for one every millisecond
// until f returns. It returns the waits of the second in milliseconds, sorted, and how
// many keys a second the first wrote.
func underLoad(s *server, keys int, f func() error) (waits []float64, perSecond float64, err error) {
	var stop atomic.Bool
	var written atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, 1)
	group.Go(func() {
		l, err := newLoader(s)
		if err != nil {
			failed <- err
			return
		}
		defer l.close()
		key, value := make([]byte, 0, 16), make([]byte, 64)
		for !stop.Load() {
			for range 16 {
				key = fmt.Appendf(key[:0], "key:%012d", rand.IntN(keys))
				payload(value, rand.Uint64())
				if err := l.set(key, value, 0); err != nil {
					failed <- err
					return
				}
			}
			if err := l.flush(); err != nil {
				failed <- err
				return
			}
			written.Add(16)
		}
	})
	probed, took, err := probeWhile(s, f)
	stop.Store(true)
	group.Wait()
	select {
	case loadErr := <-failed:
		return nil, 0, loadErr
	default:
	}
	for _, w := range probed {
		waits = append(waits, float64(w)/float64(time.Millisecond))
	}
	slices.Sort(waits)
	return waits, float64(written.Load()) / took.Seconds(), err
}

func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[min(int(float64(len(sorted))*p), len(sorted)-1)]
}

// loading is how long a start takes with many keys on the disk.
func (b *bench) loading() error {
	n := b.small(5_000_000, 500_000)
	programs := b.redisLike()
	t := newTable("file", "server", "MB", "load s", "keys/s", "speed to redis")
	for _, kind := range []string{"snapshot", "append-only file"} {
		seconds, size := make([][]float64, len(programs)), make([]float64, len(programs))
		for i, p := range programs {
			args := []string{"--appendonly", "no"}
			if kind != "snapshot" {
				args = []string{"--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0"}
			}
			b.note("persistence: %s of %d keys, loaded by %s", kind, n, p.name)
			s, err := b.start(p, args...)
			if err != nil {
				return err
			}
			if err = awaitKeys(s, 0); err == nil {
				err = loadStrings(s, n, 16, 64, 0)
			}
			if err == nil && kind == "snapshot" {
				err = command(s, "SAVE")
			}
			if err != nil {
				s.stop()
				return err
			}
			size[i] = float64(dirBytes(s.dir)) / 1e6
			s.kill()
			for range b.rounds {
				start := time.Now()
				again, err := b.startIn(p, s.dir, args...)
				if err != nil {
					return err
				}
				if err := awaitKeys(again, n); err != nil {
					again.stop()
					return fmt.Errorf("%s: %w", p.name, err)
				}
				seconds[i] = append(seconds[i], time.Since(start).Seconds())
				again.kill()
			}
			s.stop()
		}
		for i, p := range programs {
			took := median(seconds[i])
			t.add(kind, p.name, fmt.Sprintf("%.0f", size[i]), twoDigits(took), fmt.Sprintf("%.0f", float64(n)/took), ratio(median(seconds[1]), took))
		}
	}
	b.section("Loading", t, fmt.Sprintf("From the start of the process to the first answer: %d keys of 16+64 bytes, as a snapshot and as an increment of commands.", n))
	return nil
}
