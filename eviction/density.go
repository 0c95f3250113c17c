package eviction

import "math/bits"

// A Density ranks the items of one cache by the value of the memory they use: the
// hits expected from an item for each unit of time that it stays, learned from the
// requests themselves.
//
// Items are divided into classes by their history: the number of accesses (up to
// four) and the time between the last two. Density follows a sample of keys, whether
// they are in the cache or not, and learns for each class the age at which an item is
// accessed again. From that distribution it computes for each age the best rate of
// hits by time, over all times for which the item may be kept from now: the item's
// index, in the sense of Gittins. The item with the lowest index is evicted; if sizes
// count, the one with the lowest index by size.
//
// So a scan is a class of items that are never accessed again, and a loop is a class
// whose old items are worth more than its young ones. Whether recency or frequency
// matters is learned: with recency the index falls with age, with frequency it differs
// between classes.
//
// The 24 bits of an item are the time of its last access (16 bits, in ticks of a
// number of accesses that follows the size of the cache), the scale of that time
// (2), and its class (6). In addition there are 48 bits for four items: a sample of
// keys, and the histories of evicted keys, so that a key that is set again keeps its
// history.
//
// A Density is guarded by the lock of the cache it belongs to.
type Density struct {
	clock   uint64 // accesses so far
	shift   uint   // accesses by tick, as a power of two
	objects int    // last value given to Resize
	nextFit uint64

	index [classes][ageSteps]float32
	asked [classes][ageSteps]float32 // items of the sample asked for again at an age
	lost  [classes][ageSteps]float32 // items last seen at an age

	rate   uint64   // keys in the sample, of 1<<24
	sample []uint32 // access word and 8 bits of hash; 0: free; sets of setWays
	ghosts []uint16 // evicted items: see ghostOf; sets of setWays
}

// The access word, from its low end: the number of accesses up to the first, less one (2 bits); the length of the
// last wait, as the logarithm of ticks (4 bits, neverLast for a new item); scale (2 bits); time (16 bits).
const (
	countMax  = 3
	lastShift = 2
	lastMax   = 10
	neverLast = lastMax + 1
	classes   = (neverLast + 1) << lastShift

	scaleShift = 6
	timeShift  = 8
	timeMask   = 1<<16 - 1

	// A turn is as many accesses as there are items. It has turnMin to turnMax
	// ticks; outside of that the tick becomes eight times as long or short. The
	// scale of a word is how often that had happened when it was made, modulo 4.
	turnMin, turnMax = 8, 128
	scaleBits        = 3
	scaleMask        = 3

	// Ages are distinguished to the tick up to 8, then in four steps for each doubling.
	ageSteps = 56

	setWays     = 8
	sampleMin   = 1024 // keys
	sampleReach = 2    // turns that the sample looks back, and more

	// fitEvery is the least number of accesses between two fits; keep is the part of earlier counts that remains
	// at each.
	fitEvery = 1024
	keep     = 0.98
	// rootWeight and groupWeight are how many observations the assumptions about
	// a group of classes, and about a class, weigh.
	rootWeight  = 2
	groupWeight = 20
)

// NewDensity returns a Density for a cache of about objects items.
func NewDensity(objects int) *Density {
	d := new(Density)
	d.Resize(objects)
	return d
}

// Resize sets the number of items. It ignores a change by less than half.
func (d *Density) Resize(objects int) {
	objects = max(objects, 1)
	if d.objects != 0 && objects <= d.objects*3/2 && objects >= d.objects/3 {
		return
	}
	d.objects = objects
	for objects>>d.shift > turnMax {
		d.shift += scaleBits
	}
	for d.shift > 0 && objects>>d.shift < turnMin {
		d.shift -= scaleBits
	}
	d.ghosts = make([]uint16, (objects/2+setWays)&^(setWays-1))
	n := max(sampleMin, objects/4) &^ (setWays - 1)
	d.sample = make([]uint32, n)
	d.rate = min(uint64(n)<<24/uint64(objects*sampleReach), 1<<24)
	d.fit()
}

// Bytes is the size of the Density.
func (d *Density) Bytes() int64 {
	return int64(4*len(d.sample)+2*len(d.ghosts)) + 3*4*classes*ageSteps
}

