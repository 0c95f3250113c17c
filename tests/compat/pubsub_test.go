package compat

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestPublishingIsAsTheReferences(t *testing.T) {
	for name, lines := range map[string]string{
		"resp2": `
			a: SUBSCRIBE x x
			a: SUBSCRIBE y
			a: PSUBSCRIBE x*
			b: PUBLISH x 1
			b: PUBLISH xy 2 ;; PUBLISH y 3 ;; PUBLISH z 4
			a: PING
			a: PING hi
			a: PING hi there
			a: GET k
			a: get
			a: CONFIG GET x
			a: MULTI
			a: EXEC
			a: nosuch
			b: EXEC x
			a: UNSUBSCRIBE x
			b: PUBLISH x 5
			a: UNSUBSCRIBE x
			a: UNSUBSCRIBE
			a: GET k
			a: PUNSUBSCRIBE
			a: UNSUBSCRIBE
			a: PUNSUBSCRIBE
			a: SUNSUBSCRIBE
			a: PUNSUBSCRIBE none none2
			a: GET k
			a: PING
			a: SUBSCRIBE x
			a: RESET
			a: GET k
			b: PUBLISH x 6
			a: SUBSCRIBE x ;; PING ;; UNSUBSCRIBE ;; PING
			a: SUBSCRIBE q
			a: QUIT`,
		"resp3": `only valkey-9.1
			a: HELLO 3
			a: SUBSCRIBE x
			a: PSUBSCRIBE *
			a: SSUBSCRIBE x
			b: PUBLISH x 3 ;; SPUBLISH x 4
			a: PING
			a: PING hi
			a: CLIENT REPLY OFF
			a: SUBSCRIBE z
			b: PUBLISH z 5
			a: GET k
			a: CLIENT REPLY ON
			a: UNSUBSCRIBE x ;; GET k
			a: PUNSUBSCRIBE ;; SUNSUBSCRIBE ;; UNSUBSCRIBE z
			a: UNSUBSCRIBE
			a: SUBSCRIBE x
			a: HELLO 2
			a: GET k
			b: PUBLISH x 1`,
		"sharded": `
			a: SSUBSCRIBE s1 s2
			a: GET k
			a: SUBSCRIBE c
			b: SPUBLISH s1 m
			b: PUBLISH s1 m
			b: SPUBLISH c m
			b: PUBSUB SHARDNUMSUB s1 s2 s3
			b: PUBSUB SHARDCHANNELS s1*
			b: PUBSUB SHARDCHANNELS x*
			a: SUNSUBSCRIBE s1
			a: SUNSUBSCRIBE
			a: UNSUBSCRIBE
			b: SPUBLISH s1 m`,
		"pubsub": `
			a: SUBSCRIBE news
			c: SUBSCRIBE news
			a: PSUBSCRIBE n* m*
			c: PSUBSCRIBE n*
			b: PUBSUB CHANNELS
			b: PUBSUB CHANNELS n?ws
			b: PUBSUB CHANNELS x
			b: PUBSUB CHANNELS x y
			b: PUBSUB NUMSUB
			b: PUBSUB NUMSUB news none
			b: PUBSUB NUMPAT
			b: PUBSUB NUMPAT x
			b: PUBSUB
			b: PUBSUB foo
			b: PUBSUB HELP
			b: PUBLISH news m
			b: PUBLISH news
			b: SUBSCRIBE
			b: UNSUBSCRIBE
			c!
			b: PUBSUB NUMSUB news none
			b: PUBSUB NUMPAT`,
		"inside a transaction": `only valkey-9.1
			a: MULTI
			a: SUBSCRIBE x
			a: PING
			a: GET k
			a: SSUBSCRIBE y
			a: UNSUBSCRIBE x
			a: EXEC
			a: SUBSCRIBE x
			a: MULTI
			b: MULTI ;; SET k 1 ;; PUBLISH x 1 ;; PUBLISH x 2 ;; EXEC
			a: UNSUBSCRIBE`,
		// In front of the replies in 7.0.
		"to oneself": `only valkey-9.1
			a: HELLO 3
			a: SUBSCRIBE x
			a: PSUBSCRIBE x*
			a: SSUBSCRIBE s
			a: PUBLISH x 1
			a: SPUBLISH s 1
			a: GET k ;; PUBLISH x 2 ;; GET k
			a: EVAL "return redis.call('publish','x','3')" 0
			a: EVAL "redis.call('publish','x','4') redis.call('spublish','s','5') return 7" 0
			a: MULTI ;; PUBLISH x 6 ;; SPUBLISH s 7 ;; SET k v ;; PUBLISH x 8 ;; EXEC
			a: CLIENT REPLY OFF
			a: PUBLISH x 9
			b: PUBLISH x 10
			a: EVAL "return redis.call('publish','x','11')" 0
			a: CLIENT REPLY ON
			a: CLIENT REPLY SKIP ;; PUBLISH x 12 ;; PING
			b: CONFIG SET notify-keyspace-events KA
			a: SUBSCRIBE __keyspace@0__:k
			a: SET k 1
			a: MULTI ;; SET k 3 ;; INCR k ;; EXEC
			a: EVAL "redis.call('publish','x','13') redis.call('set','k','2') redis.call('publish','x','14') return 1" 0
			a: CLIENT TRACKING ON
			a: GET k ;; SET k 5
			a: GET k ;; EVAL "redis.call('set','k','2') redis.call('publish','x','15') return 1" 0
			b: CONFIG SET notify-keyspace-events ''`,
		"to oneself in a transaction": `only valkey-9.1
			a: MULTI
			a: SUBSCRIBE x
			a: PUBLISH x 1
			a: UNSUBSCRIBE x
			a: EXEC`,
		"waiting": `
			a: HELLO 3
			a: SUBSCRIBE x
			a: BLPOP k 0
			b: PUBLISH x 1
			b: LPUSH k v`,
	} {
		t.Run(name, func(t *testing.T) { sameConversation(t, lines) })
	}
}

