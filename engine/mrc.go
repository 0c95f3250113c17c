package engine

import (
	"math"
	"math/bits"
	"sync"
	"sync/atomic"

	"cached/engine/table"
	"cached/engine/value"
)

// A missCurve estimates the hit ratio for other amounts of memory. It follows a sample of the keys, chosen by
// their hashes, in the order of their last access, whether they are in memory or not. The bytes of all keys that
// were accessed between two accesses to one key, scaled by the sampling rate, are the memory that an LRU cache
// needs so that the second access is a hit (Waldspurger and others, "Efficient MRC Construction with SHARDS",
// 2015). Other policies have about the same hit ratio, or a better one.
//
// Some keys are requested so often that the estimate depends on whether they are in the sample. The difference
// between the expected and the real number of sampled requests is therefore counted at the shortest distance,
// where such keys are.
type missCurve struct {
	below atomic.Uint64 // mrcHash of sampled keys is less: every look-up reads it

	_       [64]byte   // keeps the fields that only sampled requests write off the cache line before
	mu      sync.Mutex // guards what follows; taken under a shard's lock
	entries []mrcEntry
	free    []int32          // indices of entries not in use
	at      map[uint64]int32 // index by mrcHash

	// Positions in the order of access: entry by position, 0 for none, and a
	// Fenwick tree of the sizes.
	order []int32
	sums  []int64
	next  int

	all      distances
	prefixes *Prefixes
	byPrefix []distances
	requests float64 // all requests while counting, older ones for less
	seen     int64   // of Stats.Hits + Misses
	prefixed []float64
	seenEach []int64
	fadeAtMS int64
}

type mrcEntry struct {
	hash     uint64
	size     int64
	deadline int64
	position int32
	uses     uint32 // since it was entered
}

// distances is a histogram of requests, by the memory that would answer them.
type distances struct {
	within [mrcSteps]float64
	all    float64 // those too that no memory would
}

const (
	mrcRate     = 16      // one key of that many is followed
	mrcMost     = 8 << 10 // keys that are followed
	mrcStepsTwo = 8       // steps in each doubling
	mrcLeast    = 10      // logarithm of the first step's bytes
	mrcSteps    = (44 - mrcLeast) * mrcStepsTwo
	// Computing the size of a collection of mrcLarge bytes takes longer than most look-ups: it is done at one
	// access in mrcRemeasure.
	mrcLarge     = 4 << 10
	mrcRemeasure = 64
	// mrcFadeMS is after how long requests count for half.
	mrcFadeMS = 10 * 60 * 1000
)

// mrcHash is the hash that decides which keys are sampled: it is independent of shard and table.
func mrcHash(hash uint64, db int) uint64 {
	return (hash ^ uint64(db)*0xA0761D6478BD642F) * 0xE7037ED1A0B428DB
}

func (c *missCurve) init() {
	c.below.Store(math.MaxUint64 / mrcRate)
	c.at = make(map[uint64]int32)
	c.entries, c.free, c.order, c.sums, c.next = nil, nil, nil, nil, 0
}

// follows reports whether a key is in the sample.
func (c *missCurve) follows(h uint64) bool { return h < c.below.Load() }

// used counts a request for a sampled key that is there.
func (c *missCurve) used(h uint64, p *Prefixes, key []byte, it table.Item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, known := c.at[h]
	if !known {
		// It was there before it was followed: how long is not known, so it is
		// not counted.
		i = c.enter(h)
		c.set(i, mrcSize(it), it.DeadlineMS())
		return
	}
	e := &c.entries[i]
	size := e.size
	if e.uses++; size < mrcLarge || e.uses%mrcRemeasure == 0 || value.TypeOf(it) == value.String {
		size = mrcSize(it)
	}
	c.count(p, key, c.distance(i)+size)
	c.set(i, size, it.DeadlineMS())
}

// mrcSize is how many bytes of memory an item takes away from others.
func mrcSize(it table.Item) int64 { return value.Bytes(it, 1) + indexBytes }

// missed counts a request for a sampled key that is not there.
func (c *missCurve) missed(h uint64, p *Prefixes, key []byte, nowMS int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, known := c.at[h]
	if !known {
		c.count(p, key, math.MaxInt64)
		c.enter(h)
		return
	}
	e := c.entries[i]
	if e.size == 0 || e.deadline != 0 && nowMS > e.deadline {
		c.count(p, key, math.MaxInt64)
		c.set(i, 0, 0)
		return
	}
	c.count(p, key, c.distance(i)+e.size)
	c.set(i, e.size, e.deadline)
}

