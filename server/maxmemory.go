package server

import (
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/internal/config"
	"cached/internal/host"
)

// memoryLimit keeps the process within maxmemory. What the system sees is the
// engine's memory and the rest: the Go runtime, clients' buffers, pages that
// only the system knows of. The engine's is known at any moment; cron measures
// the rest, and what is left of maxmemory is the engine'mm. What the process had
// before its first key is not counted.
type memoryLimit struct {
	bytes   atomic.Int64 // maxmemory; 0: no limit
	rest    atomic.Int64 // memory of the process beside the engine's
	sliceNS atomic.Int64 // how long one command may evict
	overMS  atomic.Int64 // since when there is too much, or 0
	pastMS  atomic.Int64 // how long there had been before

	garbage     atomic.Int64 // bytes of large buffers that were let go
	collectedMS int64        // when cron has last given garbage back
	allocs      int64        // bytes ever allocated on the Go heap, when cron has last looked
	idleTicks   int          // for how many looks idle memory has waited

	defrag atomic.Bool // activedefrag
	// What cron's moving of blocks has taken, and takes since it last rested; its
	// share of a processor in percent.
	defragNS, defragNowNS, defragShare atomic.Int64

	evictions int64 // steps of eviction that cron has seen so far
	evictedMS int64 // when it has last seen another one

	started  int64 // resident bytes before the first key
	lastLive int64 // bytes in use when cron has last looked
}

const (
	// restAtLeast is what a server takes that holds nothing: less is no limit.
	restAtLeast = 512 << 10
	// slack is the share of maxmemory by which what the system sees may exceed it
	// before commands wait for compaction.
	slack = 32
	// goBytes is what the Go runtime counts as its own in a server with few clients.
	goBytes = 8 << 20
	// commandSlack is the share by which it may exceed it before commands help with
	// compaction, which cron does by itself else.
	commandSlack = slack + slack/2
	// farShare is the share by which it may exceed it before commands wait for as
	// long as eviction takes.
	farShare = 24
	// quietMS is for how long no key was evicted when free memory is no longer kept for
	// keys to come.
	quietMS = 500
	// nearShare is the share of maxmemory below which what is left of it is little.
	nearShare = 16
	// longestWait is for how long they do, at most, for each such share: clients that
	// are to be closed for what they take are closed in between.
	longestWait = 5 * time.Millisecond
	// Up to smallLimit of maxmemory the collector, by whose leave four megabytes of
	// garbage would gather, comes the earlier.
	smallLimit     = 256 << 20
	smallGCPercent = 25
	// largeBuffer is what counts as garbage that is worth a collection of its own, when
	// there is garbageShare of maxmemory of it, and none was for garbageRestMS; or for
	// a fifth of that, when there is muchGarbageShare of it.
	largeBuffer      = 256 << 10
	garbageShare     = 32
	muchGarbageShare = 16
	garbageRestMS    = 100
	// idleLeast is how much idle memory of the Go heap is given back, and idleTicks
	// for how many seconds it may stay while much is allocated.
	idleLeast = 16 << 20
	idleTicks = 4
	// busyMost is how many times an eviction may find its shard locked, each after some
	// microseconds, before the command goes on.
	busyMost = 64
	// evictSlice is how long a command may evict for each step of
	// maxmemory-eviction-tenacity.
	evictSlice = 50 * time.Microsecond
	// cronEvictSlice is how long cron may, every cronEvery.
	cronEvictSlice = 2 * time.Millisecond
)

// setMaxMemory takes over maxmemory and what goes with it.
func (mm *Memory) setMaxMemory(*config.Value) error {
	bytes := mm.cfg.Value("maxmemory").Bytes(host.MemoryBytes())
	mm.limit.bytes.Store(bytes)
	mm.setMostReply(bytes, host.MemoryBytes())
	slice := evictSlice * time.Duration(mm.cfg.Value("maxmemory-eviction-tenacity").Int())
	if t := mm.cfg.Value("maxmemory-eviction-tenacity").Int(); t > 10 {
		slice = 10 * evictSlice
		for ; t > 10 && slice < time.Minute; t-- {
			slice += slice * 15 / 100
		}
	}
	mm.limit.sliceNS.Store(int64(slice))
	mm.limit.defrag.Store(mm.cfg.Value("activedefrag").Bool())
	mm.setAccessPolicy(bytes)
	mm.setGated()
	if bytes > 0 {
		mm.keys.SmallPages()
		debug.SetMemoryLimit(goBytes + max(8<<20, bytes/clientsShare+bytes/16))
		if bytes <= smallLimit {
			mm.gc.set(smallGCPercent)
		} else {
			mm.gc.set(100)
		}
		mm.measureRest()
	} else {
		debug.SetMemoryLimit(1 << 62)
		mm.gc.set(100)
	}
	return nil
}

