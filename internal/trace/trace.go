// Package trace reads traces of caches, says how large their objects are, and makes
// some up. Tests and measurements use it.
package trace

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

// A Trace is a sequence of requests for objects, which are numbered from 0.
type Trace struct {
	Name string
	Keys []int32 // of each request
	Size []int32 // of each object in bytes; 0 if unknown
}

// Read reads a file in format tr1: gzip of lines "key[ size[ ttl[ op]]]",
// after a header of lines that begin with #.
func Read(path string) (*Trace, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	t := &Trace{Name: strings.TrimSuffix(filepath.Base(path), ".tr.gz")}
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

func (t *Trace) add(fields [][]byte) error {
	key, err := strconv.ParseInt(string(fields[0]), 10, 32)
	if err != nil || key < 0 || int(key) > len(t.Size) {
		return fmt.Errorf("%q is not the next new key, nor one that was there", fields[0])
	}
	if int(key) == len(t.Size) {
		size := int64(0)
		if len(fields) > 1 {
			if size, err = strconv.ParseInt(string(fields[1]), 10, 32); err != nil || size < 0 {
				return fmt.Errorf("bad size %q", fields[1])
			}
		}
		t.Size = append(t.Size, int32(size))
	}
	if len(fields) > 3 && string(fields[3]) != "g" {
		return fmt.Errorf("operation %q: only gets are played", fields[3])
	}
	t.Keys = append(t.Keys, int32(key))
	return nil
}

// A Sizer returns the size of an object's value in bytes; known is the size that the trace has.
type Sizer func(key int32, known int32) int32

// ParseSizes parses "trace" (the sizes of the trace), "fixed:N", "etc" or "etc*S": sizes of Facebook's ETC pool,
// times S.
func ParseSizes(s string) (Sizer, error) {
	switch {
	case s == "trace":
		return func(_, known int32) int32 { return known }, nil
	case strings.HasPrefix(s, "fixed:"):
		n, err := strconv.ParseInt(s[len("fixed:"):], 10, 32)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("bad size %q", s)
		}
		return func(int32, int32) int32 { return int32(n) }, nil
	case s == "etc" || strings.HasPrefix(s, "etc*"):
		scale := 1.0
		if len(s) > len("etc*") {
			var err error
			if scale, err = strconv.ParseFloat(s[len("etc*"):], 64); err != nil || scale <= 0 {
				return nil, fmt.Errorf("bad size %q", s)
			}
		}
		return func(key, _ int32) int32 { return int32(math.Round(etcSize(uint64(key)) * scale)) }, nil
	}
	return nil, fmt.Errorf("sizes %q: want trace, fixed:N or etc*S", s)
}

// etcSize draws the size of a value from the distribution of Facebook's ETC pool
// (Atikoglu and others, SIGMETRICS 2012), always the same for a key.
func etcSize(key uint64) float64 {
	const scale, shape = 214.476, 0.348238
	u := float64(Mix(key)>>11) / (1 << 53)
	return min(max(math.Ceil(scale/shape*(math.Pow(1-u, -shape)-1)), 1), 32768)
}

// Mix is the finisher of splitmix64.
func Mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}
