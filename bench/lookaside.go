package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"cached/internal/trace"
)

// What a look-aside cache is measured with: a resident memory of about so many MB, and
// at least so many requests after all keys have come by once.
const (
	lookAsideMB       = 40
	lookAsideRequests = 200_000
	// lookAsideMost is how much of a long trace is played.
	lookAsideMost = 400_000
)

// lookAsideLoads are the workloads: values of one small size, values of all sizes, and large values.
var lookAsideLoads = []workload{{"oltp", "fixed:512"}, {"oltp", "etc*2"}, {"websize", "trace"}, {"web12", "etc*32"}}

// An aside is what a run of a look-aside cache came to, for each request of the trace.
type aside struct{ cpuUS, hits, faults, rssMB float64 }

// lookAsideCost is what a request costs a look-aside cache that is full: GET, and SET after a
// miss, for which others have to go, on one connection.
func (b *bench) lookAsideCost() error {
	plays := lookAsideLoads
	if b.traces == "" {
		plays = []workload{{"", "etc*8"}}
	}
	var all []contestant
	for _, c := range b.contestants() {
		if !c.memcached && c.policy == "allkeys-lru" {
			all = append(all, c)
		}
	}
	t := newTable("trace / sizes", "server", "server CPU µs/request", "hits %", "page faults/request", "most RSS MB", "CPU to redis")
	for _, w := range plays {
		if len(b.loads) > 0 && !slices.Contains(b.loads, w.file+"/"+w.sizes) {
			continue
		}
		tr, size, err := b.load(w)
		if err != nil {
			return err
		}
		if len(tr.Keys) > lookAsideMost {
			tr = &trace.Trace{Name: tr.Name, Keys: tr.Keys[:lookAsideMost], Size: tr.Size}
		}
		runs := make([][]aside, len(all))
		for range b.rounds {
			for i, c := range all {
				a, err := b.lookAsideRun(c, tr, size)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", c.name, tr.Name, err)
				}
				b.note("lookaside: %s, %s/%s: %.2f us, %.2f%% hits, %.2f faults, %.1f MB", c.name, tr.Name, w.sizes, a.cpuUS, a.hits, a.faults, a.rssMB)
				runs[i] = append(runs[i], a)
			}
		}
		middle := func(i int, of func(aside) float64) float64 {
			var v []float64
			for _, a := range runs[i] {
				v = append(v, of(a))
			}
			return median(v)
		}
		cpu := func(a aside) float64 { return a.cpuUS }
		redis := slices.IndexFunc(all, func(c contestant) bool { return strings.HasPrefix(c.name, "redis") })
		for i, c := range all {
			to := "-"
			if redis >= 0 {
				to = ratio(middle(i, cpu), middle(redis, cpu))
			}
			t.add(tr.Name+" / "+w.sizes, c.name, twoDigits(middle(i, cpu)), twoDigits(middle(i, func(a aside) float64 { return a.hits })),
				twoDigits(middle(i, func(a aside) float64 { return a.faults })), oneDigit(middle(i, func(a aside) float64 { return a.rssMB })), to)
		}
	}
	b.section("A look-aside cache that is full", t, fmt.Sprintf(
		"GET, and SET after a miss, on one connection, with the memory for about %d MB resident; after the trace was played once.", lookAsideMB))
	return nil
}

// lookAsideRun plays the trace to a new server until it is full, and measures what comes after.
func (b *bench) lookAsideRun(c contestant, tr *trace.Trace, size []int32) (aside, error) {
	s, err := b.start(c.program, "--maxmemory", strconv.Itoa(int((lookAsideMB-c.first)*(1<<20))), "--maxmemory-policy", c.policy)
	if err != nil {
		return aside{}, err
	}
	defer s.stop()
	if _, err := s.lookAside(tr, size); err != nil {
		return aside{}, err
	}
	hits, n := 0, 0
	used, faults := s.cpu(), s.faults()
	for n < lookAsideRequests {
		h, err := s.lookAside(tr, size)
		if err != nil {
			return aside{}, err
		}
		hits += h
		n += len(tr.Keys)
	}
	used, faults = s.cpu()-used, s.faults()-faults
	rss, err := s.peakRSS()
	return aside{float64(used) / float64(time.Microsecond) / float64(n), 100 * float64(hits) / float64(n), faults / float64(n), rss / (1 << 20)}, err
}

// faults is how many pages the system had to bring for the server so far.
func (s *server) faults() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	n, _ := strconv.ParseFloat(fields[7], 64)
	return n
}
