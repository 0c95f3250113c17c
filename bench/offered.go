package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// An offer is a load that does not depend on how fast it is served: a fixed number of requests a second, whether
// earlier ones have their replies or not.
type offer struct {
	conns, depth int
	rate         int // requests a second
}

var offers = []offer{
	{50, 1, 1_000}, {50, 1, 15_000}, {50, 1, 45_000},
	{1, 1, 15_000}, {1, 1, 45_000},
	{1000, 1, 15_000}, {1000, 1, 45_000},
	{50, 16, 80_000}, {50, 16, 300_000},
	{1, 16, 80_000}, {1000, 16, 80_000},
}

// An offered is the result of an offer.
type offered struct {
	cpuUS               float64 // server CPU microseconds per request
	p50ms, p99ms, p999m float64
}

const (
	offerKeys  = 100_000
	offerValue = 64
)

// offeredLoad measures the cost and the latency of requests at rates that are common for servers. Latency counts
// from the moment at which a request was to be sent, so that requests that wait for others are counted in full.
func (b *bench) offeredLoad() error {
	all, stop, err := b.startAll(b.redisLike())
	if err != nil {
		return err
	}
	defer stop()
	for _, s := range all {
		if err := loadStrings(s, offerKeys, 16, offerValue, 0); err != nil {
			return err
		}
	}
	for _, s := range all {
		b.note("load: the keys are in %s", s.name)
	}
	t := newTable("connections", "depth", "requests/s", "server", "server CPU µs/request", "p50 ms", "p99 ms", "p99.9 ms", "CPU to redis", "p99.9 to redis")
	for _, o := range offers {
		if len(b.loads) > 0 && !slices.Contains(b.loads, o.name()) {
			continue
		}
		b.note("load: %d connections, depth %d, %d requests/s", o.conns, o.depth, o.rate)
		got := make([]offered, len(all))
		rounds := make([][]offered, len(all))
		for range b.rounds {
			for i, s := range all {
				r, err := o.measure(s, time.Duration(b.small(4, 2))*time.Second)
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				rounds[i] = append(rounds[i], r)
			}
		}
		for i := range all {
			got[i] = medianOffered(rounds[i])
		}
		for i, s := range all {
			g := got[i]
			t.add(strconv.Itoa(o.conns), strconv.Itoa(o.depth), strconv.Itoa(o.rate), s.name, twoDigits(g.cpuUS), twoDigits(g.p50ms),
				twoDigits(g.p99ms), twoDigits(g.p999m), ratio(g.cpuUS, got[1].cpuUS), ratio(g.p999m, got[1].p999m))
		}
	}
	b.section("Offered load", t, fmt.Sprintf("Requests come at random times, so many a second, whatever became of those before; 10%% are SET, %d keys, %d-byte values. "+
		"Latency is from the moment a request was due.", offerKeys, offerValue))
	return nil
}

// name is the name of the offer for -workloads.
func (o offer) name() string { return fmt.Sprintf("%d/%d/%d", o.conns, o.depth, o.rate) }

// medianOffered is the median of each figure.
func medianOffered(rounds []offered) (m offered) {
	of := func(figure func(offered) float64) float64 {
		var v []float64
		for _, r := range rounds {
			v = append(v, figure(r))
		}
		return median(v)
	}
	return offered{of(func(r offered) float64 { return r.cpuUS }), of(func(r offered) float64 { return r.p50ms }),
		of(func(r offered) float64 { return r.p99ms }), of(func(r offered) float64 { return r.p999m })}
}

// idle measures servers without requests, alone and with idle clients.
func (b *bench) idle() error {
	all, stop, err := b.startAll(b.redisLike())
	if err != nil {
		return err
	}
	defer stop()
	t := newTable("idle connections", "server", "% of a core")
	for _, conns := range []int{0, 1000, 5000} {
		for _, s := range all {
			idle, err := s.idleWith(conns, time.Duration(b.small(20, 5))*time.Second)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			t.add(strconv.Itoa(conns), s.name, twoDigits(100*idle))
		}
	}
	b.section("Idle servers", t)
	return nil
}