// Objects is the last value given to Resize.
func (d *Density) Objects() int { return d.objects }

// Insert counts the access that brings a new item in, and returns its word.
func (d *Density) Insert(hash uint64) uint32 {
	d.step(hash)
	set := d.ghosts[setOf(hash, len(d.ghosts)):][:setWays]
	for i, g := range set {
		if g != 0 && g&0xFF == ghostTag(hash) {
			set[i] = 0
			age := (d.ghostTime() - uint32(g>>8)) & ghostTimeMask << ghostTick
			return d.word(lastOf(age+1<<ghostTick/2), min(uint32(g>>14)+1, countMax))
		}
	}
	return d.word(neverLast, 0)
}

// Touch counts an access to an item with this word, and returns the next.
func (d *Density) Touch(word uint32, hash uint64) uint32 {
	d.step(hash)
	return d.touched(word)
}

func (d *Density) touched(word uint32) uint32 {
	return d.word(lastOf(d.age(word)), min(word&countMax+1, countMax))
}

// Evicted remembers an item that was thrown out.
func (d *Density) Evicted(word uint32, hash uint64) {
	now := d.ghostTime()
	set := d.ghosts[setOf(hash, len(d.ghosts)):][:setWays]
	at, oldest := 0, uint32(0)
	for i, g := range set {
		if g == 0 {
			at = i
			break
		}
		if age := (now - uint32(g>>8)) & ghostTimeMask; age >= oldest {
			at, oldest = i, age
		}
	}
	asked := uint32((d.clock>>d.shift-uint64(d.age(word)))>>ghostTick) & ghostTimeMask
	set[at] = ghostTag(hash) | uint16(asked)<<8 | uint16(word&countMax)<<14
}

// Rank is how much an item is worth for its size; the item with the least is the
// first to go.
func (d *Density) Rank(word uint32) float32 {
	return d.index[classOf(word)][ageStep(d.age(word))]
}

// Count is the number of accesses to an item, as far as its word has it.
func (d *Density) Count(word uint32) int { return int(word&countMax) + 1 }

// Idle is how many accesses to the cache ago the item was asked for.
func (d *Density) Idle(word uint32) int64 { return int64(d.age(word)) << d.shift }

// Clock is how many accesses there have been.
func (d *Density) Clock() int64 { return int64(d.clock) }

// A ghost has, from its low end, 8 bits of hash that are not all 0, the time of
// its last access (6 bits, in units of 1<<ghostTick ticks) and its count (2).
const (
	ghostTick     = 3
	ghostTimeMask = 1<<6 - 1
)

func ghostTag(hash uint64) uint16 { return uint16(hash&0xFF) | 1 }

func (d *Density) ghostTime() uint32 { return uint32(d.clock>>d.shift>>ghostTick) & ghostTimeMask }

// setOf is where the set of hash begins in a table of n entries.
func setOf(hash uint64, n int) int { return int(hash>>32*uint64(n/setWays)>>32) * setWays }

func (d *Density) word(last, count uint32) uint32 {
	scale := uint32(d.shift/scaleBits) & scaleMask
	return uint32(d.clock>>d.shift)&timeMask<<timeShift | scale<<scaleShift | last<<lastShift | count
}

func classOf(word uint32) int { return int(min(word&(1<<scaleShift-1), classes-1)) }

// age is how many ticks ago a word was made. One that was made when ticks were
// up to 64 times shorter or 8 times longer is converted.
func (d *Density) age(word uint32) uint32 {
	made := word >> scaleShift & scaleMask
	now := uint32(d.shift/scaleBits) & scaleMask
	if made == now {
		return (uint32(d.clock>>d.shift) - word>>timeShift) & timeMask
	}
	if up := (now - made) & scaleMask; up < scaleMask && d.shift >= uint(up)*scaleBits {
		was := d.shift - uint(up)*scaleBits
		return (uint32(d.clock>>was) - word>>timeShift) & timeMask >> (uint(up) * scaleBits)
	}
	was := d.shift + scaleBits
	return min((uint32(d.clock>>was)-word>>timeShift)&timeMask<<scaleBits, timeMask)
}

