package server

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"cached/commands"
)

// A latencyMonitor remembers when something took long: the last spikes of each
// kind of event, one a second at most.
type latencyMonitor struct {
	thresholdNS atomic.Int64 // 0: off

	mu     sync.Mutex // guards events
	events map[string]*latencyEvents
}

type latencyEvents struct {
	spikes []latencySpike // oldest first, at most maxSpikes
	maxMS  int64
}

type latencySpike struct{ unixS, ms int64 }

const maxSpikes = 160

// note records that an event took ns nanoseconds.
func (m *latencyMonitor) note(event string, ns, nowMS int64) {
	if limit := m.thresholdNS.Load(); limit == 0 || ns < limit {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.events[event]
	if e == nil {
		e = &latencyEvents{}
		if m.events == nil {
			m.events = map[string]*latencyEvents{}
		}
		m.events[event] = e
	}
	ms, at := ns/1e6, nowMS/1000
	e.maxMS = max(e.maxMS, ms)
	if n := len(e.spikes); n > 0 && e.spikes[n-1].unixS == at {
		e.spikes[n-1].ms = max(e.spikes[n-1].ms, ms)
		return
	}
	if len(e.spikes) == maxSpikes {
		e.spikes = slices.Delete(e.spikes, 0, 1)
	}
	e.spikes = append(e.spikes, latencySpike{at, ms})
}

// names are the kinds of events there were, in order.
func (m *latencyMonitor) names() []string {
	var names []string
	for name := range m.events {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *Server) latencyLatest(c *commands.Ctx) error {
	m := &s.latency
	m.mu.Lock()
	defer m.mu.Unlock()
	c.Reply.Array(len(m.events))
	for _, name := range m.names() {
		e := m.events[name]
		last := e.spikes[len(e.spikes)-1]
		c.Reply.Array(4)
		c.Reply.BulkString(name)
		c.Reply.Int(last.unixS)
		c.Reply.Int(last.ms)
		c.Reply.Int(e.maxMS)
	}
	return nil
}

func (s *Server) latencyHistory(c *commands.Ctx) error {
	m := &s.latency
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.events[string(c.Argv[2])]
	if e == nil {
		c.Reply.Array(0)
		return nil
	}
	c.Reply.Array(len(e.spikes))
	for _, sp := range e.spikes {
		c.Reply.Array(2)
		c.Reply.Int(sp.unixS)
		c.Reply.Int(sp.ms)
	}
	return nil
}

func (s *Server) latencyReset(c *commands.Ctx) error {
	m := &s.latency
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	if len(c.Argv) == 2 {
		n = len(m.events)
		clear(m.events)
	}
	for _, name := range c.Argv[2:] {
		if m.events[string(name)] != nil {
			delete(m.events, string(name))
			n++
		}
	}
	c.Reply.Int(int64(n))
	return nil
}

// latencyGraph draws the spikes of an event, a column each.
func (s *Server) latencyGraph(c *commands.Ctx) error {
	m := &s.latency
	m.mu.Lock()
	defer m.mu.Unlock()
	name := string(c.Argv[2])
	e := m.events[name]
	if e == nil {
		return commands.Error("ERR No samples available for event '" + clip(c.Argv[2], 128) + "'")
	}
	spikes := e.spikes[max(0, len(e.spikes)-80):]
	high, low := int64(0), spikes[0].ms
	for _, sp := range spikes {
		high, low = max(high, sp.ms), min(low, sp.ms)
	}
	const rows = 4
	var b strings.Builder
	fmt.Fprintf(&b, "%s - high %d ms, low %d ms (all time high %d ms)\n%s\n", name, high, low, e.maxMS, strings.Repeat("-", 80))
	for row := rows; row > 0; row-- {
		for _, sp := range spikes {
			if sp.ms*rows >= high*int64(row) {
				b.WriteByte('#')
			} else {
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	c.Reply.Verbatim("txt", b.String())
	return nil
}

func (s *Server) latencyDoctor(c *commands.Ctx) error {
	m := &s.latency
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.thresholdNS.Load() == 0 && len(m.events) == 0:
		c.Reply.Verbatim("txt", "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. "+
			"You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it.\n")
		return nil
	case len(m.events) == 0:
		c.Reply.Verbatim("txt", "Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit. "+
			"I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n")
		return nil
	}
	var b strings.Builder
	b.WriteString("Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, do you Dave?\n\n")
	for i, name := range m.names() {
		e := m.events[name]
		sum := int64(0)
		for _, sp := range e.spikes {
			sum += sp.ms
		}
		fmt.Fprintf(&b, "%d. %s: %d latency spikes (average %dms). Worst all time event %dms.\n",
			i+1, name, len(e.spikes), sum/int64(len(e.spikes)), e.maxMS)
	}
	b.WriteString("\nLook for slow commands with SLOWLOG GET, and at how many elements they work on.\n")
	c.Reply.Verbatim("txt", b.String())
	return nil
}

// latencyHistogram replies, for each command, how many of its runs took at most
// 1, 2, 4 ... microseconds.
func (s *Server) latencyHistogram(c *commands.Ctx) error {
	s.publishAll(c)
	want := map[string]bool{}
	for _, a := range c.Argv[2:] {
		want[fold(a)] = true
	}
	type entry struct {
		name  string
		calls int64
		at    [][2]int64
	}
	var all []entry
	s.totals.eachCommand(s.tables(), func(name string, st *commandStat, h *latencies) {
		parent, _, _ := strings.Cut(name, "|")
		if h == nil || len(want) > 0 && !want[name] && !want[parent] {
			return
		}
		e := entry{name: name, calls: st.calls}
		sum, us := int64(0), int64(1)
		for i, n := range h {
			for bucketNS(i) > us*1000 {
				if sum > 0 && (len(e.at) == 0 || e.at[len(e.at)-1][1] != sum) {
					e.at = append(e.at, [2]int64{us, sum})
				}
				us *= 2
			}
			sum += n
		}
		if sum > 0 && (len(e.at) == 0 || e.at[len(e.at)-1][1] != sum) {
			e.at = append(e.at, [2]int64{us, sum})
		}
		all = append(all, e)
	})
	c.Reply.Map(len(all))
	for _, e := range all {
		c.Reply.BulkString(e.name)
		c.Reply.Map(2)
		c.Reply.BulkString("calls")
		c.Reply.Int(e.calls)
		c.Reply.BulkString("histogram_usec")
		c.Reply.Map(len(e.at))
		for _, x := range e.at {
			c.Reply.Int(x[0])
			c.Reply.Int(x[1])
		}
	}
	return nil
}

func (s *Server) latencyHelp(c *commands.Ctx) error {
	return c.ReplyHelp("LATENCY",
		"DOCTOR",
		"    Return a human readable latency analysis report.",
		"GRAPH <event>",
		"    Return an ASCII latency graph for the <event> class.",
		"HISTORY <event>",
		"    Return time-latency samples for the <event> class.",
		"LATEST",
		"    Return the latest latency samples for all events.",
		"RESET [<event> ...]",
		"    Reset latency data of one or more <event> classes.",
		"    (default: reset all data for all event classes)",
		"HISTOGRAM [COMMAND ...]",
		"    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.",
		"    If no commands are specified then all histograms are replied.")
}
