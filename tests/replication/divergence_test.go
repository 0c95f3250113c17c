package replication

import (
	"flag"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	rounds = flag.Int("rounds", 3, "how often links are cut, or servers killed, in each test")
	seed   = flag.Uint64("seed", 0, "of what is random; 0 takes one of its own")
)

func random(t *testing.T) *rand.Rand {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("-seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}

// settle waits until no key of the play has a deadline that comes soon, so that both have ended
// the same.
func settle(a, b *server) {
	a.must("CONFIG", "SET", "repl-ping-replica-period", 1)
	time.Sleep(3200 * time.Millisecond) // the longest deadline of the play
	for db := range 3 {                 // what is looked at ends
		c := a.Conn()
		c.Do(ctx, "SELECT", db)
		for _, k := range c.Keys(ctx, "*").Val() {
			c.Do(ctx, "EXISTS", k)
		}
		_ = c.Close()
	}
	b.caughtUp(a)
}

// A replica has what its primary has, whatever is done and wherever links are cut. The links
// are cut while commands run, so that it resumes in the middle of them.
func TestAReplicaHasWhatItsPrimaryHas(t *testing.T) {
	for _, pair := range [][2]string{{"cached", "cached"}, {"redis-server", "cached"}, {"cached", "redis-server"},
		{"valkey-server", "cached"}, {"cached", "valkey-server"}} {
		t.Run(pair[0]+" to "+pair[1], func(t *testing.T) {
			t.Parallel()
			program(t, pair[0])
			program(t, pair[1])
			r := random(t)
			ours := pair[0] == "cached" && pair[1] == "cached"
			a, b := start(t, pair[0]), start(t, pair[1])
			p := newProxy(t, a.addr())
			play(a, r, 500, ours)
			play(b, r, 50, ours) // what a replica had before goes
			b.follow(p.port)
			for range *rounds {
				var group sync.WaitGroup
				own := rand.New(rand.NewPCG(r.Uint64(), 0))
				group.Go(func() { play(a, own, 3000, ours) })
				for range 1 + r.IntN(3) {
					time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
					p.cut(r.IntN(2) == 0)
					time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond)
					p.cut(false)
				}
				group.Wait()
				b.caughtUp(a)
			}
			settle(a, b)
			same(t, a, b)
			if full, partial := a.syncs(); partial == 0 {
				t.Errorf("%d full and %d partial synchronisations: nothing was resumed", full, partial)
			} else {
				t.Logf("%d full and %d partial synchronisations, %s bytes", full, partial, a.fields()["master_repl_offset"])
			}
		})
	}
}

// What WAIT has acknowledged is there after the primary was killed and the replica promoted.
func TestAcknowledgedWritesSurviveAPromotion(t *testing.T) {
	r := random(t)
	a, b := start(t, "cached"), start(t, "cached")
	next := 0
	for range *rounds {
		b.follow(a.port)
		b.caughtUp(a)
		var acknowledged []string
		end := make(chan struct{})
		go func() {
			defer close(end)
			c := a.Conn()
			defer c.Close()
			for {
				next++
				key := "key:" + strconv.Itoa(next)
				if c.Set(ctx, key, next, 0).Err() != nil {
					return
				}
				if n, err := c.Do(ctx, "WAIT", 1, 1000).Int(); err != nil {
					return
				} else if n == 1 {
					acknowledged = append(acknowledged, key)
				}
			}
		}()
		time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond)
		a.kill()
		<-end
		b.must("REPLICAOF", "NO", "ONE")
		for _, key := range acknowledged {
			if b.Get(ctx, key).Val() != key[len("key:"):] {
				t.Fatalf("%s was acknowledged, and is not there", key)
			}
		}
		a.run()
		a, b = b, a
	}
}

// A server that is told to end waits for its replica: no write that was answered is missing there.
func TestAnOrderlyEndWaitsForReplicas(t *testing.T) {
	a, b := start(t, "cached"), start(t, "cached")
	p := newProxy(t, a.addr())
	b.follow(p.port)
	b.caughtUp(a)
	value := strings.Repeat("x", 100000)
	for i := range 200 {
		a.must("SET", "k"+strconv.Itoa(i), value)
	}
	_ = a.Do(ctx, "SHUTDOWN", "NOSAVE").Err()
	<-a.ended
	b.until("it has all keys", func() bool { return b.DBSize(ctx).Val() == 200 })
}
