package main

import (
	"fmt"
	"strconv"
	"strings"
)

// A shape is one large collection, or many small ones.
type shape struct {
	name    string
	command string // that a server must know
	n       int
	call    func(l *loader, i int) error
}

func (b *bench) shapes() []shape {
	n := b.small(300_000, 100_000)
	many := b.small(1_000_000, 100_000) // keys, where one would take less memory than the process's own growth
	value := make([]byte, 16)
	member := func(i int) []byte { return fmt.Appendf(nil, "m:%014d", i) }
	fresh := func(i int) []byte { payload(value, uint64(i)); return value }
	word := func(s string) []byte { return []byte(s) }
	return []shape{
		{"hash", "HSET", n, func(l *loader, i int) error { return l.call(word("HSET"), word("hash"), member(i), fresh(i)) }},
		{"set", "SADD", n, func(l *loader, i int) error { return l.call(word("SADD"), word("set"), member(i)) }},
		{"sorted set", "ZADD", n, func(l *loader, i int) error {
			// Scores in another order than the members.
			score := strconv.AppendInt(nil, int64(uint32(i)*2654435761>>8), 10)
			return l.call(word("ZADD"), word("zset"), score, member(i))
		}},
		{"list", "RPUSH", many, func(l *loader, i int) error { return l.call(word("RPUSH"), word("list"), fresh(i)) }},
		{"stream", "XADD", many, func(l *loader, i int) error {
			return l.call(word("XADD"), word("stream"), word("*"), word("f"), fresh(i))
		}},
		{"small hashes, 5 fields", "HSET", b.small(1_000_000, 100_000), func(l *loader, i int) error {
			args := [][]byte{word("HSET"), fmt.Appendf(nil, "user:%011d", i)}
			for f := range 5 {
				v := make([]byte, 8)
				payload(v, uint64(5*i+f))
				args = append(args, fmt.Appendf(nil, "field%d", f), v)
			}
			return l.call(args...)
		}},
	}
}

func (s shape) load(srv *server) error {
	l, err := newLoader(srv)
	if err != nil {
		return err
	}
	defer l.close()
	for i := range s.n {
		if err := s.call(l, i); err != nil {
			return err
		}
	}
	return l.flush()
}

// knows reports whether a server has a command.
func knows(s *server, command string) (bool, error) {
	l, err := newLoader(s)
	if err != nil {
		return false, err
	}
	defer l.close()
	reply, err := l.do(command)
	return !strings.HasPrefix(reply, "(error) ERR unknown command"), err
}

func (b *bench) structures() error {
	if err := b.structureMemory(); err != nil {
		return err
	}
	return b.structureSpeed()
}

func (b *bench) structureMemory() error {
	programs := b.redisLike()
	head := []string{"one key of", "elements"}
	for _, p := range programs {
		head = append(head, p.name+" bytes/element")
	}
	t := newTable(append(head, "cached to redis")...)
shapes:
	for _, sh := range b.shapes() {
		row := []string{sh.name, strconv.Itoa(sh.n)}
		var each []float64
		for _, p := range programs {
			b.note("structures: memory of %s, %s", sh.name, p.name)
			s, err := b.start(p)
			if err != nil {
				return err
			}
			known, err := knows(s, sh.command)
			if err != nil || !known {
				s.stop()
				if err != nil {
					return err
				}
				b.note("structures: %s has no %s", p.name, sh.command)
				continue shapes
			}
			if err := sh.warm(s); err != nil {
				return err
			}
			empty := s.rss()
			err = sh.load(s)
			full := s.rss()
			s.stop()
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			each = append(each, (full-empty)/float64(sh.n))
			row = append(row, oneDigit(each[len(each)-1]))
		}
		t.add(append(row, ratio(each[0], each[1]))...)
	}
	b.section("Memory of collections", t,
		"Resident memory per element, data included; 16-byte fields, members and values. The last row is many keys, per hash.")
	return nil
}

