package server

import (
	"math"

	"cached/internal/config"
)

// Params are the directives that the server reads.
func Params() []config.Param {
	return append(usedParams(), ignoredParams()...)
}

func usedParams() []config.Param {
	return []config.Param{
		// Network
		{Name: "port", Kind: config.Int, Default: "6379", Min: 0, Max: 65535,
			Doc: "TCP port; 0 listens on no port."},
		{Name: "bind", Kind: config.Words, Default: "* -::*", Words: bindWords,
			Doc: "Addresses to listen on; one after a `-` may be missing."},
		{Name: "unixsocket", Kind: config.String, Default: "", Flags: config.Immutable,
			Doc: "Path of a unix socket."},
		{Name: "unixsocketperm", Kind: config.Octal, Default: "0", Flags: config.Immutable, Min: 0, Max: 511,
			Doc: "Permissions of the unix socket, in octal."},
		{Name: "tcp-backlog", Kind: config.Int, Default: "511", Flags: config.Immutable, Min: 0, Max: math.MaxInt32,
			Doc: "Connections that may wait to be accepted."},
		{Name: "tcp-keepalive", Kind: config.Int, Default: "300", Min: 0, Max: math.MaxInt32,
			Doc: "Seconds of silence after which a connection is probed; 0 never."},
		{Name: "timeout", Kind: config.Int, Default: "0", Min: 0, Max: math.MaxInt32,
			Doc: "Seconds after which an idle client is closed; 0 never."},
		{Name: "maxclients", Kind: config.Int, Default: "10000", Min: 1, Max: math.MaxUint32,
			Doc: "Clients served at once."},
		{Name: "max-new-connections-per-cycle", Kind: config.Int, Default: "10", Min: 1, Max: 1000,
			Doc: "Connections accepted in one turn of the loop."},
		{Name: "io-threads", Kind: config.Int, Default: "0", Flags: config.Immutable, Min: 0, Max: 128,
			Doc: "Event loops; 0 is one for each processor."},
		{Name: "protected-mode", Kind: config.Bool, Default: "yes",
			Doc: "Without a password, serve only clients of this machine."},
		{Name: "requirepass", Kind: config.String, Default: "", Flags: config.Secret,
			Doc: "Password of the default user; empty for none."},
		{Name: "proto-max-bulk-len", Kind: config.Memory, Default: "512mb", Min: 1048576, Max: math.MaxInt64,
			Doc: "Longest string a client may send or make."},
		{Name: "client-query-buffer-limit", Kind: config.Memory, Default: "1gb", Min: 1048576, Max: math.MaxInt64,
			Doc: "Most unparsed input of a client."},
		{Name: "client-output-buffer-limit", Kind: config.Words, Default: "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60", Words: outputLimitsWords, Rewrite: outputLimitsLines,
			Doc: "Unsent replies of a class of clients: hard limit, soft limit, seconds over the soft one."},

		// What clients hear of
		{Name: "notify-keyspace-events", Kind: config.Words, Default: "", Words: eventsWords,
			Doc: "Classes of events of keys that are published: K and E (channels of keys, of events), g$lshzxetdmn, A for most."},
		{Name: "tracking-table-max-keys", Kind: config.Int, Default: "1000000", Min: 0, Max: math.MaxInt64,
			Doc: "Keys remembered for client-side caching; 0 is no limit."},

		// General
		{Name: "databases", Kind: config.Int, Default: "16", Flags: config.Immutable, Min: 1, Max: 10000,
			Doc: "Number of databases."},
		{Name: "dir", Kind: config.Words, Default: ".", Flags: config.Protected, Words: dirWords,
			Doc: "Working directory."},
		{Name: "loglevel", Kind: config.Enum, Default: "notice", Enum: []string{"debug", "verbose", "notice", "warning", "nothing"},
			Doc: "Least important messages that are logged."},
		{Name: "logfile", Kind: config.String, Default: "", Flags: config.Immutable,
			Doc: "File of the log; empty is standard output. SIGHUP opens it anew."},
		{Name: "log-format", Kind: config.Enum, Default: "text", Flags: config.Immutable, Enum: []string{"text", "json"},
			Doc: "Form of the log."},
		{Name: "enable-debug-command", Kind: config.Enum, Default: "no", Flags: config.Immutable, Enum: []string{"no", "yes", "local"},
			Doc: "Who may use DEBUG: nobody, everybody, clients of this machine."},
		{Name: "enable-protected-configs", Kind: config.Enum, Default: "no", Flags: config.Immutable, Enum: []string{"no", "yes", "local"},
			Doc: "Who may change protected directives."},
		{Name: "latency-monitor-threshold", Kind: config.Int, Default: "0", Min: 0, Max: math.MaxInt64,
			Doc: "Milliseconds from which on LATENCY remembers an event; 0 none."},
		{Name: "latency-tracking", Kind: config.Bool, Default: "yes",
			Doc: "Keep a histogram of the latencies of each command."},
		{Name: "latency-tracking-info-percentiles", Kind: config.Words, Default: "50 99 99.9", Words: percentilesWords,
			Doc: "Percentiles in INFO latencystats."},
		{Name: "slowlog-log-slower-than", Kind: config.Int, Default: "10000", Min: -1, Max: math.MaxInt64,
			Doc: "Microseconds from which on SLOWLOG keeps a command; -1 none."},
		{Name: "slowlog-max-len", Kind: config.Int, Default: "128", Min: 0, Max: math.MaxInt64,
			Doc: "Commands SLOWLOG keeps."},
		{Name: "daemonize", Kind: config.Bool, Default: "no", Flags: config.Immutable | config.Ignored,
			Doc: "Run in the background: leave that to your service manager."},
		{Name: "pidfile", Kind: config.String, Default: "", Flags: config.Immutable,
			Doc: "File that holds the process id while the server runs."},

		// Memory
		{Name: "maxmemory", Kind: config.Memory, Default: "0", Flags: config.Percent,
			Doc: "Kept and shown; the limit is not enforced yet."},
		{Name: "maxmemory-policy", Kind: config.Enum, Default: "noeviction", Enum: []string{"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"},
			Doc: "Decides what OBJECT IDLETIME and FREQ count; nothing is evicted yet."},
		{Name: "lfu-log-factor", Kind: config.Int, Default: "10", Min: 0, Max: math.MaxInt32,
			Doc: "How slowly the access counter grows."},
		{Name: "lfu-decay-time", Kind: config.Int, Default: "1", Min: 0, Max: math.MaxInt32,
			Doc: "Minutes after which the access counter falls by one."},
		{Name: "hash-max-listpack-entries", Alias: "hash-max-ziplist-entries", Kind: config.Int, Default: "512", Min: 0, Max: math.MaxInt64,
			Doc: "Most fields of a small hash."},
		{Name: "hash-max-listpack-value", Alias: "hash-max-ziplist-value", Kind: config.Memory, Default: "64", Min: 0, Max: math.MaxInt64,
			Doc: "Longest field or value in a small hash."},
		{Name: "list-max-listpack-size", Alias: "list-max-ziplist-size", Kind: config.Int, Default: "-2", Min: math.MinInt32, Max: math.MaxInt32,
			Doc: "Size of a small list and of the chunks of a large one: entries, or -1 to -5 for 4 to 64 KiB."},
		{Name: "set-max-intset-entries", Kind: config.Int, Default: "512", Min: 0, Max: math.MaxInt64,
			Doc: "Most members of a set of integers."},
		{Name: "set-max-listpack-entries", Kind: config.Int, Default: "128", Min: 0, Max: math.MaxInt64,
			Doc: "Most members of a small set."},
		{Name: "set-max-listpack-value", Kind: config.Memory, Default: "64", Min: 0, Max: math.MaxInt64,
			Doc: "Longest member of a small set."},
		{Name: "zset-max-listpack-entries", Alias: "zset-max-ziplist-entries", Kind: config.Int, Default: "128", Min: 0, Max: math.MaxInt64,
			Doc: "Most members of a small sorted set."},
		{Name: "zset-max-listpack-value", Alias: "zset-max-ziplist-value", Kind: config.Memory, Default: "64", Min: 0, Max: math.MaxInt64,
			Doc: "Longest member of a small sorted set."},
		{Name: "hll-sparse-max-bytes", Kind: config.Memory, Default: "3000", Min: 0, Max: math.MaxInt64,
			Doc: "Longest sparse HyperLogLog."},
		{Name: "stream-node-max-bytes", Kind: config.Memory, Default: "4kb", Min: 0, Max: math.MaxInt64,
			Doc: "Most bytes in a node of a stream."},
		{Name: "stream-node-max-entries", Kind: config.Int, Default: "100", Min: 0, Max: math.MaxInt64,
			Doc: "Most entries in a node of a stream."},
	}
}
