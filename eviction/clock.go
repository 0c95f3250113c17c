package eviction

// Under the LRU policies the 24 bits hold the time of the last access in ticks
// of 256 ms, which wrap after 49 days: four times finer than a clock of seconds,
// which matters for a small cache that turns over in less than a second.
const (
	tickShift = 8
	clockMask = 1<<24 - 1
)

// LRU is the access word of an item touched at nowMS.
func LRU(nowMS int64) uint32 { return uint32(nowMS>>tickShift) & clockMask }

// IdleMS is how long ago, to a tick, an access word of LRU was made; at most 49
// days.
func IdleMS(access uint32, nowMS int64) int64 {
	ticks := (LRU(nowMS) - access) & clockMask
	return int64(ticks) << tickShift
}

// longestMS leaves some days until the ticks wrap.
const longestMS = 45 * 24 * 3600 * 1000

// LRUIdle is the access word of an item last touched idleMS before nowMS, or 45 days
// if that is longer ago.
func LRUIdle(nowMS, idleMS int64) uint32 { return LRU(nowMS - min(idleMS, longestMS)) }

// LFUStart is the counter of a new key, so that it has a chance to collect hits
// before it is the least used of all.
const LFUStart = 5

// Under the LFU policies the 24 bits are, as in Redis, the minute of the last
// decrement (16 bits) and a logarithmic counter of accesses (8 bits).

func minutes(nowMS int64) uint32 { return uint32(nowMS/60000) & 0xFFFF }

// LFU is the access word of a new item, or of one whose counter is set.
func LFU(nowMS int64, counter uint8) uint32 { return minutes(nowMS)<<8 | uint32(counter) }

// LFUCount is the counter after the decay that has come due: one for each
// decayMinutes since the last decrement; 0 never decays.
func LFUCount(access uint32, nowMS int64, decayMinutes int) uint8 {
	counter := uint8(access)
	if decayMinutes <= 0 {
		return counter
	}
	passed := (minutes(nowMS) - access>>8) & 0xFFFF
	due := int(passed) / decayMinutes
	if due >= int(counter) {
		return 0
	}
	return counter - uint8(due)
}

// LFUTouch is the access word after one more access. The counter goes up with a
// probability that falls as it grows: 1/((counter-LFUStart)*logFactor+1). random
// is a fresh 32-bit random number.
func LFUTouch(access uint32, nowMS int64, logFactor, decayMinutes int, random uint32) uint32 {
	counter := LFUCount(access, nowMS, decayMinutes)
	if counter < 255 {
		base := max(int64(counter)-LFUStart, 0)
		if int64(random)*(base*int64(logFactor)+1) < 1<<32 {
			counter++
		}
	}
	return LFU(nowMS, counter)
}