// ageStep is the step in which an age in ticks lies.
func ageStep(age uint32) int {
	if age < 8 {
		return int(age)
	}
	n := bits.Len32(age)
	return min(8+(n-4)*4+int(age>>(n-3)&3), ageSteps-1)
}

// stepTicks is how many ages a step has.
func stepTicks(step int) float32 {
	if step < 8 {
		return 1
	}
	return float32(int(2) << ((step - 8) / 4))
}

// lastOf is the time between two accesses in the form of a word.
func lastOf(age uint32) uint32 { return min(uint32(bits.Len32(age)), lastMax) }

// step counts an access, to a key in the cache or not.
func (d *Density) step(hash uint64) {
	d.clock++
	if d.clock >= d.nextFit {
		d.nextFit = d.clock + uint64(max(d.objects, fitEvery))
		d.fit()
		d.forget()
	}
	// Multiplied, so that the bits that the sample is chosen by are not those
	// that a shard was.
	if h := hash * 0x9E3779B97F4A7C15; h>>40 < d.rate {
		d.observe(h * 0x9E3779B97F4A7C15)
	}
}

// observe follows the history of a key of the sample.
func (d *Density) observe(hash uint64) {
	tag := uint32(hash&0xFF) | 1
	set := d.sample[setOf(hash, len(d.sample)):][:setWays]
	at, oldest, free := 0, uint32(0), false
	for i, s := range set {
		if s == 0 {
			at, free = i, true
			continue
		}
		word := s >> 8
		age := d.age(word)
		if s&0xFF == tag {
			d.asked[classOf(word)][ageStep(age)]++
			set[i] = d.touched(word)<<8 | tag
			return
		}
		if age >= oldest && !free {
			at, oldest = i, age
		}
	}
	if !free {
		d.lost[classOf(set[at]>>8)][ageStep(oldest)]++
	}
	set[at] = d.word(neverLast, 0)<<8 | tag
}

// ages is a distribution: how many items were asked for, or last seen, at each
// age.
type ages struct{ asked, lost [ageSteps]float32 }

// lean adds the other distribution as if it were weight observations.
func (a *ages) lean(on *ages, weight float32) {
	var n float32
	for i := range ageSteps {
		n += on.asked[i] + on.lost[i]
	}
	for i := range ageSteps {
		a.asked[i] += on.asked[i] * weight / n
		a.lost[i] += on.lost[i] * weight / n
	}
}

// fit computes the index of every class and age. Where little was observed a
// class leans on all classes with the same count, and those on the assumption
// that each doubling of the age is as likely as any other.
func (d *Density) fit() {
	var root ages
	for i := range ageSteps {
		root.asked[i] = 1
	}
	var groups [countMax + 1]ages
	for c := range classes {
		g := &groups[c&countMax]
		for i := range ageSteps {
			g.asked[i] += d.asked[c][i]
			g.lost[i] += d.lost[c][i]
		}
	}
	for i := range groups {
		groups[i].lean(&root, rootWeight)
	}
	for c := range classes {
		a := ages{d.asked[c], d.lost[c]}
		a.lean(&groups[c&countMax], groupWeight)
		a.indices(&d.index[c])
	}
}

// indices computes for each age the best rate of hits by time from there on. As
// the age falls, (time, hits) from the end draws a curve; the rate from one of
// its points to the best of those after it is the slope of the tangent to their
// upper hull.
func (a *ages) indices(out *[ageSteps]float32) {
	type point struct{ time, hits float32 }
	var hull [ageSteps + 1]point
	top := 0
	var p point
	var alive float32
	for i := ageSteps - 1; i >= 0; i-- {
		ends := a.asked[i] + a.lost[i]
		p.time -= (alive + ends/2) * stepTicks(i)
		p.hits -= a.asked[i]
		alive += ends
		slope := func(q point) float32 { return (q.hits - p.hits) / (q.time - p.time) }
		for top > 0 && slope(hull[top-1]) >= slope(hull[top]) {
			top--
		}
		out[i] = slope(hull[top])
		top++
		hull[top] = p
	}
}

// forget lets older observations count for less.
func (d *Density) forget() {
	for c := range classes {
		for i := range ageSteps {
			d.asked[c][i] *= keep
			d.lost[c][i] *= keep
		}
	}
}
