package value

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"cached/engine/packed"
	"cached/engine/table"
)

// eachChunk visits the chunks of a large list in order.
func eachChunk(it table.Item, visit func(c chunk, weight int)) {
	r := listRootOf(it)
	if r.head != 0 {
		visit(r.head, r.head.len())
	}
	if r.chunks.Len() > 0 {
		for at := r.chunks.First(); at.Valid(); at = at.Next() {
			visit(chunk(at.Ref()), int(at.Key()))
		}
	}
	if r.tail != 0 {
		visit(r.tail, r.tail.len())
	}
}

// checkChunks checks what the heads of chunks and the root say against the
// elements.
func checkChunks(t *testing.T, it table.Item) {
	t.Helper()
	if EncodingOf(it) != Chunks {
		return
	}
	count, size := 0, 0
	eachChunk(it, func(c chunk, weight int) {
		hd := c.head()
		n, bytes := 0, 0
		c.visit(0, 1<<30, false, func(e Elem) bool {
			n++
			text := e.Append(nil)
			bytes += packed.Size(text)
			_, isInt := e.Int()
			if _, want := ParseInt(text); isInt != want {
				t.Fatalf("%q is an integer: %v", text, isInt)
			}
			return true
		})
		count += n
		size += bytes
		switch {
		case n == 0 || n != weight || n != c.len() || bytes != c.entryBytes():
			t.Fatalf("a chunk of %d elements of %d bytes has a length of %d, %d bytes and weighs %d", n, bytes, c.len(), c.entryBytes(), weight)
		case hd.start+hd.used > hd.room || hd.each != 0 && int(hd.each)*n != int(hd.used):
			t.Fatalf("a chunk of %d elements has %+v", n, *hd)
		}
	})
	if r := listRootOf(it); count != int(r.count) || size != int(r.bytes) {
		t.Fatalf("%d elements of %d bytes in chunks, the root says %d and %d", count, size, r.count, r.bytes)
	}
}

// A chunkList is a large list for a test to edit.
type chunkList struct {
	*box
	ListRef
}

func newChunkList(t *testing.T) chunkList {
	b := newBox(t)
	l := ListRef{b.create(List, Packed, NewListBytes), &Limits{ListSize: 1}}
	l.Init()
	l.Room(0, 2)
	return chunkList{b, l}
}

// forms counts the chunks of each form, and their blocks' bytes.
func (l chunkList) forms() (uniform, packed, bytes int) {
	eachChunk(l.Item(), func(c chunk, _ int) {
		if c.head().each != 0 {
			uniform++
		} else {
			packed++
		}
		bytes += c.blockBytes()
	})
	return uniform, packed, bytes
}

// Each way to put elements together leaves chunks that are well filled, in the
// form that is smaller.
func TestChunksAreUniformWhereThatIsSmaller(t *testing.T) {
	const n = 20000
	word := func(i, each int) []byte { return fmt.Appendf(nil, "%c%0*d", 'a'+i%26, each-1, i%10000) }
	for _, c := range []struct {
		name            string
		elem            func(i int) []byte
		uniform, packed bool
		most            float64 // bytes per element
	}{
		{"of one length", func(i int) []byte { return word(i, 16) }, true, false, 16.3},
		{"of alternating lengths", func(i int) []byte { return word(i, 15+i%2) }, false, true, 18.2},
		{"of a length that changes", func(i int) []byte { return word(i, 10+i/5000) }, true, true, 12},
		{"few of another length", func(i int) []byte { return word(i, 15+i%1000/999) }, true, true, 16.2},
		{"integers", func(i int) []byte { return fmt.Append(nil, 1e9+i) }, false, true, 6.3},
		{"few integers", func(i int) []byte {
			if i%100 == 99 {
				return fmt.Append(nil, 1e7+i)
			}
			return word(i, 8)
		}, true, false, 8.2},
		{"digits", func(i int) []byte { return fmt.Append(nil, i%10) }, true, false, 1.1},
		{"long ones", func(i int) []byte { return word(i, uniformMost+1) }, false, true, 560},
	} {
		for _, back := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, back %v", c.name, back), func(t *testing.T) {
				l := newChunkList(t)
				for i := range n {
					l.Push(c.elem(i), back)
				}
				checkChunks(t, l.Item())
				uniform, packed, bytes := l.forms()
				if uniform > 1 != c.uniform || packed > 0 != c.packed {
					t.Errorf("%d uniform chunks and %d packed ones", uniform, packed)
				}
				if per := float64(bytes) / n; per > c.most {
					t.Errorf("%.2f bytes an element", per)
				}
			})
		}
	}
}

// Inserting in front of the element with which a full chunk begins made a chunk of
// each element.
func TestInsertsAtOnePlaceShareChunks(t *testing.T) {
	for _, odd := range []string{"0123456789abcdef", "odd"} {
		for _, step := range []int{0, 1} {
			l := newChunkList(t)
			for range 5000 {
				l.Push([]byte("an even element."), true)
			}
			at := 0
			eachChunk(l.Item(), func(c chunk, weight int) {
				if at < 1000 {
					at += weight
				}
			})
			before, _, _ := l.forms()
			for i := range 1000 {
				l.Insert(at+i*step, []byte(odd))
			}
			checkChunks(t, l.Item())
			if uniform, packed, _ := l.forms(); uniform+packed > before+10 {
				t.Errorf("%q: %d chunks became %d and %d", odd, before, uniform, packed)
			}
			for i := range 1000 {
				if !l.Index(at + i).Equal([]byte(odd)) {
					t.Fatalf("%q: element %d is %q", odd, at+i, l.Index(at+i).Append(nil))
				}
			}
		}
	}
}

