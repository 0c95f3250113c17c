package persistence_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"cached/internal/vfs"
)

var errNoSpace = syscall.ENOSPC

const misconf = "MISCONF Errors writing to the AOF file: No space left on device"

// failing has operations on files of the log fail while bad is set.
func failing(files *vfs.Mem, bad *atomic.Bool, ops ...string) {
	files.Fail(func(op, name string) error {
		if !bad.Load() {
			return nil
		}
		for _, o := range ops {
			if o == op {
				if op == "write" {
					return &vfs.Short{N: 7, Err: errNoSpace}
				}
				return errNoSpace
			}
		}
		return nil
	})
}

// poll waits until f is true.
func poll(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatal(what)
}

// alone is a client that tells what happened to a command, once.
func alone(t testing.TB, addr string) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, DisableIdentity: true, MaxRetries: -1, ReadTimeout: time.Minute})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// A full disk: writes are refused, reads are not, nothing that was answered is lost,
// and when there is room again everything goes on.
func TestAFullDisk(t *testing.T) {
	for _, policy := range []string{"always", "everysec", "no", "always " + onPackageNet} {
		policy, transport, portable := strings.Cut(policy, " ")
		for _, ops := range [][]string{{"write"}, {"write", "truncate"}} {
			t.Run(policy+transport+fmt.Sprint(ops), func(t *testing.T) {
				files, bad := new(vfs.Mem), new(atomic.Bool)
				failing(files, bad, ops...)
				args := logged("--appendfsync", policy)
				if portable {
					args = append(args, transport)
				}
				s := startOn(t, files, args...)
				c := alone(t, s.addr)
				if err := c.Set(ctx, "a", "1", 0).Err(); err != nil {
					t.Fatal(err)
				}
				bad.Store(true)
				// With always nobody is told that this was done; else it is in
				// memory, and waits there for the disk.
				err := c.Set(ctx, "b", "2", 0).Err()
				if answered := err == nil; answered == (policy == "always") {
					t.Errorf("a write that meets a full disk: %v", err)
				}
				poll(t, "writes are not refused", func() bool {
					err := c.Set(ctx, "c", "3", 0).Err()
					return err != nil && err.Error() == misconf
				})
				if err := c.Ping(ctx).Err(); err == nil || err.Error() != misconf {
					t.Errorf("PING: %v", err)
				}
				if v, err := c.Get(ctx, "a").Result(); v != "1" {
					t.Errorf("GET: %q, %v", v, err)
				}
				waitFor(t, s.Client, "aof_last_write_status:err")
				bad.Store(false)
				poll(t, "writes stay refused", func() bool { return c.Set(ctx, "d", "4", 0).Err() == nil })
				waitFor(t, s.Client, "aof_last_write_status:ok")
				if err := c.Set(ctx, "e", "5", 0).Err(); err != nil {
					t.Error(err)
				}
				after := startOn(t, files.Copy(), logged()...)
				if v := after.MGet(ctx, "a", "b", "c", "d", "e").Val(); fmt.Sprint(v) != "[1 2 <nil> 4 5]" {
					t.Errorf("then there is %v", v)
				}
			})
		}
	}
}

// What the system could not bring to the disk it may have thrown away: it is written
// again (always), or a new base is made (everysec).
func TestASyncThatFails(t *testing.T) {
	for _, policy := range []string{"always", "everysec"} {
		t.Run(policy, func(t *testing.T) {
			files, bad := new(vfs.Mem), new(atomic.Bool)
			s := startOn(t, files, logged("--appendfsync", policy)...)
			c := alone(t, s.addr)
			failing(files, bad, "sync")
			c.Set(ctx, "a", "1", 0)
			bad.Store(true)
			c.Set(ctx, "b", "2", 0)
			waitFor(t, s.Client, "aof_last_write_status:err")
			if err := c.Set(ctx, "c", "3", 0).Err(); err == nil || err.Error() != misconf {
				t.Errorf("a write: %v", err)
			}
			bad.Store(false)
			poll(t, "writes stay refused", func() bool { return c.Set(ctx, "d", "4", 0).Err() == nil })
			if policy == "everysec" {
				waitFor(t, s.Client, "aof_rewrites_consecutive_failures:0", "aof_rewrite_in_progress:0")
				if err := s.ConfigSet(ctx, "appendfsync", "always").Err(); err != nil {
					t.Fatal(err)
				}
				s.Set(ctx, "e", "5", 0) // brings what is before it to the disk
			}
			after := startOn(t, files.AfterCrash(), logged()...)
			if v := after.MGet(ctx, "a", "b", "c", "d").Val(); fmt.Sprint(v) != "[1 2 <nil> 4]" {
				t.Errorf("after a power cut there is %v", v)
			}
		})
	}
}

