package server

import (
	"context"
	"time"

	"cached/engine"
	"cached/internal/host"
)

// Background work runs this often while there is some, and else seldom: to be woken
// costs more than to see that there is nothing to do. It works for at most workBatch
// each time, except that a backlog of expired keys may take more. It works in short
// stretches, and rests for twice as long in between: the system seldom interrupts a
// goroutine that does so.
const (
	cronEvery   = 10 * time.Millisecond
	cronSeldom  = 100 * time.Millisecond
	cronAtRest  = 500 * time.Millisecond // nothing comes, and nothing can expire
	workBatch   = 450 * time.Microsecond
	backlog     = 2500 * time.Microsecond
	workStretch = 500 * time.Microsecond
)

// cron does the background work until ctx ends: it keeps the clock, sweeps
// expired keys, frees what was unlinked and ends clients that are idle or too large.
func (s *Server) cron(ctx context.Context) {
	s.crons.set(cronEvery)
	var tx engine.Tx
	w := newWorker(&s.Road)
	tx.Owner = w
	var lookAtClients time.Duration // when, as what follows: since base
	var second, tenth time.Duration
	for first := true; s.crons.wait() && ctx.Err() == nil; first = false {
		if s.cronPaused.Load() {
			s.crons.set(cronEvery)
			continue
		}
		s.slack.Store(false)
		if first {
			host.Settle()
		}
		w.tick()
		now := time.Duration(w.nowNS)
		if s.scripts.busy.Load() == 0 {
			s.block.resume()
		}
		worked, more := s.maintain(w, &tx)
		if now >= lookAtClients {
			lookAtClients = now + cronEvery*time.Duration(s.memory.evictClients()) // before keys make room for them
		}
		more = s.memory.keepWithin(w) || more
		if now >= second {
			second = now + time.Second
			// The wall clock may have been set; it is followed once a second.
			now := time.Now()
			s.wallNS.Store(now.UnixNano() - int64(now.Sub(s.base)))
			s.closeIdle(w.nowMS())
			s.closeSlow()
			s.setGated()
			s.memory.followPeak()
			s.keys.CountRequests(nil, w.nowMS())
			s.memory.gc.follow()
			s.memory.limit.returnIdle()
			s.transport.trim()
		}
		if now >= tenth {
			tenth = now + cronSeldom - cronEvery/2
			s.sampler.sample(s)
			s.memory.wakeCompression()
		}
		if more || s.scripts.busy.Load() > 0 {
			s.crons.set(cronEvery)
			continue
		}
		s.slack.Store(true)
		if worked || !s.transport.atRest.Load() {
			s.crons.set(cronSeldom)
		} else {
			s.crons.set(cronAtRest)
		}
		if s.keys.Unfreed() {
			s.hurry()
		}
	}
}

// hurry has cron come soon, and often for as long as it has something to do.
func (s *Server) hurry() {
	if s.slack.Load() && s.slack.CompareAndSwap(true, false) {
		s.crons.call()
	}
}

// maintain gives the engine some time, and reports whether there was anything to do and
// whether it would take more.
func (s *Server) maintain(w *worker, tx *engine.Tx) (any, more bool) {
	start, before := time.Now(), time.Duration(0) // of this stretch, and in those before it
	defer func() { s.sweepNS.Add(int64(before + time.Since(start))) }()
	for idle := 0; idle < s.keys.Shards(); {
		worked, urgent := s.keys.Maintain(tx, w.nowMS())
		if idle++; worked {
			idle, any = 0, true
		}
		if w.due {
			w.finish(nil)
		}
		if len(w.ready) > 0 {
			w.serveReady()
		}
		spent := time.Since(start)
		if total := before + spent; total > backlog || !urgent && total > workBatch {
			return true, true
		}
		if spent > workStretch {
			before += spent
			time.Sleep(2 * workStretch)
			w.tick()
			start = time.Now()
		}
	}
	return any, false
}

// closeIdle ends clients that said nothing for as long as timeout allows.
func (s *Server) closeIdle(nowMS int64) {
	limit := s.cfg.Value("timeout").Int() * 1000
	if limit <= 0 {
		return
	}
	for _, c := range s.allClients() {
		if nowMS-c.shown.activeMS.Load() > limit && !c.shown.blocked.Load() && !c.shown.paused.Load() && !c.shown.replica.Load() && !c.shown.primary.Load() {
			s.kill(c)
		}
	}
}
