package commands_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cached/commands"
)

// The commands of a cachePlay that are about leases, tags and purges.

func (p *cachePlay) advance() { p.m.now += int64(p.rng.IntN(40) * p.rng.IntN(30)) }

func (p *cachePlay) invalidate(db int) {
	m, d := p.m, p.m.dbs[db]
	words, soft := []string{"TAG.INVALIDATE"}, p.rng.IntN(2) == 0
	if soft {
		words = append(words, "SOFT")
	}
	names := []string{p.tag()}
	if t := p.tag(); t != names[0] {
		names = append(names, t)
	}
	least := int64(0)
	for key := range maps.Clone(d.keys) {
		k := m.at(db, key)
		if k == nil {
			continue
		}
		for _, t := range names {
			if slices.Contains(k.tags, t) && d.keys[key] != nil {
				if soft {
					k.soften(m.now)
				} else {
					least++
					delete(d.keys, key)
					m.wrote(db, key)
				}
			}
		}
	}
	for _, l := range d.leases {
		for _, t := range names {
			l.revoked[t] = true
		}
	}
	if got := p.do(db, append(words, names...)...).(int64); got < least {
		p.fail("%d keys were ended, said %d", least, got)
	}
}

func (p *cachePlay) purge(db int, key string) {
	m, d := p.m, p.m.dbs[db]
	prefix := key[:p.rng.IntN(4)]
	words, soft := []string{"CACHE.PURGE", "PREFIX", prefix}, p.rng.IntN(2) == 0
	if soft {
		words = append(words, "SOFT")
	}
	if prefix == "" && p.rng.IntN(5) > 0 {
		return
	}
	for key := range maps.Clone(d.keys) {
		k := m.at(db, key)
		switch {
		case k == nil || !strings.HasPrefix(key, prefix):
		case soft:
			k.soften(m.now)
		default:
			delete(d.keys, key)
		}
	}
	for key := range d.leases {
		if strings.HasPrefix(key, prefix) {
			delete(d.leases, key)
		}
	}
	if _, ok := p.do(db, words...).(int64); !ok {
		p.fail("no number")
	}
}

func (p *cachePlay) cacheGet(db int, key string, k *modelKey) {
	m, d, rng := p.m, p.m.dbs[db], p.rng
	words := []string{"CACHE.GET", key}
	lease, stale := int64(0), rng.IntN(2) == 0
	if rng.IntN(3) > 0 {
		lease = int64(1 + rng.IntN(3000))
		words = append(words, "LEASE", strconv.FormatInt(lease, 10))
	}
	if stale {
		words = append(words, "STALE")
	}
	if rng.IntN(4) == 0 {
		words = append(words, "WAIT", "5")
	}
	if k != nil && k.list {
		p.want(p.do(db, words...), "-"+string(commands.ErrWrongType))
		return
	}
	out := m.out(db, key)
	spent := k != nil && k.end != 0 && m.now >= k.end
	old := k != nil && !spent && k.soft != 0 && m.now >= k.soft
	status, value, token := "miss", any(nil), false
	switch {
	case k != nil && !spent && !old:
		status = "hit"
	case out != nil && out.token == "" && k != nil && (k.end != 0 || old && stale), old && stale:
		status = "stale"
	case out != nil:
		status = "busy"
	}
	if (status == "hit" || status == "stale") && !k.negative {
		value = k.value
	}
	if out == nil && lease > 0 && status != "hit" {
		token = true
	}
	got := p.do(db, words...).([]any)
	p.want(got[:2], []any{status, value})
	early := status == "hit" && k.cost > 0 && lease > 0 && out == nil
	if (got[2] != nil) != token && !early {
		p.fail("token %v, want one: %v", got[2], token)
	}
	if got[2] != nil {
		t := got[2].(string)
		d.leases[key] = &modelLease{token: t, until: m.now + lease, revoked: map[string]bool{}}
		p.tokens = append(p.tokens, t)
		p.owner[t] = [2]any{db, key}
	}
}

