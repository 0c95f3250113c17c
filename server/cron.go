package server

import (
	"context"
	"time"

	"cached/engine"
)

// Background work runs this often, for at most workBatch of each period, except that
// a backlog of expired keys may take more. It works in short stretches, and rests for
// twice as long in between: who does so is seldom interrupted by the system.
const (
	cronEvery   = 10 * time.Millisecond
	workBatch   = 450 * time.Microsecond
	backlog     = 2500 * time.Microsecond
	workStretch = 500 * time.Microsecond
)

// cron does the background work until ctx ends: it keeps the clock, sweeps
// expired keys, frees what was unlinked and ends clients that are idle or too large.
func (s *Server) cron(ctx context.Context) {
	tick := time.NewTicker(cronEvery)
	defer tick.Stop()
	var tx engine.Tx
	w := newWorker(s)
	tx.Owner = w
	lookAtClients := 0
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if n == 1 {
			settleMemory()
		}
		w.tick()
		if s.scripts.busy.Load() == 0 {
			s.block.resume()
		}
		s.maintain(w, &tx)
		if lookAtClients--; lookAtClients <= 0 {
			lookAtClients = s.evictClients() // before keys make room for them
		}
		s.keepWithin(w)
		if n%100 == 0 {
			// The wall clock may have been set; it is followed once a second.
			now := time.Now()
			s.wallNS.Store(now.UnixNano() - int64(now.Sub(s.base)))
			s.closeIdle(w.nowMS())
			s.setGated()
			s.memoryUse(nil) // follows the peak
			s.keys.CountRequests(nil, w.nowMS())
			s.gc.follow()
			s.transport.trim()
		}
		s.sampler.sample(s, n)
	}
}

// maintain gives the engine some time.
func (s *Server) maintain(w *worker, tx *engine.Tx) {
	start, before := time.Now(), time.Duration(0) // of this stretch, and in those before it
	defer func() { s.sweepNS.Add(int64(before + time.Since(start))) }()
	for idle := 0; idle < s.keys.Shards(); {
		worked, more := s.keys.Maintain(tx, w.nowMS())
		if idle++; worked {
			idle = 0
		}
		if len(w.events)+len(w.stale) > 0 {
			w.tell(nil, 0)
		}
		if len(w.ready) > 0 {
			w.serveReady()
		}
		spent := time.Since(start)
		if total := before + spent; total > backlog || !more && total > workBatch {
			return
		}
		if spent > workStretch {
			before += spent
			time.Sleep(2 * workStretch)
			w.tick()
			start = time.Now()
		}
	}
}

// closeIdle ends clients that said nothing for as long as timeout allows.
func (s *Server) closeIdle(nowMS int64) {
	limit := s.cfg.Value("timeout").Int() * 1000
	if limit <= 0 {
		return
	}
	for _, c := range s.allClients() {
		if nowMS-c.shown.activeMS.Load() > limit && !c.shown.blocked.Load() {
			s.kill(c)
		}
	}
}
