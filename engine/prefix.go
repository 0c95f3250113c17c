package engine

import "slices"

// Prefixes are those of keys whose look-ups are counted apart. A key counts for
// the longest that fits.
type Prefixes struct {
	list  []string      // those that begin with the same byte together, longer ones first
	first [256][2]uint8 // by first byte: where in list they are, from and to
}

// MaxPrefixes is how many prefixes can be counted apart.
const MaxPrefixes = 64

// NewPrefixes returns a set of at most MaxPrefixes prefixes, none of them empty, or
// nil if there are none.
func NewPrefixes(prefixes []string) *Prefixes {
	if len(prefixes) == 0 {
		return nil
	}
	p := &Prefixes{list: slices.Clone(prefixes)}
	slices.SortFunc(p.list, func(a, b string) int {
		switch {
		case a[0] != b[0]:
			return int(a[0]) - int(b[0])
		case len(a) != len(b):
			return len(b) - len(a)
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	})
	p.list = slices.Compact(p.list)
	for i, text := range p.list {
		r := &p.first[text[0]]
		if r[1] == 0 {
			r[0] = uint8(i)
		}
		r[1] = uint8(i + 1)
	}
	return p
}

// index is which prefix a key counts for, or -1.
func (p *Prefixes) index(key []byte) int {
	if len(key) == 0 {
		return -1
	}
	r := p.first[key[0]]
	for i := r[0]; i < r[1]; i++ {
		if text := p.list[i]; len(key) >= len(text) && string(key[:len(text)]) == text {
			return int(i)
		}
	}
	return -1
}

// PrefixStats count look-ups of keys with a prefix.
type PrefixStats struct {
	Prefix       string
	Hits, Misses int64
	Why          Reasons
}

// prefixStats are a shard's counters.
type prefixStats struct {
	set *Prefixes // whose
	all []PrefixStats
}

// adopt begins to count for a set unless it is the one that is counted for.
func (p *prefixStats) adopt(set *Prefixes) {
	if p.set == set {
		return
	}
	p.set, p.all = set, nil
	if set != nil {
		p.all = make([]PrefixStats, len(set.list))
		for i, text := range set.list {
			p.all[i].Prefix = text
		}
	}
}

// of returns the counters of set for key, or nil.
func (p *prefixStats) of(set *Prefixes, key []byte) *PrefixStats {
	if set == nil {
		return nil
	}
	p.adopt(set)
	if i := set.index(key); i >= 0 {
		return &p.all[i]
	}
	return nil
}

func (p *prefixStats) reset() {
	set := p.set
	p.set = nil
	p.adopt(set)
}

// PrefixStats returns the counters of all prefixes of AccessPolicy. tx is as for Stats.
func (e *Engine) PrefixStats(tx *Tx) []PrefixStats {
	set := e.AccessPolicy().Prefixes
	if set == nil {
		return nil
	}
	sum := make([]PrefixStats, len(set.list))
	e.each(tx, func(s *shard) {
		s.prefixes.adopt(set)
		for i, p := range s.prefixes.all {
			t := &sum[i]
			t.Prefix = p.Prefix
			t.Hits += p.Hits
			t.Misses += p.Misses
			t.Why.add(p.Why)
		}
	})
	return sum
}
