package commands_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cached/commands"
	"cached/engine"
)

// A cacheModel is a naive idea of leases, soft deadlines, tags and purges: it visits every
// key for everything.
type cacheModel struct {
	now int64
	dbs []modelDB
}

type modelDB struct {
	keys   map[string]*modelKey
	leases map[string]*modelLease
}

type modelKey struct {
	list      bool
	value     string
	due       int64
	soft      int64
	end       int64
	cost      int64
	negative  bool
	version   uint64
	versioned bool
	tags      []string
}

type modelLease struct {
	token   string // "" after a failure
	until   int64
	revoked map[string]bool
}

func newCacheModel(now int64, n int) *cacheModel {
	m := &cacheModel{now: now}
	for range n {
		m.dbs = append(m.dbs, modelDB{map[string]*modelKey{}, map[string]*modelLease{}})
	}
	return m
}

// at is the key, if it is there now.
func (m *cacheModel) at(db int, key string) *modelKey {
	k := m.dbs[db].keys[key]
	if k != nil && k.due != 0 && m.now > k.due {
		delete(m.dbs[db].keys, key)
		return nil
	}
	return k
}

// wrote notes that a command has changed a key, or would have.
func (m *cacheModel) wrote(db int, key string) { delete(m.dbs[db].leases, key) }

func (k *modelKey) soften(at int64) {
	if k.soft == 0 || k.soft > at {
		k.soft = at
	}
}

func (k *modelKey) clone() *modelKey {
	c := *k
	c.tags = slices.Clone(k.tags)
	return &c
}

// out is the lease on a key, if it has not run out.
func (m *cacheModel) out(db int, key string) *modelLease {
	if l := m.dbs[db].leases[key]; l != nil && m.now < l.until {
		return l
	}
	return nil
}

// A cachePlay plays random commands on handlers and on the model.
type cachePlay struct {
	t      *testing.T
	rng    *rand.Rand
	m      *cacheModel
	s      *stage
	keys   int
	tokens []string // given lately, good or not
	owner  map[string][2]any
	log    []string
	stream *effectLog
}

func (p *cachePlay) key() string { return fmt.Sprintf("%c:%d", 'a'+p.rng.IntN(3), p.rng.IntN(p.keys)) }
func (p *cachePlay) tag() string { return fmt.Sprintf("t%d", p.rng.IntN(5)) }

// do runs a command and returns its reply: nested slices, strings, int64 and nil.
func (p *cachePlay) do(db int, words ...string) any {
	p.t.Helper()
	p.log = append(p.log, fmt.Sprint(p.m.now, " ", db, "> ", strings.Join(words, " ")))
	argv := make([][]byte, len(words))
	for i, w := range words {
		argv[i] = []byte(w)
	}
	who := strconv.Itoa(db)
	if p.s.conns[who] == nil {
		p.s.conns[who] = &actor{db: db}
	}
	p.s.nowMS = p.m.now
	raw := p.s.do(who, argv, false)
	v, rest := parseRESP(raw)
	if len(rest) > 0 {
		p.fail("reply %q", raw)
	}
	return v
}

func (p *cachePlay) fail(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s\nafter\n%s", fmt.Sprintf(format, args...), strings.Join(p.log[max(0, len(p.log)-60):], "\n"))
}

func (p *cachePlay) want(got, want any) {
	p.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		p.fail("got %v, want %v", got, want)
	}
}

