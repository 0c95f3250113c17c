package main

import (
	"bytes"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"cached/internal/trace"
)

func ratio(t *trace.Trace, size []int32, room int64, name string) float64 {
	for _, c := range contenders {
		if c.name == name {
			j := &job{trace: t, size: size, room: room, policy: c}
			var done atomic.Int64
			j.play(&done)
			return j.ratio * 100
		}
	}
	panic("no policy " + name)
}

func ones(n int) []int32 {
	s := make([]int32, n)
	for i := range s {
		s[i] = 1
	}
	return s
}

// The sequence 0 1 2 0 3 0 1 2, a cache of two.
func TestPoliciesOnASequenceWorkedOutByHand(t *testing.T) {
	tr := &trace.Trace{Keys: []int32{0, 1, 2, 0, 3, 0, 1, 2}, Size: ones(4)}
	for name, hits := range map[string]float64{
		"lru":   1, // 0 after 3
		"opt":   3, // 0 stays, 1 stays; 2 and 3 are passed by
		"sieve": 1,
		"gdsf":  1,
	} {
		if got := ratio(tr, ones(4), 2, name); got != hits/8*100 {
			t.Errorf("%s: %v of 8 requests hit, want %v", name, got*8/100, hits)
		}
	}
}

func TestNothingBeatsTheOptimum(t *testing.T) {
	tr := trace.Synthetic(40000)
	best := ratio(tr, ones(len(tr.Size)), 300, "opt")
	for _, c := range contenders {
		if got := ratio(tr, ones(len(tr.Size)), 300, c.name); got > best {
			t.Errorf("%s has %.2f%%, more than the optimum's %.2f%%", c.name, got, best)
		}
	}
}

func TestAutoIsNotBehindWhatItReplaces(t *testing.T) {
	tr := trace.Synthetic(200000)
	sizes, err := trace.ParseSizes("etc")
	if err != nil {
		t.Fatal(err)
	}
	size := make([]int32, len(tr.Size))
	for k := range size {
		size[k] = sizes(int32(k), 0) + itemBytes
	}
	for _, c := range []struct {
		name string
		size []int32
		room int64
	}{{"alike", ones(len(size)), 500}, {"alike", ones(len(size)), 2000}, {"sizes", size, 300 << 10}} {
		auto := ratio(tr, c.size, c.room, "auto")
		for _, than := range []string{"lru", "redis-lru", "redis-lfu"} {
			if r := ratio(tr, c.size, c.room, than); auto < r-0.5 {
				t.Errorf("%s, %d: auto has %.2f%%, %s %.2f%%", c.name, c.room, auto, than, r)
			}
		}
	}
}

// The figures are those of docs/eviction.md, less half a point; the traces are
// not part of the repository: CACHED_TRACES says where they are.
func TestAutoOnRealTraces(t *testing.T) {
	dir := os.Getenv("CACHED_TRACES")
	if dir == "" {
		t.Log("CACHED_TRACES names no directory of traces: nothing compared")
		return
	}
	for _, c := range []struct {
		trace string
		room  int64
		lru   float64
		auto  float64
	}{{"sprite", 708, 86.5, 86.4}, {"web12", 1376, 68.5, 70.8}, {"cpio", 4897, 19.5, 20.8}, {"loop", 101, 0, 8}} {
		tr, err := trace.Read(filepath.Join(dir, c.trace+".tr.gz"))
		if err != nil {
			t.Fatal(err)
		}
		if got := ratio(tr, ones(len(tr.Size)), c.room, "lru"); got < c.lru-0.05 || got > c.lru+0.05 {
			t.Errorf("%s, %d: LRU has %.2f%%, want %.1f%%: the simulator is wrong", c.trace, c.room, got, c.lru)
		}
		if got := ratio(tr, ones(len(tr.Size)), c.room, "auto"); got < c.auto {
			t.Errorf("%s, %d: auto has %.2f%%, want %.1f%%", c.trace, c.room, got, c.auto)
		}
	}
}

func TestDrawingHasALineForEachPolicy(t *testing.T) {
	tr := &trace.Trace{Name: "small", Keys: []int32{0, 1, 0}, Size: ones(2)}
	var jobs []*job
	for _, room := range []int64{1, 2} {
		for _, c := range contenders {
			jobs = append(jobs, &job{trace: tr, size: ones(2), room: room, policy: c, ratio: 0.5})
		}
	}
	if n := bytes.Count(plot(jobs, contenders), []byte("<polyline")); n != len(contenders) {
		t.Errorf("%d lines, want %d", n, len(contenders))
	}
}
