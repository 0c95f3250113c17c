package compat

import "testing"

func TestTrackingIsAsTheReferences(t *testing.T) {
	for name, lines := range map[string]string{
		"options": `
			a: CLIENT TRACKING
			a: CLIENT TRACKING maybe
			a: CLIENT TRACKING ON PREFIX a
			a: CLIENT TRACKING ON BCAST OPTIN
			a: CLIENT TRACKING ON OPTIN OPTOUT
			a: CLIENT TRACKING ON REDIRECT x
			a: CLIENT TRACKING ON REDIRECT 999999
			a: CLIENT TRACKING ON WHAT
			a: CLIENT TRACKING ON PREFIX
			a: CLIENT TRACKING ON BCAST PREFIX foo PREFIX foobar
			a: CLIENT CACHING YES
			a: CLIENT GETREDIR
			a: CLIENT TRACKINGINFO
			a: CLIENT TRACKING ON
			a: CLIENT TRACKINGINFO
			a: CLIENT GETREDIR
			a: CLIENT CACHING YES
			a: CLIENT CACHING NO
			a: CLIENT CACHING x
			a: CLIENT TRACKING ON BCAST
			a: CLIENT TRACKING OFF
			a: CLIENT TRACKING ON BCAST PREFIX a PREFIX b NOLOOP
			a: CLIENT TRACKINGINFO
			a: CLIENT TRACKING ON BCAST PREFIX ab
			a: CLIENT TRACKING ON BCAST PREFIX c
			a: CLIENT TRACKING ON
			a: CLIENT TRACKING OFF
			a: CLIENT TRACKING ON OPTIN
			a: CLIENT TRACKING ON OPTOUT
			a: CLIENT CACHING NO
			a: CLIENT CACHING YES
			a: CLIENT TRACKINGINFO
			a: GET k
			a: CLIENT TRACKINGINFO
			a: CLIENT TRACKING OFF
			a: CLIENT TRACKING ON OPTOUT
			a: CLIENT CACHING NO
			a: CLIENT TRACKINGINFO
			a: HELLO 3
			a: CLIENT TRACKINGINFO
			a: RESET
			a: CLIENT TRACKINGINFO`,
		"resp3": `
			a: HELLO 3
			a: CLIENT TRACKING ON
			b: SET k 1
			a: GET k
			b: SET k 2
			b: SET k 3
			a: MGET k l m
			b: MSET k 1 l 2 m 3 n 4
			a: GET k
			a: SET k 4
			a: GET k ;; SET k 5 ;; GET k
			a: MULTI ;; GET l ;; SET l 1 ;; PING ;; EXEC
			b: SET l 2
			a: GET k
			b: SET k 1 PX 30
			a: GET k
			.
			.
			a: GET k ;; GET l
			b: DEL l
			a: EXISTS l
			b: SETRANGE l 0 abc
			a: STRLEN l
			b: FLUSHALL
			a: FLUSHDB
			a: GET z
			a: CLIENT TRACKING OFF
			b: SET z 1`,
		"noloop": `
			a: HELLO 3
			a: CLIENT TRACKING ON NOLOOP
			a: GET k
			a: SET k 1
			b: SET k 2
			a: GET k
			b: SET k 2`,
		"opt": `
			a: HELLO 3
			a: CLIENT TRACKING ON OPTIN
			a: GET k
			b: SET k 1
			a: CLIENT CACHING YES
			a: GET k
			a: GET l
			b: SET k 2 ;; SET l 2
			a: CLIENT CACHING YES
			a: MULTI ;; GET k ;; GET l ;; EXEC
			b: SET l 3
			b: SET k 3
			a: CLIENT TRACKING OFF
			a: CLIENT TRACKING ON OPTOUT
			a: CLIENT CACHING NO
			a: GET k
			a: GET l
			b: SET k 2
			b: SET l 2`,
		"broadcast": `
			a: HELLO 3
			a: CLIENT TRACKING ON BCAST PREFIX user: PREFIX obj:
			b: SET user:1 x
			b: SET other x
			b: MSET obj:1 x obj:2 y other z
			b: DEL user:1
			b: GET user:1
			a: SET user:2 x
			c: HELLO 3
			c: CLIENT TRACKING ON BCAST NOLOOP
			c: SET user:3 x
			b: INCR n`,
		"redirect": `
			r: CLIENT ID
			r: SUBSCRIBE __redis__:invalidate
			a: CLIENT TRACKING ON REDIRECT 11
			a: GET k
			b: SET k 1
			a: GET k
			b: FLUSHALL
			a: CLIENT GETREDIR
			r: UNSUBSCRIBE
			a: GET k
			b: SET k 1
			r: HELLO 3
			a: GET k
			b: SET k 2
			r!
			a: GET k
			b: SET k 3
			a: CLIENT TRACKINGINFO
			a: HELLO 3
			a: GET k
			b: SET k 4`,
	} {
		t.Run(name, func(t *testing.T) { sameConversation(t, lines) })
	}
}

