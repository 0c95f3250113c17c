package codec

import (
	"fmt"

	"github.com/klauspost/compress/dict"
	"github.com/klauspost/compress/zstd"
)

const (
	dictBytes = 8 << 10 // size of a dictionary; a larger one gains little for small values
	// maxDicts is how many groups may have a dictionary: an encoder takes a
	// megabyte.
	maxDicts = 16
)

// Train makes a dictionary for one group that has a large enough sample, if there
// is one, and reports whether there was.
func (c *Codec) Train() bool {
	if Mode(c.mode.Load()) != Zstd {
		return false
	}
	for _, g := range *c.groups.Load() {
		if c.changing(g) {
			continue // its last dictionary is still read
		}
		all := g.take()
		if all == nil {
			continue
		}
		cut := len(all) - len(all)/4
		g.trained(c.adopt(g, all[:cut], all[cut:]))
		return true
	}
	return false
}

// Learns reports whether Train may have something to do.
func (c *Codec) Learns() bool { return Mode(c.mode.Load()) == Zstd }

// changing reports whether there are values of a retired dictionary of the group.
func (c *Codec) changing(g *group) bool {
	for i := firstDict; i < len(c.methods); i++ {
		if m := c.methods[i].Load(); m != nil && m.group == g && m.retired.Load() {
			return true
		}
	}
	return false
}

// adopt makes a dictionary of some values and gives it to the group if others get
// smaller by a tenth. The ratio is how small these get.
func (c *Codec) adopt(g *group, from, test [][]byte) (better bool, ratio float64) {
	number, ok := c.free(g)
	if !ok {
		return false, 0
	}
	m, err := build(number, from)
	if err != nil {
		return false, 0
	}
	m.group = g
	old := g.dict.Load()
	present := old
	if old == nil {
		present = c.methods[methodZstd].Load()
	}
	all, was, is := 0, 0, 0
	for _, v := range test {
		all += len(v)
		was += min(len(present.append(nil, v)), len(v))
		is += min(len(m.append(nil, v)), len(v))
	}
	if is > was-was/10 {
		return false, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.methods[number].Store(m) // before anybody packs with it
	g.dict.Store(m)
	if old != nil {
		old.retired.Store(true)
	}
	c.fresh = true
	c.stats.trained.Add(1)
	return true, float64(is) / float64(all)
}

// free returns a number for a dictionary of the group, if it may have one.
func (c *Codec) free(g *group) (number byte, ok bool) {
	inUse := 0
	for i := firstDict; i < len(c.methods); i++ {
		m := c.methods[i].Load()
		switch {
		case m == nil && !ok:
			number, ok = byte(i), true
		case m != nil && !m.retired.Load():
			inUse++
		}
	}
	return number, ok && (inUse < maxDicts || g.dict.Load() != nil)
}

// build makes a method with a dictionary of values.
func build(number byte, values [][]byte) (m *method, err error) {
	defer func() {
		// The library may panic on unusual samples. A group of such values then has no dictionary.
		if r := recover(); r != nil {
			err = fmt.Errorf("training: %v", r)
		}
	}()
	b, err := dict.BuildZstdDict(values, dict.Options{MaxDictSize: dictBytes, HashBytes: 6,
		ZstdDictID: uint32(number), ZstdLevel: zstd.SpeedFastest})
	if err != nil {
		return nil, err
	}
	return newMethod(number, b)
}

// Stale reports whether there are values that should be packed again: those of retired dictionaries, and those for
// which there is a new dictionary.
func (c *Codec) Stale() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fresh || len(c.retired()) > 0
}

func (c *Codec) retired() (all []*method) {
	for i := firstDict; i < len(c.methods); i++ {
		if m := c.methods[i].Load(); m != nil && m.retired.Load() {
			all = append(all, m)
		}
	}
	return all
}

// BeginPass begins a pass over all values. The caller visits each value under the lock that guards it, asks
// Outdated, and packs outdated ones again; then it calls EndPass.
func (c *Codec) BeginPass() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh = false
	c.passed = c.retired()
	for _, m := range c.passed {
		m.moved.Store(false)
	}
}

// Outdated reports whether the packed value at key should be packed again.
func (c *Codec) Outdated(key, packed []byte) bool {
	if packed[0] >= firstDict && c.methods[packed[0]].Load().retired.Load() {
		return true
	}
	return packed[0] < firstDict && Mode(c.mode.Load()) == Zstd && c.groupOf(key).dict.Load() != nil
}

// Renew is Encode for a value that was packed before: it asks for no gain but over
// the value itself, and counts nothing.
func (c *Codec) Renew(dst, key, v []byte) (Packed, bool) {
	m := c.groupOf(key).dict.Load()
	if m == nil {
		m = c.methods[methodZstd].Load()
	}
	start := len(dst)
	dst = m.append(dst, v)
	return Packed{dst[start:], m}, len(dst)-start < len(v)
}

// Moved notes that a packed value was put in another place, which a pass may have visited already. It is called
// under the lock of that place.
func (c *Codec) Moved(packed []byte) {
	if m := c.methods[packed[0]].Load(); m != nil && m.retired.Load() {
		m.moved.Store(true)
	}
}

// AllMoved notes that any value may have been put in another place.
func (c *Codec) AllMoved() {
	for i := firstDict; i < len(c.methods); i++ {
		if m := c.methods[i].Load(); m != nil {
			m.moved.Store(true)
		}
	}
}

// EndPass ends a pass that has visited all values: the dictionaries that were retired when it began are freed,
// unless values packed with them were moved meanwhile.
func (c *Codec) EndPass() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.passed {
		if !m.moved.Load() {
			c.methods[m.number].Store(nil)
		}
	}
	c.passed = nil
}
