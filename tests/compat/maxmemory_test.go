package compat

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestCommandsAreRefusedWithoutMemoryAsByTheReference(t *testing.T) {
	sameConversation(t, `
			a: SET k v
			a: CONFIG SET maxmemory 1
			a: SET k w
			a: GET k
			a: APPEND k x
			a: DEL nosuch
			a: LPUSH l 1
			a: EXPIRE k 100
			a: SET k
			a: MULTI
			a: GET k
			a: SET k w
			a: EXEC
			a: MULTI
			a: DISCARD
			a: MULTI
			a: EXEC
			a: CONFIG SET maxmemory 0
			a: MULTI
			a: SET k w
			b: CONFIG SET maxmemory 1
			a: EXEC
			a: MULTI
			b: CONFIG SET maxmemory 0
			a: SET k x
			a: EXEC
			a: CONFIG SET maxmemory 1
			a: CONFIG SET maxmemory-policy volatile-lru
			a: SET k y
			a: CONFIG SET maxmemory 0
			a: SET k y
			a: GET k
`)
}

// The limit holds for what the system sees, whatever clients do: small values
// after large ones, most of them deleted, collections, large pipelines.
func TestMemoryStaysWithinMaxmemory(t *testing.T) {
	const limit, slack = int64(64 << 20), 24 << 20
	p := startOwn(t, subjectBin, "--maxmemory", fmt.Sprint(limit), "--maxmemory-policy", "allkeys-lru")
	if p.rssBytes() == 0 {
		t.Log("no /proc: nothing measured")
		return
	}
	var peak atomic.Int64
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			peak.Store(max(peak.Load(), p.rssBytes()))
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	rng := rand.New(rand.NewPCG(1, 2))
	rdb := redis.NewClient(&redis.Options{Addr: p.addr, ReadTimeout: time.Minute, WriteTimeout: time.Minute})
	defer rdb.Close()
	big := strings.Repeat("x", 300<<10)
	for _, w := range []struct {
		name  string
		calls int
		call  func(pipe redis.Pipeliner, i int)
	}{
		{"values of 100 bytes", 500000, func(pipe redis.Pipeliner, i int) { pipe.Set(ctx, fmt.Sprint("k", i), big[:100], 0) }},
		{"most deleted", 500000, func(pipe redis.Pipeliner, i int) {
			if rng.IntN(10) > 0 {
				pipe.Del(ctx, fmt.Sprint("k", i))
			}
		}},
		{"values of 900 bytes", 90000, func(pipe redis.Pipeliner, i int) { pipe.Set(ctx, fmt.Sprint("n", i), big[:900], 0) }},
		{"values of all sizes", 60000, func(pipe redis.Pipeliner, i int) {
			pipe.Set(ctx, fmt.Sprint("m", i), big[:1<<rng.IntN(15)], 0)
		}},
		{"fields", 150000, func(pipe redis.Pipeliner, i int) {
			pipe.HSet(ctx, fmt.Sprint("h", rng.IntN(100)), fmt.Sprint(rng.IntN(5000)), big[:rng.IntN(100)])
		}},
		{"large values", 600, func(pipe redis.Pipeliner, i int) { pipe.Set(ctx, fmt.Sprint("b", i), big[:rng.IntN(len(big))], 0) }},
	} {
		for i := 0; i < w.calls; {
			pipe := rdb.Pipeline()
			for range 500 {
				w.call(pipe, i)
				if i++; i == w.calls || i%20 == 0 && w.calls < 1000 {
					break
				}
			}
			if pipe.Len() == 0 {
				continue
			}
			if _, err := pipe.Exec(ctx); err != nil {
				t.Fatalf("%s: %v", w.name, err)
			}
		}
		if got := peak.Swap(0); got > limit+limit/20+slack {
			t.Errorf("%s: %d bytes resident, the limit is %d", w.name, got, limit)
		}
	}
	close(done)
	<-stopped
	if n := value(t, rdb.DBSize(ctx)); n < 100 {
		t.Errorf("%d keys are left: too much was evicted", n)
	}
}
