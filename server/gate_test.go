package server

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"cached/commands"
)

// The order of the gates is that in which Redis's clients see the errors.
func TestGatesAreInTheOrderOfTheirErrors(t *testing.T) {
	s, _ := startServer(t, false)
	var names []string
	for _, g := range s.gates {
		names = append(names, g.Name)
	}
	if want := []string{"auth", "acl", "memory", "script-memory", "disk", "pause", "busy"}; !slices.Equal(names, want) {
		t.Errorf("gates %v, want %v", names, want)
	}
	if _, err := New(Options{Config: s.cfg, Gates: []PlacedGate{{Gate: Gate{Name: "x"}, Before: "none"}}}); err == nil {
		t.Error("a gate stands before one that is not there")
	}
}

// Redis refuses for want of memory before it refuses for the disk.
func TestOutOfMemoryComesBeforeMisconf(t *testing.T) {
	s, disk, path := startOnFakeDisk(t, false)
	conn, r := dial(t, path)
	misconf := commands.Error("MISCONF the disk is full")
	disk.refusal.Store(&misconf)
	fmt.Fprint(conn, "SET a 1\r\nCONFIG SET maxmemory 1\r\nSET a 1\r\n")
	expect(t, r, "-MISCONF the disk is full\r\n+OK\r\n-"+string(errOOM)+"\r\n")
	s.Close()
}

// Another subsystem's gate may refuse a command, have it wait, or answer it elsewhere; it
// says of which origins, and is not asked while it has nothing to say.
func TestAGateOfAnotherSubsystem(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		var on, hold atomic.Bool
		var asked atomic.Int64
		gate := Gate{Name: "other", Origins: Client | Script | Waiter, Speaks: on.Load, Ask: func(r *Request) Verdict {
			asked.Add(1)
			if len(r.Argv) < 2 {
				return Verdict{}
			}
			switch string(r.Argv[1]) {
			case "refused":
				return Verdict{Refusal: commands.Error("MOVED " + r.Spec.Name)}
			case "held":
				return Verdict{Wait: hold.Load()}
			case "elsewhere":
				return Verdict{Send: func(argv [][]byte, reply func([]byte)) {
					go func() {
						time.Sleep(time.Millisecond)
						reply(fmt.Appendf(nil, "+%s of %s\r\n", argv[0], argv[1]))
					}()
				}}
			}
			return Verdict{}
		}}
		s, path := startWith(t, Options{Portable: portable, Gates: []PlacedGate{{gate, "memory"}}})
		conn, r := dial(t, path)
		other, or := dial(t, path)

		fmt.Fprint(conn, "GET refused\r\n")
		expect(t, r, "$-1\r\n")
		if n := asked.Load(); n != 0 {
			t.Errorf("asked %d times with nothing to say", n)
		}
		on.Store(true)
		s.setGated()
		hold.Store(true)
		// What is sent elsewhere, or held, is answered in its place in the pipeline.
		fmt.Fprint(conn, "SET a 1\r\nGET refused\r\nGET elsewhere\r\nGET a\r\nEVAL \"return redis.pcall('get','refused').err\" 0\r\n"+
			"MULTI\r\nGET a\r\nEXEC\r\nGET held\r\nECHO end\r\n")
		expect(t, r, "+OK\r\n-MOVED get\r\n+GET of elsewhere\r\n$1\r\n1\r\n$9\r\nMOVED get\r\n+OK\r\n+QUEUED\r\n*1\r\n$1\r\n1\r\n")
		fmt.Fprint(other, "GET a\r\n") // others go on
		expect(t, or, "$1\r\n1\r\n")
		hold.Store(false)
		expect(t, r, "$-1\r\n$3\r\nend\r\n")

		// A waiter is asked again when it comes back.
		on.Store(false)
		s.setGated()
		fmt.Fprint(conn, "BLPOP refused 0\r\n")
		for s.block.all.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		on.Store(true)
		s.setGated()
		fmt.Fprint(other, "EVAL \"return redis.call('rpush', KEYS[1], 'x')\" 1 other\r\nMULTI\r\nPING\r\nEXEC\r\n")
		expect(t, or, ":1\r\n+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n")
		on.Store(false)
		s.setGated()
		fmt.Fprint(other, "RPUSH refused x\r\n")
		expect(t, or, ":1\r\n")
		expect(t, r, "*2\r\n$7\r\nrefused\r\n$1\r\nx\r\n")
	})
}

// What an origin goes through is in one table; each has a way.
func TestEveryOriginHasARoad(t *testing.T) {
	for o := range numOrigins {
		if roads[o] == 0 {
			t.Errorf("origin %d goes nowhere", o)
		}
		if roads[o]&applies != 0 && roads[o]&(asksGates|counted|monitored|awaitsLog) != 0 {
			t.Errorf("origin %d applies what has happened, and asks or counts", o)
		}
	}
}
