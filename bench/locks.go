package main

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// locks is what a lock costs, and how fast it goes from one client to the next.
func (b *bench) locks() error {
	all, stop, err := b.startAll(b.redisLike())
	if err != nil {
		return err
	}
	defer stop()
	t := newTable("lock and release", "depth", "server", "pairs/s", "server CPU µs/pair", "CPU to redis")
	n := b.small(400_000, 60_000)
	for _, depth := range []int{1, 16} {
		var rows [][]string
		var cpu []float64
		base := 0.0
		for _, own := range []bool{true, false} {
			of := all[:1]
			if !own {
				of = all
				for _, s := range all {
					if err := prepare(s); err != nil {
						return err
					}
				}
			}
			v, err := b.alternate(of, func(s *server) (speed, error) { return lockPairs(s, own, depth, n/(17-depth)) })
			if err != nil {
				return err
			}
			for i, s := range of {
				what := "SET NX PX, script"
				if own {
					what = "LOCK.ACQUIRE, LOCK.RELEASE"
				} else if s.name == "redis" {
					base = v[i].cpuUS
				}
				rows = append(rows, []string{what, fmt.Sprint(depth), s.name, fmt.Sprintf("%.0f", v[i].perSecond), twoDigits(v[i].cpuUS)})
				cpu = append(cpu, v[i].cpuUS)
			}
		}
		for i, r := range rows {
			t.add(append(r, ratio(cpu[i], base))...)
		}
	}
	b.section("Locks", t)
	return b.handovers(all)
}

// lockPairs acquires and releases locks. Each connection has a lock of its own.
func lockPairs(s *server, own bool, depth, n int) (speed, error) {
	const conns, owner = 10, "0123456789abcdef0123456789abcdef"
	sum := sha1.Sum([]byte(lockRelease))
	pair := func(lock string) string {
		if own {
			return wire("LOCK.ACQUIRE", lock, owner, "TTL", "30000") + wire("LOCK.RELEASE", lock, owner)
		}
		return wire("SET", lock, owner, "NX", "PX", "30000") + wire("EVALSHA", hex.EncodeToString(sum[:]), "1", lock, owner)
	}
	want := "+OK\r\n:1\r\n"
	if own { // up to the token, which always has as many digits
		want = "*8\r\n$8\r\nacquired\r\n:1\r\n$5\r\ntoken\r\n:"
	}
	var group sync.WaitGroup
	errs := make(chan error, conns)
	before, start := s.cpu(), time.Now()
	for i := range conns {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			return speed{}, err
		}
		defer conn.Close()
		group.Go(func() {
			request, in := []byte(strings.Repeat(pair(fmt.Sprintf("lk%02d", i)), depth)), bufio.NewReader(conn)
			for range n / conns / depth {
				if _, err := conn.Write(request); err != nil {
					errs <- err
					return
				}
				for range depth {
					first, err := readReply(in)
					if err == nil && !strings.HasPrefix(first, want) && !strings.HasPrefix(want, first) {
						err = fmt.Errorf("the reply is %q", first)
					}
					if err == nil {
						_, err = readReply(in)
					}
					if err != nil {
						errs <- err
						return
					}
				}
			}
		})
	}
	group.Wait()
	took := time.Since(start)
	select {
	case err := <-errs:
		return speed{}, err
	default:
	}
	pairs := float64(n / conns / depth * depth * conns)
	return speed{perSecond: pairs / took.Seconds(), cpuUS: float64((s.cpu() - before).Microseconds()) / pairs}, nil
}

// readReply reads a reply, as it is.
func readReply(in *bufio.Reader) (string, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	n := 0
	for _, c := range bytes.TrimSpace(line[1:]) {
		if c == '-' {
			return string(line), nil
		}
		n = 10*n + int(c-'0')
	}
	switch all := string(line); all[0] {
	case '-':
		return "", fmt.Errorf("the reply is %q", all)
	case '$':
		b := make([]byte, n+2)
		_, err := io.ReadFull(in, b)
		return all + string(b), err
	case '*':
		for range n {
			one, err := readReply(in)
			if err != nil {
				return "", err
			}
			all += one
		}
		return all, nil
	default:
		return all, nil
	}
}

// handovers is how long it takes from the release of a lock, for which many wait, until the
// next one has it. Redis hands it over as an element of a list on which clients block.
func (b *bench) handovers(all []*server) error {
	t := newTable("handover of a lock, 100 clients", "server", "p50 ms", "p99 ms")
	n := b.small(20_000, 3_000)
	for _, own := range []bool{true, false} {
		for _, s := range all {
			if own && s.name != "cached" {
				continue
			}
			took, err := handover(s, own, 100, n)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			what := "BLPOP, RPUSH"
			if own {
				what = "LOCK.ACQUIRE WAIT, LOCK.RELEASE"
			}
			t.add(what, s.name, fmt.Sprintf("%.3f", percentile(took, 0.5)), fmt.Sprintf("%.3f", percentile(took, 0.99)))
		}
	}
	b.section("Handover", t)
	return nil
}

// handover has clients take a lock in turns, n times in all, and returns the sorted times
// from a release to the next grant in milliseconds.
func handover(s *server, own bool, clients, n int) ([]float64, error) {
	var group sync.WaitGroup
	var mu sync.Mutex
	var took []float64
	var released atomic.Int64 // nanoseconds since start
	var left atomic.Int64
	left.Store(int64(n))
	start := time.Now()
	errs := make(chan error, clients)
	if !own {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, wire("DEL", "list")+wire("RPUSH", "list", "x"))
		if _, err := io.ReadFull(conn, make([]byte, len(":0\r\n:1\r\n"))); err != nil {
			return nil, err
		}
	}
	for i := range clients {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		group.Go(func() {
			owner := fmt.Sprintf("o%02d", i)
			take, give := wire("LOCK.ACQUIRE", "handed", owner, "TTL", "60000", "WAIT", "60000"), wire("LOCK.RELEASE", "handed", owner)
			if !own {
				take, give = wire("BLPOP", "list", "60"), wire("RPUSH", "list", "x")
			}
			in := bufio.NewReader(conn)
			if _, err := io.WriteString(conn, take); err != nil {
				errs <- err
				return
			}
			for {
				if _, err := readReply(in); err != nil {
					errs <- err
					return
				}
				now := time.Since(start)
				if was := released.Load(); was > 0 {
					mu.Lock()
					took = append(took, float64(now.Nanoseconds()-was)/1e6)
					mu.Unlock()
				}
				more := left.Add(-1) > 0
				request := give
				if more {
					request += take
				}
				released.Store(int64(time.Since(start)))
				_, err := io.WriteString(conn, request)
				if err == nil {
					_, err = readReply(in)
				}
				if err != nil {
					errs <- err
					return
				}
				if !more {
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
	}
	slices.Sort(took)
	return took, nil
}
