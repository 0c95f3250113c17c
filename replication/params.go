package replication

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"cached/internal/config"
)

// Params are the directives of replication.
func Params() []config.Param {
	return []config.Param{
		{Name: "replicaof", Alias: "slaveof", Kind: config.Words, Default: "", Flags: config.Immutable, Words: replicaofWords, Rewrite: replicaofLines,
			Doc: "Host and port of the primary whose replica the server is; `REPLICAOF` changes it."},
		{Name: "masterauth", Also: []string{"primaryauth"}, Kind: config.String, Default: "", Flags: config.Secret,
			Doc: "Password that a replica gives to its primary."},
		{Name: "masteruser", Also: []string{"primaryuser"}, Kind: config.String, Default: "",
			Doc: "User that a replica logs in as; empty is the default user."},
		{Name: "replica-serve-stale-data", Alias: "slave-serve-stale-data", Kind: config.Bool, Default: "yes",
			Doc: "Answer reads while the link to the primary is down; else with `MASTERDOWN`."},
		{Name: "replica-read-only", Alias: "slave-read-only", Kind: config.Bool, Default: "yes",
			Doc: "Refuse writes of clients on a replica. What is written nevertheless with `no` is lost at the next full synchronisation."},
		{Name: "replica-ignore-maxmemory", Alias: "slave-ignore-maxmemory", Kind: config.Bool, Default: "yes", Flags: config.Ignored},
		{Name: "replica-lazy-flush", Alias: "slave-lazy-flush", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "replica-priority", Alias: "slave-priority", Kind: config.Int, Default: "100", Min: 0, Max: math.MaxInt32,
			Doc: "Sentinel promotes the replica with the lowest; 0 is never promoted."},
		{Name: "replica-announced", Kind: config.Bool, Default: "yes",
			Doc: "Let Sentinel tell clients of this replica."},
		{Name: "replica-announce-ip", Alias: "slave-announce-ip", Kind: config.String, Default: "",
			Doc: "Address that a replica tells its primary, when others reach it by another than its own."},
		{Name: "replica-announce-port", Alias: "slave-announce-port", Kind: config.Int, Default: "0", Min: 0, Max: 65535,
			Doc: "Port that a replica tells its primary; 0 is `port`."},
		{Name: "replica-ignore-disk-write-errors", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "repl-backlog-size", Kind: config.Memory, Default: "1mb", Min: 1, Max: math.MaxInt64, Canon: backlogSize,
			Doc: "Bytes of changes that are kept for replicas which come back; 16 KB at least."},
		{Name: "repl-backlog-ttl", Kind: config.Int, Default: "3600", Min: 0, Max: math.MaxInt64,
			Doc: "Seconds without a replica after which a primary keeps none; 0 is for ever."},
		{Name: "repl-disable-tcp-nodelay", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "repl-diskless-load", Kind: config.Enum, Default: "disabled", Flags: config.Ignored, Enum: []string{"disabled", "on-empty-db", "swapdb"}},
		{Name: "repl-diskless-sync", Kind: config.Bool, Default: "yes", Flags: config.Ignored},
		{Name: "repl-diskless-sync-delay", Kind: config.Int, Default: "5", Min: 0, Max: math.MaxInt32,
			Doc: "Seconds to wait for further replicas before a snapshot is sent to all of them."},
		{Name: "repl-diskless-sync-max-replicas", Kind: config.Int, Default: "0", Min: 0, Max: math.MaxInt32,
			Doc: "So many replicas are not kept waiting for more; 0 is no number."},
		{Name: "repl-ping-replica-period", Alias: "repl-ping-slave-period", Kind: config.Int, Default: "10", Min: 1, Max: math.MaxInt32,
			Doc: "Seconds between the pings of a primary."},
		{Name: "repl-timeout", Kind: config.Int, Default: "60", Min: 1, Max: math.MaxInt32,
			Doc: "Seconds of silence after which either side gives a link up."},
		{Name: "min-replicas-to-write", Alias: "min-slaves-to-write", Kind: config.Int, Default: "0", Min: 0, Max: math.MaxInt32,
			Doc: "Refuse writes with fewer replicas than this; 0 is off."},
		{Name: "min-replicas-max-lag", Alias: "min-slaves-max-lag", Kind: config.Int, Default: "10", Min: 0, Max: math.MaxInt32,
			Doc: "Count only replicas that were heard of in so many seconds."},
	}
}

// replicaofWords takes a host and a port, or "no one".
func replicaofWords(_ string, words []string) (string, error) {
	if len(words) == 0 || len(words) == 2 && strings.EqualFold(words[0], "no") && strings.EqualFold(words[1], "one") {
		return "", nil
	}
	if len(words) != 2 {
		return "", errors.New("wrong number of arguments")
	}
	if port, err := strconv.Atoi(words[1]); err != nil || port < 0 || port > 65535 {
		return "", errors.New("Invalid master port")
	}
	return strings.Join(words, " "), nil
}

// replicaofLines writes no line for a primary.
func replicaofLines(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// backlogSize is at least what Redis takes.
func backlogSize(text string) (string, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	return strconv.FormatInt(max(n, 16<<10), 10), err
}
