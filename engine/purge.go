package engine

import (
	"errors"
	"slices"

	"cached/engine/table"
)

// Invalidations: of the items with a tag (tags.go), or of those whose key has a prefix. Both
// take the same time however many items they concern: what they say is looked up when an
// item is found, and a sweep through the keyspace then ends the items, or has them say
// themselves that they are stale. When the sweep has been everywhere nothing is left to be
// looked up.
//
// A purge of a prefix concerns the items that are there. A key that is set after it, at a
// place where the sweep has not been yet, is noted with the number of the invalidation
// before it (born), so that the purge does not concern it. An item itself has no such mark,
// and while no purge is pending nothing is noted.
//
// Invalidations are numbered, under the lock of the whole keyspace; a snapshot that began
// before one has the items that it ended.

// ErrPurges: too many purges are pending for another prefix.
var ErrPurges = errors.New("too many prefix purges are pending")

const (
	maxPurges       = 1 << 16
	maxPurgeLengths = 64      // different lengths of prefixes
	bornMost        = 1 << 14 // noted keys of a keyspace, beyond which writers help to sweep
	purgeSegments   = 4       // for one step of the sweep to look at
)

// A mark is an invalidation that is pending.
type mark struct {
	seq     uint64   // its number; 0: there is none
	earlier []uint64 // of the same prefix, for a snapshot that may have begun between them
	sinceMS int64    // since when what it concerns is stale
	from    uint64   // where the sweep was, a place among hashes
}

// between reports whether the invalidation, or an earlier one, came after one number and not
// after another.
func (m *mark) between(after, upTo uint64) bool {
	if m.seq > after && m.seq <= upTo {
		return true
	}
	return slices.ContainsFunc(m.earlier, func(seq uint64) bool { return seq > after && seq <= upTo })
}

// A purge is what is pending for a prefix.
type purge struct{ hard, soft mark }

// purges are those of a keyspace. The lock of its shard is held.
type purges struct {
	byPrefix map[string]*purge
	lengths  []int             // of the prefixes, ascending
	born     map[uint64]uint64 // by hash: the number of the last invalidation before the key was set
	at       uint64            // where the sweep goes on, a place among hashes
}

// swept reports whether the sweep has been at a place since it was at another.
func (p *purges) swept(from, place uint64) bool {
	if p.at >= from {
		return from <= place && place < p.at
	}
	return place >= from || place < p.at
}

// each calls visit for what is pending for prefixes of key until it returns false.
func (p *purges) each(key []byte, visit func(*purge) bool) {
	for _, n := range p.lengths {
		if n > len(key) {
			return
		}
		if x := p.byPrefix[string(key[:n])]; x != nil && !visit(x) {
			return
		}
	}
}

// killed reports whether an item is gone by what has happened up to seq.
func (p *purges) killed(key []byte, hash, place, seq uint64) (gone bool) {
	p.each(key, func(x *purge) bool {
		gone = x.hard.seq != 0 && !p.swept(x.hard.from, place) && x.hard.between(p.born[hash], seq)
		return !gone
	})
	return gone
}

// staleSince is since when an item is stale, or 0.
func (p *purges) staleSince(key []byte, hash, place uint64) (sinceMS int64) {
	p.each(key, func(x *purge) bool {
		m := &x.soft
		if m.seq > p.born[hash] && !p.swept(m.from, place) && (sinceMS == 0 || m.sinceMS < sinceMS) {
			sinceMS = m.sinceMS
		}
		return true
	})
	return sinceMS
}

// note notes that a key is set anew.
func (p *purges) note(key []byte, hash, place, seq uint64) {
	p.each(key, func(x *purge) bool {
		for _, m := range []*mark{&x.hard, &x.soft} {
			if m.seq != 0 && !p.swept(m.from, place) {
				if p.born == nil {
					p.born = make(map[uint64]uint64)
				}
				p.born[hash] = seq
				return false
			}
		}
		return true
	})
}

// add adds an invalidation. kept has the number of an earlier one stay.
func (p *purges) add(prefix []byte, seq uint64, sinceMS int64, kept bool) {
	x := p.byPrefix[string(prefix)]
	if x == nil {
		if p.byPrefix == nil {
			p.byPrefix = make(map[string]*purge)
		}
		x = new(purge)
		p.byPrefix[string(prefix)] = x
		if i, found := slices.BinarySearch(p.lengths, len(prefix)); !found {
			p.lengths = slices.Insert(p.lengths, i, len(prefix))
		}
	}
	m := &x.hard
	if sinceMS != 0 {
		m = &x.soft // of several, the last says since when: it is as much in the past as the others
	}
	var earlier []uint64
	if kept && m.seq != 0 {
		earlier = append(m.earlier, m.seq)
	}
	*m = mark{seq: seq, earlier: earlier, sinceMS: sinceMS, from: p.at}
}

// room reports whether there is room for another purge of a prefix.
func (p *purges) room(prefix []byte) bool {
	if p.byPrefix[string(prefix)] != nil {
		return true
	}
	_, known := slices.BinarySearch(p.lengths, len(prefix))
	return len(p.byPrefix) < maxPurges && (known || len(p.lengths) < maxPurgeLengths)
}

