package crash

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	kills = flag.Int("kills", 15, "how often each server is killed")
	seed  = flag.Uint64("seed", 0, "of the moments; 0 takes one of its own")
)

var ctx = context.Background()

// A process is a server in a directory, which may end at any moment.
type process struct {
	binary, dir, policy string
	settings            []string // in place of a log, unless nil
	cmd                 *exec.Cmd
	ended               chan struct{}
	log                 strings.Builder
	addr                string
}

// start starts the server again, and reports false if it exited at once.
func (p *process) start() bool {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return false
	}
	p.addr = l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(p.addr)
	settings := p.settings
	if settings == nil {
		settings = []string{"--appendonly", "yes", "--appendfsync", p.policy, "--auto-aof-rewrite-percentage", "30", "--auto-aof-rewrite-min-size", "100kb"}
	}
	p.cmd = exec.Command(p.binary, append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", p.dir, "--save", ""}, settings...)...)
	p.log.Reset()
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if p.cmd.Start() != nil {
		return false
	}
	p.ended = make(chan struct{})
	go func(ended chan struct{}) {
		_ = p.cmd.Wait()
		close(ended)
	}(p.ended)
	return true
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// ready starts the server, unless it runs, and waits until it answers.
func (p *process) ready(t *testing.T) *redis.Client {
	t.Helper()
	for range 5 { // the port may be taken in between
		if !p.start() {
			continue
		}
		c := redis.NewClient(&redis.Options{Addr: p.addr, Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialTimeout: time.Second,
			ReadTimeout: 30 * time.Second, DialerRetries: 1})
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
			if c.Ping(ctx).Err() == nil {
				return c
			}
			select {
			case <-p.ended:
				end = time.Time{}
			default:
			}
		}
		_ = c.Close()
		p.kill()
		if !strings.Contains(p.log.String(), "address already in use") {
			break
		}
	}
	t.Fatalf("the server does not start again:\n%s", p.log.String())
	return nil
}

// A writer is one client's history: change n pushes n to its list and, in a
// transaction, counts it twice.
type writer struct {
	name     string
	answered int64 // changes
	sent     int64
}

// change makes the changes from w.sent on until the server is killed.
func (w *writer) change(addr string) {
	c := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, PoolSize: 1})
	defer c.Close()
	for {
		n := w.sent
		w.sent++
		var err error
		if n%3 == 0 {
			_, err = c.TxPipelined(ctx, func(p redis.Pipeliner) error { w.commands(p, n); return nil })
		} else {
			_, err = c.Pipelined(ctx, func(p redis.Pipeliner) error {
				p.Eval(ctx, script, []string{w.name + ":list", w.name + ":a", w.name + ":b"}, n, strings.Repeat("x", int(n%200)))
				return nil
			})
		}
		if err != nil {
			return
		}
		w.answered = n + 1
	}
}

const script = `redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[1] + 1, 'PX', 100000000)
redis.call('SET', KEYS[3], ARGV[1] + 1)
return redis.call('APPEND', KEYS[3], '')`

func (w *writer) commands(p redis.Pipeliner, n int64) {
	p.RPush(ctx, w.name+":list", n)
	p.Set(ctx, w.name+":a", n+1, 100000*time.Second)
	p.Set(ctx, w.name+":b", n+1, 0)
}

// check compares the server's data with the history, and continues from it.
func (w *writer) check(t *testing.T, c *redis.Client) {
	t.Helper()
	list, err := c.LRange(ctx, w.name+":list", 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	number := func(key string) int64 {
		text, err := c.Get(ctx, w.name+key).Result()
		if errors.Is(err, redis.Nil) {
			return 0
		}
		n, parseErr := strconv.ParseInt(text, 10, 64)
		if err != nil || parseErr != nil {
			t.Fatalf("%s%s: %q, %v", w.name, key, text, err)
		}
		return n
	}
	n := int64(len(list))
	for i, v := range list {
		if v != strconv.Itoa(i) {
			t.Fatalf("%s: element %d is %s: not the beginning of its history", w.name, i, v)
		}
	}
	if a, b := number(":a"), number(":b"); a != n || b != n {
		t.Fatalf("%s: half a change: %d pushed, %d and %d counted", w.name, n, a, b)
	}
	if n < w.answered || n > w.sent {
		t.Fatalf("%s: %d changes are there, %d were answered, %d sent", w.name, n, w.answered, w.sent)
	}
	w.answered, w.sent = n, n
}

func build(t *testing.T) string {
	binary := filepath.Join(t.TempDir(), "cached")
	out, err := exec.Command("go", "build", "-o", binary, "../../cmd/cached").CombinedOutput()
	if err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	return binary
}

func TestAKilledServerKeepsWhatItAnswered(t *testing.T) {
	binary := build(t)
	for _, policy := range []string{"always", "everysec", "no"} {
		t.Run(policy, func(t *testing.T) {
			s := *seed
			if s == 0 {
				s = rand.Uint64()
			}
			t.Logf("-seed %d", s)
			r := rand.New(rand.NewPCG(s, 0))
			p := &process{binary: binary, dir: t.TempDir(), policy: policy}
			writers := make([]*writer, 8)
			for i := range writers {
				writers[i] = &writer{name: fmt.Sprintf("client%d", i)}
			}
			for round := range *kills {
				c := p.ready(t)
				for _, w := range writers {
					w.check(t, c)
				}
				if round%10 == 9 {
					c.FlushAll(ctx)
					for _, w := range writers {
						*w = writer{name: w.name}
					}
				}
				var group sync.WaitGroup
				for _, w := range writers {
					group.Go(func() { w.change(p.addr) })
				}
				if r.IntN(3) == 0 {
					c.Do(ctx, "BGREWRITEAOF")
				}
				time.Sleep(time.Duration(r.IntN(150)) * time.Millisecond)
				p.kill()
				_ = c.Close()
				group.Wait()
				if r.IntN(4) == 0 && p.start() { // and while it loads
					time.Sleep(time.Duration(r.IntN(30)) * time.Millisecond)
					p.kill()
				}
			}
			c := p.ready(t)
			for _, w := range writers {
				w.check(t, c)
			}
			_ = c.Close()
			p.kill()
			if path, err := exec.LookPath("redis-check-aof"); err == nil {
				out, err := exec.Command(path, filepath.Join(p.dir, "appendonlydir", "appendonly.aof.manifest")).CombinedOutput()
				if err != nil {
					t.Errorf("redis-check-aof: %v\n%s", err, out)
				}
			}
			if files, _ := os.ReadDir(filepath.Join(p.dir, "appendonlydir")); len(files) > 8 {
				t.Errorf("%d files are left", len(files))
			}
		})
	}
}
