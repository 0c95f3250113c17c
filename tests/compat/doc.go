// Package compat tests the server from outside: it starts the real binary, uses
// its socket and compares every reply with Redis's. It imports nothing of cached
// but the reader of its own scripts.
//
// There are six kinds of tests:
//
//   - scripts_test.go plays testdata/*.txt and compares with the text in them,
//     and then with the bytes the reference servers send, over RESP2 and RESP3;
//   - random_test.go makes valid and invalid calls from the argument grammar of
//     COMMAND DOCS and compares the bytes that the servers send;
//   - goredis_*_test.go uses the server through a client library;
//   - hostile_test.go sends requests that no client library would send;
//   - memcached_*_test.go plays scripts and random requests of memcached's protocol to
//     memcached and to the subject, and compares the bytes;
//   - differences.go is the list of accepted differences, with a reason each.
//
// The binary is built once from cmd/cached; CACHED_BIN names another one. There are
// two references. The older is redis-server 7.0 on the PATH; REFERENCE_BIN names
// another one. The newer is Valkey 9.1, a fork of Redis 7.2 with most features of 7.4;
// NEWER_REFERENCE_BIN names another one. Both are installed by
// scripts/install-test-deps.sh. Where they differ the newer is right, unless Valkey
// differs from Redis: the version that counts is Redis 7.4. With
// CACHED_BIN=redis-server the tests test themselves: all must pass.
//
// Useful calls:
//
//	go test ./tests/compat -run Scripts -update         record replies from the newer reference
//	go test ./tests/compat -run Scripts/Expected/set    one script
//	go test ./tests/compat -run Scripts -compression zstd    with all strings compressed that may be
//	go test ./tests/compat -run Random -calls 1000000 -seed 7 -groups string,generic
package compat
