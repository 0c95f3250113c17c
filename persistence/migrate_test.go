package persistence_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// target is where MIGRATE is to send: the words for host and port.
func target(c *redis.Client) (host, port string) {
	host, port, _ = net.SplitHostPort(c.Options().Addr)
	return host, port
}

func TestMigrateMovesKeysBothWays(t *testing.T) {
	r, _ := startRedis(t, t.TempDir())
	s := startSubject(t)
	all := samples()
	fill(t, s.Client, all)
	want := snapshotOf(t, s.Client, all)
	for _, way := range [][2]*redis.Client{{s.Client, r}, {r, s.Client}} {
		host, port := target(way[1])
		words := call("MIGRATE", host, port, "", 0, 60000, "KEYS")
		for _, x := range all {
			words = append(words, x.key)
		}
		if err := way[0].Do(ctx, words...).Err(); err != nil {
			t.Fatal(err)
		}
		if n := way[0].DBSize(ctx).Val(); n != 0 {
			t.Errorf("%d keys stayed", n)
		}
		compare(t, snapshotOf(t, way[1], all), want)
	}
	if ttl := s.PTTL(ctx, "string:ttl").Val(); ttl < time.Hour {
		t.Errorf("a deadline became %v", ttl)
	}
}

func TestMigrateRepliesAsRedisDoes(t *testing.T) {
	to, _ := startRedis(t, t.TempDir())
	r, _ := startRedis(t, t.TempDir())
	s := startSubject(t)
	host, port := target(to)
	to.Set(ctx, "there", "x", 0)
	for _, c := range []*redis.Client{r, s.Client} {
		fill(t, c, []sample{{"", [][]any{call("SET", "a", 1), call("SET", "b", 2), call("SET", "there", 3), call("RPUSH", "l", 1, 2)}}})
	}
	for _, words := range [][]any{
		call(host, port, "none", 0, 1000), call(host, port, "a", 0, 1000, "COPY"), call(host, port, "a", 0, 1000), call(host, port, "a", 0, "x"),
		call(host, port, "a", "x", 1000), call(host, port, "b", 0, 1000, "KEYS", "a"), call(host, port, "", 0, 1000, "KEYS"),
		call(host, port, "b", 0, 1000, "WHAT"), call(host, port, "b", 0, 1000, "AUTH"), call(host, port, "b", 0, 1000, "AUTH2", "u"),
		call(host, port, "b", 0, 1000, "AUTH", "secret"), call(host, port, "b", 0, 1000, "AUTH2", "u", "p"),
		call(host, port, "", 0, 1000, "KEYS", "b", "there", "none"), call(host, port, "there", 0, 1000, "REPLACE"), call(host, port, "l", 99, 1000),
		call(host, port, "l", 3, 1000), call("127.0.0.1", "1", "there", 0, 100), call("127.0.0.1", "1", "l", 0, 100),
	} {
		var got [2]string
		for i, c := range []*redis.Client{r, s.Client} {
			to.FlushAll(ctx)
			to.Set(ctx, "there", "x", 0)
			reply, err := c.Do(ctx, append(call("MIGRATE"), words...)...).Result()
			keys := []string{}
			for _, k := range []string{"a", "b", "there", "l"} {
				keys = append(keys, k+"="+c.Type(ctx, k).Val()+"/"+to.Type(ctx, k).Val())
			}
			got[i] = fmt.Sprint(reply, err, keys, to.Do(ctx, "INFO", "keyspace").Val())
		}
		if got[0] != got[1] {
			t.Errorf("MIGRATE %q:\nRedis %s\nhere  %s", words, got[0], got[1])
		}
	}
}

func TestMigrateLetsOthersWorkAndLosesNoChange(t *testing.T) {
	// The other server takes its time; what changes meanwhile arrives there too.
	to, _ := startRedis(t, t.TempDir())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted, goOn := make(chan struct{}), make(chan struct{})
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		close(accepted)
		<-goOn
		up, err := net.Dial("tcp", to.Options().Addr)
		if err != nil {
			return
		}
		defer up.Close()
		go func() { _, _ = copyConn(up, conn) }()
		_, _ = copyConn(conn, up)
	}()
	s := startSubject(t)
	s.Set(ctx, "k", "old", 0)
	host, port, _ := net.SplitHostPort(l.Addr().String())
	moved := make(chan error, 1)
	go func() {
		c := client(t, s.addr)
		moved <- c.Do(ctx, "MIGRATE", host, port, "k", 0, 60000).Err()
	}()
	<-accepted
	if err := s.Set(ctx, "k", "new", 0).Err(); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	if err := <-moved; err != nil {
		t.Fatal(err)
	}
	if got := to.Get(ctx, "k").Val(); got != "new" {
		t.Errorf("the other server has %q", got)
	}
	if s.Exists(ctx, "k").Val() != 0 {
		t.Error("the key is still here")
	}
}

func copyConn(to, from net.Conn) (n int64, err error) {
	b := make([]byte, 32<<10)
	for {
		k, err := from.Read(b)
		if k > 0 {
			if _, err := to.Write(b[:k]); err != nil {
				return n, err
			}
		}
		if err != nil {
			return n, err
		}
	}
}

func TestMigrateInsideATransaction(t *testing.T) {
	to, _ := startRedis(t, t.TempDir())
	s := startSubject(t)
	s.Set(ctx, "k", "v", 0)
	host, port := target(to)
	cmds, err := s.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Do(ctx, "MIGRATE", host, port, "k", 0, 10000)
		p.Exists(ctx, "k")
		return nil
	})
	if err != nil || !strings.HasSuffix(cmds[1].String(), ": 0") || to.Get(ctx, "k").Val() != "v" {
		t.Errorf("%v %v", cmds, err)
	}
}
