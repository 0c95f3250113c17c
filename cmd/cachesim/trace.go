package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A trace is a sequence of requests for objects, which are numbered from 0.
type trace struct {
	name string
	keys []int32 // of each request
	size []int32 // of each object in bytes; 0 if unknown
}

// readTrace reads a file in format tr1: gzip of lines "key[ size[ ttl[ op]]]",
// after a header of lines that begin with #.
func readTrace(path string) (*trace, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	t := &trace{name: strings.TrimSuffix(filepath.Base(path), ".tr.gz")}
	in := bufio.NewScanner(z)
	for n := 1; in.Scan(); n++ {
		line := in.Bytes()
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if err := t.add(bytes.Fields(line)); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, n, err)
		}
	}
	return t, in.Err()
}

func (t *trace) add(fields [][]byte) error {
	key, err := strconv.ParseInt(string(fields[0]), 10, 32)
	if err != nil || key < 0 || int(key) > len(t.size) {
		return fmt.Errorf("%q is not the next new key, nor one that was there", fields[0])
	}
	if int(key) == len(t.size) {
		size := int64(0)
		if len(fields) > 1 {
			if size, err = strconv.ParseInt(string(fields[1]), 10, 32); err != nil || size < 0 {
				return fmt.Errorf("bad size %q", fields[1])
			}
		}
		t.size = append(t.size, int32(size))
	}
	if len(fields) > 3 && string(fields[3]) != "g" {
		return fmt.Errorf("operation %q: only gets are played", fields[3])
	}
	t.keys = append(t.keys, int32(key))
	return nil
}

// itemBytes is what an object with a size takes beside its value: key, header and
// its share of the index.
const itemBytes = 64

// A sizer gives an object a size.
type sizer func(key int32, known int32) int32

// parseSizes reads what -sizes says: "objects" (all alike, 1), "trace" (what the
// trace says), "fixed:N", "etc" or "etc*S".
func parseSizes(s string) (sizer, error) {
	switch {
	case s == "objects":
		return func(int32, int32) int32 { return 1 }, nil
	case s == "trace":
		return func(_, known int32) int32 { return known + itemBytes }, nil
	case strings.HasPrefix(s, "fixed:"):
		n, err := strconv.ParseInt(s[len("fixed:"):], 10, 32)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("bad size %q", s)
		}
		return func(int32, int32) int32 { return int32(n) + itemBytes }, nil
	case s == "etc" || strings.HasPrefix(s, "etc*"):
		scale := 1.0
		if len(s) > len("etc*") {
			var err error
			if scale, err = strconv.ParseFloat(s[len("etc*"):], 64); err != nil || scale <= 0 {
				return nil, fmt.Errorf("bad size %q", s)
			}
		}
		return func(key, _ int32) int32 { return int32(math.Round(etcSize(uint64(key))*scale)) + itemBytes }, nil
	}
	return nil, fmt.Errorf("sizes %q: want objects, trace, fixed:N or etc*S", s)
}

// etcSize draws the size of a value from the distribution of Facebook's ETC pool
// (Atikoglu and others, SIGMETRICS 2012), always the same for a key.
func etcSize(key uint64) float64 {
	const scale, shape = 214.476, 0.348238
	u := float64(mix(key)>>11) / (1 << 53)
	return min(max(math.Ceil(scale/shape*(math.Pow(1-u, -shape)-1)), 1), 32768)
}

// mix is the finisher of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}
