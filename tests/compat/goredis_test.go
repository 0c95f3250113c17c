package compat

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()

// A result is the return value of each command of the client library.
type result[T any] interface {
	Result() (T, error)
	String() string
}

// eq checks a command's value.
func eq[T any](t *testing.T, cmd result[T], want T) {
	t.Helper()
	got, err := cmd.Result()
	if err != nil {
		t.Errorf("%s: error %v, want %v", cmd, err, want)
	} else if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %#v, want %#v", cmd, got, want)
	}
}

// isNil checks that a command found nothing.
func isNil[T any](t *testing.T, cmd result[T]) {
	t.Helper()
	if v, err := cmd.Result(); !errors.Is(err, redis.Nil) {
		t.Errorf("%s: got %v, %v, want nil", cmd, v, err)
	}
}

// fails checks a command's error in full.
func fails[T any](t *testing.T, cmd result[T], text string) {
	t.Helper()
	if v, err := cmd.Result(); err == nil || err.Error() != text {
		t.Errorf("%s: got %v, %v, want the error %q", cmd, v, err, text)
	}
}

// value returns the result of a command that must not fail.
func value[T any](t *testing.T, cmd result[T]) T {
	t.Helper()
	v, err := cmd.Result()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	return v
}

// near checks a duration that shrinks while we look.
func near(t *testing.T, cmd result[time.Duration], want time.Duration) {
	t.Helper()
	if got := value(t, cmd); got > want || got < want-5*time.Second {
		t.Errorf("%s: got %v, want nearly %v", cmd, got, want)
	}
}

func newClient(t testing.TB, p *process, protocol int) *redis.Client {
	rdb := redis.NewClient(&redis.Options{Addr: p.addr, Protocol: protocol, ReadTimeout: replyTime, MaxRetries: -1, PoolSize: 64})
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

// both runs a test in both protocols, on an empty server.
func both(t *testing.T, f func(t *testing.T, rdb *redis.Client)) {
	t.Helper()
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", protocol), func(t *testing.T) {
			rdb := newClient(t, subject(t), protocol)
			if err := rdb.FlushAll(ctx).Err(); err != nil {
				t.Fatal(err)
			}
			f(t, rdb)
		})
	}
}

const (
	wrongType  = "WRONGTYPE Operation against a key holding the wrong kind of value"
	notInteger = "ERR value is not an integer or out of range"
	syntax     = "ERR syntax error"
)

func TestClientLibraryPipelinesAndPools(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		pipe := rdb.Pipeline()
		for i := range 5000 {
			pipe.Set(ctx, fmt.Sprint("p", i), i, 0)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
		pipe = rdb.Pipeline()
		var gets []*redis.StringCmd
		for i := range 5000 {
			gets = append(gets, pipe.Get(ctx, fmt.Sprint("p", i)))
		}
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
		for i, g := range gets {
			eq(t, g, fmt.Sprint(i))
		}
		eq(t, rdb.DBSize(ctx), 5000)
	})
}

// One counter and many clients: no increment may be lost.
func TestIncrementsOfManyClientsAddUp(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		const clients, each = 20, 500
		errs := make(chan error, clients)
		for range clients {
			go func() {
				var err error
				for range each {
					if err = rdb.Incr(ctx, "n").Err(); err != nil {
						break
					}
				}
				errs <- err
			}()
		}
		for range clients {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		eq(t, rdb.Get(ctx, "n"), fmt.Sprint(clients*each))
	})
}

// MSET is seen whole: a reader never finds two of its keys with different values.
func TestMSetIsSeenWhole(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		stop := make(chan struct{})
		done := make(chan error, 1)
		value(t, rdb.MSet(ctx, "a", 0, "b", 0, "c", 0))
		go func() {
			for i := 1; ; i++ {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				if err := rdb.MSet(ctx, "a", i, "b", i, "c", i).Err(); err != nil {
					done <- err
					return
				}
			}
		}()
		for range 3000 {
			v := value(t, rdb.MGet(ctx, "a", "b", "c"))
			if v[0] != v[1] || v[1] != v[2] {
				t.Errorf("half a MSET: %v", v)
				break
			}
		}
		close(stop)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestSocketsOfTheFileSystem(t *testing.T) {
	p := subject(t)
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: p.unix})
	defer rdb.Close()
	eq(t, rdb.Ping(ctx), "PONG")
	eq(t, rdb.Set(ctx, "unix", "x", 0), "OK")
	eq(t, newClient(t, p, 3).Get(ctx, "unix"), "x")
}

var maxInt = fmt.Sprint(math.MaxInt64)
