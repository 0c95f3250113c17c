package server

import "golang.org/x/sys/unix"

// serveOthers is a turn of the loop in the middle of a script that takes long:
// other clients are told BUSY, and one of them may end it. It is called by the
// script, on the loop's goroutine. What the script's command uses - the worker with
// its reply and the read buffer that the words alias - is put aside meanwhile. The
// script's own client is neither read nor closed before the script has ended.
func (l *loop) serveOthers(*client) {
	own, in := l.worker, l.in
	if own == l.spare {
		return
	}
	// Who was answered before the script began gets that before anything else.
	l.writeOutbox()

	if l.spare == nil {
		l.spare = l.newWorker(l.t.Road)
	}
	l.worker, l.in = l.spare, make([]byte, readChunk)
	l.tick()
	var events [64]unix.EpollEvent
	n, _ := unix.EpollWait(l.driver.Load().epfd, events[:], 0)
	for _, ev := range events[:max(n, 0)] {
		if ev.Pad == l.index { // other loops go to another driver
			l.serve(ev)
		}
	}
	l.send()
	l.runQueue()
	l.fanOut()
	l.runDirty()
	l.release()
	l.publish()
	l.worker, l.in = own, in
}
