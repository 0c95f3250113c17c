package value

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"

	"cached/engine/arena"
	"cached/engine/packed"
	"cached/engine/table"
	"cached/engine/tree"
)

// A small sorted set is a sequence member, score, member, score ... in order
// (Packed). A score is an integer where it is one, else the eight bytes of its
// float and a zero. A large one is a root (SkipList): its items have the members as keys and
// the eight bytes of the score as values, and are in the tree by score, members
// deciding between equal ones.

// A ZSetRef is a sorted set in its item.
type ZSetRef struct {
	Ref
	Limits *Limits
}

// NewZSetBytes is the size of the value of an empty sorted set, which Init fills
// in.
const NewZSetBytes = packed.HeaderBytes

// Init makes an empty sorted set of a value of NewZSetBytes.
func (z ZSetRef) Init() { packed.Init(z.Bytes()) }

// Len is the number of members.
func (z ZSetRef) Len() int { return ZSetLen(z.Item()) }

// ZSetLen is the number of members of a sorted set.
func ZSetLen(it table.Item) int {
	if isRoot(it) {
		return rootLen(it)
	}
	return packed.Len(it.Value()) / 2
}

// scoreAt is the score in the entry at p.
func scoreAt(b []byte, p int) float64 {
	e := packed.Get(b, p)
	if n, ok := e.Int(); ok {
		return float64(n)
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(e.Bytes()))
}

// scoreEntry is the entry for a score, in buf.
func scoreEntry(f float64, buf []byte) []byte {
	if n := int64(f); float64(n) == f && n > -1<<53 && n < 1<<53 { // -0 becomes 0, as in Redis
		return Number(n).Append(buf[:0])
	}
	binary.LittleEndian.PutUint64(buf[:8], math.Float64bits(f))
	buf[8] = 0 // with this last byte it never looks like an integer
	return buf[:9]
}

func itemScore(it table.Item) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(it.Value()))
}

// tieOf orders members with equal scores.
func tieOf(member []byte) tree.Tie {
	return func(ref uint64) int { return bytes.Compare(member, table.ItemAt(arena.Addr(ref)).Key()) }
}

// Score returns the score of a member.
func (z ZSetRef) Score(member []byte) (float64, bool) { return ZSetScore(z.Item(), member) }

// ZSetScore returns the score of a member of a sorted set.
func ZSetScore(it table.Item, member []byte) (float64, bool) {
	if isRoot(it) {
		slot := rootOf(it).find(member)
		if slot == nil {
			return 0, false
		}
		return itemScore(table.ItemOf(slot)), true
	}
	b := it.Value()
	p := packed.Find(b, packed.First(b), member, 1)
	if p == 0 {
		return 0, false
	}
	return scoreAt(b, packed.Next(b, p)), true
}

// Set gives a member a score, which is not NaN, and adds it if it is not there.
// member must not alias the set.
func (z ZSetRef) Set(member []byte, score float64) (added bool) {
	if z.isRoot() {
		return z.setItem(member, score)
	}
	b := z.Bytes()
	if p := packed.Find(b, packed.First(b), member, 1); p != 0 {
		b = packed.Delete(b, p, 2)
	} else {
		if packed.Len(b)/2 >= z.Limits.ZSetEntries || len(member) > z.Limits.ZSetValue {
			z.toRoot()
			return z.setItem(member, score)
		}
		added = true
	}
	var buf [20]byte
	text := scoreEntry(score, buf[:])
	at := len(b)
	for p := packed.First(b); p != 0; p = packed.Skip(b, p, 2) {
		if s := scoreAt(b, packed.Next(b, p)); s > score || s == score && packed.Get(b, p).Compare(member) > 0 {
			at = p
			break
		}
	}
	n := len(b)
	b = z.Resize(n + packed.Size(member, text))[:n]
	packed.Insert(b, at, member, text)
	return added
}

// IsSmall reports whether the set is one packed block.
func (z ZSetRef) IsSmall() bool { return !z.isRoot() }

func (z ZSetRef) isRoot() bool { return isRoot(z.Item()) }