// stored notes the size of a sampled key that is new.
func (c *missCurve) stored(h uint64, size, deadlineMS int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, known := c.at[h]
	if !known {
		i = c.enter(h)
	}
	c.set(i, size, deadlineMS)
}

// ended forgets a sampled key that was removed for a reason other than memory.
func (c *missCurve) ended(h uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, known := c.at[h]; known {
		c.drop(i)
	}
}

// clear forgets all keys, but not what was counted.
func (c *missCurve) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.init()
}

// enter makes an entry for a key, the last in the order.
func (c *missCurve) enter(h uint64) int32 {
	if len(c.at) >= mrcMost {
		c.thin()
	}
	var i int32
	if n := len(c.free); n > 0 {
		i, c.free = c.free[n-1], c.free[:n-1]
	} else {
		i = int32(len(c.entries))
		c.entries = append(c.entries, mrcEntry{})
	}
	c.entries[i] = mrcEntry{hash: h, position: -1}
	c.at[h] = i
	c.set(i, 0, 0)
	return i
}

// thin makes the sample smaller by an eighth.
func (c *missCurve) thin() {
	below := c.below.Load() / 8 * 7
	c.below.Store(below)
	for h, i := range c.at {
		if h >= below {
			c.drop(i)
		}
	}
}

func (c *missCurve) drop(i int32) {
	e := &c.entries[i]
	if e.position >= 0 {
		c.add(e.position, -e.size)
		c.order[e.position] = 0
	}
	delete(c.at, e.hash)
	c.free = append(c.free, i)
}

// set makes entry i the last in the order, with this size.
func (c *missCurve) set(i int32, size, deadlineMS int64) {
	e := &c.entries[i]
	if e.position >= 0 {
		if e.size == size && c.latest(e) {
			e.deadline = deadlineMS
			return
		}
		c.add(e.position, -e.size)
		c.order[e.position] = 0
	}
	e.position = -1
	if c.next == len(c.order) {
		c.renumber()
	}
	e.position, e.size, e.deadline = int32(c.next), size, deadlineMS
	c.order[c.next] = i + 1
	c.next++
	c.add(e.position, size)
}

// latest reports whether an entry is the last in the order.
func (c *missCurve) latest(e *mrcEntry) bool { return int(e.position) == c.next-1 }

// renumber takes the gaps out of the order, and sees to it that there is room for
// as many positions again.
func (c *missCurve) renumber() {
	old := c.order
	if n := max(1024, 2*len(c.at)); n > len(old) {
		c.order = make([]int32, min(n+n/2, 2*mrcMost))
		c.sums = make([]int64, len(c.order)+1)
	} else {
		clear(c.sums)
	}
	c.next = 0
	for _, i := range old {
		if i == 0 {
			continue
		}
		e := &c.entries[i-1]
		e.position = int32(c.next)
		c.order[c.next] = i // in front of where it was, or where it was
		c.next++
		c.add(e.position, e.size)
	}
	clear(c.order[c.next:])
}

// add changes the size at a position.
func (c *missCurve) add(position int32, size int64) {
	for n := int(position) + 1; n < len(c.sums); n += n & -n {
		c.sums[n] += size
	}
}

// distance is how many bytes of sampled keys were accessed since entry i was.
func (c *missCurve) distance(i int32) int64 {
	if c.latest(&c.entries[i]) {
		return 0
	}
	upTo := func(n int) (sum int64) {
		for ; n > 0; n -= n & -n {
			sum += c.sums[n]
		}
		return sum
	}
	return upTo(c.next) - upTo(int(c.entries[i].position)+1)
}

// count counts a request that is a hit if the cache holds that many bytes of sampled keys.
func (c *missCurve) count(p *Prefixes, key []byte, sampled int64) {
	scale := float64(math.MaxUint64) / float64(c.below.Load())
	c.all.count(sampled, scale)
	if p == nil {
		return
	}
	c.adopt(p)
	if i := p.index(key); i >= 0 {
		c.byPrefix[i].count(sampled, scale)
	}
}

