package codec

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

const (
	maxGroups = 64 // further prefixes share the group of keys without one
	maxPrefix = 32

	sampleValues = 256
	sampleBytes  = 128 << 10
	sampleEach   = 8 << 10 // of one value
	// enoughBytes and enoughValues make a sample worth training with.
	enoughBytes, enoughValues = 16 << 10, 64

	windowValues = 1024 // values after which a group's ratio is compared
	// changed is how much worse the ratio of a window is when values have changed.
	changed = 1.15
	maxRest = 10 // exponent: at most 1023 values of a group that does not get smaller are skipped
)

// A group is the keys with one prefix, whose values are likely to be alike.
type group struct {
	dict atomic.Pointer[method] // nil: none

	failed atomic.Int32 // values in a row that did not get smaller, up to maxRest
	rest   atomic.Int32 // values still to be skipped

	wants atomic.Bool  // values for the sample
	seen  atomic.Int64 // values
	after atomic.Int64 // number of values seen at which a sample is taken again; 0: not by itself

	mu      sync.Mutex // guards what follows
	samples [][]byte
	bytes   int
	in, out int64   // of the present window
	n       int     // values in it
	ratio   float64 // out/in that the dictionary promised
	tries   int     // trainings without a gain
}

func newGroup() *group {
	g := &group{}
	g.wants.Store(true)
	return g
}

// groupOf returns the group of a key.
func (c *Codec) groupOf(key []byte) *group {
	prefix := key[:min(len(key), maxPrefix)]
	prefix = prefix[:bytes.IndexByte(prefix, ':')+1]
	all := *c.groups.Load()
	if g := all[string(prefix)]; g != nil {
		return g
	}
	if len(all) >= maxGroups {
		return all[""]
	}
	return c.newGroup(string(prefix))
}

func (c *Codec) newGroup(prefix string) *group {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := *c.groups.Load()
	if g := old[prefix]; g != nil {
		return g
	}
	if len(old) >= maxGroups {
		return old[""]
	}
	all := make(map[string]*group, len(old)+1)
	for k, g := range old {
		all[k] = g
	}
	g := newGroup()
	all[prefix] = g
	c.groups.Store(&all)
	return g
}

// rests reports whether the next value, of n bytes, is stored unpacked because those before it did not get
// smaller.
func (g *group) rests(n int) bool {
	if g.rest.Load() == 0 {
		return false
	}
	g.rest.Add(-1)
	g.count(n, n)
	return true
}

// note remembers how a value got on.
func (g *group) note(in, out int, ok bool) {
	if !ok {
		n := min(g.failed.Add(1), maxRest)
		g.rest.Store(1<<n - 1)
		out = in
	} else if g.failed.Load() != 0 {
		g.failed.Store(0)
	}
	g.count(in, out)
}

// count counts a value, and asks for another sample when the dictionary does not
// keep its promise.
func (g *group) count(in, out int) {
	if g.dict.Load() == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in, g.out, g.n = g.in+int64(in), g.out+int64(out), g.n+1
	if g.n < windowValues {
		return
	}
	ratio := float64(g.out) / float64(g.in)
	g.in, g.out, g.n = 0, 0, 0
	if ratio > g.ratio*changed {
		g.wants.Store(true)
	}
}

// sample keeps a copy of the value, maybe, if a sample is wanted.
func (g *group) sample(v []byte) {
	n := g.seen.Add(1)
	if !g.wants.Load() {
		if at := g.after.Load(); at == 0 || n < at {
			return
		}
		g.after.Store(0)
		g.wants.Store(true)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	v = v[:min(len(v), sampleEach)]
	if len(g.samples) < sampleValues && g.bytes < sampleBytes {
		g.samples = append(g.samples, append([]byte(nil), v...))
		g.bytes += len(v)
		return
	}
	// A sample that was not used yet follows the present values.
	if i := rand.IntN(16 * len(g.samples)); i < len(g.samples) {
		g.bytes += len(v) - len(g.samples[i])
		g.samples[i] = append(g.samples[i][:0], v...)
	}
}

// take takes the sample, if it is wanted and large enough.
func (g *group) take() [][]byte {
	if !g.wants.Load() {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.samples) < enoughValues || g.bytes < enoughBytes {
		return nil
	}
	all := g.samples
	g.samples, g.bytes = nil, 0
	g.wants.Store(false)
	return all
}

// trained records the outcome of a training: a new dictionary and its expected ratio, or none that is better. The
// next training of a group without a better dictionary waits longer each time.
func (g *group) trained(better bool, ratio float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in, g.out, g.n = 0, 0, 0
	if better {
		g.ratio, g.tries = ratio, 0
		g.failed.Store(0)
		g.rest.Store(0)
		return
	}
	g.ratio *= changed // the present ratio is the best available
	g.tries = min(g.tries+1, 10)
	if g.dict.Load() == nil {
		g.after.Store(g.seen.Load() + windowValues<<g.tries)
	}
}