func (z ZSetRef) setItem(member []byte, score float64) (added bool) {
	r, hash := rootOf(z.Item()), table.Hash(member)
	slot := r.items.Find(hash, member)
	if slot == nil {
		z.addItem(r, hash, member, score)
		return true
	}
	it := table.ItemOf(slot)
	old := itemScore(it)
	if old != score {
		r.order.SetKey(z.Heap, tree.FloatKey(old), uint64(it.Addr()), tieOf(member), tree.FloatKey(score))
	}
	binary.LittleEndian.PutUint64(it.Value(), math.Float64bits(score))
	return false
}

func (z ZSetRef) addItem(r *root, hash uint64, member []byte, score float64) {
	it := table.NewItem(z.Heap, 0, 0, member, 8, 0)
	binary.LittleEndian.PutUint64(it.Value(), math.Float64bits(score))
	r.items.Insert(z.Heap, hash, it)
	r.order.Insert(z.Heap, tree.FloatKey(score), uint64(it.Addr()), tieOf(member))
}

// toRoot turns a small sorted set into a large one.
func (z ZSetRef) toRoot() {
	a := newRoot(z.Heap)
	r := arena.At[root](a)
	var buf [20]byte
	EachZSet(z.Item(), func(member Elem, score float64) bool {
		m := member.Bytes(buf[:])
		z.addItem(r, table.Hash(m), m, score)
		return true
	})
	z.setRoot(a, SkipList)
}

// Remove removes a member and reports whether it was one. member may not alias
// the set.
func (z ZSetRef) Remove(member []byte) bool {
	if !z.isRoot() {
		b := z.Bytes()
		p := packed.Find(b, packed.First(b), member, 1)
		if p == 0 {
			return false
		}
		z.Resize(len(packed.Delete(b, p, 2)))
		return true
	}
	r, hash := rootOf(z.Item()), table.Hash(member)
	slot := r.items.Find(hash, member)
	if slot == nil {
		return false
	}
	it := table.ItemOf(slot)
	r.order.Delete(z.Heap, tree.FloatKey(itemScore(it)), uint64(it.Addr()), tieOf(member))
	r.items.Delete(z.Heap, hash, slot)
	it.Free(z.Heap)
	return true
}

// RemoveRange removes n members from the one with rank first on.
func (z ZSetRef) RemoveRange(first, n int) {
	if n <= 0 {
		return
	}
	if !z.isRoot() {
		z.Resize(len(packed.DeleteRange(z.Bytes(), first*2, n*2)))
		return
	}
	r := rootOf(z.Item())
	r.order.DeleteRange(z.Heap, uint64(first), uint64(n), func(ref uint64) {
		it := table.ItemAt(arena.Addr(ref))
		hash := table.Hash(it.Key())
		r.items.Delete(z.Heap, hash, r.items.Find(hash, it.Key()))
		it.Free(z.Heap)
	})
}

// Rank returns how many members come before a member, and its score.
func (z ZSetRef) Rank(member []byte) (rank int, score float64, found bool) {
	if z.isRoot() {
		r := rootOf(z.Item())
		slot := r.find(member)
		if slot == nil {
			return 0, 0, false
		}
		score = itemScore(table.ItemOf(slot))
		n, _ := r.order.Rank(tree.FloatKey(score), tieOf(member))
		return int(n), score, true
	}
	b := z.Bytes()
	for p := packed.First(b); p != 0; p = packed.Skip(b, p, 2) {
		if packed.Get(b, p).Equal(member) {
			return rank, scoreAt(b, packed.Next(b, p)), true
		}
		rank++
	}
	return 0, 0, false
}

// Below is how many members have a score below f, or not above it with equal.
func (z ZSetRef) Below(f float64, equal bool) int {
	if z.isRoot() {
		key := tree.FloatKey(f)
		if equal {
			return int(rootOf(z.Item()).order.RankWhere(func(k, _ uint64) bool { return k <= key }))
		}
		return int(rootOf(z.Item()).order.RankKey(key))
	}
	n := 0
	b := z.Bytes()
	for p := packed.First(b); p != 0; p = packed.Skip(b, p, 2) {
		if s := scoreAt(b, packed.Next(b, p)); s > f || s == f && !equal {
			break
		}
		n++
	}
	return n
}

