package server

import (
	"strconv"

	"cached/commands"
	"cached/engine/value"
	"cached/internal/host"
)

const (
	errHotMetrics  = commands.Error("ERR METRICS parameter is required")
	errHotNone     = commands.Error("ERR METRICS must be followed by their number and as many of CPU and NET")
	errHotCount    = commands.Error("ERR COUNT must be between 1 and 64")
	errHotDuration = commands.Error("ERR DURATION must be between 1 and 1000000 seconds")
	errHotSample   = commands.Error("ERR SAMPLE ratio must be between 1 and 1000000")
	errHotSlots    = commands.Error("ERR SLOTS parameter cannot be used in non-cluster mode")
	errHotActive   = commands.Error("ERR hotkey tracking session already in progress")
	errHotReset    = commands.Error("ERR hotkey tracking session in progress, stop tracking first")
)

// hotkeysRows are the rows of HOTKEYS and its subcommands.
func (s *Server) hotkeysRows() []commands.Spec {
	const flags = commands.Admin | commands.NoScript
	return []commands.Spec{{
		Name: "hotkeys", Group: commands.Server, Since: "8.6.0", Arity: -2, Complexity: "Depends on subcommand.",
		Summary: "A container for hotkeys tracking commands.",
		Sub: []commands.Spec{
			{
				Name: "get", Since: "8.6.0", Arity: 2, Complexity: "O(K) where K is the number of hotkeys returned.",
				Summary: "Returns lists of top K hotkeys depending on metrics chosen in HOTKEYS START command.",
				Flags:   flags, Tips: []string{"request_policy:all_nodes", "nondeterministic_output"},
				Run: s.hotkeysGet,
			},
			{
				Name: "help", Since: "8.6.1", Arity: 2, Complexity: "O(1)",
				Summary: "Returns helpful text about HOTKEYS commands and parameters.",
				Flags:   commands.Loading | commands.Stale,
				Run:     s.hotkeysHelp,
			},
			{
				Name: "reset", Since: "8.6.0", Arity: 2, Complexity: "O(1)",
				Summary: "Release the resources used for hotkey tracking.",
				Flags:   flags,
				Run:     s.hotkeysReset,
			},
			{
				Name: "start", Since: "8.6.0", Arity: -2, Complexity: "O(1)",
				Summary: "Starts hotkeys tracking.",
				Flags:   flags,
				Args: []commands.Arg{
					commands.After("METRICS", commands.Block("metrics", commands.Int("count"), commands.Opt(commands.Token("cpu", "CPU")), commands.Opt(commands.Token("net", "NET")))),
					commands.Opt(commands.After("COUNT", commands.Int("k"))), commands.Opt(commands.After("DURATION", commands.Int("seconds"))),
					commands.Opt(commands.After("SAMPLE", commands.Int("ratio"))),
					commands.Opt(commands.After("SLOTS", commands.Block("slots", commands.Int("count"), commands.Many(commands.Int("slot")))))},
				Run: s.hotkeysStart,
			},
			{
				Name: "stop", Since: "8.6.0", Arity: 2, Complexity: "O(1)",
				Summary: "Stops hotkeys tracking but preserves data.",
				Flags:   flags,
				Run:     s.hotkeysStop,
			},
		},
	}}
}

// parseHotSession reads the words of HOTKEYS START.
func parseHotSession(c *commands.Ctx) (*hotSession, error) {
	h := &hotSession{count: 10, sample: 1, startMS: c.NowMS}
	number := func(a *commands.Args, most int64, bad error) int64 {
		n, ok := value.ParseInt(a.Next())
		if a.Err() == nil && (!ok || n < 1 || n > most) {
			a.Fail(bad)
		}
		return n
	}
	for a := c.Args(2); a.More() || a.Err() != nil; {
		switch {
		case a.Err() != nil:
			return nil, a.Err()
		case a.Is("METRICS"):
			metrics := number(&a, 2, errHotNone)
			for range metrics {
				cpu := a.Is("CPU")
				if !cpu && !a.Is("NET") {
					a.Fail(errHotNone)
					break
				}
				h.byTime, h.byBytes = h.byTime || cpu, h.byBytes || !cpu
			}
			if metrics == 2 && !(h.byTime && h.byBytes) {
				a.Fail(errHotNone)
			}
		case a.Is("COUNT"):
			h.count = int(number(&a, 64, errHotCount))
		case a.Is("DURATION"):
			h.endMS = c.NowMS + 1000*number(&a, 1e6, errHotDuration)
		case a.Is("SAMPLE"):
			h.sample = int(number(&a, 1e6, errHotSample))
		case a.Is("SLOTS"):
			return nil, errHotSlots
		default:
			return nil, commands.ErrSyntax
		}
	}
	if !h.byTime && !h.byBytes {
		return nil, errHotMetrics
	}
	h.times, h.sizes = newTopKeys(keptKeys*h.count), newTopKeys(keptKeys*h.count)
	return h, nil
}

