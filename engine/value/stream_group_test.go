package value

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"cached/engine/table"
)

// Groups agree with maps, their copies are the same, and nothing is left of them.
func TestGroupsAreLikeMaps(t *testing.T) {
	type pending struct {
		consumer string
		at       int64
		count    uint64
	}
	type group struct {
		pending   map[StreamID]pending
		consumers map[string]bool
	}
	compare := func(a, b StreamID) int { return a.Compare(b) }
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		b := newBox(t)
		lim := &Limits{StreamNodeBytes: 4096, StreamNodeItems: 100}
		b.create(Stream, StreamTree, NewStreamBytes)
		s := func() StreamRef { return StreamRef{b.ref(), lim} }
		s().Init()
		model := map[string]*group{}
		same := func(it table.Item) {
			t.Helper()
			groups := 0
			for _, x := range named(&streamRootOf(it).groups) {
				groups++
				g := StreamGroup{nil, x}
				m := model[string(g.Name())]
				if m == nil || g.Consumers() != len(m.consumers) || g.Pending() != len(m.pending) {
					t.Fatalf("group %s: %d consumers, %d pending; want %+v", g.Name(), g.Consumers(), g.Pending(), m)
				}
				ids := slices.SortedFunc(maps.Keys(m.pending), compare)
				g.EachPending(StreamID{}, nil, func(p StreamPending) bool {
					want := m.pending[p.ID]
					if p.ID != ids[0] || string(p.Consumer.Name()) != want.consumer || p.DeliveredMS != want.at || p.Count != want.count {
						t.Fatalf("pending %v of %s, want %v of %+v", p.ID, p.Consumer.Name(), ids[0], want)
					}
					ids = ids[1:]
					return true
				})
				each := 0
				g.EachConsumer(func(c StreamConsumer) bool {
					g.EachPending(StreamID{}, &c, func(p StreamPending) bool {
						each++
						return m.pending[p.ID].consumer == string(c.Name())
					})
					return m.consumers[string(c.Name())]
				})
				if len(ids) > 0 || each != len(m.pending) {
					t.Fatalf("group %s: %d pending were not visited, consumers have %d", g.Name(), len(ids), each)
				}
			}
			if groups != len(model) {
				t.Fatalf("%d groups, want %d", groups, len(model))
			}
		}
		for range 2000 {
			name, who := fmt.Sprint("g", r.IntN(4)), fmt.Sprint("c", r.IntN(5))
			id := StreamID{uint64(r.IntN(20)), uint64(r.IntN(5))}
			g, ok := s().Group([]byte(name))
			m := model[name]
			if ok != (m != nil) {
				t.Fatalf("group %s is there: %v", name, ok)
			}
			switch op := r.IntN(20); {
			case !ok:
				s().CreateGroup([]byte(name), id, 3)
				model[name] = &group{map[StreamID]pending{}, map[string]bool{}}
			case op == 0:
				s().DestroyGroup([]byte(name))
				delete(model, name)
			case op == 1:
				n := 0
				for x, p := range m.pending {
					if p.consumer == who {
						delete(m.pending, x)
						n++
					}
				}
				if got := g.DeleteConsumer([]byte(who)); got != n {
					t.Fatalf("%d were pending, want %d", got, n)
				}
				delete(m.consumers, who)
			case op < 6:
				if _, there := m.pending[id]; g.Ack(id) != there {
					t.Fatalf("acknowledging %v: want %v", id, there)
				}
				delete(m.pending, id)
			default:
				g.CreateConsumer([]byte(who), 1)
				c, ok := g.Consumer([]byte(who))
				if !ok {
					t.Fatal("no consumer")
				}
				m.consumers[who] = true
				p := pending{who, int64(r.IntN(1000)), uint64(r.IntN(9))}
				g.Deliver(id, c, p.at, p.count)
				m.pending[id] = p
			}
			if r.IntN(50) == 0 {
				same(s().Item())
			}
		}
		b.end(same)
	})
}