func (p *cachePlay) step() {
	m, rng := p.m, p.rng
	db := rng.IntN(2)
	key, to := p.key(), p.key()
	d := m.dbs[db]
	k := m.at(db, key)
	switch rng.IntN(34) {
	case 0, 1:
		p.do(db, "SET", key, "plain")
		d.keys[key] = &modelKey{value: "plain"}
		m.wrote(db, key)
	case 2:
		ms := int64(1 + rng.IntN(5000))
		p.do(db, "SET", key, "timed", "PX", strconv.FormatInt(ms, 10))
		d.keys[key] = &modelKey{value: "timed", due: m.now + ms}
		m.wrote(db, key)
	case 3:
		p.do(db, "SET", key, "kept", "KEEPTTL")
		n := &modelKey{value: "kept"}
		if k != nil {
			n.due = k.due
		}
		d.keys[key] = n
		m.wrote(db, key)
	case 4:
		want := 0
		if k != nil {
			want = 1
		}
		p.want(p.do(db, []string{"DEL", "UNLINK"}[rng.IntN(2)], key), want)
		delete(d.keys, key)
		m.wrote(db, key)
	case 5:
		ms := int64(1 + rng.IntN(5000))
		want := 0
		if k != nil {
			k.due, want = m.now+ms, 1
		}
		p.want(p.do(db, "PEXPIRE", key, strconv.FormatInt(ms, 10)), want)
	case 6:
		want := 0
		if k != nil && k.due != 0 {
			k.due, want = 0, 1
		}
		p.want(p.do(db, "PERSIST", key), want)
	case 7:
		if k == nil {
			p.want(p.do(db, "RENAME", key, to), "-ERR no such key")
			break
		}
		p.want(p.do(db, "RENAME", key, to), "+OK")
		if key != to {
			delete(d.keys, key)
			d.keys[to] = k
			m.wrote(db, key)
			m.wrote(db, to)
		}
	case 8:
		other := rng.IntN(2)
		if other == db && key == to {
			break
		}
		words, replace := []string{"COPY", key, to, "DB", strconv.Itoa(other)}, rng.IntN(2) == 0
		if replace {
			words = append(words, "REPLACE")
		}
		want := 0
		if k != nil && (replace || m.at(other, to) == nil) {
			want = 1
			m.dbs[other].keys[to] = k.clone()
			m.wrote(other, to)
		}
		p.want(p.do(db, words...), want)
	case 9:
		want := 0
		if k != nil && m.at(1-db, key) == nil {
			want = 1
			delete(d.keys, key)
			m.dbs[1-db].keys[key] = k
			m.wrote(db, key)
			m.wrote(1-db, key)
		}
		p.want(p.do(db, "MOVE", key, strconv.Itoa(1-db)), want)
	case 10:
		if rng.IntN(20) == 0 {
			p.do(db, "SWAPDB", "0", "1")
			m.dbs[0], m.dbs[1] = m.dbs[1], m.dbs[0]
		}
	case 11:
		if rng.IntN(60) == 0 {
			p.do(db, "FLUSHDB", []string{"ASYNC", "SYNC"}[rng.IntN(2)])
			clear(d.keys)
			clear(d.leases)
		}
	case 12, 13:
		if k != nil && k.list {
			p.want(p.do(db, "APPEND", key, "x"), "-"+string(commands.ErrWrongType))
			break
		}
		if k == nil {
			k = &modelKey{}
			d.keys[key] = k
		}
		k.value += "x"
		if k.versioned {
			k.version++
		}
		p.want(p.do(db, "APPEND", key, "x"), len(k.value))
		m.wrote(db, key)
	case 14:
		if k != nil && !k.list {
			n, err := strconv.Atoi(k.value)
			if err != nil {
				break
			}
			if k.versioned {
				k.version++
			}
			k.value = strconv.Itoa(n + 1)
			p.want(p.do(db, []string{"INCRBY", "INCRBYFLOAT"}[rng.IntN(2)], key, "1"), k.value)
			m.wrote(db, key)
			break
		}
		if k == nil {
			k = &modelKey{list: true}
			d.keys[key] = k
		}
		k.value += "l"
		if k.versioned {
			k.version++
		}
		p.want(p.do(db, "RPUSH", key, "l"), len(k.value))
		m.wrote(db, key)
	case 15, 16:
		p.checkKey(db, key)
	case 17, 18, 19, 20:
		p.cacheGet(db, key, k)
	case 21, 22, 23, 24:
		p.cacheSet(db, key, k)
	case 25:
		p.cacheFail(db)
	case 26, 27:
		var names []string
		for range 1 + rng.IntN(2) {
			if t := p.tag(); !slices.Contains(names, t) {
				names = append(names, t)
			}
		}
		got := p.do(db, append([]string{"TAG.ADD", key}, names...)...)
		if k == nil {
			p.want(got, nil)
			break
		}
		n := 0
		for _, t := range names {
			if !slices.Contains(k.tags, t) {
				k.tags = append(k.tags, t)
				n++
			}
		}
		p.want(got, n)
	case 28, 29:
		p.invalidate(db)
	case 30, 31:
		p.purge(db, key)
	case 32:
		p.advance()
	case 33:
		var tx engine.Tx
		for range rng.IntN(4) * rng.IntN(30) {
			p.s.keys.Maintain(&tx, m.now)
		}
	}
	if rng.IntN(4) == 0 {
		p.advance()
	}
}

