package server

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cached/commands"
	"cached/internal/config"
	"cached/internal/host"
)

// hotkeys find the keys that commands of clients are about most: in a session that HOTKEYS
// START begins, by the time commands take and by their bytes, as in Redis; and in one window
// of time after the other, by how often, while hotkeys-top-k is set, as in Valkey. Without
// either a command pays nothing for it.
type hotkeys struct {
	watching atomic.Bool // a session or a window wants to hear of commands

	mu      sync.Mutex  // guards what follows
	session *hotSession // nil: none was begun since the last RESET
	windows hotWindows
}

// A hotSession is what HOTKEYS START has begun.
type hotSession struct {
	byTime, byBytes bool
	count           int // keys that GET replies
	sample          int // of so many commands one counts
	startMS         int64
	endMS           int64 // when it ends by itself, or 0
	stoppedMS       int64 // when it has ended, or 0

	ns, bytes    int64         // of all commands
	user, sys    time.Duration // of the process: at the start, and afterwards what the session took
	times, sizes topKeys
}

// keptKeys is how many keys are followed for each that is replied: those in the middle are
// estimates the better the more there are.
const keptKeys = 16

// A hotWindows is the window that is open, and the last that has ended.
type hotWindows struct {
	topK     int     // 0: off
	sampling float64 // share of accesses that count
	spanMS   int64

	startMS int64
	live    topKeys

	lastMS int64 // for how long the last window was open; 0: there is none
	last   []hotKey
}

// A hotKey is a key with how much it has got of something.
type hotKey struct {
	db     int
	key    string
	weight int64
	over   int64 // by how much weight may be too large
	at     int   // its place in the heap
}

// topKeys follows at most max keys with the greatest weights, by the Space-Saving algorithm:
// what comes when there is no room takes the place of the least, and its weight.
type topKeys struct {
	max  int
	keys map[hotName]*hotKey
	heap hotHeap
}

type hotName struct {
	db  int
	key string
}

func newTopKeys(most int) topKeys { return topKeys{max: most, keys: map[hotName]*hotKey{}} }

func (t *topKeys) add(db int, key []byte, weight int64) {
	if k := t.keys[hotName{db, string(key)}]; k != nil {
		k.weight += weight
		heap.Fix(&t.heap, k.at)
		return
	}
	k := &hotKey{db: db, key: string(key), weight: weight}
	if len(t.heap) >= t.max {
		least := t.heap[0]
		delete(t.keys, hotName{least.db, least.key})
		k.weight, k.over = weight+least.weight, least.weight
		t.heap[0] = k
		heap.Fix(&t.heap, 0)
	} else {
		heap.Push(&t.heap, k)
	}
	t.keys[hotName{db, k.key}] = k
}

// top returns the n keys with the greatest weights, the greatest first.
func (t *topKeys) top(n int) []hotKey {
	all := make([]hotKey, len(t.heap))
	for i, k := range t.heap {
		all[i] = *k
	}
	slices.SortFunc(all, func(a, b hotKey) int {
		switch {
		case a.weight != b.weight:
			if a.weight > b.weight {
				return -1
			}
			return 1
		case a.key != b.key:
			return strings.Compare(a.key, b.key)
		}
		return a.db - b.db
	})
	return all[:min(n, len(all))]
}

// A hotHeap has the key with the least weight first.
type hotHeap []*hotKey

func (h hotHeap) Len() int           { return len(h) }
func (h hotHeap) Less(i, j int) bool { return h[i].weight < h[j].weight }
func (h hotHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push implements heap.Interface.
func (h *hotHeap) Push(x any) {
	k := x.(*hotKey)
	k.at = len(*h)
	*h = append(*h, k)
}

// Pop implements heap.Interface; nothing calls it.
func (h *hotHeap) Pop() any {
	k := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return k
}

// note counts a command of a client. It reports false if nobody wants to hear of more.
func (h *hotkeys) note(db int, spec *commands.Spec, argv [][]byte, tookNS, bytes, nowMS int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	active := h.session.active(nowMS)
	if s := h.session; active {
		s.ns += tookNS
		s.bytes += bytes
		if s.sample == 1 || rand.IntN(s.sample) == 0 {
			eachAccess(spec, argv, func(key []byte) {
				if s.byTime {
					s.times.add(db, key, tookNS)
				}
				if s.byBytes {
					s.sizes.add(db, key, bytes)
				}
			})
		}
	}
	if w := &h.windows; w.topK > 0 {
		w.turn(nowMS)
		eachAccess(spec, argv, func(key []byte) {
			if w.sampling >= 1 || rand.Float64() < w.sampling {
				w.live.add(db, key, 1)
			}
		})
	}
	return active || h.windows.topK > 0
}

// eachAccess visits the keys that a command reads or changes; to look into the server is no
// access.
func eachAccess(spec *commands.Spec, argv [][]byte, visit func(key []byte)) {
	if name, _, _ := strings.Cut(spec.FullName(), "|"); name == "object" || name == "debug" || name == "memory" {
		return
	}
	spec.EachKey(argv, func(i int, flags commands.KeyFlag) {
		if flags&commands.NotKey == 0 {
			visit(argv[i])
		}
	})
}

// active reports whether commands count; one whose time is over ends here.
func (s *hotSession) active(nowMS int64) bool {
	if s == nil || s.stoppedMS != 0 {
		return false
	}
	if s.endMS != 0 && nowMS >= s.endMS {
		s.stop(s.endMS)
		return false
	}
	return true
}

func (s *hotSession) stop(nowMS int64) {
	sys, user := host.CPUTime()
	s.stoppedMS, s.user, s.sys = nowMS, user-s.user, sys-s.sys
}

// turn ends the window that is open if its time is over. One that has been open for more
// than twice its time says nothing of any window, and is dropped.
func (w *hotWindows) turn(nowMS int64) {
	open := nowMS - w.startMS
	if open >= 0 && open < w.spanMS {
		return
	}
	w.last, w.lastMS = nil, 0
	if open >= 0 && open <= 2*w.spanMS {
		w.last, w.lastMS = w.live.top(w.topK), open
	}
	w.begin(nowMS)
}

func (w *hotWindows) begin(nowMS int64) {
	w.startMS, w.live = nowMS, newTopKeys(w.topK)
}

// perSecond is how often a key was accessed in the last window: the middle of what its
// weight says.
func (w *hotWindows) perSecond(k *hotKey) int64 {
	return int64((float64(k.weight)-float64(k.over)/2)/w.sampling*1000/float64(w.lastMS) + 0.5)
}

// setHotKeys takes over the directives of windows; the last window stays.
func (s *Server) setHotKeys(*config.Value) error {
	h := &s.hot
	h.mu.Lock()
	w := &h.windows
	w.topK = int(s.cfg.Value("hotkeys-top-k").Int())
	w.sampling = float64(s.cfg.Value("hotkeys-sampling-percentage").Int()) / 100
	w.spanMS = s.cfg.Value("hotkeys-window-seconds").Int() * 1000
	w.begin(s.nowMS())
	h.mu.Unlock()
	s.watchKeys()
	return nil
}

// watchKeys has all commands shown to noteSized as long as somebody wants to hear of them.
func (s *Server) watchKeys() {
	h := &s.hot
	h.mu.Lock()
	h.watching.Store(h.windows.topK > 0 || h.session.active(s.nowMS()))
	h.mu.Unlock()
	s.setSizeFrom()
}
