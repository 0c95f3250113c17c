package main

import (
	"crypto/sha1"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cached/internal/testcert"
)

// lockRelease is the script by which client libraries give a lock back.
const lockRelease = `if redis.call("get",KEYS[1])==ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end`

// A serving is requests that are about more than the data.
type serving struct {
	name        string
	depth       int
	n           int    // requests
	request     string // the bytes of one
	reply       string // and of its reply
	subscribers int    // to channel c
	message     string // that each of them gets of a request
	secure      bool
}

// wire is the bytes of a command.
func wire(words ...string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&s, "$%d\r\n%s\r\n", len(w), w)
	}
	return s.String()
}

func (b *bench) servings() []serving {
	var multi strings.Builder
	multi.WriteString(wire("MULTI"))
	for i := range 10 {
		multi.WriteString(wire("SET", fmt.Sprintf("key:%d", i), strings.Repeat("x", 64)))
	}
	multi.WriteString(wire("EXEC"))
	multiReply := "+OK\r\n" + strings.Repeat("+QUEUED\r\n", 10) + "*10\r\n" + strings.Repeat("+OK\r\n", 10)
	publish := wire("PUBLISH", "c", strings.Repeat("m", 32))
	message := wire("message", "c", strings.Repeat("m", 32))
	sum := sha1.Sum([]byte(lockRelease))
	release := wire("EVALSHA", hex.EncodeToString(sum[:]), "1", "lock", "token")
	get := wire("GET", "key")
	value := "$64\r\n" + strings.Repeat("x", 64) + "\r\n"
	n := b.small(1_000_000, 200_000)
	return []serving{
		{name: "MULTI of 10 SETs", depth: 1, n: n / 20, request: multi.String(), reply: multiReply},
		{name: "MULTI of 10 SETs", depth: 16, n: n / 10, request: multi.String(), reply: multiReply},
		{name: "PUBLISH to nobody", depth: 16, n: n, request: publish, reply: ":0\r\n"},
		{name: "PUBLISH to 1", depth: 1, n: n / 10, request: publish, reply: ":1\r\n", subscribers: 1, message: message},
		{name: "PUBLISH to 1", depth: 16, n: n / 2, request: publish, reply: ":1\r\n", subscribers: 1, message: message},
		{name: "PUBLISH to 100", depth: 1, n: n / 100, request: publish, reply: ":100\r\n", subscribers: 100, message: message},
		{name: "PUBLISH to 100", depth: 16, n: n / 20, request: publish, reply: ":100\r\n", subscribers: 100, message: message},
		{name: "EVALSHA, no lock to release", depth: 1, n: n / 10, request: release, reply: ":0\r\n"},
		{name: "EVALSHA, no lock to release", depth: 16, n: n / 2, request: release, reply: ":0\r\n"},
		{name: "SET and EVALSHA, lock and release", depth: 16, n: n / 4, request: wire("SET", "lock", "token") + release, reply: "+OK\r\n:1\r\n"},
		{name: "GET over TLS", depth: 1, n: n / 10, request: get, reply: value, secure: true},
		{name: "GET over TLS", depth: 16, n: n / 2, request: get, reply: value, secure: true},
	}
}