// Each subscriber gets the messages of one publisher in their order, while others subscribe and unsubscribe.
func TestMessagesKeepTheirOrder(t *testing.T) {
	both(t, func(t *testing.T, rdb *redis.Client) {
		const subscribers, messages = 40, 2000
		var done sync.WaitGroup
		for range subscribers {
			sub := rdb.Subscribe(ctx, "order")
			defer sub.Close()
			if _, err := sub.Receive(ctx); err != nil {
				t.Fatal(err)
			}
			ch := sub.Channel(redis.WithChannelSize(messages))
			done.Go(func() {
				for i := range messages {
					select {
					case m := <-ch:
						if m.Payload != fmt.Sprint(i) {
							t.Errorf("got %s in place of %d", m.Payload, i)
							return
						}
					case <-time.After(10 * time.Second):
						t.Errorf("nothing after %d messages", i)
						return
					}
				}
			})
		}
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-stop:
					return
				default:
					sub := rdb.Subscribe(ctx, "order")
					sub.Receive(ctx)
					sub.Close()
				}
			}
		}()
		for i := 0; i < messages; i += 20 {
			p := rdb.Pipeline()
			for j := range 20 {
				p.Publish(ctx, "order", i+j)
			}
			if _, err := p.Exec(ctx); err != nil {
				t.Fatal(err)
			}
		}
		done.Wait()
		close(stop)
	})
}

// A subscriber that does not read is closed at the limit of its class, and no other client is.
func TestASubscriberThatDoesNotReadIsClosed(t *testing.T) {
	p := startOwn(t, subjectBin, "--client-output-buffer-limit", "pubsub 1mb 0 0")
	slow, fast, pub := dial(t, p), dial(t, p), dial(t, p)
	slow.do(t, "SUBSCRIBE", "c")
	fast.do(t, "SUBSCRIBE", "c")
	big := make([]byte, 256<<10)
	var received sync.WaitGroup
	received.Go(func() {
		for range 60 {
			if _, err := fast.reply(false); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 60 {
		pub.do(t, "PUBLISH", "c", string(big))
	}
	received.Wait()
	for range 100 {
		if pub.do(t, "PUBSUB", "NUMSUB", "c") == "1) \"c\"\n2) (integer) 1" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the slow subscriber is still there: %s", pub.do(t, "CLIENT", "LIST"))
}
