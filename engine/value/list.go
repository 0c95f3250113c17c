package value

import (
	"cached/engine/arena"
	"cached/engine/packed"
	"cached/engine/table"
)

// A small list is a sequence of its elements (Packed). A large one is a root of
// chunks (Chunks), see listRoot.

// A ListRef is a list in its item.
type ListRef struct {
	Ref
	Limits *Limits
}

// NewListBytes is the size of the value of an empty list, which Init fills in.
const NewListBytes = packed.HeaderBytes

// Init makes an empty list of a value of NewListBytes.
func (l ListRef) Init() { packed.Init(l.Bytes()) }

func (l ListRef) isLarge() bool { return EncodingOf(l.Item()) == Chunks }

// Len is the number of elements.
func (l ListRef) Len() int { return ListLen(l.Item()) }

// ListLen is the number of elements of a list.
func ListLen(it table.Item) int {
	if EncodingOf(it) == Chunks {
		return int(listRootOf(it).count)
	}
	return packed.Len(it.Value())
}

// listpackHeader is by how much Redis's small lists are larger than ours: their
// size decides when a list becomes a large one.
const listpackHeader = 7 - packed.HeaderBytes

// exceeds reports whether a small list may not have this size in bytes and
// elements.
func (m *Limits) exceeds(bytes, elements int) bool {
	if m.ListSize >= 0 {
		return elements > max(m.ListSize, 1) || bytes > 8<<10
	}
	return bytes > 4<<10<<(min(-m.ListSize, 5)-1)
}

// Room prepares a small list for the given numbers of further bytes and elements: it becomes a large one if they
// are too many.
func (l ListRef) Room(bytes, elements int) {
	if l.isLarge() {
		return
	}
	b := l.Bytes()
	if l.Limits.exceeds(len(b)+listpackHeader+bytes, packed.Len(b)+elements) {
		l.toChunks()
	}
}

// Push adds an element, which must not alias the list, at one end. Room comes
// before.
func (l ListRef) Push(b []byte, back bool) {
	if l.isLarge() {
		listRootOf(l.Item()).push(l.Heap, b, back)
		return
	}
	n := len(l.Bytes())
	v := l.Resize(n + packed.Size(b))[:n]
	if back {
		packed.Append(v, b)
	} else if p := packed.First(v); p != 0 {
		packed.Insert(v, p, b)
	} else {
		packed.Append(v, b)
	}
}

// End returns the element at one end of a list that is not empty.
func (l ListRef) End(back bool) Elem {
	if l.isLarge() {
		return listRootOf(l.Item()).end(back).elem(edge(back))
	}
	b := l.Bytes()
	if back {
		return elemAt(b, packed.Last(b))
	}
	return elemAt(b, packed.First(b))
}

// Pop removes the element at one end.
func (l ListRef) Pop(back bool) {
	if l.isLarge() {
		listRootOf(l.Item()).pop(l.Heap, back)
		l.shrink()
		return
	}
	b := l.Bytes()
	p := packed.First(b)
	if back {
		p = packed.Last(b)
	}
	l.Resize(len(packed.Delete(b, p, 1)))
}

// Index returns the i-th element, counted from 0; it is there.
func (l ListRef) Index(i int) Elem {
	if l.isLarge() {
		c, j, _ := listRootOf(l.Item()).at(i)
		return c.elem(j)
	}
	b := l.Bytes()
	return elemAt(b, packed.Seek(b, i))
}

// Set replaces the i-th element.
func (l ListRef) Set(i int, b []byte) {
	if l.isLarge() {
		listRootOf(l.Item()).set(l.Heap, i, b)
		return
	}
	v := l.Bytes()
	n, p := len(v), packed.Seek(v, i)
	if d := packed.ReplaceGrowth(v, p, b); d > 0 {
		v = l.Resize(n + d)[:n]
	}
	l.Resize(len(packed.Replace(v, p, b)))
}

// Insert adds an element in front of the i-th, or at the end. Room comes before.
func (l ListRef) Insert(i int, b []byte) {
	if l.isLarge() {
		listRootOf(l.Item()).insert(l.Heap, i, b)
		return
	}
	n := len(l.Bytes())
	v := l.Resize(n + packed.Size(b))[:n]
	p := packed.Seek(v, i)
	if p == 0 {
		p = n
	}
	packed.Insert(v, p, b)
}

// Remove removes n elements from the i-th on.
func (l ListRef) Remove(i, n int) {
	if n <= 0 {
		return
	}
	if l.isLarge() {
		listRootOf(l.Item()).remove(l.Heap, i, n)
		l.shrink()
		return
	}
	l.Resize(len(packed.DeleteRange(l.Bytes(), i, n)))
}

// Range visits n elements from the i-th on, backwards if rev, until visit returns
// false. visit must not change the list.
func (l ListRef) Range(i, n int, rev bool, visit func(Elem) bool) {
	if n <= 0 {
		return
	}
	if l.isLarge() {
		listRootOf(l.Item()).visit(i, n, rev, visit)
		return
	}
	b := l.Bytes()
	visitSeq(b, packed.Seek(b, i), n, rev, visit)
}

// visitSeq visits at most n entries from p on and returns how many it did, or -1
// when visit returned false.
func visitSeq(b []byte, p, n int, rev bool, visit func(Elem) bool) (seen int) {
	for ; p != 0 && seen < n; seen++ {
		if !visit(elemAt(b, p)) {
			return -1
		}
		if rev {
			p = packed.Prev(b, p)
		} else {
			p = packed.Next(b, p)
		}
	}
	return seen
}

// EachList visits the elements of a list until visit returns false.
func EachList(it table.Item, visit func(Elem) bool) {
	if EncodingOf(it) == Chunks {
		r := listRootOf(it)
		r.visit(0, int(r.count), false, visit)
		return
	}
	b := it.Value()
	visitSeq(b, packed.First(b), 1<<62, false, visit)
}

// toChunks turns a small list into a large one.
func (l ListRef) toChunks() {
	a := newListRoot(l.Heap)
	r := arena.At[listRoot](a)
	var buf [20]byte
	EachList(l.Item(), func(e Elem) bool {
		r.push(l.Heap, e.Bytes(buf[:]), true)
		return true
	})
	l.setRoot(a, Chunks)
}

// shrink turns a large list that has become small into a small one: at half the limit of a small one, so that it
// does not change back and forth.
func (l ListRef) shrink() {
	r := listRootOf(l.Item())
	bytes := int(r.bytes) + packed.HeaderBytes
	if r.chunks.Len() > 0 || l.Limits.exceeds(2*(bytes+listpackHeader), 2*int(r.count)) {
		return
	}
	b := packed.Init(make([]byte, 0, bytes))
	for _, c := range []chunk{r.head, r.tail} {
		if c != 0 {
			b = c.appendTo(b)
			c.free(l.Heap)
		}
	}
	l.Heap.Free(listRootAddr(l.Item()), listRootBytes)
	copy(l.Resize(len(b)), b)
	l.SetEncoding(Packed)
}
