package server

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Many clients take a lock, hold it, lose it, give it back and go, all at once. Writes that are
// fenced with their tokens are in the order of the tokens, and none comes after a newer one;
// nobody who still has time left shares an exclusive lock with others.
func TestNeverTwoHoldersByTheOrderOfTokens(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		seed := uint64(time.Now().UnixNano())
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		})
		_, path := startServer(t, portable)
		var group sync.WaitGroup
		var inside [2]atomic.Int64 // shared and exclusive holders who are sure to hold
		var granted atomic.Int64
		check := func(shared bool) func() {
			if shared {
				inside[0].Add(1)
			} else if n := inside[1].Add(1); n != 1 || inside[0].Load() != 0 {
				t.Errorf("%d exclusive holders, %d shared ones", n, inside[0].Load())
			}
			return func() {
				if shared {
					inside[0].Add(-1)
				} else {
					inside[1].Add(-1)
				}
			}
		}
		for i := range 12 {
			rnd := rand.New(rand.NewPCG(seed, uint64(i)))
			s := newSpeaker(t, path)
			group.Add(1)
			go func() {
				defer group.Done()
				for n := range 60 {
					owner, shared := fmt.Sprintf("o%d-%d", i, n), rnd.IntN(3) == 0
					ttl, options := int64(60_000), " WAIT 30000"
					short := rnd.IntN(4) == 0
					if short {
						ttl = 1 + rnd.Int64N(4)
					}
					if shared {
						options += " SHARED"
					}
					if rnd.IntN(3) == 0 {
						options += " WHILE CONNECTED"
					}
					if rnd.IntN(10) == 0 {
						options = " WAIT 1" // most of them in vain
					}
					many := rnd.IntN(5) == 0
					words := fmt.Sprintf("LOCK.ACQUIRE k %s TTL %d%s", owner, ttl, options)
					if many {
						words = fmt.Sprintf("LOCK.MACQUIRE 2 k%d k %s TTL %d%s", rnd.IntN(2), owner, ttl, options)
					}
					s.send(words)
					got := s.reply()
					if got[0] != "acquired" {
						t.Errorf("%s: %v", words, got)
						return
					}
					if got[1] != "1" {
						continue
					}
					granted.Add(1)
					token := got[3]
					leave := func() {}
					if !short {
						leave = check(shared)
					}
					if !shared {
						if wrote := s.say("FENCED k %s RPUSH log %s", token, token); !short && strings.HasPrefix(wrote, "-") {
							t.Errorf("%s: %s", words, wrote)
						}
					}
					leave()
					switch rnd.IntN(4) {
					case 0: // the connection ends, and the lock with it or at its time
						if strings.Contains(words, "CONNECTED") || short {
							s.conn.Close()
							s = newSpeaker(t, path)
							if many {
								continue
							}
							break
						}
						fallthrough
					default:
						s.say("LOCK.RELEASE k %s", owner)
					}
					if many {
						s.say("LOCK.RELEASE k0 %s", owner)
						s.say("LOCK.RELEASE k1 %s", owner)
					}
				}
			}()
		}
		group.Wait()
		c := newSpeaker(t, path)
		c.send("LRANGE log 0 -1")
		last := int64(0)
		log := c.reply()
		for _, x := range log {
			n, err := strconv.ParseInt(x, 10, 64)
			if err != nil || n <= last {
				t.Fatalf("a write with token %s behind %d", x, last)
			}
			last = n
		}
		if granted.Load() < 300 || len(log) < 100 {
			t.Errorf("%d holds, %d writes", granted.Load(), len(log))
		}
		c.await("k", 0)
	})
}

// Many clients take permits of a semaphore, with costs, and give them back: never more than
// its limit is in use.
func TestNeverMorePermitsThanTheLimit(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		const limit = 3
		var group sync.WaitGroup
		var used, most atomic.Int64
		for i := range 10 {
			rnd := rand.New(rand.NewPCG(7, uint64(i)))
			s := newSpeaker(t, path)
			group.Add(1)
			go func() {
				defer group.Done()
				for n := range 60 {
					cost := 1 + rnd.Int64N(limit)
					id := fmt.Sprintf("p%d-%d", i, n)
					words := fmt.Sprintf("SEM.ACQUIRE s %d TTL 60000 WAIT 30000 COST %d ID %s", limit, cost, id)
					if rnd.IntN(4) == 0 { // it runs out by itself
						s.say("SEM.ACQUIRE s %d TTL %d WAIT 30000 COST %d", limit, 1+rnd.IntN(3), cost)
						continue
					}
					if got := s.say("%s", words); valueOf(got, "acquired") != "1" || valueOf(got, "id") != id {
						t.Errorf("%s: %s", words, got)
						return
					}
					if now := used.Add(cost); now > limit {
						t.Errorf("%d in use", now)
					} else if most.Load() < now {
						most.Store(now)
					}
					if again := s.say("%s", words); valueOf(again, "acquired") != "1" {
						t.Errorf("%s again: %s", words, again)
					}
					used.Add(-cost)
					if a, b := s.say("SEM.RELEASE s %s", id), s.say("SEM.RELEASE s %s", id); a != "1" || b != "0" {
						t.Errorf("released %s and %s", a, b)
					}
				}
			}()
		}
		group.Wait()
		if most.Load() != limit {
			t.Errorf("never more than %d in use", most.Load())
		}
	})
}

// Those who take several locks never wait for each other, in whatever order they name them.
func TestSeveralLocksAtOnceAreTakenWithoutADeadlock(t *testing.T) {
	_, path := startServer(t, false)
	var group sync.WaitGroup
	for i := range 8 {
		rnd := rand.New(rand.NewPCG(9, uint64(i)))
		s := newSpeaker(t, path)
		group.Add(1)
		go func() {
			defer group.Done()
			for range 50 {
				keys := rnd.Perm(5)[:3]
				words := fmt.Sprintf("LOCK.MACQUIRE 3 k%d k%d k%d o%d TTL 600000 WAIT 60000", keys[0], keys[1], keys[2], i)
				if got := s.say("%s", words); valueOf(got, "acquired") != "1" {
					t.Errorf("%s: %s", words, got)
					return
				}
				for _, k := range keys {
					s.say("LOCK.RELEASE k%d o%d", k, i)
				}
			}
		}()
	}
	group.Wait()
}
