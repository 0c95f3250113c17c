package engine

import (
	"maps"
	"sync/atomic"
)

// Policies are the named policies of rate limits: small texts by name, of no database, that
// snapshots and logs keep beside the keys. What a text means is the commands' business. The
// zero Policies has none.
type Policies struct {
	all atomic.Pointer[map[string]string] // replaced, never changed
}

// Policies returns those of the engine.
func (e *Engine) Policies() *Policies { return &e.policies }

// Get returns the text of a name. It may be called at any time.
func (p *Policies) Get(name []byte) (text string, ok bool) {
	if m := p.all.Load(); m != nil {
		text, ok = (*m)[string(name)]
	}
	return text, ok
}

// All returns all texts by name. The map is not changed by anybody.
func (p *Policies) All() map[string]string {
	if m := p.all.Load(); m != nil {
		return *m
	}
	return nil
}

// Set changes the text of a name; an empty one removes the name. The caller has locked the
// whole keyspace, or knows that nobody else changes policies.
func (p *Policies) Set(name, text string) {
	m := maps.Clone(p.All())
	if m == nil {
		m = map[string]string{}
	}
	if text == "" {
		delete(m, name)
	} else {
		m[name] = text
	}
	p.all.Store(&m)
}