// meta is what CACHE.META says of a key, but for leases.
// A soft deadline that is over is the end of freshness, whenever it was: of several
// invalidations only one is remembered.
func (k *modelKey) meta(now int64) string {
	fields := []any{"flags", 0}
	if k.versioned {
		fields = append(fields, "version", k.version)
	}
	if k.soft != 0 && k.soft <= now {
		fields = append(fields, "soft-deadline", "over")
	} else if k.soft != 0 {
		fields = append(fields, "soft-deadline", k.soft)
	}
	if k.end != 0 {
		fields = append(fields, "end", k.end)
	}
	if k.cost != 0 {
		fields = append(fields, "cost", k.cost)
	}
	if k.negative {
		fields = append(fields, "negative", 1)
	}
	return fmt.Sprint(append(fields, "tags", slices.Sorted(slices.Values(k.tags))))
}

func plainMeta(meta any, now int64) any {
	if all, ok := meta.([]any); ok {
		if i := slices.Index(all, any("soft-deadline")); i >= 0 && all[i+1].(int64) <= now {
			all[i+1] = "over"
		}
		tags := all[len(all)-1].([]any)
		slices.SortFunc(tags, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		if i := slices.Index(all, any("lease-until")); i >= 0 {
			return slices.Delete(all, i, i+2)
		}
	}
	return meta
}

func (p *cachePlay) checkKey(db int, key string) {
	p.t.Helper()
	k := p.m.at(db, key)
	if k == nil {
		p.want(p.do(db, "EXISTS", key), 0)
		p.want(p.do(db, "CACHE.META", key), nil)
		p.want(p.do(db, "PTTL", key), -2)
		return
	}
	if k.list {
		p.want(p.do(db, "LLEN", key), len(k.value))
	} else {
		p.want(p.do(db, "GET", key), k.value)
	}
	ttl := int64(-1)
	if k.due != 0 {
		ttl = k.due - p.m.now
	}
	p.want(p.do(db, "PTTL", key), ttl)
	p.want(plainMeta(p.do(db, "CACHE.META", key), p.m.now), k.meta(p.m.now))
}

// checkAll compares all keys, with SCAN and TAG.KEYS, here and where the effects were applied.
func (p *cachePlay) checkAll() {
	p.t.Helper()
	for db, d := range p.m.dbs {
		var want []string
		tagged := map[string][]string{}
		for key := range maps.Clone(d.keys) {
			if k := p.m.at(db, key); k != nil {
				want = append(want, key)
				for _, t := range k.tags {
					tagged[t] = append(tagged[t], key)
				}
			}
		}
		slices.Sort(want)
		scan := func(words ...string) (keys []string) {
			at := slices.Index(words, "0")
			for {
				r := p.do(db, words...).([]any)
				for _, key := range r[1].([]any) {
					keys = append(keys, key.(string))
				}
				if words[at] = r[0].(string); words[at] == "0" {
					slices.Sort(keys)
					return keys
				}
			}
		}
		for t := range 5 {
			name := fmt.Sprint("t", t)
			slices.Sort(tagged[name])
			p.want(scan("TAG.KEYS", name, "0", "COUNT", "100"), tagged[name])
		}
		p.want(scan("SCAN", "0", "COUNT", "100"), want)
		for _, key := range want {
			p.checkKey(db, key)
		}
	}
	here := p.s
	p.s = p.stream.apply(p.m.now)
	for db, d := range p.m.dbs {
		for key := range d.keys {
			p.checkKey(db, key)
		}
		for range 30 {
			p.checkKey(db, p.key())
		}
	}
	p.s = here
}

// Random commands on keys with leases, soft deadlines and tags answer as a naive model does,
// and so does a second keyspace to which the effects were applied.
func TestCacheCommandsFollowTheModel(t *testing.T) {
	seeds := 24
	if testing.Short() {
		seeds = 6
	}
	for i := range seeds {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			s := newStage()
			p := &cachePlay{t: t, rng: rand.New(rand.NewPCG(seed, uint64(i))), s: s, keys: 12}
			p.m, p.owner = newCacheModel(s.nowMS, 2), map[string][2]any{}
			steps := 8000
			if i%2 == 1 { // so many that sweeps take their time
				p.keys, steps = 1500, 20000
			}
			p.stream = &effectLog{to: newStage()}
			p.stream.to.keys.SetRole(engine.Replica)
			s.keys.Effects().Attach(p.stream)
			for range p.keys * 2 {
				db, key := p.rng.IntN(2), p.key()
				p.cacheSet(db, key, p.m.at(db, key))
				p.tokens = nil
			}
			for n := range steps {
				p.step()
				if n%2000 == 1999 {
					p.checkAll()
				}
			}
			p.checkAll()
			if len(p.tokens) == 0 {
				t.Error("no token was given")
			}
		})
	}
}
