// Command clients lets real clients of other languages use the server: redis-py,
// ioredis, node-redis, Jedis and Lettuce. Each has a small program in a folder of
// its language that connects as an application does, goes through the data types,
// messages, transactions, scripts and TLS, and prints "ok" or "FAIL" for each.
//
//	go run ./tests/clients                      (make test-clients)
//	go run ./tests/clients -server redis-server a test of the programs themselves
//
// It builds cmd/cached, makes certificates, starts the server on free ports,
// installs the clients into .tools/clients from their registries if they are not
// there, and runs the programs one after the other. A language that this machine
// does not have is skipped; with CI=true that is an error.
package main