func (c *missCurve) adopt(p *Prefixes) {
	if c.prefixes == p {
		return
	}
	c.prefixes, c.byPrefix, c.prefixed, c.seenEach = p, nil, nil, nil
	if p != nil {
		c.byPrefix = make([]distances, len(p.list))
		c.prefixed, c.seenEach = make([]float64, len(p.list)), make([]int64, len(p.list))
	}
}

func (d *distances) count(sampled int64, scale float64) {
	d.all += scale
	if sampled != math.MaxInt64 {
		d.within[mrcStep(int64(float64(sampled)*scale))] += scale
	}
}

// mrcStep is the step in which a number of bytes lies.
func mrcStep(n int64) int {
	if n < 1<<mrcLeast {
		return 0
	}
	top := bits.Len64(uint64(n)) - 1
	return min((top-mrcLeast)*mrcStepsTwo+int(n>>(top-3)&7)+1, mrcSteps-1)
}

// mrcStepEnd is the number of bytes at which a step ends.
func mrcStepEnd(step int) float64 {
	if step == 0 {
		return 1 << mrcLeast
	}
	step--
	return float64(int64(9+step%mrcStepsTwo) << (step/mrcStepsTwo + mrcLeast - 3))
}

// ratio is the hit ratio with room for n bytes, of requests in all.
func (d *distances) ratio(n, requests float64) float64 {
	if requests <= 0 {
		return 0
	}
	hits, from := requests-d.all, 0.0 // requests that the sample lacks, or has too many of
	for i, w := range d.within {
		to := mrcStepEnd(i)
		if to > n {
			if n > from {
				hits += w * (n - from) / (to - from)
			}
			break
		}
		hits += w
		from = to
	}
	return min(max(hits/requests, 0), 1)
}

func (d *distances) fade(by float64) {
	d.all *= by
	for i := range d.within {
		d.within[i] *= by
	}
}

// A MissCurve is the estimated hit ratio of an LRU cache as a function of its memory.
type MissCurve struct {
	SampledKeys int
	Rate        float64 // of all keys that are in the sample
	Requests    float64 // that were counted, older ones for less

	d distances
}

// Ratio is the hit ratio with room for that many bytes of keys and values.
func (m *MissCurve) Ratio(bytes int64) float64 { return m.d.ratio(float64(bytes), m.Requests) }

// MissCurve returns the curve of all keys, or of those with a prefix of AccessPolicy; ok is false if there is no
// such prefix. tx is as for Stats.
func (e *Engine) MissCurve(tx *Tx, prefix string) (m MissCurve, ok bool) {
	e.CountRequests(tx, 0)
	c := &e.curve
	c.mu.Lock()
	defer c.mu.Unlock()
	m = MissCurve{len(c.at), float64(c.below.Load()) / math.MaxUint64, c.requests, c.all}
	if prefix == "" {
		return m, true
	}
	if c.prefixes != nil {
		for i, text := range c.prefixes.list {
			if text == prefix {
				m.Requests, m.d = c.prefixed[i], c.byPrefix[i]
				return m, true
			}
		}
	}
	return m, false
}

// CountRequests adds the number of all requests to the curve, and gives older ones less weight. It is called at
// intervals; nowMS 0 only counts. tx is as for Stats.
func (e *Engine) CountRequests(tx *Tx, nowMS int64) {
	st, each := e.Stats(tx), e.PrefixStats(tx)
	set := e.AccessPolicy().Prefixes
	c := &e.curve
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests += since(st.Hits+st.Misses, &c.seen)
	if c.adopt(set); len(each) == len(c.prefixed) {
		for i, p := range each {
			c.prefixed[i] += since(p.Hits+p.Misses, &c.seenEach[i])
		}
	}
	if nowMS == 0 || nowMS < c.fadeAtMS {
		return
	}
	if c.fadeAtMS != 0 {
		const by = 0.5
		c.all.fade(by)
		c.requests *= by
		for i := range c.byPrefix {
			c.byPrefix[i].fade(by)
			c.prefixed[i] *= by
		}
	}
	c.fadeAtMS = nowMS + mrcFadeMS
}

// since is the growth of a counter; a counter that is smaller than before was reset.
func since(n int64, seen *int64) float64 {
	if n < *seen {
		*seen = 0
	}
	d := n - *seen
	*seen = n
	return float64(d)
}
