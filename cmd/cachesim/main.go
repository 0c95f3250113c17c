package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"cached/internal/trace"
)

func main() {
	var (
		sizes    = flag.String("sizes", "objects", "objects (all alike), trace, fixed:N or etc*S")
		capacity = flag.String("capacity", "0.1%,1%,10%", "capacities, of objects: a number or a share of those of the trace")
		mb       = flag.String("mb", "", "capacities in MB of key and value, instead of -capacity")
		names    = flag.String("policies", "", "which policies; all if empty")
		svg      = flag.String("svg", "", "file for a drawing of the miss ratios")
	)
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: cachesim [flags] trace...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Args(), *sizes, *capacity, *mb, *names, *svg); err != nil {
		fmt.Fprintln(os.Stderr, "cachesim:", err)
		os.Exit(1)
	}
}

// itemBytes is the size of an object beside its value: key, header and its share of the index.
const itemBytes = 64

// A contender is a policy by name.
type contender struct {
	name string
	make func(t *trace.Trace, size []int32, room int64) policy
}

func online(f func(size []int32, room int64) policy) func(*trace.Trace, []int32, int64) policy {
	return func(_ *trace.Trace, size []int32, room int64) policy { return f(size, room) }
}

var contenders = []contender{
	{"opt", newOptimum},
	{"lru", online(newLRU)},
	{"s3fifo", online(newS3FIFO)},
	{"sieve", online(newSieve)},
	{"wtinylfu", online(newWTinyLFU)},
	{"redis-lru", online(newRedisLRU)},
	{"redis-lfu", online(newRedisLFU)},
	{"gdsf", online(newGDSF)},
	{"gdsf-s16", online(newSampledGDSF)},
	{"auto", online(newAuto)},
}

// A job is one cell of the table.
type job struct {
	trace  *trace.Trace
	size   []int32
	room   int64
	policy contender
	ratio  float64 // result: hits per request
}

func run(paths []string, sizes, capacity, mb, names, svg string) error {
	sizeOf := func(_, _ int32) int32 { return 1 }
	if sizes != "objects" {
		values, err := trace.ParseSizes(sizes)
		if err != nil {
			return err
		}
		sizeOf = func(key, known int32) int32 { return values(key, known) + itemBytes }
	}
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	var jobs []*job
	for _, path := range paths {
		t, err := trace.Read(path)
		if err != nil {
			return err
		}
		size := make([]int32, len(t.Size))
		for k := range size {
			size[k] = sizeOf(int32(k), t.Size[k])
		}
		rooms, err := capacities(len(size), capacity, mb)
		if err != nil {
			return err
		}
		for _, room := range rooms {
			for _, p := range chosen {
				jobs = append(jobs, &job{trace: t, size: size, room: room, policy: p})
			}
		}
	}
	play(jobs)
	show(jobs, chosen, sizes)
	if svg == "" {
		return nil
	}
	return os.WriteFile(svg, plot(jobs, chosen), 0o644)
}

func choose(names string) ([]contender, error) {
	if names == "" {
		return contenders, nil
	}
	var chosen []contender
next:
	for _, n := range strings.Split(names, ",") {
		for _, c := range contenders {
			if c.name == n {
				chosen = append(chosen, c)
				continue next
			}
		}
		return nil, fmt.Errorf("no policy %q", n)
	}
	return chosen, nil
}

// capacities reads -capacity, or -mb if that is given.
func capacities(objects int, capacity, mb string) (rooms []int64, err error) {
	list, unit := capacity, 1.0
	if mb != "" {
		list, unit = mb, 1<<20
	}
	for _, s := range strings.Split(list, ",") {
		number, share := strings.CutSuffix(s, "%")
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || n <= 0 || share && mb != "" {
			return nil, fmt.Errorf("bad capacity %q", s)
		}
		if share {
			n = math.Round(n / 100 * float64(objects))
		}
		rooms = append(rooms, max(int64(n*unit), 1))
	}
	return rooms, nil
}

// play runs all jobs and shows how far it is on standard error.
func play(jobs []*job) {
	var total, done atomic.Int64
	next := make(chan *job, len(jobs))
	for _, j := range jobs {
		total.Add(int64(len(j.trace.Keys)))
		next <- j
	}
	close(next)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for j := range next {
				j.play(&done)
			}
		})
	}
	finished := make(chan struct{})
	go func() { wg.Wait(); close(finished) }()
	for {
		share := float64(done.Load()) / float64(total.Load())
		bar := int(share * 40)
		fmt.Fprintf(os.Stderr, "\r[%s%s] %3.0f%%", strings.Repeat("#", bar), strings.Repeat(".", 40-bar), share*100)
		select {
		case <-finished:
			fmt.Fprint(os.Stderr, "\r"+strings.Repeat(" ", 50)+"\r")
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (j *job) play(done *atomic.Int64) {
	p := j.policy.make(j.trace, j.size, j.room)
	const batch = 1 << 16
	hits := 0
	for at := 0; at < len(j.trace.Keys); at += batch {
		part := j.trace.Keys[at:min(at+batch, len(j.trace.Keys))]
		for _, k := range part {
			if p.access(k) {
				hits++
			}
		}
		done.Add(int64(len(part)))
	}
	j.ratio = float64(hits) / float64(len(j.trace.Keys))
}

// show prints a row for each trace and capacity, and the means.
func show(jobs []*job, chosen []contender, sizes string) {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "hit ratio %%, %s\tcapacity\t", sizes)
	for _, c := range chosen {
		fmt.Fprint(out, c.name, "\t")
	}
	fmt.Fprintln(out)
	sum := make([]float64, len(chosen))
	for i := 0; i < len(jobs); i += len(chosen) {
		fmt.Fprintf(out, "%s\t%d\t", jobs[i].trace.Name, jobs[i].room)
		for n := range chosen {
			fmt.Fprintf(out, "%.1f\t", jobs[i+n].ratio*100)
			sum[n] += jobs[i+n].ratio
		}
		fmt.Fprintln(out)
	}
	fmt.Fprint(out, "mean\t\t")
	for _, s := range sum {
		fmt.Fprintf(out, "%.2f\t", s/float64(len(jobs)/len(chosen))*100)
	}
	fmt.Fprintln(out)
	out.Flush()
}
