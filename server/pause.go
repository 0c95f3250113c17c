package server

import (
	"sync/atomic"

	"cached/commands"
)

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