// Before is how many members come before b in the order of their bytes, or are b
// with equal. All scores are the same, or the result means nothing.
func (z ZSetRef) Before(b []byte, equal bool) int {
	stop := 0
	if equal {
		stop = 1
	}
	if z.isRoot() {
		return int(rootOf(z.Item()).order.RankWhere(func(_, ref uint64) bool {
			return bytes.Compare(table.ItemAt(arena.Addr(ref)).Key(), b) < stop
		}))
	}
	n := 0
	v := z.Bytes()
	for p := packed.First(v); p != 0; p = packed.Skip(v, p, 2) {
		if packed.Get(v, p).Compare(b) >= stop {
			break
		}
		n++
	}
	return n
}

// Range visits n members from the one with rank first on, backwards if rev, until
// visit returns false. visit must not change the set.
func (z ZSetRef) Range(first, n int, rev bool, visit func(member Elem, score float64) bool) {
	if n <= 0 {
		return
	}
	if z.isRoot() {
		at, _ := rootOf(z.Item()).order.At(uint64(first))
		for ; n > 0 && at.Valid(); n-- {
			it := table.ItemAt(arena.Addr(at.Ref()))
			if !visit(Text(it.Key()), itemScore(it)) {
				return
			}
			if rev {
				at = at.Prev()
			} else {
				at = at.Next()
			}
		}
		return
	}
	b := z.Bytes()
	for p := packed.Seek(b, first*2); n > 0 && p != 0; n-- {
		if !visit(elemAt(b, p), scoreAt(b, packed.Next(b, p))) {
			return
		}
		if !rev {
			p = packed.Skip(b, p, 2)
		} else if p = packed.Prev(b, p); p != 0 {
			p = packed.Prev(b, p)
		}
	}
}

// Each visits the members in order until visit returns false; visit must not
// change the set.
func (z ZSetRef) Each(visit func(member Elem, score float64) bool) { EachZSet(z.Item(), visit) }

// EachZSet visits the members of a sorted set as ZSetRef.Each does.
func EachZSet(it table.Item, visit func(member Elem, score float64) bool) {
	if isRoot(it) {
		for at := rootOf(it).order.First(); at.Valid(); at = at.Next() {
			x := table.ItemAt(arena.Addr(at.Ref()))
			if !visit(Text(x.Key()), itemScore(x)) {
				return
			}
		}
		return
	}
	b := it.Value()
	for p := packed.First(b); p != 0; p = packed.Skip(b, p, 2) {
		if !visit(elemAt(b, p), scoreAt(b, packed.Next(b, p))) {
			return
		}
	}
}

// Scan visits members from cursor on, as HashRef.Scan does.
func (z ZSetRef) Scan(cursor uint64, count int, visit func(member Elem, score float64)) uint64 {
	if !z.isRoot() {
		z.Each(func(m Elem, f float64) bool { visit(m, f); return true })
		return 0
	}
	return scanRoot(z.Item(), cursor, count, func(x table.Item) { visit(Text(x.Key()), itemScore(x)) })
}

// Random returns a member such that each is as likely as any other; the set is
// not empty.
func (z ZSetRef) Random() (member Elem, score float64) {
	if z.isRoot() {
		x := rootOf(z.Item()).items.Random(rand.Uint64)
		return Text(x.Key()), itemScore(x)
	}
	b := z.Bytes()
	p := packed.Seek(b, rand.IntN(packed.Len(b)/2)*2)
	return elemAt(b, p), scoreAt(b, packed.Next(b, p))
}

func freeZSet(h *arena.Heap, it table.Item, budget int) bool { return freeRoot(h, it, budget) }

func zsetEffort(it table.Item) int { return rootEffort(it) }

func copyZSet(to *arena.Heap, it, c table.Item) {
	copyRoot(to, it, c, func(r *root, x table.Item) {
		r.order.Insert(to, tree.FloatKey(itemScore(x)), uint64(x.Addr()), tieOf(x.Key()))
	})
}

func zsetBytes(it table.Item, samples int) int64 { return rootMemory(it, samples) }
