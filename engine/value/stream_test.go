package value

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"cached/engine/table"
)

func TestStreamsAreLikeSortedSlices(t *testing.T) {
	type entry struct {
		id   StreamID
		text string
	}
	show := func(e StreamEntry) entry {
		s := ""
		e.Each(func(name, v []byte) { s += fmt.Sprintf("%q=%q ", name, v) })
		return entry{e.ID, s}
	}
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		b := newBox(t)
		lim := &Limits{StreamNodeBytes: 200 + r.IntN(4000), StreamNodeItems: r.IntN(120)}
		b.create(Stream, StreamTree, NewStreamBytes)
		s := func() StreamRef { return StreamRef{b.ref(), lim} }
		s().Init()
		var model []entry
		var last StreamID
		same := func(it table.Item) {
			t.Helper()
			i := 0
			streamRootOf(it).visit(StreamID{}, MaxStreamID, false, func(e StreamEntry) bool {
				if i >= len(model) || show(e) != model[i] {
					t.Fatalf("entry %d is %v", i, show(e))
				}
				i++
				return true
			})
			if n := int(streamRootOf(it).count); i != len(model) || n != i {
				t.Fatalf("%d entries and a length of %d, want %d", i, n, len(model))
			}
		}
		for step := range 3000 {
			switch op := r.IntN(20); {
			case op < 12 || len(model) == 0:
				if r.IntN(3) == 0 {
					last = StreamID{last.MS + 1 + uint64(r.Int64N(1<<r.IntN(40))), uint64(r.IntN(3))}
				} else {
					last.Seq += 1 + uint64(r.IntN(300))
				}
				var fields [][]byte
				for i := range 1 + r.IntN(3) {
					fields = append(fields, fmt.Appendf(nil, "f%d", i), text(r, 1000))
				}
				s().Append(last, fields)
				text := ""
				for i := 0; i < len(fields); i += 2 {
					text += fmt.Sprintf("%q=%q ", fields[i], fields[i+1])
				}
				model = append(model, entry{last, text})
			case op < 15:
				i := r.IntN(len(model))
				id := model[i].id
				if !s().Has(id) || !s().Delete(id) || s().Delete(id) || s().Has(id) {
					t.Fatalf("step %d: Delete of %v", step, id)
				}
				model = append(model[:i:i], model[i+1:]...)
			case op == 15 && r.IntN(5) == 0:
				keep := r.IntN(len(model) + 1)
				if n := s().Trim(StreamTrim{MaxLen: uint64(keep)}); int(n) != len(model)-keep {
					t.Fatalf("Trim to %d of %d removed %d", keep, len(model), n)
				}
				model = model[len(model)-keep:]
			case op == 16 && r.IntN(5) == 0:
				i := r.IntN(len(model))
				if n := s().Trim(StreamTrim{ByID: true, MinID: model[i].id}); int(n) != i {
					t.Fatalf("Trim of %d removed %d", i, n)
				}
				model = model[i:]
			default:
				i := r.IntN(len(model))
				j, rev := i+r.IntN(len(model)-i), r.IntN(2) == 0
				at, step := i, 1
				if rev {
					at, step = j, -1
				}
				n := 0
				s().Range(model[i].id, model[j].id, rev, func(e StreamEntry) bool {
					if show(e) != model[at] {
						t.Fatalf("range at %d is %v, want %v", at, show(e), model[at])
					}
					at += step
					n++
					return true
				})
				if n != j-i+1 {
					t.Fatalf("a range of %d has %d", j-i+1, n)
				}
			}
			if step%100 == 0 {
				same(s().Item())
			}
		}
		b.end(same)
	})
}
