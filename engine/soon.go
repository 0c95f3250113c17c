package engine

import (
	"cached/engine/arena"
	"cached/engine/table"
)

// A soonList is items that end within some seconds, by the second, so that they are
// ended then without a search. It names them by hash and address: what an entry says is
// looked up before it is believed, and one that is of no use any more does no harm.
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
	soonMS      = 12_000 // what ends sooner is listed: after the rest of 8 s of what does not, some is left
	soonShare   = 4      // of the keys may be listed, which are 4 bytes for each
	soonBacklog = 2      // seconds that ending may be late before it is urgent
	soonKept    = 1 << 10
)

// soonFrom is how many items of all shards are so many that rounds take long, and items
// are listed. It is changed by tests only.
var soonFrom = 2_000_000

// add lists an item that ends at a time, in a keyspace of so many. It reports false if
// there is no room for it.
func (l *soonList) add(dueMS int64, hash uint64, addr arena.Addr, keys int) bool {
	at := dueMS/1000 + 1 // by then all of the second have ended
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

// endSoon ends items whose second has come. It reports whether there were any, and
// whether that is late.
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
	// Entry, item and what the item's end changes beside it are anywhere in memory:
	// their loading is begun some ahead, one after the other.
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
