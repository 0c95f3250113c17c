package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// The values are JSON of 300 to 2,000 bytes, of three kinds with a prefix each.
var (
	firstNames = []string{"Ada", "Bruno", "Chiara", "Dmitri", "Elif", "Farah", "Goran", "Hana", "Ivo", "Jun", "Kofi", "Lena", "Mateo", "Nadia", "Olga", "Priya"}
	lastNames  = []string{"Abe", "Bianchi", "Costa", "Diallo", "Eriksson", "Fischer", "Garcia", "Haddad", "Ivanova", "Jensen", "Kaya", "Lopez", "Moreau", "Novak", "Okafor", "Park"}
	countries  = []string{"DE", "FR", "IT", "JP", "BR", "NG", "US", "IN", "SE", "TR"}
	nouns      = []string{"lamp", "chair", "keyboard", "bottle", "jacket", "notebook", "cable", "camera", "kettle", "backpack", "mug", "tripod"}
)

func one(r *rand.Rand, of []string) string { return of[r.IntN(len(of))] }

// document returns the key and the value of document i.
func document(i int) (key, value []byte) {
	r := rand.New(rand.NewPCG(uint64(i), 7))
	name, family := one(r, firstNames), one(r, lastNames)
	stamp := time.Unix(1.7e9+r.Int64N(1e8), 0).UTC().Format(time.RFC3339)
	switch i % 3 {
	case 0:
		value = fmt.Appendf(nil, `{"id":%d,"status":"%s","created_at":"%s","customer":{"id":%d,"name":"%s %s","email":"%s.%s%d@example.com","country":"%s"},"items":[`,
			i, one(r, []string{"paid", "shipped", "returned"}), stamp, r.IntN(1e6), name, family, name, family, r.IntN(1000), one(r, countries))
		for n := range 1 + r.IntN(14) {
			if n > 0 {
				value = append(value, ',')
			}
			value = fmt.Appendf(value, `{"sku":"%08X","title":"%s","quantity":%d,"unit_price":%d.%02d,"currency":"EUR"}`,
				r.Uint32(), one(r, nouns), 1+r.IntN(5), r.IntN(300), r.IntN(100))
		}
		value = fmt.Appendf(value, `],"total":%d.%02d,"payment":{"method":"card","reference":"%016x"}}`, r.IntN(2000), r.IntN(100), r.Uint64())
		return fmt.Appendf(nil, "order:%d", i), value
	case 1:
		value = fmt.Appendf(nil, `{"user_id":%d,"first_name":"%s","last_name":"%s","address":{"street":"%s %d","postal_code":"%05d","country":"%s"},"preferences":{"language":"%s","newsletter":%t,"theme":"%s"},"last_login":"%s","roles":["customer"],"sessions":[`,
			i, name, family, one(r, lastNames), r.IntN(200), r.IntN(1e5), one(r, countries), one(r, countries), r.IntN(2) == 0, one(r, []string{"light", "dark"}), stamp)
		for n := range r.IntN(6) {
			if n > 0 {
				value = append(value, ',')
			}
			value = fmt.Appendf(value, `{"token":"%016x%016x","device":"%s","ip":"10.%d.%d.%d"}`, r.Uint64(), r.Uint64(),
				one(r, []string{"iPhone", "Android", "Firefox", "Chrome"}), r.IntN(256), r.IntN(256), r.IntN(256))
		}
		return fmt.Appendf(nil, "user:%d", i), append(value, "]}"...)
	}
	value = fmt.Appendf(nil, `{"event":"page_view","at":"%s","visitor":"%016x","url":"https://shop.example.com/%s/%d","referrer":"https://www.google.com/","screen":{"width":%d,"height":%d},"user_agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36"}`,
		stamp, r.Uint64(), one(r, nouns), r.IntN(1e5), 800+r.IntN(2000), 600+r.IntN(1000), 100+r.IntN(30))
	return fmt.Appendf(nil, "event:%d", i), value
}

