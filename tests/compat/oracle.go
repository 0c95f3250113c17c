package compat

import "runtime"

// An oracle is a reference server: ours should answer as it does.
type oracle struct {
	name    string   // in the names of tests and in the list of differences
	env     string   // the variable that names another binary
	bin     string   // set by TestMain; empty when there is none
	args    []string // of every start
	nowhere bool     // there is none for this system
}

const (
	redis70  = "redis-7.0"
	valkey91 = "valkey-9.1"
)

var (
	// older is Debian's Redis. Newer features are compared with newer.
	older = &oracle{name: redis70, env: "REFERENCE_BIN"}
	// newer is Valkey, a fork of Redis 7.2. It has most features of 7.4, and can be configured to report that it
	// is a Redis.
	newer = &oracle{name: valkey91, env: "NEWER_REFERENCE_BIN", args: []string{"--extended-redis-compatibility", "yes"},
		nowhere: runtime.GOOS != "linux" || runtime.GOARCH != "amd64"}
	oracles = []*oracle{older, newer}
)
