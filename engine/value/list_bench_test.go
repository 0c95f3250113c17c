package value

import (
	"fmt"
	"testing"

	"cached/engine/table"
)

// benchLists are a list of elements of one length and one of mixed lengths, both
// large.
func benchLists(b *testing.B, f func(b *testing.B, l ListRef, elem func(i int) []byte)) {
	even := func(i int) []byte { return fmt.Appendf(nil, "element:%08d", i) }
	mixed := func(i int) []byte { return fmt.Appendf(nil, "element:%0*d", 4+i%9, i) }
	for i, elem := range []func(int) []byte{even, mixed} {
		b.Run([]string{"even", "mixed"}[i], func(b *testing.B) {
			h := newHeap()
			slot := uint64(table.NewItem(h, Kind(List, Packed), 0, boxKey, NewListBytes, 0).Addr())
			l := ListRef{Ref{Heap: h, Slot: &slot}, &DefaultLimits}
			l.Init()
			for i := range 10000 {
				e := elem(i)
				l.Room(len(e), 1)
				l.Push(e, true)
			}
			b.ReportAllocs()
			f(b, l, elem)
		})
	}
}

func BenchmarkListPushPop(b *testing.B) {
	for _, back := range []bool{false, true} {
		b.Run(map[bool]string{false: "front", true: "back"}[back], func(b *testing.B) {
			benchLists(b, func(b *testing.B, l ListRef, elem func(int) []byte) {
				var some [64][]byte
				for i := range some {
					some[i] = elem(i)
				}
				for i := 0; b.Loop(); i++ {
					l.Push(some[i%len(some)], back)
					if i%512 == 511 { // a few chunks come and go
						for range 512 {
							l.Pop(back)
						}
					}
				}
			})
		})
	}
}

// The end chunk is full most of the time.
func BenchmarkListPushPopOne(b *testing.B) {
	benchLists(b, func(b *testing.B, l ListRef, elem func(int) []byte) {
		e := elem(5)
		for range 100 {
			l.Push(e, false)
		}
		for b.Loop() {
			l.Push(e, false)
			l.Pop(false)
		}
	})
}

func BenchmarkListQueue(b *testing.B) {
	benchLists(b, func(b *testing.B, l ListRef, elem func(int) []byte) {
		e := elem(5)
		for b.Loop() {
			l.Push(e, true)
			l.Pop(false)
		}
	})
}

func BenchmarkListRange(b *testing.B) {
	benchLists(b, func(b *testing.B, l ListRef, elem func(int) []byte) {
		n := 0
		for i := 0; b.Loop(); i++ {
			l.Range(i*37%9000, 100, false, func(e Elem) bool {
				n += e.Len()
				return true
			})
		}
	})
}

func BenchmarkListIndex(b *testing.B) {
	benchLists(b, func(b *testing.B, l ListRef, elem func(int) []byte) {
		n := 0
		for i := 0; b.Loop(); i++ {
			e := l.Index(i * 37 % 9000)
			n += e.Len()
		}
	})
}
