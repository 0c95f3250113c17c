// Cachesim plays traces of requests through replacement policies and prints what
// share of the requests each would have answered.
//
//	go run ./cmd/cachesim -sizes etc*2 -mb 16,32,64 ../shared/traces/oltp.tr.gz
//
// A trace is a file in format tr1, which internal/trace reads. A cache is a look-aside
// cache: a request is a get, and a missing object is stored. Every policy gets the
// same budget, in objects or in bytes of key and value; docs/eviction.md has the
// results and the sources of the algorithms.
//
// One goroutine plays each policy, and as many run at a time as there are
// processors. There are no locks.
package main
