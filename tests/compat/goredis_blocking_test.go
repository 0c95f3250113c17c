package compat

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// A popped is the reply to one blocked client.
type popped struct {
	client int
	value  string
	err    error
}

// awaitBlocked polls until the server has n blocked clients.
func awaitBlocked(t *testing.T, rdb *redis.Client, n int) {
	t.Helper()
	want := fmt.Sprintf("blocked_clients:%d\r\n", n)
	for end := time.Now().Add(replyTime); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if strings.Contains(value(t, rdb.Info(ctx, "clients")), want) {
			return
		}
	}
	t.Fatalf("there are never %d blocked clients", n)
}

// take waits for the next answer to a blocked client.
func take(t *testing.T, from chan popped) popped {
	t.Helper()
	select {
	case p := <-from:
		return p
	case <-time.After(replyTime):
		t.Fatal("no blocked client is answered")
	}
	panic("unreachable")
}

// waitInLine has n clients wait with a command, one after the other.
func waitInLine(t *testing.T, rdb *redis.Client, n int, call func(c *redis.Conn) (string, error)) chan popped {
	t.Helper()
	answers := make(chan popped, n)
	for i := range n {
		c := rdb.Conn()
		t.Cleanup(func() { c.Close() })
		go func() {
			v, err := call(c)
			answers <- popped{i, v, err}
		}()
		awaitBlocked(t, rdb, i+1)
	}
	return answers
}

func blpop(c *redis.Conn) (string, error) {
	kv, err := c.BLPop(ctx, 0, "k").Result()
	return strings.Join(kv, " "), err
}

func TestWhoWaitsFirstIsServedFirst(t *testing.T) {
	const n = 20
	both(t, func(t *testing.T, rdb *redis.Client) {
		got := waitInLine(t, rdb, n, blpop)
		for i := range n {
			eq(t, rdb.RPush(ctx, "k", i), 1)
			if p := take(t, got); p.err != nil || p.client != i || p.value != fmt.Sprint("k ", i) {
				t.Fatalf("element %d went to %+v", i, p)
			}
		}
		// One push of many elements: each client gets the one of its place.
		got = waitInLine(t, rdb, n, blpop)
		all := make([]any, n+1)
		for i := range all {
			all[i] = i
		}
		eq(t, rdb.RPush(ctx, "k", all...), n+1)
		for range n {
			if p := take(t, got); p.err != nil || p.value != fmt.Sprint("k ", p.client) {
				t.Errorf("%+v", p)
			}
		}
		eq(t, rdb.LRange(ctx, "k", 0, -1), []string{fmt.Sprint(n)})
	})
}

func TestWhatWakesAWaitingClient(t *testing.T) {
	wakers := map[string]func(rdb *redis.Client) error{
		"LPUSH":  func(rdb *redis.Client) error { return rdb.LPush(ctx, "k", "v").Err() },
		"RPUSH":  func(rdb *redis.Client) error { return rdb.RPush(ctx, "k", "v").Err() },
		"LMOVE":  func(rdb *redis.Client) error { return rdb.LMove(ctx, "src", "k", "LEFT", "LEFT").Err() },
		"RENAME": func(rdb *redis.Client) error { return rdb.Rename(ctx, "src", "k").Err() },
		"COPY":   func(rdb *redis.Client) error { return rdb.Copy(ctx, "src", "k", 0, false).Err() },
		"MULTI": func(rdb *redis.Client) error {
			_, err := rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.RPush(ctx, "k", "lost")
				p.Del(ctx, "k")
				p.RPush(ctx, "k", "v")
				return nil
			})
			return err
		},
		"a string before it": func(rdb *redis.Client) error {
			if err := rdb.Set(ctx, "k", "string", 0).Err(); err != nil {
				return err
			}
			return rdb.Rename(ctx, "src", "k").Err()
		},
	}
	both(t, func(t *testing.T, rdb *redis.Client) {
		for name, wake := range wakers {
			value(t, rdb.FlushAll(ctx))
			value(t, rdb.RPush(ctx, "src", "v"))
			got := waitInLine(t, rdb, 1, blpop)
			if err := wake(rdb); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if p := take(t, got); p.err != nil || p.value != "k v" {
				t.Errorf("%s: %+v", name, p)
			}
		}
	})
}

func TestClientUnblockEndsAWait(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		for _, how := range []string{"", "TIMEOUT", "ERROR"} {
			c := rdb.Conn()
			id := value(t, c.ClientID(ctx))
			answer := make(chan popped, 1)
			go func() {
				v, err := blpop(c)
				answer <- popped{0, v, err}
			}()
			awaitBlocked(t, rdb, 1)
			call := []any{"CLIENT", "UNBLOCK", id}
			if how != "" {
				call = append(call, how)
			}
			eq(t, rdb.Do(ctx, call...), any(int64(1)))
			p := take(t, answer)
			if how != "ERROR" && !errors.Is(p.err, redis.Nil) ||
				how == "ERROR" && (p.err == nil || p.err.Error() != "UNBLOCKED client unblocked via CLIENT UNBLOCK") {
				t.Errorf("UNBLOCK %s: %+v", how, p)
			}
			eq(t, rdb.Do(ctx, call...), any(int64(0)))
			c.Close()
		}
	})
}

// A client that hangs up while it waits must not take an element with it.
func TestAClientThatHangsUpLosesNothing(t *testing.T) {
	rdb := newClient(t, subject(t), 2)
	value(t, rdb.FlushAll(ctx))
	w := dial(t, subject(t))
	if err := w.send(argv("BLPOP", "k", "0")); err != nil {
		t.Fatal(err)
	}
	awaitBlocked(t, rdb, 1)
	w.Close()
	awaitBlocked(t, rdb, 0)
	eq(t, rdb.RPush(ctx, "k", "kept"), 1)
	eq(t, rdb.LRange(ctx, "k", 0, -1), []string{"kept"})
}

func TestWaitsEndWithTheirTime(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		// No deadline of a test: only that they end, and with nothing.
		isNil(t, rdb.Do(ctx, "BLPOP", "k", "0.01"))
		isNil(t, rdb.Do(ctx, "BLMOVE", "k", "l", "LEFT", "LEFT", "0.001"))
		isNil(t, rdb.Do(ctx, "BLMPOP", "0.01", "1", "k", "LEFT"))
		isNil(t, rdb.Do(ctx, "BZPOPMIN", "k", "0.01"))
		isNil(t, rdb.Do(ctx, "BZMPOP", "0.01", "1", "k", "MIN"))
	})
}

func TestSortedSetsServeWaitingClients(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		got := waitInLine(t, rdb, 3, func(c *redis.Conn) (string, error) {
			z, err := c.BZPopMin(ctx, 0, "none", "z").Result()
			if err != nil {
				return "", err
			}
			return fmt.Sprint(z.Key, " ", z.Member, " ", z.Score), nil
		})
		eq(t, rdb.ZAdd(ctx, "z", redis.Z{Score: 2, Member: 2}, redis.Z{Score: 0, Member: 0}, redis.Z{Score: 1, Member: 1}), 3)
		for range 3 {
			if p := take(t, got); p.err != nil || p.value != fmt.Sprintf("z %d %d", p.client, p.client) {
				t.Errorf("%+v", p)
			}
		}
		eq(t, rdb.Exists(ctx, "z"), 0)
	})
}