func (s *Server) hotkeysStart(c *commands.Ctx) error {
	session, err := parseHotSession(c)
	if err != nil {
		return err
	}
	h := &s.hot
	h.mu.Lock()
	if h.session.active(c.NowMS) {
		h.mu.Unlock()
		return errHotActive
	}
	session.sys, session.user = host.CPUTime()
	h.session = session
	h.mu.Unlock()
	s.watchKeys()
	c.Reply.OK()
	return nil
}

// hotkeysStop ends the session, of which GET tells until RESET. Without one that is active
// the reply is null.
func (s *Server) hotkeysStop(c *commands.Ctx) error {
	h := &s.hot
	h.mu.Lock()
	active := h.session.active(c.NowMS)
	if active {
		h.session.stop(c.NowMS)
	}
	h.mu.Unlock()
	s.watchKeys()
	if active {
		c.Reply.OK()
	} else {
		c.Reply.Null()
	}
	return nil
}

// hotkeysReset forgets the session, which must not be active, and all windows.
func (s *Server) hotkeysReset(c *commands.Ctx) error {
	h := &s.hot
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.session.active(c.NowMS) {
		return errHotReset
	}
	h.session = nil
	h.windows.last, h.windows.lastMS = nil, 0
	h.windows.begin(c.NowMS)
	c.Reply.OK()
	return nil
}

// hotkeysGet replies what the session has found, as Redis does, or if there is none the last
// window, as Valkey does.
func (s *Server) hotkeysGet(c *commands.Ctx) error {
	h := &s.hot
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.session != nil:
		h.session.reply(c)
	case h.windows.topK > 0:
		w := &h.windows
		w.turn(c.NowMS)
		c.Reply.Array(len(w.last))
		for i := range w.last {
			k := &w.last[i]
			c.Reply.Map(3)
			c.Reply.BulkString("key")
			c.Reply.BulkString(k.key)
			c.Reply.BulkString("db")
			c.Reply.Int(int64(k.db))
			c.Reply.BulkString("qps")
			c.Reply.Int(w.perSecond(k))
		}
	default:
		c.Reply.Null()
	}
	return nil
}

// reply replies the state of a session: an array of one map.
func (s *hotSession) reply(c *commands.Ctx) {
	active, end := s.active(c.NowMS), c.NowMS
	user, sys := s.user, s.sys
	if active {
		sys, user = host.CPUTime()
		user, sys = user-s.user, sys-s.sys
	} else {
		end = s.stoppedMS
	}
	n := 7
	if s.byTime {
		n += 3
	}
	if s.byBytes {
		n += 2
	}
	c.Reply.Array(1)
	c.Reply.Map(n)
	number := func(name string, v int64) {
		c.Reply.BulkString(name)
		c.Reply.Int(v)
	}
	top := func(name string, t *topKeys, unit int64) {
		keys := t.top(s.count)
		c.Reply.BulkString(name)
		c.Reply.Array(2 * len(keys))
		for i := range keys {
			c.Reply.BulkString(keys[i].key)
			c.Reply.Int(keys[i].weight / unit)
		}
	}
	flag := int64(0)
	if active {
		flag = 1
	}
	number("tracking-active", flag)
	number("sample-ratio", int64(s.sample))
	c.Reply.BulkString("selected-slots")
	c.Reply.Array(0)
	number("all-commands-all-slots-us", s.ns/1000)
	number("net-bytes-all-commands-all-slots", s.bytes)
	number("collection-start-time-unix-ms", s.startMS)
	number("collection-duration-ms", end-s.startMS)
	if s.byTime {
		number("total-cpu-time-user-ms", user.Milliseconds())
		number("total-cpu-time-sys-ms", sys.Milliseconds())
	}
	if s.byBytes {
		number("total-net-bytes", s.bytes)
	}
	if s.byTime {
		top("by-cpu-time-us", &s.times, 1000)
	}
	if s.byBytes {
		top("by-net-bytes", &s.sizes, 1)
	}
}

func (s *Server) hotkeysHelp(c *commands.Ctx) error {
	return c.ReplyHelp("HOTKEYS",
		"START METRICS <count> [CPU] [NET] [COUNT <k>] [DURATION <seconds>] [SAMPLE <ratio>]",
		"    Look for the keys that take most time, or most bytes of requests and replies.",
		"STOP",
		"    Stop looking.",
		"GET",
		"    Return what START has found. Without it: the keys accessed most in the last window,",
		"    of at most hotkeys-top-k ("+strconv.FormatInt(s.cfg.Value("hotkeys-top-k").Int(), 10)+" now, 0 is off).",
		"RESET",
		"    Forget what was found.")
}
