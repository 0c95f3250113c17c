package compat

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Which commands are an access to a key: those that only read its type or deadline are not, and those that may
// change it are, even if they do not.
func TestWhatEndsAKeysIdleTime(t *testing.T) {
	makers := map[string]string{"string": "SET k abc", "list": "RPUSH k a b", "hash": "HSET k f v", "set": "SADD k a", "zset": "ZADD k 1 a"}
	both(t, func(t *testing.T, rdb *redis.Client) {
		for _, line := range []struct{ kind, command, idle string }{
			{"string", "EXISTS k", "k"}, {"string", "EXISTS k k", "k"}, {"string", "TTL k", "k"}, {"string", "PTTL k", "k"},
			{"string", "EXPIRETIME k", "k"}, {"string", "PEXPIRETIME k", "k"}, {"string", "TYPE k", "k"},
			{"string", "OBJECT ENCODING k", "k"}, {"string", "OBJECT REFCOUNT k", "k"}, {"string", "MEMORY USAGE k", "k"},
			{"string", "KEYS *", "k"}, {"string", "SCAN 0", "k"}, {"string", "SCAN 0 TYPE string", "k"}, {"string", "WATCH k", "k"},
			{"string", "DUMP k", ""}, {"string", "TOUCH k", ""}, {"string", "STRLEN k", ""}, {"string", "COPY k k2", ""},
			{"string", "EXPIRE k 1000", ""}, {"string", "EXPIRE k 1000 XX", ""}, {"string", "PEXPIREAT k 99999999999999", ""}, {"string", "PERSIST k", ""},
			{"string", "RENAME k k2", ""}, {"string", "RENAMENX k k2", ""}, {"string", "SETNX k v", ""}, {"string", "SET k v NX", ""},
			{"string", "MSETNX k v k2 v", ""}, {"string", "GETEX k PERSIST", ""},
			{"list", "LLEN k", ""}, {"list", "LREM k 1 nosuch", ""}, {"hash", "HSETNX k f v2", ""}, {"hash", "HLEN k", ""},
			{"set", "SADD k a", ""}, {"set", "SREM k nosuch", ""}, {"set", "SCARD k", ""}, {"zset", "ZADD k NX 2 a", ""}, {"zset", "ZCARD k", ""},
		} {
			do := func(words string) *redis.Cmd {
				var args []any
				for w := range strings.FieldsSeq(words) {
					args = append(args, w)
				}
				return rdb.Do(ctx, args...)
			}
			do("FLUSHALL")
			do(makers[line.kind])
			dump := value(t, rdb.Dump(ctx, "k"))
			if err := rdb.Do(ctx, "RESTORE", "k", 0, dump, "REPLACE", "IDLETIME", 1000).Err(); err != nil {
				t.Fatal(err)
			}
			if err := do(line.command).Err(); err != nil && err != redis.Nil {
				t.Fatalf("%s: %v", line.command, err)
			}
			for _, key := range []string{"k", "k2"} {
				idle, err := rdb.ObjectIdleTime(ctx, key).Result()
				if err == nil && (idle > 900*time.Second) != (key == line.idle) {
					t.Errorf("%s: %s is idle for %v", line.command, key, idle)
				}
			}
		}
	})
}
