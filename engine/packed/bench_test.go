package packed

import (
	"fmt"
	"testing"
)

// hashOf returns a packed hash of n fields and values of 16 bytes.
func hashOf(n int) []byte {
	b := Init(make([]byte, HeaderBytes+n*36))
	for i := range n {
		b = Append(b, fmt.Appendf(nil, "field:%010d", i), fmt.Appendf(nil, "value:%010d", i))
	}
	return b
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{5, 64, 512} {
		b.Run(fmt.Sprint("last-of-", n), func(b *testing.B) {
			h := hashOf(n)
			key := fmt.Appendf(nil, "field:%010d", n-1)
			for b.Loop() {
				if Find(h, First(h), key, 1) == 0 {
					b.Fatal("lost")
				}
			}
			b.ReportMetric(float64(len(h))/float64(2*n), "B/entry")
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, text := range []string{"a sixteen letter", "12345"} {
		b.Run(text[:1], func(b *testing.B) {
			store, s := make([]byte, 8<<10), []byte(text)
			seq := Init(store)
			for b.Loop() {
				if len(seq) > 8000 {
					seq = Init(store)
				}
				seq = Append(seq, s)
			}
			b.ReportMetric(float64(Size(s)), "B/entry")
		})
	}
}

func BenchmarkReplaceInt(b *testing.B) {
	h := hashOf(8)
	h = append(h, make([]byte, 16)...)[:len(h)]
	p, i := Seek(h, 7), int64(0)
	for b.Loop() {
		h = ReplaceInt(h, p, i&0xffff)
		i++
	}
}

func BenchmarkPushPopFront(b *testing.B) {
	h := hashOf(100)
	h = append(h, make([]byte, 32)...)[:len(h)]
	s := []byte("a sixteen letter")
	for b.Loop() {
		h = Insert(h, HeaderBytes, s)
		h = Delete(h, HeaderBytes, 1)
	}
}

func BenchmarkWalk(b *testing.B) {
	h := hashOf(50)
	out := make([]byte, 0, 4096)
	for b.Loop() {
		out = out[:0]
		for p := First(h); p != 0; p = Next(h, p) {
			out = Get(h, p).AppendTo(out)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/entry")
}

func BenchmarkIntSetContains(b *testing.B) {
	s := InitIntSet(make([]byte, 8<<10))
	for i := range int64(512) {
		s, _ = s.Add(i * 1000)
	}
	i := int64(0)
	for b.Loop() {
		if !s.Contains(i & 511 * 1000) {
			b.Fatal("lost")
		}
		i++
	}
	b.ReportMetric(float64(len(s))/512, "B/entry")
}