// setAccessPolicy has the engine evict as configured.
func (mm *Memory) setAccessPolicy(limit int64) {
	policy := mm.cfg.Value("maxmemory-policy").String()
	scope, name, _ := strings.Cut(policy, "-")
	orders := map[string]engine.Order{"lru": engine.LRU, "lfu": engine.LFU, "lrm": engine.LRM, "random": engine.Random, "ttl": engine.TTL}
	p := engine.AccessPolicy{
		LFU:          name == "lfu",
		LogFactor:    int(mm.cfg.Value("lfu-log-factor").Int()),
		DecayMinutes: int(mm.cfg.Value("lfu-decay-time").Int()),
		Order:        orders[name],
		Volatile:     scope == "volatile",
		Samples:      int(mm.cfg.Value("maxmemory-samples").Int()),
		Bytes:        mm.cfg.Value("eviction-objective").String() == "bytes",
		Prefixes:     engine.NewPrefixes(mm.cfg.Value("stats-prefixes").Strings()),
		SoonSeconds:  mm.cfg.Value("stats-evicted-window").Int(),
	}
	if limit > 0 && scope == "allkeys" && (name == "lru" || name == "lfu") && mm.cfg.Value("eviction-algorithm").String() == "auto" {
		p.Order = engine.Auto
	}
	mm.keys.SetAccessPolicy(p)
}

// measureRest looks what the process has beside the engine's memory.
func (mm *Memory) measureRest() {
	_, resident := mm.keys.InUse()
	process := host.ResidentBytes()
	if process == 0 { // a system that is not asked
		sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		metrics.Read(sample)
		process = resident + int64(sample[0].Value.Uint64()-sample[1].Value.Uint64())
	}
	// Garbage comes and goes: what grows is followed step by step, unless it is
	// much.
	rest := max(process-resident-mm.limit.started, restAtLeast)
	if old := mm.limit.rest.Load(); rest > old && old > 0 && rest-old < mm.limit.bytes.Load()/32 {
		rest = old + (rest-old)/4
	}
	mm.limit.rest.Store(rest)
}

// over returns by how many bytes the data, with the gaps that compaction cannot
// close, is more than the limit leaves room for, and by how many what the system
// sees exceeds it.
func (l *memoryLimit) over(e *engine.Engine) (data, system int64) {
	bytes := l.bytes.Load()
	if bytes == 0 {
		return 0, 0
	}
	live, resident := e.InUse()
	rest := l.rest.Load()
	gaps := min(e.LeastGaps(), max(0, resident-live)) // they may have been filled since
	return live + gaps + rest - bytes, resident + rest - bytes
}

// exceededMS is how long there was too much memory in use, and how long there has
// been now.
func (l *memoryLimit) exceededMS(nowMS int64) (total, current int64) {
	if since := l.overMS.Load(); since != 0 {
		current = nowMS - since
	}
	return l.pastMS.Load() + current, current
}

// resetStats sets to zero how long there was too much memory in use, and how long blocks were moved.
func (l *memoryLimit) resetStats(nowMS int64) {
	l.pastMS.Store(0)
	if since := l.overMS.Load(); since != 0 {
		l.overMS.CompareAndSwap(since, nowMS)
	}
	l.defragNS.Store(0)
}

// tooMuch reports whether keys have to go.
func (l *memoryLimit) tooMuch(e *engine.Engine) bool {
	data, system := l.over(e)
	return data > 0 || system > l.bytes.Load()/slack
}

