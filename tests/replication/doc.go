// Package replication holds the tests that need several processes: primaries and replicas of
// this server and of Redis, with links that are cut at random.
//
//	go test ./tests/replication -rounds 200 -v
package replication
