package server

import (
	"sync/atomic"
	"testing"
	"time"
)

// An alarm wakes its owner at the time that is set, and when it is called: while the owner
// waits, before that, and before the alarm is set, which does not undo the call.
func TestAlarm(t *testing.T) {
	a, err := newAlarm()
	if err != nil {
		t.Fatal(err)
	}
	expect := func(what string) {
		t.Helper()
		rang := make(chan bool, 1)
		go func() { rang <- a.wait() }()
		select {
		case ok := <-rang:
			if !ok {
				t.Fatalf("%s: it is closed", what)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s: it does not ring", what)
		}
	}
	for range 3 {
		a.set(time.Millisecond)
		expect("the time comes")
		a.set(time.Hour)
		a.call()
		expect("a call after it was set")
		a.call()
		a.set(time.Hour)
		expect("a call before it was set")
		a.set(time.Hour)
		time.AfterFunc(time.Millisecond, a.call)
		expect("a call while its owner waits")
	}
	time.AfterFunc(time.Millisecond, a.close)
	if a.wait() {
		t.Error("it rang, and was closed")
	}
	a.call()
	if a.wait() {
		t.Error("it rang after it was closed")
	}
}

// However calls and waits meet, none is lost: after each call its owner comes.
func TestAlarmLosesNoCall(t *testing.T) {
	a, err := newAlarm()
	if err != nil {
		t.Fatal(err)
	}
	var asked, done atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for a.set(time.Hour); a.wait(); a.set(time.Hour) {
			done.Store(asked.Load())
		}
	}()
	for i := range int64(20_000) {
		asked.Add(1)
		a.call()
		if i%3 == 0 {
			for end := time.Now().Add(time.Minute); done.Load() != asked.Load(); time.Sleep(time.Microsecond) {
				if time.Now().After(end) {
					t.Fatalf("call %d is lost", i)
				}
			}
		}
	}
	a.close()
	<-ended
}