// serving measures requests other than reading and writing data.
func (b *bench) serving() error {
	dir, err := os.MkdirTemp(b.dir, "certificates")
	if err != nil {
		return err
	}
	authority, err := testcert.New(dir)
	if err != nil {
		return err
	}
	cert, key, err := authority.Issue("server")
	if err != nil {
		return err
	}
	var all []*server
	defer func() {
		for _, s := range all {
			s.stop()
		}
	}()
	secure := map[*server]string{}
	for _, p := range b.redisLike() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		addr := l.Addr().(*net.TCPAddr)
		l.Close()
		s, err := b.start(p, "--tls-port", strconv.Itoa(addr.Port), "--tls-cert-file", cert, "--tls-key-file", key,
			"--tls-ca-cert-file", authority.CA, "--tls-auth-clients", "no")
		if err != nil {
			return err
		}
		all, secure[s] = append(all, s), addr.String()
		if err := prepare(s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	t := newTable("request", "depth", "server", "requests/s", "server CPU µs/request", "p99 ms", "CPU to redis", "requests/s to redis")
	for _, run := range b.servings() {
		b.note("serving: %s at depth %d", run.name, run.depth)
		got, err := b.alternate(all, func(s *server) (speed, error) { return run.measure(s, secure[s]) })
		if err != nil {
			return err
		}
		for i, s := range all {
			t.add(run.name, strconv.Itoa(run.depth), s.name, fmt.Sprintf("%.0f", got[i].perSecond), twoDigits(got[i].cpuUS),
				twoDigits(got[i].p99ms), ratio(got[i].cpuUS, got[1].cpuUS), ratio(got[i].perSecond, got[1].perSecond))
		}
	}
	b.section("Serving", t, "50 connections of our own load generator, messages and values of 32 and 64 bytes; a MULTI counts as one request.")
	return nil
}

// prepare waits until a server accepts connections, and writes the data of the requests.
func prepare(s *server) error {
	l, err := newLoader(s)
	if err != nil {
		return err
	}
	defer l.close()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		reply, err := l.do("SET", "key", strings.Repeat("x", 64))
		if err != nil {
			return err
		}
		if reply == "OK" {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("SET: %s", reply)
		}
	}
	reply, err := l.do("SCRIPT", "LOAD", lockRelease)
	if err == nil && strings.HasPrefix(reply, "(error)") {
		err = fmt.Errorf("SCRIPT LOAD: %s", reply)
	}
	return err
}

func (r serving) dial(s *server, secureAddr string) (net.Conn, error) {
	if r.secure {
		return tls.Dial("tcp", secureAddr, &tls.Config{InsecureSkipVerify: true})
	}
	return net.Dial("tcp", s.addr)
}

// measure sends the requests and reads all that comes of them.
func (r serving) measure(s *server, secureAddr string) (speed, error) {
	const conns = 50
	batches := max(r.n/conns/r.depth, 1)
	var subscribers, senders sync.WaitGroup
	errs := make(chan error, conns+r.subscribers)
	for range r.subscribers {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			return speed{}, err
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, wire("SUBSCRIBE", "c")); err != nil {
			return speed{}, err
		}
		if _, err := io.CopyN(io.Discard, conn, int64(len("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"))); err != nil {
			return speed{}, err
		}
		subscribers.Go(func() {
			if _, err := io.CopyN(io.Discard, conn, int64(len(r.message)*conns*r.depth*batches)); err != nil {
				errs <- err
			}
		})
	}
	want := strings.Repeat(r.reply, r.depth)
	took := make([][]time.Duration, conns)
	var open []net.Conn
	for range conns {
		conn, err := r.dial(s, secureAddr)
		if err != nil {
			return speed{}, err
		}
		defer conn.Close()
		open = append(open, conn)
	}
	before, start := s.cpu(), time.Now()
	for i, conn := range open {
		// Each has a lock of its own.
		request := []byte(strings.ReplaceAll(strings.Repeat(r.request, r.depth), "lock", fmt.Sprintf("lk%02d", i)))
		senders.Go(func() {
			got := make([]byte, len(want))
			for range batches {
				sent := time.Now()
				if _, err := conn.Write(request); err != nil {
					errs <- err
					return
				}
				if _, err := io.ReadFull(conn, got); err != nil {
					errs <- err
					return
				}
				took[i] = append(took[i], time.Since(sent))
				if len(took[i]) == 1 && string(got) != want {
					errs <- fmt.Errorf("%s: the reply is %.200q", r.name, got)
					return
				}
			}
		})
	}
	senders.Wait()
	sending := time.Since(start)
	select {
	case err := <-errs:
		return speed{}, err
	default:
	}
	subscribers.Wait()
	used := s.cpu() - before
	select {
	case err := <-errs:
		return speed{}, err
	default:
	}
	all := slices.Concat(took...)
	slices.Sort(all)
	n := float64(conns * r.depth * batches)
	return speed{perSecond: n / sending.Seconds(), cpuUS: float64(used) / float64(time.Microsecond) / n,
		p99ms: float64(all[len(all)*99/100]) / float64(time.Millisecond)}, nil
}
