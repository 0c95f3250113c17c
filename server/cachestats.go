package server

import (
	"strconv"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/internal/stats"
)

// errNoPrefix: CACHE.STATS was asked for a prefix that is not counted.
const errNoPrefix = commands.Error("ERR no such prefix, see CONFIG GET stats-prefixes")

// A lookups counts look-ups of keys by their result.
type lookups struct {
	hits, misses int64
	why          engine.Reasons
}

// unknown is how many misses were of keys that were never there, as far as is
// known.
func (l lookups) unknown() int64 { return l.misses - l.why.Expired - l.why.Evicted - l.why.Deleted }

func (l lookups) ratio() float64 { return stats.Quotient(l.hits, l.hits+l.misses) }

// lookupFields is how many fields reply writes.
const lookupFields = 8

func (l lookups) reply(c *commands.Ctx) {
	number := func(name string, n int64) {
		c.Reply.BulkString(name)
		c.Reply.Int(n)
	}
	number("hits", l.hits)
	number("misses", l.misses)
	c.Reply.BulkString("hit_ratio")
	c.Reply.Double(l.ratio())
	number("misses_never_seen", l.unknown())
	number("misses_expired", l.why.Expired)
	number("misses_evicted", l.why.Evicted)
	number("misses_deleted", l.why.Deleted)
	number("misses_evicted_within_window", l.why.EvictedSoon)
}

func ofPrefix(p engine.PrefixStats) lookups { return lookups{p.Hits, p.Misses, p.Why} }

func (s *Server) allLookups(tx *engine.Tx) lookups {
	st := s.keys.Stats(tx)
	return lookups{st.Hits, st.Misses, st.Why}
}

// cacheStats replies with the results of look-ups: of keys with one prefix of stats-prefixes, or of all keys, and
// then of each prefix.
func (s *Server) cacheStats(c *commands.Ctx) error {
	if len(c.Argv) > 2 {
		return commands.ErrSyntax
	}
	prefixes := s.keys.PrefixStats(c.Tx)
	if len(c.Argv) > 1 {
		for _, p := range prefixes {
			if p.Prefix == string(c.Argv[1]) {
				c.Reply.Map(lookupFields)
				ofPrefix(p).reply(c)
				return nil
			}
		}
		return errNoPrefix
	}
	c.Reply.Map(lookupFields + 2)
	s.allLookups(c.Tx).reply(c)
	c.Reply.BulkString("window_seconds")
	c.Reply.Int(s.cfg.Value("stats-evicted-window").Int())
	c.Reply.BulkString("prefixes")
	c.Reply.Map(len(prefixes))
	for _, p := range prefixes {
		c.Reply.BulkString(p.Prefix)
		c.Reply.Map(lookupFields)
		ofPrefix(p).reply(c)
	}
	return nil
}

// mrcFactors are the amounts of memory of the curve, relative to the present one.
var mrcFactors = []float64{0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 8}

// cacheMRC replies with points of the miss ratio curve: the factor of memory, its bytes for keys and values, and
// the expected hit ratio.
func (s *Server) cacheMRC(c *commands.Ctx) error {
	if len(c.Argv) > 2 {
		return commands.ErrSyntax
	}
	prefix := ""
	if len(c.Argv) == 2 {
		prefix = string(c.Argv[1])
	}
	m, ok := s.keys.MissCurve(c.Tx, prefix)
	if !ok || prefix == "" && len(c.Argv) == 2 {
		return errNoPrefix
	}
	c.Reply.Map(4)
	c.Reply.BulkString("requests")
	c.Reply.Int(int64(m.Requests))
	c.Reply.BulkString("sampled_keys")
	c.Reply.Int(int64(m.SampledKeys))
	c.Reply.BulkString("sampling_rate")
	c.Reply.Double(m.Rate)
	c.Reply.BulkString("points")
	c.Reply.Array(len(mrcFactors))
	for _, f := range mrcFactors {
		room := s.dataRoom(f)
		c.Reply.Map(3)
		c.Reply.BulkString("memory")
		c.Reply.Double(f)
		c.Reply.BulkString("data_bytes")
		c.Reply.Int(room)
		c.Reply.BulkString("hit_ratio")
		c.Reply.Double(m.Ratio(room))
	}
	return nil
}

// dataRoom is the number of bytes of keys and values with times times maxmemory or, without a limit, times times
// the present number.
func (s *Server) dataRoom(times float64) int64 {
	live, _ := s.keys.InUse()
	limit := s.memory.limit.bytes.Load()
	if limit == 0 {
		return int64(times * float64(live))
	}
	return max(0, int64(times*float64(limit-s.keys.LeastGaps()))-s.memory.limit.rest.Load())
}

func (s *Server) reportCacheStats(to stats.Sink, tx *engine.Tx) {
	l := s.allLookups(tx)
	to.Sample(stats.Counter("cache_hits", l.hits, "Look-ups that found their key"))
	to.Sample(stats.Counter("cache_misses", l.misses, "Look-ups that found no key"))
	to.Sample(stats.Float("cache_hit_ratio", l.ratio(), 4, "Hits among all look-ups").In(stats.Ratio))
	to.Sample(stats.Counter("cache_misses_never_seen", l.unknown(), "Misses of keys that are not known to have been there"))
	to.Sample(stats.Counter("cache_misses_expired", l.why.Expired, "Misses of keys that had expired"))
	to.Sample(stats.Counter("cache_misses_evicted", l.why.Evicted, "Misses of keys that had been evicted"))
	to.Sample(stats.Counter("cache_misses_deleted", l.why.Deleted, "Misses of keys that a command had removed"))
	to.Sample(stats.Counter("cache_misses_evicted_within_window", l.why.EvictedSoon, "Misses of keys evicted within the window"))
	window := time.Duration(s.cfg.Value("stats-evicted-window").Int()) * time.Second
	to.Sample(stats.Time("cache_evicted_window_seconds", window, stats.Seconds, "Length of the window"))
	for i, p := range s.keys.PrefixStats(tx) {
		l := ofPrefix(p)
		row := stats.Row{Family: "cache_prefix", Name: "cache_prefix" + strconv.Itoa(i),
			Labels: []stats.Label{{Name: "prefix", Value: p.Prefix}}}
		to.Row(row, []stats.Sample{
			stats.PlainText("prefix", stats.Quote(p.Prefix)), // which the label says
			stats.Counter("hits", l.hits, "Look-ups that found their key, by prefix"),
			stats.Counter("misses", l.misses, "Look-ups that found no key, by prefix"),
			stats.Float("hit_ratio", l.ratio(), 4, "Hits among all look-ups, by prefix").In(stats.Ratio),
			stats.Counter("never_seen", l.unknown(), "Misses of keys that are not known to have been there, by prefix"),
			stats.Counter("expired", l.why.Expired, "Misses of keys that had expired, by prefix"),
			stats.Counter("evicted", l.why.Evicted, "Misses of keys that had been evicted, by prefix"),
			stats.Counter("deleted", l.why.Deleted, "Misses of keys that a command had removed, by prefix"),
			stats.Counter("evicted_within_window", l.why.EvictedSoon, "Misses of keys evicted within the window, by prefix"),
		})
	}
}