// Integers among the strings of a uniform chunk count for what they take as
// entries, in each part that it is split into, and are integers to who reads them.
func TestUniformChunksHoldIntegers(t *testing.T) {
	l := newChunkList(t)
	var model [][]byte
	elem := func(i int) []byte {
		if i%50 == 7 {
			return fmt.Append(nil, 10000000+i)
		}
		return fmt.Appendf(nil, "s%07d", i)
	}
	for i := range 3000 {
		l.Push(elem(i), true)
		model = append(model, elem(i))
	}
	if uniform, packed, _ := l.forms(); packed > 0 || uniform < 6 {
		t.Fatalf("%d uniform chunks and %d packed ones", uniform, packed)
	}
	for i := 100; i < 3000; i += 171 {
		l.Insert(i, elem(i)) // into full chunks
		model = slices.Insert(model, i, elem(i))
		checkChunks(t, l.Item())
	}
	for i := 7; i < 3000; i += 50 {
		if _, isInt := l.Index(slices.IndexFunc(model, func(b []byte) bool { return bytes.Equal(b, elem(i)) })).Int(); !isInt {
			t.Fatalf("%q is no integer", elem(i))
		}
	}
	for i, want := range model {
		if !l.Index(i).Equal(want) {
			t.Fatalf("element %d is %q, want %q", i, l.Index(i).Append(nil), want)
		}
	}
}

// An element of another length in the middle of a full chunk costs a chunk, but no
// room that stays free.
func TestOddElementsInTheMiddleLeaveNoGaps(t *testing.T) {
	const n = 20000
	l := newChunkList(t)
	for range n {
		l.Push([]byte("sixteen letters."), true)
	}
	for i := 50; i < n; i += 117 {
		l.Set(i, []byte("odd"))
	}
	checkChunks(t, l.Item())
	if _, _, size := l.forms(); float64(size)/n > 19.5 {
		t.Errorf("%.2f bytes an element", float64(size)/n)
	}
}

// Where elements come at one end of a chunk and go at the other, those that stay
// are moved within it only when they have left room that is worth it.
func TestQueuesDoNotMoveWhatStays(t *testing.T) {
	for _, n := range []int{20, 120, 210, 235, 239} {
		l := newChunkList(t)
		push := func() { l.Push([]byte("sixteen letters."), true) }
		for range n {
			push()
		}
		r := listRootOf(l.Item())
		const times = 20000
		last, moved := r.tail, 0
		for range times {
			l.Pop(false)
			start := uint32(0)
			if r.tail == last {
				start = last.head().start
			}
			push()
			if r.tail == last && last.head().start < start {
				moved += int(last.head().used)
			}
			last = r.tail
		}
		if moved > 10*16*times {
			t.Errorf("%d elements: %d bytes were moved for each that came", n, moved/times)
		}
	}
}

// In a queue, or where elements come and go at one end, no chunk is moved for
// each of them: the elements that stay do so, in chunks that stay full.
func TestQueuesKeepTheirChunksFull(t *testing.T) {
	for _, back := range []bool{true, false} {
		l := newChunkList(t)
		elem := func(i int) []byte { return fmt.Appendf(nil, "%0*d", 12+i/7000, i) }
		const n = 3000
		for i := range 20000 {
			l.Push(elem(i), back)
			if i >= n {
				if want := elem(i - n); !l.End(!back).Equal(want) {
					t.Fatalf("%q instead of %q", l.End(!back).Append(nil), want)
				}
				l.Pop(!back)
			}
		}
		checkChunks(t, l.Item())
		// The two ends may be little used.
		if _, _, bytes := l.forms(); bytes > 2*chunkMost+n*16 {
			t.Errorf("%d elements in blocks of %d bytes", n, bytes)
		}
	}
}

// An element that takes as much room as the one it replaces is written over it.
func TestReplacingInPlaceKeepsChunks(t *testing.T) {
	l := newChunkList(t)
	for i := range 2000 {
		if i < 1000 {
			l.Push(fmt.Appendf(nil, "even:%05d", i), true)
		} else {
			l.Push(fmt.Appendf(nil, "odd:%d", i*i), true)
		}
	}
	uniform, packed, size := l.forms()
	for i := range 2000 {
		e := l.Index(i).Append(nil)
		l.Set(i, bytes.ToUpper(e))
		if !l.Index(i).Equal(bytes.ToUpper(e)) {
			t.Fatalf("element %d is %q", i, l.Index(i).Append(nil))
		}
	}
	checkChunks(t, l.Item())
	if u, p, s := l.forms(); u != uniform || p != packed || s != size {
		t.Errorf("%d uniform chunks, %d packed ones, %d bytes; were %d, %d, %d", u, p, s, uniform, packed, size)
	}
}