// pick is a token and where it was given, or a wrong key for it.
func (p *cachePlay) pick() (token string, db int, key string) {
	if len(p.tokens) == 0 {
		return "", 0, ""
	}
	token = p.tokens[max(0, len(p.tokens)-1-p.rng.IntN(6))]
	at := p.owner[token]
	db, key = at[0].(int), at[1].(string)
	if p.rng.IntN(10) == 0 {
		key = p.key()
	}
	return token, db, key
}

func (p *cachePlay) cacheSet(db int, key string, k *modelKey) {
	m, rng := p.m, p.rng
	token := ""
	if rng.IntN(2) == 0 {
		if t, in, at := p.pick(); t != "" {
			token, db, key = t, in, at
			k = m.at(db, key)
		}
	}
	d := m.dbs[db]
	n := &modelKey{value: fmt.Sprint("v", rng.IntN(1000))}
	if rng.IntN(3) == 0 {
		n.value = n.value[1:]
	}
	words := []string{"CACHE.SET", key, n.value}
	add := func(name string, most int) int64 {
		x := int64(1 + rng.IntN(most))
		words = append(words, name, strconv.FormatInt(x, 10))
		return x
	}
	ttl := int64(0)
	if rng.IntN(2) == 0 {
		ttl = 5000 + add("TTL", 9000)
		words[len(words)-1] = strconv.FormatInt(ttl, 10)
		n.due = m.now + ttl
		if rng.IntN(2) == 0 {
			n.end = n.due
			n.due += add("STALEIFERROR", 4000)
		}
	}
	if rng.IntN(2) == 0 {
		n.soft = m.now + add("SOFT", 4000)
	}
	if rng.IntN(3) == 0 {
		n.version, n.versioned = uint64(add("VERSION", 10)), true
	}
	if rng.IntN(4) == 0 && (n.soft != 0 || ttl != 0) {
		n.cost = add("COST", 500)
	}
	if rng.IntN(6) == 0 {
		n.negative = true
		words = append(words, "NEGATIVE")
	}
	for range rng.IntN(4) {
		if t := p.tag(); !slices.Contains(n.tags, t) {
			n.tags = append(n.tags, t)
		}
	}
	if len(n.tags) > 0 {
		words = append(append(words, "TAGS", strconv.Itoa(len(n.tags))), n.tags...)
	}
	good := true
	forgotten := false // a lease that ran out long ago may be
	if token != "" {
		words = append(words, "TOKEN", token)
		l := d.leases[key]
		good = l != nil && l.token == token
		if good {
			forgotten = l.until+60_000 < m.now
			for _, t := range n.tags {
				good = good && !l.revoked[t]
			}
			if k != nil {
				for _, t := range k.tags {
					good = good && !l.revoked[t]
				}
			}
			delete(d.leases, key)
		}
	}
	if n.versioned && k != nil && k.versioned && k.version > n.version {
		good = false
	}
	got := p.do(db, words...)
	switch {
	case got == nil && good && forgotten:
		good = false
	case good:
		p.want(got, "+OK")
	default:
		p.want(got, nil)
	}
	if good {
		d.keys[key] = n
		m.wrote(db, key)
	}
}

func (p *cachePlay) cacheFail(_ int) {
	m := p.m
	token, db, key := p.pick()
	if token == "" {
		return
	}
	retry := int64(1 + p.rng.IntN(2000))
	got := p.do(db, "CACHE.FAIL", key, token, "RETRY", strconv.FormatInt(retry, 10))
	l := m.dbs[db].leases[key]
	good := l != nil && l.token == token
	if good && got == int64(0) && l.until+60_000 < m.now {
		good = false
		delete(m.dbs[db].leases, key)
	}
	if !good {
		p.want(got, 0)
		return
	}
	p.want(got, 1)
	m.dbs[db].leases[key] = &modelLease{until: m.now + retry, revoked: map[string]bool{}}
}
