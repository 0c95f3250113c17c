package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// slowCommands take long on the values that fillSlow makes.
var slowCommands = []struct {
	name  string
	words []string
}{
	{"ZUNIONSTORE", []string{"ZUNIONSTORE", "{big}z", "2", "{big}z1", "{big}z2"}},
	{"DEL of it", []string{"DEL", "{big}z"}},
	{"SORT", []string{"SORT", "big:list"}},
	{"SORT STORE", []string{"SORT", "big:list", "STORE", "big:sorted"}},
	{"HGETALL", []string{"HGETALL", "big:hash"}},
	{"LRANGE 0 -1", []string{"LRANGE", "big:list", "0", "-1"}},
	{"KEYS", []string{"KEYS", "*"}},
	{"script, declared", []string{"EVAL", "local x = 0 for i = 1, tonumber(ARGV[1]) do x = x + i % 7 end return redis.call('incrby', KEYS[1], x % 2)", "1", "big:script", "20000000"}},
}

// slowKeys is how many other keys there are.
func (b *bench) slowKeys() int { return b.small(10_000_000, 1_000_000) }

// slow is how long others wait beside commands that take long.
func (b *bench) slow() error {
	programs := b.redisLike()
	type figures struct{ took, ping, get []float64 }
	all := make([][]figures, len(slowCommands))
	for i := range all {
		all[i] = make([]figures, len(programs))
	}
	for k, p := range programs {
		b.note("slow: filling %s", p.name)
		s, err := b.start(p)
		if err != nil {
			return err
		}
		err = b.fillSlow(s)
		for range b.rounds {
			for i, c := range slowCommands {
				if err != nil {
					break
				}
				b.note("slow: %s on %s", c.name, p.name)
				var took time.Duration
				var ping, get []time.Duration
				took, ping, get, err = b.besides(s, c.words)
				f := &all[i][k]
				f.took = append(f.took, took.Seconds()*1e3)
				f.ping = append(f.ping, float64(slices.Max(ping))/1e6)
				f.get = append(f.get, float64(slices.Max(get))/1e6)
			}
		}
		s.stop()
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	t := newTable("command", "server", "takes ms", "worst PING ms", "worst GET of another key ms")
	for i, c := range slowCommands {
		for k, p := range programs {
			f := &all[i][k]
			t.add(c.name, p.name, oneDigit(median(f.took)), oneDigit(median(f.ping)), oneDigit(median(f.get)))
		}
	}
	b.section("Beside slow commands", t, fmt.Sprintf(
		"One client sends PING every millisecond, a second one GET of keys at random, while a third one sends the command. "+
			"Sorted sets of %d members each, a list of %d numbers, a hash of %d fields, %d other keys; the median of %d rounds.",
		b.slowSize(), b.slowSize(), b.slowSize()*28/10, b.slowKeys(), b.rounds))
	return nil
}

func (b *bench) slowSize() int { return b.small(1_000_000, 200_000) }

// fillSlow makes the values.
func (b *bench) fillSlow(s *server) error {
	if err := loadStrings(s, b.slowKeys(), 16, 16, 0); err != nil {
		return err
	}
	l, err := newLoader(s)
	if err != nil {
		return err
	}
	defer l.close()
	if _, err := l.do("CONFIG", "SET", "busy-reply-threshold", "60000"); err != nil {
		return err
	}
	n := b.slowSize()
	fill := func(n int, head []string, words func(i int) []string) error {
		const some = 100
		for i := 0; i < n; i += some {
			var argv [][]byte
			for _, w := range head {
				argv = append(argv, []byte(w))
			}
			for j := i; j < min(i+some, n); j++ {
				for _, w := range words(j) {
					argv = append(argv, []byte(w))
				}
			}
			if err := l.call(argv...); err != nil {
				return err
			}
		}
		return l.flush()
	}
	for k := 1; k <= 2; k++ {
		if err := fill(n, []string{"ZADD", fmt.Sprintf("{big}z%d", k)}, func(i int) []string {
			return []string{strconv.Itoa(i), fmt.Sprintf("member:%d:%d", k, i)}
		}); err != nil {
			return err
		}
	}
	if err := fill(n, []string{"RPUSH", "big:list"}, func(i int) []string { return []string{strconv.Itoa(i * 7919 % 1_000_003)} }); err != nil {
		return err
	}
	return fill(n*28/10, []string{"HSET", "big:hash"}, func(i int) []string {
		return []string{fmt.Sprintf("field:%d", i), fmt.Sprintf("value:%d", i)}
	})
}

// besides sends a command on one connection, and requests on others from shortly before it until shortly after it.
func (b *bench) besides(s *server, words []string) (took time.Duration, ping, get []time.Duration, err error) {
	l, err := newLoader(s)
	if err != nil {
		return 0, nil, nil, err
	}
	defer l.close()
	keys := b.slowKeys()
	over := make(chan struct{})
	type result struct {
		waits []time.Duration
		err   error
	}
	probe := func(words func() [][]byte) chan result {
		got := make(chan result, 1)
		go func() {
			waits, err := probeUntil(s, over, words)
			got <- result{waits, err}
		}()
		return got
	}
	pings := probe(func() [][]byte { return [][]byte{[]byte("PING")} })
	gets := probe(func() [][]byte { return [][]byte{[]byte("GET"), fmt.Appendf(nil, "key:%012d", rand.IntN(keys))} })
	time.Sleep(50 * time.Millisecond)
	var argv [][]byte
	for _, w := range words {
		argv = append(argv, []byte(w))
	}
	start := time.Now()
	if _, err = l.conn.Write(appendCall(nil, argv...)); err == nil {
		err = skipReply(l.r)
	}
	took = time.Since(start)
	time.Sleep(50 * time.Millisecond)
	close(over)
	p, g := <-pings, <-gets
	for _, e := range []error{p.err, g.err} {
		if err == nil {
			err = e
		}
	}
	return took, append(p.waits, 0), append(g.waits, 0), err
}

// probeUntil makes a call every millisecond and returns how long the answers took.
func probeUntil(s *server, over chan struct{}, words func() [][]byte) (waits []time.Duration, err error) {
	l, err := newLoader(s)
	if err != nil {
		return nil, err
	}
	defer l.close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		select {
		case <-over:
			return waits, nil
		default:
		}
		call := words()
		from := time.Now()
		if err := l.call(call...); err != nil {
			return nil, err
		}
		if err := l.flush(); err != nil {
			return nil, err
		}
		waits = append(waits, time.Since(from))
		time.Sleep(time.Millisecond)
	}
}

// skipReply reads a reply without keeping it.
func skipReply(r *bufio.Reader) error {
	for left := 1; left > 0; left-- {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		n := 0
		if len(line) > 3 {
			n, _ = strconv.Atoi(string(line[1 : len(line)-2]))
		}
		switch line[0] {
		case '-':
			return fmt.Errorf("the server refused: %s", line)
		case '$':
			if n >= 0 {
				if _, err := r.Discard(n + 2); err != nil {
					return err
				}
			}
		case '*':
			left += max(n, 0)
		}
	}
	return nil
}
