package main

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// cachedValues is what leases, soft deadlines and tags cost beside plain keys: look-ups, an
// invalidation of very many keys, and a stampede.
func (b *bench) cachedValues(s *server) error {
	if err := b.cachedLookups(s); err != nil {
		return err
	}
	if err := b.invalidations(s); err != nil {
		return err
	}
	return b.stampede(s)
}

// valueKeys is how many keys each kind of cachedLookups has: key:000000000042 and its like,
// as redis-benchmark asks for them.
const valueKeys = 200_000

// cachedLookups compares GET and CACHE.GET of plain keys and of those with metadata.
func (b *bench) cachedLookups(s *server) error {
	l, err := newLoader(s)
	if err != nil {
		return err
	}
	defer l.close()
	if _, err := l.do("FLUSHALL"); err != nil {
		return err
	}
	kinds := []struct {
		prefix string
		set    []string
	}{
		{"plain", []string{"SET"}},
		{"soft", []string{"CACHE.SET", "TTL", "86400000", "SOFT", "43200000"}},
		{"tagged", []string{"CACHE.SET", "TAGS", "1", "t%d"}},
		{"three", []string{"CACHE.SET", "TAGS", "3", "a%d", "b%d", "all"}},
	}
	value := make([]byte, 64)
	for _, k := range kinds {
		for i := range valueKeys {
			payload(value, uint64(i))
			call := [][]byte{[]byte(k.set[0]), fmt.Appendf(nil, "%s:%012d", k.prefix, i), value}
			for _, w := range k.set[1:] {
				if strings.Contains(w, "%") {
					w = fmt.Sprintf(w, i%1000)
				}
				call = append(call, []byte(w))
			}
			if err := l.call(call...); err != nil {
				return err
			}
		}
	}
	if err := l.flush(); err != nil {
		return err
	}
	rows := []struct {
		name string
		args []string
	}{
		{"GET of a plain key", []string{"GET", "plain:__rand_int__"}},
		{"GET of a key with a tag", []string{"GET", "tagged:__rand_int__"}},
		{"GET of a key with three tags", []string{"GET", "three:__rand_int__"}},
		{"CACHE.GET of a plain key", []string{"CACHE.GET", "plain:__rand_int__"}},
		{"CACHE.GET of a key with TTL and SOFT", []string{"CACHE.GET", "soft:__rand_int__"}},
		{"CACHE.GET with LEASE, WAIT and STALE",
			[]string{"CACHE.GET", "soft:__rand_int__", "LEASE", "1000", "WAIT", "1000", "STALE"}},
	}
	cpu := make([][]float64, len(rows))
	for range b.rounds {
		for i, r := range rows {
			b.note("cache: %s", r.name)
			v, err := measure(s, b.small(1_000_000, 200_000), 16, append([]string{"-r", strconv.Itoa(valueKeys)}, r.args...)...)
			if err != nil {
				return err
			}
			cpu[i] = append(cpu[i], v.cpuUS)
		}
	}
	t := newTable("call", "server CPU µs/request", "CPU to GET")
	for i, r := range rows {
		t.add(r.name, twoDigits(median(cpu[i])), ratio(median(cpu[i]), median(cpu[0])))
	}
	b.section("Cached values", t, fmt.Sprintf("redis-benchmark at depth 16, 50 connections, %d keys of each kind, 64-byte "+
		"values, all hits.", valueKeys))
	return nil
}