// advance has the sweep go on at next, 0 for the end, and forgets what has been everywhere.
func (p *purges) advance(next uint64) {
	old := p.at
	p.at = next
	if len(p.byPrefix) == 0 {
		return
	}
	done := func(m *mark) bool {
		if m.seq == 0 {
			return true
		}
		if next == 0 {
			return m.from > old || m.from == 0
		}
		return m.from > old && m.from <= next
	}
	removed := false
	for prefix, x := range p.byPrefix {
		if done(&x.hard) {
			x.hard = mark{}
		}
		if done(&x.soft) {
			x.soft = mark{}
		}
		if x.hard.seq == 0 && x.soft.seq == 0 {
			delete(p.byPrefix, prefix)
			removed = true
		}
	}
	if len(p.byPrefix) == 0 {
		*p = purges{at: next}
		return
	}
	if removed {
		p.lengths = p.lengths[:0]
		for prefix := range p.byPrefix {
			if i, found := slices.BinarySearch(p.lengths, len(prefix)); !found {
				p.lengths = slices.Insert(p.lengths, i, len(prefix))
			}
		}
	}
	if next == 0 {
		p.forgetBorn()
	}
}

// forgetBorn forgets notes that no pending invalidation asks for.
func (p *purges) forgetBorn() {
	oldest := ^uint64(0)
	for _, x := range p.byPrefix {
		for _, m := range []*mark{&x.hard, &x.soft} {
			if m.seq != 0 {
				oldest = min(oldest, m.seq)
			}
			for _, seq := range m.earlier {
				oldest = min(oldest, seq)
			}
		}
	}
	kept := make(map[uint64]uint64)
	for hash, seq := range p.born {
		if seq >= oldest {
			kept[hash] = seq
		}
	}
	p.born = kept
}

// place is where the sweep of ks comes by a hash.
func (ks *keyspace) place(hash uint64) uint64 { return hash << ks.keys.Skip() }

// pending reports whether there is something to sweep.
func (ks *keyspace) pending() bool {
	return ks.tags.dead > 0 || ks.tags.stale > 0 || len(ks.purges.byPrefix) > 0
}

// killed reports whether an item is gone by what has happened up to seq.
func (ks *keyspace) killed(hash uint64, it table.Item, seq uint64) bool {
	if ks.tags.dead > 0 && it.Extended() && ks.tags.killed(it.Ext(), seq) {
		return true
	}
	return len(ks.purges.lengths) > 0 && ks.purges.killed(it.Key(), hash, ks.place(hash), seq)
}

// softened is since when invalidations have made an item stale that does not say so itself
// yet, or 0.
func (s *shard) softened(ks *keyspace, hash uint64, it table.Item) (sinceMS int64) {
	if ks.tags.stale > 0 && it.Extended() {
		sinceMS = ks.tags.staleSince(it.Ext())
	}
	if len(ks.purges.lengths) > 0 {
		if at := ks.purges.staleSince(it.Key(), hash, ks.place(hash)); at != 0 && (sinceMS == 0 || at < sinceMS) {
			sinceMS = at
		}
	}
	return sinceMS
}

// What a look-up has to look at, bits of shard.alert.
const (
	alertTaken   = 1 << iota // snapshots are being taken
	alertPurge               // prefix purges are pending
	alertBacklog             // and so many keys were set since that writers help to sweep
)

func (s *shard) setAlert(bit uint8, on bool) {
	if on {
		s.alert |= bit
	} else {
		s.alert &^= bit
	}
}

// watchPurges notes whether there are purges in the shard.
func (s *shard) watchPurges(e *Engine) {
	on, backlog := false, false
	for i := range s.dbs {
		on = on || len(s.dbs[i].purges.lengths) > 0
		backlog = backlog || len(s.dbs[i].purges.born) > bornMost
	}
	if on != (s.alert&alertPurge != 0) {
		if on {
			e.purging.Add(1)
		} else {
			e.purging.Add(-1)
		}
	}
	s.setAlert(alertPurge, on)
	s.setAlert(alertBacklog, backlog)
}

// anew notes that the key of a new or overwritten item was set after the purges that are
// pending.
func (tx *Tx) anew(a *at, key []byte) {
	p := &a.ks.purges
	if len(p.lengths) == 0 {
		return
	}
	p.note(key, a.hash, a.ks.place(a.hash), tx.e.seq)
	if len(p.born) > bornMost {
		a.s.alert |= alertBacklog
	}
}

// examine looks at an item that is not plain, or while there is an alert, and reports
// whether it is gone.
func (tx *Tx) examine(db int, key []byte, a at) (gone bool) {
	it := table.ItemOf(a.slot)
	if a.ks.tags.dead > 0 || a.s.alert&alertPurge != 0 {
		if a.ks.killed(a.hash, it, tx.e.seq) {
			tx.endKilled(db, key, a)
			return true
		}
	}
	if it.HasParts() && tx.expireFields(db, key, a, 1<<30) {
		return true
	}
	if a.s.taken != 0 && !tx.ReadOnly {
		a.s.preserve(a.ks, a.slot)
	}
	return false
}

