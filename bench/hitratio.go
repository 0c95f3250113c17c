package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"cached/internal/trace"
)

// A workload is a trace of requests and the sizes of its values.
type workload struct {
	file  string // in the directory of traces; empty: made up
	sizes string
}

var workloads = []workload{
	{"oltp", "etc*2"}, {"orm_busy", "etc*8"}, {"oltp", "fixed:512"},
	{"mix", "etc*2"}, {"web12", "etc*32"}, {"cpio", "trace"}, {"websize", "trace"},
}

// A contestant is a server with the settings under which it is a cache.
type contestant struct {
	name string
	program
	policy string // maxmemory-policy
	// first is the memory beside the data, in MB, that the first try assumes; later tries use measurements.
	first float64
}

// hitRatio is the share of a trace's requests that are hits in a look-aside cache whose process has a given amount
// of memory: GET, and SET after a miss, one after the other on one connection. The setting with which the server's
// resident memory is the budget is found by trying.
func (b *bench) hitRatio() error {
	budgets := []float64{40, 64}
	plays := workloads
	if b.traces == "" {
		plays = []workload{{"", "etc*8"}}
		budgets = []float64{24, 32}
	}
	all := b.contestants()
	head := []string{"trace / sizes", "RSS MB"}
	for _, c := range all {
		head = append(head, c.name)
	}
	t := newTable(append(head, "best", "to Redis's better")...)
	sums := make([]float64, len(all))
	n := 0.0
	for _, w := range plays {
		if len(b.loads) > 0 && !slices.Contains(b.loads, w.file+"/"+w.sizes) {
			continue
		}
		tr, size, err := b.load(w)
		if err != nil {
			return err
		}
		for _, mb := range budgets {
			row := []string{tr.Name + " / " + w.sizes, oneDigit(mb)}
			ratios := make([]float64, len(all))
			for i, c := range all {
				if ratios[i], err = b.ratioAt(c, tr, size, mb); err != nil {
					return fmt.Errorf("%s, %s: %w", c.name, tr.Name, err)
				}
				row = append(row, twoDigits(ratios[i]))
				sums[i] += ratios[i]
			}
			n++
			t.add(append(row, best(all, ratios), lead(all, ratios))...)
		}
	}
	row := []string{"mean", ""}
	for i := range sums {
		sums[i] /= n
		row = append(row, twoDigits(sums[i]))
	}
	t.add(append(row, best(all, sums), lead(all, sums))...)
	b.section("Hit ratios", t, "Hits in % of all requests, by the most resident memory that the process ever has. "+
		"Values cannot be compressed; keys are decimal numbers.")
	return nil
}

// contestants are the servers that are there.
func (b *bench) contestants() (all []contestant) {
	for _, p := range b.peers {
		switch {
		case p.memcached:
			all = append(all, contestant{p.name, p, "", 8.3})
		case p.name == "cached", p.name == "beside":
			all = append(all, contestant{p.name, p, "allkeys-lru", 7.8})
		default:
			all = append(all, contestant{p.name + "-lru", p, "allkeys-lru", 14}, contestant{p.name + "-lfu", p, "allkeys-lfu", 14})
		}
	}
	if len(b.servers) > 0 {
		all = slices.DeleteFunc(all, func(c contestant) bool { return !slices.Contains(b.servers, c.name) })
	}
	return all
}

// best names the contestant with the highest ratio.
func best(all []contestant, ratios []float64) string {
	at := 0
	for i, r := range ratios {
		if r > ratios[at] {
			at = i
		}
	}
	return all[at].name
}

// lead is by how much the first contestant is ahead of Redis's better policy.
func lead(all []contestant, ratios []float64) string {
	most := 0.0
	for i, c := range all {
		if strings.HasPrefix(c.name, "redis") {
			most = max(most, ratios[i])
		}
	}
	return fmt.Sprintf("%+.2f", ratios[0]-most)
}

func (b *bench) load(w workload) (*trace.Trace, []int32, error) {
	tr := trace.Synthetic(b.small(1_000_000, 300_000))
	if w.file != "" {
		var err error
		if tr, err = trace.Read(filepath.Join(b.traces, w.file+".tr.gz")); err != nil {
			return nil, nil, err
		}
	}
	sizer, err := trace.ParseSizes(w.sizes)
	if err != nil {
		return nil, nil, err
	}
	size := make([]int32, len(tr.Size))
	for k := range size {
		size[k] = sizer(int32(k), tr.Size[k])
	}
	return tr, size, nil
}

// A point is the result of one run.
type point struct {
	maxMB, rssMB, ratio float64
	cpuUS, perSecond    float64 // of a request of the trace, as speed
}

const (
	// A run whose memory is so near to the budget, below it, is taken as it is.
	nearMB   = 1.0
	mostRuns = 3
)

