package main

import (
	"encoding/csv"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A speed is the result of one run of redis-benchmark.
type speed struct {
	perSecond float64
	cpuUS     float64 // server CPU microseconds per request
	p99ms     float64
}

// measure runs redis-benchmark with n requests and looks at the server's CPU
// before and after.
func measure(s *server, n, depth int, args ...string) (speed, error) {
	base := []string{"-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-c", "50", "-n", strconv.Itoa(n),
		"-P", strconv.Itoa(depth), "--csv"}
	before := s.cpu()
	out, err := exec.Command("redis-benchmark", append(base, args...)...).Output()
	used := s.cpu() - before
	if err != nil {
		return speed{}, fmt.Errorf("redis-benchmark %s: %w", strings.Join(args, " "), err)
	}
	text := string(out)
	// Warnings may come first.
	if i := strings.Index(text, `"test"`); i > 0 {
		text = text[i:]
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) < 2 || len(rows[1]) < 8 {
		return speed{}, fmt.Errorf("redis-benchmark %s answered %q", strings.Join(args, " "), out)
	}
	// test, rps, avg, min, p50, p95, p99, max
	rate, err1 := strconv.ParseFloat(rows[1][1], 64)
	p99, err2 := strconv.ParseFloat(rows[1][6], 64)
	if err1 != nil || err2 != nil {
		return speed{}, fmt.Errorf("redis-benchmark answered %q", rows[1])
	}
	return speed{perSecond: rate, p99ms: p99, cpuUS: float64(used) / float64(time.Microsecond) / float64(n)}, nil
}

// alternate measures all servers in turn, rounds times, and returns the medians.
func (b *bench) alternate(all []*server, one func(*server) (speed, error)) ([]speed, error) {
	rate, cpu, p99 := make([][]float64, len(all)), make([][]float64, len(all)), make([][]float64, len(all))
	for range b.rounds {
		for i, s := range all {
			v, err := one(s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			rate[i], cpu[i], p99[i] = append(rate[i], v.perSecond), append(cpu[i], v.cpuUS), append(p99[i], v.p99ms)
		}
	}
	out := make([]speed, len(all))
	for i := range all {
		out[i] = speed{perSecond: median(rate[i]), cpuUS: median(cpu[i]), p99ms: median(p99[i])}
	}
	return out, nil
}

func (b *bench) startAll(programs []program) ([]*server, func(), error) {
	var all []*server
	stop := func() {
		for _, s := range all {
			s.stop()
		}
	}
	for _, p := range programs {
		s, err := b.start(p)
		if err != nil {
			stop()
			return nil, nil, err
		}
		all = append(all, s)
	}
	return all, stop, nil
}

const keySpace = 1_000_000

// strings is the speed of the commands caches live on.
func (b *bench) strings() error {
	all, stop, err := b.startAll(b.redisLike())
	if err != nil {
		return err
	}
	defer stop()
	for _, s := range all {
		b.note("strings: loading %d keys into %s", keySpace, s.name)
		if err := loadStrings(s, keySpace, 16, 64, 0); err != nil {
			return err
		}
	}
	t := newTable("command", "depth", "server", "requests/s", "server CPU µs/request", "p99 ms", "CPU to redis", "requests/s to redis")
	for _, run := range []struct {
		name  string
		depth int
		n     int
	}{
		{"get", 1, b.small(200_000, 50_000)}, {"get", 16, b.small(1_500_000, 300_000)}, {"get", 64, b.small(3_000_000, 500_000)},
		{"set", 1, b.small(200_000, 50_000)}, {"set", 16, b.small(1_500_000, 300_000)}, {"set", 64, b.small(3_000_000, 500_000)},
		{"incr", 16, b.small(1_500_000, 300_000)}, {"mset", 16, b.small(300_000, 50_000)},
	} {
		b.note("strings: %s at depth %d", run.name, run.depth)
		got, err := b.alternate(all, func(s *server) (speed, error) {
			return measure(s, run.n, run.depth, "-d", "64", "-r", strconv.Itoa(keySpace), "-t", run.name)
		})
		if err != nil {
			return err
		}
		label := strings.ToUpper(run.name)
		if run.name == "mset" {
			label = "MSET (10 keys)"
		}
		for i, s := range all {
			t.add(label, strconv.Itoa(run.depth), s.name, fmt.Sprintf("%.0f", got[i].perSecond), twoDigits(got[i].cpuUS),
				twoDigits(got[i].p99ms), ratio(got[i].cpuUS, got[1].cpuUS), ratio(got[i].perSecond, got[1].perSecond))
		}
	}
	b.section("Strings", t, fmt.Sprintf("redis-benchmark, 50 connections, 64-byte values, %d random keys, all loaded before.", keySpace))
	return nil
}