// gate evicts before a command runs, and refuses commands that may need
// memory when that did not help.
func (mm *Memory) gate(r *Request) Verdict {
	w, c := r.w, r.c
	if r.Origin == FromWaiter { // with locks held nothing can be evicted
		if r.Flags&commands.DenyOOM != 0 && mm.outOfMemory() {
			return refuse(errOOM)
		}
		return Verdict{}
	}
	if mm.parts.Slow() {
		return Verdict{} // locks may be held for long: busyGate has the word
	}
	w.tx.GiveBack()
	if mm.makeRoom(&w.evict, w.nowMS(), time.Duration(mm.limit.sliceNS.Load()), false) {
		return Verdict{}
	}
	deny := r.Flags&commands.DenyOOM != 0
	if c.mode&inMulti != 0 {
		switch r.Spec.Name {
		case "exec":
			deny = c.multi.flags&commands.DenyOOM != 0
		case "discard", "quit", "reset":
		default:
			deny = true // what is queued takes memory too
		}
	}
	if deny && !mm.parts.Slow() {
		return refuse(errOOM)
	}
	return Verdict{}
}

// outOfMemory reports whether commands that may need memory are refused now; it
// evicts nothing, so it may be asked with locks held.
func (mm *Memory) outOfMemory() bool {
	if mm.limit.bytes.Load() == 0 || !mm.limit.tooMuch(mm.keys) {
		return false
	}
	return mm.keys.AccessPolicy().Order == engine.NoEviction
}

// makeRoom evicts until there is room, for at most slice, and reports false if
// there is none and nothing can be evicted. What is left for want of time is
// evicted by later commands and by cron, which always comes again (mayWait).
//
// Too much memory with little data in it is no reason to evict: freed blocks are
// not memory that has gone back, compaction has to move others together. A
// command does a step of that; only what exceeds the limit by far is evicted.
func (mm *Memory) makeRoom(tx *engine.Tx, nowMS int64, slice time.Duration, mayWait bool) bool {
	l := &mm.limit
	if mm.pause.lasts(nowMS) {
		return true // nothing is evicted
	}
	data, system := l.over(mm.keys)
	if data <= 0 && (system <= 0 || !mayWait && system <= l.bytes.Load()/commandSlack) {
		if l.overMS.Load() != 0 {
			l.pastMS.Add(nowMS - l.overMS.Swap(0))
		}
		return true
	}
	if l.overMS.Load() == 0 {
		l.overMS.Store(nowMS)
	}
	mm.parts.Hurry()
	margin, far := l.bytes.Load()/slack, max(l.bytes.Load()/farShare, 1)
	start := time.Now()
	shards := mm.keys.Shards()
	// How many shards in a row had no block to move, and no key to evict; and how many were
	// locked by others, of which nothing is known.
	busy := 0
	for still, barren := 0, 0; still < 2*shards && barren < shards; {
		moved := system > 0 && mm.keys.Compact(nowMS, true)
		if moved && data <= 0 && system <= margin {
			return true
		}
		if still++; moved {
			still = 0
		}
		// In the second round it is known that no shard has blocks to move.
		if data > 0 || system > far || system > margin && still >= shards {
			switch freed, locked := mm.keys.Evict(tx, nowMS, max(data, system-margin)); {
			case freed > 0:
				still, barren = 0, 0
			case locked:
				barren++
			default:
				if busy++; busy > busyMost {
					return true // those that hold the shards are followed by others, and by cron
				}
			}
		}
		if data, system = l.over(mm.keys); data <= 0 && system <= 0 {
			return true
		}
		// A command that brings more than was evicted in its time has to wait.
		if spent := time.Since(start); barren == 0 && spent > slice && (mayWait || system <= far || spent > longestWait*time.Duration(system/far)) {
			return true
		}
		if barren >= shards && l.tooMuch(mm.keys) {
			return false
		}
	}
	return true
}

// letGo says that a buffer of so many bytes is garbage now.
func (l *memoryLimit) letGo(bytes int) {
	if bytes >= largeBuffer {
		l.garbage.Add(int64(bytes))
	}
}

// littered reports whether there is garbage that cron should not leave for long.
func (l *memoryLimit) littered() bool {
	g := l.garbage.Load()
	return g > 0 && l.bytes.Load() > 0 && g > l.bytes.Load()/garbageShare
}

