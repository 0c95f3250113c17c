package engine

import (
	"math"

	"cached/engine/table"
	"cached/engine/value"
)

// A sweep removes expired items of a shard's part of a database. It walks around the index, some segments at a
// time. Looking at a deadline waits for memory; so the sweep skips an item that expires much later in most of its
// rounds (table.SetRest), and lists an item that expires within seconds, to remove it in time (soonList).
type sweep struct {
	soon   soonList
	begun  bool                     // there is a round
	at     uint64                   // where it continues
	rest   int                      // the most that the round visits
	looked [table.MaxRest + 1]int64 // Unix ms, by rest: begin of the last round that visits such items
	seen   bool                     // the round has seen deadlines, or fields or members got some since it began
	fields bool                     // it has seen hashes with deadlines of fields, or some got them since it began
}

// By rest: an item with that rest expires after at least so many milliseconds, or is listed. It is visited again
// in the first round that begins after that time.
var restMS = [table.MaxRest + 1]int64{0, 8_000, 24_000, 120_000}

const (
	roundEvery    = 90 // ms at least from one round to the next, and one more for so many items of all shards:
	itemsPerMS    = 1000
	sweepSegments = 4   // for one step to look at
	sweepSeen     = 128 // items, after which a step looks at no further segment
	sweepMost     = 64  // keys that a step removes
	sweepBacklog  = 16  // expired keys of one segment from which on there are probably many more
	fieldsPerStep = 256 // fields of one hash that a step removes
)

// restFor is the largest rest of an item of which the first part expires in leftMS milliseconds.
func restFor(leftMS int64) (rest int) {
	for rest < table.MaxRest && leftMS >= restMS[rest+1] {
		rest++
	}
	return rest
}

// begin begins a round in a database with that many items, unless the last one began too short a time ago.
func (w *sweep) begin(nowMS int64, items int) bool {
	if ago := nowMS - w.looked[0]; ago >= 0 && ago < roundEvery+int64(items)/itemsPerMS {
		return false
	}
	w.begun, w.rest, w.seen, w.fields = true, table.MaxRest, false, false
	for w.rest > 0 {
		// The clock may have been set.
		if ago := nowMS - w.looked[w.rest]; ago >= restMS[w.rest] || ago < 0 {
			break
		}
		w.rest--
	}
	for i := range w.rest + 1 {
		w.looked[i] = nowMS
	}
	return true
}

// sweep visits some segments and removes expired items. It reports whether there were any, and whether there are
// many more.
func (tx *Tx) sweep(s *shard, db int) (worked, more bool) {
	ks := &s.dbs[db]
	w := &ks.sweep
	if ended, late := tx.endSoon(s, db); ended {
		return true, late
	}
	seen := 0
	for range sweepSegments {
		if !w.begun && !w.begin(tx.NowMS, ks.keys.Len()*len(tx.e.shards)) {
			break
		}
		worked = true
		n, ended := tx.sweepSegment(s, db)
		seen += n
		if ended >= sweepBacklog {
			return true, true
		}
		if !w.begun { // the round is over
			if w.rest == table.MaxRest {
				ks.parts, ks.fields = ks.parts && w.seen, ks.fields && w.fields
			}
			break
		}
		if seen > sweepSeen {
			break
		}
	}
	return worked, false
}

// sweepSegment removes expired items of the current segment. It moves on to the next one unless there are more to
// remove.
func (tx *Tx) sweepSegment(s *shard, db int) (seen, ended int) {
	ks := &s.dbs[db]
	w := &ks.sweep
	var dead [sweepMost]table.Item
	lists := ks.keys.Len()*len(tx.e.shards) >= soonFrom
	next := ks.keys.Sweep(w.at, w.rest, func(slot table.Slot) {
		seen++
		it := table.ItemOf(slot)
		w.fields = w.fields || it.HasParts() && value.TypeOf(it) == value.Hash
		switch left := tx.leftMS(it); {
		case left >= 0:
			rest := restFor(left)
			if lists && left < soonMS && w.soon.add(tx.NowMS+left, table.Hash(it.Key()), it.Addr(), ks.keys.Len()) {
				rest = 1
			}
			table.SetRest(slot, rest)
		case ended < sweepMost:
			dead[ended] = it
			ended++
		}
	})
	w.seen = w.seen || seen > 0
	if ended < sweepMost {
		w.at, w.begun = next, next != 0 // otherwise the next step visits the same segment
	}
	for _, it := range dead[:ended] {
		tx.expireItem(s, db, it)
	}
	return seen, ended
}

// leftMS is the time in milliseconds until the item or a part of it expires; it is negative if that has happened.
func (tx *Tx) leftMS(it table.Item) int64 {
	due := it.DeadlineMS()
	if it.HasParts() {
		if parts := value.FieldsDue(it); parts != 0 && (due == 0 || parts < due) {
			due = parts
		}
	}
	if due == 0 {
		return math.MaxInt64
	}
	return due - tx.NowMS
}

// expireItem removes an item that has expired, or its expired fields.
func (tx *Tx) expireItem(s *shard, db int, it table.Item) {
	ks, h := &s.dbs[db], table.Hash(it.Key())
	a := at{s, ks, h, ks.keys.FindItem(h, it.Addr())}
	tx.key = append(tx.key[:0], it.Key()...)
	if d := it.DeadlineMS(); d != 0 && tx.NowMS > d {
		tx.expire(db, tx.key, a)
		return
	}
	tx.expireFields(db, tx.key, a, fieldsPerStep)
}