// Whatever operation of a rewrite fails, and whenever the power is cut, all that was
// answered is there: with appendfsync always.
func TestPowerIsCutDuringARewrite(t *testing.T) {
	for _, broken := range []string{"", "create", "append", "write", "sync", "rename", "remove", "syncdir"} {
		t.Run("failing "+broken, func(t *testing.T) {
			files := new(vfs.Mem)
			s := startOn(t, files, logged("--appendfsync", "always")...)
			fill(t, s.Client, samples()[:60])
			var answered atomic.Int64
			var mu sync.Mutex // no cut between an answer and its count
			stop, ended := make(chan struct{}), make(chan struct{})
			c := alone(t, s.addr)
			go func() {
				defer close(ended)
				for n := int64(1); ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					if c.Set(ctx, "n", n, 0).Err() == nil {
						mu.Lock()
						answered.Store(n)
						mu.Unlock()
					}
				}
			}()
			var cuts []*vfs.Mem
			var least []int64
			for fail := 1; fail <= 6; fail++ {
				left := atomic.Int64{}
				left.Store(int64(fail))
				files.Fail(func(op, name string) error {
					incr := strings.HasSuffix(name, ".incr.aof") && op != "create"
					if op == broken && !incr && left.Add(-1) == 0 {
						return errors.New("broken")
					}
					mu.Lock()
					defer mu.Unlock()
					if !incr && len(cuts) < 400 {
						least = append(least, answered.Load())
						cuts = append(cuts, files.AfterCrash())
					}
					return nil
				})
				if err := s.Do(ctx, "BGREWRITEAOF").Err(); err != nil {
					t.Fatal(err)
				}
				waitFor(t, s.Client, "aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0")
				files.Fail(nil)
			}
			close(stop)
			<-ended
			if len(cuts) < 30 {
				t.Fatalf("only %d cuts", len(cuts))
			}
			for i, cut := range cuts {
				if i%7 != 0 {
					continue
				}
				after := startOn(t, cut, logged()...)
				got, _ := strconv.ParseInt(after.Get(ctx, "n").Val(), 10, 64)
				if got < least[i] || after.Exists(ctx, "string0", "string:ttl").Val() != 2 {
					t.Errorf("after cut %d n is %d of %d, and there are %d keys", i, got, least[i], after.DBSize(ctx).Val())
				}
				after.stop()
			}
		})
	}
}

// With appendfsync always, whatever was answered before the power was cut is there,
// and each client's history is there up to some point. With the others the second
// holds.
func TestPowerIsCut(t *testing.T) {
	for _, c := range []struct{ policy, transport string }{{"always", ""}, {"everysec", ""}, {"always", onPackageNet}} {
		policy := c.policy
		t.Run(policy+" "+c.transport, func(t *testing.T) {
			files := new(vfs.Mem)
			args := logged("--appendfsync", policy)
			if c.transport != "" {
				args = append(args, c.transport)
			}
			s := startOn(t, files, args...)
			const clients = 8
			var counts [clients]atomic.Int64
			stop := make(chan struct{})
			var group sync.WaitGroup
			for w := range clients {
				group.Add(1)
				go func() {
					defer group.Done()
					c := client(t, s.addr)
					for n := int64(0); ; n++ {
						select {
						case <-stop:
							return
						default:
						}
						_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
							p.RPush(ctx, fmt.Sprintf("list%d", w), n)
							p.Incr(ctx, fmt.Sprintf("count%d", w))
							return nil
						})
						if err != nil {
							t.Error(err)
							return
						}
						counts[w].Store(n + 1)
						time.Sleep(time.Duration(w+1) * 300 * time.Microsecond) // so that the log stays short
					}
				}()
			}
			for range 20 {
				time.Sleep(10 * time.Millisecond)
				var least [clients]int64
				for w := range clients {
					least[w] = counts[w].Load()
				}
				cut := files.AfterCrash()
				after := startOn(t, cut, logged()...)
				for w := range clients {
					list := after.LRange(ctx, fmt.Sprintf("list%d", w), 0, -1).Val()
					n, _ := after.Get(ctx, fmt.Sprintf("count%d", w)).Int()
					if n != len(list) {
						t.Errorf("half a transaction: %d pushed, %d counted", len(list), n)
					}
					for i, v := range list {
						if v != strconv.Itoa(i) {
							t.Fatalf("element %d is %s", i, v)
						}
					}
					if policy == "always" && int64(n) < least[w] {
						t.Errorf("%d are there, %d were answered", n, least[w])
					}
				}
				after.stop()
			}
			close(stop)
			group.Wait()
		})
	}
}