// endKilled ends the key at a, which an invalidation has ended. That is no effect: the
// invalidation was one.
func (tx *Tx) endKilled(db int, key []byte, a at) {
	a.s.stats.Invalidated++
	tx.removeEnded(db, key, a, wasDeleted, EventDel)
}

// A PurgeWatcher is a Watcher that hears of invalidations.
type PurgeWatcher interface {
	// Purged is called under the lock of the whole keyspace: keys of a database are gone,
	// or stale if soft is set; those with a prefix, or any if prefix is nil. They are not
	// told one by one before a look-up or the sweep finds them.
	Purged(tx *Tx, db int, prefix []byte, soft bool)
}

// InvalidateTags ends all items of the database that have one of the tags, for every
// look-up from now on; with sinceMS, not 0, they are stale since then instead. It returns
// how many items have them, those included that have expired and were not removed yet, and
// those with several of the tags for each. The whole keyspace is locked.
func (tx *Tx) InvalidateTags(names []string, sinceMS int64) (n int) {
	tx.e.seq++
	for i := range tx.e.shards {
		ks := &tx.e.shards[i].dbs[tx.DB]
		for _, name := range names {
			n += ks.tags.invalidate(name, tx.e.seq, sinceMS, tx.NowMS)
			ks.fence(name, tx.e.seq)
		}
	}
	if n > 0 {
		tx.purged(nil, sinceMS != 0)
	}
	return n
}

// PurgePrefix ends all items of the database whose keys begin with prefix, for every look-up
// from now on; with sinceMS, not 0, they are stale since then instead. It fails with
// ErrPurges. The whole keyspace is locked.
func (tx *Tx) PurgePrefix(prefix []byte, sinceMS int64) error {
	for i := range tx.e.shards {
		s := &tx.e.shards[i]
		for ks := &s.dbs[tx.DB]; !ks.purges.room(prefix); {
			if !tx.Applying { // what has happened cannot be refused
				return ErrPurges
			}
			tx.sweepKilledSegment(s, tx.DB)
		}
	}
	tx.e.seq++
	for i := range tx.e.shards {
		s := &tx.e.shards[i]
		ks := &s.dbs[tx.DB]
		ks.fencePrefix(prefix, tx.e.seq)
		if ks.keys.Len() > 0 {
			ks.purges.add(prefix, tx.e.seq, sinceMS, s.taken != 0)
			s.watchPurges(tx.e)
		}
	}
	tx.purged(prefix, sinceMS != 0)
	return nil
}

func (tx *Tx) purged(prefix []byte, soft bool) {
	tx.dirty++
	for _, w := range tx.e.purged {
		w.Purged(tx, tx.DB, prefix, soft)
	}
}

// sweepKilled looks at some segments of a database for what invalidations have ended or
// made stale. It reports whether there was much to end.
func (tx *Tx) sweepKilled(s *shard, db int) (more bool) {
	ks := &s.dbs[db]
	for range purgeSegments {
		if !ks.pending() {
			break
		}
		if tx.sweepKilledSegment(s, db) >= sweepBacklog {
			more = true
			break
		}
	}
	ks.tags.tidy()
	s.watchPurges(tx.e)
	return more && ks.pending()
}

// sweepKilledSegment ends what is gone in the segment where the sweep is, and moves on
// unless there is more of it.
func (tx *Tx) sweepKilledSegment(s *shard, db int) (ended int) {
	ks := &s.dbs[db]
	var gone [sweepMost]table.Item
	all := true
	next := ks.keys.Walk(ks.purges.at, func(slot table.Slot) {
		it := table.ItemOf(slot)
		if !it.Extended() && len(ks.purges.lengths) == 0 {
			return
		}
		hash := table.Hash(it.Key())
		switch {
		case !ks.killed(hash, it, tx.e.seq):
			if s.softened(ks, hash, it) != 0 {
				s.preserve(ks, slot)
				m := s.fullMeta(ks, hash, table.ItemOf(slot))
				tx.extend(&at{s, ks, hash, slot}, &m)
			}
		case ended < len(gone):
			gone[ended] = it
			ended++
		default:
			all = false
		}
	})
	for _, it := range gone[:ended] {
		hash := table.Hash(it.Key())
		tx.key = append(tx.key[:0], it.Key()...)
		tx.endKilled(db, tx.key, at{s, ks, hash, ks.keys.FindItem(hash, it.Addr())})
	}
	if all {
		ks.purges.advance(next)
	}
	return ended
}

// helpSweep sweeps a little where there are many keys set since a purge.
func (tx *Tx) helpSweep(s *shard) {
	if len(s.claims) > 0 {
		return
	}
	saved := tx.DB
	for db := range s.dbs {
		if len(s.dbs[db].purges.born) > bornMost {
			tx.DB = db
			tx.sweepKilledSegment(s, db)
		}
	}
	tx.DB = saved
	s.watchPurges(tx.e)
}
