// Command bench compares cached with redis-server on the same machine, in the
// same run, and prints Markdown tables.
//
//	go run ./bench                       all sections; takes a quarter of an hour
//	go run ./bench -quick                smaller loads, one round; a few minutes
//	go run ./bench -only strings,memory  some of: strings, memory, pause, slow, structures, server, persistence
//	go run ./bench -only cache           rate limits, beside INCR and a script of Redis; leases, tags, locks
//	go run ./bench -only expiry          keys whose time is over: memory, CPU, pauses
//	go run ./bench -only hitratio        hit ratios of look-aside caches in the same memory
//	go run ./bench -only lookaside       what a look-aside cache that is full takes of the CPU
//	go run ./bench -cached ./bin/cached  a binary instead of building cmd/cached
//
// valkey-server takes part if it is on the PATH, and memcached in the memory
// table. Every server gets the same settings and all cores; runs alternate
// between the servers (A B A B), and the tables have the median of the rounds.
//
// Server CPU is the most reliable figure: the time all threads of the server
// process ran, from /proc/<pid>/task/*/schedstat, divided by the requests. The
// throughput is less reliable on a machine that also runs the load.
//
// hitratio replays traces of the directory that -traces or CACHED_TRACES names, or
// a generated one. It takes hours for all of them: -workloads and -servers choose.
//
// Memory is resident memory, /proc/<pid>/statm, against the same server before
// the load.
package main
