package server

import (
	"math"
	"strings"
	"time"

	"cached/engine"
	"cached/engine/value"
	"cached/internal/config"
	"cached/internal/host"
)

// EngineOptions are the engine's part of the configuration.
func EngineOptions(cfg *config.Config) engine.Options {
	shards := 0
	if limit := cfg.Value("maxmemory").Bytes(host.MemoryBytes()); limit > 0 && host.Processors() <= 4 {
		switch { // each has slabs of its own, which are not full, and learns alone what to evict
		case limit < 64<<20:
			shards = 1
		case limit < 128<<20:
			shards = 4
		case limit < 512<<20:
			shards = 8
		}
	}
	return engine.Options{
		Databases:     int(cfg.Value("databases").Int()),
		Shards:        shards,
		HugePagesFrom: hugePagesFrom,
	}
}

// hugePagesFrom is how much data makes huge pages worth their waste.
const hugePagesFrom = 64 << 20

// applySettings takes over the configuration and follows its changes.
func (s *Server) applySettings() error {
	_ = s.setOOMScore(nil) // which says why not
	s.cfg.OnChange("oom-score-adj", s.setOOMScore)
	s.cfg.OnChange("oom-score-adj-values", s.setOOMScore)
	for _, f := range []struct {
		names string
		apply func(*config.Value) error
	}{
		{"proto-max-bulk-len", func(v *config.Value) error { s.maxBulk.Store(v.Int()); return nil }},
		{"cache-max-waiters", func(v *config.Value) error { s.maxWaiters.Store(v.Int()); return nil }},
		{"cache-max-tags", func(v *config.Value) error { s.keys.SetTagLimit(int(v.Int())); return nil }},
		{"client-query-buffer-limit", func(v *config.Value) error { s.queryBufferLimit.Store(v.Int()); return nil }},
		{"requirepass", s.users.setPassword},
		{"maxclients", s.transport.setMaxClients},
		{"slowlog-log-slower-than slowlog-max-len commandlog-request-larger-than commandlog-large-request-max-len " +
			"commandlog-reply-larger-than commandlog-large-reply-max-len", s.setCommandLog},
		{"hotkeys-top-k hotkeys-sampling-percentage hotkeys-window-seconds", s.setHotKeys},
		{tlsDirectives + " tls-port", s.transport.setTLS},
		{"port tls-port", s.transport.setPort},
		{"bind", s.transport.setBind},
		{"busy-reply-threshold", func(v *config.Value) error {
			s.scripts.limitNS.Store(min(v.Int(), math.MaxInt64/int64(time.Millisecond)) * int64(time.Millisecond))
			return nil
		}},
		{"notify-keyspace-events", s.push.setNotify},
		{"tracking-table-max-keys", func(v *config.Value) error { s.push.tracked.maxKeys.Store(v.Int()); return nil }},
		{"client-output-buffer-limit", s.setOutputLimits},
		{"latency-tracking", func(v *config.Value) error { s.tracksLatency.Store(v.Bool()); return nil }},
		{"latency-monitor-threshold", func(v *config.Value) error {
			s.latency.thresholdNS.Store(v.Int() * 1e6)
			return nil
		}},
		{"maxmemory maxmemory-policy maxmemory-samples maxmemory-eviction-tenacity eviction-algorithm " +
			"eviction-objective stats-prefixes stats-evicted-window lfu-log-factor lfu-decay-time activedefrag", s.memory.setMaxMemory},
		{"value-compression value-compression-min-size", s.memory.setCompression},
		{"hash-max-listpack-entries hash-max-listpack-value set-max-listpack-entries set-max-listpack-value " +
			"set-max-intset-entries zset-max-listpack-entries zset-max-listpack-value list-max-listpack-size " +
			"stream-node-max-bytes stream-node-max-entries hll-sparse-max-bytes", s.setLimits},
	} {
		for _, name := range strings.Fields(f.names) {
			s.cfg.OnChange(name, f.apply)
			if err := f.apply(s.cfg.Value(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Server) setLimits(*config.Value) error {
	n := func(name string) int { return int(s.cfg.Value(name).Int()) }
	s.keys.SetLimits(value.Limits{
		HashEntries: n("hash-max-listpack-entries"), HashValue: n("hash-max-listpack-value"),
		SetEntries: n("set-max-listpack-entries"), SetValue: n("set-max-listpack-value"), SetInts: n("set-max-intset-entries"),
		ZSetEntries: n("zset-max-listpack-entries"), ZSetValue: n("zset-max-listpack-value"),
		ListSize:        n("list-max-listpack-size"),
		StreamNodeBytes: n("stream-node-max-bytes"), StreamNodeItems: n("stream-node-max-entries"),
		HLLSparseBytes: n("hll-sparse-max-bytes"),
	})
	return nil
}

func (s *Server) setOutputLimits(v *config.Value) error {
	var all outputLimits
	words := v.Strings()
	for i := 0; i+3 < len(words); i += 4 {
		hard, _ := config.ParseMemory(words[i+1])
		soft, _ := config.ParseMemory(words[i+2])
		seconds, _ := config.ParseMemory(words[i+3])
		l := outputLimit{hard, soft, seconds * 1000}
		switch words[i] {
		case "normal":
			all.normal = l
		case "slave", "replica":
			all.replica = l
		case "pubsub":
			all.pubsub = l
		}
	}
	s.outputLimits.Store(&all)
	return nil
}
