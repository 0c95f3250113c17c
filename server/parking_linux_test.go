package server

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Who is parked hears of events that were there before, and that come later, and of none
// twice; and it waits no longer than it wants to.
func TestParking(t *testing.T) {
	d := idleTransport(t, 1).drivers[0]
	var events [4]unix.EpollEvent
	expect := func(what string, ms, want int) {
		t.Helper()
		n, err := d.park.wait(events[:], ms)
		if n != want || err != nil {
			t.Errorf("%s: %d events, %v; want %d", what, n, err, want)
		}
	}
	for range 3 {
		expect("nothing", 1, 0)
		rawSignal(d.wakeFD)
		expect("a call before", -1, 1)
		expect("it is over", 1, 0)
		time.AfterFunc(time.Millisecond, func() { rawSignal(d.wakeFD) })
		expect("a call while it waits", -1, 1)
		time.AfterFunc(time.Millisecond, func() { rawSignal(d.wakeFD) })
		expect("another, with a time", 60_000, 1)
	}
	if n, err := d.park.wait(nil, -1); n >= 0 || err == nil {
		t.Errorf("without room for events: %d, %v", n, err)
	}
}

// Who yields lets the goroutines run that wait for its processor.
func TestYield(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for range 100 {
		var ran atomic.Bool
		go ran.Store(true)
		if yield(); !ran.Load() {
			// It may have been interrupted itself, and have run on before the other.
			if yield(); !ran.Load() {
				t.Fatal("the other goroutine has not run")
			}
		}
	}
}

// A server with nothing to do is woken seldom, and is there at once when something comes.
func TestIdleServerRests(t *testing.T) {
	s, path := startServer(t, false, "--io-threads", "2")
	c, r := dial(t, path)
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("not so in half a minute: " + what)
			}
		}
	}
	for range 2 {
		until("nobody looks at the drivers", s.transport.atRest.Load)
		until("cron comes seldom", s.slack.Load)
		fmt.Fprint(c, "PING\r\n")
		if line, err := r.ReadString('\n'); line != "+PONG\r\n" {
			t.Fatal(line, err)
		}
		until("the drivers are looked at", func() bool { return !s.transport.atRest.Load() })
	}
	until("cron comes seldom", s.slack.Load)
	s.hurry()
	until("cron has come", s.slack.Load)
}
