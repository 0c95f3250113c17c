package server

import (
	"fmt"
	"strings"
	"testing"
)

// What waits for a deadline goes when the waiting ends: a queue of jobs is asked again and
// again with a timeout that never comes.
func TestAServedWaiterLeavesNoTimer(t *testing.T) {
	s, path := startServer(t, false, "--io-threads", "1")
	const clients, rounds = 5, 20
	var waiters []*speaker
	for range clients {
		waiters = append(waiters, newSpeaker(t, path))
	}
	pusher := newSpeaker(t, path)
	for round := range rounds {
		for i, w := range waiters {
			w.block(s, fmt.Sprintf("BLPOP key%d %d", i, 100000-round*i))
		}
		for i, w := range waiters {
			switch (round + i) % 4 {
			case 0:
				pusher.ask("CLIENT UNBLOCK " + w.id)
				w.until("*-1")
			default:
				pusher.ask(fmt.Sprintf("RPUSH key%d end", i))
				w.until("end")
			}
		}
	}
	waiters[0].block(s, "BLPOP key 100000")
	l := s.transport.all[0]
	l.turn.Lock()
	defer l.turn.Unlock()
	if len(l.timers) != 1 || l.timers[0].timerAt != 1 || strings.Join(l.timers[0].keys, " ") != "key" {
		t.Errorf("%d timers for one client that waits", len(l.timers))
	}
}
