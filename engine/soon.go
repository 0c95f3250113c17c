package engine

import (
	"cached/engine/arena"
	"cached/engine/table"
)

// A soonList lists items that expire within some seconds, by the second, so that they are removed in time without
// a search. An entry is the hash and the address of an item. Before an entry is used, its item is looked up and
// its deadline is checked; an outdated entry is ignored.
type soonList struct {
	seconds [soonSeconds]soonSecond
	listed  int // in all of them
}

type soonSecond struct {
	second int64 // in which they end, in Unix time
	items  []soonItem
}

type soonItem struct {
	hash uint64
	addr arena.Addr
}

const (
	soonSeconds = 16
	soonMS      = 12_000 // items with less time are listed: more than the 8 s of the shortest rest
	soonShare   = 4      // of the keys may be listed, which are 4 bytes for each
	soonBacklog = 2      // seconds that ending may be late before it is urgent
	soonKept    = 1 << 10
)

// soonFrom is the number of items in all shards from which on rounds of the sweep take so long that items are
// listed. Only tests change it.
var soonFrom = 2_000_000

// add lists an item with a deadline, in a keyspace with that many keys. It reports false if there is no room for
// it.
func (l *soonList) add(dueMS int64, hash uint64, addr arena.Addr, keys int) bool {
	at := dueMS/1000 + 1 // all deadlines within the second have passed by then
	s := &l.seconds[uint64(at)%soonSeconds]
	if len(s.items) > 0 && s.second != at || l.listed > keys/soonShare {
		return false
	}
	s.second = at
	s.items = append(s.items, soonItem{hash, addr})
	l.listed++
	return true
}

// due returns the seconds that are over and have items, oldest first, or nil.
func (l *soonList) due(nowMS int64) (first *soonSecond) {
	for i := range l.seconds {
		s := &l.seconds[i]
		if len(s.items) > 0 && s.second*1000 <= nowMS && (first == nil || s.second < first.second) {
			first = s
		}
	}
	return first
}

// endSoon removes listed items whose second is over. It reports whether there were any, and whether removal is
// late.
func (tx *Tx) endSoon(s *shard, db int) (worked, late bool) {
	ks := &s.dbs[db]
	l := &ks.sweep.soon
	if l.listed == 0 {
		return false, false
	}
	second := l.due(tx.NowMS)
	if second == nil {
		return false, false
	}
	from := max(len(second.items)-sweepMost, 0)
	items := second.items[from:]
	// The index entry, the item and the memory that its removal changes are in random places. They are prefetched
	// some items ahead, one after the other.
	const far, near = 12, 4
	load := func(i int) {
		if i < len(items) {
			ks.keys.Prefetch(items[i].hash)
			items[i].addr.Prefetch()
		}
	}
	for i := range far {
		load(i)
	}
	for i, x := range items {
		load(i + far)
		if i+near < len(items) {
			y := items[i+near]
			if slot := ks.keys.FindItem(y.hash, y.addr); slot != nil {
				table.ItemOf(slot).PrefetchFree(s.heap)
				s.gone.prefetch(goneHash(y.hash, db))
			}
		}
		slot := ks.keys.FindItem(x.hash, x.addr)
		if slot == nil {
			continue
		}
		it := table.ItemOf(slot)
		if tx.leftMS(it) >= 0 {
			table.SetRest(slot, 0) // it is another one, or was given more time
			continue
		}
		tx.expireItem(s, db, it)
	}
	l.listed -= len(items)
	second.items = second.items[:from]
	if from == 0 && cap(second.items) > soonKept {
		second.items = nil
	}
	return true, from > 0 && tx.NowMS-second.second*1000 > soonBacklog*1000
}
