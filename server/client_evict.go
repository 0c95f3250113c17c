package server

import (
	"cmp"
	"slices"
)

// clientsPerLook is how many clients one tick of cron may look at, on average:
// with more of them, their memory is added up less often.
const clientsPerLook = 1000

// clientsShare is the part of maxmemory that clients may take if maxmemory-clients
// does not say otherwise: data can be evicted for them, but not without end.
const clientsShare = 8

// clientsLeast is what they may take however small maxmemory is.
const clientsLeast = 4 << 20

// evictClients closes the clients that take the most memory while all of them take
// more than maxmemory-clients, or an eighth of maxmemory, as long as CLIENT NO-EVICT
// does not spare them. It returns after how many ticks it wants to look again.
//
// Cron and the loops call it, one after the other: two at once would each close
// clients for the same bytes.
func (mm *Memory) evictClients() (ticks int) {
	mm.evictingClients.Lock()
	defer mm.evictingClients.Unlock()
	limit := mm.cfg.Value("maxmemory-clients").Bytes(mm.limit.bytes.Load())
	if limit <= 0 {
		all := mm.limit.bytes.Load()
		if all == 0 {
			return 1
		}
		limit = max(all/clientsShare, clientsLeast)
	}
	type candidate struct {
		c     *client
		bytes int64
	}
	var all []candidate
	total := int64(0)
	mm.mu.Lock()
	ticks = 1 + len(mm.clients)/clientsPerLook
	for _, c := range mm.clients {
		if !c.shown.closing.Load() {
			total += c.memory()
		}
	}
	if total > limit {
		for _, c := range mm.clients {
			if !c.shown.closing.Load() && !c.shown.noEvict.Load() {
				all = append(all, candidate{c, c.memory()})
			}
		}
	}
	mm.mu.Unlock()
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(b.bytes, a.bytes) })
	for _, x := range all {
		if total <= limit {
			break
		}
		mm.log.Info("evicting client", "id", x.c.id, "client", x.c.addr, "bytes", x.bytes)
		mm.evictedClients.Add(1)
		mm.kill(x.c)
		total -= x.bytes
	}
	return ticks
}

// addUp looks at the memory of all clients: cron may come too late for one that sends
// or asks for much.
func (mm *Memory) addUp() {
	if mm.limit.bytes.Load() > 0 {
		mm.measureRest()
	}
	mm.evictClients()
}