// structureSpeed is the server CPU of one command each on large collections.
func (b *bench) structureSpeed() error {
	all, stop, err := b.startAll(b.redisLike())
	if err != nil {
		return err
	}
	defer stop()
	shapes := b.shapes()[:5]
	for _, s := range all {
		for _, sh := range shapes {
			if known, err := knows(s, sh.command); err != nil || !known {
				continue
			}
			if err := sh.load(s); err != nil {
				return fmt.Errorf("%s: %s: %w", s.name, sh.name, err)
			}
		}
		if err := loadOperands(s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	n := shapes[0].n
	many, some, few := b.small(1_000_000, 100_000), b.small(100_000, 20_000), b.small(1000, 200)
	mid := strconv.Itoa(n / 2)
	midEnd := strconv.Itoa(n/2 + 99)
	member := "m:00__rand_int__" // 12 digits, like the loader's 14
	t := newTable("command", "server", "requests/s", "server CPU µs/request", "p99 ms", "CPU to redis")
	for _, run := range []struct {
		label string
		n     int
		calls [][]string
	}{
		{"HSET", many, [][]string{{"HSET", "hash", member, "0123456789abcdef"}}},
		{"HGET", many, [][]string{{"HGET", "hash", member}}},
		{"SADD", many, [][]string{{"SADD", "set", member}}},
		{"ZADD", many, [][]string{{"ZADD", "zset", "__rand_int__", member}}},
		{"ZRANK", many, [][]string{{"ZRANK", "zset", member}}},
		{"LPUSH + LPOP", many, [][]string{{"LPUSH", "list", "0123456789abcdef"}, {"LPOP", "list"}}},
		{"XADD", many, [][]string{{"XADD", "stream", "*", "f", "0123456789abcdef"}}},
		{"ZRANGE of 100 in the middle", some, [][]string{{"ZRANGE", "zset", mid, midEnd}}},
		{"LRANGE of 100", some, [][]string{{"LRANGE", "list", "0", "99"}}},
		{"HGETALL of 100", some, [][]string{{"HGETALL", "hash100"}}},
		{"SINTER of two 10k sets", few, [][]string{{"SINTER", "set10k:a", "set10k:b"}}},
	} {
		missing := ""
		for _, s := range all {
			for _, call := range run.calls {
				if known, err := knows(s, call[0]); err != nil {
					return err
				} else if !known {
					missing = s.name + " has no " + call[0]
				}
			}
		}
		if missing != "" {
			b.note("structures: %s", missing)
			continue
		}
		b.note("structures: %s", run.label)
		got, err := b.alternate(all, func(s *server) (speed, error) {
			var sum speed
			for _, call := range run.calls {
				v, err := measure(s, run.n, 16, append([]string{"-r", strconv.Itoa(n)}, call...)...)
				if err != nil {
					return sum, err
				}
				sum.cpuUS += v.cpuUS
				sum.p99ms = max(sum.p99ms, v.p99ms)
				sum.perSecond += v.perSecond / float64(len(run.calls))
			}
			return sum, nil
		})
		if err != nil {
			return err
		}
		for i, s := range all {
			t.add(run.label, s.name, fmt.Sprintf("%.0f", got[i].perSecond), twoDigits(got[i].cpuUS),
				twoDigits(got[i].p99ms), ratio(got[i].cpuUS, got[1].cpuUS))
		}
	}
	b.section("Commands on collections", t, fmt.Sprintf("One key of %d elements each, depth 16, 50 connections.", n))
	return nil
}

// loadOperands stores the keys that the commands with large replies read.
func loadOperands(s *server) error {
	l, err := newLoader(s)
	if err != nil {
		return err
	}
	defer l.close()
	if known, err := knows(s, "HSET"); err == nil && known {
		for i := range 100 {
			f := fmt.Appendf(nil, "m:%014d", i)
			if err := l.call([]byte("HSET"), []byte("hash100"), f, f); err != nil {
				return err
			}
		}
	}
	if known, err := knows(s, "SADD"); err == nil && known {
		for i := range 10_000 {
			for k, step := range map[string]int{"set10k:a": 1, "set10k:b": 2} { // half of a is in b
				if err := l.call([]byte("SADD"), []byte(k), fmt.Appendf(nil, "m:%014d", i*step)); err != nil {
					return err
				}
			}
		}
	}
	return l.flush()
}

// warm has a server allocate the buffers and load the code that a collection needs, which are not counted; and
// again after it has returned the memory that it can.
func (s shape) warm(srv *server) error {
	for _, round := range []struct {
		n    int
		then []string
	}{{100_000, []string{"MEMORY", "PURGE"}}, {5000, []string{"PING"}}} {
		some := s
		some.n = min(s.n, round.n)
		if err := some.load(srv); err != nil {
			return err
		}
		l, err := newLoader(srv)
		if err != nil {
			return err
		}
		_, err = l.do("FLUSHALL")
		if err == nil {
			_, err = l.do(round.then...)
		}
		l.close()
		if err != nil {
			return err
		}
	}
	return nil
}