// invalidations measures how long it takes to end very many keys: the call, and until the
// sweep has freed them.
func (b *bench) invalidations(s *server) error {
	n := b.small(1_000_000, 100_000)
	t := newTable("call", "keys", "ms", "until all memory is free, s")
	for _, x := range []struct{ name, call string }{
		{"TAG.INVALIDATE", "TAG.INVALIDATE t"}, {"TAG.INVALIDATE SOFT", "TAG.INVALIDATE SOFT t"},
		{"CACHE.PURGE PREFIX", "CACHE.PURGE PREFIX key:"},
	} {
		var took, swept []float64
		for range b.rounds {
			b.note("cache: %s of %d keys", x.name, n)
			l, err := newLoader(s)
			if err != nil {
				return err
			}
			if _, err := l.do("FLUSHALL"); err != nil {
				return err
			}
			for i := range n {
				call := [][]byte{[]byte("CACHE.SET"), fmt.Appendf(nil, "key:%012d", i), []byte("value"),
					[]byte("TAGS"), []byte("1"), []byte("t")}
				if err := l.call(call...); err != nil {
					return err
				}
			}
			if err := l.flush(); err != nil {
				return err
			}
			start := time.Now()
			reply, err := l.do(strings.Fields(x.call)...)
			took = append(took, float64(time.Since(start).Microseconds())/1000)
			if err != nil || strings.HasPrefix(reply, "(error)") {
				return fmt.Errorf("%s: %s, %v", x.call, reply, err)
			}
			for !strings.Contains(x.name, "SOFT") {
				if reply, err = l.do("DBSIZE"); err != nil {
					return err
				}
				if strings.TrimSpace(reply) == "(integer) 0" {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			swept = append(swept, time.Since(start).Seconds())
			l.close()
		}
		free := twoDigits(median(swept))
		if strings.Contains(x.name, "SOFT") {
			free = "-"
		}
		t.add(x.name, strconv.Itoa(n), twoDigits(median(took)), free)
	}
	b.section("Invalidations", t, "The call as its client sees it.")
	return nil
}

// stampede has many clients ask for a key that is not there, one of which fills it.
func (b *bench) stampede(s *server) error {
	const clients = 1000
	var first, all, cpu []float64
	tokens := 0
	conns := make([]net.Conn, clients)
	for i := range conns {
		var err error
		if conns[i], err = net.Dial("tcp", s.addr); err != nil {
			return err
		}
		defer conns[i].Close()
	}
	filler, err := newLoader(s)
	if err != nil {
		return err
	}
	defer filler.close()
	for round := range 5 * b.rounds {
		key := fmt.Sprint("cold", round)
		arrived := make([]time.Time, clients) // of those that waited
		won := make(chan string, clients)
		var wg sync.WaitGroup
		for i, c := range conns {
			wg.Add(1)
			go func() {
				defer wg.Done()
				fmt.Fprintf(c, "CACHE.GET %s LEASE 60000 WAIT 60000\r\n", key)
				r := bufio.NewReader(c)
				var reply []string
				for len(reply) < 6 { // of status, value and token
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					reply = append(reply, strings.TrimSpace(line))
				}
				if reply[2] == "miss" {
					won <- reply[5]
				} else {
					arrived[i] = time.Now()
				}
			}()
		}
		for {
			reply, err := filler.do("INFO", "clients")
			if err != nil {
				return err
			}
			if strings.Contains(reply, fmt.Sprintf("blocked_clients:%d", clients-1)) {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		token := <-won
		used, start := s.cpu(), time.Now()
		reply, err := filler.do("CACHE.SET", key, "value", "TTL", "60000", "TOKEN", token)
		if err != nil || !strings.Contains(reply, "OK") {
			return fmt.Errorf("the fill: %s, %v", reply, err)
		}
		wg.Wait()
		cpu = append(cpu, float64((s.cpu()-used).Microseconds())/1000)
		tokens += 1 + len(won)
		var times []float64
		for _, at := range arrived {
			if !at.IsZero() {
				times = append(times, float64(at.Sub(start).Microseconds())/1000)
			}
		}
		first, all = append(first, slices.Min(times)), append(all, slices.Max(times))
	}
	t := newTable("clients", "tokens", "first has the value, ms", "all have the value, ms", "best round, ms",
		"server CPU, ms")
	t.add(strconv.Itoa(clients), oneDigit(float64(tokens)/float64(5*b.rounds)), twoDigits(median(first)),
		twoDigits(median(all)), twoDigits(slices.Min(all)), twoDigits(median(cpu)))
	b.section("Stampede", t, "From the fill of a cold key for which all clients wait, each on a connection of its own, "+
		"to its arrival at the clients, which run on the same machine.")
	return nil
}