// collect gives what large buffers took back to the system. A buffer in use when
// the collector comes by is there until it has come twice, which with little garbage
// beside it takes a long time: for so long keys would have to make room for it.
func (l *memoryLimit) collect(nowMS int64) {
	garbage, rest := l.garbage.Load(), int64(garbageRestMS)
	if garbage > l.bytes.Load()/muchGarbageShare {
		rest /= 5
	}
	if garbage > l.bytes.Load()/garbageShare && nowMS-l.collectedMS >= rest {
		l.garbage.Store(0)
		debug.FreeOSMemory()
		l.collectedMS = nowMS
	}
}

// near reports whether there is so little room below the limit that it is looked at
// often, and whether more of it was taken since the last call.
func (l *memoryLimit) near(e *engine.Engine) bool {
	live, resident := e.InUse()
	grew := live != l.lastLive
	l.lastLive = live
	return grew && max(live, resident)+l.rest.Load() > l.bytes.Load()-l.bytes.Load()/nearShare
}

// comesAndGoes reports whether keys were evicted lately: what is free is about to be used
// again.
func (l *memoryLimit) comesAndGoes(e *engine.Engine, nowMS int64) bool {
	if n := e.Evictions(); n != l.evictions {
		l.evictions, l.evictedMS = n, nowMS
	}
	return l.evictedMS != 0 && nowMS-l.evictedMS < quietMS
}

// followPeak notes how much is in use, for the most of it that ever was.
func (mm *Memory) followPeak() {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	live, _ := mm.keys.InUse()
	mm.notePeak(live + int64(sample[0].Value.Uint64()))
}

// returnIdle gives memory of the Go heap back that large replies, scripts and other
// commands have left: with little to do the collector comes by every two minutes, and the
// runtime keeps what it finds. While much is allocated the memory is about to be used
// again, and it is given back every few seconds only. Cron calls it once a second.
func (l *memoryLimit) returnIdle() {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(sample)
	var n [4]int64
	for i := range sample {
		n[i] = int64(sample[i].Value.Uint64())
	}
	allocs, live, objects, free := n[0], n[1], n[2], n[3]
	recent := allocs - l.allocs
	l.allocs = allocs
	idle := free + max(objects-live, 0) + l.garbage.Load()
	switch {
	case idle < idleLeast:
		l.idleTicks = 0
		return
	case recent > idle/4 && l.idleTicks < idleTicks:
		l.idleTicks++
		return
	}
	l.idleTicks = 0
	l.garbage.Store(0)
	debug.FreeOSMemory()
}

// keepWithin is cron's part: it measures, evicts what commands have left, and
// moves blocks so that memory can go back. It reports whether it should come again soon.
func (mm *Memory) keepWithin(w *worker) (soon bool) {
	l := &mm.limit
	if l.bytes.Load() > 0 {
		l.collect(w.nowMS())
		mm.measureRest()
		mm.makeRoom(&w.evict, w.nowMS(), cronEvictSlice, true)
		soon = l.near(mm.keys) || l.littered()
	}
	data, system := l.over(mm.keys)
	busy := l.comesAndGoes(mm.keys, w.nowMS())
	if system > 0 && !busy {
		mm.keys.Trim()
	}
	if l.defrag.Load() || system > 0 {
		slice := time.Millisecond / 2
		if system > 0 {
			slice = 2 * time.Millisecond
		}
		start, moved := time.Now(), false
		for idle := 0; idle < mm.keys.Shards() && time.Since(start) < slice; {
			if mm.keys.Compact(w.nowMS(), busy) {
				idle, moved = 0, true
			} else {
				idle++
			}
		}
		l.defragged(time.Since(start), moved)
		soon = soon || moved
	} else {
		l.defragged(0, false)
	}
	return soon || data > 0
}

// defragged notes for how long cron has moved blocks, and whether there were any.
func (l *memoryLimit) defragged(took time.Duration, moved bool) {
	if !moved {
		l.defragShare.Store(0)
		l.defragNowNS.Store(0)
		return
	}
	l.defragNS.Add(int64(took))
	l.defragNowNS.Add(int64(took))
	l.defragShare.Store(int64(100 * took / cronEvery))
}

// spareShare is the part of maxmemory that may be kept for large inputs to come.
const spareShare = 64

// spareInput bounds how many bytes are kept for large inputs to come, of most.
func (l *memoryLimit) spareInput(most int) int {
	if limit := l.bytes.Load(); limit > 0 {
		return int(min(int64(most), max(limit/spareShare, 1<<20)))
	}
	return most
}
