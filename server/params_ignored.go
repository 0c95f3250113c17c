package server

import (
	"math"

	"cached/internal/config"
)

// ignoredParams are Redis's other directives. They are read, kept and shown, so
// that an existing redis.conf is accepted, and have no effect; the log says so
// once.
func ignoredParams() []config.Param {
	return []config.Param{
		// Memory
		{Name: "active-expire-effort", Kind: config.Int, Default: "1", Flags: config.Ignored, Min: 1, Max: 10},
		{Name: "active-defrag-cycle-max", Kind: config.Int, Default: "25", Flags: config.Ignored, Min: 1, Max: 99},
		{Name: "active-defrag-cycle-min", Kind: config.Int, Default: "1", Flags: config.Ignored, Min: 1, Max: 99},
		{Name: "active-defrag-ignore-bytes", Kind: config.Memory, Default: "100mb", Flags: config.Ignored, Min: 1, Max: math.MaxInt64},
		{Name: "active-defrag-max-scan-fields", Kind: config.Int, Default: "1000", Flags: config.Ignored, Min: 1, Max: math.MaxInt64},
		{Name: "active-defrag-threshold-lower", Kind: config.Int, Default: "10", Flags: config.Ignored, Min: 0, Max: 1000},
		{Name: "active-defrag-threshold-upper", Kind: config.Int, Default: "100", Flags: config.Ignored, Min: 0, Max: 1000},
		{Name: "activerehashing", Kind: config.Bool, Default: "yes", Flags: config.Ignored},
		{Name: "lazyfree-lazy-eviction", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "lazyfree-lazy-expire", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "lazyfree-lazy-server-del", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "lazyfree-lazy-user-del", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "lazyfree-lazy-user-flush", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "list-compress-depth", Kind: config.Int, Default: "0", Flags: config.Ignored, Min: 0, Max: math.MaxInt32},
		{Name: "jemalloc-bg-thread", Kind: config.Bool, Default: "yes", Flags: config.Ignored},
		{Name: "disable-thp", Kind: config.Bool, Default: "yes", Flags: config.Immutable | config.Ignored},

		// Process
		{Name: "dynamic-hz", Kind: config.Bool, Default: "yes", Flags: config.Ignored},
		{Name: "always-show-logo", Kind: config.Bool, Default: "no", Flags: config.Immutable | config.Ignored},
		{Name: "set-proc-title", Kind: config.Bool, Default: "yes", Flags: config.Immutable | config.Ignored},
		{Name: "proc-title-template", Kind: config.String, Default: "{title} {listen-addr} {server-mode}", Flags: config.Ignored, Canon: titleTemplate},
		{Name: "syslog-enabled", Kind: config.Bool, Default: "no", Flags: config.Immutable | config.Ignored},
		{Name: "syslog-ident", Kind: config.String, Default: "redis", Flags: config.Immutable | config.Ignored},
		{Name: "syslog-facility", Kind: config.Enum, Default: "local0", Flags: config.Immutable | config.Ignored, Enum: []string{"user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}},
		{Name: "crash-log-enabled", Kind: config.Bool, Default: "yes", Flags: config.Ignored},
		{Name: "crash-memcheck-enabled", Kind: config.Bool, Default: "yes", Flags: config.Ignored},
		{Name: "hide-user-data-from-log", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "ignore-warnings", Kind: config.String, Default: "", Flags: config.Ignored},
		{Name: "io-threads-do-reads", Kind: config.Bool, Default: "no", Flags: config.Immutable | config.Ignored},
		{Name: "locale-collate", Kind: config.String, Default: "", Flags: config.Ignored},
		{Name: "server_cpulist", Alias: "server-cpulist", Kind: config.String, Default: "", Flags: config.Immutable | config.Ignored},
		{Name: "bio_cpulist", Alias: "bio-cpulist", Kind: config.String, Default: "", Flags: config.Immutable | config.Ignored},
		{Name: "aof_rewrite_cpulist", Alias: "aof-rewrite-cpulist", Kind: config.String, Default: "", Flags: config.Immutable | config.Ignored},
		{Name: "bgsave_cpulist", Alias: "bgsave-cpulist", Kind: config.String, Default: "", Flags: config.Immutable | config.Ignored},
		{Name: "socket-mark-id", Kind: config.Int, Default: "0", Flags: config.Immutable | config.Ignored, Min: 0, Max: math.MaxUint32},
		{Name: "bind-source-addr", Kind: config.String, Default: "", Flags: config.Ignored},
		{Name: "enable-module-command", Kind: config.Enum, Default: "no", Flags: config.Immutable | config.Ignored, Enum: []string{"no", "yes", "local"}},

		// Clients and scripts
		{Name: "propagation-error-behavior", Kind: config.Enum, Default: "ignore", Flags: config.Ignored, Enum: []string{"ignore", "panic", "panic-on-replicas"}},

		// Cluster
		{Name: "cluster-enabled", Kind: config.Bool, Default: "no", Flags: config.Immutable | config.Ignored},
		{Name: "cluster-config-file", Kind: config.String, Default: "nodes.conf", Flags: config.Immutable | config.Ignored},
		{Name: "cluster-node-timeout", Kind: config.Int, Default: "15000", Flags: config.Ignored, Min: 0, Max: math.MaxInt64},
		{Name: "cluster-port", Kind: config.Int, Default: "0", Flags: config.Immutable | config.Ignored, Min: 0, Max: 65535},
		{Name: "cluster-announce-ip", Kind: config.String, Default: "", Flags: config.Ignored},
		{Name: "cluster-announce-hostname", Kind: config.String, Default: "", Flags: config.Ignored, Canon: hostname},
		{Name: "cluster-announce-human-nodename", Kind: config.String, Default: "", Flags: config.Ignored},
		{Name: "cluster-announce-port", Kind: config.Int, Default: "0", Flags: config.Ignored, Min: 0, Max: 65535},
		{Name: "cluster-announce-tls-port", Kind: config.Int, Default: "0", Flags: config.Ignored, Min: 0, Max: 65535},
		{Name: "cluster-announce-bus-port", Kind: config.Int, Default: "0", Flags: config.Ignored, Min: 0, Max: 65535},
		{Name: "cluster-migration-barrier", Kind: config.Int, Default: "1", Flags: config.Ignored, Min: 0, Max: math.MaxInt32},
		{Name: "cluster-allow-replica-migration", Kind: config.Bool, Default: "yes", Flags: config.Ignored},
		{Name: "cluster-allow-reads-when-down", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "cluster-allow-pubsubshard-when-down", Kind: config.Bool, Default: "yes", Flags: config.Ignored},
		{Name: "cluster-require-full-coverage", Kind: config.Bool, Default: "yes", Flags: config.Ignored},
		{Name: "cluster-replica-no-failover", Alias: "cluster-slave-no-failover", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "cluster-replica-validity-factor", Alias: "cluster-slave-validity-factor", Kind: config.Int, Default: "10", Flags: config.Ignored, Min: 0, Max: math.MaxInt32},
		{Name: "cluster-link-sendbuf-limit", Kind: config.Memory, Default: "0", Flags: config.Ignored, Min: 0, Max: math.MaxInt64},
		{Name: "cluster-preferred-endpoint-type", Kind: config.Enum, Default: "ip", Flags: config.Ignored, Enum: []string{"ip", "hostname", "unknown-endpoint"}},
		{Name: "cluster-slot-stats-enabled", Kind: config.Bool, Default: "no", Flags: config.Ignored},

		// TLS
		{Name: "tls-client-cert-file", Kind: config.String, Default: "", Flags: config.Ignored},
		{Name: "tls-client-key-file", Kind: config.String, Default: "", Flags: config.Ignored},
		{Name: "tls-client-key-file-pass", Kind: config.String, Default: "", Flags: config.Secret | config.Ignored},
		{Name: "tls-dh-params-file", Kind: config.String, Default: "", Flags: config.Ignored},
		{Name: "tls-ciphersuites", Kind: config.String, Default: "", Flags: config.Ignored},
		{Name: "tls-prefer-server-ciphers", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "tls-session-cache-size", Kind: config.Int, Default: "20480", Flags: config.Ignored, Min: 0, Max: math.MaxInt32},
		{Name: "tls-session-cache-timeout", Kind: config.Int, Default: "300", Flags: config.Ignored, Min: 0, Max: math.MaxInt32},
		{Name: "tls-cluster", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "tls-replication", Kind: config.Bool, Default: "no", Flags: config.Ignored},
	}
}

// retiredParams are directives that Redis once had and still takes from files.
func retiredParams() []config.Param {
	retired := func(name string) config.Param {
		return config.Param{Name: name, Kind: config.Lines, Flags: config.Ignored, Args: [2]int{1, 1}}
	}
	return []config.Param{retired("list-max-ziplist-entries"), retired("list-max-ziplist-value"), retired("lua-replicate-commands")}
}

// valkeyParams are the directives that Valkey has beyond Redis's, so that its files
// are accepted. CONFIG GET shows one only when it is asked for by name.
func valkeyParams() []config.Param {
	const flags = config.Ignored | config.Hidden
	number := func(name, standard string) config.Param {
		return config.Param{Name: name, Kind: config.Int, Default: standard, Flags: flags}
	}
	word := func(name, standard string) config.Param {
		return config.Param{Name: name, Kind: config.String, Default: standard, Flags: flags}
	}
	memory := func(name, standard string) config.Param {
		return config.Param{Name: name, Kind: config.Memory, Default: standard, Flags: flags, Min: 0, Max: math.MaxInt64}
	}
	yesNo := func(name string) config.Param {
		return config.Param{Name: name, Kind: config.Bool, Default: "no", Flags: flags}
	}
	return []config.Param{
		number("active-defrag-cycle-us", "500"), word("availability-zone", ""), word("cluster-announce-client-ipv4", ""),
		word("cluster-announce-client-ipv6", ""), number("cluster-announce-client-port", "0"), number("cluster-announce-client-tls-port", "0"),
		number("cluster-blacklist-ttl", "60"), word("cluster-config-save-behavior", "sync"), number("cluster-databases", "1"),
		number("cluster-manual-failover-timeout", "5000"), memory("cluster-ping-interval", "1000"), number("cluster-slot-migration-log-max-len", "1000"),
		yesNo("dual-channel-replication-enabled"), yesNo("extended-redis-compatibility"), word("hash-seed", ""), yesNo("import-mode"),
		number("io-threads-always-active", "0"), word("log-timestamp-format", "legacy"), number("max-new-tls-connections-per-cycle", "1"),
		yesNo("mptcp"), number("prefetch-batch-max-size", "16"), word("rdb-version-check", "strict"), word("rdma-bind", ""),
		number("rdma-completion-vector", "-1"), number("rdma-port", "0"), number("rdma-rx-size", "1048576"), yesNo("repl-mptcp"),
		memory("slot-migration-max-failover-repl-bytes", "0"), word("tls-auth-clients-user", "off"), number("tls-auto-reload-interval", "0"),
		word("unixsocketgroup", ""),
	}
}
