package compat

import (
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestTransactionsAreAsTheReferences(t *testing.T) {
	for name, lines := range map[string]string{
		"words": `only redis-7.0
			a: MULTI
			a: MULTI
			a: EXEC
			a: MULTI
			a: WATCH a
			a: SET a 1
			a: EXEC
			a: MULTI
			a: EXEC 1
			a: EXEC
			a: MULTI
			a: foo
			a: SET a
			a: EXEC
			a: MULTI
			a: EXEC
			a: MULTI
			a: PING
			a: EXEC
			a: MULTI
			a: DISCARD 1
			a: DISCARD
			a: DISCARD
			a: EXEC
			a: MULTI
			a: WAIT 1 0
			a: SELECT 1
			a: SET a 1
			a: GET a b
			a: EXEC
			a: MULTI
			a: WAIT 1 0
			a: SELECT 1
			a: SET a 1
			a: INCR x
			a: CONFIG RESETSTAT
			a: EXEC
			a: UNWATCH
			a: WATCH
`,
		"watch": `
			a: WATCH x
			a: SET x 1 PX 20
			a: MULTI
			a: PING
			a: EXEC
			a: DEL x
			a: WATCH x
			a: DEBUG SLEEP 0.05
			a: MULTI
			a: PING
			a: EXEC
			a: SET x 1 PX 20
			a: WATCH x
			a: DEBUG SLEEP 0.05
			a: MULTI
			a: PING
			a: EXEC
			a: SET x 1 PX 20
			a: DEBUG SLEEP 0.05
			a: WATCH x
			a: MULTI
			a: PING
			a: EXEC
			a: WATCH x
			a: FLUSHALL
			a: MULTI
			a: PING
			a: EXEC
			a: SET x 1
			a: WATCH x
			a: FLUSHDB
			a: MULTI
			a: PING
			a: EXEC
			a: SELECT 1
			a: SET x 1
			a: SELECT 0
			a: WATCH x
			a: SWAPDB 0 1
			a: MULTI
			a: PING
			a: EXEC
			a: WATCH x
			a: SWAPDB 0 1
			a: MULTI
			a: PING
			a: EXEC
			a: WATCH x
			a: SWAPDB 2 3
			a: MULTI
			a: PING
			a: EXEC
			a: SET x 1
			a: WATCH x
			a: GETEX x EX 100
			a: MULTI
			a: PING
			a: EXEC
			a: WATCH x
			a: GET x
			a: MULTI
			a: INCR x
			a: SELECT 4
			a: SET y 2
			a: GET y
			a: EXEC
			a: GET y
			a: MULTI
			a: CLIENT LIST ID 999
			a: ECHO a
			a: RESET
			a: EXEC
			a: MULTI
			a: SET a b
			a: QUIT
`,
		"others": `
			a: WATCH k
			b: SET k 1
			a: MULTI
			a: SET k 2
			a: EXEC
			a: GET k
			a: WATCH k
			b: SET other 1
			a: MULTI ;; SET k 3 ;; GET k ;; EXEC
			a: WATCH k ;; UNWATCH
			b: SET k 4
			a: MULTI ;; GET k ;; EXEC
			a: WATCH k
			a: MULTI
			b: DEL k
			a: DISCARD
			a: MULTI ;; GET k ;; EXEC
			a: WATCH k k2
			b: DEL k
			a: MULTI ;; PING ;; EXEC
			a: WATCH k
			b: SET k 1
			a: RESET
			a: MULTI ;; PING ;; EXEC
			a: HELLO 3
			a: WATCH k
			b: INCR k
			a: MULTI ;; HGETALL nothing ;; EXEC
			a: MULTI ;; HGETALL nothing ;; HELLO 2 ;; GET nothing ;; HELLO 3 ;; GET nothing ;; EXEC
			a: MULTI
			a: SET a
			b: WATCH z
			b: MULTI
			b: SET z 1
			b: QUIT
			a: exec
			a: GET z`,
	} {
		t.Run(name, func(t *testing.T) { sameConversation(t, lines) })
	}
}

// A transaction is seen whole or not at all, over any shards.
func TestATransactionIsSeenWhole(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		const n = 300
		var done sync.WaitGroup
		for g := range 3 {
			done.Go(func() {
				for i := range n {
					_, err := rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
						for _, k := range []string{"ta", "tb", "tc", "td"} {
							p.Set(ctx, k, g*n+i, 0)
						}
						return nil
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for range n {
			all, err := rdb.MGet(ctx, "ta", "tb", "tc", "td").Result()
			if err != nil || all[0] != all[1] || all[1] != all[2] || all[2] != all[3] {
				t.Fatalf("half a transaction: %v, %v", all, err)
			}
		}
		done.Wait()
	})
}

// Counters incremented under WATCH lose nothing, though only one of the watched
// keys is written: EXEC checks the others in the same moment.
func TestWatchedCountersAddUp(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		var done sync.WaitGroup
		const each, clients = 40, 4
		for range clients {
			done.Go(func() {
				for range each {
					for {
						err := rdb.Watch(ctx, func(tx *redis.Tx) error {
							v, err := tx.Get(ctx, "counter").Int()
							if err != nil && err != redis.Nil {
								return err
							}
							_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
								p.Set(ctx, "counter", v+1, 0)
								return nil
							})
							return err
						}, "counter")
						if err == nil {
							break
						}
						if err != redis.TxFailedErr {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		done.Wait()
		if v, _ := rdb.Get(ctx, "counter").Int(); v != each*clients {
			t.Errorf("counter is %d, want %d", v, each*clients)
		}
	})
}
