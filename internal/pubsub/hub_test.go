package pubsub

import (
	"math/rand/v2"
	"testing"
)

// Any sequence of subscribing, leaving and publishing reaches those who are
// subscribed at the moment, through their outlets, and each once a topic.
func TestPublishReachesTheSubscribersOfTheMoment(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	h := New()
	type who struct {
		owner int
		name  string
		kind  Kind
	}
	subs := map[who]*Subscription{}
	names := map[Kind][]string{Channel: {"a", "b"}, Shard: {"a", "b"}, Pattern: {"*", "a*"}}
	type lent struct {
		members []*Subscription
		owners  []any
	}
	var kept []lent
	for range 20000 {
		k := Kind(r.IntN(int(kinds)))
		w := who{r.IntN(20), names[k][r.IntN(2)], k}
		if s := subs[w]; s != nil {
			h.Unsubscribe(s)
			delete(subs, w)
		} else {
			subs[w] = h.Subscribe(k, w.name, w.owner, w.owner%3)
		}
		if r.IntN(4) > 0 {
			continue
		}
		pk, want := []Kind{Channel, Shard}[r.IntN(2)], map[who]bool{}
		for w := range subs {
			if w.kind == pk && w.name == "a" || pk == Channel && w.kind == Pattern {
				want[w] = true
			}
		}
		n := h.Publish(pk, []byte("a"), func(o Outlet, pattern *string, members []*Subscription) {
			l := lent{members: members}
			for _, m := range members {
				w := who{m.Owner.(int), m.Name(), pk}
				if pattern != nil {
					w.kind = Pattern
				}
				if !want[w] || w.owner%3 != o {
					t.Fatalf("message to %v behind %v", w, o)
				}
				delete(want, w)
				l.owners = append(l.owners, m.Owner)
			}
			kept = append(kept, l)
		})
		if len(want) > 0 {
			t.Fatalf("%d of %d missed", len(want), n)
		}
		if len(kept) > 50 {
			for _, l := range kept {
				for i, m := range l.members {
					if m.Owner != l.owners[i] {
						t.Fatal("members of a message on its way changed")
					}
				}
			}
			kept = nil
		}
	}
	for _, s := range subs {
		h.Unsubscribe(s)
	}
	if h.Len(Channel)+h.Len(Pattern)+h.Len(Shard) != 0 {
		t.Error("topics are left")
	}
}
