package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// fieldsOf are the values of a flat reply by their names.
func fieldsOf(t *testing.T, reply any, err error) map[string]any {
	t.Helper()
	list, ok := reply.([]any)
	if err != nil || !ok {
		t.Fatalf("%v, %v", reply, err)
	}
	all := map[string]any{}
	for i := 0; i+1 < len(list); i += 2 {
		all[fmt.Sprint(list[i])] = list[i+1]
	}
	return all
}

func TestTokensGrowThoughTheServerIsKilled(t *testing.T) {
	binary := build(t)
	none := []string{"--appendonly", "no"}
	for _, x := range []struct {
		name, policy string
		settings     []string
		forgets      bool // the directory is empty at each start
	}{
		{"always", "always", nil, false}, {"everysec", "everysec", nil, false}, {"no", "no", nil, false},
		{"without a log", "", none, false}, {"without a directory", "", none, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := *seed
			if s == 0 {
				s = rand.Uint64()
			}
			t.Logf("-seed %d", s)
			r := rand.New(rand.NewPCG(s, 0))
			p := &process{binary: binary, dir: t.TempDir(), policy: x.policy, settings: x.settings}
			logged := x.settings == nil
			last := int64(0) // token of all lives before
			kept := int64(0) // token of a lock that stays
			const many = 4   // clients
			var tokens [many][]int64
			for round := range max(*kills/2, 4) {
				c := p.ready(t)
				if logged && round > 0 {
					got, err := c.Do(ctx, "LOCK.RENEW", "stays", "me", "TTL", 1e8, "TOKEN", kept).Result()
					if f := fieldsOf(t, got, err); f["renewed"] != int64(1) {
						t.Fatalf("round %d: a lock that was granted: %v", round, f)
					}
					if got, err := c.Do(ctx, "LOCK.INFO", "bound").Result(); err != redis.Nil {
						t.Fatalf("round %d: a lock of a connection that is gone: %v, %v", round, got, err)
					}
				}
				var group sync.WaitGroup
				for i := range many {
					tokens[i] = tokens[i][:0]
					group.Go(func() { tokens[i] = takeLocks(p.addr, i, tokens[i]) })
				}
				if got, err := c.Do(ctx, "LOCK.ACQUIRE", "stays", "me", "TTL", 1e8, "HOLDS", 1).Result(); err == nil {
					kept = fieldsOf(t, got, err)["token"].(int64)
				}
				c.Do(ctx, "LOCK.ACQUIRE", "bound", "me", "TTL", 1e8, "WHILE", "CONNECTED")
				time.Sleep(time.Duration(r.IntN(80)) * time.Millisecond)
				p.kill()
				_ = c.Close()
				group.Wait()
				top := last
				for i := range many {
					before := last
					for _, n := range tokens[i] {
						if n <= before {
							t.Fatalf("round %d: token %d behind %d", round, n, before)
						}
						before = n
					}
					top = max(top, before)
				}
				last = top
				if x.forgets {
					_ = os.RemoveAll(p.dir)
					_ = os.Mkdir(p.dir, 0o755)
				}
			}
			if last == 0 {
				t.Error("no token at all")
			}
			if _, err := os.Stat(filepath.Join(p.dir, "cached-tokens")); err != nil && !x.forgets {
				t.Error(err)
			}
		})
	}
}

// takeLocks takes locks and gives them back until the server is gone, and returns the tokens.
func takeLocks(addr string, client int, tokens []int64) []int64 {
	c := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, PoolSize: 1})
	defer c.Close()
	key := fmt.Sprintf("lock%d", client%2) // two clients each
	for {
		all, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for range 8 {
				p.Do(ctx, "LOCK.ACQUIRE", key, client, "TTL", 1000)
				p.Do(ctx, "LOCK.RELEASE", key, client)
			}
			return nil
		})
		for i, cmd := range all {
			list, ok := cmd.(*redis.Cmd).Val().([]any)
			if i%2 == 0 && ok && list[1] == int64(1) {
				tokens = append(tokens, list[3].(int64))
			}
		}
		if err != nil {
			return tokens
		}
	}
}
