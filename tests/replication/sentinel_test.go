package replication

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// startWithFile starts a server with a configuration file, which it can rewrite.
func startWithFile(t *testing.T, lines ...string) *server {
	t.Helper()
	s := &server{t: t, kind: "cached", dir: t.TempDir(), port: freePort(t), log: &lockedBuffer{}}
	s.file = filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(s.file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.run()
	t.Cleanup(s.kill)
	return s
}

// A sentinel finds the replicas, promotes the one of the lowest priority when the primary is killed, has the
// others and the old primary follow it, and all files say so. What WAIT has acknowledged is there, and a client
// of Sentinel writes on within some seconds.
func TestSentinelFailsOver(t *testing.T) {
	a := startWithFile(t)
	b := startWithFile(t, "replicaof 127.0.0.1 "+a.port)
	c := startWithFile(t, "replicaof 127.0.0.1 "+a.port, "replica-priority 50")
	dir, port := t.TempDir(), freePort(t)
	file := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\nsentinel monitor m 127.0.0.1 %s 1\nsentinel down-after-milliseconds m 1000\nsentinel failover-timeout m 5000\n", port, a.port)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	cmd := exec.Command(program(t, "redis-server"), file, "--sentinel")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(last(log.String(), 3000))
		}
	})
	sentinel := redis.NewSentinelClient(&redis.Options{Addr: "127.0.0.1:" + port, DialerRetries: 1})
	defer sentinel.Close()
	a.until("the sentinel knows both replicas", func() bool {
		all, err := sentinel.Replicas(ctx, "m").Result()
		known := 0
		for _, x := range all {
			if x["master-link-status"] == "ok" && x["slave-priority"] != "" {
				known++
			}
		}
		return err == nil && known == 2
	})
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "m", SentinelAddrs: []string{"127.0.0.1:" + port}, MaxRetries: -1})
	defer client.Close()
	if err := client.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	wants(t, a, "2", "WAIT", "2", "10000")
	a.kill()
	begun := time.Now()
	b.until("a client of Sentinel can write again", func() bool { return client.Set(ctx, "x", 1, 0).Err() == nil })
	t.Logf("writes again after %v", time.Since(begun))
	if role := c.fields()["role"]; role != "master" {
		t.Errorf("the replica of the lowest priority is a %s", role)
	}
	if v := client.Get(ctx, "k").Val(); v != "v" {
		t.Errorf("what was acknowledged is %q", v)
	}
	b.until("the other follows it", func() bool { return b.fields()["master_port"] == c.port })
	b.caughtUp(c)
	if full, partial := c.syncs(); full != 0 || partial == 0 {
		t.Errorf("the other did not go on where it was: %d full, %d partial", full, partial)
	}
	a.run()
	a.until("the old primary follows", func() bool { return a.fields()["master_port"] == c.port })
	a.caughtUp(c)
	same(t, c, a)
	same(t, c, b)
	for _, s := range []*server{a, b} {
		text, _ := os.ReadFile(s.file)
		if !strings.Contains(string(text), "replicaof 127.0.0.1 "+c.port) {
			t.Errorf("the file of %s is\n%s", s.port, text)
		}
	}
	if text, _ := os.ReadFile(c.file); strings.Contains(string(text), "replicaof") {
		t.Errorf("the file of the new primary is\n%s", text)
	}
}
