package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cached/internal/trace"
)

// expiry measures expired keys: how many of them still use memory, the cost of finding them, and the latency of
// clients when very many expire at once.
func (b *bench) expiry() error {
	if err := b.expirySpread(); err != nil {
		return err
	}
	return b.expiryStorm()
}

// expirySpread lets keys expire one after the other without any access, and measures for a minute: all of them
// within an hour, and half of them within that minute.
func (b *bench) expirySpread() error {
	n := b.small(10_000_000, 500_000)
	watch := time.Minute
	if b.quick {
		watch = 10 * time.Second
	}
	t := newTable("keys that end", "server", "most dead keys %", "mean %", "CPU of sweeping, % of a core", "memory left MB")
	for _, p := range b.redisLike() {
		if err := b.spreadOnce(t, p, n, watch, 60*watch, 1, fmt.Sprintf("all within %v", 60*watch)); err != nil {
			return err
		}
	}
	for _, p := range b.redisLike() {
		if err := b.spreadOnce(t, p, n, watch, watch, 2, fmt.Sprintf("half within %v", watch)); err != nil {
			return err
		}
	}
	b.section("Expiry", t, fmt.Sprintf("%d keys of 16+64 bytes; nobody asks for them for %v. Dead keys are of those that DBSIZE counts.", n, watch))
	return nil
}

// spreadOnce has each of-th key end at random within spread.
func (b *bench) spreadOnce(t *table, p program, n int, watch, spread time.Duration, of uint64, what string) error {
	b.note("expiry: loading %d keys into %s", n, p.name)
	s, err := b.start(p)
	if err != nil {
		return err
	}
	start := time.Now().Add(watch)
	ends := make([]int, spread/time.Millisecond) // keys by the millisecond in which they end
	err = s.loadUntil(n, func(i int) (at time.Time) {
		r := trace.Mix(uint64(i))
		if r>>32%of != 0 {
			return start.Add(time.Hour)
		}
		ms := r % uint64(len(ends))
		ends[ms]++
		return start.Add(time.Duration(ms) * time.Millisecond)
	})
	if err != nil {
		s.stop()
		return fmt.Errorf("%s: %w", p.name, err)
	}
	if late := time.Since(start); late > 0 {
		s.stop()
		return fmt.Errorf("%s: loading took %v longer than the first key lives", p.name, late)
	}
	time.Sleep(time.Until(start))
	cpu := s.cpu()
	most, sum, looks := 0.0, 0.0, 0
	l, err := newLoader(s)
	if err != nil {
		s.stop()
		return err
	}
	for gone, at := 0, 0; ; {
		time.Sleep(200 * time.Millisecond)
		reply, err := l.do("DBSIZE")
		if err != nil {
			s.stop()
			return err
		}
		since := int(time.Since(start) / time.Millisecond)
		if since >= int(watch/time.Millisecond) {
			break
		}
		for ; at < since; at++ {
			gone += ends[at]
		}
		held, err := strconv.Atoi(strings.TrimPrefix(reply, "(integer) "))
		if err != nil {
			s.stop()
			return fmt.Errorf("DBSIZE: %q", reply)
		}
		dead := max(0, 100*float64(held-(n-gone))/float64(held))
		most, sum, looks = max(most, dead), sum+dead, looks+1
	}
	used := float64(s.cpu()-cpu) / float64(time.Since(start))
	time.Sleep(time.Until(start.Add(watch + 2*time.Second)))
	t.add(what, p.name, twoDigits(most), twoDigits(sum/float64(looks)), oneDigit(100*used), oneDigit(s.rss()/(1<<20)))
	l.close()
	s.stop()
	return nil
}

// expiryStorm has keys end within the same second while a client asks for another.
func (b *bench) expiryStorm() error {
	n := b.small(1_000_000, 200_000)
	t := newTable("server", "longest pause ms", "p99.9 ms", "p99 ms", "without a storm: longest ms")
	for _, p := range b.redisLike() {
		var longest, p999, p99, calm []float64
		for range b.rounds {
			b.note("expiry: a storm of %d keys in %s", n, p.name)
			s, err := b.start(p)
			if err != nil {
				return err
			}
			storm := time.Now().Add(time.Duration(b.small(30, 10)) * time.Second).Truncate(time.Second)
			err = s.loadUntil(n, func(i int) time.Time { return storm.Add(time.Duration(i%1000) * time.Millisecond) })
			if err == nil && time.Until(storm) < 2*time.Second {
				err = fmt.Errorf("loading takes longer than the keys live")
			}
			if err != nil {
				s.stop()
				return fmt.Errorf("%s: %w", p.name, err)
			}
			ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
			before, _, err := probeWhile(s, func() error { time.Sleep(time.Until(storm)); return nil })
			if err != nil {
				s.stop()
				return err
			}
			waits, _, err := probeWhile(s, func() error { time.Sleep(3 * time.Second); return nil })
			s.stop()
			if err != nil {
				return err
			}
			slices.Sort(waits)
			longest = append(longest, ms(waits[len(waits)-1]))
			p999 = append(p999, ms(waits[len(waits)*999/1000]))
			p99 = append(p99, ms(waits[len(waits)*99/100]))
			calm = append(calm, ms(slices.Max(before)))
		}
		t.add(p.name, twoDigits(median(longest)), twoDigits(median(p999)), twoDigits(median(p99)), twoDigits(median(calm)))
	}
	b.section("A storm of expiry", t, fmt.Sprintf("%d keys end within one second; a client sends GET every millisecond.", n))
	return nil
}

// loadUntil stores n keys of 16 bytes with values of 64, each with its deadline.
func (s *server) loadUntil(n int, deadline func(i int) time.Time) error {
	l, err := newLoader(s)
	if err != nil {
		return err
	}
	defer l.close()
	key, value := make([]byte, 0, 16), make([]byte, 64)
	for i := range n {
		key = fmt.Appendf(key[:0], "key:%012d", i)
		payload(value, uint64(i))
		at := strconv.AppendInt(nil, deadline(i).UnixMilli(), 10)
		if err := l.call([]byte("SET"), key, value, []byte("PXAT"), at); err != nil {
			return err
		}
	}
	return l.flush()
}