// The table has room for few keys: clients are notified of those that are dropped, and of none twice.
func TestAFullTrackingTableTells(t *testing.T) {
	p := startOwn(t, subjectBin, "--tracking-table-max-keys", "10")
	w, other := dial(t, p), dial(t, p)
	w.hello3(t)
	w.want(t, "OK", "CLIENT", "TRACKING", "ON")
	keys := "abcdefghijklmnopqrst"
	for _, k := range keys {
		w.do(t, "GET", string(k))
	}
	w.do(t, "PING")
	told := len(w.pushes)
	if told != 10 {
		t.Errorf("%d keys were told, want 10", told)
	}
	for _, k := range keys {
		other.do(t, "SET", string(k), "v")
	}
	for len(w.pushes) < 20 {
		if _, err := w.call(argv("PING")); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, push := range w.pushes {
		seen[string(push)] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d different keys were told, want 20", len(seen))
	}
}

func TestEventsOfKeysAreAsTheReferences(t *testing.T) {
	sameConversation(t, `
		a: HELLO 3
		a: CONFIG SET notify-keyspace-events KEA
		a: CONFIG GET notify-keyspace-events
		e: PSUBSCRIBE __key*
		b: SET k 1
		b: SET k 2 EX 100
		b: SET k 2 PX 30
		.
		.
		b: GET k
		b: MSET x 1 y 2 ;; DEL x y z ;; INCR n ;; INCRBYFLOAT n 1.5 ;; APPEND n 1
		b: SETRANGE s 2 abc ;; GETDEL s ;; GETEX n EX 10 ;; PERSIST n ;; EXPIRE n 100
		b: SET a 1 ;; RENAME a b ;; COPY b c ;; MOVE c 1 ;; SELECT 1 ;; UNLINK c ;; SELECT 0
		b: HSET h f v ;; HINCRBY h n 1 ;; HDEL h f n
		b: RPUSH l 1 2 ;; LMOVE l m LEFT RIGHT ;; LMOVE l l LEFT LEFT ;; RPOPLPUSH l m ;; BLMOVE m m LEFT RIGHT 0 ;; DEL m
		b: SADD s a b ;; SREM s a ;; SMOVE s t b ;; SPOP t
		b: ZADD z 1 a 2 b ;; ZINCRBY z 1 a ;; ZREM z a ;; ZPOPMIN z
		b: MULTI ;; SET k 1 ;; INCR k ;; EXEC
		b: SET k 1 NX ;; SETNX k 1 ;; DEL nothing ;; SET same 1 ;; SET same 1
		b: FLUSHALL
		a: CONFIG SET notify-keyspace-events Emn
		b: GET missing ;; SET new 1 ;; SET new 2 ;; GET new ;; SADD set 1 2 ;; ZADD z 1 a
		b: SUNIONSTORE new set ;; SET new 1 ;; ZUNIONSTORE new 1 z ;; SORT set STORE new ;; BITOP NOT n new ;; SET s s ;; BITOP NOT set s
		b: COPY z new REPLACE ;; RENAME z new ;; SMOVE new new a
		a: CONFIG SET notify-keyspace-events K$
		b: SET k 1 ;; DEL k
		a: CONFIG SET notify-keyspace-events KEgx
		b: SET k 1 ;; DEL k
		a: CONFIG SET notify-keyspace-events Ag
		a: CONFIG GET notify-keyspace-events
		b: SET k 1 ;; DEL k
		a: CONFIG SET notify-keyspace-events q`)
}

// A client with notifications of its own changes.
func TestOwnEventsAreToldAsByTheReference(t *testing.T) {
	sameConversation(t, `only valkey-9.1
		a: HELLO 3
		a: CONFIG SET notify-keyspace-events KEA
		a: PSUBSCRIBE __keyspace*
		a: SET k 1 ;; INCR k ;; GET k
		a: PUNSUBSCRIBE`)
}

// A deadline in the past deletes, which Valkey reports as an expiration.
func TestADeadlineInThePastIsToldAsByTheReference(t *testing.T) {
	sameConversation(t, `only redis-7.0
		a: CONFIG SET notify-keyspace-events KEA
		e: PSUBSCRIBE __key*
		b: SET n 1 ;; EXPIRE n -1 ;; SET n 1 ;; PEXPIREAT n 1 ;; SET n 1 ;; GETEX n PXAT 1`)
}

// Commands that write may read other keys, or the old value.
func TestHitsAndMissesAreAsTheReferences(t *testing.T) {
	sameConversation(t, `
		a: HELLO 3
		a: CONFIG SET notify-keyspace-events Em
		b: SET s 1 ;; RPUSH l 1 2 3 ;; SADD set 1 2 ;; ZADD z 1 a ;; PFADD p a ;; XADD x 1-1 a b ;; XGROUP CREATE x g 0
		b: SET w_1 1 ;; HSET w_2 f 1 ;; SET v_1 x
		b: CONFIG RESETSTAT
		a: PSUBSCRIBE __key*
		b: GETEX m ;; GETEX s ;; GETDEL m ;; GETSET s 1 ;; SET s 1 GET ;; SET n 1 GET ;; SET s 1 ;; SETNX s 1 ;; DEL n
		b: BITOP AND d m s ;; BITOP AND s m s ;; BITFIELD m GET u8 0 ;; BITFIELD s SET u8 0 1 ;; BITFIELD_RO m GET u8 0
		b: PFCOUNT m ;; PFCOUNT p ;; PFCOUNT p m ;; PFMERGE p m ;; PFMERGE d2 p m ;; DEL d2
		b: SINTER set m ;; SDIFF m set ;; SUNION set m m ;; SINTERCARD 2 m set ;; SINTERSTORE d set m ;; SUNIONSTORE d set m ;; SDIFFSTORE d m m
		b: ZINTER 2 m m ;; ZUNION 2 z set ;; ZDIFF 2 m z ;; ZINTERCARD 2 m z ;; ZUNIONSTORE d 2 z m ;; ZDIFFSTORE d 2 m z ;; ZRANGESTORE d m 0 -1
		b: GEORADIUS m 1 1 1 km ;; GEORADIUS m 1 1 1 km STORE d ;; GEOSEARCHSTORE d m FROMLONLAT 1 1 BYRADIUS 1 km
		b: SORT m ;; SORT l BY w_* GET v_* GET # ;; SORT l BY w_*->f STORE d ;; SORT_RO l ;; COPY m d ;; COPY s d REPLACE
		b: TOUCH m s m ;; EXISTS m s ;; TYPE m ;; TYPE s ;; TTL m ;; PTTL s ;; EXPIRETIME m ;; EXPIRE m 1 ;; RENAME m d ;; MOVE m 1
		b: XACK m g 1-1 ;; XACK x g 1-1 ;; XPENDING x g ;; XCLAIM m g c 0 1-1 ;; XAUTOCLAIM m g c 0 0 ;; XREADGROUP GROUP g c STREAMS m >
		b: EVAL "return redis.call('info', 'stats'):match('keyspace_hits:%d+%s+keyspace_misses:%d+')" 0`)
}

func TestMonitorIsAsTheReferences(t *testing.T) {
	sameConversation(t, `
		m: MONITOR
		a: MULTI
		a: SET a 1
		a: GET a
		a: EXEC
		a: MULTI
		a: GET a
		a: DISCARD
		a: AUTH a
		a: HELLO 2 AUTH default x
		a: get
		a: blpop nothing 0.01
		.
		a: foo
		a: SET "a b\x01\n\t" "c\"d\\"
		a: PUBLISH a b
		a: CONFIG GET x
		a: MULTI
		a: bad
		a: exec
		a: MULTI
		a: SELECT 3
		a: set a 1
		a: exec
		a: watch a
		a: set a 2
		a: multi
		a: get a
		a: exec
		a: INCR b
		a: SELECT 0
		a: MULTI
		a: MONITOR
		a: EXEC
		m: PING
		m: GET a
		m: MONITOR
		m: RESET
		m: PING
		a: GET a
		m: MONITOR
		m: QUIT
		a: PING`)
}

// TestMonitorShowsScriptsAsTheReference checks that a script is shown before its commands, which are shown with
// Lua as their client.
func TestMonitorShowsScriptsAsTheReference(t *testing.T) {
	sameConversation(t, `
		m: MONITOR
		a: SET k v
		a: EVAL "return redis.call('GET', KEYS[1])" 1 k
		a: EVAL_RO "return redis.call('GET', KEYS[1])" 1 k
		a: EVAL "redis.pcall('LPUSH', KEYS[1], 1) redis.call('SELECT', 5) return redis.call('PING')" 1 k
		a: EVAL "return 1" x
		a: EVAL "return redis.call('NOSUCH')" 0
		a: EVALSHA ffffffffffffffffffffffffffffffffffffffff 0
		a: SCRIPT LOAD "return redis.call('PING')"
		a: FUNCTION LOAD "#!lua name=l\nredis.register_function{function_name='f', callback=function(k) return redis.call('GET', k[1]) end, flags={'no-writes'}}"
		a: FCALL f 1 k
		a: FCALL_RO f 1 k
		a: FCALL nosuch 0
		a: MULTI
		a: SET k w
		a: EVAL "return redis.call('GET', KEYS[1])" 1 k
		a: FCALL f 1 k
		a: EXEC`)
}
