package server

import (
	"fmt"
	"strings"
	"testing"
)

// What a client hears of its own commands comes behind their replies, and is no part of
// them: as one push each, in the order in which it happened, also if it wants no replies.
func TestPushesOfOwnCommandsFollowTheReply(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable, "--notify-keyspace-events", "KA")
		c := newSpeaker(t, path)
		c.ask("HELLO 3\r\nSET k 0\r\nFUNCTION LOAD \"#!lua name=l\\nredis.register_function('f', function() return redis.call('publish','ch','m') end)\"\r\n" +
			"SUBSCRIBE ch __keyspace@0__:k\r\nPSUBSCRIBE c*\r\nSSUBSCRIBE sh\r\nCLIENT TRACKING ON")
		flat := strings.NewReplacer("\r\n", " ")
		const (
			message = ">3 $7 message $2 ch $1 m >4 $8 pmessage $2 c* $2 ch $1 m "
			shard   = ">3 $8 smessage $2 sh $1 m "
			set     = ">3 $7 message $16 __keyspace@0__:k $3 set "
			stale   = ">2 $10 invalidate *1 $1 k "
		)
		for _, x := range []struct{ words, want string }{
			{"PUBLISH ch m", ":2 " + message},
			{"SPUBLISH sh m", ":1 " + shard},
			{`EVAL "return redis.call('publish','ch','m')" 0`, ":2 " + message},
			{`EVAL "redis.call('publish','ch','m') redis.call('spublish','sh','m') return 7" 0`, ":7 " + message + shard},
			{`EVAL "redis.call('publish','ch','m') return redis.call('nosuch')" 0`, "-ERR Unknown Redis command called from script script: "},
			{"FCALL f 0", ":2 " + message},
			{"MULTI\r\nPUBLISH ch m\r\nSPUBLISH sh m\r\nFCALL f 0\r\nSET k 1\r\nPUBLISH ch m\r\nEXEC",
				"+OK +QUEUED +QUEUED +QUEUED +QUEUED +QUEUED *5 :2 :1 :2 +OK :2 " + message + shard + message + set + message},
			{"SET k 1", "+OK " + set},
			{"GET k\r\nSET k 2", "$1 1 +OK " + set + stale},
			{`EVAL "redis.call('publish','ch','m') redis.call('set','k','3') redis.call('publish','ch','m') return 1" 1 k`,
				":1 " + message + set + message},
			{"CLIENT REPLY SKIP\r\nPUBLISH ch m", message},
			{"GET k\r\nCLIENT REPLY OFF\r\nPUBLISH ch m\r\nSPUBLISH sh m\r\nFCALL f 0\r\nSET k 4\r\nCLIENT REPLY ON",
				"$1 3 " + message + shard + message + set + stale + "+OK "},
		} {
			got := flat.Replace(c.ask(x.words))
			if x.words[0] == 'E' && strings.Contains(x.words, "nosuch") {
				if !strings.HasPrefix(got, x.want) || !strings.HasSuffix(got, " "+message) {
					t.Errorf("%s: %q", x.words, got)
				}
				continue
			}
			if got != x.want {
				t.Errorf("%s:\n%q, want\n%q", x.words, got, x.want)
			}
		}
	})
}

// A client that hears of several prefixes gets a push for each, from whomever the change is.
func TestEachPrefixHasItsPush(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		c, other := newSpeaker(t, path), newSpeaker(t, path)
		c.ask("HELLO 3\r\nCLIENT TRACKING ON BCAST PREFIX foo PREFIX bar")
		flat := strings.NewReplacer("\r\n", " ")
		const pushes = ">2 $10 invalidate *1 $4 bar2 >2 $10 invalidate *2 $4 foo1 $4 foo3 "
		if got := flat.Replace(c.ask("MSET foo1 1 bar2 2 foo3 3 baz4 4")); got != "+OK "+pushes {
			t.Errorf("got %q", got)
		}
		for _, words := range []string{
			"MSET foo1 1 bar2 2 foo3 3 baz4 4", "DEL foo3 bar2 foo1",
			"MULTI\r\nSET foo1 1\r\nSET bar2 2\r\nSET foo3 3\r\nEXEC",
			`EVAL "for _, k in ipairs(KEYS) do redis.call('set',k,1) end" 3 foo3 foo1 bar2`,
		} {
			other.ask(words)
			if got := flat.Replace(c.until("bar2") + c.until("foo3")); got != pushes {
				t.Errorf("%s: %q", words, got)
			}
		}
	})
}

// A client that changes to broadcasting hears of a key once, though it had read it before.
func TestBroadcastingEndsWhatWasTrackedBefore(t *testing.T) {
	_, path := startServer(t, false)
	conn, r := dial(t, path)
	other, or := dial(t, path)
	fmt.Fprint(conn, "CLIENT TRACKING ON\r\nGET a\r\nCLIENT TRACKING OFF\r\nHELLO 3\r\nCLIENT TRACKING ON BCAST\r\nECHO ready\r\n")
	for line := ""; line != "ready\r\n"; {
		line, _ = r.ReadString('\n')
	}
	fmt.Fprint(other, "MSET a 1 b 2\r\n")
	expect(t, or, "+OK\r\n")
	expect(t, r, ">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n")
	fmt.Fprint(conn, "ECHO end\r\n")
	expect(t, r, "$3\r\nend\r\n")
}
