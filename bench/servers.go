package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A server is a running program.
type server struct {
	program
	port int
	addr string
	cmd  *exec.Cmd
	dir  string
	done chan struct{}

	profiles string // where it writes its profile; empty: it makes none
}

// Running servers, to be stopped whatever happens.
var running struct {
	sync.Mutex
	set map[*server]bool
}

// start starts a server that keeps nothing, unless further directives say otherwise.
func (b *bench) start(p program, more ...string) (*server, error) {
	dir, err := os.MkdirTemp(b.dir, p.name)
	if err != nil {
		return nil, err
	}
	return b.startIn(p, dir, more...)
}

// startIn starts a server with the files that another one wrote in dir.
func (b *bench) startIn(p program, dir string, more ...string) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	s := &server{program: p, port: port, dir: dir, done: make(chan struct{}),
		addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	number := strconv.Itoa(port)
	if p.memcached {
		s.cmd = exec.Command(p.bin, "-l", "127.0.0.1", "-p", number, "-U", "0", "-m", "8192", "-u", "root")
	} else {
		s.cmd = exec.Command(p.bin, "--port", number, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir)
	}
	s.cmd.Args = append(s.cmd.Args, more...)
	var log bytes.Buffer
	s.cmd.Stdout, s.cmd.Stderr = &log, &log
	if b.profiles != "" && p == b.peers[0] {
		s.profiles = b.profiles
		s.cmd.Env = append(os.Environ(), "CACHED_PROFILE="+b.profiles)
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.cmd.Wait()
		close(s.done)
	}()
	running.Lock()
	if running.set == nil {
		running.set = map[*server]bool{}
	}
	running.set[s] = true
	running.Unlock()

	// Redis does not listen before it has loaded.
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if s.serves() {
			return s, nil
		}
		select {
		case <-s.done:
			return nil, fmt.Errorf("%s ended: %v\n%s", p.name, s.cmd.ProcessState, log.String())
		default:
		}
	}
	s.stop()
	return nil, fmt.Errorf("%s does not listen on %s\n%s", p.name, s.addr, log.String())
}

// serves reports whether the server answers: it listens before it has looked for
// data to load.
func (s *server) serves() bool {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	if s.memcached {
		return true
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && line == "+PONG\r\n"
}

func (s *server) stop() {
	s.kill()
	os.RemoveAll(s.dir)
}

// kill kills the server and leaves its directory.
func (s *server) kill() {
	s.endProfile()
	s.cmd.Process.Kill()
	<-s.done
	running.Lock()
	delete(running.set, s)
	running.Unlock()
}

func stopAll() {
	running.Lock()
	var all []*server
	for s := range running.set {
		all = append(all, s)
	}
	running.Unlock()
	for _, s := range all {
		s.stop()
	}
}

// stopOnSignal keeps an interrupted run from leaving servers behind.
func stopOnSignal(dir string) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-c
		stopAll()
		os.RemoveAll(dir)
		os.Exit(130)
	}()
}

// cpu is the time that the server's threads have run so far.
func (s *server) cpu() time.Duration {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.cmd.Process.Pid))
	var sum time.Duration
	for _, f := range tasks {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has exited
		}
		ran, _, _ := strings.Cut(string(text), " ")
		ns, _ := strconv.ParseInt(ran, 10, 64)
		sum += time.Duration(ns)
	}
	if sum == 0 {
		return s.cpuTicks()
	}
	return sum
}

// cpuTicks is cpu for kernels without schedstat: user and system time in ticks
// of 10 ms.
func (s *server) cpuTicks() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// The second field, the name, may contain blanks; it ends with the last ")".
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// rss is the server's resident memory, once it has stopped changing.
func (s *server) rss() float64 {
	last := s.rssNow()
	for range 50 {
		time.Sleep(100 * time.Millisecond)
		now := s.rssNow()
		if diff := now - last; diff < 64<<10 && diff > -64<<10 {
			return now
		}
		last = now
	}
	return last
}

func (s *server) rssNow() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	return pages * float64(os.Getpagesize())
}
