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
	// older is Debian's Redis. What came since then is newer's to judge.
	older = &oracle{name: redis70, env: "REFERENCE_BIN"}
	// newer is what became of Redis 7.2. It has most of what 7.4 has, and says that it
	// is a Redis where it is asked to.
	newer = &oracle{name: valkey91, env: "NEWER_REFERENCE_BIN", args: []string{"--extended-redis-compatibility", "yes"},
		nowhere: runtime.GOOS != "linux" || runtime.GOARCH != "amd64"}
	oracles = []*oracle{older, newer}
)