// compression measures the cost and the gain of value-compression.
func (b *bench) compression() error {
	n := b.small(300_000, 200_000)
	raw := 0
	for i := range n {
		k, v := document(i)
		raw += len(k) + len(v)
	}
	limit := strconv.Itoa(raw / 4)
	t := newTable("value-compression", "RSS/key", "to off", "CPU µs/SET", "CPU µs/GET", "hit ratio at "+strconv.Itoa(raw/4>>20)+" MiB")
	var base float64
	for _, mode := range []string{"off", "s2", "zstd"} {
		b.note("compression: %s", mode)
		each, set, get, err := b.compressed(mode, n)
		if err != nil {
			return fmt.Errorf("%s: %w", mode, err)
		}
		hits, err := b.hitsOf(mode, limit, n)
		if err != nil {
			return fmt.Errorf("%s: %w", mode, err)
		}
		if mode == "off" {
			base = each
		}
		t.add(mode, fmt.Sprintf("%.0f", each), ratio(each, base), fmt.Sprintf("%.2f", set), fmt.Sprintf("%.2f", get), fmt.Sprintf("%.1f%%", 100*hits))
	}
	b.section("Compression of values", t, fmt.Sprintf(
		"%d JSON values of three kinds, 300 to 2,000 bytes, %d with their keys on average. Resident memory beyond the empty server's; the CPU "+
			"of the whole server, pipelined; and the share of hits under `allkeys-lru` when keys are asked for as Zipf's law has it, exponent 1.05.", n, raw/n))
	return nil
}

// compressed measures memory and CPU of n documents.
func (b *bench) compressed(mode string, n int) (each, setUS, getUS float64, err error) {
	s, err := b.start(b.peers[0], "--value-compression", mode)
	if err != nil {
		return 0, 0, 0, err
	}
	defer s.stop()
	l, err := newLoader(s)
	if err != nil {
		return 0, 0, 0, err
	}
	defer l.close()
	empty, before := s.rss(), s.cpu()
	for i := range n {
		k, v := document(i)
		if err := l.set(k, v, 0); err != nil {
			return 0, 0, 0, err
		}
	}
	if err := l.flush(); err != nil {
		return 0, 0, 0, err
	}
	setUS = float64((s.cpu() - before).Nanoseconds()) / 1e3 / float64(n)
	each = (s.rss() - empty) / float64(n)
	r := rand.New(rand.NewPCG(1, 1))
	before = s.cpu()
	for range n {
		k, _ := document(r.IntN(n))
		if err := l.call([]byte("GET"), k); err != nil {
			return 0, 0, 0, err
		}
	}
	if err := l.flush(); err != nil {
		return 0, 0, 0, err
	}
	getUS = float64((s.cpu() - before).Nanoseconds()) / 1e3 / float64(n)
	return each, setUS, getUS, nil
}

// hitsOf is the hit ratio of a cache that is too small: a missing key is set. The first half of the requests warms
// it.
func (b *bench) hitsOf(mode, limit string, n int) (float64, error) {
	s, err := b.start(b.peers[0], "--value-compression", mode, "--maxmemory", limit, "--maxmemory-policy", "allkeys-lru")
	if err != nil {
		return 0, err
	}
	defer s.stop()
	l, err := newLoader(s)
	if err != nil {
		return 0, err
	}
	defer l.close()
	r := rand.New(rand.NewPCG(2, 2))
	zipf := rand.NewZipf(r, 1.05, 1, uint64(n-1))
	order := r.Perm(n) // popularity has nothing to do with the kind
	asked := make([]int, 0, batch/2)
	hits, all := 0, 0
	for total := 6 * n; total > 0; total -= len(asked) {
		asked = asked[:0]
		for len(asked) < cap(asked) {
			i := order[zipf.Uint64()]
			asked = append(asked, i)
			k, _ := document(i)
			if err := l.call([]byte("GET"), k); err != nil {
				return 0, err
			}
		}
		var missing []int
		err := l.flushEach(func(i int, null bool) {
			if null {
				missing = append(missing, asked[i])
			}
		})
		if err != nil {
			return 0, err
		}
		if total <= 3*n {
			all += len(asked)
			hits += len(asked) - len(missing)
		}
		for _, i := range missing {
			k, v := document(i)
			if err := l.set(k, v, 0); err != nil {
				return 0, err
			}
		}
		if err := l.flush(); err != nil {
			return 0, err
		}
	}
	return float64(hits) / float64(all), nil
}
