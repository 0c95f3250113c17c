package pubsub

import (
	"slices"
	"sync"
	"sync/atomic"

	"cached/internal/glob"
)

// A Kind is a namespace of topics.
type Kind uint8

// The kinds of topics.
const (
	Channel Kind = iota
	Pattern      // a glob that describes channels
	Shard        // channels of the cluster's shards, which patterns do not see
	kinds
)

// An Outlet takes messages to some subscribers. Outlets are compared.
type Outlet any

// A Subscription is one subscriber's interest in one topic.
type Subscription struct {
	// Owner is the subscriber.
	Owner any
	// Ended is used only by the goroutine that delivers to Owner and removes its subscriptions: a message for a
	// subscriber that has unsubscribed meanwhile is dropped.
	Ended bool

	topic  *topic
	outlet Outlet
	index  int // in the members of its group
}

// Name is the topic's.
func (s *Subscription) Name() string { return s.topic.name }

// A topic is a channel or pattern with at least one subscriber.
type topic struct {
	kind   Kind
	name   string
	groups []*group
	count  int
}

// A group is the subscribers of a topic behind one outlet. A message on its way
// keeps the slice of members as it was: later ones are appended behind it, and
// the slice is copied before one is taken out.
type group struct {
	outlet  Outlet
	members []*Subscription
	lent    atomic.Bool // a message may hold members
}

// A Hub is the topics of a server.
type Hub struct {
	mu     sync.RWMutex // guards the following
	topics [kinds]map[string]*topic
	counts [kinds]atomic.Int64
}

// New returns a Hub without topics.
func New() *Hub {
	h := &Hub{}
	for k := range h.topics {
		h.topics[k] = make(map[string]*topic)
	}
	return h
}

// Subscribe adds a subscriber to a topic. A subscriber has one subscription to
// each topic at most; the caller knows.
func (h *Hub) Subscribe(k Kind, name string, owner any, outlet Outlet) *Subscription {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[k][name]
	if t == nil {
		t = &topic{kind: k, name: name}
		h.topics[k][name] = t
		h.counts[k].Add(1)
	}
	s := &Subscription{Owner: owner, topic: t, outlet: outlet}
	t.count++
	i := slices.IndexFunc(t.groups, func(g *group) bool { return g.outlet == outlet })
	if i < 0 {
		t.groups = append(t.groups, &group{outlet: outlet})
		i = len(t.groups) - 1
	}
	g := t.groups[i]
	s.index = len(g.members)
	g.members = append(g.members, s)
	return s
}

// Unsubscribe removes a subscription.
func (h *Hub) Unsubscribe(s *Subscription) {
	s.Ended = true
	h.mu.Lock()
	defer h.mu.Unlock()
	t := s.topic
	i := slices.IndexFunc(t.groups, func(g *group) bool { return g.outlet == s.outlet })
	g := t.groups[i]
	if g.lent.Load() {
		g.members = slices.Clone(g.members)
		g.lent.Store(false)
	}
	last := len(g.members) - 1
	moved := g.members[last]
	g.members[s.index], moved.index = moved, s.index
	g.members[last] = nil
	g.members = g.members[:last]
	if last == 0 {
		t.groups = slices.Delete(t.groups, i, i+1)
	}
	if t.count--; t.count == 0 {
		delete(h.topics[t.kind], t.name)
		h.counts[t.kind].Add(-1)
	}
}

// A Visit passes a message to the members of an outlet. pattern is the pattern that they subscribe to, or nil. The
// members must not be changed.
type Visit func(outlet Outlet, pattern *string, members []*Subscription)

// Publish finds the subscribers of a channel, Channel or Shard, and of patterns
// that describe it, in the order in which clients expect their messages. It
// returns how many there are.
func (h *Hub) Publish(k Kind, channel []byte, visit Visit) (n int) {
	if h.counts[k].Load() == 0 && (k != Channel || h.counts[Pattern].Load() == 0) {
		return 0
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if t := h.topics[k][string(channel)]; t != nil {
		n += t.count
		t.each(nil, visit)
	}
	if k != Channel {
		return n
	}
	for name, t := range h.topics[Pattern] {
		if glob.Match([]byte(name), channel, false) {
			n += t.count
			t.each(&t.name, visit)
		}
	}
	return n
}

func (t *topic) each(pattern *string, visit Visit) {
	for _, g := range t.groups {
		g.lent.Store(true)
		visit(g.outlet, pattern, g.members)
	}
}

// Len is how many topics of a kind have subscribers.
func (h *Hub) Len(k Kind) int { return int(h.counts[k].Load()) }

// Count is how many subscribers a topic has.
func (h *Hub) Count(k Kind, name []byte) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if t := h.topics[k][string(name)]; t != nil {
		return t.count
	}
	return 0
}

// Names returns the names of the topics of a kind that pattern describes, or all
// if it is nil, in order.
func (h *Hub) Names(k Kind, pattern []byte) (names []string) {
	h.mu.RLock()
	for name := range h.topics[k] {
		if pattern == nil || glob.Match(pattern, []byte(name), false) {
			names = append(names, name)
		}
	}
	h.mu.RUnlock()
	slices.Sort(names)
	return names
}
