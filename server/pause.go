package server

import (
	"sync/atomic"

	"cached/commands"
)

// postpone has the client's next command wait, or go on.
func (c *client) postpone(on bool) {
	if c.postponed == on {
		return
	}
	c.postponed = on
	c.shown.paused.Store(on)
	if on {
		c.srv.block.all.Add(1)
	} else {
		c.srv.block.all.Add(-1)
	}
}

// pauseUntil follows the time until which the server pauses: what expires or would be
// evicted stays so long.
func (s *Road) pauseUntil(ms int64) {
	s.keys.Hold(ms)
	s.setGated()
}

// A pause is what CLIENT PAUSE asks for: until when, and whether it holds only
// commands that may write.
type pause struct {
	untilMS   atomic.Int64
	onlyWrite atomic.Bool
}

// holds reports whether a command of such flags has to wait now.
func (p *pause) holds(nowMS int64, flags commands.Flag) bool {
	if nowMS >= p.untilMS.Load() {
		return false
	}
	return !p.onlyWrite.Load() || flags&(commands.Write|commands.MayReplicate) != 0
}

func (p *pause) over(nowMS int64) bool { return nowMS >= p.untilMS.Load() }

// begin pauses until untilMS. A pause that lasts already is made longer and
// wider, never less.
func (p *pause) begin(nowMS, untilMS int64, onlyWrite bool) {
	if old := p.untilMS.Load(); nowMS < old {
		untilMS = max(untilMS, old)
		onlyWrite = onlyWrite && p.onlyWrite.Load()
	}
	p.onlyWrite.Store(onlyWrite)
	p.untilMS.Store(untilMS)
}

func (p *pause) lasts(nowMS int64) bool { return !p.over(nowMS) }