// ratioAt finds the hit ratio at a budget: it runs the trace with settings closer and closer to the one that uses
// the budget, and interpolates between the two nearest runs.
func (b *bench) ratioAt(c contestant, tr *trace.Trace, size []int32, mb float64) (float64, error) {
	var runs []point
	maxMB := mb - c.first
	for len(runs) < mostRuns {
		p, err := b.replay(c, tr, size, maxMB)
		if err != nil {
			return 0, err
		}
		b.note("hitratio: %s at %.0f MB: maxmemory %.1f MB, resident %.1f MB, %.2f%% hits, %.2f us of CPU a request, %.0f requests/s",
			c.name, mb, p.maxMB, p.rssMB, p.ratio, p.cpuUS, p.perSecond)
		if p.rssMB <= mb && p.rssMB > mb-nearMB {
			return p.ratio, nil
		}
		runs = append(runs, p)
		maxMB = max(p.maxMB+mb-nearMB/2-p.rssMB, 1)
	}
	low, high := nearest(runs, mb)
	if high.rssMB-low.rssMB < nearMB {
		return low.ratio, nil
	}
	return low.ratio + (high.ratio-low.ratio)*(mb-low.rssMB)/(high.rssMB-low.rssMB), nil
}

// nearest are the runs next below and above a budget, or the two next to it.
func nearest(runs []point, mb float64) (low, high point) {
	low, high = runs[0], runs[0]
	far := func(p point) float64 { return max(p.rssMB-mb, mb-p.rssMB) }
	for _, p := range runs {
		if p.rssMB <= mb && (low.rssMB > mb || far(p) < far(low)) {
			low = p
		}
		if p.rssMB > mb && (high.rssMB <= mb || far(p) < far(high)) {
			high = p
		}
	}
	return low, high
}

// replay plays the whole trace to a new server.
func (b *bench) replay(c contestant, tr *trace.Trace, size []int32, maxMB float64) (point, error) {
	args := []string{"--maxmemory", strconv.Itoa(int(maxMB * (1 << 20))), "--maxmemory-policy", c.policy}
	if c.memcached {
		// One thread: each has buffers.
		args = []string{"-m", strconv.Itoa(int(max(maxMB, 2))), "-t", "1"}
	}
	s, err := b.start(c.program, args...)
	if err != nil {
		return point{}, err
	}
	defer s.stop()
	before, start := s.cpu(), time.Now()
	hits, err := s.lookAside(tr, size)
	if err != nil {
		return point{}, err
	}
	used, took, n := s.cpu()-before, time.Since(start), float64(len(tr.Keys))
	rss, err := s.peakRSS()
	return point{maxMB, rss / (1 << 20), 100 * float64(hits) / n, float64(used) / float64(time.Microsecond) / n, n / took.Seconds()}, err
}

// lookAside asks for each object of the trace and stores it after a miss, and
// returns how many were there.
func (s *server) lookAside(tr *trace.Trace, size []int32) (hits int, err error) {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	noise := make([]byte, 8<<20)
	incompressible(noise)
	var out, key []byte
	for _, k := range tr.Keys {
		key = strconv.AppendInt(key[:0], int64(k), 10)
		out = s.appendGet(out[:0], key)
		if _, err := conn.Write(out); err != nil {
			return 0, err
		}
		hit, err := s.readGet(in)
		if err != nil {
			return 0, err
		}
		if hit {
			hits++
			continue
		}
		from := int(trace.Mix(uint64(k)) % (4 << 20))
		out = s.appendSet(out[:0], key, noise[from:from+int(size[k])])
		if _, err := conn.Write(out); err != nil {
			return 0, err
		}
		// A refusal, as memcached's of a large value, is as good as an answer.
		if _, err := in.ReadSlice('\n'); err != nil {
			return 0, err
		}
	}
	return hits, nil
}

func (s *server) appendGet(out, key []byte) []byte {
	if s.memcached {
		return append(append(append(out, "get "...), key...), "\r\n"...)
	}
	return appendCall(out, []byte("GET"), key)
}

func (s *server) appendSet(out, key, value []byte) []byte {
	if s.memcached {
		out = fmt.Appendf(out, "set %s 0 0 %d\r\n", key, len(value))
		return append(append(out, value...), "\r\n"...)
	}
	return appendCall(out, []byte("SET"), key, value)
}

// readGet reads the reply to a GET and reports whether there was a value.
func (s *server) readGet(in *bufio.Reader) (hit bool, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return false, err
	}
	line = bytes.TrimSpace(line)
	number, after := line, 2
	switch {
	case s.memcached && string(line) == "END", string(line) == "$-1":
		return false, nil
	case s.memcached && bytes.HasPrefix(line, []byte("VALUE ")):
		number, after = line[bytes.LastIndexByte(line, ' ')+1:], len("\r\nEND\r\n")
	case line[0] == '$':
		number = line[1:]
	default:
		return false, fmt.Errorf("unexpected reply %q", line)
	}
	n, err := strconv.Atoi(string(number))
	if err != nil {
		return false, err
	}
	_, err = io.CopyN(io.Discard, in, int64(n+after))
	return true, err
}

// incompressible fills p with noise, the same in every run.
func incompressible(p []byte) {
	for i := range p {
		p[i] = byte(trace.Mix(uint64(i)))
	}
}

// peakRSS is the most resident memory that the server ever had.
func (s *server) peakRSS() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb * 1024, err
		}
	}
	return 0, fmt.Errorf("no VmHWM in /proc/%d/status", s.cmd.Process.Pid)
}
